"""A progress line on a terminal."""

import sys
import time
from collections.abc import Callable

WIDTH = 30
SURE_AFTER = 0.03
"""Share of the work after which the rest of the time is told."""


def progress(label: str) -> Callable[[int, int], None] | None:
    """Draws (done, total) and the time left as a line that is written over; None when standard error is no terminal."""
    if not sys.stderr.isatty():
        return None
    start = time.monotonic()

    def tell(done: int, total: int) -> None:
        share = done / max(1, total)
        filled = int(WIDTH * share)
        print(f"\r{label:8} [{'#' * filled}{'.' * (WIDTH - filled)}] {100 * share:3.0f} %{left(share, time.monotonic() - start):14}",
              end="\n" if done == total else "", file=sys.stderr, flush=True)

    return tell


def left(share: float, seconds: float) -> str:
    """Returns the time left in words, after `seconds` for a share of the work.

    >>> left(0.25, 30.0), left(0.001, 1.0)
    (', 90 s left', '')
    """
    if not SURE_AFTER <= share < 1:
        return ""
    rest = seconds * (1 - share) / share
    return f", {rest:.0f} s left" if rest < 100 else f", {rest / 60:.0f} min left"
