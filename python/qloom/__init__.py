"""Quantised neural networks as FPGA accelerators.

    import qloom

    trained = qloom.train("fashion-mnist-mlp", output="run")
    model = qloom.load("run/model.onnx")
    y = model.run(x)                                   # NumPy in, NumPy out
    accelerator = model.compile(board="pynq-z1", fps=1_000_000, output="out")
    accelerator.simulate(data="fashion-mnist:test", frames=1000)
    accelerator.soc(data="fashion-mnist:test", frames=100)

Names, numbers and units are those of the command line and its JSON documents. What cannot be done as asked raises
qloom.Error, with the code, the place and the advice of the diagnostic.
"""

from ._native import Error
from ._results import Result
from ._verbs import (
    Dataset,
    boards,
    check,
    compile,
    dataset,
    evaluate,
    explain,
    manual,
    open,
    package,
    quantize,
    run,
    simulate,
    soc,
    train,
    verb,
    version,
)
from .accelerator import Accelerator
from .model import Model, load
from .network import Layer, Network, Stream
from .recipe import Recipe

__version__ = version()

__all__ = [
    "Accelerator",
    "Dataset",
    "Error",
    "Layer",
    "Model",
    "Network",
    "Recipe",
    "Result",
    "Stream",
    "boards",
    "check",
    "compile",
    "dataset",
    "evaluate",
    "explain",
    "load",
    "manual",
    "open",
    "package",
    "quantize",
    "run",
    "simulate",
    "soc",
    "train",
    "verb",
    "version",
]
