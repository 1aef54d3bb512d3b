"""Why a backtest's scores may mislead, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ._refuse import in_shell, option

if TYPE_CHECKING:
    from ._evscale import Config
    from .report import Report, Run

LEAST_HOURS = 24.0
LOW_COVERAGE = 30.0
"""Percent of arrivals in their 80 % band below which the input is probably of another kind."""
LEAD_SECONDS = 720


def remarks(report: Report) -> tuple[str, ...]:
    """Returns the sentences, the gravest first."""
    found = (_too_short(report), _too_few_jobs(report), _no_counts(report), _assumed(report))
    return tuple(one for one in found if one)


def scored_hours(report: Report) -> float:
    """Returns the length of the scored part."""
    return (len(report.times) - report.scored_from) * report.interval_seconds / 3600


def need_at_peak(report: Report) -> int:
    """Returns the jobs that the 99.9th percentile of the arrivals keeps busy."""
    peak = float(np.quantile(report.evscale.rows["arrivals"], 0.999))
    return max(1, math.ceil(peak * report.service_time_ms / 1000 / report.interval_seconds - 1e-9))


def class_targets(config: Config) -> dict[str, float]:
    """Returns the target of each class of events by its name; none where the pool has one kind."""
    return {str(one["name"]): float(one["sla_target"]) for one in config.classes}


def on_target(config: Config, run: Run) -> bool:
    """Tells whether a run kept the SLA, that of each class where there are several."""
    if run.classes:
        return all(run.classes[name]["sla_compliance_percent"] >= 100 * target for name, target in class_targets(config).items())
    return bool(run.scores["sla_compliance_percent"] >= 100 * config.sla_target)


def strictest(config: Config) -> tuple[float, float]:
    """Returns the wait of the SLA, seconds, and its target; the strictest of each where there are classes."""
    if not config.classes:
        return config.sla_wait_seconds, config.sla_target
    return min(float(one["sla_wait_seconds"]) for one in config.classes), max(class_targets(config).values())


def sla_words(config: Config) -> str:
    """Returns the SLA in words."""
    if config.classes:
        return "within the wait of its class (the target is that of each class)"
    return f"within {config.sla_wait_seconds:g} s (target {100 * config.sla_target:g} %)"


def is_too_short(report: Report) -> bool:
    """Tells whether less than a day was scored."""
    return scored_hours(report) < LEAST_HOURS


def no_rule_can(report: Report) -> bool:
    """Tells whether the pool may not have the jobs that its peak needs, and is late for it."""
    late = not on_target(report.config, report.evscale)
    return late and need_at_peak(report) > report.config.max_jobs


def coverage(report: Report) -> float:
    """Returns the percentage of the scored arrivals inside the 80 % interval that was forecast 12 minutes before."""
    rows, lead = report.evscale.rows, max(1, round(LEAD_SECONDS / report.interval_seconds))
    start = max(report.scored_from, lead)
    before = slice(start - lead, len(report.times) - lead)
    arrivals = rows["arrivals"][start:]
    if not len(arrivals):
        return float("nan")
    inside = (arrivals >= np.floor(rows["expected_low"][before])) & (arrivals <= np.ceil(rows["expected_high"][before]))
    return 100 * float(inside.mean())


def _too_short(report: Report) -> str:
    if not is_too_short(report):
        return ""
    hours = scored_hours(report)
    scored = f"{hours * 60:.0f} minutes" if hours < 2 else f"{hours:.0f} hours"
    return f"too short to judge: {scored} scored, expected a day at least and better two weeks"


def _too_few_jobs(report: Report) -> str:
    if not no_rule_can(report):
        return ""
    need = need_at_peak(report)
    return (f"no rule can serve this in time: the peak needs {need:,} jobs, max_jobs is {report.config.max_jobs:,}; "
            f"{'--set ' if in_shell() else ''}max_jobs={math.ceil(1.2 * need)} allows them")


def _no_counts(report: Report) -> str:
    share = coverage(report)
    if not share < LOW_COVERAGE:
        return ""
    return (f"the input is probably no count of events: only {share:.0f} % of the arrivals lie in the band that should hold 80 %; "
            f"{option('kind', 'rate')} or {option('kind', 'counter')} tells another kind of number")


def _assumed(report: Report) -> str:
    if report.service_time_source != "assumed":
        return ""
    jobs = report.question.jobs_at_peak
    told = f"so that the peak keeps {jobs:g} jobs busy, as told" if jobs is not None else "so that the pool is of a usual size"
    return (f"service time of an event assumed: {report.service_time_ms:,.0f} ms, {told}; jobs and waits are those of your pool only with "
            f"the real one, which {'--service-time' if in_shell() else 'Config(service_time_ms=...)'} tells")
