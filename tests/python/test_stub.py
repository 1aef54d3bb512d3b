"""The stub says what the compiled module has: names, and parameters with their defaults."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from evscale import Config, _evscale

STUB = ast.parse((Path(__file__).parents[2] / "python/evscale/_evscale.pyi").read_text())
FROM_OBJECT = {"__new__", "__eq__", "__getattr__", "__dir__"}


def public(thing):
    return {name for name in vars(thing) if not name.startswith("_")}


def classes():
    return {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}


def functions(body):
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def parameters(node, method):
    """Names with the text of the default, or None."""
    given = node.args.posonlyargs + node.args.args
    defaults = [None] * (len(given) - len(node.args.defaults)) + [ast.literal_eval(d) for d in node.args.defaults]
    has = [False] * (len(given) - len(node.args.defaults)) + [True] * len(node.args.defaults)
    rows = [(arg.arg, default if there else inspect.Parameter.empty)
            for arg, default, there in zip(given, defaults, has, strict=True)]
    rows += [(arg.arg, inspect.Parameter.empty if default is None else ast.literal_eval(default))
             for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
    return rows[1:] if method else rows


def compiled(callable_, method):
    rows = [(p.name, p.default) for p in inspect.signature(callable_).parameters.values()
            if p.kind is not inspect.Parameter.VAR_KEYWORD]
    return rows[1:] if method and rows and rows[0][0] == "self" else rows


def test_the_same_names_are_in_both():
    constants = {node.target.id for node in STUB.body if isinstance(node, ast.AnnAssign) and node.value is None}
    assert set(classes()) | set(functions(STUB.body)) | constants - {"__version__"} == public(_evscale)


@pytest.mark.parametrize("name", sorted(classes()))
def test_classes_have_the_same_members(name):
    real = getattr(_evscale, name)
    if issubclass(real, Exception):
        return
    stub = functions(classes()[name].body)
    settings = set(Config().to_dict()) if name == "Config" else set()
    assert {member for member in stub if not member.startswith("_")} == public(real) | settings
    for member, node in stub.items():
        if member in settings:
            continue
        assert hasattr(real, member), member
        decorators = {decorator.id for decorator in node.decorator_list if isinstance(decorator, ast.Name)}
        if "property" in decorators:
            assert inspect.isgetsetdescriptor(vars(real)[member]), member
        elif member not in FROM_OBJECT:
            static = "staticmethod" in decorators
            assert isinstance(vars(real)[member], staticmethod) == static, member
            assert parameters(node, not static) == compiled(getattr(real, member), not static), member


@pytest.mark.parametrize("name", sorted(set(classes()) - {"Config"}))
def test_classes_are_made_from_the_same_arguments(name):
    real = getattr(_evscale, name)
    stub = functions(classes()[name].body).get("__new__")
    if stub is not None:
        assert parameters(stub, True) == compiled(real, False)


@pytest.mark.parametrize("name", sorted(functions(STUB.body)))
def test_functions_have_the_same_parameters(name):
    assert parameters(functions(STUB.body)[name], False) == compiled(getattr(_evscale, name), False)


def test_the_settings_are_those_of_the_configuration():
    stub = functions(classes()["Config"].body)["__new__"]
    assert [arg.arg for arg in stub.args.kwonlyargs] == list(Config().to_dict())


def test_the_stub_has_the_docstrings_and_settings_of_the_module():
    ran = subprocess.run([sys.executable, "tools/stub.py", "--check"], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
