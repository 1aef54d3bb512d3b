"""Answers of Elasticsearch, OpenSearch and Kibana: date histograms and documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._refuse import listed as named
from .._refuse import option
from .table import Hints, Table, of_records

COUNTED = "doc_count"


def buckets(data: Any, source: str) -> Table | None:
    """Reads the buckets of an Elasticsearch or OpenSearch date histogram, also inside a terms aggregation."""
    if not isinstance(data, Mapping):
        return None
    found = data.get("aggregations", data.get("rawResponse", {}).get("aggregations") if isinstance(data.get("rawResponse"), Mapping) else None)
    if not isinstance(found, Mapping):
        return None
    rows = list(_histograms(found, {}))
    if not rows:
        return None
    others = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in ("timestamp", COUNTED) and any(
        isinstance(row.get(name), (int, float)) for row in rows)]
    notes = (f"documents are counted; a bucket holds {named(others)} as well: {option('columns', {'events': others[0]})} takes it",) if others else ()
    roles = {"timestamp": "timestamp", "events": COUNTED}
    return of_records(rows, source, "Elasticsearch date histogram", notes=notes, hints=Hints(roles=roles, kind="count"))


def _histograms(aggregations: Mapping[str, Any], labels: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, one in aggregations.items():
        listed = one.get("buckets") if isinstance(one, Mapping) else None
        if not isinstance(listed, list) or not listed:
            continue
        if isinstance(listed[0].get("key"), (int, float)) and ("key_as_string" in listed[0] or listed[0]["key"] > 1e11):
            for bucket in listed:
                numbers = {name: value["value"] for name, value in bucket.items() if isinstance(value, Mapping) and "value" in value}
                yield labels | numbers | {"timestamp": bucket["key"], COUNTED: bucket["doc_count"]}
        else:
            for bucket in listed:
                inner = {key: value for key, value in bucket.items() if isinstance(value, Mapping)}
                yield from _histograms(inner, labels | {name: str(bucket.get("key"))})


def hits(data: Any, source: str) -> Table | None:
    """Reads the documents of a search."""
    found = data.get("hits") if isinstance(data, Mapping) else None
    if not (isinstance(found, Mapping) and isinstance(found.get("hits"), list) and found["hits"]):
        return None
    return of_records([one.get("_source", one.get("fields", one)) for one in found["hits"]], source, "Elasticsearch hits")
