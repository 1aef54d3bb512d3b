"""Tables of load-test tools, told by their headers: Locust, k6 and JMeter; InfluxDB's annotated CSV; logs of the W3C extended format
(IIS, CloudFront), and access logs in JSON (nginx, Traefik, Caddy).

A tool's header fixes which column counts, of which kind it is, and which rows are summaries of others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from .table import Block, Table

Kept = Callable[[str], bool]


def recognised(table: Table) -> Table:
    """Returns the table with what its tool is known to write, or as it was."""
    names = set(table.names)
    for needed, adapt in RECIPES:
        if needed <= names:
            return adapt(table)
    return table


def _only(table: Table, column: str, kept: Kept, words: str) -> Table:
    """Returns the table with the rows alone whose column passes."""
    def blocks(wanted: Sequence[str]) -> Iterator[Block]:
        for block in table.blocks(list(dict.fromkeys([*wanted, column]))):
            chosen = [place for place, value in enumerate(block[column]) if kept(str(value))]
            yield {name: [block[name][place] for place in chosen] for name in wanted}

    return replace(table, blocks=blocks, where=lambda index=None: table.where() if index is None else f"{table.where()}: {words} row {index}")


def _locust(table: Table) -> Table:
    """Takes the rows that aggregate all endpoints; the running total is exact where the rate is a moving average."""
    aggregated = "Aggregated" in table.sample()["Name"]
    kept = _only(table, "Name", lambda name: name == "Aggregated", "aggregated") if aggregated else table
    return replace(kept, format="Locust stats history").hinted(
        roles={"timestamp": "Timestamp", "events": "Total Request Count"}, kind="counter")


def _jmeter(table: Table) -> Table:
    """Counts samples; the time of a row is the beginning of its request."""
    return replace(table, format="JMeter results").hinted(
        "`elapsed` holds response times, with the time in queues", roles={"timestamp": "timeStamp", "service_ms": "elapsed"}, kind="events")


def _k6(table: Table) -> Table:
    """Counts the samples of http_reqs, each of which stands for `metric_value` requests."""
    kept = _only(table, "metric_name", lambda name: name == "http_reqs", "http_reqs")
    return replace(kept, format="k6 results").hinted(roles={"timestamp": "timestamp", "events": "metric_value"}, kind="sums")


def _k6_lines(table: Table) -> Table:
    """The same of k6's JSON lines."""
    kept = _only(_only(table, "type", lambda name: name == "Point", "point"), "metric", lambda name: name == "http_reqs", "http_reqs")
    return replace(kept, format="k6 results").hinted(roles={"timestamp": "data.time", "events": "data.value"}, kind="sums")


def _influx(table: Table) -> Table:
    """Leaves out the columns that InfluxDB adds for its own bookkeeping."""
    sample = table.sample()
    own = ("result", "table", "_start", "_stop", "column 1")
    names = tuple(name for name in table.names if name not in own)
    about = " ".join(str(sample[name][0]) for name in ("_measurement", "_field") if sample.get(name))
    return replace(table, names=names, format="InfluxDB annotated CSV").hinted(
        roles={"timestamp": "_time", "events": "_value"}, about=about)


def _w3c(table: Table) -> Table:
    """Counts the requests of a log in the W3C extended format, whose times are in UTC."""
    roles = {"service_ms": "time-taken"} if "time-taken" in table.names else {}
    return replace(table, format="W3C extended log").hinted(roles=roles, kind="events", zone="UTC")


def _requests(words: str, **roles: str) -> Callable[[Table], Table]:
    """Returns what counts the requests of a log in JSON, one per row."""
    return lambda table: replace(table, format=words).hinted(roles=roles, kind="events")


RECIPES: tuple[tuple[frozenset[str], Callable[[Table], Table]], ...] = (
    (frozenset(("Timestamp", "User Count", "Total Request Count", "Name")), _locust),
    (frozenset(("timeStamp", "elapsed", "label", "success")), _jmeter),
    (frozenset(("metric_name", "timestamp", "metric_value")), _k6),
    (frozenset(("metric", "type", "data.time", "data.value")), _k6_lines),
    (frozenset(("_time", "_value")), _influx),
    (frozenset(("date", "time", "cs-method")), _w3c),
    (frozenset(("StartUTC", "RequestMethod", "Duration")), _requests("access log of Traefik", timestamp="StartUTC", service_ns="Duration")),
    (frozenset(("ts", "request.method", "duration")), _requests("access log of Caddy", timestamp="ts", service_s="duration")),
    *((frozenset(("status", "request_time", name)), _requests("access log in JSON", service_s="request_time"))
      for name in ("request", "request_method", "request_uri", "uri")),
)
