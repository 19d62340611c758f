"""The verbs of the command line as functions."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Sequence, Union

import numpy

from . import _native
from ._progress import Progress
from ._results import Result, result_of

if TYPE_CHECKING:
    from .accelerator import Accelerator
    from .model import Model
    from .recipe import Recipe

PathLike = Union[str, "os.PathLike[str]"]

# The training room and the emulator are files of their own: beside the package, or beside the program in a build folder.
_here = Path(__file__).resolve().parent
for _folder in (_here, _here.parent.parent, _here.parents[2] / "qloom"):
    if (_folder / "libqloom_trainer.so").exists() or (_folder / "qloom-soc").exists():
        _native.set_program_folder(str(_folder))
        break


class Dataset(NamedTuple):
    """samples (N, ...) as the files hold them, labels (N), class_names (or empty)."""

    samples: numpy.ndarray
    labels: numpy.ndarray
    class_names: list[str]


def _arguments(options: Mapping[str, Any]) -> list[str]:
    """Keyword arguments as options of the command line: True is a flag, a list an option again and again."""
    result: list[str] = []
    for key, value in options.items():
        name = "--" + key.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            result.append(name)
        elif isinstance(value, (list, tuple)):
            for item in value:
                result += [name, str(item)]
        else:
            result += [name, str(value)]
    return result


def verb(name: str, *positional: Any, progress: bool = True, echo: bool = False, **options: Any) -> Result:
    """Any verb by its name, with the command line's arguments and options; returns its JSON document.

    progress shows a bar while it works; echo prints what the command line would print. Notes of the verb go to stderr.
    """

    def note(text: str) -> None:
        print("note:", text, file=sys.stderr)

    with Progress(progress) as bar:
        document = _native.call_verb(
            name,
            [str(item) for item in positional] + _arguments(options),
            lambda text: print(text, end="", flush=True) if echo else None,
            note,
            bar.update,
            bar.line,
        )
    return result_of(json.loads(document))


def version() -> str:
    """The version of the program, "0.1.0"."""
    return _native.version().split()[-1]


def manual(name: str) -> str:
    """The manual page of a verb, as the command line prints it."""
    return _native.manual(name)


def train(
    recipe: PathLike | "Recipe",
    output: PathLike = "run",
    *,
    epochs: int | None = None,
    seed: int | None = None,
    threads: int = 1,
    float: bool = False,
    restart: bool = False,
    progress: bool = True,
    **options: Any,
) -> Result:
    """Trains a recipe (a built-in name, a TOML file or a Recipe), quantisation-aware, and exports QONNX into the folder `output`.

    The result has accuracy (0 to 1), loss, epochs (a list), seconds_per_epoch, model (the file); see manual("train").
    """
    if hasattr(recipe, "save"):
        with tempfile.TemporaryDirectory(prefix="qloom-") as scratch:
            file = recipe.save(Path(scratch) / "recipe.toml")
            return train(file, output, epochs=epochs, seed=seed, threads=threads, float=float, restart=restart, progress=progress, **options)
    return verb(
        "train", recipe, output=output, epochs=epochs, seed=seed, threads=threads, float=float, restart=restart,
        progress=progress, **options,
    )


def quantize(
    model: PathLike | "Model",
    *arrays: Any,
    output: PathLike = "model.onnx",
    calibrate: str | None = None,
    weights: int = 4,
    activations: int = 4,
    data: str | None = None,
    **options: Any,
) -> Result:
    """Quantises a float model without training and writes it, as QONNX, to the file `output`.

    Calibrated on typical frames: NumPy arrays, one an input, or the dataset `calibrate` names. With data the result has
    accuracy and accuracy_float. Further options are those of the command line (bits, edge_weights, samples, method,
    equalise, ...; a list gives one several times: bits=["fc1=6", "act2=5"]); see manual("quantize").
    """
    options.update(output=output, weights=weights, activations=activations, data=data)
    if not arrays:
        return verb("quantize", _file(model), calibrate=calibrate, **options)
    with tempfile.TemporaryDirectory(prefix="qloom-") as scratch:
        return verb("quantize", _file(model), calibrate=_saved(arrays, scratch), **options)


def check(model: PathLike | "Model", **options: Any) -> Result:
    """Operator by operator, what becomes of a model; raises Error when it cannot be compiled."""
    return verb("check", _file(model), **options)


def evaluate(
    model: PathLike | "Model", data: str, *, frames: int | None = None, engine: str = "integer", **options: Any
) -> Result:
    """Accuracy of a model on a labelled dataset ("fashion-mnist:test", "npy:x.npy,y.npy")."""
    return verb("eval", _file(model), data=data, frames=frames, engine=engine, **options)


def run(model: PathLike | "Model", *arrays: Any, engine: str = "integer", input_types: Sequence[str] = ()) -> Any:
    """Runs a model in software on NumPy arrays; see Model.run."""
    from .model import Model, load

    return (model if isinstance(model, Model) else load(model)).run(*arrays, engine=engine, input_types=input_types)


def compile(
    model: PathLike | "Model",
    output: PathLike = "out",
    *,
    board: PathLike,
    fps: float | None = None,
    ii: int | None = None,
    **options: Any,
) -> "Accelerator":
    """Compiles a model for a board and a target rate into the folder `output`: RTL, reports, packages for the board.

    Exactly one of fps (frames a second) and ii (clock cycles a frame). Further options are those of the command line
    (clock_mhz, postprocess, folding, input_type, samples, no_package); see manual("compile").
    """
    verb("compile", _file(model), output=output, board=board, fps=fps, ii=ii, **options)
    return open(output)


def open(folder: PathLike) -> "Accelerator":
    """The accelerator in a folder that compile wrote."""
    from .accelerator import Accelerator

    return Accelerator(folder)


def simulate(
    folder: PathLike | "Accelerator", *arrays: Any, data: str | None = None, frames: int | None = None, **options: Any
) -> Result:
    """Runs the RTL cycle by cycle, on NumPy arrays or on a dataset, and compares it with the integer engine.

    With arrays the result has outputs: what the hardware computed, as the model's own numbers.
    """
    if not arrays:
        return verb("simulate", _file(folder), data=data, frames=frames, **options)
    with tempfile.TemporaryDirectory(prefix="qloom-") as scratch:
        inputs = _saved(arrays, scratch)
        outputs = [str(Path(scratch) / f"output_{i}.npy") for i in range(len(_model_of(folder).outputs))]
        result = verb("simulate", _file(folder), input=inputs, output=outputs, frames=frames, **options)
        result["outputs"] = [numpy.load(file) for file in outputs]
        return result


def soc(
    folder: PathLike | "Accelerator", data: str, *, frames: int = 100, echo: bool = True, **options: Any
) -> Result:
    """Runs the firmware on an emulated processor with the DMA and the accelerator as RTL; echo prints the UART."""
    return verb("soc", _file(folder), data=data, frames=frames, echo=echo, **options)


def package(folder: PathLike | "Accelerator", *arrays: Any, data: str | None = None, **options: Any) -> Result:
    """Writes what a real board needs beside the RTL: IP, Vivado script, drivers, firmware with sample frames."""
    if not arrays:
        return verb("package", _file(folder), data=data, **options)
    with tempfile.TemporaryDirectory(prefix="qloom-") as scratch:
        return verb("package", _file(folder), input=_saved(arrays, scratch), **options)


def dataset(specification: str, frames: int | None = None, directory: PathLike = "") -> Dataset:
    """A labelled dataset in memory: "fashion-mnist:train", "idx:IMAGES,LABELS", "npy:X.npy,Y.npy"."""
    return Dataset(*_native.dataset(specification, frames, os.fspath(directory)))


def boards() -> list[Result]:
    """The boards that compile knows: name, title, part, luts, ffs, bram36, dsps, clock_mhz, processing_system."""
    return verb("boards").boards


def explain(code: str) -> str:
    """What a diagnostic means and how to repair it: explain("Q0312")."""
    words: list[str] = []
    with Progress(False) as bar:
        _native.call_verb("explain", [code], words.append, words.append, bar.update, bar.line)
    return "".join(words)


def _file(item: Any) -> str:
    """The file or folder behind a path, a Model or an Accelerator."""
    return str(getattr(item, "folder", None) or getattr(item, "file", None) or os.fspath(item))


def _model_of(folder: Any) -> "Model":
    from .model import load

    return load(Path(_file(folder)) / "model.onnx")


def _saved(arrays: Sequence[Any], folder: str) -> list[str]:
    files = []
    for i, array in enumerate(arrays):
        files.append(str(Path(folder) / f"input_{i}.npy"))
        numpy.save(files[-1], numpy.asarray(array))
    return files
