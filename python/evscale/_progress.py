"""A progress line on a terminal."""

import sys
from collections.abc import Callable

WIDTH = 30


def progress(label: str) -> Callable[[int, int], None] | None:
    """Draws (done, total) as a line that is written over; None when standard error is no terminal."""
    if not sys.stderr.isatty():
        return None

    def tell(done: int, total: int) -> None:
        share = done / max(1, total)
        filled = int(WIDTH * share)
        print(f"\r{label:8} [{'#' * filled}{'.' * (WIDTH - filled)}] {100 * share:3.0f} %",
              end="\n" if done == total else "", file=sys.stderr, flush=True)

    return tell
