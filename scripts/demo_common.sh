# What the demos share; read with `.`.

say() { printf '\n== %s\n' "$*"; }
# The value of a key of one of our JSON files: they have a key a line.
value() { sed -n "s/^  \"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$1" | head -n 1; }
percent() { awk "BEGIN { printf \"%.2f %%\", 100 * $1 }"; }

# hardware BOARD COMPILE_JSON SIMULATE_JSON: estimated against measured.
hardware() {
    cat <<END
  hardware on $1 at 100 MHz       estimated   measured in RTL
    cycles a frame (II)               $(printf '%9s   %9s' "$(value "$2" ii_cycles)" "$(value "$3" ii_cycles)")
    latency in cycles                 $(printf '%9s   %9s' "$(value "$2" latency_cycles)" "$(value "$3" latency_cycles)")
    frames per second                 $(printf '%9.0f   %9.0f' "$(value "$2" fps)" "$(value "$3" fps)")
    estimated size                    $(value "$2" luts) LUT, $(value "$2" bram36) BRAM36, $(value "$2" dsps) DSP
END
}
