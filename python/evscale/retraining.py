"""Whether a retrained bundle may be registered: what it would decide on held-back days, beside the bundle before it.

Needs no PyTorch; the training itself is in `evscale.training.retrain`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._evscale import Config, ModelBundle
from .history import History
from .report import backtest

WARM_UP_SECONDS = 7 * 86_400
"""Replayed before the held-back days and not scored."""
LATE_SHARE, LATE_POINTS = 1.01, 0.02
"""Late share that may come after, over all events and as the mean of the pools: times that before, or percentage points more,
whichever is more."""
POOL_LATE_POINTS = 0.5
"""Percentage points of late events that a single pool may have more."""
COST_SHARE = 1.01
"""Job-hours that all pools together may take after, times those before."""
BUDGET_SHARE = 0.5
"""What late events cost that use up the error budget, over the job-hours before, where late events have no price."""
LARGEST_DIFFERENCE = 0.1
"""Largest difference of costs that counts of a single pool, over the larger one."""


@dataclass(frozen=True)
class Outcome:
    """What a bundle decided for a pool on its held-back days: events, late ones, job-hours."""

    events: float
    late: float
    job_hours: float

    @property
    def late_percent(self) -> float:
        """Share of late events."""
        return 100.0 * self.late / max(self.events, 1.0)

    def cost(self, late_price: float) -> float:
        """Job-hours, and late events at a price in job-hours."""
        return self.job_hours + late_price * self.late

    def to_dict(self) -> dict[str, float]:
        """As the card has it."""
        return {"late_percent": round(self.late_percent, 4), "job_hours": round(self.job_hours, 2)}


@dataclass(frozen=True)
class Judged:
    """A bundle on the held-back days: mean loss over pools and horizons, and the outcome of every pool."""

    loss: float
    pools: Mapping[str, Outcome]

    @property
    def total(self) -> Outcome:
        """All pools together."""
        each = self.pools.values()
        return Outcome(sum(one.events for one in each), sum(one.late for one in each), sum(one.job_hours for one in each))

    @property
    def mean_late_percent(self) -> float:
        """Late share with the same weight for each pool, so that large ones do not hide small ones."""
        return sum(one.late_percent for one in self.pools.values()) / max(len(self.pools), 1)


def decisions(histories: Mapping[str, History], first_held: Mapping[str, int], bundle: ModelBundle, config: Config, *,
              threads: int = 1, tell: Callable[[str], None] | None = None) -> dict[str, Outcome]:
    """Replays the held-back intervals of every pool, after a week of warm-up, and returns what was decided."""
    def one(name: str) -> Outcome:
        outcome = _outcome(histories[name], first_held[name], bundle, config)
        if tell is not None:
            tell(f"{name}: {outcome.late_percent:.3f} % late, {outcome.job_hours:.0f} job-hours")
        return outcome

    with ThreadPoolExecutor(max(1, threads)) as workers:
        return dict(zip(histories, workers.map(one, histories), strict=True))


def _outcome(history: History, first_held: int, bundle: ModelBundle, config: Config) -> Outcome:
    first = max(0, first_held - WARM_UP_SECONDS // history.interval_seconds)
    service = None if history.service_ms is None else history.service_ms[first:]
    part = replace(history, events=history.events[first:], service_ms=service,
                   start_ms=history.start_ms + first * history.interval_seconds * 1000)
    report = backtest(part, config, bundle=bundle, baselines=False)
    begin = history.start_ms + first_held * history.interval_seconds * 1000
    rows = report.evscale.rows
    held = rows["timestamp"].astype("int64") > begin
    hours = report.interval_seconds / 3600.0
    left = float(rows["backlog"][held][-1])
    return Outcome(float(np.nansum(rows["arrivals"][held])), float(rows["violations"][held].sum()) + left,
                   float(rows["jobs"][held].sum()) * hours)


def objections(before: Judged, after: Judged) -> list[str]:
    """Returns why `after` is worse than `before`, in sentences; none if it may be registered.

    >>> pool = {"a": Outcome(1000, 10, 50)}
    >>> objections(Judged(0.8, pool), Judged(0.7, pool))
    []
    >>> objections(Judged(0.8, pool), Judged(0.8, pool))
    ['the loss on the held-back days is 0.8000, expected less than 0.8000']
    """
    found = []
    if not after.loss < before.loss:
        found.append(f"the loss on the held-back days is {after.loss:.4f}, expected less than {before.loss:.4f}")
    return found + worse_decisions(before, after)


def policy_objections(before: Judged, after: Judged, rule: Judged, config: Config) -> list[str]:
    """Returns why the decisions of another policy are no better than those `before`, or cost more than those of the analytic `rule`, in
    sentences; none if it may be registered. All three with the same forecaster.

    >>> before, after, rule = (Judged(0.8, {"a": Outcome(1000, 1, hours)}) for hours in (50, 49, 51))
    >>> policy_objections(before, after, rule, Config())
    []
    >>> policy_objections(before, before, rule, Config())
    ['on average, the pools would cost 0.00 % more than before, expected less than 0']
    """
    found = worse_decisions(before, after)
    if not (more := _more_percent(before, after, config)) < 0:
        found.append(f"on average, the pools would cost {more:.2f} % more than before, expected less than 0")
    if not (more := _more_percent(rule, after, config)) <= 0:
        found.append(f"on average, the pools would cost {more:.2f} % more than by the analytic rule, expected at most 0")
    return found


def _more_percent(before: Judged, after: Judged, config: Config) -> float:
    """How much more the decisions cost after: mean over the pools, percent of the larger cost."""
    differences = []
    for name, one in before.pools.items():
        price = late_price(one, config)
        costs = one.cost(price), after.pools[name].cost(price)
        difference = (costs[1] - costs[0]) / max(*costs, 1e-9)
        differences.append(min(max(difference, -LARGEST_DIFFERENCE), LARGEST_DIFFERENCE))
    return 100.0 * sum(differences) / max(len(differences), 1)


def late_price(reference: Outcome, config: Config) -> float:
    """Returns the price of a late event in job-hours: as the configuration tells, or else so that a used-up error budget costs half of the
    job-hours of a reference.

    >>> round(late_price(Outcome(100_000, 0, 50), Config(sla_target=0.995)), 6)
    0.05
    """
    if config.late_event_price is not None:
        return config.late_event_price / max(config.job_hour_price or 1.0, 1e-9)
    return BUDGET_SHARE * reference.job_hours / max((1.0 - config.sla_target) * reference.events, 1e-9)


def worse_decisions(before: Judged, after: Judged) -> list[str]:
    """Returns what speaks against the decisions `after`, in sentences: more late events, or more job-hours, than before."""
    found = []
    for what, late, share in (("of all events", after.total.late_percent, before.total.late_percent),
                              ("of the events of a pool, on average,", after.mean_late_percent, before.mean_late_percent)):
        allowed = max(share * LATE_SHARE, share + LATE_POINTS)
        if not late <= allowed:
            found.append(f"{late:.3f} % {what} would be late, expected at most {allowed:.3f} %")
    hours, most = after.total.job_hours, before.total.job_hours * COST_SHARE
    if not hours <= most:
        found.append(f"it would take {hours:.1f} job-hours, expected at most {most:.1f}")
    for name, outcome in after.pools.items():
        most = before.pools[name].late_percent + POOL_LATE_POINTS
        if not outcome.late_percent <= most:
            found.append(f"{outcome.late_percent:.3f} % of the events of {name} would be late, expected at most {most:.3f} %")
    return found


def scores_of(before: Judged, after: Judged, rule: Judged | None = None) -> dict[str, Any]:
    """Returns the decisions as the card has them."""
    return {
        "before": _summary(before), "after": _summary(after), **({} if rule is None else {"analytic_rule": _summary(rule)}),
        "pools": {name: {"before": before.pools[name].to_dict(), "after": after.pools[name].to_dict()} for name in after.pools},
    }


def _summary(judged: Judged) -> dict[str, float]:
    return judged.total.to_dict() | {"mean_late_percent": round(judged.mean_late_percent, 4)}
