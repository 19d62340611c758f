from typing import Any, Callable

import numpy

class Error(RuntimeError):
    code: str
    name: str
    where: str
    what: str
    advice: str

class Model:
    file: str
    name: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    nodes: list[dict[str, Any]]
    def __init__(self, file: str) -> None: ...
    def constant(self, tensor: str) -> numpy.ndarray: ...
    def run(self, arrays: list[numpy.ndarray], engine: str, input_types: list[str]) -> list[numpy.ndarray]: ...
    def lower(self, input_types: list[str], argmax: bool) -> dict[str, Any]: ...

def call_verb(
    verb: str,
    arguments: list[str],
    on_text: Callable[[str], None],
    on_note: Callable[[str], None],
    on_progress: Callable[[str, int, int, str], None],
    on_line: Callable[[str], None],
) -> str: ...
def dataset(
    specification: str, frames: int | None, directory: str
) -> tuple[numpy.ndarray, numpy.ndarray, list[str]]: ...
def manual(name: str) -> str: ...
def version() -> str: ...
def set_program_folder(folder: str) -> None: ...
