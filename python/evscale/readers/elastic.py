"""Answers of Elasticsearch, OpenSearch and Kibana: date histograms and documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .points import Points, of_points
from .table import Table, of_records


def buckets(data: Any, source: str) -> Table | None:
    """Reads the buckets of an Elasticsearch or OpenSearch date histogram, also inside a terms aggregation."""
    if not isinstance(data, Mapping):
        return None
    found = data.get("aggregations", data.get("rawResponse", {}).get("aggregations") if isinstance(data.get("rawResponse"), Mapping) else None)
    if not isinstance(found, Mapping):
        return None
    series = list(_histograms(found, {}))
    return of_points(series, source, "Elasticsearch date histogram", kind="count") if series else None


def _histograms(aggregations: Mapping[str, Any], labels: dict[str, Any]) -> Iterator[Points]:
    for name, one in aggregations.items():
        listed = one.get("buckets") if isinstance(one, Mapping) else None
        if not isinstance(listed, list) or not listed:
            continue
        if isinstance(listed[0].get("key"), (int, float)) and ("key_as_string" in listed[0] or listed[0]["key"] > 1e11):
            yield Points([bucket["key"] for bucket in listed], [bucket["doc_count"] for bucket in listed], labels)
        else:
            for bucket in listed:
                inner = {key: value for key, value in bucket.items() if isinstance(value, Mapping)}
                yield from _histograms(inner, labels | {name: bucket.get("key")})


def hits(data: Any, source: str) -> Table | None:
    """Reads the documents of a search."""
    found = data.get("hits") if isinstance(data, Mapping) else None
    if not (isinstance(found, Mapping) and isinstance(found.get("hits"), list) and found["hits"]):
        return None
    return of_records([one.get("_source", one.get("fields", one)) for one in found["hits"]], source, "Elasticsearch hits")
