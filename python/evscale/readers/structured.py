"""JSON and JSON lines: answers of monitoring systems, buckets of Elasticsearch, events of load tests, and plain records.

Built on the standard library's json. What no tool's shape fits is searched for its longest list of records or of pairs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from .._refuse import refuse, shown
from .clocks import clock_of
from .elastic import buckets, hits
from .encodings import lines
from .monitoring import SHAPES, first_of
from .opentelemetry import opentelemetry
from .parallel import parallel, parallels
from .points import Points, of_points
from .table import Block, Table, flattened, of_columns, of_records, row_name

DEEPEST = 12
BLOCK = 65_536
LEAST_ROWS = 3


def is_json(start: str) -> bool:
    """Tells whether a text begins as JSON does."""
    text = start.lstrip()
    return text[:1] == "{" or (text[:1] == "[" and text[1:].lstrip()[:1] in ("{", "[", '"', "]", "-", *"0123456789"))


def read_json(path: str, encoding: str) -> Table:
    """Returns the table of a JSON document or of JSON lines."""
    with lines(path, encoding) as file:
        first = list(islice((line for line in file if line.strip()), 2))
    if len(first) == 2 and all(_object(line) is not None for line in first):
        return _documents(path, encoding) if _holds_series(_object(first[0])) else _json_lines(path, encoding)
    with lines(path, encoding) as file:
        text = file.read()
    try:
        data = json.loads(text)
    except json.JSONDecodeError as problem:
        if problem.lineno == 1 and problem.pos <= 1:
            raise refuse(f"{path}: line 1 is {shown(text[:80].splitlines()[0])}, which begins as JSON does and is none, expected JSON or rows of a "
                         "time and a count; export it in another format") from None
        raise refuse(f"{path}: line {problem.lineno}: {problem.msg}, expected JSON; export it again as a whole") from None
    except (RecursionError, ValueError) as problem:
        raise refuse(f"{path}: JSON that is too deep or has a number too long ({str(problem)[:60]}), expected a list of records") from None
    return of_document(data, path)


def of_document(data: Any, source: str) -> Table:
    """Returns the table of parsed JSON."""
    if isinstance(data, str):
        raise refuse(f"{source}: a JSON text {shown(data)}, expected records with a time and a count")
    table = first_of(data, source, (*SHAPES, opentelemetry, buckets, hits)) or first_of(data, source, (_columns, parallel, _found))
    if table is None:
        raise refuse(f"{source}: JSON without a list of records or of (time, value) pairs, expected for example "
                     '[{"timestamp": "2026-01-05T00:00:00Z", "events": 5}, ...]; jq can cut such a list out')
    return table


def _holds_series(record: Any) -> bool:
    """Tells whether a line holds many points rather than one record."""
    return "resourceMetrics" in record or next(parallels(record), None) is not None


def _documents(path: str, encoding: str) -> Table:
    with lines(path, encoding) as file:
        found = [(number, line, _object(line)) for number, line in enumerate(file, 1) if line.strip()]
    for number, line, value in found:
        if value is None:
            raise refuse(f"{path}: line {number} is {shown(line.strip())}, expected a JSON object")
    return of_document([value for _, _, value in found], path)


def _object(line: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Mapping) else None


def _json_lines(path: str, encoding: str) -> Table:
    with lines(path, encoding) as file:
        first = [_unwrapped(record) for record in (_object(line) for line in islice(file, 200) if line.strip()) if record]
    names = tuple(dict.fromkeys(name for record in first for name in record))

    def where(index: int | None = None) -> str:
        return path if index is None else f"{path}: line {index + 1}"

    def blocks(wanted: Sequence[str]) -> Iterator[Block]:
        with lines(path, encoding) as file:
            number = 0
            while part := list(islice(file, BLOCK)):
                records = []
                for line in part:
                    number += 1
                    if not line.strip():
                        continue
                    record = _object(line)
                    if record is None:
                        raise refuse(f"{path}: line {number} is {shown(line.strip())}, expected a JSON object")
                    records.append(_unwrapped(record))
                yield {name: [record.get(name) for record in records] for name in wanted}

    return Table(names, blocks, where, "JSON lines")


def _unwrapped(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a record; those of Splunk's export and of Elasticsearch's hits are one level down."""
    for key in ("result", "_source"):
        if isinstance(record.get(key), Mapping):
            record = record[key]
    return flattened(record)


def _columns(data: Any, source: str) -> Table | None:
    """Reads an object of columns of equal length."""
    if not isinstance(data, Mapping):
        return None
    lists = {str(name): value for name, value in data.items() if isinstance(value, list)}
    lengths = {len(value) for value in lists.values()}
    if len(lists) < 2 or len(lengths) > 1 or min(lengths) < LEAST_ROWS or any(isinstance(value[0], (list, Mapping)) for value in lists.values()):
        return None
    return of_columns(lists, source, "JSON columns")


def _found(data: Any, source: str) -> Table | None:
    lists = sorted(_lists(data, 0, ""), key=lambda one: -len(one[1]))
    for path, rows in lists:
        if all(isinstance(row, Mapping) for row in rows):
            words = "JSON records" + (f" under {path}" if path else "")
            return of_records([_unwrapped(row) for row in rows], source, words, where=row_name(source))
    for path, rows in lists:
        table = _named_rows(data, rows, source)
        if table is not None:
            return table
    for path, rows in lists:
        if all(isinstance(row, list) and len(row) == 2 for row in rows):
            return _pairs(rows, source, "JSON pairs" + (f" under {path}" if path else ""))
    return _keyed(data, source) or _scattered(data, source)


def _named_rows(data: Any, rows: list[Any], source: str) -> Table | None:
    """Reads rows as lists beside a list of their names, as in answers of SQL engines and Netdata."""
    width = len(rows[0]) if isinstance(rows[0], list) else 0
    if width < 2 or not all(isinstance(row, list) and len(row) == width for row in rows):
        return None
    for names in _headers(data, 0):
        if len(names) == width:
            return of_columns({name: [row[place] for row in rows] for place, name in enumerate(names)}, source, "JSON rows with names")
    return None


def _headers(data: Any, depth: int) -> Iterator[list[str]]:
    """Yields lists of different names: texts, or objects with a name."""
    if depth > DEEPEST or not isinstance(data, Mapping):
        return
    for value in data.values():
        if isinstance(value, list) and value:
            names = [one.get("name") if isinstance(one, Mapping) else one for one in value[:1000]]
            if all(isinstance(name, str) for name in names) and len(set(names)) == len(names) == len(value):
                yield [str(name) for name in names]
        yield from _headers(value, depth + 1)


def _scattered(data: Any, source: str) -> Table | None:
    """Reads a list of times somewhere and lists of as many numbers elsewhere, as charts keep them."""
    found = list(_scalar_lists(data, 0, "value"))
    times = next((values for _, values in found if clock_of(values[:200]) is not None), None)
    if times is None:
        return None
    series = {name: values for name, values in found if values is not times and len(values) == len(times)}
    return of_columns({"timestamp": times} | series, source, "JSON lists") if series else None


def _scalar_lists(data: Any, depth: int, name: str) -> Iterator[tuple[str, list[Any]]]:
    if depth > DEEPEST:
        return
    if isinstance(data, Mapping):
        own = next((str(data[key]) for key in ("label", "name", "title") if isinstance(data.get(key), str)), None)
        for key, value in data.items():
            yield from _scalar_lists(value, depth + 1, own or str(key))
    elif isinstance(data, list):
        if len(data) >= LEAST_ROWS and not any(isinstance(value, (list, Mapping)) for value in data):
            yield name, data
        for value in data[:1000]:
            yield from _scalar_lists(value, depth + 1, name)


def _keyed(data: Any, source: str) -> Table | None:
    """Reads objects whose keys are times, as in OpenTSDB's `dps`; several of them are several series."""
    found = list(_time_maps(data, 0, {}))
    return of_points(found, source, "JSON with times as keys") if found else None


def _time_maps(data: Any, depth: int, labels: dict[str, Any]) -> Iterator[Points]:
    if depth > DEEPEST:
        return
    if isinstance(data, list):
        for value in data[:1000]:
            yield from _time_maps(value, depth + 1, labels)
    elif isinstance(data, Mapping):
        if len(data) >= LEAST_ROWS and clock_of(list(data)[:50]) is not None and not any(isinstance(one, (list, Mapping)) for one in data.values()):
            yield Points(list(data), list(data.values()), labels)
            return
        plain = labels | {str(name): value for name, value in flattened(data).items() if isinstance(value, str) and clock_of([name]) is None}
        for value in data.values():
            yield from _time_maps(value, depth + 1, plain)


def _lists(data: Any, depth: int, path: str) -> Iterator[tuple[str, list[Any]]]:
    """Yields every list of records or pairs, with its path."""
    if depth > DEEPEST:
        return
    if isinstance(data, Mapping):
        for name, value in data.items():
            yield from _lists(value, depth + 1, f"{path}.{name}".lstrip("."))
    elif isinstance(data, list):
        if len(data) >= LEAST_ROWS and isinstance(data[0], (Mapping, list)):
            yield path, data
        for value in data[:20]:
            if isinstance(value, (Mapping, list)):
                yield from _lists(value, depth + 1, path)


def _pairs(rows: list[list[Any]], source: str, words: str) -> Table:
    left, right = [row[0] for row in rows], [row[1] for row in rows]
    if clock_of(left[:200]) is None and clock_of(right[:200]) is not None:
        left, right = right, left
    return of_points([Points(left, right)], source, words)
