"""What is not known for sure of a source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Remark:
    """Something that is not known for sure, and the option that settles it; `asked` remarks stop a forecast."""

    words: str
    option: str = ""
    asked: bool = False


def iso(ms: int) -> str:
    """Returns epoch milliseconds as RFC 3339 text."""
    text = str(np.datetime64(ms, "ms"))
    return text.removesuffix(".000") + "Z"
