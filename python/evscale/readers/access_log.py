"""Access logs: the common and combined formats of nginx and Apache, each line one request.

The patterns are those of the servers' documentation; a number after the quoted fields is the time of the request, in seconds
with a fraction (nginx `$request_time`), or in microseconds (Apache `%D`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from .._refuse import refuse, shown
from .encodings import lines
from .table import Block, Hints, Table

BLOCK = 65_536
LOOK_AT = 50
TOLERATED = 0.02
"""Share of lines of another form that is passed over."""
LINE = re.compile(
    r'(?:\S+ )?(?P<host>\S+) \S+ (?:\S+|"[^"]*") \[(?P<timestamp>[^\]]{20,40})\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?:\d+|-)'
    r'(?P<rest>.*)')
DURATION = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\s|-)*(?:rt=|request_time=)?"?(?P<duration>\d+(?:\.\d+)?)"?')
NAMES = ("timestamp", "status", "method", "path", "duration")


def is_access_log(first: Sequence[str]) -> bool:
    """Tells whether most of the first lines are those of an access log."""
    kept = [line for line in first[:LOOK_AT] if line.strip()]
    return bool(kept) and sum(LINE.match(line) is not None for line in kept) > 0.8 * len(kept)


def read_access_log(path: str, encoding: str) -> Table:
    """Returns the table of an access log: timestamp, status, method, path and duration of every request."""
    with lines(path, encoding) as file:
        sample = [row for row in map(_row, islice(file, LOOK_AT)) if row is not None]
    known = [row[4] for row in sample if row[4] is not None]
    seconds = any("." in value for value in known)
    roles = {"timestamp": "timestamp"}
    if len(known) > len(sample) // 2:
        roles["service_s" if seconds else "service_us"] = "duration"

    def where(index: int | None = None) -> str:
        return path if index is None else f"{path}: request {index + 1}"

    def blocks(names: Sequence[str]) -> Iterator[Block]:
        places = [NAMES.index(name) for name in names]
        with lines(path, encoding) as file:
            number = seen = strange = 0
            while part := list(islice(file, BLOCK)):
                rows = []
                for line in part:
                    number += 1
                    row = _row(line)
                    if row is not None:
                        rows.append(row)
                    elif line.strip():
                        strange += 1
                        if strange > 20 and strange > TOLERATED * (seen + len(rows)):
                            raise refuse(f"{path}: line {number} is {shown(line.strip())}, expected an access log line such as "
                                         '192.0.2.1 - - [04/Mar/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 512')
                seen += len(rows)
                yield {name: [row[place] for row in rows] for name, place in zip(names, places, strict=True)}

    return Table(NAMES, blocks, where, "access log", hints=Hints(roles=roles, kind="events"))


def _row(line: str) -> tuple[str, str, str, str, str | None] | None:
    found = LINE.match(line)
    if found is None:
        return None
    method, _, target = found["request"].partition(" ")
    duration = DURATION.match(found["rest"])
    return found["timestamp"], found["status"], method, target.partition(" ")[0].partition("?")[0], duration and duration["duration"]
