#!/bin/sh
# Synthesises networks with Yosys and prints what they take as Markdown (docs/hardware.md).
#   bench/hardware.sh BUILD MODELS [NETWORK ...]
# MODELS holds a folder a network with model.onnx in it. Synthesised units are kept in BUILD/hardware-cache, so that a second run
# costs what has changed. Networks: those of the table below; default: all whose model is there.
set -eu

build=$1
models=$2
shift 2
qloom=$build/qloom
work=$build/hardware-work
mkdir -p "$work"

# name, clocks a frame, what is asked for
table='seed_tutorial 98 <=_15,000_LUT
tfc_1w1a 64 <=_3,000_LUT
tfc_2w2a 98 <=_7,733_LUT,_15_BRAM36
sfc_2w2a 98 <=_38,846_LUT,_79_BRAM36
lfc_2w2a 98 <=_42,121_LUT,_86_BRAM36
cnv_1w1a_full 32768 <=_12,000_LUT,_80_BRAM36'

value() { sed -n "s/^  \"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$1" | head -n 1; }

echo '| network | II | LUT | FF | BRAM36 | DSP | LUT levels | estimate over synthesis | goal |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- |'
echo "$table" | while read -r name ii goal; do
    if [ $# -gt 0 ]; then
        case " $* " in *" $name "*) ;; *) continue ;; esac
    fi
    [ -f "$models/$name/model.onnx" ] || continue
    "$qloom" compile "$models/$name/model.onnx" --board pynq-z1 --ii "$ii" --no-package -o "$work/$name" --json >"$work/$name.compile.json" 2>/dev/null
    "$qloom" synth "$work/$name" --for xc7 --cache "$build/hardware-cache" --json --quiet >"$work/$name.json"
    error=$(value "$work/$name.json" lut_error)
    printf '| %s | %s | %.0f | %.0f | %s | %.0f | %s | %+.1f %% | %s |\n' "$name" "$(value "$work/$name.compile.json" ii_cycles)" \
        "$(value "$work/$name.json" luts)" "$(value "$work/$name.json" ffs)" "$(value "$work/$name.json" bram36)" \
        "$(value "$work/$name.json" dsps)" "$(value "$work/$name.json" lut_levels)" "$(awk "BEGIN { print 100 * $error }")" \
        "$(echo "$goal" | tr _ ' ')"
done
for name in seed_tutorial tfc_1w1a tfc_2w2a sfc_2w2a lfc_2w2a cnv_1w1a_full; do
    [ -f "$work/$name.json" ] || continue
    echo
    echo "$(value "$work/$name.json" tool): \`$(value "$work/$name.json" command)\`, unit by unit."
    break
done
