#!/bin/sh
# A convolutional network from end to end: train, export, check, compile, simulate, summary.
#   scripts/demo_cnn.sh build/qloom build/demo-cnn
set -eu

qloom=$1
work=$2
recipe=fashion-mnist-cnn
board=pynq-z1
fps=5000
frames=200
mkdir -p "$work"

. "$(dirname "$0")/demo_common.sh"

say "1/5  Train the 4-bit network, quantisation-aware, and export it as QONNX"
"$qloom" train $recipe -o "$work/run" --threads 2 --json >"$work/train.json"

say "2/5  What becomes of its operators"
"$qloom" check "$work/run/model.onnx"
"$qloom" eval "$work/run/model.onnx" --data fashion-mnist:test --json >"$work/eval.json"

say "3/5  Compile it for $board at $fps frames/s"
"$qloom" compile "$work/run/model.onnx" --board $board --fps $fps --clock-mhz 100 -o "$work/out"
"$qloom" compile "$work/run/model.onnx" --board $board --fps $fps --clock-mhz 100 -o "$work/out" --quiet --json >"$work/compile.json"

say "4/5  Simulate the hardware cycle by cycle on $frames test images"
"$qloom" simulate "$work/out" --data fashion-mnist:test --frames $frames --json >"$work/simulate.json"

say "5/5  Summary"
cat <<END

  accuracy on FashionMNIST            of 10,000 test images
    4-bit network, as trained         $(percent "$(value "$work/train.json" accuracy)")
    4-bit network, as integers        $(percent "$(value "$work/eval.json" accuracy)")
    hardware (RTL), first $frames         $(percent "$(value "$work/simulate.json" accuracy)"), $(value "$work/simulate.json" mismatches) differences from the integers

$(hardware $board "$work/compile.json" "$work/simulate.json")

  files
    $work/run/model.onnx              the trained network (QONNX)
    $work/run/metrics.json            its training, epoch by epoch
    $work/out/rtl/qloom_top.sv        the accelerator
    $work/out/report.txt              cycles and size of every layer, FIFO depths

  next
    $qloom soc $work/out --data fashion-mnist:test --frames 10
    $qloom view $work/out

END
