"""The picture of a pool's last day, with matplotlib."""

from __future__ import annotations

from datetime import datetime
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from .pictures import ALARM, BASELINE, LOAD, OURS, REFERENCE, figure, finish
from .pool_report import BIN, PoolReport, utc

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"critical": ALARM, "warning": BASELINE}
MOST_NEED = 2.5
"""Most jobs that are shown, over `max_jobs`: a backlog of hours would hide the pool."""
ALERT_ROW = 0.28
"""Height of an alert's line, inches."""


def day_figure(report: PoolReport) -> Figure:
    """The last day of a pool: forecast against arrivals, jobs against need, late events against the allowed share, and the alerts."""
    rows = max(1, len(report.alerts))
    heights = (2.2, 2.2, 1.4, 0.35 + ALERT_ROW * rows)
    drawn, axes = figure(4, heights, (11, sum(heights) + 1.6))
    begins = [utc(None, begin) for begin in report.bins()]
    times, curves = np.array([*begins, begins[-1] + BIN], dtype="datetime64[ms]"), report.curves()
    _arrivals(axes[0], times, curves)
    _jobs(axes[1], times, curves, report)
    _budget(axes[2], times, curves, report)
    _alerts(axes[3], report, begins[0], begins[-1] + BIN)
    for one in axes:
        one.set_xlim(times[0], times[-1])
    for one in axes[:3]:
        one.tick_params(labelbottom=False)
    drawn.suptitle(f"the day until {report.at:%Y-%m-%d %H:%M} UTC", x=0.01, ha="left", fontsize=10)
    return drawn


def _steps(axes: Axes, times: Any, values: list[float], **style: Any) -> None:
    """A line that has each value for the whole of its bin."""
    axes.step(times, [*values, values[-1]], where="post", **style)


def _arrivals(axes: Axes, times: Any, curves: dict[str, list[float]]) -> None:
    _steps(axes, times, curves["arrivals"], color=LOAD, linewidth=1.0, label="arrivals")
    _steps(axes, times, curves["forecast"], color=OURS, linewidth=1.2, label="forecast 12 min before")
    axes.set_ylabel("events per interval")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 or value == 0 else f"{value:,.2g}")
    finish(axes, times=True)


def _jobs(axes: Axes, times: Any, curves: dict[str, list[float]], report: PoolReport) -> None:
    most = report.config.max_jobs
    needed = np.array([*curves["needed_jobs"], curves["needed_jobs"][-1]])
    highest = max((value for value in curves["needed_jobs"] if not isnan(value)), default=0.0)
    beyond = f": up to {highest:,.0f}" if highest > MOST_NEED * most else ""
    axes.fill_between(times, needed, step="post", color="#dddddd", linewidth=0, label=f"needed, as the records show{beyond}")
    _steps(axes, times, curves["jobs"], color=OURS, linewidth=1.2, label="jobs")
    if axes.get_ylim()[1] > 0.8 * most:
        axes.axhline(most, color="#888888", linestyle=":", linewidth=1, label=f"most jobs: {most}")
    axes.set_ylabel("jobs")
    axes.set_ylim(0, min(axes.get_ylim()[1], MOST_NEED * most))
    finish(axes, times=True)


def _budget(axes: Axes, times: Any, curves: dict[str, list[float]], report: PoolReport) -> None:
    allowed = 100 * (1 - report.config.sla_target)
    late = [100 * share for share in curves["late_share"]]
    axes.fill_between(times, [*late, late[-1]], step="post", color=BASELINE, alpha=0.7, linewidth=0, label="late events")
    axes.axhline(allowed, color=REFERENCE, linestyle="--", linewidth=1, label=f"allowed: {allowed:g} %")
    left = report["error_budget_left"]
    if left is not None:
        axes.plot([], [], " ", label=f"error budget of the week: {1 - left:.0%} used")
    axes.set_ylabel("late, %")
    known = [share for share in late if not isnan(share)]
    axes.set_ylim(0, max(2 * allowed, 1.1 * max(known, default=0.0)))
    finish(axes, times=True)


def _alerts(axes: Axes, report: PoolReport, begin: datetime, end: datetime) -> None:
    from matplotlib.dates import date2num

    axes.set_ylim(max(1, len(report.alerts)) - 0.5, -0.5)
    for row, alert in enumerate(report.alerts):
        since, until = max(begin, utc(alert["since"], begin)), utc(alert["until"], end)
        axes.barh(row, date2num(until) - date2num(since), left=date2num(since), height=0.6, color=COLORS[alert["severity"]],
                  alpha=0.35 if alert["silenced_until"] else 0.9)
    axes.set_yticks(range(len(report.alerts)), [alert["name"].replace("_", " ") for alert in report.alerts], fontsize=8)
    if not report.alerts:
        axes.text(0.5, 0, "no alert", transform=axes.get_yaxis_transform(), ha="center", va="center", color="#888888")
    finish(axes, times=True, legend=False)
