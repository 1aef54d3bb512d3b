"""Types of the dicts that evscale takes, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict


class ClassCounts(TypedDict, total=False):
    """What a record says of one class of events; None is unknown."""

    logged_events_count: float | None
    """Events of the class that came in the interval."""
    processed_events_count: float | None
    """Events of the class that were finished in the interval."""
    queued_events_count: float | None
    """Events of the class that wait at the end of the interval."""
    sla_violations_count: float | None
    """Events of the class that waited longer than its own SLA allows."""


class MetricsRecord(TypedDict, total=False):
    """One record per interval; `timestamp`, `logged_events_count` and `current_job_count` are required, None is unknown.

    >>> record: MetricsRecord = {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3400, "current_job_count": 12}
    """

    timestamp: datetime | str | int | float
    """End of the interval: an aware datetime, RFC 3339 text, or epoch milliseconds."""
    logged_events_count: float | None
    """Events that came in the interval; not a running total."""
    processed_events_count: float | None
    """Events that were finished in the interval."""
    queued_events_count: float | None
    """Events that wait at the end of the interval."""
    unprocessed_events_count: float | None
    """Events that came in the interval and wait at its end."""
    average_processing_duration_ms: float | None
    """Mean time that an event keeps a job busy, milliseconds."""
    current_job_count: float | None
    """Jobs of the pool, starting ones included."""
    cpu_utilization_percent: float | None
    """Of the jobs' CPU, 0 to 100."""
    memory_utilization_percent: float | None
    """Of the jobs' memory, 0 to 100."""
    network_io_mbps: float | None
    """Megabits per second."""
    average_queue_wait_time_ms: float | None
    """Mean wait of the events, milliseconds."""
    sla_violations_count: float | None
    """Events that waited longer than `sla_wait_seconds`."""
    error_rate_percent: float | None
    """Share of events that failed, 0 to 100."""
    is_business_hours: bool | None
    """Whether the interval is in business hours."""
    is_peak_hours: bool | None
    """Whether the interval is in the hours of the usual peak."""
    is_maintenance_window: bool | None
    """Whether the pool is under maintenance and must not change."""
    is_deploy_in_progress: bool | None
    """Whether a deploy runs, so that durations are not believed."""
    expected_traffic_multiplier: float | None
    """Load that you expect in the coming intervals over the usual one, such as 3 for a campaign."""
    dropped_events_count: float | None
    """Events that were lost because the queue was full; not among those that came."""
    queue_capacity: float | None
    """Events that the queue can hold."""
    oldest_event_age_ms: float | None
    """Age of the oldest event that waits, milliseconds."""
    busy_jobs: float | None
    """Jobs that work on an event, on average; it counts instead of the CPU."""
    draining_jobs: float | None
    """Jobs that exist but take no more events, because they leave."""
    scheduled_events_count: float | None
    """Events among those that wait which are not due yet."""
    classes: Mapping[str, ClassCounts] | None
    """Counts of each class of events, by its name in the setting `classes`."""


class ScalingOutcome(TypedDict, total=False):
    """What a host really did; `timestamp` is required, absent counts are 0."""

    timestamp: datetime | str | int | float
    """When it was known."""
    started: int
    """Jobs that were asked for."""
    ready: int
    """Jobs that became ready."""
    refused: int
    """Jobs that could not be had."""
    drained: int
    """Jobs that finished their work and left."""
    startup_seconds: float | None
    """Time from the request of a job until it took events."""
