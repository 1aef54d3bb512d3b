"""Decision logs: what was measured, decided and done, a row per interval, in Parquet files with one documented schema.

A folder holds `decisions-000001.parquet` and so on, each written atomically and never changed, and what came since as lines of
JSON in `_open-000002.jsonl`, which becomes the next file. A process that is killed loses no row that `append` has taken; readers of
Parquet pass over names that begin with an underscore.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import FIELDS, Decision, __version__, fields
from ._evscale import replace_file
from ._refuse import door, meant, missing, refuse, shown

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Self

SCHEMA_VERSION = 1
VERSION_KEY = b"evscale_decision_log"
"""Entry of a file's metadata that has the version of the schema."""
DECIDED: dict[str, tuple[str, str]] = {
    "pool": ("text", "Key of the pool."),
    "models": ("text", "Models that acted, by name and version."),
    "decided_at": ("time", "The moment the decision was made for; it stands until the next one."),
    "valid_until": ("time", "The next decision is due then."),
    "recommended_jobs": ("whole number", "Jobs the pool should have; unknown while nobody knows how many it has."),
    "current_jobs": ("whole number", "Jobs it had when this was decided."),
    "proposed_jobs": ("whole number", "What was proposed before the safety rules."),
    "action": ("text", "`scale_up`, `scale_down` or `hold`."),
    "source": ("text", "Who proposed."),
    "confidence": ("number", "How far the decision can be trusted, 0 to 1."),
    "emergency": ("truth", "Decided because of a predicted or real breach of the SLA."),
    "limited_by": ("texts", "The safety rules that changed the proposal, in their order."),
    "fallback_reason": ("text", "Why a better source did not act."),
    "explanation": ("text", "The decision in a sentence."),
    "decision": ("text", "The whole decision as JSON."),
}
DONE: dict[str, tuple[str, str]] = {
    "outcome_at": ("time", "When the host told what follows, if it did since the row before."),
    "outcome_started": ("whole number", "Jobs that were started."),
    "outcome_ready": ("whole number", "Jobs that became ready."),
    "outcome_startup_seconds": ("number", "Mean time from the request to ready."),
    "outcome_refused": ("whole number", "Jobs that the host could not give."),
    "outcome_drained": ("whole number", "Jobs that left."),
}
MOST_ROWS = 10_000_000
ROW_GROUP = 2000
"""Rows that are in memory at once, and in a row group of a file."""


def columns() -> dict[str, tuple[str, str]]:
    """Returns kind and meaning of every column in its order: the decision, the record of the interval, what the host did."""
    measured = {one["name"]: ("time" if one["name"] == "timestamp" else "truth" if one["name"].startswith("is_") else "number",
                              one["description"]) for one in fields()}
    return DECIDED | measured | DONE


def schema() -> pa.Schema:
    """Returns the schema of the files; every column may be unknown, and has its meaning as metadata."""
    pa = _pyarrow()
    kinds = {"text": pa.string(), "texts": pa.list_(pa.string()), "time": pa.timestamp("ms", tz="UTC"), "whole number": pa.int64(),
             "number": pa.float64(), "truth": pa.bool_()}
    return pa.schema([pa.field(name, kinds[kind], metadata={"meaning": meaning}) for name, (kind, meaning) in columns().items()],
                     metadata={VERSION_KEY: str(SCHEMA_VERSION), "evscale_version": __version__})


class DecisionLog:
    """Keeps decisions in a folder. One writer at a time, of one thread; any number of readers.

    Parameters
    ----------
    folder
        Where the files are; made if it is not there.
    rows_per_file
        Rows after which a Parquet file is written.

    Raises
    ------
    ArgumentError
        Another process writes to the folder, or it holds files of another schema.

    Examples
    --------
    >>> import tempfile
    >>> from evscale import Autoscaler, Config
    >>> from evscale.decision_log import DecisionLog, read_decisions
    >>> scaler = Autoscaler(Config(max_jobs=40))
    >>> record = {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3400, "current_job_count": 12}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with DecisionLog(folder) as log:
    ...         seen = scaler.observe(record)
    ...         log.append(scaler.decide(), record, pool="orders")
    ...     read_decisions(folder).to_pylist()[0]["current_jobs"]
    12
    """

    def __init__(self, folder: str | PathLike[str], *, rows_per_file: int = 10_000) -> None:
        if not 1 <= rows_per_file <= MOST_ROWS:
            raise refuse(f"`rows_per_file` is {rows_per_file}, expected 1 to {MOST_ROWS}")
        self._schema, self.folder, self.rows_per_file = schema(), Path(folder), rows_per_file
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.folder)
        try:
            self._number = _next(self.folder)
            whole = b"".join(_whole_lines(_open_file(self.folder, self._number)))
            # a line that was written in part goes, so that the next one begins a line
            replace_file(_open_file(self.folder, self._number), whole)
            for left in self.folder.glob("_open-*.jsonl"):
                if left != _open_file(self.folder, self._number):
                    left.unlink()
            self._rows, self._bytes = whole.count(b"\n"), len(whole)
            self._journal = self._opened()
        except BaseException:
            os.close(self._lock)
            raise

    @door
    def append(self, decision: Decision, record: Mapping[str, Any] | None = None, *, pool: str = "", models: str | None = None,
               outcome: Mapping[str, Any] | None = None) -> None:
        """Takes a row: the decision that stands, the record of the interval, and what the host did since the row before.

        `models` tells which models acted, such as the champion of `scaler.models.status()`. Once this returns, the row outlives the process.
        """
        if self._journal < 0:
            raise refuse("the log is closed, expected an open one")
        row = _row(decision, record or {}, pool, models, outcome or {})
        line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
        try:
            written = os.write(self._journal, line)
            while written < len(line):
                written += os.write(self._journal, line[written:])
        except OSError:
            os.ftruncate(self._journal, self._bytes)
            raise
        self._rows, self._bytes = self._rows + 1, self._bytes + len(line)
        if self._rows >= self.rows_per_file:
            self.rotate()

    @door
    def rotate(self) -> None:
        """Writes the rows that are in no Parquet file yet to one, if there are any."""
        if self._rows == 0:
            return
        done = _open_file(self.folder, self._number)
        replace_file(_file(self.folder, self._number), _packed(_tables(done, self._schema), self._schema))
        self._number, self._rows, self._bytes = self._number + 1, 0, 0
        os.close(self._journal)
        self._journal = self._opened()
        done.unlink(missing_ok=True)

    def _opened(self) -> int:
        return os.open(_open_file(self.folder, self._number), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def close(self) -> None:
        """Writes the last rows to a file, and lets others write."""
        if self._journal >= 0:
            self.rotate()
            os.close(self._journal)
            _open_file(self.folder, self._number).unlink(missing_ok=True)
            os.close(self._lock)
            self._journal = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@door
def read_decisions(folder: str | PathLike[str]) -> pa.Table:
    """Returns all rows of a folder as a table of pyarrow, the oldest first, with those that are in no Parquet file yet.

    Raises
    ------
    ArgumentError
        There is no log, or a file is damaged or of another version of the schema.
    """
    pa, path = _pyarrow(), Path(folder)
    known = schema()
    for _ in range(3):
        numbers, current = _numbers(path), _open_file(path, _next(path))
        if not (numbers or current.exists() or (path / "_lock").exists()):
            raise refuse(f"{path}: no decision log, expected a folder with decisions-000001.parquet")
        parts = [*(_read(_file(path, one), known) for one in numbers), *_tables(current, known)]
        if _numbers(path) == numbers:  # else rows went from the open file to another one meanwhile
            return pa.concat_tables(parts) if parts else known.empty_table()
    raise refuse(f"{path}: the log is written faster than it is read, expected a larger `rows_per_file`")


def write_table(table: pa.Table, path: str | PathLike[str]) -> None:
    """Writes decisions to one Parquet file, atomically."""
    replace_file(path, _packed([table], table.schema))


def _row(decision: Decision, record: Mapping[str, Any], pool: str, models: str | None, outcome: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"pool": _text("pool", pool), "models": None if models is None else _text("models", models)}
    row |= {name: getattr(decision, name) for name in DECIDED if name not in ("pool", "models", "decision")}
    row |= {"decided_at": _ms("decided_at", decision.decided_at), "valid_until": _ms("valid_until", decision.valid_until),
            "limited_by": list(decision.limited_by), "decision": decision.to_json()}
    row |= _given("record", record, {name: name for name in FIELDS}, {"classes"})
    told = {"timestamp" if name == "outcome_at" else name.removeprefix("outcome_"): name for name in DONE}
    return row | _given("outcome", outcome, told, set())


def _given(what: str, values: Mapping[str, Any], names: Mapping[str, str], passed: set[str]) -> dict[str, Any]:
    """Returns what a host hands over by the names of the columns."""
    kinds, out = columns(), {}
    for name, value in values.items():
        if name in passed:
            continue
        if name not in names:
            raise refuse(f"{what}: unknown field {shown(name)}{meant(str(name), names)}")
        column = names[name]
        out[column] = _value(f"{what}: `{name}`", kinds[column][0], value)
    return out


def _value(name: str, kind: str, value: Any) -> Any:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if kind == "time":
        return _ms(name, value)
    if kind == "truth":
        return bool(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise refuse(f"{name} is {shown(value)}, expected a number") from None
    if not math.isfinite(number):
        return None
    return round(number) if kind == "whole number" else number


def _ms(name: str, value: Any) -> int:
    """Returns a time as milliseconds since 1970."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
    if isinstance(value, datetime) and value.tzinfo is not None:
        return round(1000 * value.timestamp())
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise refuse(f"{name} is {shown(value)}, expected a datetime with a time zone, RFC 3339 text, or epoch milliseconds")


def _text(name: str, value: str) -> str:
    try:
        value.encode()
    except (AttributeError, UnicodeEncodeError):
        raise refuse(f"`{name}` is {shown(value)}, expected text") from None
    return value


def _packed(tables: Iterable[pa.Table], of: pa.Schema) -> bytes:
    import pyarrow.parquet as pq

    out = BytesIO()
    with pq.ParquetWriter(out, of, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
    return out.getvalue()


def _read(path: Path, known: pa.Schema) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as problem:
        if isinstance(problem, FileNotFoundError):
            raise
        raise refuse(f"{path}: {problem}, expected a Parquet file of a decision log") from None
    version = (table.schema.metadata or {}).get(VERSION_KEY, b"none").decode("ascii", "replace")
    if version != str(SCHEMA_VERSION):
        raise refuse(f"{path}: version {version} of the schema, expected {SCHEMA_VERSION}; read it with the evscale that wrote it")
    # a record may have had fewer fields when it was written
    return pa.Table.from_arrays([table[one.name] if one.name in table.column_names else pa.nulls(table.num_rows, one.type)
                                 for one in known], schema=known)


def _next(folder: Path) -> int:
    """Returns the number of the file that the rows of the open one will be in."""
    begun = [int(path.name[6:-6]) for path in folder.glob("_open-*.jsonl") if path.name[6:-6].isdecimal()]
    return max([*begun, *(number + 1 for number in _numbers(folder))], default=1)


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yields the lines that were written whole; none if there is no file."""
    with suppress(FileNotFoundError), path.open("rb") as lines:
        yield from (line for line in lines if line.endswith(b"\n"))


def _tables(path: Path, of: pa.Schema) -> Iterator[pa.Table]:
    """Yields the rows of an open file in parts."""
    rows: list[dict[str, Any]] = []
    for place, line in enumerate(_whole_lines(path), 1):
        try:
            rows.append(json.loads(line))
        except ValueError:
            raise refuse(f"{path}, line {place}: no row of a decision log, expected one as JSON; remove the line") from None
        if len(rows) == ROW_GROUP:
            yield _pyarrow().Table.from_pylist(rows, schema=of)
            rows = []
    if rows:
        yield _pyarrow().Table.from_pylist(rows, schema=of)


def _numbers(folder: Path) -> list[int]:
    names = [path.name[10:-8] for path in folder.glob("decisions-*.parquet")]
    return sorted(int(name) for name in names if name.isdecimal())


def _file(folder: Path, number: int) -> Path:
    return folder / f"decisions-{number:06}.parquet"


def _open_file(folder: Path, number: int) -> Path:
    return folder / f"_open-{number:06}.jsonl"


def _locked(folder: Path) -> int:
    """Returns the lock of the one writer, which ends with its process."""
    import fcntl

    lock = os.open(folder / "_lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise refuse(f"{folder}: another process writes to this log, expected a folder for each writer") from None
    return lock


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise missing("pyarrow", "a decision log", "data") from None
    return pyarrow
