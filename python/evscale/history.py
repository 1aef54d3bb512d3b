"""Histories: arrivals per interval on a regular grid, from whatever the readers can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._refuse import door, missing, refuse, shown

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .readers import Gaps, Kind, Reading
    from .readers.options import SeriesOptions, Stamp


RECENT_DAYS, RECENT_INTERVALS = 28.0, 10_500
"""What a forecast reads of a history: four weeks, and at one row a minute the last 7.3 days, so that the week before counts."""


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
    classes : mapping
        Arrivals of each class of events by its name, as long as `events`; what a configuration with `classes` is replayed with.
    gaps : int
        Intervals without a row.
    backend : str or None
        Name of the data frame library that the source came from.
    reading : Reading or None
        What was understood of the source.
    about : str
        Where the history comes from, if it was not read from a file or frame.
    """

    start_ms: int
    interval_seconds: int
    events: NDArray[np.float64]
    service_ms: NDArray[np.float64] | None = None
    gaps: int = 0
    backend: str | None = None
    reading: Reading | None = None
    about: str = ""
    classes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("start_ms", self.start_ms), ("interval_seconds", self.interval_seconds)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
                raise refuse(f"`{name}` is {value!r}, expected a whole number")
        try:
            array = np.asarray(self.events, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.empty((0, 0))
        if array.ndim != 1 or self.interval_seconds <= 0:
            raise refuse("a history needs a positive interval and a one-dimensional array of numbers; History.read takes files and frames")
        object.__setattr__(self, "events", array)
        if not isinstance(self.classes, Mapping):
            raise refuse(f"`classes` is {shown(self.classes)}, expected a mapping of names to counts")
        object.__setattr__(self, "classes", {name: _counts(name, given, len(array)) for name, given in self.classes.items()})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        mine, theirs = self.service_ms, other.service_ms
        return (self.start_ms, self.interval_seconds, self.gaps) == (other.start_ms, other.interval_seconds, other.gaps) and (
            np.array_equal(self.events, other.events, equal_nan=True)) and list(self.classes) == list(other.classes) and all(
            np.array_equal(counts, other.classes[name], equal_nan=True) for name, counts in self.classes.items()) and (mine is None) == (theirs is None) and (
            mine is None or theirs is None or np.array_equal(mine, theirs, equal_nan=True))

    __hash__ = None  # type: ignore[assignment]

    def _repr_html_(self) -> str:
        from .notebook import history_html

        return history_html(self)

    @classmethod
    @door
    def read(
        cls,
        source: Any,
        *,
        columns: Mapping[str, str] | None = None,
        time_zone: str | None = None,
        gaps: Gaps = "raise",
        kind: Kind | None = None,
        where: Mapping[str, str] | None = None,
        sum: bool = False,
        interval_seconds: int | None = None,
        time_format: str | None = None,
        stamp: Stamp | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
        sheet: str | None = None,
    ) -> History:
        """Reads a metrics file, a data frame or series (pandas, polars, pyarrow), a dict of columns or a list of records.

        Parameters
        ----------
        source
            One row per interval or per event, in any order. Files: CSV, JSON, JSON lines, access logs, Parquet, workbooks, and
            what monitoring and load-test tools export; the page "Bring your metrics" lists them.
        columns
            The source's names for `timestamp`, `events` and `service_ms`. `events` may begin with the kind of number, as in
            ``{"events": "rate:requests_per_second"}``, and may add columns up, as in ``"eu+us"``. Classes of events have columns of
            their own, as in ``{"events.alerts": "alerts", "events.exports": "exports"}``; all events are then their sum.
        time_zone
            IANA name of the zone of times that have none.
        gaps
            What absent rows are: "raise" refuses them, "interpolate" takes them as unknown, "zero" as intervals without events.
        kind
            Kind of number: "count" (events per interval), "rate" (per second), "rate/min", "counter" (a running total) or "events"
            (one event per row). Guessed without; what is unclear is refused. Levels, such as a queue's length, are no arrivals.
        where
            Rows to keep: column to value.
        sum
            Adds up several series, or rows of one time.
        interval_seconds
            Length of the intervals, 10 to 3600 s, if longer than the distance of rows; single events are counted in them.
        time_format
            How times are written, as in `datetime.strptime`.
        stamp
            Whether a time is the "begin" or the "end" of its interval; "end" for metrics records, "begin" otherwise.
        decimal, encoding, sheet
            Mark before fractions; encoding of a text file; sheet of a workbook.

        Raises
        ------
        ArgumentError
            The source cannot be read without a guess; the message names the row and the option that helps.

        Examples
        --------
        >>> history = History.read({"when": ["2026-01-05T00:00:00Z", "2026-01-05T00:02:00Z", "2026-01-05T00:04:00Z"],
        ...                         "requests": [5, 7, 6]}, columns={"timestamp": "when", "events": "requests"})
        >>> history.interval_seconds, history.events
        (120, array([5., 7., 6.]))
        """
        from .readers import Options, read

        options = Options(columns, time_zone, time_format, gaps, kind, where, sum, interval_seconds, stamp, decimal, encoding, sheet)
        return cls.of_reading(read(source, options))

    @classmethod
    @door
    def read_many(cls, source: Any, *, by: str = "unique_id", **options: Unpack[SeriesOptions]) -> dict[str, History]:
        """Reads several series of one source: a history for every value of the column `by`. Takes the options of `read`.

        Examples
        --------
        >>> times = ["2026-01-05T00:00:00Z", "2026-01-05T00:02:00Z", "2026-01-05T00:04:00Z"]
        >>> panel = {"unique_id": ["a"] * 3 + ["b"] * 3, "ds": times * 2, "y": [5, 7, 6, 1, 0, 2]}
        >>> {name: history.events.tolist() for name, history in History.read_many(panel).items()}
        {'a': [5.0, 7.0, 6.0], 'b': [1.0, 0.0, 2.0]}
        """
        from .readers.panels import values_of

        conditions = dict(options.get("where") or {})
        names = values_of(source, by, options.get("encoding"), options.get("sheet"))
        each: dict[str, SeriesOptions] = {name: {**options, "where": conditions | {by: name}} for name in names}
        return {name: cls.read(source, **given) for name, given in each.items()}

    @classmethod
    def of_reading(cls, reading: Reading) -> History:
        """Returns the history of what was read; what has to be asked for is refused, with all options at once."""
        asked = [remark for remark in reading.remarks if remark.asked]
        if asked:
            raise refuse(f"{reading.table.where()}: " + "; and ".join(f"{remark.words}; {remark.option}" for remark in asked))
        table, roles = reading.table, reading.roles
        closed = replace(reading, table=replace(table, blocks=_closed, where=_no_where, backend=None),
                         roles=replace(roles, clock=replace(roles.clock, read=_closed)))
        return cls(
            start_ms=reading.start_ms, interval_seconds=reading.history_ms // 1000, events=reading.events, service_ms=reading.service_ms,
            gaps=reading.gaps, backend=None if table.backend is None else table.backend.__name__.partition(".")[0],
            reading=closed, classes=reading.classes)

    def recent(self, days: float = RECENT_DAYS, most: int = RECENT_INTERVALS) -> History:
        """Returns the last weeks alone, which is all that a forecast can use: `days`, and at most `most` intervals."""
        keep = min(len(self.events), most, max(3, round(days * 86_400 / self.interval_seconds)))
        service = None if self.service_ms is None else self.service_ms[-keep:]
        first = self.start_ms + (len(self.events) - keep) * self.interval_seconds * 1000
        classes = {name: counts[-keep:] for name, counts in self.classes.items()}
        return replace(self, start_ms=first, events=self.events[-keep:], service_ms=service, classes=classes)

    def look(self) -> str:
        """Returns what was understood of the source, in some lines."""
        from .readers.look import paragraph

        return (self.about or "arrays given as they are") if self.reading is None else paragraph(self.reading, "history")


def _counts(name: str, given: Any, length: int) -> NDArray[np.float64]:
    """Returns the counts of a class."""
    try:
        counts = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        counts = np.empty((0, 0))
    if counts.shape != (length,):
        raise refuse(f"class {name!r} has counts of shape {counts.shape}, expected {length} numbers, one per interval")
    return counts


def _closed(wanted: Sequence[Any]) -> Any:
    raise refuse("the source of this history is no longer open; History.read opens it again")


def _no_where(index: int | None = None) -> str:
    return "history" if index is None else f"row {index}"


@door
def timed(source: Any) -> History | None:
    """Returns the history of what has times: a `History`, a data frame, or a series with an index of times; None for numbers."""
    if isinstance(source, History):
        return source
    is_frame = hasattr(source, "columns") or hasattr(source, "column_names") or isinstance(source, Mapping)
    has_times = hasattr(source, "to_frame") and any(hasattr(getattr(source, "index", None), name) for name in ("tz", "to_timestamp"))
    return History.read(source) if is_frame or has_times else None


@door
def as_columns(source: Any, columns: Mapping[str, str] | None) -> dict[str, list[Any]]:
    """Returns columns of metrics records: text of a file as numbers, foreign names as ours."""
    from .readers.roles import column
    from .readers.sources import open_source

    table = open_source(source)
    own = {column(table, theirs): ours for ours, theirs in (columns or {}).items()}
    if columns:
        own |= {name: name for name in table.names if name not in own}
    loaded = table.load(table.names)
    out = {own.get(name, name): [_value(own.get(name, name), value) for value in _listed(values)] for name, values in loaded.items()}
    if "timestamp" in out:
        out["timestamp"] = instants_of("timestamp", out["timestamp"], table.where)
    return out


def instants_of(name: str, values: list[Any], where: Callable[..., str]) -> list[Any]:
    """Returns times of any way of writing as epoch milliseconds; what is no time, or has no zone, stays for who takes it to refuse."""
    from .readers.clocks import clock_of
    from .readers.moments import NAIVE
    from .readers.numbers import Unreadable

    clock = clock_of(values[:2000])
    if clock is None or clock.name == "timestamps":
        return values
    try:
        walls, offsets = clock.read(values)
    except Unreadable as problem:
        raise refuse(f"{where(problem.place)}: `{name}` is {shown(problem.value)}, expected a time as in the rows before it "
                     f"({clock.name})") from None
    return values if (offsets == NAIVE).any() else (walls - offsets.astype(np.int64) * 60_000).tolist()


def _listed(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) and values.dtype.kind in "biuf" else values


def _value(name: str, value: Any) -> Any:
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, str) or name == "timestamp":
        return value
    text = value.strip()
    if text.lower() in ("", "null", "none", "nan", "n/a", "na"):
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        return value


def frame_of(columns: Mapping[str, Sequence[Any] | NDArray[Any]], backend: str | None = None) -> Any:
    """Returns columns as a data frame of `backend`, or of the first of pandas, polars and pyarrow that is installed."""
    import narwhals as nw

    module: Any = backend
    if module is None:
        for library in ("pandas", "polars", "pyarrow"):
            try:
                module = __import__(library)
                break
            except ImportError:
                continue
        else:
            raise missing("pandas, polars or pyarrow", "a data frame", "data")
    plain = {name: column.tolist() if isinstance(column, np.ndarray) else list(column)
             for name, column in columns.items()}
    return nw.from_dict(plain, backend=module).to_native()
