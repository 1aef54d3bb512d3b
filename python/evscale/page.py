"""The report of a backtest as one self-contained HTML page."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from . import pictures
from ._evscale import RULES
from .caveats import class_targets, coverage, is_too_short, need_at_peak, no_rule_can, on_target, sla_words

if TYPE_CHECKING:
    from .report import Report

STYLE = """
:root{color-scheme:light dark;--ink:#1d2733;--soft:#5b6875;--line:#dfe5ec;--ours:#eef4fc;--good:#1e7d3c;--bad:#b3261e;--back:#f4f6f9;
--card:#fff;--note:#fff7e0;--edge:#ecd9a0}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ee;--soft:#a3afbb;--line:#36414d;--ours:#1d3148;--good:#6fce8b;--bad:#ff8a80;--back:#12171d;
--card:#1b222a;--note:#3a3115;--edge:#6d5d25}.figure{background:#fff;border-radius:6px;padding:6px}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:28px;margin:0 0 4px}h2{font-size:20px;margin:0 0 4px}
p{margin:0 0 12px;color:var(--soft);max-width:80ch}p.lead{font-size:18px;color:var(--ink)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px 24px;margin-top:20px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:14px;margin-top:20px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px}
.card b{display:block;font-size:30px;line-height:1.15;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:14px}.good{color:var(--good)}.bad{color:var(--bad)}
img{width:100%;height:auto;display:block}.figure{overflow-x:auto}.figure+.figure{margin-top:8px}.figure img{min-width:760px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:7px 7px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:600}th:first-child,td:first-child{text-align:left}
td.words{text-align:left;white-space:normal}tr.ours{background:var(--ours);font-weight:600}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:13.5px;margin:0}.scroll{overflow-x:auto}td.words{min-width:16em}footer{color:var(--soft);font-size:13.5px;margin-top:24px}
.note{background:var(--note);border:1px solid var(--edge);border-radius:10px;padding:12px 18px;margin-top:20px;color:var(--ink);max-width:none}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;margin:14px 0 0;font-size:13.5px;color:var(--soft)}
dt{font-weight:600}dd{margin:0}
@media(max-width:600px){main{padding:18px 12px 40px}section{padding:14px 12px}h1{font-size:22px}dl{grid-template-columns:1fr}dd{margin:0 0 6px}
.cards{grid-template-columns:1fr}
table.words,table.words tbody{display:block}table.words tr{display:flex;flex-wrap:wrap;border-bottom:1px solid var(--line)}
table.words th,table.words td{border:0}table.words td.words{flex-basis:100%;min-width:0;padding-top:0}table.words th:last-child{display:none}}
@media print{:root{color-scheme:light}body{background:#fff}main{padding:0}section,.card{break-inside:avoid}}
"""
SCORES = (
    ("on time", "sla_compliance_percent", "{:.2f} %"), ("job-hours", "job_hours", "{:,.0f}"),
    ("&times; clairvoyant", "cost_ratio", "{:.2f}"), ("mean wait", "mean_wait_ms", None), ("99 % wait", "p99_wait_ms", None),
    ("changes", "scale_actions", "{:,.0f}"), ("reversals", "reversals", "{:,.0f}"),
    ("too few jobs", "tau_under_percent", "{:.1f} %"),
)
COST = ("money", "cost", "{:,.2f}")
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
BASELINES = {
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
    return (f'<div class="figure"><img alt="{escape(alt)}" src="data:image/png;base64,'
            f'{base64.b64encode(buffer.getvalue()).decode()}"></div>')


def _card(figure: str, words: str, tone: str = "") -> str:
    return f'<div class="card"><b class="{tone}">{figure}</b><span>{words}</span></div>'


def _mean_jobs(report: Report) -> float:
    return float(report.evscale.rows["jobs"][report.scored_from:].mean())


def _cards(report: Report) -> str:
    scores, config = report.evscale.scores, report.config
    met = on_target(config, report.evscale)
    tone = "" if is_too_short(report) else "good" if met else "bad"
    cards = [
        _card(f"{scores['sla_compliance_percent']:.2f} %", f"of events served {sla_words(config)}{_if_assumed(report)}", tone),
        _card(f"{scores['job_hours']:,.0f}", f"job-hours ({_mean_jobs(report):.1f} jobs on average), {scores['cost_ratio']:.2f} "
              "times those of a schedule that knows the future"),
    ]
    baselines = {run.name: run.scores for run in report.runs[1:]}
    if no_rule_can(report):
        cards.append(_card(f"{need_at_peak(report):,} jobs", f"needed at the peak; max_jobs is {config.max_jobs:,}", "bad"))
    elif "static peak" in baselines:
        saved = 100 * (1 - scores["job_hours"] / baselines["static peak"]["job_hours"])
        cards.append(_card(f"{abs(saved):.0f} % {'less' if saved >= 0 else 'more'}", "cost than a pool that is always "
                           "large enough for the peak", "good" if saved >= 0 else "bad"))
    cards.append(_card(wait(scores["mean_wait_ms"]), f"mean wait; 99 % of events wait at most {wait(scores['p99_wait_ms'])}"))
    return f'<div class="cards">{"".join(cards)}</div>'


def _if_assumed(report: Report) -> str:
    """Returns what the figures rest on, if it was assumed."""
    return f", if an event takes {report.service_time_ms:,.0f} ms" if report.service_time_source == "assumed" else ""


def _lead(report: Report) -> str:
    scores = report.evscale.scores
    target = "of a class" if report.config.classes else f"of {100 * report.config.sla_target:g} %"
    assumed = _if_assumed(report).removeprefix(", ")
    ours = f"{assumed[:1].upper()}{assumed[1:]}, " if assumed else ""
    ours += f"evscale served {scores['sla_compliance_percent']:.2f} % of events in time"
    if no_rule_can(report):
        return f"{ours}: no rule can serve all, since the peak needs {need_at_peak(report):,} jobs and max_jobs is {report.config.max_jobs:,}."
    good = [run for run in report.runs[1:] if on_target(report.config, run)]
    if not on_target(report.config, report.evscale):
        ours += f", which is below the target {target}"
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
    scores = (*SCORES, COST) if "cost" in report.evscale.scores else SCORES
    head = "".join(f"<th>{title}</th>" for title, _, _ in scores)
    body = []
    for run in report.runs:
        tones = {"sla_compliance_percent": "good" if on_target(report.config, run) else ""}
        cells = "".join(f'<td class="{tones.get(key, "")}">{wait(run.scores[key]) if form is None else form.format(run.scores[key])}</td>'
                        for _, key, form in scores)
        body.append(f'<tr class="{"ours" if run.name == "evscale" else ""}"><td>{escape(run.name)}</td>{cells}</tr>')
    words = [*WORDS, *((escape(run.name), BASELINES[run.name]) for run in report.runs if run.name in BASELINES)]
    meaning = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in words)
    return f'<div class="scroll"><table><tr><th>rule</th>{head}</tr>{"".join(body)}</table></div>{_classes(report)}<dl>{meaning}</dl>'


def _classes(report: Report) -> str:
    """Returns how each class of events fared under each rule."""
    names = list(report.evscale.classes)
    if not names:
        return ""
    targets = {name: 100 * target for name, target in class_targets(report.config).items()}
    head = "".join(f"<th>{escape(name)}, target {targets[name]:g} %</th>" for name in names)
    body = "".join(
        f'<tr class="{"ours" if run.name == "evscale" else ""}"><td>{escape(run.name)}</td>' + "".join(
            f'<td class="{"good" if run.classes[name]["sla_compliance_percent"] >= targets[name] else ""}">'
            f'{run.classes[name]["sla_compliance_percent"]:.2f} %</td>' for name in names) + "</tr>"
        for run in report.runs)
    return f'<div class="scroll"><table><tr><th>on time, by class</th>{head}</tr>{body}</table></div>'


def _notes(report: Report) -> str:
    return "".join(f'<p class="note">{escape(remark[0].upper() + remark[1:])}.</p>' for remark in report.remarks)


def _understood(report: Report) -> str:
    """Returns what was understood of the input, as the command shows it."""
    reading = report.question.history.reading
    return "" if reading is None else f"<section><h2>The input, as understood</h2><pre>{escape(report.question.history.look())}</pre></section>"


def _rules(report: Report) -> str:
    first = str(report.times[report.scored_from])
    scored = [one for one in report.decisions if one["decided_at"] >= first]
    bound = Counter(rule for one in scored for rule in one["limited_by"])
    free = sum(not one["limited_by"] for one in scored)
    rows = [("(none)", free, "takes the proposal as it is")]
    rows += [(rule, count, RULES[rule]) for rule, count in bound.most_common()]
    body = "".join(f"<tr><td>{escape(rule.replace('_', ' '))}</td><td>{count:,}</td><td>{_share(count, len(scored))}</td>"
                   f'<td class="words">{escape(words)}</td></tr>' for rule, count, words in rows)
    return f'<div class="scroll"><table class="words"><tr><th>rule</th><th>decisions</th><th>share</th><th></th></tr>{body}</table></div>'


def _share(count: int, total: int) -> str:
    percent = 100 * count / max(1, total)
    if 0 < percent < 0.1:
        return "&lt; 0.1 %"
    return f"{percent:.1f} %" if 0 < percent < 10 else f"{percent:.0f} %"


def _largest(report: Report, count: int = 8) -> str:
    first = str(report.times[report.scored_from])
    scored = [one for one in report.decisions if one["decided_at"] >= first]
    changes = [one for one in scored if one["change"] is not None]
    chosen = sorted(sorted(changes, key=lambda one: -abs(one["change"]))[:count], key=lambda one: str(one["decided_at"]))
    body = "".join(f"<tr><td>{escape(one['decided_at'].replace('T', ' ')[:16])}</td><td>{one['change']:+d}</td>"
                   f'<td class="words">{escape(one["explanation"].replace("_", " "))}</td></tr>' for one in chosen)
    return f'<div class="scroll"><table class="words"><tr><th>time (UTC)</th><th>jobs</th><th style="text-align:left">why</th></tr>{body}</table></div>'


def _order(report: Report) -> str:
    return "in the order of the priorities" if report.config.classes else "first in, first out"


def page(report: Report, title: str) -> str:
    """The whole page as text."""
    whole, detail = slice(report.scored_from, len(report.times)), pictures.busiest(report)
    first, last = (str(report.times[index])[:16].replace("T", " ") for index in (report.scored_from, -1))
    source = {"history": "measured in the history", "config": "as configured",
              "assumed": "assumed, since neither the history nor the configuration has it"}[report.service_time_source]
    gaps = f" {report.gaps:,} intervals had no row and were interpolated." if report.gaps else ""
    forecast = (f"What came, and what was forecast of it {pictures.lead_minutes(report):g} minutes before. 80 % of the arrivals "
                f"should lie in the band; {coverage(report):.0f} % do.")
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
<p class="lead">{_lead(report)}</p>{_cards(report)}{_notes(report)}{body}{_understood(report)}
<footer>Replayed in a simulated queue ({_order(report)}) with the decision code that runs in production; the time before
{first} was the warm-up. Jobs take {report.config.job_startup_seconds} s to start and are paid for from the request. Service time of
an event: {report.service_time_ms:,.0f} ms, {source}.{gaps} The clairvoyant schedule knows every arrival in advance.</footer>
</main></body></html>
"""
