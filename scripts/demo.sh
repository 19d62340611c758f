#!/bin/sh
# The main job from end to end: train, export, compile, simulate, summary.
#   scripts/demo.sh build/qloom build/demo
set -eu

qloom=$1
work=$2
recipe=fashion-mnist-mlp
board=pynq-z1
fps=1000000
frames=1000
mkdir -p "$work"

. "$(dirname "$0")/demo_common.sh"

say "1/6  Train the float network, to compare with"
"$qloom" train $recipe --float -o "$work/float" --json >"$work/float.json"

say "2/6  Train the 4-bit network, quantisation-aware, and export it as QONNX"
"$qloom" train $recipe -o "$work/run" --json >"$work/train.json"
"$qloom" eval "$work/run/model.onnx" --data fashion-mnist:test --json >"$work/eval.json"

say "3/6  Compile it for $board at $fps frames/s"
"$qloom" compile "$work/run/model.onnx" --board $board --fps $fps --clock-mhz 100 -o "$work/out"
"$qloom" compile "$work/run/model.onnx" --board $board --fps $fps --clock-mhz 100 -o "$work/out" --quiet --json >"$work/compile.json"

say "4/6  Simulate the hardware cycle by cycle on $frames test images"
"$qloom" simulate "$work/out" --data fashion-mnist:test --frames $frames --json >"$work/simulate.json"

say "5/6  Summary"
cat <<END

  accuracy on FashionMNIST            of 10,000 test images
    float network                     $(percent "$(value "$work/float.json" accuracy)")
    4-bit network, as trained         $(percent "$(value "$work/train.json" accuracy)")
    4-bit network, as integers        $(percent "$(value "$work/eval.json" accuracy)")
    hardware (RTL), first $frames       $(percent "$(value "$work/simulate.json" accuracy)"), $(value "$work/simulate.json" mismatches) differences from the integers

$(hardware $board "$work/compile.json" "$work/simulate.json")

  files
    $work/run/model.onnx              the trained network (QONNX)
    $work/run/metrics.json            its training, epoch by epoch
    $work/out/rtl/qloom_top.sv        the accelerator
    $work/out/report.txt              cycles and size of every layer
    $work/out/folding.json            the parallelism chosen; edit it, give it back with --folding

  next
    $qloom --help
    $qloom check $work/run/model.onnx
    $qloom compile $work/run/model.onnx --board kv260 --fps 2000000 -o $work/fast
    $qloom simulate $work/out --data fashion-mnist:test --frames 2 --vcd wave.vcd
    $qloom soc $work/out --data fashion-mnist:test --frames 10 --batch 1 --print-frames

END

say "6/6  Boot the firmware on the emulated board: what its serial console shows"
# Without the emulator or a cross compiler the message says what is missing; the rest of the demo stands.
"$qloom" soc "$work/out" --data fashion-mnist:test --frames 100 || [ $? -eq 4 ]
