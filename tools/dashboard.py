"""Writes the Grafana dashboard of the pools, deploy/grafana/evscale-pools.json: python tools/dashboard.py [--check]."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import evscale
from alerts import EXPORTED, write
from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement, TooltipDisplayMode
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef, VariableRefresh

PAGE = Path(__file__).parents[1] / "deploy/grafana/evscale-pools.json"
SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
POOL = '{pool=~"$pool"}'
PERCENT, JOBS, SECONDS = "percentunit", "short", "s"
DESCRIPTIONS = {metric["name"]: metric["description"] for metric in evscale.metrics()}

ROWS: list[tuple[str, list[tuple[str, str, list[tuple[str, str]]]]]] = [
    ("Jobs", [
        ("Jobs", JOBS, [("jobs", "has"), ("recommended_jobs", "should have"), ("needed_jobs", "needs")]),
        ("Utilization", PERCENT, [("utilization", "busy")]),
        ("Over and short of the need, job-hours of a day", "h", [("over_provisioned_job_hours", "over"), ("under_provisioned_job_hours", "short")]),
        ("Changes", JOBS, [("changes_per_hour", "changes per hour"), ("reversals_per_day", "reversals per day")]),
        ("Time at the maximum and held, of a day", SECONDS, [("time_at_maximum_seconds", "at the maximum"), ("time_held_seconds", "held by a rule")]),
        ("Jobs needed beyond the maximum", JOBS, [("overflow_jobs", "beyond")]),
    ]),
    ("Service", [
        ("Served within the SLA", PERCENT, [("sla_compliance_hour", "hour"), ("sla_compliance_day", "day"), ("sla_compliance_week", "week")]),
        ("Error budget of the week", PERCENT, [("error_budget_left", "left")]),
        ("Burn rate", JOBS, [("burn_rate_5_minutes", "5 min"), ("burn_rate_30_minutes", "30 min"), ("burn_rate_1_hour", "1 h"),
                             ("burn_rate_6_hours", "6 h"), ("burn_rate_3_days", "3 d")]),
        ("Queue", JOBS, [("queue_length", "now"), ("mean_queue_length", "mean of a day"), ("predicted_queue", "longest of the coming hour")]),
        ("Wait", SECONDS, [("mean_wait_seconds", "mean of a day"), ("predicted_wait_seconds", "longest of the coming hour")]),
        ("Events per job and interval", JOBS, [("events_per_job", "events")]),
    ]),
    ("Model", [
        ("Accuracy of the 12-minute forecast", PERCENT, [("accuracy", "accuracy"), ("attainable_accuracy", "what noise allows")]),
        ("Quantile loss over that of yesterday", JOBS, [("relative_quantile_loss", "loss")]),
        ("Coverage of the 80 % interval", PERCENT, [("coverage_80_12_minutes", "12 min"), ("coverage_80_48_minutes", "48 min"),
                                                    ("coverage_80_180_minutes", "180 min")]),
        ("Anomaly and confidence", PERCENT, [("anomaly_score", "anomaly"), ("record_anomaly_score", "of the newest record"), ("mean_confidence", "confidence")]),
        ("Who acts, share of a day", PERCENT, [("share_policy_network", "policy network"), ("share_host_policy", "host"), ("share_analytic_rule", "analytic rule"),
                                               ("share_reactive_rule", "reactive rule"), ("share_hold", "nobody")]),
        ("Latency as the host reports it", SECONDS, [("latency_p50_ms", "median"), ("latency_p99_ms", "99 %")]),
        ("Drift and circuit breakers", JOBS, [("drifts", "kinds of drift"), ("open_circuit_breakers", "breakers not closed")]),
    ]),
    ("Data", [
        ("Records of a day", PERCENT, [("share_accepted", "accepted"), ("share_repaired", "repaired"), ("share_rejected", "rejected")]),
        ("Missed intervals of a day", JOBS, [("missed_intervals", "missed")]),
        ("Age of the newest record", SECONDS, [("age_seconds", "age")]),
    ]),
    ("Cost", [
        ("Job-hours", "h", [("job_hours_day", "day"), ("job_hours_week", "week")]),
        ("Cost", JOBS, [("cost_day", "day"), ("cost_week", "week")]),
        ("Cost per event", JOBS, [("cost_per_event", "per event")]),
        ("Saved in a week", PERCENT, [("saved_against_static_peak", "against a constant peak"), ("saved_against_hpa", "against HPA on CPU")]),
        ("Advice: job-hours of a day", "h", [("beside_advice_job_hours_day", "were"), ("advised_job_hours_day", "would have been")]),
        ("Advice: job-hours of a week", "h", [("beside_advice_job_hours_week", "were"), ("advised_job_hours_week", "would have been")]),
        ("Advice: saved and served", PERCENT, [("saved_by_advice", "saved in a week"), ("advised_sla_compliance_day", "served within the SLA, day"),
                                               ("advised_sla_compliance_week", "week")]),
        ("Budgets of today", PERCENT, [("job_hours_budget_used", "job-hours used"), ("job_hours_budget_forecast", "job-hours at its end"),
                                       ("cost_budget_used", "cost used"), ("cost_budget_forecast", "cost at its end")]),
    ]),
]
FLEET = [("Pools", f"count({EXPORTED['missed_intervals']})", JOBS), ("Jobs", "evscale:jobs:sum", JOBS), ("Recommended", "evscale:recommended_jobs:sum", JOBS),
         ("Events that wait", "evscale:queue_length:sum", JOBS), ("Worst SLA of a day", "evscale:sla_compliance_day:min", PERCENT),
         ("Worst error budget", "evscale:error_budget_left:min", PERCENT), ("Job-hours of a day", "evscale:job_hours_day:sum", "h"),
         ("Alerts that fire", "sum(evscale:alerts_firing:count) or vector(0)", JOBS)]


def query(expression: str, legend: str, letter: int) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(chr(ord("A") + letter)).expr(expression).legend_format(legend).datasource(SOURCE)


def curves(title: str, unit: str, lines: list[tuple[str, str]]) -> timeseries.Panel:
    """Returns a panel with a line per metric and pool."""
    panel = (timeseries.Panel().title(title).unit(unit).datasource(SOURCE).height(7).span(8).fill_opacity(0).line_width(2)
             .description("\n\n".join(f"**{words}**: {DESCRIPTIONS[name]}" for name, words in lines))
             .legend(common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM))
             .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI)))
    for letter, (name, words) in enumerate(lines):
        panel = panel.with_target(query(EXPORTED[name] + POOL, f"{{{{pool}}}} {words}", letter))
    return panel


def page() -> str:
    """Returns the dashboard as JSON."""
    made = (dashboard.Dashboard("evscale: pools").uid("evscale-pools").tags(["evscale"]).timezone("utc").refresh("30s").time("now-24h", "now")
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .with_variable(dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus"))
            .with_variable(dashboard.QueryVariable("pool").label("Pool").datasource(SOURCE).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
                           .query(f"label_values({EXPORTED['missed_intervals']}, pool)").include_all(True).multi(True).all_value(".*")))
    made = made.with_row(dashboard.Row("Fleet"))
    for title, expression, unit in FLEET:
        made = made.with_panel(stat.Panel().title(title).unit(unit).datasource(SOURCE).height(4).span(3).with_target(query(expression, title, 0)))
    made = made.with_panel(statetimeline.Panel().title("Alerts of the library").datasource(SOURCE).height(7).span(24)
                           .with_target(query(f"evscale_pool_alert{POOL}", "{{pool}} {{alert}}", 0)))
    for row, panels in ROWS:
        made = made.with_row(dashboard.Row(row))
        for panel in panels:
            made = made.with_panel(curves(*panel))
    return json.dumps(json.loads(json.dumps(made.build(), cls=JSONEncoder)), indent=1) + "\n"


if __name__ == "__main__":
    shown = {name for _, panels in ROWS for _, _, lines in panels for name, _ in lines}
    inside = {"accuracy_gap", "weighted_error", "share_rejected_repeated", "share_rejected_out_of_order", "share_rejected_far_ahead", "age_ratio",
              "predicted_wait_ratio", "at_maximum", "host_overdue"}
    assert shown | inside == set(EXPORTED) and not shown & inside, (set(EXPORTED) - shown - inside, shown & inside)
    sys.exit(write({PAGE: page()}, "make operators"))
