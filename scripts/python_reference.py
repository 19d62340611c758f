#!/usr/bin/env python3
"""Prints docs/python.md: what `import qloom` offers, from its own docstrings and signatures.

    PYTHONPATH=build/python python3 scripts/python_reference.py > docs/python.md
"""

import inspect
import re
import textwrap

import qloom

HEAD = """\
# Python reference

<!-- Generated: PYTHONPATH=build/python python3 scripts/python_reference.py > docs/python.md -->

The package lies in `build/python` after `make build` (`PYTHONPATH=build/python python3`); `cmake --install build` puts it below the prefix.
`pip install .` builds a wheel where a package index serves scikit-build-core; it is not among Debian 12's packages, so without an index the other
two ways are the ones.

"""

# In the order of the work; whatever is exported and stands in none of them is an error.
GROUPS = [
    ("Train and quantise", ["train", "Recipe", "quantize"]),
    ("Models", ["load", "Model", "check", "run", "evaluate"]),
    ("Networks of integers", ["Network", "Layer", "Stream"]),
    ("Hardware", ["explore", "compile", "open", "Accelerator", "simulate", "synth", "package", "soc", "talk"]),
    ("Data, boards, help", ["dataset", "Dataset", "boards", "explain", "manual", "version"]),
    ("Every verb", ["verb", "Result"]),
    ("Errors", ["Error"]),
]


def signature(name, item):
    """`name(a, b=1)` without annotations, broken into lines where it is long."""
    text = str(inspect.signature(item))
    text = re.sub(r"\) ->.*", ")", text)
    parameters = []
    for parameter in inspect.signature(item).parameters.values():
        if parameter.name == "self":
            continue
        plain = parameter.replace(annotation=inspect.Parameter.empty)
        if plain.kind is inspect.Parameter.KEYWORD_ONLY and not any(p.startswith("*") for p in parameters):
            parameters.append("*")
        parameters.append(str(plain))
    call = f"{name}({', '.join(parameters)})"
    if len(call) > 100:
        lines = textwrap.wrap(", ".join(parameters), 94)
        call = f"{name}(\n    " + "\n    ".join(lines) + "\n)"
    return call


def prose(item):
    """The docstring; its indented lines become code."""
    text = inspect.getdoc(item) or ""
    return re.sub(r"(?m)((?:^ {4}.*\n?|^\n(?= {4}))+)", lambda m: "```python\n" + textwrap.dedent(m[1]).strip() + "\n```\n", text)


def members(cls):
    """Public methods and properties in the order of the source."""
    return [(name, item) for name, item in vars(cls).items() if not name.startswith("_") and (callable(item) or isinstance(item, property))]


def entry(name, item):
    if not inspect.isclass(item):
        return f"```python\n{signature('qloom.' + name, item)}\n```\n\n{prose(item)}\n"
    parts = [prose(item), ""]
    if hasattr(item, "_fields"):  # a named tuple
        parts += [f"Fields: {', '.join(f'`{field}`' for field in item._fields)}.", ""]
    elif hasattr(item, "__dataclass_fields__"):
        parts += [f"Fields: {', '.join(f'`{field}`' for field in item.__dataclass_fields__)}.", ""]
    rows = []
    for member, what in members(item):
        about = " ".join((inspect.getdoc(what.fget if isinstance(what, property) else what) or "").split("\n\n")[0].split())
        head = member if isinstance(what, property) else " ".join(signature(member, what).split())
        rows.append(f"| `{head}` | {about} |".replace("( ", "(").replace(" )", ")"))
    if rows and not hasattr(item, "_fields"):
        parts += ["| member | what it is |", "| --- | --- |", *rows, ""]
    return "\n".join(parts)


def reference():
    listed = [name for _, names in GROUPS for name in names]
    forgotten = sorted(set(qloom.__all__) - set(listed))
    if forgotten:
        raise SystemExit(f"scripts/python_reference.py: put into one of its groups: {', '.join(forgotten)}")
    text = HEAD + prose(qloom) + "\n"
    for title, names in GROUPS:
        text += f"\n## {title}\n"
        for name in names:
            if name in qloom.__all__:
                text += f"\n### {name}\n\n{entry(name, getattr(qloom, name))}"
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


if __name__ == "__main__":
    print(reference(), end="")
