"""The report of a backtest as one self-contained HTML page."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from . import pictures
from ._evscale import RULES

if TYPE_CHECKING:
    from .report import Report

STYLE = """
:root{--ink:#1d2733;--soft:#5b6875;--line:#dfe5ec;--ours:#1558b0;--good:#1e7d3c;--bad:#b3261e}
*{box-sizing:border-box}
body{margin:0;background:#f4f6f9;color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:28px;margin:0 0 4px}h2{font-size:20px;margin:0 0 4px}
p{margin:0 0 12px;color:var(--soft);max-width:80ch}p.lead{font-size:18px;color:var(--ink)}
section{background:#fff;border:1px solid var(--line);border-radius:10px;padding:20px 24px;margin-top:20px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:14px;margin-top:20px}
.card{background:#fff;border:1px solid var(--line);border-radius:10px;padding:16px 18px}
.card b{display:block;font-size:30px;line-height:1.15;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:14px}.good{color:var(--good)}.bad{color:var(--bad)}
img{width:100%;height:auto;display:block}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:7px 7px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:600}th:first-child,td:first-child{text-align:left}
td.words{text-align:left;white-space:normal}tr.ours{background:#eef4fc;font-weight:600}
.scroll{overflow-x:auto}footer{color:var(--soft);font-size:13.5px;margin-top:24px}
.note{background:#fff7e0;border:1px solid #ecd9a0;border-radius:10px;padding:12px 18px;margin-top:20px;color:var(--ink);max-width:none}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;margin:14px 0 0;font-size:13.5px;color:var(--soft)}
dt{font-weight:600}dd{margin:0}
@media print{body{background:#fff}main{padding:0}section,.card{break-inside:avoid}}
"""
SCORES = (
    ("on time", "sla_compliance_percent", "{:.2f} %"), ("job-hours", "job_hours", "{:,.0f}"),
    ("&times; clairvoyant", "cost_ratio", "{:.2f}"), ("mean wait", "mean_wait_ms", None), ("99 % wait", "p99_wait_ms", None),
    ("changes", "scale_actions", "{:,.0f}"), ("reversals", "reversals", "{:,.0f}"),
    ("too few jobs", "tau_under_percent", "{:.1f} %"),
)
WIDTH_INCHES = 11
PUNCTUALITY = ("Each mark is a rule. Left is cheaper, down is more punctual; the green field meets the target. The rules "
               "stand at usual settings (70 % utilization, or 0.7 of what a job can do), not tuned in hindsight.")
CLOSER = "Forecast, jobs, and decisions. A decision in colour was changed by the safety rule named in the legend."
WORDS = (
    ("on time", "share of events whose wait was within the limit"),
    ("&times; clairvoyant", "job-hours over those of a schedule that knows every arrival in advance: what no rule can reach"),
    ("changes, reversals", "changes of the number of jobs, and those against the direction of the one before"),
    ("too few jobs", "share of the time in which the ready jobs could not keep up with the arrivals"),
)
PEERS = {
    "static peak": "a fixed number: enough for the 99.9th percentile of the arrivals, if the pool may have as many",
    "HPA on CPU": "Kubernetes' HorizontalPodAutoscaler at 70 % CPU utilization",
    "HPA on rate": "the same on the arrival rate", "KEDA queue": "the same on the queue length",
    "Flink": "the autoscaler of Flink's Kubernetes operator", "Ray Serve": "Ray Serve's autoscaler, on requests under way",
    "seasonal quantile": "the load at this time of the last seven days, at today's level",
}


def wait(milliseconds: float) -> str:
    """A wait as people read it."""
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 180 else f"{seconds / 60:.0f} min"


def _picture(draw: Callable[..., None], report: Report, *arguments: Any, height: float = 3.2, alt: str) -> str:
    drawn, axes = pictures.figure(size=(WIDTH_INCHES, height), constrained=False)
    draw(axes[0], report, *arguments)
    drawn.subplots_adjust(left=0.95 / WIDTH_INCHES, right=1 - 0.15 / WIDTH_INCHES, bottom=0.55 / height, top=1 - 0.35 / height)
    buffer = BytesIO()
    drawn.savefig(buffer, format="png", dpi=140)
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _card(figure: str, words: str, tone: str = "") -> str:
    return f'<div class="card"><b class="{tone}">{figure}</b><span>{words}</span></div>'


def _mean_jobs(report: Report) -> float:
    return float(report.evscale.rows["jobs"][report.scored_from:].mean())


def _cards(report: Report) -> str:
    scores, config = report.evscale.scores, report.config
    met = scores["sla_compliance_percent"] >= 100 * config.sla_target
    cards = [
        _card(f"{scores['sla_compliance_percent']:.2f} %", f"of events served within {config.sla_wait_seconds:g} s "
              f"(target {100 * config.sla_target:g} %)", "good" if met else "bad"),
        _card(f"{scores['job_hours']:,.0f}", f"job-hours ({_mean_jobs(report):.1f} jobs on average), {scores['cost_ratio']:.2f} "
              "times those of a schedule that knows the future"),
    ]
    peers = {run.name: run.scores for run in report.runs[1:]}
    if "static peak" in peers:
        saved = 100 * (1 - scores["job_hours"] / peers["static peak"]["job_hours"])
        cards.append(_card(f"{abs(saved):.0f} % {'less' if saved >= 0 else 'more'}", "cost than a pool that is always "
                           "large enough for the peak", "good" if saved >= 0 else "bad"))
    cards.append(_card(wait(scores["mean_wait_ms"]), f"mean wait; 99 % of events wait at most {wait(scores['p99_wait_ms'])}"))
    return f'<div class="cards">{"".join(cards)}</div>'


def _lead(report: Report) -> str:
    target, scores = 100 * report.config.sla_target, report.evscale.scores
    ours = f"evscale served {scores['sla_compliance_percent']:.2f} % of events in time"
    good = [run for run in report.runs[1:] if run.scores["sla_compliance_percent"] >= target]
    if scores["sla_compliance_percent"] < target:
        ours += f", which is below the target of {target:g} %"
        if good:
            best = min(good, key=lambda run: run.scores["job_hours"])
            dearer = 100 * (best.scores["job_hours"] / scores["job_hours"] - 1)
            return (f"{ours}. The cheapest rule that reached it is {escape(best.name)}, at {abs(dearer):.0f} % "
                    f"{'more' if dearer >= 0 else 'less'} job-hours.")
        return ours + (". No other rule reached it." if report.runs[1:] else ".")
    if good:
        best = min(good, key=lambda run: run.scores["job_hours"])
        cheaper = 100 * (1 - scores["job_hours"] / best.scores["job_hours"])
        return (f"{ours}, at {abs(cheaper):.0f} % {'less' if cheaper >= 0 else 'more'} cost than {escape(best.name)}, the "
                "cheapest other rule that reaches the target.")
    return f"{ours}; no other rule reaches the target." if report.runs[1:] else ours + "."


def _table(report: Report) -> str:
    head = "".join(f"<th>{title}</th>" for title, _, _ in SCORES)
    body = []
    for run in report.runs:
        tones = {"sla_compliance_percent": "" if run.scores["sla_compliance_percent"] < 100 * report.config.sla_target else "good"}
        cells = "".join(f'<td class="{tones.get(key, "")}">{wait(run.scores[key]) if form is None else form.format(run.scores[key])}</td>'
                        for _, key, form in SCORES)
        body.append(f'<tr class="{"ours" if run.name == "evscale" else ""}"><td>{escape(run.name)}</td>{cells}</tr>')
    words = [*WORDS, *((escape(run.name), PEERS[run.name]) for run in report.runs if run.name in PEERS)]
    meaning = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in words)
    return f'<div class="scroll"><table><tr><th>rule</th>{head}</tr>{"".join(body)}</table></div><dl>{meaning}</dl>'


def _coverage(report: Report) -> float:
    """Percent of the scored arrivals inside the 80 % interval that was forecast before."""
    rows, lead = report.evscale.rows, pictures.lead_intervals(report)
    scored = slice(max(report.scored_from, lead), None)
    before = slice(scored.start - lead, len(report.times) - lead)
    arrivals = rows["arrivals"][scored]
    inside = (arrivals >= np.floor(rows["expected_low"][before])) & (arrivals <= np.ceil(rows["expected_high"][before]))
    return 100 * float(inside.mean())


def _note(report: Report) -> str:
    if report.service_time_source != "assumed":
        return ""
    return (f'<p class="note">The service time of an event is not known and was assumed: {report.service_time_ms:,.0f} ms. '
            "Jobs and waits mean something for your pool only with the real one: set <code>service_time_ms</code>.</p>")


def _rules(report: Report) -> str:
    first = str(report.times[report.scored_from])
    scored = [one for one in report.decisions if one["decided_at"] >= first]
    bound = Counter(rule for one in scored for rule in one["limited_by"])
    free = sum(not one["limited_by"] for one in scored)
    rows = [("(none)", free, "takes the proposal as it is")]
    rows += [(rule, count, RULES[rule]) for rule, count in bound.most_common()]
    body = "".join(f"<tr><td>{escape(rule.replace('_', ' '))}</td><td>{count:,}</td><td>{_share(count, len(scored))}</td>"
                   f'<td class="words">{escape(words)}</td></tr>' for rule, count, words in rows)
    return f'<table><tr><th>rule</th><th>decisions</th><th>share</th><th></th></tr>{body}</table>'


def _share(count: int, total: int) -> str:
    percent = 100 * count / max(1, total)
    if 0 < percent < 0.1:
        return "&lt; 0.1 %"
    return f"{percent:.1f} %" if 0 < percent < 10 else f"{percent:.0f} %"


def _largest(report: Report, count: int = 8) -> str:
    first = str(report.times[report.scored_from])
    scored = [one for one in report.decisions if one["decided_at"] >= first]
    chosen = sorted(sorted(scored, key=lambda one: -abs(one["change"]))[:count], key=lambda one: str(one["decided_at"]))
    body = "".join(f"<tr><td>{escape(one['decided_at'].replace('T', ' ')[:16])}</td><td>{one['change']:+d}</td>"
                   f'<td class="words">{escape(one["explanation"].replace("_", " "))}</td></tr>' for one in chosen)
    return f'<table><tr><th>time (UTC)</th><th>jobs</th><th style="text-align:left">why</th></tr>{body}</table>'


def page(report: Report, title: str) -> str:
    """The whole page as text."""
    whole, detail = slice(report.scored_from, len(report.times)), pictures.busiest(report)
    first, last = (str(report.times[index])[:16].replace("T", " ") for index in (report.scored_from, -1))
    source = {"history": "measured in the history", "config": "as configured",
              "assumed": "assumed, since neither the history nor the configuration has it"}[report.service_time_source]
    gaps = f" {report.gaps:,} intervals had no row and were interpolated." if report.gaps else ""
    forecast = (f"What came, and what was forecast of it {pictures.lead_minutes(report):g} minutes before. 80 % of the arrivals "
                f"should lie in the band; {_coverage(report):.0f} % do.")
    sections = [
        ("Cost against punctuality", PUNCTUALITY,
         _picture(pictures.draw_cost, report, height=4.2, alt="cost and late events of every rule")
         + _table(report)) if len(report.runs) > 1 else ("Scores", "", _table(report)),
        ("Arrivals and forecast", forecast,
         _picture(pictures.draw_arrivals, report, whole, alt="arrivals and forecast band")),
        ("Jobs", "What was paid for, over what the arrivals kept busy.",
         _picture(pictures.draw_jobs, report, whole, alt="jobs")),
        ("Backlog and waits", "Events that were waiting, and how long those served had waited.",
         _picture(pictures.draw_backlog, report, whole, height=2.5, alt="backlog")
         + _picture(pictures.draw_waits, report, whole, height=2.6, alt="mean wait")),
        ("The two busiest days, closer", CLOSER,
         _picture(pictures.draw_arrivals, report, detail, alt="arrivals of the two busiest days")
         + _picture(pictures.draw_jobs, report, detail, height=2.8, alt="jobs of the two busiest days")
         + _picture(pictures.draw_decisions, report, detail, alt="decisions of the two busiest days")),
        ("Which rules bound the decisions", "", _rules(report)),
        ("The largest changes, in words", "", _largest(report)),
    ]
    body = "".join(f"<section><h2>{head}</h2>{f'<p>{words}</p>' if words else ''}{content}</section>"
                   for head, words, content in sections)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>
<h1>{escape(title)}</h1><p>{first} to {last} UTC, intervals of {report.interval_seconds / 60:g} minutes</p>
<p class="lead">{_lead(report)}</p>{_cards(report)}{_note(report)}{body}
<footer>Replayed in a simulated queue (first in, first out) with the decision code that runs in production; the time before
{first} was the warm-up. Jobs take {report.config.job_startup_seconds} s to start and are paid for from the request. Service time of
an event: {report.service_time_ms:,.0f} ms, {source}.{gaps} The clairvoyant schedule knows every arrival in advance.</footer>
</main></body></html>
"""
