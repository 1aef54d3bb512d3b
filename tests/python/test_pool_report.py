"""The report as a value, its doors, and what operators load: rules, dashboard, runbooks, `evscale watch` and `evscale report`."""

import copy
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
import time
from datetime import timedelta
from math import isnan
from pathlib import Path

import evscale
import make
import pytest
from evscale import PoolReport
from evscale.__main__ import main
from evscale.command.watch import GROUPS, sparkline
from support import START, fed, record

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = ("--set", "max_jobs=90")


@pytest.fixture(scope="module")
def reported():
    """A pool after four days, with alerts."""
    scaler = evscale.Autoscaler(evscale.Config(max_jobs=90))
    for line in make.records().splitlines()[:3000]:
        scaler.observe(json.loads(line))
        scaler.decide()
    return scaler


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "orders.jsonl"
    path.write_text("\n".join(make.records().splitlines()[:3000]) + "\n")
    return path


def test_a_report_is_a_frozen_value_that_reads_like_a_dict(reported):
    report = reported.report()
    assert isinstance(report, PoolReport) and {metric["name"] for metric in evscale.metrics()} < set(report)
    assert report == reported.report() and report != fed().report() and report != 1
    for same in (pickle.loads(pickle.dumps(report)), copy.deepcopy(report)):
        assert same == report and repr(same) == repr(report) and same.to_dict() == report.to_dict()
    with pytest.raises(AttributeError, match="frozen"):
        report.alerts = ()
    plain = report.to_dict()
    plain["day"]["jobs"][0] = "changed"
    assert report.to_dict()["day"]["jobs"][0] != "changed"
    assert len(report.alerts) == 5 and {alert["state"] for alert in report.alerts} == {"resolved"} and report.firing == ()
    assert report.at == START.replace(hour=0) + timedelta(days=4, hours=4)
    assert re.fullmatch(r"PoolReport\(at 2026-01-09 04:00 UTC, \d+ jobs, accuracy \d+%, SLA of the day [\d.]+%, alerts: .*\)", repr(report))


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_frames_have_every_metric_and_the_day(reported, backend):
    import narwhals as nw

    report = reported.report()
    table = nw.from_native(report.to_frame(backend), eager_only=True)
    assert table["metric"].to_list() == [metric["name"] for metric in evscale.metrics()]
    assert dict(zip(table["metric"].to_list(), table["value"].to_list(), strict=True))["jobs"] == report["jobs"]
    day = nw.from_native(report.day_frame(backend), eager_only=True)
    assert day.columns == ["ds", "arrivals", "forecast", "jobs", "needed_jobs", "late_share"] and len(day) == 144
    assert day["ds"].to_list()[-1] == report.at - timedelta(minutes=10)


def test_notebooks_show_what_is_known_and_the_alerts(reported):
    page = reported.report()._repr_html_()
    assert "<td>accuracy</td>" in page and "<td>cost day</td>" not in page and "error budget slow burn" in page
    own = evscale.Autoscaler(evscale.Config(alerts=["jobs > 3 critical"]))
    for step in range(3):
        own.observe(record(step))
    assert "jobs &gt; 3 critical" in own.report()._repr_html_()


def test_the_picture_has_four_parts_and_a_bar_per_alert(reported):
    report = reported.report()
    drawn = report.plot()
    arrivals, jobs, budget, alerts = drawn.axes
    assert [len(axes.lines) for axes in (arrivals, jobs)] == [2, 2]
    known = [value for value in report.curves()["arrivals"] if not isnan(value)]
    assert max(arrivals.lines[0].get_ydata()) == max(known)
    assert budget.lines[0].get_ydata()[0] == pytest.approx(0.5)
    assert len(alerts.patches) == len(report.alerts) and "used" in budget.get_legend().get_texts()[-1].get_text()
    assert [text.get_text() for text in fed().report().plot().axes[3].texts] == ["no alert"]
    assert evscale.Autoscaler().report().plot().axes


def test_a_fleet_sums_what_adds_up_and_silences_by_key():
    fleet = evscale.Fleet()
    for key, jobs in (("a", 6), ("b", 9)):
        fleet.add(key, evscale.Config(use_networks=False))
        for step in range(5):
            fleet.tick({key: record(step, current_job_count=jobs)})
    sums, reports = fleet.sums(), [fleet.report(key) for key in "ab"]
    assert sums["jobs"] == 15.0 and "accuracy" not in sums and "cost_day" not in sums
    assert sums["job_hours_day"] == pytest.approx(sum(report["job_hours_day"] for report in reports))
    fleet.decide("a", START + timedelta(hours=3))
    fleet.silence("a", "blind", START + timedelta(hours=9))
    assert [alert["name"] for alert in fleet.alerts("a") if alert["silenced_until"]] == ["blind"]
    text = fleet.openmetrics().splitlines()
    for line in ('evscale_pool_jobs{pool="a"} 6.0', 'evscale_pool_jobs{pool="b"} 9.0', 'evscale_pool_alert{pool="a",alert="blind",severity="critical"} 1.0',
                 'evscale_pool_alert_silenced{pool="a",alert="blind",severity="critical"} 1.0'):
        assert line in text
    fleet.silence("a", "blind")
    assert not any(alert["silenced_until"] for alert in fleet.alerts("a"))
    with pytest.raises(evscale.ArgumentError, match="nonsense"):
        fleet.silence("a", "nonsense")


def test_the_exported_numbers_are_those_of_the_report(reported):
    report, lines = reported.report(), dict(line.rsplit(" ", 1) for line in reported.openmetrics('a "pool"').splitlines() if not line.startswith("#"))
    for metric in evscale.metrics():
        told = lines.get(f'{metric["exported"]}{{pool="a \\"pool\\""}}')
        if report[metric["name"]] is None:
            assert told is None, metric["name"]
        else:
            scale = 0.001 if metric["unit"] == "ms" else 1
            assert float(told) == pytest.approx(scale * report[metric["name"]], rel=1e-12), metric["name"]
    assert metric_named("latency_p50_ms")["exported"] == "evscale_pool_latency_p50_seconds"


def metric_named(name):
    return next(metric for metric in evscale.metrics() if metric["name"] == name)


def test_ten_thousand_pools_are_exported_within_a_second():
    fleet = evscale.Fleet()
    for index in range(500):
        fleet.add(f"pool-{index}", evscale.Config(use_networks=False))
    for step in range(3):
        fleet.tick({f"pool-{index}": record(step) for index in range(500)})
    took = min(timed(fleet.openmetrics) for _ in range(3))
    assert 20 * took < 1.0, f"{1000 * took:.1f} ms for 500 pools"


def timed(call):
    begin = time.thread_time()
    call()
    return time.thread_time() - begin


def tool(name):
    found = shutil.which(name)
    if found is None:
        message = f"{name} is missing (make setup-system)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.mark.parametrize("script", ["alerts", "dashboard"])
def test_what_operators_load_is_what_the_library_tells(script):
    if script == "dashboard":
        pytest.importorskip("grafana_foundation_sdk")
    ran = subprocess.run([sys.executable, f"tools/{script}.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_prometheus_takes_the_rules_and_each_alert_fires_and_resolves():
    for arguments in (["check", "rules", "alerts.yml", "recording.yml"], ["test", "rules", "tests.yml"]):
        ran = subprocess.run([tool("promtool"), *arguments], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    tested = (DEPLOY / "prometheus/tests.yml").read_text()
    assert all(f"name: {rule['name']}\n" in tested for rule in evscale.alert_rules())


def test_every_alert_has_a_runbook_with_its_three_parts():
    pages = {path.stem: path.read_text() for path in (ROOT / "docs/runbooks").glob("*.md")}
    assert set(pages) - {"README"} == {rule["name"] for rule in evscale.alert_rules()}
    settings = {setting["name"] for setting in evscale.settings()}
    metrics = {metric["name"] for metric in evscale.metrics()}
    for rule in evscale.alert_rules():
        text = pages[rule["name"]]
        assert re.findall("^## (.*)", text, re.MULTILINE) == ["What it means", "What to look at", "What to do"]
        assert rule["action"] in text and all(f"`{one['metric']}`" in text for one in rule["condition"])
        known = settings | metrics | {rule["name"] for rule in evscale.alert_rules()} | {"coverage_80", "drift", "retraining_recommended", "plan", "trail",
                                                                                        "limited_by", "current_job_count"}
        named = re.findall(r"`([a-z_0-9]{4,})`", text)
        assert [name for name in named if "_" in name and name not in known] == [], rule["name"]


def test_watch_shows_the_day_the_metrics_and_the_alerts(records, capsys):
    assert main(["watch", str(records), *SETTINGS]) == 0
    shown = capsys.readouterr().out
    report = read_through(records)
    assert shown.startswith("2026-01-09 04:00 UTC\n") and "\x1b" not in shown
    curves = re.findall(r"^(\w+) +([▁-█]{72})  up to [\d,.%]+$", shown, re.MULTILINE)
    assert [name for name, _ in curves] == ["arrivals", "forecast", "jobs", "needed", "late"] and "█" in curves[0][1]
    for _, group in GROUPS:
        for words, name, form in group:
            assert words in shown
            if report[name] is not None:
                assert form.format(report[name]) in shown
    for alert in report.alerts:
        assert f"{alert['severity'].upper():<10}{alert['name']}: " in shown


def read_through(records):
    scaler = evscale.Autoscaler(evscale.Config(max_jobs=90))
    for line in records.read_text().splitlines():
        scaler.observe(json.loads(line))
        scaler.decide()
    return scaler.report()


def test_a_day_is_told_as_json_and_as_a_picture(records, tmp_path, capsys):
    picture = tmp_path / "day.svg"
    assert main(["report", str(records), "--day", "2026-01-06", "--json", "--plot", str(picture), *SETTINGS]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["at"] == "2026-01-07T00:00:00Z" and told["sla_compliance_day"] > 0.9 and "alerts" in told
    assert picture.read_text().startswith("<?xml")
    for arguments, part in ((["--day", "2026-03-01"], "a day with records"), (["--day", "yesterday"], "a date (UTC)"),
                            (["--plot", str(tmp_path / "absent/day.png")], "a folder that exists"), (["--plot", str(tmp_path / "day.what")], "expected a name")):
        assert main(["report", str(records), *arguments, *SETTINGS]) == 2
        assert part in capsys.readouterr().err
    assert main(["report"]) == 2 and "--snapshot" in capsys.readouterr().err


def test_a_snapshot_is_watched_and_goes_on_with_records(records, tmp_path, capsys):
    scaler = evscale.Autoscaler(evscale.Config(max_jobs=90))
    lines = records.read_text().splitlines()
    for line in lines[:2000]:
        scaler.observe(json.loads(line))
        scaler.decide()
    evscale.save_snapshot(scaler, tmp_path / "orders.snapshot")
    assert main(["watch", "--snapshot", str(tmp_path / "orders.snapshot"), *SETTINGS]) == 0
    assert capsys.readouterr().out.startswith(f"{scaler.report().at:%Y-%m-%d %H:%M} UTC")
    rest = tmp_path / "rest.jsonl"
    rest.write_text("\n".join(lines[2000:]))
    assert main(["report", str(rest), "--snapshot", str(tmp_path / "orders.snapshot"), "--json", *SETTINGS]) == 0
    told, whole = json.loads(capsys.readouterr().out), read_through(records)
    assert told["jobs"] == whole["jobs"] and told["at"] == whole["at"]
    assert told["job_hours_day"] == pytest.approx(whole["job_hours_day"], rel=0.05)


def test_a_file_that_grows_is_followed(records, tmp_path):
    path = tmp_path / "growing.jsonl"
    lines = records.read_text().splitlines()
    path.write_text(lines[0] + "\n")
    watching = subprocess.Popen([sys.executable, "-m", "evscale", "watch", path, "--follow", *SETTINGS], stdout=subprocess.PIPE, text=True,
                                env=os.environ | {"PYTHONPATH": str(ROOT / "python")})
    assert watching.stdout is not None
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(watching.stdout), daemon=True)
    reader.start()

    def wait_for(text):
        limit = time.monotonic() + 60
        while not any(text in line for line in seen):
            assert time.monotonic() < limit and watching.poll() is None, seen[-30:]
            time.sleep(0.05)

    try:
        wait_for("2026-01-05 00:02 UTC")
        with path.open("a") as file:
            file.write(lines[1] + "\n")
        wait_for("2026-01-05 00:04 UTC")
    finally:
        watching.terminate()
        watching.wait()


def test_a_sparkline_goes_from_nothing_to_the_highest_value():
    assert sparkline([0.0, 0.0, 4.0, 4.0, float("nan"), float("nan"), 8.0, float("nan")], 8.0) == "▁▅ █"
    assert sparkline([0.0, 0.0], 0.0) == "▁"
