"""Executes the notebooks of a folder in their order, in a copy of it; checks that no cell fails or takes over two minutes, and
that what they print says what they teach."""

import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

CELL_SECONDS = 120

# What the output of a notebook must match, and where an accuracy stands that must be plausible.
EXPECTED = {
    "1_train.ipynb": [r"with 4-bit weights and activations: (8\d|9\d)\.\d\d%", r"(8\d|9\d)\.\d\d% right"],
    "2_compile.ipynb": [
        r"largest difference of the outputs: (0\.0|\d\.\d+e-0[5-9])",
        r"500 images, 0 differ from the integers",
        r"II +(\d+) cycles measured, +\1 estimated",
        r"latency +(\d+) cycles measured, +\1 estimated",
    ],
    "3_run.ipynb": [r"DMA up at", r"100 of 100 labels equal", r"ql_dma\.h"],
}


def printed(notebook):
    return "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []) if "text" in output
    )


def main(folder):
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(folder, Path(scratch) / "tutorial", ignore=shutil.ignore_patterns("work")))
        notebooks = sorted(copy.glob("*.ipynb"))
        assert [path.name for path in notebooks] == sorted(EXPECTED), notebooks
        for path in notebooks:
            notebook = nbformat.read(path, as_version=4)
            stored = printed(notebook)
            start = time.monotonic()
            NotebookClient(
                notebook, timeout=CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(copy)}}
            ).execute()
            now = printed(notebook)
            for pattern in EXPECTED[path.name]:
                assert re.search(pattern, now), f"{path.name}: no {pattern!r} in its output"
                assert re.search(pattern, stored), f"{path.name}: no {pattern!r} in its stored output; execute it again"
            print(f"{path.name}: {len(notebook.cells)} cells in {time.monotonic() - start:.0f} s")


main(sys.argv[1])
