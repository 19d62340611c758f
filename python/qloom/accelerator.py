"""A compiled accelerator: the folder that compile writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import _html, _native, _verbs
from ._results import Result, result_of


class Accelerator:
    """The hardware of one model for one board. Estimated numbers; simulate() measures them."""

    def __init__(self, folder: _verbs.PathLike) -> None:
        self.folder = str(folder)
        report = Path(folder) / "report.json"
        if not report.exists():
            error = _native.Error(f"{folder} does not hold a compiled network; name a folder that qloom.compile wrote")
            error.code, error.name, error.where = "Q0600", "kSourceUnreadable", str(folder)
            error.what, error.advice = "does not hold a compiled network", "name a folder that qloom.compile wrote"
            raise error
        self.report: Result = result_of(json.loads(report.read_text()))

    def __getattr__(self, key: str) -> Any:
        if key in ("report", "folder"):
            raise AttributeError(key)
        return getattr(self.report, key)

    @property
    def model(self) -> Any:
        """The model it was compiled from."""
        from .model import load

        return load(Path(self.folder) / "model.onnx")

    def simulate(self, *arrays: Any, **options: Any) -> Result:
        """Runs the RTL cycle by cycle; see qloom.simulate."""
        return _verbs.simulate(self, *arrays, **options)

    def soc(self, data: str, **options: Any) -> Result:
        """Runs the firmware on an emulated board; see qloom.soc."""
        return _verbs.soc(self, data, **options)

    def package(self, *arrays: Any, **options: Any) -> Result:
        """Writes what a real board needs; see qloom.package."""
        return _verbs.package(self, *arrays, **options)

    def text(self) -> str:
        """report.txt."""
        return (Path(self.folder) / "report.txt").read_text()

    def __repr__(self) -> str:
        return f"<qloom.Accelerator {self.folder}>\n{self.text()}"

    def _repr_html_(self) -> str:
        return f"<p><b>{_html.escape(self.folder)}</b></p>" + self.report._repr_html_()
