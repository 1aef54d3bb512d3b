"""Histories from data frames, CSV and Parquet files, checked and put on a regular grid."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import islice
from os import PathLike, fspath
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from ._refuse import contents, door, missing, refuse, told

NAMES = {
    "timestamp": ("timestamp", "ds", "time", "datetime", "date"),
    "events": ("logged_events_count", "events", "y", "count", "value"),
    "service_ms": ("average_processing_duration_ms", "service_time_ms", "duration_ms"),
}
"""Names under which a column is found without a mapping."""

Gaps = Literal["raise", "interpolate"]
FURTHEST = 20_000_000
EARLIEST_MS, LATEST_MS = -2_208_988_800_000, 7_258_118_400_000
"""The years 1900 to 2199, epoch milliseconds, up to but not with the second."""
MOST_COLUMNS = 10_000
LARGEST = 1 << 30
"""Most bytes of a CSV file."""
LONGEST = 200
"""Most characters of a value or of a list of names in a message."""


@dataclass(frozen=True)
class Table:
    """Columns of a source, how a message names it or one of its rows, and the data frame library it came from."""

    columns: dict[str, Any]
    where: Callable[..., str]
    backend: Any = None


@dataclass(frozen=True, eq=False)
class History:
    """Arrivals per interval on a regular grid.

    Attributes
    ----------
    start_ms : int
        Beginning of the first interval, epoch milliseconds.
    interval_seconds : int
        Length of an interval.
    events : array of float
        Arrivals of every interval; NaN is unknown.
    service_ms : array of float or None
        Mean service time of an event, where the source has it.
    gaps : int
        Intervals without a row.
    """

    start_ms: int
    interval_seconds: int
    events: NDArray[np.float64]
    service_ms: NDArray[np.float64] | None = None
    gaps: int = 0
    backend: Any = None

    @classmethod
    @door
    def read(
        cls, source: Any, *, columns: Mapping[str, str] | None = None, time_zone: str | None = None, gaps: Gaps = "raise"
    ) -> History:
        """Reads a data frame (pandas, polars, pyarrow), a dict of columns, or the path of a CSV or Parquet file.

        Parameters
        ----------
        source
            One row per interval, oldest first: a time and a count of events. The column `logged_events_count` marks
            metrics records, whose time is the end of the interval; otherwise it is the beginning.
        columns
            The source's names for `timestamp`, `events` and `service_ms`.
        time_zone
            IANA name of the zone of times that have none.
        gaps
            What to do about absent rows: refuse them, or take them as unknown and interpolate.

        Examples
        --------
        >>> history = History.read({"when": ["2026-01-05T00:00:00Z", "2026-01-05T00:02:00Z", "2026-01-05T00:04:00Z"],
        ...                         "requests": [5, 7, 6]}, columns={"timestamp": "when", "events": "requests"})
        >>> history.interval_seconds, history.events
        (120, array([5., 7., 6.]))
        """
        table, columns = read_table(source), _names(columns)
        found = {role: _find(table, role, columns) for role in NAMES}
        unknown = set(columns) - set(NAMES)
        if unknown:
            raise refuse(f"columns maps {sorted(unknown)}, expected some of {list(NAMES)}")
        times, events = found["timestamp"], found["events"]
        if times is None or events is None:
            role = "timestamp" if times is None else "events"
            raise refuse(f"{table.where()}: no column for `{role}` among {_cut(list(table.columns))}, expected one of "
                         f"{list(NAMES[role])}, or a mapping columns={{'{role}': ...}}")
        stamps = _milliseconds(table, times, _zone(time_zone))
        counts = _numbers(table, events, least=0.0)
        slots, interval_ms = _grid(table, stamps, gaps)
        length = int(slots[-1]) + 1
        is_record = events == "logged_events_count"
        service = found["service_ms"]
        return cls(
            start_ms=int(stamps[0]) - (interval_ms if is_record else 0),
            interval_seconds=interval_ms // 1000,
            events=_placed(counts, slots, length),
            service_ms=None if service is None else _placed(_numbers(table, service, least=0.0), slots, length),
            gaps=length - len(slots),
            backend=table.backend,
        )


@door
def read_table(source: Any) -> Table:
    """The columns of a data frame, a dict of columns, or a CSV or Parquet file."""
    if isinstance(source, (str, PathLike)):
        path = str(fspath(source))
        return _parquet(path) if path.lower().endswith((".parquet", ".pq")) else _csv(path)
    if isinstance(source, Mapping):
        columns = {str(name): column for name, column in islice(source.items(), MOST_COLUMNS)}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise refuse(f"columns have different lengths: {_cut(lengths)}")
        return Table(columns, _row)
    return _frame(source)


@door
def as_columns(source: Any, columns: Mapping[str, str] | None) -> dict[str, list[Any]]:
    """Columns of metrics records: text of a file as numbers, foreign names as ours."""
    table = read_table(source)
    own = {theirs: ours for ours, theirs in _names(columns).items()}
    absent = [theirs for theirs in own if theirs not in table.columns]
    if absent:
        raise refuse(f"{table.where()}: no column {absent[0]!r} among {_cut(list(table.columns))}")
    result: dict[str, list[Any]] = {}
    for name, values in table.columns.items():
        ours = own.get(name, name)
        result[ours] = [_value(ours, value) for value in (values.to_list() if hasattr(values, "to_list") else values)]
    return result


def _names(columns: Mapping[str, str] | None) -> dict[str, str]:
    """Copies a mapping of our names to the source's."""
    if columns is not None and not isinstance(columns, Mapping):
        raise refuse(f"columns is {_cut(columns)}, expected a mapping of our names to the source's")
    return dict(islice((columns or {}).items(), MOST_COLUMNS))


def _value(name: str, value: Any) -> Any:
    if not isinstance(value, str) or name == "timestamp":
        return value
    text = value.strip()
    if text == "":
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        return value


def _row(index: int | None = None) -> str:
    return "history" if index is None else f"row {index}"


def _cut(value: Any) -> str:
    """The value as a message shows it."""
    try:
        text = repr(value[: LONGEST + 1] if isinstance(value, str) else value)
    except Exception:  # noqa: BLE001 the repr is the caller's code
        return "a value without a repr"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _text(path: str) -> str:
    try:
        return contents(path, LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = problem.object.count(b"\n", 0, problem.start) + 1
        raise refuse(f"{path}: line {line} has the byte {problem.object[problem.start]:#04x}, expected UTF-8") from None


def _csv(path: str) -> Table:
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        if not header:
            raise refuse(f"{path}: line 1 is empty, expected a header such as timestamp,events")
        if len(set(header)) < len(header):
            twice = next(name for name, count in Counter(header).items() if count > 1)
            raise refuse(f"{path}: line 1: column {_cut(twice)} is there twice")
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise refuse(f"{path}: line {reader.line_num} has {len(row)} fields, expected {len(header)} "
                             f"({_cut(','.join(header))})")
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as problem:
        raise refuse(f"{path}: line {reader.line_num}: {problem}") from None

    def where(index: int | None = None) -> str:
        return path if index is None else f"{path}: line {lines[index]}"

    return Table({name: [row[place] for row in rows] for place, name in enumerate(header)}, where)


def _parquet(path: str) -> Table:
    for library in ("polars", "pyarrow.parquet", "pandas"):
        try:
            module = __import__(library, fromlist=["_"])
        except ImportError:
            continue
        with open(path, "rb"):
            pass
        try:
            frame = module.read_table(path) if library == "pyarrow.parquet" else module.read_parquet(path)
        except Exception as problem:
            raise refuse(f"{path}: not a Parquet file that {library} can read: {told(problem)}") from problem
        table = _frame(frame)
        return Table(table.columns, lambda index=None: path if index is None else f"{path}: row {index}", table.backend)
    raise missing("polars, pyarrow or pandas", "a Parquet file", "data")


def _frame(source: Any) -> Table:
    import narwhals as nw

    try:
        frame = nw.from_native(source, eager_only=True)
    except TypeError:
        raise refuse(f"history is {type(source).__name__}, expected a data frame of pandas, polars or pyarrow, a dict of "
                     "columns, or the path of a CSV or Parquet file") from None
    return Table({name: frame[name] for name in frame.columns}, _row, nw.get_native_namespace(frame))


def _find(table: Table, role: str, columns: dict[str, str]) -> str | None:
    if role in columns:
        wanted = columns[role]
        if wanted not in table.columns:
            raise refuse(f"{table.where()}: no column {_cut(wanted)} among {_cut(list(table.columns))}")
        return wanted
    return next((name for name in NAMES[role] if name in table.columns), None)


def _zone(name: str | None) -> tzinfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise refuse(f"time zone {name!r} is not known, expected an IANA name such as Europe/Berlin") from None


def _milliseconds(table: Table, name: str, zone: tzinfo | None) -> NDArray[np.int64]:
    column = table.columns[name]
    dtype = getattr(column, "dtype", None)
    if hasattr(column, "dt") and str(dtype).startswith("Datetime"):
        if column.is_null().any():
            raise refuse(f"{table.where(int(np.argmax(column.is_null().to_numpy())))}: `{name}` is missing")
        aware = getattr(dtype, "time_zone", None) is not None
        if aware or zone is not None:
            values = column if aware else column.dt.replace_time_zone(str(zone))
            return np.asarray(values.dt.timestamp("ms").to_numpy(), dtype=np.int64)
    values = column.to_list() if hasattr(column, "to_list") else list(column)
    return np.array([_instant(value, zone, name, table, index) for index, value in enumerate(values)], dtype=np.int64)


def _instant(value: Any, zone: tzinfo | None, name: str, table: Table, index: int) -> int:
    expected = "expected an aware time such as 2026-01-05T10:00:00Z, or epoch milliseconds"
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    given = value
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and np.isfinite(value):
        return _within_years(int(value), name, table, index)
    if isinstance(value, str):
        text = value.strip()
        if text.removeprefix("-").isdecimal() and len(text) <= LONGEST:
            return _within_years(int(text), name, table, index)
        try:
            value = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
        except ValueError:
            raise refuse(f"{table.where(index)}: `{name}` is {_cut(given)}, {expected}") from None
    if not isinstance(value, datetime) or type(value).__name__ == "NaTType":
        raise refuse(f"{table.where(index)}: `{name}` is {_cut(given)}, {expected}")
    if value.tzinfo is None:
        if zone is None:
            raise refuse(f"{table.where(index)}: `{name}` is {value.isoformat()} without a time zone, so that its instant "
                         "is not known; write the zone, or give time_zone='UTC' or another IANA name")
        value = value.replace(tzinfo=zone)
    moment: datetime = value
    try:
        millis = round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        raise refuse(f"{table.where(index)}: `{name}` is {_cut(given)}, {expected}") from None
    return _within_years(millis, name, table, index)


def _within_years(millis: int, name: str, table: Table, index: int) -> int:
    if not EARLIEST_MS <= millis < LATEST_MS:
        raise refuse(f"{table.where(index)}: `{name}` is {_cut(millis)} ms since 1970, expected {EARLIEST_MS} to "
                     f"{LATEST_MS - 1} (years 1900 to 2199)")
    return millis


def _numbers(table: Table, name: str, least: float) -> NDArray[np.float64]:
    column = table.columns[name]
    values = column.to_list() if hasattr(column, "to_list") else list(column)
    numbers = np.empty(len(values))
    for index, value in enumerate(values):
        if value is None or (isinstance(value, str) and value.strip() == "") or type(value).__name__ == "NAType":
            numbers[index] = np.nan
            continue
        try:
            numbers[index] = np.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            raise refuse(f"{table.where(index)}: `{name}` is {_cut(value)}, expected a number") from None
        if isinstance(value, bool) or numbers[index] < least or np.isinf(numbers[index]):
            raise refuse(f"{table.where(index)}: `{name}` is {_cut(value)}, expected a number of {least:g} or more")
    return numbers


def _grid(table: Table, stamps: NDArray[np.int64], gaps: Gaps) -> tuple[NDArray[np.int64], int]:
    if gaps not in ("raise", "interpolate"):
        raise refuse(f"`gaps` is {_cut(gaps)}, expected 'raise' or 'interpolate'")
    if len(stamps) < 3:
        raise refuse(f"{table.where()}: {len(stamps)} rows, expected at least 3")
    steps = np.diff(stamps)
    for index in np.flatnonzero(steps <= 0)[:1]:
        at = _shown(stamps[index + 1])
        if steps[index] == 0:
            raise refuse(f"{table.where(int(index) + 1)}: duplicate time {at}, expected one row per interval")
        raise refuse(f"{table.where(int(index) + 1)}: time {at} is before that of the row above, {_shown(stamps[index])}; "
                     "expected the oldest row first")
    values, counts = np.unique(steps, return_counts=True)
    interval_ms = int(values[np.argmax(counts)])
    if interval_ms % 1000 or not 10_000 <= interval_ms <= 3_600_000:
        raise refuse(f"{table.where()}: rows are {interval_ms / 1000:g} s apart, expected 10 to 3600 whole seconds")
    slots = np.rint((stamps - stamps[0]) / interval_ms).astype(np.int64)
    if slots[-1] > FURTHEST:
        raise refuse(f"{table.where(len(stamps) - 1)}: {slots[-1]} intervals after the first row, expected at most {FURTHEST}")
    for index in np.flatnonzero(np.diff(slots) == 0)[:1]:
        raise refuse(f"{table.where(int(index) + 1)}: time {_shown(stamps[index + 1])} is in the same interval of "
                     f"{interval_ms // 1000} s as the row above, expected one row per interval")
    for index in np.flatnonzero(np.diff(slots) > 1)[:1]:
        if gaps == "raise":
            absent = int(slots[-1]) + 1 - len(slots)
            raise refuse(
                f"{table.where(int(index) + 1)}: gap of {int(slots[index + 1] - slots[index]) - 1} intervals before "
                f"{_shown(stamps[index + 1])} ({absent} absent in all), expected a row every {interval_ms // 1000} s; "
                "gaps='interpolate' (--fill-gaps) takes absent rows as unknown")
    return slots, interval_ms


def _placed(values: NDArray[np.float64], slots: NDArray[np.int64], length: int) -> NDArray[np.float64]:
    out = np.full(length, np.nan)
    out[slots] = values
    return out


def _shown(stamp: Any) -> str:
    return str(np.datetime64(int(stamp), "ms").astype("datetime64[s]")) + "Z"


def frame_of(columns: Mapping[str, Sequence[Any] | NDArray[Any]], backend: Any = None) -> Any:
    """Columns as a data frame of `backend`, or of the first of pandas, polars and pyarrow that is installed."""
    import narwhals as nw

    if backend is None:
        for library in ("pandas", "polars", "pyarrow"):
            try:
                backend = __import__(library)
                break
            except ImportError:
                continue
        else:
            raise missing("pandas, polars or pyarrow", "a data frame", "data")
    plain = {name: column.tolist() if isinstance(column, np.ndarray) else list(column)
             for name, column in columns.items()}
    return nw.from_dict(plain, backend=backend).to_native()
