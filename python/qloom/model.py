"""A quantised model in memory."""

from __future__ import annotations

from typing import Any, Sequence

import numpy

from . import _html, _native, _verbs
from ._results import Result, result_of
from .network import Network, network_of


def load(file: _verbs.PathLike) -> "Model":
    """Reads a QONNX or ONNX file: Brevitas, QKeras, QCDQ, FINN-ONNX, or qloom.train's own."""
    return Model(file)


class Model:
    """A model file, tidied: what it means, operator by operator."""

    def __init__(self, file: _verbs.PathLike) -> None:
        self._native = _native.Model(str(file))

    @property
    def file(self) -> str:
        """Where it was read from."""
        return self._native.file

    @property
    def name(self) -> str:
        """The graph's own name."""
        return self._native.name

    @property
    def inputs(self) -> list[Result]:
        """name, shape (axis 0 counts frames), dtype, annotation of each input."""
        return result_of(self._native.inputs)

    @property
    def outputs(self) -> list[Result]:
        """The same of each output."""
        return result_of(self._native.outputs)

    @property
    def nodes(self) -> list[Result]:
        """name, op, inputs, constants, outputs and shape of each operator, in order."""
        return result_of(self._native.nodes)

    def constant(self, tensor: str) -> numpy.ndarray:
        """A constant by its name, as the file holds it: weights before their quantiser, scales."""
        return self._native.constant(tensor)

    def run(self, *arrays: Any, engine: str = "integer", input_types: Sequence[str] = ()) -> Any:
        """Runs frames through the model: one array an input, axis 0 counting frames; an array an output (a tuple of several).

        engine is "integer" (what the hardware computes) or "reference" (what the model means). input_types declares the integers
        of inputs without a quantiser of their own ("uint8", "NAME=int4"); undeclared ones are seen from the arrays.
        """
        results = self._native.run([numpy.asarray(array) for array in arrays], engine, list(input_types))
        return results[0] if len(results) == 1 else tuple(results)

    __call__ = run

    def evaluate(self, data: str, **options: Any) -> Result:
        """Accuracy on a labelled dataset; see qloom.evaluate."""
        return _verbs.evaluate(self, data, **options)

    def check(self, **options: Any) -> Result:
        """Operator by operator, what becomes of it; see qloom.check."""
        return _verbs.check(self, **options)

    def lower(self, input_types: Sequence[str] = (), argmax: bool = False) -> Network:
        """The integers that the hardware computes: layers with their weights, thresholds and types."""
        return network_of(self._native.lower(list(input_types), argmax))

    def compile(self, output: _verbs.PathLike = "out", **options: Any) -> Any:
        """The accelerator of this model; see qloom.compile."""
        return _verbs.compile(self, output, **options)

    def __repr__(self) -> str:
        sides = [", ".join(f"{t.name} {t.shape}" for t in side) for side in (self.inputs, self.outputs)]
        return f"<qloom.Model {self.name}: {len(self.nodes)} operators, {sides[0]} -> {sides[1]}>"

    def _repr_html_(self) -> str:
        nodes = self.nodes
        maker = {tensor: index for index, node in enumerate(nodes) for tensor in node.outputs}
        edges = [(maker[t], index) for index, node in enumerate(nodes) for t in node.inputs if t in maker]
        boxes = [(node.op, f"{node.name} {node.shape or ''}", f"{node.op} {node.name}") for node in nodes]
        return f"<p>{_html.escape(repr(self))}</p>" + _html.graph(boxes, edges)
