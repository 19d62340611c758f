"""Shows long work: a bar in a notebook, a line on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import Any


def _notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and shell.__class__.__name__ == "ZMQInteractiveShell"


class Progress:
    """One piece of work; `with` removes the bar at its end."""

    def __init__(self, shown: bool = True) -> None:
        self._notebook = shown and _notebook()
        self._terminal = shown and not self._notebook and sys.stderr.isatty()
        self._handle: Any = None
        self._visible = False
        self._start = time.monotonic()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._show_html("")
        self._erase()

    def update(self, title: str, done: int, total: int, details: str) -> None:
        share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
        if self._notebook:
            self._show_html(
                f'<progress value="{share:.3f}" max="1" aria-label="{escape(title)}"></progress> '
                f"{escape(title)} {share:.0%} {escape(details)}"
            )
        elif self._terminal:
            bar = "=" * int(30 * share)
            print(f"\r{title} [{bar:<30}] {share:4.0%} {details}\x1b[K", end="", file=sys.stderr, flush=True)
            self._visible = True

    def line(self, text: str) -> None:
        """A line that stays."""
        self._erase()
        if self._notebook or self._terminal:
            print(text)

    def _show_html(self, html: str) -> None:
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(html), display_id=True)
        else:
            self._handle.update(HTML(html))

    def _erase(self) -> None:
        if self._visible:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._visible = False
