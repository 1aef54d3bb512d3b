"""Text in and out of the command: bounded files, standard input that may be closed, lines that control no terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

from .._evscale import readable_text
from .._refuse import contents, refuse

LARGEST_TEXT = 1 << 20
"""Most bytes of a configuration, a decision or a record."""


def text_of(path: Path) -> str:
    """Returns the text of a small file."""
    return contents(path, LARGEST_TEXT).decode("utf-8")


def standard_input() -> TextIO:
    """Returns standard input; a closed one is refused."""
    if sys.stdin is None:
        raise refuse("standard input is closed, expected text")
    return sys.stdin


def say(text: str, file: TextIO | None = None) -> None:
    """Prints lines with foreign text in them, such as a file's name: nothing in them controls the terminal."""
    print("\n".join(readable_text(line) for line in text.split("\n")), file=file, flush=file is not None)
