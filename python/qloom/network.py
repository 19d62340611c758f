"""The integer network: what the hardware computes, without floats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy

from . import _html


@dataclass(frozen=True)
class Stream:
    """One tensor a frame between two layers, channels last."""

    name: str
    shape: tuple[int, ...]
    type: str
    lo: int
    hi: int


@dataclass(frozen=True)
class Layer:
    """A layer with its numbers: weights (MatrixVector, VectorVector), thresholds (Threshold), table (Lookup), ..."""

    name: str
    kind: str
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)

    def __getattr__(self, key: str) -> Any:
        try:
            return self.__dict__["parameters"][key]
        except KeyError:
            raise AttributeError(f"a {self.__dict__.get('kind')} has no {key}") from None


@dataclass(frozen=True)
class Network:
    """Layers in order, joined by streams."""

    layers: tuple[Layer, ...]
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Layer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(f"{name}; there are {', '.join(layer.name for layer in self.layers)}")

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        rows = []
        for layer in self.layers:
            sizes = ", ".join(
                f"{key} {'x'.join(map(str, value.shape))}"
                for key, value in layer.parameters.items()
                if isinstance(value, numpy.ndarray)
            )
            out = layer.outputs[0]
            rows.append((layer.name, layer.kind, sizes, f"{out.type} {list(out.shape)}", f"{out.lo} .. {out.hi}"))
        return rows

    def __repr__(self) -> str:
        rows = [("layer", "kind", "numbers", "output", "range"), *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        return "\n".join("  ".join(f"{cell:<{widths[i]}}" for i, cell in enumerate(row)).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        maker = {stream.name: index for index, layer in enumerate(self.layers) for stream in layer.outputs}
        edges = [(maker[s.name], i) for i, layer in enumerate(self.layers) for s in layer.inputs if s.name in maker]
        boxes = [
            (f"{layer.kind} {layer.name}", f"{layer.outputs[0].type} {list(layer.outputs[0].shape)}", layer.name)
            for layer in self.layers
        ]
        table = _html.table(["layer", "kind", "numbers", "output", "range"], self._rows())
        return _html.graph(boxes, edges) + table


def network_of(facts: dict[str, Any]) -> Network:
    """From the native module's dicts."""
    streams = [Stream(s["name"], tuple(s["shape"]), s["type"], s["lo"], s["hi"]) for s in facts["streams"]]
    layers = tuple(
        Layer(
            layer["name"],
            layer["kind"],
            tuple(streams[i] for i in layer["inputs"]),
            tuple(streams[i] for i in layer["outputs"]),
            layer["parameters"],
        )
        for layer in facts["layers"]
    )
    return Network(
        layers,
        tuple(streams[i] for i in facts["inputs"]),
        tuple(streams[i] for i in facts["outputs"]),
        tuple(facts["notes"]),
    )
