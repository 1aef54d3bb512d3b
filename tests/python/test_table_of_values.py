"""Every public class of the package in one table: whether its values can be pickled, compared, hashed, and shown in a notebook."""

import inspect
import pickle
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import evscale
import pytest

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
RECORD = {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3000, "current_job_count": 12, "average_processing_duration_ms": 400}
HISTORY = {"timestamp": [START + timedelta(hours=i) for i in range(72)], "events": [500 + 30 * (i % 24) for i in range(72)]}


def scaler():
    pool = evscale.Autoscaler(evscale.Config(max_jobs=40))
    pool.observe(RECORD)
    return pool


def fleet():
    pools = evscale.Fleet()
    pools.add("<a>", evscale.Config(max_jobs=40))
    pools.tick({"<a>": RECORD})
    return pools


def report():
    return evscale.backtest(HISTORY, jobs_at_peak=10, baselines=False)


#: How a value is made, what it has (p: pickled to the same, e: compared by value, h: hashed by value, t: a table in notebooks), and, where it
#: cannot be compared, what of it must be the same after pickling.
VALUES = {
    "Config": (lambda tmp: evscale.Config(max_jobs=40), "peht", None),
    "Observation": (lambda tmp: scaler().observe(RECORD), "peht", None),
    "Forecast": (lambda tmp: scaler().forecast(), "peht", None),
    "HorizonForecast": (lambda tmp: scaler().forecast().horizons[12], "peht", None),
    "Decision": (lambda tmp: scaler().decide(), "peht", None),
    "PoolReport": (lambda tmp: scaler().report(), "pet", None),
    "History": (lambda tmp: evscale.History.read(HISTORY), "pet", None),
    "Report": (lambda tmp: report(), "pet", None),
    "Run": (lambda tmp: report().evscale, "pet", None),
    "WhatIf": (lambda tmp: report().what_if(max_jobs=3), "pet", None),
    "FleetTick": (lambda tmp: fleet().tick({"<a>": RECORD | {"timestamp": "2026-01-05T10:04:00Z"}}), "pt", lambda tick: (tick.decisions, tick.observations)),
    "Autoscaler": (lambda tmp: scaler(), "pt", evscale.Autoscaler.snapshot),
    "Fleet": (lambda tmp: fleet(), "pt", evscale.Fleet.snapshots),
    "Forecaster": (lambda tmp: evscale.Forecaster(interval_seconds=300, start=START), "pt", repr),
    "ModelBundle": (lambda tmp: evscale.ModelBundle.bundled(), "t", None),
    "Registry": (lambda tmp: evscale.Registry(tmp / "registry", create=True), "t", None),
    "Meter": (lambda tmp: evscale.Meter(evscale.Config()), "", None),
    "PoolModels": (lambda tmp: scaler().models, "", None),
    "FleetModels": (lambda tmp: evscale.Fleet().models, "", None),
}


class Balanced(HTMLParser):
    """Counts the rows of tables, and demands that every tag is closed."""

    def __init__(self):
        super().__init__()
        self.opened, self.rows = [], 0

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)
        self.rows += tag == "tr"

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag


def test_every_public_class_is_in_the_table():
    public = {name for name in evscale.__all__ if inspect.isclass(getattr(evscale, name)) and not issubclass(getattr(evscale, name), Exception)}
    assert set(VALUES) == public


@pytest.mark.parametrize("name", VALUES)
def test_values_have_what_the_table_says(name, tmp_path):
    make, has, state = VALUES[name]
    value, other = make(tmp_path), make(tmp_path)
    assert type(value) is getattr(evscale, name)
    if "e" in has:
        assert value == other and value != 1
    if "p" in has:
        same = pickle.loads(pickle.dumps(value))
        assert same == value if state is None else state(same) == state(value)
    else:
        with pytest.raises(Exception, match="pickle"):
            pickle.dumps(value)
    if "h" in has:
        assert hash(value) == hash(other) and len({value, other}) == 1
    elif "e" in has:
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)
    assert hasattr(value, "_repr_html_") == ("t" in has)
    if "t" in has:
        page = Balanced()
        page.feed(value._repr_html_())
        page.close()
        assert page.opened == [] and page.rows > 1 and "<a>" not in value._repr_html_()


def test_tables_say_what_a_pool_does():
    page = scaler()._repr_html_()
    assert "<td>12</td>" in page and "<td>max_jobs</td><td>40</td><td>100</td>" in page
    assert "of which the first 20" not in fleet()._repr_html_() and "&lt;a&gt;" in fleet()._repr_html_()
    many = evscale.Fleet()
    for key in range(25):
        many.add(f"{key:02}")
    assert "25 pools, of which the first 20" in many._repr_html_() and "<td>19</td>" in many._repr_html_() and "<td>20</td>" not in many._repr_html_()
    history = evscale.History.read(HISTORY)._repr_html_()
    assert "<td>2026-01-05 00:00:00</td><td>500</td>" in history and "<td>2026-01-07 23:00:00</td><td>1,190</td>" in history


def test_rejected_records_are_logged_at_powers_of_two(caplog):
    pool, count = scaler(), 20
    for _ in range(count):
        pool.observe(RECORD)
    assert [one.name for one in caplog.records] == ["evscale"] * 5
    assert [one.getMessage().split("(")[-1] for one in caplog.records] == [f"{n} in a row)" for n in (1, 2, 4, 8, 16)]
    assert "not newer than the newest one" in caplog.records[0].getMessage()
    caplog.clear()
    pool.observe(RECORD | {"timestamp": "2026-01-05T10:04:00Z"})
    pool.observe_many([RECORD, RECORD, RECORD])
    assert [one.getMessage()[-11:] for one in caplog.records] == ["(1 in a row)"[1:], "(2 in a row)"[1:]]
    caplog.clear()
    fleet().tick({"<a>": RECORD})
    assert caplog.records[0].getMessage().startswith("pool `<a>`: record rejected: ")


@pytest.mark.parametrize("call, meant", [
    (lambda: evscale.Config(max_job=3), "max_jobs"),
    (lambda: evscale.Config(sla_wait=3), "sla_wait_seconds"),
    (lambda: scaler().observe(RECORD | {"queued_event_count": 3}), "queued_events_count"),
    (lambda: scaler().observe(timestamp=START, logged_event_count=3, current_job_count=1), "logged_events_count"),
    (lambda: scaler().observe_many([{**RECORD, "cpu_utilisation_percent": 3}]), "cpu_utilization_percent"),
    (lambda: fleet().tick({"<a>": {**RECORD, "busy_job": 3}}), "busy_jobs"),
    (lambda: scaler().acknowledge(timestamp=START, strated=3), "started"),
    (lambda: report().what_if(max_job=3), "max_jobs"),
])
def test_unknown_names_are_answered_with_the_one_that_was_meant(call, meant):
    with pytest.raises(evscale.EvscaleError, match=rf"did you mean `{meant}`\?$"):
        call()


def test_names_that_resemble_none_are_refused_without_a_guess():
    for call in (lambda: evscale.Config(quatsch=1), lambda: scaler().observe(RECORD | {"quatsch": 1})):
        with pytest.raises(evscale.EvscaleError, match="quatsch") as refused:
            call()
        assert "did you mean" not in str(refused.value)
    with pytest.raises(AttributeError, match="did you mean `min_jobs`"):
        evscale.Config().min_job  # noqa: B018
