"""Runs the notebooks and writes what they show beside them: python tools/render_notebooks.py [NAME ...]"""

import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"


def render(path: Path) -> None:
    """Runs a Jupytext file in an empty folder; nothing of the machine or the run stays in the result."""
    notebook = jupytext.read(path)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}},
                       record_timing=False).execute()
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{path.stem}-{number}"
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
                         "language_info": {"name": "python"}}
    nbformat.write(notebook, path.with_suffix(".ipynb"))
    print(f"{path.stem}: {path.with_suffix('.ipynb').stat().st_size // 1024} KB")


if __name__ == "__main__":
    for path in sorted(FOLDER.glob("*.py")):
        if not sys.argv[1:] or path.stem in sys.argv[1:]:
            render(path)
