"""Networks and trainings written in Python."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Sequence


@dataclass
class Recipe:
    """A network and how it is trained, with the names of recipe files (docs/recipes.md): a mapping a section, and one a layer.

        recipe = qloom.Recipe(
            "my-mlp",
            input={"features": 784},
            quantisation={"weights": {"bits": 2, "narrow": True}, "activations": {"bits": 4}},
            training={"epochs": 10},
            layers=[
                {"type": "linear", "name": "fc1", "outputs": 64, "bias": False},
                {"type": "batch_norm"},
                {"type": "relu"},
                {"type": "linear", "name": "head", "outputs": 10},
            ],
        )
        qloom.train(recipe, "run")

    qloom.train says which key or value it does not know; nothing is checked before.
    """

    name: str
    layers: Sequence[Mapping[str, Any]] = ()
    input: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    quantisation: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    model: str = ""

    def text(self) -> str:
        """The recipe as a TOML file has it."""
        lines = [f"name = {_value(self.name)}"]
        lines += [f"{key} = {_value(getattr(self, key))}" for key in ("description", "model") if getattr(self, key)]
        for section in ("data", "input", "training", "quantisation"):
            lines += _table(f"[{section}]", getattr(self, section))
        for layer in self.layers:
            lines += _table("[[layers]]", layer)
        return "\n".join(lines) + "\n"

    def save(self, file: str | os.PathLike[str]) -> str:
        """Writes the recipe as a TOML file; returns its name."""
        Path(file).write_text(self.text(), encoding="utf-8")
        return os.fspath(file)


def _table(head: str, entries: Mapping[str, Any]) -> list[str]:
    return ["", head, *(f"{key} = {_value(value)}" for key, value in entries.items())] if entries else []


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # a string of JSON is one of TOML
    if hasattr(value, "item"):  # a number of NumPy
        value = value.item()
    return repr(value)
