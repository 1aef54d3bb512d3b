"""Writes docs/json.md, the fields of what goes in and comes out as JSON, from the comments in evscale-core/src; --check compares."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE, PAGE = ROOT / "evscale-core/src", ROOT / "docs/json.md"
INTRODUCTION = """# JSON in and out

Made from `evscale-core/src` by `make header`. Texts are UTF-8; a time comes out as RFC 3339 in UTC (`2026-01-05T10:02:00Z`) and goes in
as that or as milliseconds since 1970; what is not known is `null`. What goes in is an object, and fields that are not named here are
refused. What comes out may get further fields and further words for a state; those that are there keep name, unit and meaning.

| what | call | fields |
|---|---|---|
| configuration | `evscale_new`, `evscale_config_json` | [settings.md](settings.md) |
| metrics record | `evscale_observe_json` | [settings.md](settings.md) |
| report | `evscale_report_json` | [metrics.md](metrics.md) |
| alert rules | `evscale_alert_rules_json` | [metrics.md](metrics.md) |
| everything else | | below |
"""
#: Title, file, struct, call, and the fields that JSON has otherwise than the struct: none for left out, else the meaning.
OBJECTS = [
    ("Outcome", "pool/outcome.rs", "ScalingOutcome", "goes in: `evscale_acknowledge_json`. Counts are those since the last outcome, not totals", {}),
    ("Observation", "autoscaler/observation.rs", "Observation", "`evscale_observation_json`", {}),
    ("Decision", "decision/mod.rs", "Decision", "`evscale_decision_json`", {}),
    ("Decision: reasoning", "decision/mod.rs", "Reasoning", "`reasoning` of a decision", {}),
    ("Decision: trail", "safety/mod.rs", "TrailEntry", "each of `trail`; the rules are listed by `evscale_rules_json`", {}),
    ("Decision: plan", "decision/plan.rs", "PlanStep", "each of `plan`", {}),
    ("Decision: drain", "decision/drain.rs", "Drain", "`drain` of a decision", {}),
    ("Forecast", "forecaster/forecast.rs", "Forecast", "`evscale_forecast_json`, `evscale_forecaster_json`",
     {"horizons": "The forecast at each horizon: an object by its lead in minutes.",
      "bursts": "Bursts that are due by the clock, in their order: what the horizons are too far apart to show. Only where there are some.",
      "due": "Events that the host says fall due at a moment, as far as they are believed: beside the arrivals between the horizons, and among those of a horizon in whose interval they fall due. Only where there are some."}),
    ("Forecast: horizon", "forecaster/forecast.rs", "HorizonForecast", "each of `horizons`",
     {"minutes": None, "confidence_interval": "The 80 % interval: its lower and its upper end.", "quantiles": "Events per interval by level."}),
    ("Forecast: burst", "forecaster/days.rs", "Burst", "each of `bursts`", {}),
    ("Forecast: what falls due", "forecaster/due_events.rs", "DueEvents", "each of `due`", {}),
    ("Fleet: budget", "fleet/budget.rs", "BudgetStatus", "`evscale_fleet_budget_json`; `budget` is that of `evscale_fleet_set_budget`", {}),
    ("Health", "monitor/health.rs", "Health", "`evscale_health_json`", {}),
    ("Learned", "autoscaler/learned.rs", "Learned", "`evscale_learned_json`", {}),
    ("Alert", "indicators/alerts.rs", "Alert", "each of `evscale_alerts_json`", {}),
    ("Announcement", "announced/mod.rs", "AnnouncementStatus", "each of `evscale_announcements_json`; and start, end and one of multiplier, events and min_jobs",
     {"announcement": None}),
    ("Class of events, as it is set", "config/classes.rs", "ServiceClass", "goes in: each of `classes` of the configuration", {}),
    ("Class of events, as it is counted", "metrics/class_counts.rs", "ClassCounts", "goes in: each of `classes` of a metrics record, by its name", {}),
    ("Class of events, as it is doing", "indicators/classes.rs", "ClassReport", "each of `classes` of `evscale_report_json`, only where there are some", {}),
    ("Estimate", "meter/open.rs", "Estimate", "each of `evscale_meter_estimates_json`", {}),
    ("Scores of a backtest", "simulate/replay.rs", "Scores", "`scores` of each of `runs` of `evscale_backtest_scores_json`, with those below", {}),
    ("Scores of a backtest beside a schedule that knows every arrival", "simulate/backtest.rs", "BacktestScores", "the rest of `scores`", {"replay": None}),
    ("Scores of a class of events", "simulate/served.rs", "ClassScores", "each of `classes` of `runs`, only where there are some", {}),
    ("Work that was known ahead", "simulate/known_work.rs", "KnownWork", "goes in: each of `due` of the options of a backtest", {}),
]
KINDS = {"f64": "number", "String": "text", "&'static str": "text", "bool": "true or false", "Timestamp": "time"}


def kind_of(rust):
    """Returns what a type of Rust is in JSON."""
    if inside := re.fullmatch(r"Option<(.*)>", rust):
        return f"{kind_of(inside[1])}, or null"
    if inside := re.fullmatch(r"Vec<(.*)>", rust):
        return f"list of {kind_of(inside[1])}"
    return KINDS.get(rust, "whole number" if re.fullmatch(r"[iu]\d+", rust) else "object" if rust.startswith("[") else words(rust))


def words(enum):
    """Returns the words that an enum has in JSON; an object for a struct."""
    for path in sorted(CORE.rglob("*.rs")):
        text = path.read_text()
        if found := re.search(rf"#\[serde\(rename_all = \"snake_case\"\)\]\s*(?:#\[[^\n]*\]\s*)*pub enum {enum} \{{(.*?)\n\}}", text, re.DOTALL):
            names = re.findall(r"^\s+([A-Z]\w*)[,\s({=]", found[1] + ",", re.MULTILINE)
            if 1 < len(names) < 30:
                return "one of " + ", ".join("`" + re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() + "`" for name in names)
            return "a word"
    return "object" if any(f"pub struct {enum}" in path.read_text() for path in CORE.rglob("*.rs")) else "a word"


def fields(file, struct, otherwise):
    """Returns name, kind and meaning of every field."""
    body = re.search(rf"pub struct {struct} \{{\n(.*?)\n\}}", (CORE / file).read_text(), re.DOTALL)[1]
    found, meaning = [], []
    for line in map(str.strip, body.splitlines()):
        if line.startswith("///"):
            meaning.append(line.removeprefix("///").strip())
        elif field := re.fullmatch(r"pub (\w+): (.*),", line):
            text = re.sub(r"\[`?([^`\]]*)`?\](\(.*?\))?", r"`\1`", " ".join(meaning))
            if otherwise.get(field[1], "") is not None:
                found.append((field[1], kind_of(field[2]), otherwise.get(field[1], text)))
            meaning = []
    named = {name for name, _, _ in found}
    return found + [(name, "list", text) for name, text in otherwise.items() if text and name not in named]


def page():
    parts = [INTRODUCTION]
    for title, file, struct, call, otherwise in OBJECTS:
        rows = "".join(f"| `{name}` | {kind} | {meaning} |\n" for name, kind, meaning in fields(file, struct, otherwise))
        parts.append(f"## {title}\n\n{call[0].upper() + call[1:] if call[0] != '`' else call}.\n\n| field | kind | meaning |\n|---|---|---|\n{rows}")
    return "\n".join(parts)


def main():
    wanted = page()
    if "--check" not in sys.argv:
        PAGE.write_text(wanted)
    elif not PAGE.exists() or PAGE.read_text() != wanted:
        sys.exit(f"{PAGE.relative_to(ROOT)} differs from what evscale-core/src gives; run `make header`")


if __name__ == "__main__":
    main()
