"""Values in notebooks: tables instead of long texts, and a progress bar."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._evscale import Decision, Forecast
    from .pool_report import PoolReport
    from .report import Report


def _table(head: list[str], rows: list[list[str]], words: str) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<p>{escape(words)}</p><table><tr>{''.join(f'<th>{escape(one)}</th>' for one in head)}</tr>{cells}</table>"


def report_html(report: Report) -> str:
    """Returns the scores of a report as a table, with its remarks."""
    from .report import COLUMNS

    rows = [[run.name, *(form.format(run.scores[key]) for _, key, form in COLUMNS)] for run in report.runs]
    return _table(["rule", *(title for title, _, _ in COLUMNS)], rows, repr(report)) + "".join(
        f"<p>{escape(remark)}</p>" for remark in report.remarks)


def forecast_html(forecast: Forecast) -> str:
    """Returns a forecast as a table of its horizons."""
    rows = [[str(minutes), f"{one.prediction:,.1f}", *(f"{bound:,.1f}" for bound in one.interval(0.8))]
            for minutes, one in forecast.horizons.items()]
    return _table(["minutes ahead", "median", "low 80 %", "high 80 %"], rows, repr(forecast))


def jobs_of(count: int | None) -> str:
    """Returns a number of jobs as text."""
    return "unknown" if count is None else str(count)


def decision_html(decision: Decision) -> str:
    """Returns a decision as a table of the rules that changed it."""
    rows = [[step["rule"].replace("_", " "), str(step["before"]), str(step["after"]), step["detail"]] for step in decision.trail]
    words = f"{jobs_of(decision.current_jobs)} -> {jobs_of(decision.recommended_jobs)} jobs: {decision.explanation}"
    return _table(["rule", "before", "after", "detail"], rows, words)


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
