"""Writes what operators load from the library's table of alerts: python tools/alerts.py [--check].

deploy/prometheus/alerts.yml and recording.yml, tests of both for promtool (deploy/prometheus/tests.yml), the head of each page in
docs/runbooks, and docs/metrics.md. With --check they are compared with what would be written.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import evscale
import yaml

ROOT = Path(__file__).parents[1]
PROMETHEUS, RUNBOOKS, METRICS = ROOT / "deploy/prometheus", ROOT / "docs/runbooks", ROOT / "docs/metrics.md"
RUNBOOK_URL = "https://github.com/evscale/evscale/blob/main/docs/runbooks"
MADE = "# Made from the table in evscale-core/src/indicators/rules.rs by `make operators`.\n"
SAME = "on (instance, job, pool)"
HEAD_END = "<!-- the lines above are made from the table of alerts by `make operators` -->\n"
EXPORTED = {metric["name"]: metric["exported"] for metric in evscale.metrics()}
WORST = {"sla_compliance_day": "min", "error_budget_left": "min", "burn_rate_1_hour": "max", "age_ratio": "max"}
"""Metrics of which the worst pool is recorded."""
ESCALATED = "EvscaleEscalated"
OWN = "EvscaleOwnThreshold"

Rule = dict[str, Any]


def alert_name(rule: Rule) -> str:
    """Returns the name of an alert as Prometheus has it: blind is EvscaleBlind."""
    return "Evscale" + "".join(word.capitalize() for word in rule["name"].split("_"))


def duration(seconds: int) -> str:
    """Returns a time in the largest unit that makes it a whole number."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def condition(rule: Rule, threshold: str) -> str:
    return " and ".join(f"{EXPORTED[one['metric']]} {one['side']} {one[threshold]:g}" for one in rule["condition"])


def expression(rule: Rule) -> str:
    """Returns the condition; an alert that fires goes on until it is behind the other threshold (hysteresis)."""
    fires, holds = condition(rule, "fires_at"), condition(rule, "resolves_at")
    if fires == holds:
        return fires
    return f'({fires}) or (({holds}) and {SAME} ALERTS{{alertname="{alert_name(rule)}", alertstate="firing"}})'


def alert(rule: Rule) -> Rule:
    """Returns an alert as Prometheus reads it."""
    out: Rule = {"alert": alert_name(rule), "expr": expression(rule)}
    if rule["for_seconds"]:
        out["for"] = duration(rule["for_seconds"])
    if rule["resolved_after_seconds"]:
        out["keep_firing_for"] = duration(rule["resolved_after_seconds"])
    return out | {"labels": {"severity": rule["severity"], "alert": rule["name"]}, "annotations": annotations(rule, "{{ $labels.pool }}")}


def annotations(rule: Rule, pool: str) -> dict[str, str]:
    return {"summary": f"Pool {pool}: {rule['text']}", "description": rule["action"], "runbook_url": f"{RUNBOOK_URL}/{rule['name']}.md"}


def alerts() -> Rule:
    """Returns the alerts: those of the table, and those that only the library can tell."""
    rules = evscale.alert_rules()
    known = "|".join(rule["name"] for rule in rules)
    return {"groups": [
        {"name": "evscale-pools", "rules": [alert(rule) for rule in rules]},
        {"name": "evscale-pools-of-the-library", "rules": [
            {"alert": ESCALATED, "expr": "evscale_pool_alert_escalated == 1", "labels": {"severity": "critical"}, "annotations": {
                "summary": "Pool {{ $labels.pool }}: {{ $labels.alert }} has been firing for too long.",
                "description": "Call whoever can decide about the pool; the runbook of the alert has the steps.",
                "runbook_url": f"{RUNBOOK_URL}/{{{{ $labels.alert }}}}.md"}},
            {"alert": OWN, "expr": f'evscale_pool_alert{{alert!~"{known}"}} == 1', "annotations": {
                "summary": "Pool {{ $labels.pool }}: {{ $labels.alert }}", "description": "A threshold of the setting `alerts` is crossed.",
                "runbook_url": f"{RUNBOOK_URL}/README.md"}},
        ]},
    ]}


def recording() -> Rule:
    """Returns the sums of a fleet, and its worst pools."""
    sums = [{"record": f"evscale:{name}:sum", "expr": f"sum({EXPORTED[name]})"}
            for name in (metric["name"] for metric in evscale.metrics() if metric["adds_up"])]
    worst = [{"record": f"evscale:{name}:{how}", "expr": f"{how}({EXPORTED[name]})"} for name, how in WORST.items()]
    firing = [{"record": "evscale:alerts_firing:count", "expr": "sum by (alert, severity) (evscale_pool_alert)"}]
    return {"groups": [{"name": "evscale-fleet", "rules": sums + worst + firing}]}


def beyond(one: Rule, threshold: str, share: float = 0.25) -> float:
    """Returns a value on the side on which the alert fires, or with a negative share on the other one."""
    step = share * max(abs(one[threshold]), 0.2)
    return float(one[threshold] + (step if one["side"] == ">" else -step))


def case(rule: Rule) -> Rule:
    """Returns a test: the alert fires after its time, goes on between the thresholds, and is resolved behind them after its time."""
    wait, rest = rule["for_seconds"] // 60, rule["resolved_after_seconds"] // 60
    fires, between, clear = wait + 10, rest + 10, rest + 10
    both = [one["fires_at"] != one["resolves_at"] for one in rule["condition"]]
    series = []
    for one, two in zip(rule["condition"], both, strict=True):
        middle = (one["fires_at"] + one["resolves_at"]) / 2 if two else beyond(one, "fires_at")
        values = [(beyond(one, "fires_at"), fires), (middle, between), (beyond(one, "resolves_at", -0.25), clear)]
        series.append({"series": f'{EXPORTED[one["metric"]]}{{instance="a", job="b", pool="orders"}}',
                       "values": " ".join(f"{value:g}x{count - 1}" for value, count in values)})
    firing = [{"exp_labels": {"severity": rule["severity"], "alert": rule["name"], "instance": "a", "job": "b", "pool": "orders"},
               "exp_annotations": annotations(rule, "orders")}]

    def at(minutes: int, expected: list[Rule]) -> Rule:
        return {"eval_time": f"{minutes}m", "alertname": alert_name(rule), "exp_alerts": expected}

    tests = [at(fires - 1, firing), at(fires + between - 1, firing), at(fires + between + clear - 1, [])]
    if wait:
        tests.insert(0, at(wait - 1, []))
    if rest > 1:
        tests.insert(-1, at(fires + between + rest - 2, firing))
    return {"name": rule["name"], "interval": "1m", "input_series": series, "alert_rule_test": tests}


def tests() -> Rule:
    """Returns the tests for promtool."""
    fleet = {"name": "sums", "interval": "1m",
             "input_series": [{"series": f'{EXPORTED["jobs"]}{{pool="{pool}"}}', "values": values} for pool, values in (("a", "3"), ("b", "4"))],
             "promql_expr_test": [{"expr": "evscale:jobs:sum", "eval_time": "0m", "exp_samples": [{"labels": "evscale:jobs:sum", "value": 7}]}]}
    return {"rule_files": ["alerts.yml", "recording.yml"], "evaluation_interval": "1m", "tests": [*(case(rule) for rule in evscale.alert_rules()), fleet]}


def written(value: Rule) -> str:
    return MADE + str(yaml.safe_dump(value, sort_keys=False, width=200, allow_unicode=True))


def head(rule: Rule) -> str:
    """Returns the first lines of a runbook, which come from the table."""
    title = rule["name"].replace("_", " ").capitalize()
    rows = [("severity", rule["severity"]), ("fires", in_words(rule, "fires_at", rule["for_seconds"])),
            ("is resolved", in_words(rule, "resolves_at", rule["resolved_after_seconds"], ends=True)),
            ("is escalated after", duration(rule["escalated_after_seconds"]) if rule["escalated_after_seconds"] else "never"),
            ("in Prometheus", f"`{alert_name(rule)}`"), ("what to do first", rule["action"])]
    table = "\n".join(f"| {name} | {text} |" for name, text in rows)
    return f"# {title}\n\n{rule['text']}\n\n| | |\n|---|---|\n{table}\n\n{HEAD_END}"


def in_words(rule: Rule, threshold: str, seconds: int, *, ends: bool = False) -> str:
    """Returns the condition in words, or with `ends` that it no longer holds."""
    sides = {">": "at most", "<": "at least"} if ends else {">": "above", "<": "below"}
    joined = (" or " if ends else " and ").join(f"`{one['metric']}` {sides[one['side']]} {one[threshold]:g}" for one in rule["condition"])
    return joined + (f", for {duration(seconds)}" if seconds else "")


def with_head(rule: Rule, page: str) -> str:
    """Returns a runbook with its first lines anew."""
    return head(rule) + (page.partition(HEAD_END)[2] or "\n")


METRICS_HEAD = """# Metrics and alerts

Made from `evscale-core/src/indicators` by `make operators`. `report()` has every metric by its name; Prometheus has it by the exported one,
with the label `pool`.

Windows are counted in blocks of two hours from midnight UTC on: a *day* is the present block and the eleven before, a *week* the present day
(UTC) and the six before. Shorter ones are counted in five minutes: *an hour* is the present five minutes and the twelve times before. A
metric that is not known is none in the library, and absent in Prometheus.

## Metrics

| metric | exported as | unit | meaning |
|---|---|---|---|
"""
ALERTS_HEAD = """
Of several pools, those that add up are summed by `Fleet.sums()`, and by Prometheus as `evscale:NAME:sum`: """


def metrics_page() -> str:
    """Returns docs/metrics.md."""
    known = evscale.metrics()
    rows = "".join(f"| `{one['name']}` | `{one['exported']}` | {one['unit']} | {one['description'].replace('|', chr(92) + '|')} |\n" for one in known)
    up = ", ".join(f"`{one['name']}`" for one in known if one["adds_up"])
    alerts_of = "".join(f"| [`{rule['name']}`](runbooks/{rule['name']}.md) | {rule['severity']} | {in_words(rule, 'fires_at', rule['for_seconds'])} | {rule['text']} |\n"
                        for rule in evscale.alert_rules())
    return f"{METRICS_HEAD}{rows}{ALERTS_HEAD}{up}.\n\n## Alerts\n\n| alert | severity | fires | says |\n|---|---|---|---|\n{alerts_of}"


def wanted() -> dict[Path, str]:
    """Returns every file as it should be."""
    pages = {RUNBOOKS / f"{rule['name']}.md": rule for rule in evscale.alert_rules()}
    return {PROMETHEUS / "alerts.yml": written(alerts()), PROMETHEUS / "recording.yml": written(recording()), PROMETHEUS / "tests.yml": written(tests()),
            METRICS: metrics_page(), **{path: with_head(rule, path.read_text(encoding="utf-8") if path.exists() else "") for path, rule in pages.items()}}


def write(files: dict[Path, str], command: str) -> int:
    """Writes files, or with --check tells which of them differ."""
    differing = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in differing:
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} differs from what the library tells; run `{command}`", file=sys.stderr)
        else:
            path.write_text(files[path], encoding="utf-8")
    return int("--check" in sys.argv and bool(differing))


if __name__ == "__main__":
    assert all(re.fullmatch(r"[a-z_]+", rule["name"]) for rule in evscale.alert_rules())
    sys.exit(write(wanted(), "make operators"))
