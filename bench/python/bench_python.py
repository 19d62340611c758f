"""What Python costs: import, and Model.run on arrays against the command line's engine. Prints rows of Markdown.

    PYTHONPATH=build/python python3 bench/python/bench_python.py build/qloom model.onnx
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import qloom

RUNS = 9


def import_seconds():
    """Of a fresh interpreter, NumPy included, over one that imports nothing; and without NumPy's share."""

    def start(code):
        times = []
        for _ in range(RUNS):
            begin = time.process_time(), time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - begin[1])
        return min(times)

    nothing = start("pass")
    return start("import qloom") - nothing, start("import numpy") - nothing


def main(program, model_file):
    rows = []
    seconds, numpy_seconds = import_seconds()
    rows.append(("`import qloom`, of which NumPy", f"{seconds:.2f} s, {numpy_seconds:.2f} s", "bench/run.sh build python"))
    samples = qloom.dataset("fashion-mnist:test").samples
    model = qloom.load(model_file)
    model.run(samples[:10])  # lowering is not what is measured
    with tempfile.TemporaryDirectory() as scratch:
        np.save(Path(scratch) / "x.npy", samples)
        ratios, python, command = [], [], []
        for _ in range(RUNS):
            begin = time.perf_counter()
            outputs = model.run(samples)
            python.append(time.perf_counter() - begin)
            said = subprocess.run(
                [program, "run", model_file, "--input", f"{scratch}/x.npy", "--output", f"{scratch}/y.npy", "--json"],
                check=True, capture_output=True, text=True,
            )
            command.append(json.loads(said.stdout)["seconds"])
            ratios.append(python[-1] / command[-1])
        assert np.array_equal(outputs, np.load(Path(scratch) / "y.npy"))
    rows.append(
        (
            f"`Model.run` on {len(samples):,} images over `qloom run`'s engine, fastest of {RUNS}",
            f"{min(python) / min(command):.2f} × ({min(python):.3f} s, {min(command):.3f} s)",
            "the same",
        )
    )
    for what, measured, how in rows:
        print(f"| {what} | {measured} | `{how}` |")
    print(f"median of the ratios: {statistics.median(ratios):.2f}", file=sys.stderr)


main(*sys.argv[1:])
