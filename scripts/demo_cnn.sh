#!/bin/sh
# A convolutional network from end to end: train, export, check, evaluate as integers.
#   scripts/demo_cnn.sh build/qloom build/demo-cnn
set -eu

qloom=$1
work=$2
recipe=fashion-mnist-cnn
mkdir -p "$work"

say() { printf '\n== %s\n' "$*"; }
value() { sed -n "s/^  \"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$1" | head -n 1; }
percent() { awk "BEGIN { printf \"%.2f %%\", 100 * $1 }"; }

say "1/3  Train the 4-bit network, quantisation-aware, and export it as QONNX"
"$qloom" train $recipe -o "$work/run" --threads 2 --json >"$work/train.json"

say "2/3  What becomes of its operators"
"$qloom" check "$work/run/model.onnx"

say "3/3  Evaluate it as integers"
"$qloom" eval "$work/run/model.onnx" --data fashion-mnist:test --json >"$work/eval.json"

cat <<END

  accuracy on FashionMNIST            of 10,000 test images
    4-bit network, as trained         $(percent "$(value "$work/train.json" accuracy)")
    4-bit network, as integers        $(percent "$(value "$work/eval.json" accuracy)")

  files
    $work/run/model.onnx              the trained network (QONNX)
    $work/run/metrics.json            its training, epoch by epoch

  next
    $qloom compile $work/run/model.onnx --board pynq-z1 --fps 3000 -o $work/out

END
