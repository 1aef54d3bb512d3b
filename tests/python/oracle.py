"""The metrics of a report from their definitions (`evscale.metrics()`), in plain Python over everything that a pool was told and answered."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import evscale

DAY, BLOCK, SHORT = 86_400, 7_200, 300
LEVELS = evscale.QUANTILE_LEVELS
NAN = float("nan")


@dataclass
class Interval:
    """A record that was used, and what stood and was known when it came."""

    at: float
    record: dict[str, Any]
    repaired: bool
    missed: int
    standing: evscale.Decision | None
    forecast: evscale.Forecast


@dataclass
class Log:
    """What happened to one pool, in its order."""

    config: evscale.Config
    service_seconds: float
    intervals: list[Interval] = field(default_factory=list)
    rejected: list[tuple[float, str]] = field(default_factory=list)
    decisions: list[tuple[float, evscale.Decision]] = field(default_factory=list)
    latencies: list[tuple[float, float]] = field(default_factory=list)
    now: float = 0.0

    def start(self, window: str) -> float:
        """Returns the beginning of a window that ends now."""
        def buckets(length: int, count: int) -> float:
            return (self.now // length - (count - 1)) * length

        return {"5 minutes": buckets(SHORT, 2), "30 minutes": buckets(SHORT, 7), "hour": buckets(SHORT, 13), "6 hours": buckets(BLOCK, 4),
                "day": buckets(BLOCK, 12), "today": buckets(DAY, 1), "3 days": buckets(DAY, 3), "week": buckets(DAY, 7)}[window]

    def within(self, window: str) -> list[Interval]:
        return [one for one in self.intervals if one.at >= self.start(window)]


def busy_jobs(log: Log, one: Interval) -> float:
    return one.record["processed_events_count"] * log.service_seconds / log.config.interval_seconds


def needed(log: Log, one: Interval) -> float:
    """Busy jobs over the planned utilization, and those for what waits."""
    waiting = one.record["queued_events_count"] * log.service_seconds / log.config.interval_seconds
    return max(math.ceil((busy_jobs(log, one) + waiting) / log.config.target_utilization - 1e-3), log.config.min_jobs)


def ratio(above: float, below: float) -> float | None:
    return above / below if below > 0 else None


def late(one: Interval) -> tuple[float, float] | None:
    """Late and judged events of a record that says how many were late."""
    violations = one.record.get("sla_violations_count")
    return None if violations is None else (violations, one.record["processed_events_count"])


def pinball(level: float, value: float, actual: float) -> float:
    return level * (actual - value) if actual >= value else (1 - level) * (value - actual)


def forecasts(log: Log, minutes: int) -> list[tuple[Interval, Any]]:
    """Every interval of which a forecast so many minutes before was kept, with that forecast: at most four wait at a time."""
    at, length = {one.at: one for one in log.intervals}, log.config.interval_seconds
    first = log.intervals[0].at
    out = []
    for one in log.intervals:
        steps = one.forecast.horizons[minutes].steps
        before = at.get(one.at - steps * length)
        if before is not None and round((before.at - first) / length) % math.ceil(steps / 4) == 0:
            out.append((one, before.forecast.horizons[minutes]))
    return out


def model(log: Log) -> dict[str, float | None]:
    day, since = log.within("day"), log.start("day")
    near = [(one, horizon) for one, horizon in forecasts(log, 12) if one.at >= since]
    events = {one.at: one.record["logged_events_count"] for one in log.intervals}
    error = ratio(sum(abs(one.record["logged_events_count"] - horizon.prediction) for one, horizon in near),
                  sum(one.record["logged_events_count"] for one, _ in near))
    length, noise, weight = log.config.interval_seconds, 0.0, 0.0
    for one in day:
        middle, before = events.get(one.at - length), events.get(one.at - 2 * length)
        if middle is not None and before is not None:
            noise += abs(middle - (before + events[one.at]) / 2) / math.sqrt(1.5)
            weight += middle
    floor = ratio(noise, weight)
    losses = naive = 0.0
    for one, horizon in near:
        actual, yesterday = events[one.at], events.get(one.at - DAY)
        if yesterday is not None:
            losses += sum(pinball(level, value, actual) for level, value in horizon.quantiles.items()) / len(LEVELS)
            naive += abs(actual - yesterday) / 2
    told = [took for at, took in log.latencies if at // DAY >= log.now // DAY - 1]
    quantile = {level: sorted(told)[max(1, math.ceil(level * len(told))) - 1] if told else None for level in (0.5, 0.99)}
    sources = [one.standing.source if one.standing else None for one in day]
    accuracy, attainable = (None if value is None else max(0.0, 1 - value) for value in (error, floor))
    return {
        "weighted_error": error, "accuracy": accuracy, "attainable_accuracy": attainable,
        "accuracy_gap": None if accuracy is None or attainable is None else attainable - accuracy,
        "relative_quantile_loss": ratio(losses, naive),
        **{f"coverage_80_{minutes}_minutes": coverage(log, minutes) for minutes in (12, 48, 180)},
        "mean_confidence": sum(one.forecast.model_confidence for one in day) / len(day),
        "anomaly_score": log.intervals[-1].forecast.anomaly_score,
        "latency_p50_ms": quantile[0.5], "latency_p99_ms": quantile[0.99],
        **{f"share_{source}": sources.count(source) / len(day)
           for source in ("policy_network", "host_policy", "analytic_rule", "reactive_rule", "hold")},
        "open_circuit_breakers": 0.0,
    }


def coverage(log: Log, minutes: int) -> float | None:
    """The share inside the 80 % interval, each weighted by how long ago it turned out."""
    known = inside = 0.0
    turned_out = {one.at: horizon for one, horizon in forecasts(log, minutes)}
    for later, one in enumerate(reversed(log.intervals)):
        if (horizon := turned_out.get(one.at)) is not None:
            weight = math.exp(-later * log.config.interval_seconds / DAY)
            known += weight
            inside += weight * (horizon.quantile(0.1) <= one.record["logged_events_count"] <= horizon.quantile(0.9))
    return ratio(inside, known)


def data(log: Log) -> dict[str, float | None]:
    day = log.within("day")
    rejected = [reason for at, reason in log.rejected if at >= log.start("day")]
    count = len(day) + len(rejected)
    age = log.now - log.intervals[-1].at
    return {
        "share_accepted": sum(not one.repaired for one in day) / count, "share_repaired": sum(one.repaired for one in day) / count,
        "share_rejected": len(rejected) / count,
        **{f"share_rejected_{reason}": rejected.count(reason) / count for reason in ("repeated", "out_of_order", "far_ahead")},
        "missed_intervals": float(sum(one.missed for one in day)), "age_seconds": age, "age_ratio": age / log.config.stale_after_seconds,
    }


def service(log: Log) -> dict[str, float | None]:
    allowed = 1 - log.config.sla_target

    def late_share(window: str) -> float | None:
        judged = [found for one in log.within(window) if (found := late(one))]
        return ratio(sum(count for count, _ in judged), sum(of for _, of in judged))

    def scaled(window: str, scale: float, offset: float = 0.0) -> float | None:
        share = late_share(window)
        return None if share is None else offset + scale * share

    day, newest = log.within("day"), log.intervals[-1].record
    queues = [one.record["queued_events_count"] for one in day]
    waits = [(one.record["average_queue_wait_time_ms"] / 1000, one.record["processed_events_count"]) for one in day
             if one.record.get("average_queue_wait_time_ms") is not None]
    queue, wait = ahead(log)
    return {
        **{f"sla_compliance_{window}": scaled(window, -1, 1) for window in ("hour", "day", "week")},
        "error_budget_left": scaled("week", -1 / allowed, 1),
        "burn_rate_5_minutes": scaled("5 minutes", 1 / allowed), "burn_rate_30_minutes": scaled("30 minutes", 1 / allowed),
        "burn_rate_1_hour": scaled("hour", 1 / allowed), "burn_rate_6_hours": scaled("6 hours", 1 / allowed),
        "burn_rate_3_days": scaled("3 days", 1 / allowed),
        "queue_length": newest["queued_events_count"], "mean_queue_length": sum(queues) / len(queues),
        "mean_wait_seconds": ratio(sum(wait * taken for wait, taken in waits), sum(taken for _, taken in waits)),
        "predicted_queue": queue, "predicted_wait_seconds": wait, "predicted_wait_ratio": wait / log.config.sla_wait_seconds,
    }


def ahead(log: Log) -> tuple[float, float]:
    """The longest queue of the coming hour and the wait that it means, second by second; jobs start at once in these pools."""
    newest, length = log.intervals[-1], log.config.interval_seconds
    jobs = log.decisions[-1][1].recommended_jobs or newest.record["current_job_count"]
    queue = newest.record["queued_events_count"]
    longest, wait = queue, queue * log.service_seconds / max(newest.record["current_job_count"], 1)
    second = 0
    for horizon in newest.forecast.horizons.values():
        while horizon.minutes <= 60 and second < horizon.steps * length:
            queue = max(0.0, queue + horizon.prediction / length - jobs / log.service_seconds)
            longest, wait = max(longest, queue), max(wait, queue * log.service_seconds / max(jobs, 1))
            second += 1
    return longest, wait


def pool(log: Log) -> dict[str, float | None]:
    day, config, length = log.within("day"), log.config, log.config.interval_seconds
    newest = log.intervals[-1]

    def held(one: Interval) -> bool:
        stands = one.standing
        return stands is not None and stands.action == "hold" and bool(stands.limited_by) and stands.proposed_jobs not in (None, stands.current_jobs)

    jobs = newest.record["current_job_count"]
    return {
        "events_per_job": sum(one.record["processed_events_count"] for one in day) / sum(one.record["current_job_count"] for one in day),
        "utilization": sum(busy_jobs(log, one) / one.record["current_job_count"] for one in day) / len(day),
        "jobs": jobs, "recommended_jobs": log.decisions[-1][1].recommended_jobs, "needed_jobs": needed(log, newest),
        "time_at_maximum_seconds": float(length * sum(one.record["current_job_count"] >= config.max_jobs for one in day)),
        "at_maximum": float(jobs >= config.max_jobs), "time_held_seconds": float(length * sum(held(one) for one in day)), "host_overdue": 0.0,
    }


def business(log: Log) -> dict[str, float | None]:
    config, length = log.config, log.config.interval_seconds

    def job_hours(window: str) -> float:
        return sum(one.record["current_job_count"] for one in log.within(window)) * length / 3600

    day, week = job_hours("day"), job_hours("week")
    changes, before, up = [], None, None
    for at, decision in log.decisions:
        jobs = decision.recommended_jobs
        if jobs is not None and before is not None and jobs != before:
            changes.append((at, up is not None and up != (jobs > before)))
            up = jobs > before
        before = before if jobs is None else jobs
    peak, peaks, horizontal = 0.0, {}, hpa(log)
    for one in log.intervals:
        peak = max(peak, min(max(needed(log, one), config.min_jobs), config.max_jobs))
        peaks[one.at] = peak
    in_week = log.within("week")
    ours = sum(one.record["current_job_count"] for one in in_week)
    surplus = [one.record["current_job_count"] - needed(log, one) for one in log.within("day")]
    rest = 24 - log.now % DAY / 3600
    known = len(log.within("day"))
    mean_jobs = sum(one.record["current_job_count"] for one in log.within("day")) / known
    used, charged = job_hours("today"), 0.0
    for before, one in zip([None, *log.intervals], log.intervals, strict=False):
        # the account of the safety rule: the time since the record before, as far as it lies in the day
        if one.at >= log.start("today"):
            gap = one.at - before.at if before else 0.0
            charged += one.record["current_job_count"] * max(min(gap, one.at - log.start("today")), length) / 3600
    return {
        "job_hours_day": day, "job_hours_week": week, "cost_day": day * config.job_hour_price, "cost_week": week * config.job_hour_price,
        "cost_per_event": day * config.job_hour_price / sum(one.record["processed_events_count"] for one in log.within("day")),
        "saved_against_static_peak": 1 - ours / sum(peaks[one.at] for one in in_week),
        "saved_against_hpa": 1 - ours / sum(horizontal[one.at] for one in in_week),
        "changes_per_hour": sum(at >= log.start("day") for at, _ in changes) / (known * length / 3600),
        "reversals_per_day": sum(reversal for at, reversal in changes if at >= log.start("week")) / (len(in_week) * length / DAY),
        "over_provisioned_job_hours": sum(max(one, 0.0) for one in surplus) * length / 3600,
        "under_provisioned_job_hours": sum(max(-one, 0.0) for one in surplus) * length / 3600,
        "job_hours_budget_used": charged / config.job_hours_per_day,
        "job_hours_budget_forecast": (charged + mean_jobs * rest) / config.job_hours_per_day,
        "cost_budget_used": used * config.job_hour_price / config.cost_per_day,
        "cost_budget_forecast": (used + mean_jobs * rest) * config.job_hour_price / config.cost_per_day, "drifts": 0.0,
    }


def hpa(log: Log) -> dict[float, float]:
    """Jobs of a HorizontalPodAutoscaler on the CPU at 70 % with a tolerance of 10 %, whose scale-down looks back on 300 s, and which serves every
    arrival at once (Kubernetes documentation, *Horizontal Pod Autoscaling*)."""
    config, jobs, wanted, out = log.config, 0.0, [], {}
    for one in log.intervals:
        busy = one.record["logged_events_count"] * log.service_seconds / config.interval_seconds
        now = min(max(jobs, config.min_jobs, 1), config.max_jobs)
        desired = now if abs(busy / now / 0.7 - 1) <= 0.1 else math.ceil(busy / 0.7)
        wanted.append((one.at, min(max(desired, config.min_jobs), config.max_jobs)))
        jobs = max(count for at, count in wanted[-64:] if at > one.at - max(300, config.interval_seconds))
        out[one.at] = jobs
    return out


def picture(log: Log) -> dict[str, list[float]]:
    """The last day in 144 bins of ten minutes: means over the records whose intervals end in them."""
    near = {one.at: horizon.prediction for one, horizon in forecasts(log, 12)}
    last = math.ceil(log.now / 600)
    bins: list[dict[str, list[float]]] = [{} for _ in range(144)]
    for one in log.intervals:
        place = math.ceil(one.at / 600) - last + 143
        if place < 0:
            continue
        judged = late(one)
        values = {"arrivals": one.record["logged_events_count"], "forecast": near.get(one.at), "jobs": one.record["current_job_count"],
                  "needed_jobs": needed(log, one), "late_share": judged and judged[0] / max(judged[1], 1.0)}
        for name, value in values.items():
            if value is not None:
                bins[place].setdefault(name, []).append(value)
    return {name: [sum(one[name]) / len(one[name]) if one.get(name) else NAN for one in bins]
            for name in ("arrivals", "forecast", "jobs", "needed_jobs", "late_share")}


def metrics(log: Log) -> dict[str, float | None]:
    return model(log) | data(log) | service(log) | pool(log) | business(log)


def time_of(at: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=at)
