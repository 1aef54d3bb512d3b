"""What kind of number a column holds: events per interval, a rate, a running counter, or a level.

Guessed from the unit, from names, and from the shape of the series; what stays unclear is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KINDS = ("count", "rate", "rate/min", "counter", "level", "events")
"""Kinds that can be told: events per interval, per second, per minute, a running total, a level, or one event per row."""
RATE = re.compile(r"(?:^|[^a-z])(?:rate|rps|qps|tps|mps|eps|ops|hz|per[ _]?s(?:ec(?:onds?)?)?|persecond|as_rate|irate)(?:[^a-z]|$)|/s(?:ec)?(?:[^a-z]|$)|"
                  r"[_ .]sec(?:[^a-z]|$)|count/second|c/s|deriv\(", re.IGNORECASE)
PER_MINUTE = re.compile(r"(?:^|[^a-z])(?:rpm|qpm|tpm|epm|per[ _]?min(?:ute)?)(?:[^a-z]|$)|/m(?:in)?(?:[^a-z]|$)", re.IGNORECASE)
COUNTER = re.compile(r"_total(?:[^a-z]|$)|(?:^|[^a-z])(?:cumulative|counter|running total|kumuliert)(?:[^a-z]|$)|offset", re.IGNORECASE)
INCREASE = re.compile(r"(?:increase|sum_over_time|count_over_time|delta)\s*\(|diff\(|nonNegativeDerivative|summarize\(", re.IGNORECASE)
LEVEL = re.compile(
    r"(?:^|[^a-z])(?:lag|depth|backlog|queued?|queue ?(?:length|size)|length|size|pending|waiting|visible|in ?flight|unacked|ready|"
    r"cpu\w*|mem(?:ory)?|heap|load(?:avg\d*)?|util\w*|usage|percent\w*|pct|p?\d{2,3}(?:th)?|quantile|latency|duration|response ?time|"
    r"temperature|workers?|jobs|pods|replicas|users?|consumers?|connections?|threads?|gauge|ratio|avg|mean|median|"
    r"\w+[_ ]time|bytes|kb|mb|gb|ms|seconds|elapsed|took|wait\w*|"
    r"age|(?:all|grp)threads|usercount)(?:[^a-z]|$)|%", re.IGNORECASE)
LEVEL_UNIT = re.compile(r"^(?:%|percent|ms|s|µs|us|ns|min|h|b|[kmgt]i?b|bytes|°c)$", re.IGNORECASE)
ARRIVALS = re.compile(r"(?:^|[^a-z])(?:in|arriv\w*|incoming|received|request\w*|req|published?|publish|enqueued|created|submitted|sent|"
                      r"produced|input|views|hits|visits|invocations?|calls|orders?|messages?|events?|logged|count|counts|n|num|number|"
                      r"anzahl|menge|sum|samples?|records?|total|transactions?|y)(?:[^a-z]|$)|numberof", re.IGNORECASE)
OTHERS = re.compile(r"(?:^|[^a-z])(?:done|out|outgoing|processed|completed?|finished|success\w*|fail\w*|errors?|err|deleted|acked|"
                    r"delivered|dropped|rejected|retries|timeouts?|price|amount|cost|revenue|latitude|longitude)(?:[^a-z]|$)", re.IGNORECASE)
SPLIT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
LABELS = re.compile(r"\{.*\}|\((?:\w+=[^()]*)\)")
LEAST_MONOTONE = 12


@dataclass(frozen=True)
class Evidence:
    """What names and the unit say: the kind, why, and how well the column fits as the one of the events."""

    kind: str | None = None
    why: str = ""
    rank: int = 0
    says_count: bool = False


def _worded(name: str) -> str:
    """Returns a name with its words apart, without the labels of a series."""
    return SPLIT.sub(" ", LABELS.sub("", name))


def evidence(name: str, unit: str, about: str) -> Evidence:
    """Returns what a column's name, its unit and the names around it say.

    >>> evidence("requests_per_second", "", "").kind, evidence("lag", "", "").kind, evidence("orders", "", "").kind
    ('rate', 'level', None)
    """
    words, around = _worded(name), _worded(about)
    wanted = 2 if ARRIVALS.search(words) else 0
    other = OTHERS.search(words) is not None
    for text, where in ((unit and f" {unit}", f"the unit {unit}"), (words, f"the name `{name}`"), (around, f"the name `{about.strip()[:60]}`")):
        if not text:
            continue
        rank = 1 if other else 0
        if where.startswith("the unit") and LEVEL_UNIT.match(unit):
            return Evidence("level", where, -2)
        if INCREASE.search(text):
            return Evidence("count", where, wanted, True)
        if PER_MINUTE.search(text):
            return Evidence("rate/min", where, 1 + wanted - 4 * rank)
        if RATE.search(text) and not re.search(r"error|fail|pct|percent", text, re.IGNORECASE):
            return Evidence("rate", where, 1 + wanted - 4 * rank)
        if COUNTER.search(text):
            return Evidence("counter", where, 1 + wanted - 4 * rank)
        if LEVEL.search(text) and not re.search(r"NumberOf(?:Messages|Empty)?(?:Sent|Received)|_count$|count of|jobs? (?:submitted|created)", name):
            return Evidence("level", where, -2)
    return Evidence(None, "", -1 if other else 1 + wanted, ARRIVALS.search(words) is not None and "total" not in words.lower())


@dataclass(frozen=True)
class Guess:
    """The kind of a series, why, and whether it has to be asked for."""

    kind: str
    why: str
    ambiguous: bool = False


def guess(series: list[NDArray[np.float64]], interval_seconds: float, said: Evidence) -> Guess:
    """Returns the kind of some series by what names say and what the values look like."""
    values = np.concatenate(series) if series else np.empty(0)
    values = values[np.isfinite(values)]
    monotone = len(values) >= LEAST_MONOTONE and all(is_monotone(one) for one in series)
    if said.kind == "level":
        return Guess("level", said.why)
    if said.kind in ("rate", "rate/min"):
        return Guess("rate", said.why) if said.kind == "rate" else Guess("rate/min", said.why)
    if monotone:
        return Guess("counter", "the values only grow, but for resets", ambiguous=said.says_count)
    if said.kind == "counter":
        return Guess("count", "the values fall too often for a running total")
    if not len(values) or np.all(values == np.rint(values)):
        return Guess("count", said.why or "whole numbers")
    if said.kind == "count":
        return Guess("count", said.why)
    known = values * interval_seconds
    error = _resolution(values) * interval_seconds / 2
    if np.median(values) < 5 and error < 0.2 and np.mean(np.abs(known - np.rint(known)) <= error + 1e-6) > 0.95:
        return Guess("rate", f"the values times {interval_seconds:g} s are whole numbers")
    return Guess("count", "fractions", ambiguous=not said.says_count or float(np.median(values)) < 1)


def _resolution(values: NDArray[np.float64]) -> float:
    """Returns the smallest difference that the digits of the values can show."""
    for digits in range(9):
        scaled = values * 10.0**digits
        if np.all(np.abs(scaled - np.rint(scaled)) < 1e-6 * np.maximum(1, np.abs(scaled))):
            return float(10.0**-digits)
    return 1e-9


def is_monotone(values: NDArray[np.float64]) -> bool:
    """Tells whether a series is a running total: it grows, but for rare falls to what it grew by since, and does not stand still."""
    known = values[np.isfinite(values)]
    if len(known) < LEAST_MONOTONE:
        return False
    steps = np.diff(known)
    falls = steps < 0
    if falls.sum() > max(1, 0.03 * len(steps)) or (steps > 0).sum() < 0.2 * len(steps):
        return False
    return bool(np.all(known[1:][falls] <= 5 * steps.max()))


def increases(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns by how much a running total grew before each row but the first; after a reset it grew from 0."""
    steps = np.diff(values)
    return np.where(steps < 0, values[1:], steps)
