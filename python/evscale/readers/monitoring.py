"""Answers of monitoring systems in JSON: Prometheus, Loki, CloudWatch, Datadog, Graphite, Grafana, InfluxDB, RabbitMQ, Azure
Monitor and Google Cloud Monitoring. Each function takes the parsed text and returns a table, or None if it is of another shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._evscale import EvscaleError
from .._refuse import refuse
from .points import Points, of_points
from .table import Hints, Table, of_columns

Shape = Callable[[Any, str], Table | None]
STATISTICS = ("Sum", "SampleCount", "Average", "Maximum", "Minimum")


def prometheus(data: Any, source: str) -> Table | None:
    """Reads the answer of Prometheus' `query_range`, and of Loki's, Thanos', Mimir's and VictoriaMetrics'."""
    if not isinstance(data, Mapping):
        return None
    inner = data.get("data", data)
    if data.get("status") == "error":
        raise refuse(f"{source}: an error of Prometheus: {str(data.get('error'))[:200]}; mend the query and export it again")
    if not isinstance(inner, Mapping) or "resultType" not in inner or not isinstance(inner.get("result"), list):
        return None
    kind = inner["resultType"]
    if kind == "streams":
        streams = [(one["stream"], list(one["values"])) for one in inner["result"]]
        return of_points([Points([pair[0] for pair in values], [1] * len(values), labels) for labels, values in streams],
                         source, "log lines of Loki", kind="events")
    if kind != "matrix":
        raise refuse(f"{source}: an answer of Prometheus for one moment (resultType {kind!r}), expected a range; "
                     "ask /api/v1/query_range with start, end and step")
    series = [Points([pair[0] for pair in one["values"]], [pair[1] for pair in one["values"]], one.get("metric", {}))
              for one in inner["result"] if one.get("values")]
    return of_points(series, source, "Prometheus query_range", stamp="end",
                     about=" ".join(str(one.labels.get("__name__", "")) for one in series[:1]))


def cloudwatch(data: Any, source: str) -> Table | None:
    """Reads `get-metric-statistics` and `get-metric-data` of CloudWatch."""
    if not isinstance(data, Mapping):
        return None
    if isinstance(data.get("Datapoints"), list) and data["Datapoints"]:
        points = data["Datapoints"]
        statistic = next((name for name in STATISTICS if name in points[0]), None)
        if statistic is None:
            raise refuse(f"{source}: CloudWatch datapoints with {sorted(points[0])}, expected a statistic; ask with --statistics Sum")
        unit = str(points[0].get("Unit", ""))
        return of_points([Points([one["Timestamp"] for one in points], [one.get(statistic) for one in points])], source,
                         f"CloudWatch statistics ({statistic})", about=f"{data.get('Label', '')} {unit}",
                         kind=_statistic_kind(statistic, unit))
    results = data.get("MetricDataResults")
    if isinstance(results, list) and results:
        several = len(results) > 1
        series = [Points(one["Timestamps"], one["Values"], {"label": one.get("Label", one.get("Id"))} if several else {})
                  for one in results]
        return of_points(series, source, "CloudWatch metric data", about=" ".join(str(one.get("Label", "")) for one in results))
    return None


def _statistic_kind(statistic: str, unit: str) -> str | None:
    if statistic in ("Sum", "SampleCount"):
        return "count"
    return "rate" if unit == "Count/Second" else "level"


def datadog(data: Any, source: str) -> Table | None:
    """Reads Datadog's query answers of version 1 (`pointlist`) and version 2 (`times`, `values`)."""
    if not isinstance(data, Mapping):
        return None
    listed = data.get("series")
    if isinstance(listed, list) and listed and all(isinstance(one, Mapping) and "pointlist" in one for one in listed):
        series = [Points([pair[0] for pair in one["pointlist"]], [pair[1] for pair in one["pointlist"]],
                         {"scope": one.get("scope", "")} if len(listed) > 1 else {}) for one in listed]
        per_second = any("second" in str((unit or {}).get("name", unit)) for unit in (listed[0].get("unit") or [])[1:])
        about = f"{listed[0].get('metric', '')} {listed[0].get('expression', '')}"
        return of_points(series, source, "Datadog query", about=about, kind="rate" if per_second or "as_rate" in about else None)
    inner = data.get("data")
    inner = inner[0] if isinstance(inner, list) and inner else inner
    attributes = inner.get("attributes") if isinstance(inner, Mapping) else None
    if isinstance(attributes, Mapping) and "times" in attributes and "values" in attributes:
        tags = attributes.get("series") or [{}] * len(attributes["values"])
        several = len(attributes["values"]) > 1
        series = [Points(attributes["times"], values, {"group": ",".join(map(str, one.get("group_tags") or []))} if several else {})
                  for values, one in zip(attributes["values"], tags, strict=False)]
        return of_points(series, source, "Datadog timeseries")
    return None


def graphite(data: Any, source: str) -> Table | None:
    """Reads Graphite's `render?format=json`, whose pairs are value and time."""
    if not (isinstance(data, list) and data and all(isinstance(one, Mapping) and "datapoints" in one for one in data)):
        return None
    series = [Points([pair[1] for pair in one["datapoints"]], [pair[0] for pair in one["datapoints"]],
                     {"target": one.get("target", "")} if len(data) > 1 else {}) for one in data]
    return of_points(series, source, "Graphite render", about=" ".join(str(one.get("target", "")) for one in data))


def influx(data: Any, source: str) -> Table | None:
    """Reads the answer of InfluxDB's `/query`: columns and rows of every series."""
    if not (isinstance(data, Mapping) and isinstance(data.get("results"), list)):
        return None
    errors = [result["error"] for result in (data, *data["results"]) if isinstance(result, Mapping) and result.get("error")]
    if errors:
        raise refuse(f"{source}: an error of InfluxDB: {str(errors[0])[:200]}; mend the query and ask again")
    series = [one for result in data["results"] if isinstance(result, Mapping) for one in result.get("series", ())]
    if not series or not all("columns" in one and "values" in one for one in series):
        return None
    columns: dict[str, list[Any]] = {}
    for one in series:
        tags = one.get("tags") or {}
        for name in dict.fromkeys([*one["columns"], *tags]):
            values = [tags[name]] * len(one["values"]) if name in tags else [row[one["columns"].index(name)] for row in one["values"]]
            columns.setdefault(name, []).extend(values)
    return of_columns(columns, source, "InfluxDB query", hints=Hints(about=str(series[0].get("name", ""))))


def grafana(data: Any, source: str) -> Table | None:
    """Reads data frames of Grafana: fields with names and types, values by column."""
    frames = _frames(data)
    if not frames:
        return None
    series: list[Points] = []
    about: list[str] = []
    for fields, values in frames:
        time = next((place for place, one in enumerate(fields) if one.get("type") == "time"), None)
        if time is None:
            continue
        for place, one in enumerate(fields):
            if one.get("type") == "number":
                name = (one.get("config") or {}).get("displayNameFromDS") or one.get("name", "")
                about += [str(name), str((one.get("config") or {}).get("unit", ""))]
                series.append(Points(values[time], values[place], {"series": name, **(one.get("labels") or {})}))
    if not series:
        raise refuse(f"{source}: data frames of Grafana without a time and a number; export a time series")
    if len(series) == 1:
        series = [Points(series[0].times, series[0].values)]
    return of_points(series, source, "Grafana data frames", about=" ".join(about))


def _frames(data: Any) -> list[tuple[list[dict[str, Any]], list[Any]]]:
    if isinstance(data, Mapping) and isinstance(data.get("results"), Mapping):
        data = [frame for result in data["results"].values() for frame in result.get("frames", ())]
    if isinstance(data, Mapping):
        data = data.get("frames") or data.get("series") or [data]
    out = []
    for frame in data if isinstance(data, list) else ():
        if not isinstance(frame, Mapping):
            return []
        fields = (frame.get("schema") or {}).get("fields") or frame.get("fields")
        values = (frame.get("data") or {}).get("values") if isinstance(frame.get("data"), Mapping) else None
        if isinstance(fields, list) and values is None and all(isinstance(one, Mapping) and "values" in one for one in fields):
            values = [one["values"] for one in fields]
        if not isinstance(fields, list) or values is None or len(fields) != len(values):
            return []
        out.append((fields, values))
    return out


def rabbitmq(data: Any, source: str) -> Table | None:
    """Reads the samples of a queue's or the overview's `publish_details`, which are running totals.

    RabbitMQ writes 0 for the samples that it does not keep any more: a total that jumps from 0 is no burst of arrivals.
    """
    if isinstance(data, list) and data and all(isinstance(one, Mapping) and "message_stats" in one for one in data):
        series = [one for queue in data for one in _samples(queue, str(queue.get("name", "")))]
    elif isinstance(data, Mapping) and "message_stats" in data:
        series = _samples(data, "")
    else:
        return None
    if not series:
        raise refuse(f"{source}: an answer of RabbitMQ without samples, expected message_stats.publish_details.samples; "
                     "ask with ?msg_rates_age=3600&msg_rates_incr=60")
    kept = [one for one in map(_kept, series) if one.times]
    if not kept:
        raise refuse(f"{source}: all samples of RabbitMQ are 0, which also stands for those it does not keep: by default a queue has 60 s every 5 s "
                     "and an hour every 60 s; ask with ?msg_rates_age=3600&msg_rates_incr=60")
    lost = sum(len(one.times) for one in series) - sum(len(one.times) for one in kept)
    notes = (f"{lost} samples of 0 before the first message are passed over: RabbitMQ does not keep them",) if lost else ()
    return replace(of_points(kept, source, "RabbitMQ samples of publish", kind="counter"), notes=notes)


def _samples(queue: Mapping[str, Any], name: str) -> list[Points]:
    samples = ((queue.get("message_stats") or {}).get("publish_details") or {}).get("samples") or []
    labels = {"queue": name} if name else {}
    return [Points([one["timestamp"] for one in samples], [one["sample"] for one in samples], labels)] if samples else []


def _kept(one: Points) -> Points:
    """Returns the samples from the first one that is not 0 on."""
    pairs = sorted(zip(one.times, one.values, strict=True))
    first = next((place for place, (_, value) in enumerate(pairs) if value), len(pairs))
    return replace(one, times=[at for at, _ in pairs[first:]], values=[value for _, value in pairs[first:]])


def azure(data: Any, source: str) -> Table | None:
    """Reads Azure Monitor's metrics and the tables of Log Analytics."""
    if not isinstance(data, Mapping):
        return None
    if isinstance(data.get("tables"), list) and data["tables"] and "columns" in data["tables"][0]:
        table = data["tables"][0]
        names = [str(one["name"]) for one in table["columns"]]
        return of_columns({name: [row[place] for row in table["rows"]] for place, name in enumerate(names)}, source,
                          "Log Analytics table")
    metrics = data.get("value")
    if not (isinstance(metrics, list) and metrics and isinstance(metrics[0], Mapping) and "timeseries" in metrics[0]):
        return None
    series, statistics = [], set()
    for metric in metrics:
        for one in metric["timeseries"]:
            points = one.get("data") or []
            statistic = next((name for name in ("total", "count", "average", "maximum") if points and name in points[-1]), "total")
            statistics.add(statistic)
            labels = {str(tag["name"]["value"]): tag["value"] for tag in one.get("metadatavalues") or ()}
            series.append(Points([point["timeStamp"] for point in points], [point.get(statistic) for point in points], labels))
    kind = "count" if statistics <= {"total", "count"} else None
    return of_points(series, source, "Azure Monitor metrics", kind=kind, about=str(metrics[0].get("name", {}).get("value", "")))


def google(data: Any, source: str) -> Table | None:
    """Reads `timeSeries.list` of Google Cloud Monitoring."""
    listed = data.get("timeSeries") if isinstance(data, Mapping) else data
    if not (isinstance(listed, list) and listed and all(isinstance(one, Mapping) and "points" in one for one in listed)):
        return None
    series = [Points([one["interval"]["endTime"] for one in each["points"]], [_typed(one["value"]) for one in each["points"]],
                     (each.get("metric") or {}).get("labels") or {}) for each in listed]
    about = str((listed[0].get("metric") or {}).get("type", ""))
    kinds = {"DELTA": "count", "CUMULATIVE": "counter"}
    return of_points(series, source, "Google Cloud Monitoring time series", stamp="end", about=about,
                     kind=kinds.get(str(listed[0].get("metricKind"))))


def _typed(value: Mapping[str, Any]) -> Any:
    return next((value[name] for name in ("int64Value", "doubleValue") if name in value), None)


SHAPES: tuple[Shape, ...] = (prometheus, cloudwatch, datadog, graphite, influx, grafana, rabbitmq, azure, google)


def first_of(data: Any, source: str, shapes: Sequence[Shape] = SHAPES) -> Table | None:
    """Returns the table of the first shape that fits."""
    for shape in shapes:
        try:
            table = shape(data, source)
        except EvscaleError:
            raise
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as problem:
            raise refuse(f"{source}: looks like {shape.__name__.strip('_')} and is not whole ({type(problem).__name__}: "
                         f"{str(problem)[:80]}); export it again") from None
        if table is not None:
            return table
    return None
