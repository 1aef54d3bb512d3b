"""Samples of Prometheus as text, one a line with its labels, value and time: the OpenMetrics text, and what `promtool tsdb dump` writes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from .._refuse import refuse, shown
from .encodings import lines
from .points import Points, of_points
from .table import Table

LOOK_AT = 50
SAMPLE = re.compile(
    r'(?P<name>[A-Za-z_:][\w:]*)?(?:\{(?P<labels>(?:"(?:[^"\\]|\\.)*"|[^"}])*)\})?\s+(?P<value>[-+\w.]+)\s+(?P<at>\d+(?:\.\d+)?)(?:\s+#.*)?\s*')
LABEL = re.compile(r'([\w.]+|"(?:[^"\\]|\\.)*")\s*=\s*"((?:[^"\\]|\\.)*)"')
NAME = "__name__"


def is_exposition(first: Sequence[str]) -> bool:
    """Tells whether the first lines are samples with labels and times."""
    kept = [line for line in first[:LOOK_AT] if line.strip() and not line.startswith("#")]
    found = [SAMPLE.fullmatch(line) for line in kept]
    return bool(kept) and all(one is not None for one in found) and any(one is not None and one["labels"] for one in found)


def read_exposition(path: str, encoding: str) -> Table:
    """Returns the table of samples: timestamp, value and a column per label."""
    series: dict[tuple[tuple[str, str], ...], tuple[list[str], list[str]]] = {}
    with lines(path, encoding) as file:
        number = 0
        while part := list(islice(file, 65_536)):
            for line in part:
                number += 1
                if not line.strip() or line.startswith("#"):
                    continue
                found = SAMPLE.fullmatch(line.rstrip("\r\n"))
                if found is None:
                    raise refuse(f'{path}: line {number} is {shown(line.strip())}, expected a sample with its time such as '
                                 'orders_total{queue="mails"} 41 1772409600')
                labels = dict(LABEL.findall(found["labels"] or ""))
                labels[NAME] = found["name"] or labels.get(NAME, "")
                times, values = series.setdefault(tuple(sorted(labels.items())), ([], []))
                times.append(found["at"])
                values.append(found["value"])
    points = [Points(times, values, dict(labels)) for labels, (times, values) in series.items()]
    names = dict.fromkeys(str(one.labels[NAME]) for one in points)
    return of_points(points, path, "samples of Prometheus", stamp="end", about=" ".join(names))
