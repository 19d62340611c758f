"""What verbs give back: the JSON document of the command line, with its keys as attributes."""

from __future__ import annotations

from typing import Any

from . import _html


class Result(dict):
    """A dict whose keys are attributes too: result.accuracy is result["accuracy"]."""

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"there is no {key}; there are {', '.join(self)}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.keys()]

    def __repr__(self) -> str:
        plain = {key: value for key, value in self.items() if not isinstance(value, (dict, list))}
        width = max((len(key) for key in plain), default=0)
        lines = [f"{key:<{width}}  {_html.number(value)}" for key, value in plain.items()]
        for key, value in self.items():
            if isinstance(value, list) and value:
                lines.append(f"{key}: a list of {len(value)}")
            elif isinstance(value, dict):
                lines.append(f"{key}: " + ", ".join(f"{k} {_html.number(v)}" for k, v in value.items()))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        plain = [(key, value) for key, value in self.items() if not isinstance(value, (dict, list))]
        parts = [_html.table(["", ""], plain)] if plain else []
        for key, value in self.items():
            if isinstance(value, dict):
                parts.append(_html.table(["", ""], value.items(), key))
            elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
                columns = list(value[0])
                parts.append(_html.table(columns, ([row.get(column) for column in columns] for row in value), key))
            elif isinstance(value, list) and value:
                parts.append(_html.table([key], ([row] for row in value)))
        return "".join(parts)


def result_of(document: Any) -> Any:
    """Dicts of a JSON document as Result, all the way down."""
    if isinstance(document, dict):
        return Result({key: result_of(value) for key, value in document.items()})
    if isinstance(document, list):
        return [result_of(value) for value in document]
    return document
