"""The notebooks run from top to bottom."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
LONG = {"train_on_your_history"}  # trains for minutes, with torch: `make notebooks` runs it


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["backtest_your_csv", "bring_your_own_policy", "quickstart",
                                                  "train_on_your_history"]


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem not in LONG], ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    jupytext = pytest.importorskip("jupytext")
    pytest.importorskip("matplotlib")
    cells = jupytext.read(path).cells
    assert {cell.cell_type for cell in cells} == {"code", "markdown"}
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True,
                         env={**__import__("os").environ, "TMPDIR": str(tmp_path)})
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_rendered_copy_is_of_this_text(path):
    jupytext = pytest.importorskip("jupytext")
    sources = [[(cell.cell_type, cell.source) for cell in jupytext.read(one).cells] for one in (path, path.with_suffix(".ipynb"))]
    assert sources[0] == sources[1], "make notebooks"
    assert path.with_suffix(".ipynb").stat().st_size < 500_000
