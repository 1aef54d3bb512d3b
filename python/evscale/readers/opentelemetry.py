"""Metrics of OpenTelemetry in JSON, as the collector's file exporter writes them: a document, or one per line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._refuse import refuse
from .points import Points, of_points
from .table import Table

KINDS = {1: "count", 2: "counter", "AGGREGATION_TEMPORALITY_DELTA": "count", "AGGREGATION_TEMPORALITY_CUMULATIVE": "counter"}
"""Kind of number by the temporality of a sum."""


def opentelemetry(data: Any, source: str) -> Table | None:
    """Reads the sums of OTLP, and the counts of its histograms; gauges are levels."""
    documents = data if isinstance(data, list) else [data]
    if not (documents and all(isinstance(one, Mapping) and "resourceMetrics" in one for one in documents)):
        return None
    series: dict[tuple[tuple[str, str], ...], Points] = {}
    kinds: set[str] = set()
    for labels, at, value, kind in (point for one in documents for point in _points(one)):
        kinds.add(kind)
        one = series.setdefault(tuple(sorted(labels.items())), Points([], [], labels))
        one.times.append(at)  # type: ignore[attr-defined]
        one.values.append(value)  # type: ignore[attr-defined]
    if len(kinds) > 1:
        raise refuse(f"{source}: metrics of OpenTelemetry of several kinds ({', '.join(sorted(kinds))}), expected one; export one metric alone")
    names = " ".join(dict.fromkeys(str(one.labels["metric"]) for one in series.values()))
    return of_points(list(series.values()), source, "OpenTelemetry metrics", stamp="end", kind=next(iter(kinds), None), about=names)


def _points(document: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], Any, Any, str]]:
    for resource in document["resourceMetrics"]:
        of_resource = _labels((resource.get("resource") or {}).get("attributes"))
        for metric in (metric for scope in resource.get("scopeMetrics", ()) for metric in scope.get("metrics", ())):
            form = next((name for name in ("sum", "histogram", "exponentialHistogram", "gauge") if name in metric), None)
            if form is None:
                continue
            held = metric[form]
            kind = "level" if form == "gauge" or held.get("isMonotonic") is False else KINDS.get(held.get("aggregationTemporality"), "counter")
            for point in held.get("dataPoints", ()):
                value = next((point[name] for name in ("asInt", "asDouble", "count") if name in point), None)
                labels = of_resource | _labels(point.get("attributes")) | {"metric": str(metric.get("name", ""))}
                yield labels, point.get("timeUnixNano"), value, kind


def _labels(attributes: Any) -> dict[str, str]:
    return {str(one["key"]): str(next(iter(one["value"].values()), "")) for one in attributes or ()}
