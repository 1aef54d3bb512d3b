"""Docstrings, types and the stub, by the tools that users run."""

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from evscale import _evscale

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["evscale", "evscale.history", "evscale.report", "evscale.snapshot", "evscale.testing", "evscale.adapters.driver",
                                  "evscale.adapters.executors", "evscale.adapters.processes"])
def test_examples_in_docstrings(name):
    ran = doctest.testmod(importlib.import_module(name))
    assert ran.attempted > 0 and ran.failed == 0


def documented():
    """Docstrings of the compiled classes and their members, by name."""
    for name, thing in vars(_evscale).items():
        if inspect.isclass(thing) and not issubclass(thing, Exception):
            yield name, thing.__doc__
            yield from ((f"{name}.{member}", value.__doc__) for member, value in vars(thing).items()
                        if not member.startswith("_"))


def test_everything_compiled_is_documented():
    assert [name for name, text in documented() if not text] == []
    assert len(EXAMPLES) > 8


EXAMPLES = {name: text for name, text in documented() if ">>>" in (text or "")}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_compiled_classes(name):
    test = doctest.DocTestParser().get_doctest(EXAMPLES[name], {}, name, None, None)
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("command", [
    ["mypy.stubtest", "evscale._evscale", "--allowlist", "tests/python/stubtest-allowlist.txt"],
    ["mypy"],
    ["ruff", "check", "python/evscale", "examples/python", "notebooks", "tests/python"],
])
def test_tools_have_no_complaint(command):
    pytest.importorskip(command[0].partition(".")[0])
    ran = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_package_alone_imports_no_optional_library():
    code = ("import sys, evscale; print([m for m in ('pandas', 'polars', 'pyarrow', 'matplotlib', 'narwhals', 'torch', "
            "'gymnasium') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
