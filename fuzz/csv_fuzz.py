"""Mutated CSV files through `History.read` and the records of `evscale`: a table, or a refusal that names the file.

Run: python fuzz/csv_fuzz.py [seconds] [seed]. The same seed tries the same files.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from evscale import EvscaleError
from evscale.history import History, as_columns

CORPUS = Path(__file__).parent / "corpus" / "csv"
FOUND = Path(__file__).parent / "found"
PIECES = [
    b"", b",", b"\n", b"\r", b"\r\n", b'"', b'""', b"\0", b"\xff", b"\xef\xbb\xbf", b";", b"\t", b" ", b"-", b"nan", b"inf",
    b"1e999", b"-0", b"1_000", "²".encode(), "٣".encode(), b"9" * 20, b"9" * 5000, b"x" * 140_000,
    b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b"2026-01-05T00:02:00Z", b"2026-W01-1", b"253402300800000",
    b"-62135596800001", b"timestamp", b"events", b"logged_events_count", b"average_processing_duration_ms", b"true",
]


def mutated(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """The data with one to four changes."""
    out = bytearray(data)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(out) + 1)
        end = min(len(out), at + rng.randrange(40))
        choice = rng.randrange(6)
        if choice == 0 and at < len(out):
            out[at] = rng.randrange(256)
        elif choice == 1:
            out[at:at] = rng.choice(PIECES)
        elif choice == 2:
            out[at:end] = rng.choice(PIECES)
        elif choice == 3:
            del out[at:end]
        elif choice == 4:
            out[at:at] = out[at:end]
        else:
            other = rng.choice(others)
            out[at:] = other[rng.randrange(len(other) + 1):]
    return bytes(out)


def problem_of(path: Path, rng: random.Random) -> str | None:
    """What is wrong with the answer to a file, if anything is."""
    gaps = rng.choice(["raise", "interpolate"])
    zone = rng.choice([None, "UTC", "Europe/Berlin"])
    try:
        history = History.read(path, time_zone=zone, gaps=gaps)
        known = history.events[history.events == history.events]
        if not (10 <= history.interval_seconds <= 3600 and len(history.events) >= 3 and (known >= 0).all()):
            return f"history out of range: {history}"
        as_columns(path, None)
    except EvscaleError as refusal:
        if not str(refusal).startswith(str(path)) or len(str(refusal)) > 1000:
            return f"refusal that does not name the file, or is too long: {str(refusal)[:300]}"
    except Exception as escaped:  # noqa: BLE001 - that none escapes is what is tested
        return f"{type(escaped).__name__}: {str(escaped)[:300]}"
    return None


def main() -> int:
    """Tries files until the time is over or one has a wrong answer."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    rng = random.Random(seed)
    seeds = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    tried, start = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.csv"
        cases = iter(seeds)
        while time.monotonic() - start < seconds:
            data = next(cases, None)
            data = mutated(rng, rng.choice(seeds), seeds) if data is None else data
            path.write_bytes(data)
            problem = problem_of(path, rng)
            tried += 1
            if problem is not None:
                FOUND.mkdir(exist_ok=True)
                kept = FOUND / f"csv-{seed}-{tried}.csv"
                kept.write_bytes(data)
                print(f"seed {seed}, file {tried}: {problem}\nkept as {kept}", file=sys.stderr)
                return 1
    print(f"csv_fuzz.py: {tried} files, {tried / seconds:.0f} per second, seed {seed}, no findings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
