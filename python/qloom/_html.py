"""Tables for notebooks."""

from __future__ import annotations

from html import escape
from typing import Any, Iterable, Sequence


def number(value: Any) -> str:
    """A value as people read it: thousands grouped, at most four decimals."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """An HTML table; columns whose every value is a number are aligned to the right."""
    cells = [list(row) for row in rows]
    numeric = [all(isinstance(row[i], (int, float)) or row[i] is None for row in cells) for i in range(len(columns))]
    style = ["text-align: right" if right else "text-align: left" for right in numeric]
    parts = ["<table>"]
    if caption:
        parts.append(f"<caption>{escape(caption)}</caption>")
    parts.append("<thead><tr>")
    parts += [f'<th style="{style[i]}">{escape(column)}</th>' for i, column in enumerate(columns)]
    parts.append("</tr></thead><tbody>")
    for row in cells:
        parts.append("<tr>")
        parts += [f'<td style="{style[i]}">{escape(number(value))}</td>' for i, value in enumerate(row)]
        parts.append("</tr>")
    parts.append("</tbody></table>")
    return "".join(parts)


def graph(nodes: Sequence[tuple[str, str, str]], edges: Iterable[tuple[int, int]]) -> str:
    """A drawing of nodes (label, second line, title) and the edges between them, a row a step of the longest path."""
    below: dict[int, list[int]] = {}
    row = [0] * len(nodes)
    for source, target in sorted(set(edges), key=lambda edge: edge[1]):
        below.setdefault(source, []).append(target)
        row[target] = max(row[target], row[source] + 1)
    width, height, gap_x, gap_y = 190, 40, 20, 26
    place: dict[int, tuple[int, int]] = {}
    taken: dict[int, int] = {}
    for index, line in enumerate(row):
        column = taken.get(line, 0)
        taken[line] = column + 1
        place[index] = (column * (width + gap_x) + 2, line * (height + gap_y) + 2)
    total_width = max(taken.values(), default=1) * (width + gap_x) + 4
    total_height = (max(row, default=0) + 1) * (height + gap_y)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_width}" height="{total_height}" role="img" '
        f'aria-label="graph of {len(nodes)} nodes" font-family="sans-serif" font-size="12">'
    ]
    for source, targets in below.items():
        x0, y0 = place[source][0] + width / 2, place[source][1] + height
        for target in targets:
            x1, y1 = place[target][0] + width / 2, place[target][1]
            middle = (y0 + y1) / 2
            parts.append(
                f'<path d="M{x0},{y0} C{x0},{middle} {x1},{middle} {x1},{y1}" fill="none" stroke="#888" stroke-width="1.5"/>'
            )
    for index, (label, second, title) in enumerate(nodes):
        x, y = place[index]
        parts.append(
            f"<g><title>{escape(title)}</title>"
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="#eef3fa" stroke="#5b7db1"/>'
            f'<text x="{x + width / 2}" y="{y + 17}" text-anchor="middle" fill="#1b2a41">{escape(label[:28])}</text>'
            f'<text x="{x + width / 2}" y="{y + 32}" text-anchor="middle" fill="#51617a" font-size="10">{escape(second[:36])}</text>'
            "</g>"
        )
    parts.append("</svg>")
    return "".join(parts)
