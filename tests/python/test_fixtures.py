"""The README of a folder of fixtures names every file in it, and nothing else."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "evscale-core/tests/fixtures"


def named(text):
    """The first cell of each row, as the names in it."""
    return {name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}


def files(folder):
    return {path.name for path in folder.iterdir() if path.is_file() and path.name != "README.md"}


@pytest.mark.parametrize("folder", ["tests/golden", "python/training/fixtures"])
def test_every_file_is_named(folder):
    assert named((ROOT / folder / "README.md").read_text()) == files(ROOT / folder)


def test_every_fixture_of_the_core_is_named():
    plain, broken, hostile = re.split(r"^## ", (CORE / "README.md").read_text(), flags=re.MULTILINE)
    assert named(plain) == files(CORE)
    assert {f"{part}_{kind}.onnx" for kind in named(broken) for part in ("forecaster", "policy")} == files(CORE / "broken")
    assert named(hostile) == files(CORE / "hostile")
