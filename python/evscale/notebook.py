"""Values in notebooks: tables instead of long texts, and a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._evscale import (
        Autoscaler,
        Config,
        Decision,
        Fleet,
        FleetTick,
        Forecast,
        Forecaster,
        HorizonForecast,
        ModelBundle,
        Observation,
        Registry,
    )
    from .history import History
    from .pool_report import PoolReport
    from .report import Report, Run, WhatIf


def _table(head: list[str], rows: list[list[str]], words: str) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<p>{escape(words)}</p><table><tr>{''.join(f'<th>{escape(one)}</th>' for one in head)}</tr>{cells}</table>"


def report_html(report: Report) -> str:
    """Returns the scores of a report as a table, with its remarks."""
    return _scores(report.runs, repr(report)) + "".join(f"<p>{escape(remark)}</p>" for remark in report.remarks)


def run_html(run: Run) -> str:
    """Returns the scores of one rule as a table."""
    return _scores([run], repr(run))


def what_if_html(what_if: WhatIf) -> str:
    """Returns the scores before and after one setting was changed."""
    runs = {"before": what_if.base, "after": what_if.report.evscale}
    return _scores([replace(run, name=name) for name, run in runs.items()], f"{what_if.setting}: {what_if.before} -> {what_if.after}")


def _scores(runs: Iterable[Run], words: str) -> str:
    from .report import columns_of

    shown = list(runs)
    columns = columns_of(shown)
    rows = [[run.name, *(form.format(run.scores[key]) for _, key, form in columns)] for run in shown]
    return _table(["rule", *(title for title, _, _ in columns)], rows, words)


def history_html(history: History) -> str:
    """Returns what a history holds: its first and last rows, and what they were read from."""
    count, shown = len(history.events), 3
    places = list(range(count)) if count <= 2 * shown else [*range(shown), *range(count - shown, count)]
    rows = [[_at(history.start_ms + 1000 * history.interval_seconds * place), f"{history.events[place]:,.6g}"] for place in places]
    if count > 2 * shown:
        rows.insert(shown, ["...", "..."])
    return _table(["begin, UTC", "events"], rows, f"{count:,} intervals of {history.interval_seconds} s, {history.gaps} without a row")


def config_html(config: Config) -> str:
    """Returns the settings that differ from the defaults, with their meanings."""
    from ._evscale import settings

    now = config.to_dict()
    rows = [[one["name"], _plain(now[one["name"]]), _plain(one["default"]), one["description"]] for one in settings()
            if now[one["name"]] != one["default"]]
    return _table(["setting", "value", "default", "meaning"], rows, f"{len(rows)} of {len(now)} settings are not the default")


def observation_html(seen: Observation) -> str:
    """Returns what became of a record as a table."""
    return _facts(seen.to_dict(), f"the record was {seen.verdict}")


def forecast_html(forecast: Forecast) -> str:
    """Returns a forecast as a table of its horizons."""
    rows = [[str(minutes), f"{one.prediction:,.1f}", *(f"{bound:,.1f}" for bound in one.interval(0.8))]
            for minutes, one in forecast.horizons.items()]
    return _table(["minutes ahead", "median", "low 80 %", "high 80 %"], rows, repr(forecast))


def horizon_html(horizon: HorizonForecast) -> str:
    """Returns the quantiles of one horizon."""
    rows = [[f"{100 * level:g} %", f"{value:,.1f}"] for level, value in horizon.quantiles.items()]
    return _table(["quantile", "events"], rows, repr(horizon))


def forecaster_html(forecaster: Forecaster) -> str:
    """Returns what a forecaster expects after what it has observed."""
    return f"<p>{escape(repr(forecaster))}</p>{forecast_html(forecaster.forecast())}"


def jobs_of(count: float | None) -> str:
    """Returns a number of jobs as text."""
    return "unknown" if count is None else f"{count:.0f}"


def decision_html(decision: Decision) -> str:
    """Returns a decision as a table of the rules that changed it."""
    rows = [[step["rule"].replace("_", " "), str(step["before"]), str(step["after"]), step["detail"]] for step in decision.trail]
    words = f"{jobs_of(decision.current_jobs)} -> {jobs_of(decision.recommended_jobs)} jobs: {decision.explanation}"
    return _table(["rule", "before", "after", "detail"], rows, words)


def autoscaler_html(scaler: Autoscaler) -> str:
    """Returns how a pool is doing, and its settings."""
    health, report = scaler.health(), scaler.report()
    return _table(_POOL, [_pool("", health, report)[1:]], "; ".join(health["causes"])) + config_html(scaler.config)


def fleet_html(fleet: Fleet) -> str:
    """Returns how the first pools of a fleet are doing."""
    keys = fleet.keys()
    rows = [_pool(key, fleet.health(key), fleet.report(key)) for key in keys[:_SHOWN]]
    return _table(["pool", *_POOL], rows, _of_all("pools", len(keys)))


_POOL = ["health", "newest record, UTC", "jobs", "recommended", "alerts"]
_SHOWN = 20


def _pool(key: str, health: dict[str, Any], report: PoolReport) -> list[str]:
    at = f"{report.at:%Y-%m-%d %H:%M:%S}" if report["jobs"] is not None else "none"
    firing = ", ".join(alert["name"].replace("_", " ") for alert in report.firing)
    return [key, str(health["status"]), at, jobs_of(report["jobs"]), jobs_of(report["recommended_jobs"]), firing or "none"]


def tick_html(tick: FleetTick) -> str:
    """Returns the first decisions of a tick, and its errors."""
    rows = [[key, jobs_of(one.current_jobs), jobs_of(one.recommended_jobs), one.explanation] for key, one in list(tick.decisions.items())[:_SHOWN]]
    return _table(["pool", "jobs", "recommended", "why"], rows, _of_all("decisions", len(tick.decisions))) + "".join(
        f"<p>{escape(str(error))}</p>" for error in tick.errors[:_SHOWN])


def bundle_html(bundle: ModelBundle) -> str:
    """Returns what a model bundle says of itself."""
    return _facts({name: value for name, value in bundle.manifest.items() if isinstance(value, (str, int, float))}, repr(bundle))


def registry_html(registry: Registry) -> str:
    """Returns the versions of a registry, and which of them acts."""
    return _facts(registry.stages(), f"versions {', '.join(map(str, registry.versions())) or 'none'}")


def _facts(values: Mapping[str, Any], words: str) -> str:
    return _table(["name", "value"], [[name.replace("_", " "), _plain(value)] for name, value in values.items()], words)


def _of_all(what: str, count: int) -> str:
    return f"{count:,} {what}" + (f", of which the first {_SHOWN}" if count > _SHOWN else "")


def _plain(value: Any) -> str:
    return "none" if value is None else ", ".join(map(str, value)) or "none" if isinstance(value, (list, tuple)) else str(value)


def _at(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, timezone.utc):%Y-%m-%d %H:%M:%S}"


def pool_report_html(report: PoolReport) -> str:
    """Returns the known metrics of a pool's report as a table, and its alerts as another."""
    from ._evscale import metrics

    known = [one for one in metrics() if report[one["name"]] is not None]
    unit = {"1": ""}
    rows = [[one["name"].replace("_", " "), f"{report[one['name']]:,.6g} {unit.get(one['unit'], one['unit'])}".strip(), one["description"]]
            for one in known]
    alerts = [[alert["name"].replace("_", " "), alert["severity"], alert["state"], alert["since"], alert["text"], alert["action"]]
              for alert in report.alerts]
    words = [report["retraining_recommended"] and f"training is recommended: {report['retraining_recommended']}"]
    return "".join([
        _table(["metric", "value", "meaning"], rows, repr(report)),
        *(f"<p>{escape(one)}</p>" for one in words if one),
        _table(["alert", "severity", "state", "since", "what it says", "what to do"], alerts, "alerts of the last day") if alerts else "",
    ])


def bar(words: str = "backtest") -> Callable[[int, int], None]:
    """Returns a `progress` that draws a bar with tqdm, in notebooks and terminals (extra `notebook`).

    Use: ``evscale.backtest(frame, progress=evscale.notebook.bar())``.
    """
    try:
        from tqdm.auto import tqdm
    except ImportError:
        from ._refuse import missing

        raise missing("tqdm", "a progress bar", "notebook") from None
    drawn: list[Any] = []

    def tell(done: int, total: int) -> None:
        if not drawn:
            drawn.append(tqdm(total=total, desc=words))
        drawn[0].update(done - drawn[0].n)
        if done >= total:
            drawn[0].close()

    return tell
