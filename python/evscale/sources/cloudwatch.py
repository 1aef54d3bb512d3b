"""History from Amazon CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from .._refuse import door, refuse
from ..history import History
from ..readers.kind import LEVEL, SPLIT
from .http import words
from .ranges import checked, history, microseconds, number

STATISTICS = ("Sum", "SampleCount")
MOST_PAGES = 10_000


@door
def read_metric(
    client: Any,
    namespace: str,
    metric: str,
    dimensions: Mapping[str, str] | None = None,
    *,
    start: datetime,
    end: datetime,
    interval_seconds: int = 300,
    statistic: str = "Sum",
) -> History:
    """Reads a metric's sums per interval, such as NumberOfMessagesSent of a queue.

    Parameters
    ----------
    client
        ``boto3.client("cloudwatch")``, which finds credentials and region as usual.
    namespace, metric, dimensions
        Such as ``"AWS/SQS"``, ``"NumberOfMessagesSent"``, ``{"QueueName": "orders"}``.
    start, end
        Aware times of whole intervals.
    interval_seconds
        The period: a multiple of 60, at most 3600. CloudWatch keeps periods of 60 s for 15 days and of 300 s for 63.
    statistic
        "Sum" or "SampleCount". CloudWatch has no datapoint where nothing happened: such an interval has no events.

    Raises
    ------
    ArgumentError
        The metric is a level, or CloudWatch refuses.
    """
    span = checked(start, end, interval_seconds)
    if interval_seconds % 60 or span.start_us % (interval_seconds * 1_000_000):
        raise refuse(f"`interval_seconds` is {interval_seconds} and `start` {start.isoformat()}, expected a multiple of 60 s and a start on "
                     "a whole interval: CloudWatch moves others")
    if statistic not in STATISTICS:
        raise refuse(f"`statistic` is {statistic!r}, expected one of {list(STATISTICS)}: averages and maxima count no events")
    if LEVEL.search(SPLIT.sub(" ", metric)) and statistic == "Sum":
        raise refuse(f"`metric` is {metric!r}, a level such as a queue's length, expected a metric of arrivals such as NumberOfMessagesSent, "
                     "Invocations or RequestCount")
    query = {"Id": "events", "ReturnData": True, "MetricStat": {
        "Metric": {"Namespace": namespace, "MetricName": metric,
                   "Dimensions": [{"Name": name, "Value": value} for name, value in (dimensions or {}).items()]},
        "Period": interval_seconds, "Stat": statistic}}
    what = f"CloudWatch {words(namespace)} {words(metric)}"
    events, found = np.zeros(span.length), 0
    for stamps, values in _pages(client, query, start, end, what):
        for stamp, value in zip(stamps, values, strict=True):
            place, rest = divmod(microseconds(stamp) - span.start_us, interval_seconds * 1_000_000)
            if rest or not 0 <= place <= span.length:
                raise refuse(f"{what}: a datapoint of {stamp.isoformat()}, expected whole intervals from {start.isoformat()} on")
            if place < span.length:
                events[place] = number(value, f"{what} at {stamp.isoformat()}")
                found += 1
    if not found:
        raise refuse(f"{what} has no datapoints from {start.isoformat()} to {end.isoformat()}; check region, names and dimensions with "
                     "`aws cloudwatch list-metrics`")
    return history(span, events, about=f"{what}, {statistic} of {interval_seconds} s: {found} datapoints, no events elsewhere")


def _pages(client: Any, query: dict[str, Any], start: datetime, end: datetime, what: str) -> Any:
    token: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        try:
            answer = client.get_metric_data(MetricDataQueries=[query], StartTime=start, EndTime=end, ScanBy="TimestampAscending", **token)
        except Exception as problem:
            if type(problem).__module__.partition(".")[0] not in ("botocore", "boto3"):
                raise
            raise refuse(f"{what}: {words(str(problem))}") from None
        for result in answer.get("MetricDataResults", ()):
            if len(result["Timestamps"]) != len(result["Values"]):
                raise refuse(f"{what}: {len(result['Timestamps'])} times and {len(result['Values'])} values, expected as many of each")
            yield result["Timestamps"], result["Values"]
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}
