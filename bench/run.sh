#!/bin/sh
# Measures the rows of the README's table and prints them as Markdown. One argument: the build folder.
#   bench/run.sh build [train|qat|compile|eval|simulate ...]      default: all
set -eu

build=${1:-build}
shift || true
what=${*:-"train qat compile eval simulate"}
qloom=$build/qloom
work=$build/bench-work
mkdir -p "$work"
export OPENBLAS_NUM_THREADS=1

value() { sed -n "s/^  \"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$1" | head -n 1; }
# The median of the numbers on stdin.
median() { sort -g | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
row() { printf '| %s | %s | `%s` |\n' "$1" "$2" "$3"; }
percent() { awk "BEGIN { printf \"%.2f %%\", 100 * $1 }"; }

# The model that the other rows use.
model=$work/seed1/model.onnx
train_once() { # seed epochs folder
    "$qloom" train fashion-mnist-mlp --seed "$1" --epochs "$2" -o "$work/$3" --json >"$work/$3.json"
}
[ -f "$model" ] || train_once 1 5 seed1

echo '| what | measured | command |'
echo '| --- | --- | --- |'
for topic in $what; do
    case $topic in
    train)
        for seed in 1 2 3; do train_once $seed 5 seed$seed; done
        accuracy=$(for seed in 1 2 3; do value "$work/seed$seed.json" accuracy; done | median)
        seconds=$(for seed in 1 2 3; do value "$work/seed$seed.json" seconds_per_epoch; done | median)
        row "test accuracy, 784-64-64-10 W4A4, 5 epochs, median of 3 seeds" "$(percent "$accuracy")" \
            "qloom train fashion-mnist-mlp --seed 1"
        row "training, seconds an epoch, one thread, data loading included" "$(printf '%.2f' "$seconds") s" \
            "qloom train fashion-mnist-mlp"
        train_once 1 40 long
        row "the same network, 40 epochs" "$(percent "$(value "$work/long.json" accuracy)")" \
            "qloom train fashion-mnist-mlp --epochs 40"
        ;;
    qat)
        # name, samples (empty: the dataset)
        for case in "fashion-mnist-mlp:" "fashion-mnist-cnn:2560" "cnv-1w1a:400"; do
            recipe=${case%%:*}
            speed=$build/bench/train/bench_train_speed
            # shellcheck disable=SC2086  # no third argument where there are no samples
            "$speed" "$recipe" 5 ${case##*:} >"$work/speed.txt"
            ratio=$(awk '/quantised/ { q = $5 } /room, float/ { f = $5 } END { printf "%.2f", q / f }' "$work/speed.txt")
            stock=$(awk '/quantised/ { print $6 }' "$work/speed.txt")
            rate=$(awk '/quantised/ { print $7 }' "$work/speed.txt")
            row "a training step of $recipe, quantised over float here, over stock LibTorch float, one thread" \
                "$ratio ×, $stock ×, $rate samples/s" "bench_train_speed $recipe 5 ${case##*:}"
        done
        ;;
    compile)
        seconds=$(for i in 1 2 3 4 5 6 7 8 9; do
            "$qloom" compile "$model" --board pynq-z1 --fps 1000000 -o "$work/out" --json >"$work/compile.json"
            value "$work/compile.json" seconds
        done | median)
        row "compile, self-check included" "$(printf '%.3f' "$seconds") s" \
            "qloom compile run/model.onnx --board pynq-z1 --fps 1000000 -o out"
        ;;
    eval)
        seconds=$(for i in 1 2 3 4 5 6 7 8 9; do
            "$qloom" eval "$model" --data fashion-mnist:test --json >"$work/eval.json"
            value "$work/eval.json" seconds
        done | median)
        row "eval, integer engine, 10,000 images, one thread" "$(printf '%.3f' "$seconds") s" \
            "qloom eval run/model.onnx --data fashion-mnist:test"
        ;;
    simulate)
        "$qloom" compile "$model" --board pynq-z1 --fps 1000000 -o "$work/out" --json >"$work/compile.json"
        rm -rf "$work/out/sim"
        "$qloom" simulate "$work/out" --data fashion-mnist:test --frames 10000 --json >"$work/simulate.json"
        row "RTL: initiation interval, measured (estimated)" \
            "$(value "$work/simulate.json" ii_cycles) ($(value "$work/simulate.json" estimated_ii_cycles)) cycles" \
            "qloom simulate out --data fashion-mnist:test --frames 10000"
        row "RTL: latency, measured (estimated)" \
            "$(value "$work/simulate.json" latency_cycles) ($(value "$work/simulate.json" estimated_latency_cycles)) cycles" \
            "the same"
        row "simulate, 10,000 images, Verilator's build included" \
            "$(printf '%.0f' "$(value "$work/simulate.json" seconds)") s, $(value "$work/simulate.json" mismatches) differences" \
            "the same"
        ;;
    *)
        echo "bench: unknown topic $topic" >&2
        exit 2
        ;;
    esac
done
