#!/bin/sh
# Measures the rows of the README's table and prints them as Markdown. One argument: the build folder.
#   bench/run.sh build [budget|compile|eval|lowbits|python|qat|quantize|ranks|simulate|soc|train|view ...]      default: all
# MODELS, if set, names a folder with a folder a network with model.onnx in it, for rows on networks that are not made here.
set -eu

build=${1:-build}
shift || true
what=${*:-"train lowbits qat ranks budget quantize compile eval simulate soc view python"}
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
    lowbits)
        for recipe in fashion-mnist-mlp-w2a2 fashion-mnist-mlp-w1a1; do
            for seed in 1 2 3; do
                "$qloom" train "$recipe" --seed "$seed" -o "$work/$recipe-$seed" --json >"$work/$recipe-$seed.json"
            done
            accuracy=$(for seed in 1 2 3; do value "$work/$recipe-$seed.json" accuracy; done | median)
            row "test accuracy of $recipe, median of 3 seeds" "$(percent "$accuracy")" "qloom train $recipe --seed 1"
        done
        ;;
    ranks)
        # In turns, one core a rank, the fastest of the rounds.
        epoch() { sed -n 's/^      "seconds": \([0-9.]*\).*/\1/p' "$1" | head -n 1; }
        cnn="train fashion-mnist-cnn --epochs 1 --restart --json"
        for round in 1 2 3; do
            # shellcheck disable=SC2086  # words
            taskset -c 0 "$qloom" $cnn -o "$work/alone" >"$work/alone$round.json"
            export WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=$((20000 + $$ % 10000))
            # shellcheck disable=SC2086
            RANK=1 taskset -c 1 "$qloom" $cnn -o "$work/both" &
            # shellcheck disable=SC2086
            RANK=0 taskset -c 0 "$qloom" $cnn -o "$work/both" >"$work/both$round.json"
            wait
            unset WORLD_SIZE MASTER_ADDR MASTER_PORT
        done
        fastest() { for round in 1 2 3; do epoch "$work/$1$round.json"; done | sort -g | head -n 1; }
        row "two ranks over one rank, fashion-mnist-cnn, an epoch, one core each" \
            "$(awk "BEGIN { printf \"%.2f × (%.1f s, %.1f s)\", $(fastest both) / $(fastest alone), $(fastest both), $(fastest alone) }")" \
            "RANK=0 WORLD_SIZE=2 qloom train fashion-mnist-cnn"
        ;;
    budget)
        "$qloom" train fashion-mnist-mlp --epochs 20 --budget luts=6000 --board pynq-z1 --fps 1000000 \
            -o "$work/budget" --json >"$work/budget.json"
        row "784-64-64-10 with learned widths within 6,000 LUTs at a million frames a second, 20 epochs" \
            "$(percent "$(value "$work/budget.json" accuracy)"), $(sed -n 's/^    "luts": \([0-9]*\).*/\1/p' "$work/budget.json") LUTs" \
            "qloom train fashion-mnist-mlp --epochs 20 --budget luts=6000 --board pynq-z1 --fps 1000000"
        ;;
    quantize)
        for seed in 1 2 3; do
            "$qloom" train fashion-mnist-mlp --float --seed "$seed" --epochs 5 -o "$work/float$seed" --json >"$work/float$seed.json"
            for edge in 8 4; do
                "$qloom" quantize "$work/float$seed/model.onnx" --calibrate fashion-mnist:train --edge-weights "$edge" \
                    --data fashion-mnist:test -o "$work/ptq$edge-$seed.onnx" --json >"$work/ptq$edge-$seed.json"
            done
        done
        of() { for seed in 1 2 3; do value "$work/ptq$1-$seed.json" "$2"; done | median; }
        row "the float network, 5 epochs, median of 3 seeds" "$(percent "$(of 8 accuracy_float)")" \
            "qloom train fashion-mnist-mlp --float --seed 1 -o float"
        row "quantised without training, W4A4, first and last weights 8 bits, median of 3 seeds" \
            "$(percent "$(of 8 accuracy)")" \
            "qloom quantize float/model.onnx --calibrate fashion-mnist:train -o model.onnx --data fashion-mnist:test"
        row "the same, all weights 4 bits" "$(percent "$(of 4 accuracy)")" "the same with --edge-weights 4"
        row "quantising it, seconds" "$(printf '%.1f' "$(of 8 seconds)") s" "the same"
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
        "$build/bench/compile/bench_compile_speed" mobilenet zcu102 602112 >"$work/mobilenet.txt"
        row "compile of MobileNet-v1, 4 bits, 224 x 224, random weights: stages and memory" \
            "$(awk '/ s of processor/ { seconds += $(NF - 8); peak = $(NF - 1) } END { printf "%.0f s, %d MB", seconds, peak }' \
                "$work/mobilenet.txt")" \
            "build/bench/compile/bench_compile_speed mobilenet zcu102 602112"
        # name, board, cycles a frame
        for case in cnv_1w1a_full:pynq-z1:32768 resnet8_w4a4:zcu104:20000 ex_tiny_unet_chlast_s32:zcu104:5000 \
            ex_tiny_unet_chlast_s32:zcu104:20000; do
            name=${case%%:*}
            ii=${case##*:}
            board=${case#*:}
            board=${board%:*}
            [ -f "${MODELS:-}/$name/model.onnx" ] || continue
            "$build/bench/compile/bench_compile_speed" "$MODELS/$name/model.onnx" "$board" "$ii" >"$work/$name.txt"
            row "compile of $name for $ii cycles a frame: all stages; folding with FIFO depths alone" \
                "$(awk '/ s of processor/ { all += $(NF - 8) } /^fold/ { fold = $(NF - 8) } END { printf "%.1f s; %.1f s", all, fold }' \
                    "$work/$name.txt")" \
                "build/bench/compile/bench_compile_speed $name/model.onnx $board $ii"
        done
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
    soc)
        "$qloom" compile "$model" --board pynq-z1 --fps 1000000 -o "$work/out" --json >"$work/compile.json"
        soc() { "$qloom" soc "$work/out" --data fashion-mnist:test --json "$@" >"$work/soc.json"; }
        rm -rf "$work/out/sim"
        soc --frames 100
        cold=$(value "$work/soc.json" seconds)
        soc --frames 100
        row "soc, 100 images, firmware and simulator built (already built)" \
            "$(printf '%.0f' "$cold") s ($(printf '%.1f' "$(value "$work/soc.json" seconds)") s)" \
            "qloom soc out --data fashion-mnist:test --frames 100"
        row "system throughput, 100 images in one transfer, of the accelerator's own rate" \
            "$(awk "BEGIN { printf \"%.0f frames/s, %.1f %%\", $(value "$work/soc.json" fps), 100 * $(value "$work/soc.json" fps) / $(value "$work/compile.json" fps) }")" \
            "the same"
        soc --frames 1000
        soc --frames 1000
        row "labels on the UART that equal the integer engine's" \
            "$(value "$work/soc.json" labels_equal) of $(value "$work/soc.json" frames)" \
            "qloom soc out --data fashion-mnist:test --frames 1000"
        soc --frames 2000
        soc --frames 2000
        "$qloom" simulate "$work/out" --data fashion-mnist:test --frames 2000 --json >"$work/simulate.json"
        "$qloom" simulate "$work/out" --data fashion-mnist:test --frames 2000 --json >"$work/simulate.json"
        row "the run of the system over the run of simulate, 2,000 images" \
            "$(awk "BEGIN { printf \"%.2f ×\", $(value "$work/soc.json" run_seconds) / $(value "$work/simulate.json" run_seconds) }")" \
            "qloom soc out --data fashion-mnist:test --frames 2000"
        # One byte a beat: what an 8-bit stream allows is a frame in 784 clocks of 10 ns.
        printf '{"layers": {}, "ports": {"s_axis_0": 1}}\n' >"$work/narrow.json"
        "$qloom" compile "$model" --board pynq-z1 --ii 784 --folding "$work/narrow.json" -o "$work/narrow" --json >/dev/null
        "$qloom" soc "$work/narrow" --data fashion-mnist:test --frames 100 --json >"$work/soc.json"
        row "system throughput with an 8-bit input stream, of what the stream allows" \
            "$(awk "BEGIN { printf \"%.0f frames/s, %.1f %%\", $(value "$work/soc.json" fps), 100 * $(value "$work/soc.json" fps) * 784 / 1e8 }")" \
            "qloom compile --ii 784, and the same"
        ;;
    view)
        BENCH=1 BENCH_MODEL=$(realpath "$model") ctest --test-dir "$build" -R '^view_browser$' -V >"$work/view.txt" || true
        field() { sed -n "s/.*bench {.*\"$1\":\([0-9.]*\).*/\1/p" "$work/view.txt" | awk '{ printf "%.0f ms", $1 }'; }
        row "page: slider to redrawn page, 784-64-64-10, median (worst)" "$(field bench_slider_ms) ($(field bench_slider_worst_ms))" \
            "bench/run.sh build view"
        row "page: a graph of a MobileNet's size opens" "$(field mobilenet_open_ms)" "the same"
        row "page: a frame while zooming it, median (slowest of 40)" "$(field zoom_frame_ms) ($(field zoom_slowest_frame_ms))" "the same"
        ;;
    python)
        PYTHONPATH=$build/python /usr/bin/python3 bench/python/bench_python.py "$qloom" "$model"
        ;;
    *)
        echo "bench: unknown topic $topic" >&2
        exit 2
        ;;
    esac
done
