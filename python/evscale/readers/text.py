"""Delimited text: CSV with commas, semicolons, tabs or bars; prefaces, comments, files without a header.

Built on the standard library's csv, which streams and tells the line of every row; pandas' reader guesses more and tells less.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .._refuse import refuse, shown
from .clocks import clock_of
from .encodings import lines
from .moments import moment
from .numbers import style_of
from .table import Block, Hints, Table

BLOCK = 65_536
MOST_HEADERS, LONGEST_NAME = 8, 300
MOST_NAMELESS = 3
"""Most words of a line without names that may be date, time and value; longer lines are those of a log."""
LOG = "lines of a log"
MOSTLY_EVEN = 0.9
LOOK_AT = 400
"""Lines that tell the delimiter and the header."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
RULE = re.compile(r"[\s\-+=|:]*--[\s\-+=|:]*")
"""A line that rules off the header, as psql, mysql and Markdown draw it."""
COUNT = re.compile(r"\(?\d+ rows?\b.*", re.IGNORECASE)
HEADER_COMMENT = re.compile(r"#\s*(?:time|date|ts)", re.IGNORECASE)
"""Begins a header that is written as a comment."""
FIELDS = "#Fields:"
"""Begins the header of a log in the W3C extended format, as IIS and CloudFront write it."""
TOTALS = frozenset(("total", "sum", "totals", "summe", "gesamt", "grand total", "average", "mean", "overall"))


def is_total(value: Any) -> bool:
    """Tells whether a cell begins a row that sums the others up."""
    return isinstance(value, str) and value.strip().lower().rstrip(":") in TOTALS


@dataclass(frozen=True)
class Shape:
    """Delimiter, place of the header and names of a delimited text.

    `header` is the number of rows before the first data row; `named` tells whether the last of them holds the names.
    """

    delimiter: str
    header: int
    names: tuple[str, ...]
    named: bool
    comments: bool


def read_text(path: str, encoding: str) -> Table:
    """Returns the table of a delimited text file."""
    with lines(path, encoding) as file:
        first = _logical(islice(file, LOOK_AT))
    if not any(line.strip() for line in first):
        raise refuse(f"{path}: line 1 is empty, expected a header such as timestamp,events")
    shape = _shape(path, first)

    def where(index: int | None = None) -> str:
        return path if index is None else f"{path}: line {_line(path, encoding, shape, index)}"

    def blocks(names: Sequence[str]) -> Iterator[Block]:
        places = [shape.names.index(name) for name in names]
        done = 0
        for rows in _rows(path, encoding, shape):
            _check_lengths(path, rows, done, shape, where)
            yield {name: [row[place] for row in rows] for name, place in zip(names, places, strict=True)}
            done += len(rows)

    words = f"text with {DELIMITERS[shape.delimiter]}" if len(shape.names) > 1 else "text with one column"
    notes = () if shape.named else ("the file has no header",)
    is_log = shape.delimiter == " " and not shape.named and len(shape.names) > MOST_NAMELESS
    if encoding not in ("utf-8", "utf-8-sig"):
        words += f" in {encoding.upper()}"
    return Table(shape.names, blocks, where, words, notes, Hints(about=LOG if is_log else ""))


def _logical(given: Iterator[str]) -> list[str]:
    """Returns lines without their ends, of which there are three kinds."""
    return "".join(given).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _shape(path: str, first: list[str]) -> Shape:
    told = first[0].strip().lower() if first[0][:4].lower() == "sep=" else ""
    body = first[1:] if told else first
    fields_of_log = next((line for line in body if line.startswith(FIELDS)), None)
    if fields_of_log is not None:
        return _shape_of_log(body, fields_of_log)
    comments = any(line.startswith("#") for line in body) and not HEADER_COMMENT.match(body[0])
    kept = [line for line in body if line.strip() and not (comments and line.startswith("#")) and not RULE.fullmatch(line)]
    if not kept:
        raise refuse(f"{path}: every line begins with #, expected rows of a time and a count")
    delimiter = told[4:5] if told[4:5] in DELIMITERS and told else _delimiter(kept)
    fields = [[cell.strip() for cell in row] for row in _parsed(path, kept, delimiter)]
    width = Counter(len(row) for row in fields[1:] or fields).most_common(1)[0][0]
    width = width if any(len(row) == width for row in fields[:20]) else len(fields[0])
    before = next(place for place, row in enumerate(fields) if len(row) >= width)
    if before and any(moment(cell) for cell in fields[before]):
        before = 0
    before = _header(fields, before, width)
    names = fields[before]
    named = not _is_data(names, fields[before + 1:]) and not (delimiter == " " and len(set(names)) < len(names))
    above = before + (1 if told else 0)
    if not named:
        return Shape(delimiter, above, _invented(fields[before:]), False, comments)
    _check_names(path, names, above + 1)
    return Shape(delimiter, above + 1, _names(names), True, comments)


def _check_names(path: str, names: list[str], line: int) -> None:
    longest = max(map(len, names))
    if longest > LONGEST_NAME:
        raise refuse(f"{path}: a column name of {longest} characters, expected at most {LONGEST_NAME}; is this text with a header?")
    twice = next((name for name, count in Counter(names).items() if count > 1 and name), None)
    if twice is not None:
        raise refuse(f"{path}: line {line}: column {shown(twice)} is there twice, expected each name once; rename one of them")


def _shape_of_log(body: list[str], header: str) -> Shape:
    names = tuple(header.removeprefix(FIELDS).split())
    rows = [line for line in body if line.strip() and not line.startswith("#")]
    delimiter = "\t" if rows and "\t" in rows[0] else " "
    return Shape(delimiter, 0, names, True, True)


def _header(fields: list[list[str]], before: int, width: int) -> int:
    """Returns the row right before the first one with a time, if some rows of names come before the data."""
    for place in range(before, min(len(fields) - 1, before + MOST_HEADERS)):
        rows = fields[place:place + 20]
        if any(moment(row[column]) for row in rows[:1] for column in range(len(row))):
            return max(before, place - 1) if len(fields[place - 1]) == width else before
    return before


def _delimiter(kept: list[str]) -> str:
    """Returns the delimiter that cuts most lines into the same number of fields, more than one."""
    def share(delimiter: str) -> tuple[float, int]:
        widths = Counter(len(row) for row in csv.reader(kept[:200], delimiter=delimiter, skipinitialspace=True))
        width, count = max(((width, count) for width, count in widths.items() if width > 1), key=lambda item: item[1], default=(1, 0))
        return round(count / len(kept[:200]), 2), width

    try:
        best = max((delimiter for delimiter in DELIMITERS if delimiter != " "), key=share)
        return " " if share(best)[1] == 1 and share(" ")[0] > MOSTLY_EVEN and share(" ")[1] > 1 else best
    except csv.Error:
        return ","


def _parsed(path: str, kept: list[str], delimiter: str) -> list[list[str]]:
    reader = csv.reader(kept, delimiter=delimiter, skipinitialspace=True)
    try:
        return [row for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as problem:
        raise refuse(f"{path}: line {reader.line_num}: {problem}, expected rows of a time and a count") from None


def _is_data(names: list[str], rows: list[list[str]]) -> bool:
    """Tells whether the row that should hold the names holds a time already, as the rows below do."""
    if any(moment(name) for name in names):
        return True
    column = {place for place, name in enumerate(names) if style_of([name]) is not None and clock_of([name]) is not None}
    return any(clock_of([row[place] for row in rows[:50] if len(row) > place]) is not None for place in column) and len(rows) > 1


def _names(cells: list[str]) -> tuple[str, ...]:
    return tuple(cell.lstrip("# ") or f"column {place}" for place, cell in enumerate(cells, 1))


def _invented(rows: list[list[str]]) -> tuple[str, ...]:
    """Returns names by what the columns hold: timestamp, value, and series for text; several numbers are told by their places."""
    columns = [[row[place] for row in rows if len(row) > place] for place in range(len(rows[0]))]
    times = [place for place, cells in enumerate(columns) if clock_of(cells) is not None]
    numbers = [place for place, cells in enumerate(columns) if place not in times and style_of(cells) is not None]
    out: list[str] = []
    for place in range(len(columns)):
        name = "timestamp" if place in times[:1] else "value" if numbers == [place] else "series"
        is_plain = place in times[:1] or numbers == [place] or (place not in numbers and name not in out and place not in times)
        out.append(name if is_plain else f"column {place + 1}")
    return tuple(out)


def _rows(path: str, encoding: str, shape: Shape) -> Iterator[list[list[str]]]:
    """Yields blocks of data rows, without blank lines, comments and repeated headers."""
    with lines(path, encoding) as file:
        for _, rows in _numbered(path, file, shape):
            yield rows


def _numbered(path: str, file: Any, shape: Shape) -> Iterator[tuple[int, list[list[str]]]]:
    source: Iterator[str] = (line for line in file if not line.startswith("#")) if shape.comments else iter(file)
    if shape.delimiter == "|":
        source = (line for line in source if not RULE.fullmatch(line))
    reader = csv.reader(source, delimiter=shape.delimiter, skipinitialspace=True)
    try:
        skipped = 0
        while skipped < shape.header:
            skipped += 1 if any(cell.strip() for cell in next(reader, ["end"])) else 0
        names, last = shape.names, shape.names[-1]
        while block := list(islice(reader, BLOCK)):
            rows = block if set(map(len, block)) == {len(names)} and len(names) > 1 else [row for row in block if len(row) > 1 or (row and row[0].strip())]
            if shape.named and last in {row[-1] for row in rows}:
                rows = [row for row in rows if _names([cell.strip() for cell in row]) != names]
            yield reader.line_num, rows
    except csv.Error as problem:
        raise refuse(f"{path}: line {reader.line_num}: {problem}; expected rows of {len(shape.names)} fields") from None


def _check_lengths(path: str, rows: list[list[str]], done: int, shape: Shape, where: Callable[..., str]) -> None:
    width = len(shape.names)
    if set(map(len, rows)) <= {width}:
        return
    if rows and (is_total(rows[-1][0]) or (len(rows[-1]) < width and COUNT.fullmatch(" ".join(rows[-1]).strip()))):
        rows.pop()
    for place, row in enumerate(rows):
        if len(row) == width + 1 and row[-1].strip() == "":
            row.pop()
        if len(row) != width:
            raise refuse(f"{where(done + place)} has {len(row)} fields, expected {width} ({shown(shape.delimiter.join(shape.names))})")


def _line(path: str, encoding: str, shape: Shape, index: int) -> int:
    """Returns the line on which a data row ends, by reading up to it again."""
    with lines(path, encoding) as file:
        counted = _Counted(file, shape)
        reader = csv.reader(counted, delimiter=shape.delimiter, skipinitialspace=True)
        seen, skipped = -1, 0
        for row in reader:
            if not row or not (len(row) > 1 or row[0].strip()):
                continue
            if skipped < shape.header:
                skipped += 1 if any(cell.strip() for cell in row) else 0
                continue
            seen += 0 if shape.named and _names([cell.strip() for cell in row]) == shape.names else 1
            if seen == index:
                break
        return counted.number


class _Counted:
    """Lines of a file without comments and rules, with the number of the newest one."""

    def __init__(self, file: Any, shape: Shape) -> None:
        self.file, self.shape, self.number = iter(file), shape, 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        while True:
            line: str = next(self.file)
            self.number += 1
            is_rule = self.shape.delimiter == "|" and RULE.fullmatch(line)
            if not (self.shape.comments and line.startswith("#")) and not is_rule:
                return line
