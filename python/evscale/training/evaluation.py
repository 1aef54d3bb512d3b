"""Scores of a bundle's whole forecaster on a series it was not trained on, beside naive forecasts.

Weighted quantile loss over the levels 0.1 to 0.9 at 12, 48 and 180 minutes, as a ratio to repeating the same time
yesterday with the quantiles of its own errors of the last seven days.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _evscale
from .traces import DAY_SECONDS, Series

LEVELS = np.arange(1, 10) / 10
FIRST_LEVEL, LAST_LEVEL, MEDIAN, LOW_80, HIGH_80 = 3, 12, 7, 3, 11
HORIZONS = {12: 4, 48: 8, 180: 11}
"""Minutes, and the place of the horizon in a forecast."""
ERROR_DAYS = 7
NOTHING = 1e-6
DRAWS = 200


def score(series: Series, bundle: Any, origins: NDArray[np.int64], seed: int = 0) -> list[dict[str, Any]]:
    """One row per horizon, from forecasts made at the end of the intervals `origins`; all counts must be known."""
    day = DAY_SECONDS // series.interval_seconds
    events = np.ascontiguousarray(series.events)
    steps_of = {minutes: round(minutes * 60 / series.interval_seconds) for minutes in HORIZONS}
    origins = origins[origins < len(events) - max(steps_of.values())]
    quantiles, _, _ = _evscale.forecast_trace(events, series.start_ms, series.interval_seconds, bundle)
    rows = []
    for minutes, steps in steps_of.items():
        if steps < 1:
            continue
        actual = events[origins + steps]
        ours = np.asarray(quantiles)[origins, HORIZONS[minutes]]
        yesterday = _loss(_naive(events, day, steps, day, origins), actual) + NOTHING
        noise = np.random.default_rng(seed).poisson(actual, (DRAWS, len(actual)))
        rows.append({
            "trace": series.name, "interval_seconds": series.interval_seconds, "minutes": minutes,
            "wql": (_loss(ours[:, FIRST_LEVEL:LAST_LEVEL], actual) + NOTHING) / yesterday,
            "wql_last_value": (_loss(_naive(events, steps, steps, day, origins), actual) + NOTHING) / yesterday,
            "coverage_80": float(np.mean((actual >= ours[:, LOW_80]) & (actual <= ours[:, HIGH_80]))),
            "within_10_percent": _near(ours[:, MEDIAN], actual),
            "within_10_percent_of_a_perfect_rate": _near(actual, noise),
        })
    return rows


def pooled(rows: list[dict[str, Any]], name: str) -> dict[int, float]:
    """Geometric mean over the rows of each horizon."""
    return {minutes: float(np.exp(np.mean([np.log(row[name]) for row in rows if row["minutes"] == minutes])))
            for minutes in HORIZONS if any(row["minutes"] == minutes for row in rows)}


def _loss(quantiles: NDArray[np.float64], actual: NDArray[np.float64]) -> float:
    """Weighted quantile loss of [origins, 9] quantiles."""
    error = actual[:, None] - quantiles
    return float(2 * np.maximum(LEVELS * error, (LEVELS - 1) * error).sum(axis=0).mean() / max(actual.sum(), 1e-9))


def _naive(events: NDArray[np.float64], lag: int, steps: int, day: int,
           origins: NDArray[np.int64]) -> NDArray[np.float64]:
    """The value `lag` intervals before the target, with the quantiles of its errors."""
    point = np.full(len(events), np.nan)
    point[lag - steps:] = events[: len(events) - (lag - steps)]
    errors = events[steps:] - point[: len(events) - steps]
    rows = []
    for origin in origins:
        known = errors[max(0, origin - steps - ERROR_DAYS * day + 1): origin - steps + 1]
        known = known[~np.isnan(known)]
        rows.append(np.maximum(point[origin] + (np.quantile(known, LEVELS) if len(known) else 0.0), 0.0))
    return np.array(rows)


def _near(forecast: NDArray[np.float64], actual: NDArray[np.float64]) -> float:
    """Share of forecasts within 10 % of the actual count, or half an event."""
    return float(np.mean(np.abs(actual - forecast) <= np.maximum(0.1 * actual, 0.5)))
