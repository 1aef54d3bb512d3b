"""What users of Python expect of values: pickles, hashes, frames that join, indices, notebooks, names, types."""

import logging
import os
import pickle
import subprocess
import sys
import weakref
from datetime import datetime, timedelta, timezone
from pathlib import Path

import evscale
import pytest

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
COUNTS = [500 + 30 * (i % 24) + i % 7 for i in range(72)]
HOURS = [START + timedelta(hours=i) for i in range(72)]
RECORD = {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3000, "current_job_count": 12, "average_processing_duration_ms": 400}


def make(library, columns):
    kind = pytest.importorskip(library)
    return kind.table(columns) if library == "pyarrow" else kind.DataFrame(columns)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_forecast_joins_the_history_on_ds_in_the_same_library(library):
    given = make(library, {"ds": HOURS, "y": COUNTS})
    forecast = evscale.Forecaster(interval_seconds=3600).predict(given)
    frame = forecast.to_frame(level=[80])
    assert type(frame) is type(given)
    ds = [at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at for at in (
        frame.column("ds").to_pylist() if library == "pyarrow" else list(frame["ds"]))]
    assert ds == [START + timedelta(hours=72), START + timedelta(hours=73), START + timedelta(hours=74)]
    assert forecast.horizons[180].prediction == (frame["median"].to_pylist() if library == "pyarrow" else list(frame["median"]))[-1]
    assert forecast.interval_seconds == 3600


def test_every_row_of_a_fine_forecast_is_its_own_interval():
    frame = evscale.Forecaster(interval_seconds=120).predict(COUNTS, start=START).to_frame()
    known = START + timedelta(minutes=2 * 72)
    assert frame["ds"][0] == known and frame["ds"].is_unique
    assert list(frame["ds"])[-1] == known + timedelta(minutes=178)


def test_an_index_of_times_counts():
    pd = pytest.importorskip("pandas")
    forecaster = evscale.Forecaster(interval_seconds=3600)
    truth = forecaster.predict(COUNTS, start=START)
    series = pd.Series(COUNTS, index=pd.DatetimeIndex(HOURS))
    periods = series.tz_localize(None).to_period("h")
    assert evscale.History.read(periods, time_zone="UTC").events.tolist() == COUNTS
    for given in (series, series.to_frame("y")):
        assert forecaster.predict(given) == truth
        assert evscale.History.read(given).events.tolist() == COUNTS
    with pytest.raises(evscale.ArgumentError, match=r"interval of 3600 s, expected 120 s: Forecaster\(interval_seconds=3600\)"):
        evscale.Forecaster().predict(series)
    with pytest.raises(evscale.ArgumentError, match="gap of 1 interval"):
        forecaster.predict(series.drop(series.index[5]))
    with pytest.raises(evscale.ArgumentError, match="time_zone="):
        forecaster.predict(series.tz_localize(None))
    assert evscale.History.read(series.tz_localize(None), time_zone="UTC").start_ms == 1000 * int(START.timestamp())


def test_lists_of_records_and_panels():
    rows = [{"unique_id": name, "ds": at, "y": n + shift} for name, shift in (("a", 0), ("b", 9)) for at, n in zip(HOURS, COUNTS, strict=True)]
    both = evscale.History.read_many(rows)
    assert {name: history.events[0] for name, history in both.items()} == {"a": COUNTS[0], "b": COUNTS[0] + 9}
    with pytest.raises(evscale.ArgumentError, match=r"2 series.*by='unique_id'"):
        evscale.History.read(rows)
    forecasts = evscale.Forecaster(interval_seconds=3600).predict_many(list(both.values()))
    assert forecasts[0].at == START + timedelta(hours=72)


def values():
    scaler = evscale.Autoscaler(evscale.Config(max_jobs=40))
    fleet = evscale.Fleet()
    fleet.add("a")
    return {"config": evscale.Config(max_jobs=40), "observation": scaler.observe(RECORD), "forecast": scaler.forecast(), "decision": scaler.decide(),
            "horizon": scaler.forecast().horizons[12], "history": evscale.History.read({"timestamp": HOURS, "events": COUNTS})}


@pytest.mark.parametrize("name", values())
def test_values_are_pickled_and_compared(name):
    value = values()[name]
    assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize("name", [name for name in values() if name != "history"])
def test_frozen_values_are_hashed_and_referenced(name):
    value, same = values()[name], values()[name]
    assert hash(value) == hash(same) and len({value, same}) == 1
    assert weakref.ref(value)() is value


def test_configurations_differ_by_their_settings():
    assert len({evscale.Config(max_jobs=jobs) for jobs in (5, 6, 5)}) == 2


def test_reports_cross_processes():
    pd = pytest.importorskip("pandas")
    report = evscale.backtest(pd.DataFrame({"ds": HOURS, "y": COUNTS}), jobs_at_peak=10, baselines=False)
    again = pickle.loads(pickle.dumps(report))
    assert again == report and type(again.to_frame()) is pd.DataFrame
    assert again.what_if(max_jobs=3) == report.what_if(max_jobs=3) and pickle.loads(pickle.dumps(again.what_if(max_jobs=3)))
    assert again != evscale.backtest(pd.DataFrame({"ds": HOURS, "y": COUNTS}), jobs_at_peak=20, baselines=False)


def test_bursts_that_are_due_by_the_clock_are_told():
    scaler = evscale.Autoscaler(evscale.Config(interval_seconds=600, decision_interval_seconds=600, max_jobs=50))
    start = datetime(2026, 1, 5, tzinfo=timezone.utc)
    for index in range(4 * 144 + 100):
        burst = index % 144 // 6 == 18
        scaler.observe(timestamp=start + timedelta(minutes=10 * (index + 1)), logged_events_count=24_000 if burst else 2400,
                       current_job_count=10, average_processing_duration_ms=200)
    forecast = scaler.forecast()
    begin, end, rate = forecast.bursts[0]
    # the newest record ends at 16:40, and records of ten minutes do not tell when in them a burst begins
    assert 70 * 60 <= begin <= 80 * 60 and rate == 40.0 and 1800 <= end - begin <= 80 * 60
    assert forecast.to_dict()["bursts"][0] == {"begins_seconds": begin, "ends_seconds": end, "events_per_second": rate}
    again = pickle.loads(pickle.dumps(forecast))
    assert again == forecast and again.bursts == forecast.bursts and hash(again) == hash(forecast)


def test_pools_are_pickled_with_their_state():
    scaler, fleet = evscale.Autoscaler(evscale.Config(max_jobs=40)), evscale.Fleet()
    scaler.observe(RECORD)
    fleet.add("a", evscale.Config(max_jobs=7))
    tick = fleet.tick({"a": RECORD})
    again = pickle.loads(pickle.dumps(scaler))
    assert again.snapshot() == scaler.snapshot() and again.config == scaler.config and weakref.ref(scaler)() is scaler
    assert pickle.loads(pickle.dumps(fleet)).snapshots() == fleet.snapshots()
    assert pickle.loads(pickle.dumps(tick)).decisions == tick.decisions
    forecaster = evscale.Forecaster(interval_seconds=300, start=START)
    assert pickle.loads(pickle.dumps(forecaster)).predict(COUNTS) == forecaster.predict(COUNTS)


def test_what_cannot_be_pickled_says_what_can():
    forecaster = evscale.Forecaster()
    forecaster.observe(5)
    for thing in (evscale.Autoscaler(policy=lambda state: 3), evscale.Autoscaler(bundle=evscale.ModelBundle.bundled()),
                  evscale.Fleet(evscale.ModelBundle.bundled()), forecaster):
        with pytest.raises(evscale.EvscaleError, match="not picklable, expected"):
            pickle.dumps(thing)


def test_notebooks_show_tables():
    report = evscale.backtest({"ds": HOURS, "y": COUNTS}, jobs_at_peak=10, baselines=False)
    assert len(repr(report)) < 200 and "<table>" in report._repr_html_() and "assumed" in report._repr_html_()
    for name in ("forecast", "decision"):
        assert "<table>" in values()[name]._repr_html_()


def test_a_bar_of_progress():
    pytest.importorskip("tqdm")
    evscale.backtest({"ds": HOURS, "y": COUNTS}, jobs_at_peak=10, baselines=False, progress=evscale.notebook.bar())


def test_names():
    assert {"backtest", "History", "Report", "sources", "testing"} <= set(dir(evscale)) and "TYPE_CHECKING" not in dir(evscale)
    with pytest.raises(AttributeError, match="did you mean `Autoscaler`"):
        evscale.Autoscalr  # noqa: B018
    assert evscale.testing.check_policy and evscale.sources


def test_a_report_tells_why_it_may_mislead():
    rows = {"timestamp": [START + timedelta(minutes=10 * i) for i in range(60)], "events": [100 + i % 7 for i in range(60)]}
    report = evscale.backtest(rows, baselines=False, jobs_at_peak=5)
    assert any("too short to judge" in remark for remark in report.remarks) and any("assumed" in remark for remark in report.remarks)
    small = evscale.backtest({"ds": HOURS, "y": COUNTS}, evscale.Config(max_jobs=3, service_time_ms=60_000), baselines=False)
    assert small.jobs_needed == 20 and "the peak needs 20 jobs, max_jobs is 3" in small.remarks[0]
    enough = evscale.backtest({"ds": HOURS * 1, "y": COUNTS}, evscale.Config(max_jobs=60, service_time_ms=60_000), baselines=False)
    assert not any("no rule" in remark for remark in enough.remarks)


def test_work_is_logged_under_evscale(caplog):
    with caplog.at_level(logging.INFO, "evscale"):
        evscale.backtest({"ds": HOURS, "y": COUNTS}, jobs_at_peak=10, baselines=False)
    assert any(record.name == "evscale.backtest" for record in caplog.records)


TYPOS = """
import evscale
config = evscale.Config(max_jobs=5)
a = evscale.Autoscalr()
b = config.min_job
c: str = config.min_jobs
evscale.Autoscaler().observe(timestamp=1.0, logged_event_count=5)
evscale.Autoscaler().observe(timestamp=1.0, logged_events_count="many")
evscale.Autoscaler().acknowledge(timestamp=1.0, strated=3)
"""


@pytest.mark.parametrize("command", [["mypy", "--strict"], ["pyright"]])
def test_type_checkers_find_typos(tmp_path, command):
    pytest.importorskip(command[0])
    (tmp_path / "user.py").write_text(TYPOS)
    root = Path(__file__).parents[2]
    options = ["--pythonpath", sys.executable] if command[0] == "pyright" else ["--config-file="]
    ran = subprocess.run([sys.executable, "-m", *command, *options, tmp_path / "user.py"], capture_output=True, text=True, check=False, cwd=tmp_path,
                         env=os.environ | {"MYPYPATH": str(root / "python"), "PYTHONPATH": str(root / "python")})
    for line in range(4, 10):
        assert f"user.py:{line}:" in ran.stdout, ran.stdout
