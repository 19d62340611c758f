"""docs/python.md, the stubs and the package say the same."""

import ast
import inspect
import importlib.util
import unittest
from pathlib import Path

import qloom
from qloom import _native

ROOT = Path(__file__).resolve().parents[2]


class Reference(unittest.TestCase):
    def test_it_is_up_to_date(self):
        spec = importlib.util.spec_from_file_location("python_reference", ROOT / "scripts" / "python_reference.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.assertEqual(
            (ROOT / "docs" / "python.md").read_text(),
            module.reference(),
            "run: PYTHONPATH=build/python python3 scripts/python_reference.py > docs/python.md",
        )

    def test_everything_public_is_explained_and_typed(self):
        for name in qloom.__all__:
            item = getattr(qloom, name)
            self.assertTrue(inspect.getdoc(item), name)
            functions = [(name, item)] if inspect.isfunction(item) else []
            if inspect.isclass(item) and item.__module__.startswith("qloom.") and not hasattr(item, "_fields"):
                functions += [
                    (f"{name}.{member}", what.fget if isinstance(what, property) else what)
                    for member, what in vars(item).items()
                    if not member.startswith("_") and (inspect.isfunction(what) or isinstance(what, property))
                ]
            for where, function in functions:
                self.assertTrue(inspect.getdoc(function), where)
                signature = inspect.signature(function)
                self.assertIsNot(signature.return_annotation, inspect.Signature.empty, where)
                for parameter in signature.parameters.values():
                    if parameter.name != "self":
                        self.assertIsNot(parameter.annotation, inspect.Parameter.empty, f"{where}: {parameter.name}")

    def test_the_stubs_name_what_the_native_module_has(self):
        stubs = ast.parse((Path(qloom.__file__).parent / "_native.pyi").read_text())
        named = {node.name: node for node in stubs.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        real = {name for name in dir(_native) if not name.startswith("_")}
        self.assertEqual(set(named), real)
        members = {
            getattr(node, "name", None) or node.target.id
            for node in named["Model"].body
            if isinstance(node, (ast.FunctionDef, ast.AnnAssign))
        }
        self.assertEqual({name for name in members if name != "__init__"}, {name for name in dir(_native.Model) if not name.startswith("_")})


if __name__ == "__main__":
    unittest.main()
