"""Builds the pages of the Python package: python tools/docs.py FOLDER. A warning is an error."""

import sys
import warnings
from pathlib import Path

import evscale
import pdoc

MODULES = ("evscale", "evscale.readers", "evscale.sources", "evscale.gym", "evscale.testing")

if __name__ == "__main__":
    warnings.simplefilter("error")
    for name in evscale.__all__:
        setattr(evscale, name, getattr(evscale, name))  # names that are imported when used
    pdoc.render.configure(docformat="numpy", show_source=False)
    pdoc.pdoc(*MODULES, output_directory=Path(sys.argv[1]))
