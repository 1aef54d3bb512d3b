"""Pictures of forecasts and backtests, with matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ._evscale import Forecast, HorizonForecast
from ._refuse import missing, refuse
from .caveats import strictest
from .history import frame_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .report import Report

OURS, BAND, LOAD, BASELINE, REFERENCE = "#1558b0", "#9cc3f0", "#222222", "#d9822b", "#2b8a3e"
MOST_LEVELS = 100
ALARM = "#c0392b"
RULE_COLORS = {
    "tolerance": "#b9a3d0", "job_numbers": "#1f77b4", "stabilization_window": "#7fa8a0", "forecast_floor": "#d9a441",
    "memory_floor": "#b5651d", "spare_jobs": "#8fbf6a", "change_price": "#b8860b",
    "max_step_up": "#16a085", "max_step_down": "#5d8aa8", "flap_damping": "#8e44ad", "cooldown_up": "#a0785a",
    "cooldown_down": "#c2a18a", "announced": "#00a6d6", "effectiveness": "#6b8e23", "downstream_limit": "#a83f39",
    "capacity_limit": "#b3485a", "first_records": "#4f7cac", "data_quality": "#d9822b", "stale_records": "#e8b27d",
    "scheduled_maximum": "#7c5cbf", "maintenance_window": "#5b6875", "manual_fixed": "#e377c2", "manual_cap": "#f2b8dd",
    "manual_floor": "#c94fa5", "pause": "#9aa5b1", "job_hour_budget": "#2f6f4f", "shared_budget": "#3fa27a",
    "bounds": "#444444",
}
"""The colour of each of `RULES`."""
FIGURE_BASELINE = "HPA on CPU"
SIZE, NOTEBOOK_DPI = (11, 3.2), 72
READABLE, POINTS = 1500, 500
SPANS_HOURS = (0.5, 1, 2, 3, 24, 168)


def figure(
    rows: int = 1, heights: Sequence[float] = (1.0,), size: tuple[float, float] = SIZE, constrained: bool = True
) -> tuple[Figure, Any]:
    """A figure without a display, which notebooks show, and its axes."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("matplotlib", "a picture", "plot") from None

    class Picture(Figure):
        def _repr_png_(self) -> bytes:
            buffer = BytesIO()
            self.savefig(buffer, format="png", dpi=NOTEBOOK_DPI)
            return buffer.getvalue()

    drawn = Picture(figsize=size, constrained_layout=constrained)
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, 1, squeeze=False, height_ratios=heights)[:, 0]


def shown_axes() -> Axes:
    """Axes of a new figure of pyplot, which notebooks show by themselves."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise missing("matplotlib", "a picture", "plot") from None
    return pyplot.subplots(figsize=SIZE, constrained_layout=True)[1]


def forecast_frame(forecast: Forecast, level: Sequence[float] | float | None = None, backend: str | None = None) -> Any:
    """Returns a forecast as a data frame: a row per interval that is forecast, with the beginning of the interval (ds), the
    median, and lo-/hi- of each central interval in percent."""
    try:
        levels = (80,) if level is None else (level,) if isinstance(level, (int, float)) else tuple(islice(level, MOST_LEVELS))
    except TypeError:
        raise refuse(f"`level` is {level!r}, expected percent such as 80, or a list of them") from None
    for one in levels:
        if not 0 < one < 100:
            raise refuse(f"`level` is {one!r}, expected percent above 0 and below 100")
    horizons = list({horizon.steps: horizon for horizon in reversed(forecast.horizons.values())}.values())[::-1]
    columns: dict[str, list[Any]] = {
        "ds": [forecast.at + _before_begin(forecast, horizon) for horizon in horizons],
        "median": [horizon.prediction for horizon in horizons],
    }
    for one in levels:
        bounds = [horizon.interval(one / 100) for horizon in horizons]
        columns[f"lo-{one:g}"] = [low for low, _ in bounds]
        columns[f"hi-{one:g}"] = [high for _, high in bounds]
    return frame_of(columns, backend)


def _before_begin(forecast: Forecast, horizon: HorizonForecast) -> timedelta:
    """Returns the time from the end of what is known to the beginning of the interval that is forecast."""
    if forecast.interval_seconds is None:
        return timedelta(minutes=horizon.minutes * (horizon.steps - 1) / horizon.steps)
    return timedelta(seconds=(horizon.steps - 1) * forecast.interval_seconds)


def forecast_plot(forecast: Forecast, axes: Any = None) -> Any:
    """The median with the 50 and 80 % intervals over the horizons."""
    if axes is None:
        axes = shown_axes()
    horizons = list(forecast.horizons.values())
    ahead = [horizon.minutes for horizon in horizons]
    for share, alpha in ((0.8, 0.5), (0.5, 1.0)):
        low, high = zip(*(horizon.interval(share) for horizon in horizons), strict=True)
        axes.fill_between(ahead, low, high, color=BAND, alpha=alpha, linewidth=0, label=f"{share:.0%} interval")
    axes.plot(ahead, [horizon.prediction for horizon in horizons], color=OURS, marker="o", markersize=3, label="median")
    axes.set_xlabel(f"minutes after {forecast.at:%Y-%m-%d %H:%M} UTC")
    axes.set_ylabel("events per interval")
    axes.set_ylim(bottom=0)
    finish(axes)
    return axes


def finish(axes: Axes, times: bool = False, legend: bool = True) -> None:
    """Grid, legend and dates in the same way everywhere."""
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if legend:
        axes.margins(x=0.01)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=5, fontsize=9, frameon=False, borderaxespad=0.2)
    if times:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def busiest(report: Report, hours: float = 48.0) -> slice:
    """The scored intervals around the highest arrivals."""
    length = max(8, round(hours * 3600 / report.interval_seconds))
    arrivals = report.evscale.rows["arrivals"]
    peak = report.scored_from + int(np.argmax(arrivals[report.scored_from:]))
    first = max(report.scored_from, min(peak - length // 2, len(arrivals) - length))
    return slice(first, min(len(arrivals), first + length))


def thinned(report: Report, part: slice) -> tuple[slice, int, str]:
    """The intervals of a part, how many of them share a point of the picture, and that in words."""
    start, stop, _ = part.indices(len(report.times))
    length, interval = stop - start, report.interval_seconds
    factor = 1
    if length > READABLE:
        fits = (hours for hours in SPANS_HOURS if length * interval / 3600 / hours <= POINTS)
        factor = max(1, round(3600 * next(fits, SPANS_HOURS[-1]) / interval))
    hours = factor * interval / 3600
    words = "" if factor == 1 else f" of {hours:g} h" if hours <= 24 else f" of {hours / 24:g} days"
    return slice(start, start + (stop - start) // factor * factor), factor, words


def grouped(values: Any, factor: int, how: Any = np.nanmean) -> Any:
    """One value per `factor` values; the first one of times."""
    if factor == 1:
        return values
    blocks = values.reshape(-1, factor)
    return blocks[:, 0] if values.dtype.kind == "M" else how(blocks, axis=1)


def lead_intervals(report: Report) -> int:
    """Intervals between a forecast that is drawn and what came."""
    return max(1, round(720 / report.interval_seconds))


def lead_minutes(report: Report) -> float:
    """The same in minutes: 12, or the whole interval next to it."""
    return lead_intervals(report) * report.interval_seconds / 60


def draw_arrivals(axes: Axes, report: Report, part: slice) -> None:
    """Arrivals, and what was expected of them 12 minutes before."""
    rows = report.evscale.rows
    lead = lead_intervals(report)
    start, stop, _ = part.indices(len(report.times))
    part, factor, span = thinned(report, slice(max(start, lead), stop))
    times = grouped(report.times[part], factor)
    before = slice(part.start - lead, part.stop - lead)
    low, middle, high = (grouped(rows[name][before], factor) for name in ("expected_low", "expected", "expected_high"))
    if factor > 1:
        axes.fill_between(times, grouped(rows["arrivals"][part], factor, np.min), grouped(rows["arrivals"][part], factor, np.max),
                          color="#e3e3e3", linewidth=0, label=f"least to most{span}")
    axes.fill_between(times, low, high, color=BAND, linewidth=0,
                      label=f"80 % interval, {lead_minutes(report):g} min before")
    axes.plot(times, middle, color=OURS, linewidth=0.8, label="expected")
    axes.plot(times, grouped(rows["arrivals"][part], factor), color=LOAD, linewidth=0.8,
              label=f"arrivals, mean{span}" if factor > 1 else "arrivals")
    axes.set_ylabel("events per interval")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.6g}" if value < 1 else f"{value:,.0f}")
    axes.set_ylim(0, 1.08 * max(1.0, float(np.max(rows["arrivals"][part]))))
    finish(axes, times=True)


def _compared(axes: Axes, report: Report, part: slice, column: str, how: Any, scale: float = 1.0, steps: bool = False) -> str:
    """A column of evscale and of the reactive rule, evscale on top; the words for what a point stands for."""
    part, factor, span = thinned(report, part)
    times = grouped(report.times[part], factor)
    for run in sorted(report.runs, key=lambda run: run.name == "evscale"):
        if run.name in ("evscale", FIGURE_BASELINE):
            ours = run.name == "evscale"
            values = grouped(run.rows[column][part] * scale, factor, how)
            axes.plot(times, values, color=OURS if ours else BASELINE, linewidth=1.2 if ours else 0.9, label=run.name,
                      drawstyle="steps-post" if steps else "default")
    return span


def draw_jobs(axes: Axes, report: Report, part: slice) -> None:
    """Jobs paid for under evscale and a reactive rule, and jobs that the arrivals kept busy."""
    offered = report.evscale.rows["arrivals"] * report.service_time_ms / 1000 / report.interval_seconds
    rows, factor, _ = thinned(report, part)
    axes.fill_between(grouped(report.times[rows], factor), grouped(offered[rows], factor), step="post", color="#dddddd",
                      linewidth=0, label="jobs kept busy by the arrivals")
    span = _compared(axes, report, part, "jobs", np.mean, steps=True)
    most = report.config.max_jobs
    if axes.get_ylim()[1] > 0.8 * most:
        axes.axhline(most, color="#888888", linestyle=":", linewidth=1, label=f"most jobs: {most}")
    axes.set_ylabel("jobs" + (f", mean{span}" if span else ""))
    axes.set_ylim(bottom=0)
    finish(axes, times=True)


def draw_waits(axes: Axes, report: Report, part: slice) -> None:
    """Mean wait in the queue, and the SLA's limit."""
    limit, _ = strictest(report.config)
    span = _compared(axes, report, part, "mean_wait_ms", np.max, 0.001)
    axes.axhline(limit, color=ALARM, linestyle="--", linewidth=1, label=f"SLA: {limit:g} s")
    axes.set_ylabel(f"wait, s; highest\n{span.strip()}" if span else "mean wait, s")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(0, max(2 * limit, axes.get_ylim()[1]))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    finish(axes, times=True)


def draw_backlog(axes: Axes, report: Report, part: slice) -> None:
    """Events that wait at the end of each interval."""
    span = _compared(axes, report, part, "backlog", np.max)
    axes.set_ylabel(f"waiting; highest\n{span.strip()}" if span else "events waiting")
    axes.set_yscale("symlog", linthresh=10)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    finish(axes, times=True)


def draw_decisions(axes: Axes, report: Report, part: slice) -> None:
    """Recommended jobs, marked by the safety rule that bound the decision."""
    times = report.times[part]
    moments = np.array([one["decided_at"].rstrip("Z") for one in report.decisions], dtype="datetime64[ms]")
    inside = np.flatnonzero((moments >= times[0]) & (moments <= times[-1]))
    chosen = [report.decisions[index] for index in inside]
    jobs = np.array([np.nan if one["recommended_jobs"] is None else one["recommended_jobs"] for one in chosen])
    rules = np.array([one["limited_by"][-1] if one["limited_by"] else "" for one in chosen])
    urgent = np.array([bool(one["emergency"]) for one in chosen])
    axes.step(moments[inside], jobs, where="post", color=OURS, linewidth=0.8, alpha=0.6)
    free = rules == ""
    axes.plot(moments[inside][free], jobs[free], ".", color=OURS, markersize=4, label="as proposed")
    for rule in dict.fromkeys(rules[~free].tolist()):
        axes.plot(moments[inside][rules == rule], jobs[rules == rule], "o", color=RULE_COLORS[rule],
                  markersize=3.5, label=rule.replace("_", " "))
    if urgent.any():
        axes.plot(moments[inside][urgent], jobs[urgent], "^", markerfacecolor="none", markeredgecolor=ALARM,
                  markersize=6, markeredgewidth=0.8, label="emergency")
    axes.set_ylabel("jobs decided")
    axes.set_ylim(bottom=0)
    finish(axes, times=True)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=7, fontsize=8.5, frameon=False, borderaxespad=0.2)


def draw_cost(axes: Axes, report: Report) -> None:
    """Cost against lateness of every rule: the lower left is best."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    late = {run.name: max(100 - run.scores["sla_compliance_percent"], 0.005) for run in report.runs}
    _, target_share = strictest(report.config)
    allowed = 100 * (1 - target_share)
    axes.axhspan(0.001, allowed, color="#e6f4ea", zorder=0)
    axes.axhline(allowed, color=REFERENCE, linestyle="--", linewidth=1)
    for run in report.runs:
        ours = run.name == "evscale"
        axes.plot(run.scores["cost_ratio"], late[run.name], "D" if ours else "o", markersize=9 if ours else 7,
                  color=OURS if ours else BASELINE, zorder=3)
    axes.axvline(1, color="#888888", linestyle=":", linewidth=1)
    axes.set_yscale("log")
    axes.set_ylim(0.004, max(3 * allowed, 2.5 * max(late.values())))
    costs = [run.scores["cost_ratio"] for run in report.runs]
    axes.set_xlim(min(0.9, 0.95 * min(costs)), 1 + 1.2 * max(0.2, max(costs) - 1))
    axes.set_xmargin(0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("cost: job-hours over those of a clairvoyant schedule")
    axes.set_ylabel("events served late")
    target = axes.text(0.995, 0.86 * allowed, f"SLA target: {100 * target_share:g} % on time",
                       transform=axes.get_yaxis_transform(), ha="right", va="top", fontsize=9, color=REFERENCE)
    finish(axes, legend=False)
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    words = target.get_window_extent()
    _labels(axes, [(run.scores["cost_ratio"], late[run.name], run.name) for run in report.runs],
            [(words.x0, words.y0, words.x1, words.y1)])


Box = tuple[float, float, float, float]
"""Left, bottom, right, top in the picture's dots."""


def _labels(axes: Axes, points: list[tuple[float, float, str]], taken: list[Box]) -> None:
    """Names beside points; one whose place is taken moves to the left, then up."""
    scale = axes.transData.transform
    places = {name: (x, y) for x, y, name in points}
    spots = {name: tuple(scale(place)) for name, place in places.items()}
    marks = [(x - 6, y - 6, x + 6, y + 6) for x, y in spots.values()]
    for name, (x, y) in sorted(spots.items(), key=lambda item: item[1]):
        width = 7.5 * len(name)
        for side, lift in ((1, 0), (-1, 0), (1, 15), (-1, 15), (1, -15), (-1, -15), (1, 28), (-1, -28)):
            left = x + 11 if side > 0 else x - 11 - width
            box = (left, y + lift - 7, left + width, y + lift + 7)
            if not any(box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
                       for other in (*taken, *marks)):
                break
        taken.append(box)
        axes.annotate(name, (places[name][0], places[name][1]), xytext=(side * 8, lift * 0.72),
                      textcoords="offset points", va="center", ha="left" if side > 0 else "right", fontsize=9.5,
                      fontweight="bold" if name == "evscale" else "normal")


def overview(report: Report) -> Figure:
    """Everything in one figure: the whole scored part, and the two busiest days in detail."""
    drawn, axes = figure(6, (3, 3, 2, 2, 3, 3.4), (12, 19))
    whole, detail = slice(report.scored_from, len(report.times)), busiest(report)
    draw_arrivals(axes[0], report, whole)
    draw_jobs(axes[1], report, whole)
    draw_backlog(axes[2], report, whole)
    draw_waits(axes[3], report, whole)
    draw_decisions(axes[4], report, detail)
    draw_cost(axes[5], report)
    return drawn
