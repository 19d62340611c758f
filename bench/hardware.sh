#!/bin/sh
# Synthesises networks and modules and prints docs/hardware.md:
#   bench/hardware.sh BUILD MODELS > docs/hardware.md
#   bench/hardware.sh BUILD MODELS NETWORK ... [modules] [boards] [netlists]      the tables of these alone
# MODELS holds a folder a network with model.onnx in it. Synthesised units are kept in BUILD/hardware-cache and modules in
# BUILD/hardware-modules, so that a second run costs what has changed. A network whose model is not there has no row.
set -eu

build=$1
models=$2
shift 2
chosen=" $* "
qloom=$build/qloom
work=$build/hardware-work
here=$(dirname "$0")
mkdir -p "$work"

# name | model | clocks a frame | more options of `qloom compile` | goal | FINN's figure
networks='tutorial, no DSP | seed_tutorial | 98 | | <= 15,000 LUT | 38,128 LUT, 66 BRAM18
TFC-1W1A | tfc_1w1a | 64 | | <= 3,000 LUT | 922 XNOR a cycle, 1.4 LUT each: 1,291
TFC-2W2A | tfc_2w2a | 98 | | <= 7,733 LUT, 15 BRAM36 | 15,465 LUT, 59 BRAM18
SFC-2W2A | sfc_2w2a | 98 | | <= 38,846 LUT, 79 BRAM36 | 77,691 LUT, 316 BRAM18
LFC-2W2A | lfc_2w2a | 98 | | <= 42,121 LUT, 86 BRAM36 | 84,242 LUT, 344 BRAM18
CNV-1W1A | cnv_1w1a_full | 32768 | | <= 12,000 LUT, 80 BRAM36 | 1,810 XNOR a cycle, 43 BRAM36 of weights
TFC-1W1A unrolled | tfc_1w1a | 1 | | <= 60,000 LUT, 20 cycles | FPGA 2017 SFC-max: 12.3 M frames/s, 0.31 us'

wanted() { [ "$chosen" = "  " ] || case "$chosen" in *" $1 "*) true ;; *) false ;; esac; }
value() { sed -n "s/^  \"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$1" | head -n 1; }
trim() { sed 's/^ *//; s/ *$//'; }

if [ "$chosen" = "  " ]; then
    cat <<'END'
# Hardware, measured

```sh
bench/hardware.sh build MODELS > docs/hardware.md
```

makes this page. `MODELS` holds a folder a network with its `model.onnx`. Every figure is Yosys' count unit by unit (`qloom synth`), without
vendor tools; real devices need somewhat fewer LUTs, because Yosys does not pair two small functions into one.

## Networks, 7 series

"FINN" is that project's own estimate for the same network and rate, or the floor that the arithmetic sets. The error is the compiler's
estimate over the synthesis.

END
fi
echo '| network | II asked, reached | latency | LUT | FF | BRAM36 | DSP | LUT levels | error | goal | FINN |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'
echo "$networks" | while IFS='|' read -r title model ii options goal finn; do
    model=$(echo "$model" | trim)
    ii=$(echo "$ii" | trim)
    wanted "$model" || continue
    [ -f "$models/$model/model.onnx" ] || continue
    name=$model-$ii
    # shellcheck disable=SC2086  # options are words
    if ! "$qloom" compile "$models/$model/model.onnx" --board pynq-z1 --ii "$ii" $options --no-package -o "$work/$name" --json \
        >"$work/$name.compile.json" 2>"$work/$name.log"; then
        printf '| %s | %s | %s | | | | | | | %s | %s |\n' "$(echo "$title" | trim)" "$ii" "$(tail -n 1 "$work/$name.log" | sed 's/^qloom: error: //')" \
            "$(echo "$goal" | trim)" "$(echo "$finn" | trim)"
        continue
    fi
    "$qloom" synth "$work/$name" --for xc7 --cache "$build/hardware-cache" --json --quiet >"$work/$name.json"
    printf '| %s | %s, %s | %s | %.0f | %.0f | %s | %.0f | %s | %s | %s | %s |\n' "$(echo "$title" | trim)" "$ii" \
        "$(value "$work/$name.compile.json" ii_cycles)" "$(value "$work/$name.compile.json" latency_cycles)" \
        "$(value "$work/$name.json" luts)" "$(value "$work/$name.json" ffs)" "$(value "$work/$name.json" bram36)" \
        "$(value "$work/$name.json" dsps)" "$(value "$work/$name.json" lut_levels)" \
        "$(awk "BEGIN { printf \"%+.1f %%\", 100 * $(value "$work/$name.json" lut_error) }")" "$(echo "$goal" | trim)" "$(echo "$finn" | trim)"
done
for file in "$work"/*.json; do
    case $file in *.compile.json | *.synth.json | */eval.json) continue ;; esac
    [ -f "$file" ] || continue
    printf '\n%s: `%s`.\n' "$(value "$file" tool)" "$(value "$file" command)"
    break
done

if wanted modules && [ -x "$build/bench/hardware/bench_modules" ]; then
    cat <<'END'

## Modules of the library

At their default parameters, memories with random contents: LUTs and the longest chain of LUTs between registers on 7 series (goal: 6), and
logic cells and clock on an iCE40 HX8K, placed and routed with the ports in shift registers (goal: 60 MHz).

END
    "$build/bench/hardware/bench_modules" "$here/../rtl" "$build/hardware-modules"
fi

if wanted boards && command -v nextpnr-ice40 >/dev/null 2>&1; then
    model=$work/ice40-fashion-mlp/model.onnx
    [ -f "$model" ] || "$qloom" train ice40-fashion-mlp --seed 1 -o "$work/ice40-fashion-mlp" --quiet >"$work/train.log" 2>&1
    "$qloom" eval "$model" --data fashion-mnist:test --json >"$work/eval.json"
    cat <<END

## iCE40

The built-in recipe \`ice40-fashion-mlp\` (784-48-48-10, ternary weights, 4-bit activations; $(awk "BEGIN { printf \"%.2f %%\", 100 * $(value "$work/eval.json" accuracy) }") on FashionMNIST's test
set, seed 1) with UART, clock and pins: \`qloom compile --board BOARD --fps N\`, \`qloom synth\`, nextpnr with seed 1.

| board | frames/s asked | logic cells | memories of 4 Kbit | routed clock | asked clock |
| --- | --- | --- | --- | --- | --- |
END
    for case in ice40-hx8k:1000:7,680:32 icebreaker:400:5,280:30; do
        board=${case%%:*}
        rest=${case#*:}
        fps=${rest%%:*}
        rest=${rest#*:}
        "$qloom" compile "$model" --board "$board" --fps "$fps" -o "$work/$board" --json >"$work/$board.compile.json" 2>/dev/null
        "$qloom" synth "$work/$board" --cache "$build/hardware-cache" --json --quiet >"$work/$board.synth.json" || continue
        routed() { sed -n "s/^    \"$1\": \([0-9.]*\),\{0,1\}\$/\1/p" "$work/$board.synth.json" | head -n 1; }
        printf '| %s | %s | %s of %s | %s of %s | %.1f MHz | %.0f MHz |\n' "$board" "$fps" "$(routed logic_cells)" "${rest%%:*}" \
            "$(routed ram4k)" "${rest#*:}" "$(routed mhz)" "$(routed asked_mhz)"
    done
fi

if wanted netlists && [ -x "$build/tests/corpus/netlist_corpus_tests" ]; then
    cat <<'END'

## Netlists of the corpus

Networks of the corpus synthesised for 7 series, their gates simulated with a hesitant sender and receiver, every value compared with the
integer engine (`ctest --test-dir build -C sweep -R netlist_corpus`).

| network | units | LUT | FF | BRAM36 | LUT levels | frames | values |
| --- | --- | --- | --- | --- | --- | --- | --- |
END
    "$build/tests/corpus/netlist_corpus_tests" --gtest_also_run_disabled_tests 2>/dev/null | grep '^| ' || true
fi
