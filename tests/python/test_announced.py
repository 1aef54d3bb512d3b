"""Announced events, the schedule and the fields of a record in Python."""

from datetime import timedelta

import evscale
import pytest
from support import START, fed, record


def test_an_announcement_is_planned_for_told_and_cancelled():
    scaler = fed()
    sale = START + timedelta(days=3)
    usual = scaler.forecast().horizons[180].prediction
    near = scaler.announce(START + timedelta(minutes=121), sale, multiplier=3)
    assert scaler.forecast().horizons[180].prediction == pytest.approx(3 * usual)
    later = scaler.announce(start=sale, end=sale + timedelta(hours=1), min_jobs=4)
    known = scaler.announcements()
    assert [one["id"] for one in known] == [near, later]
    assert known[0]["what"] == {"multiplier": 3.0} and known[1]["what"] == {"min_jobs": 4}
    assert not known[0]["ended"] and known[0]["believed"] == 1.0 and known[0]["came"] is None
    assert scaler.health()["announced"][0].startswith(f"{near}: 3 times the usual load from ")
    again = evscale.Autoscaler.restore(scaler.config, scaler.snapshot())
    assert again.announcements() == known
    scaler.cancel_announcement(near)
    assert scaler.forecast().horizons[180].prediction == usual
    assert [one["id"] for one in scaler.announcements()] == [later]


@pytest.mark.parametrize("said, told", [
    ({}, "expected one of `multiplier`, `events` and `min_jobs`"),
    ({"multiplier": 2, "min_jobs": 3}, "expected one of `multiplier`, `events` and `min_jobs`"),
    ({"multiplier": 0}, "0.01 to 100"),
    ({"multiplier": "3"}, "expected a number"),
    ({"events": -1}, "expected 0 to"),
    ({"min_jobs": 2.5}, "expected a whole number"),
    ({"min_jobs": 10**6}, "`max_jobs`"),
])
def test_what_cannot_be_announced_is_refused(said, told):
    scaler = fed()
    before = scaler.snapshot()
    with pytest.raises(evscale.ArgumentError, match=told):
        scaler.announce(START + timedelta(days=3), START + timedelta(days=4), **said)
    with pytest.raises(evscale.ArgumentError, match="starts before the newest record"):
        scaler.announce(START, START + timedelta(days=4), multiplier=2)
    with pytest.raises(evscale.ArgumentError, match="is not known or has ended, expected one of: none"):
        scaler.cancel_announcement(1)
    assert scaler.snapshot() == before


def test_a_fleet_has_announcements_for_each_pool():
    fleet = evscale.Fleet()
    for key in "ab":
        fleet.add(key)
    one = fleet.announce("a", START, START + timedelta(hours=1), events=1000)
    assert fleet.announcements("a")[0]["what"] == {"events": 1000.0} and fleet.announcements("b") == []
    fleet.cancel_announcement("a", one)
    assert fleet.announcements("a") == []


def test_a_schedule_is_a_list_of_dicts_and_can_change():
    entry = {"cron": "0 8 * * MON-FRI", "seconds": 36_000, "min_jobs": 10}
    config = evscale.Config(schedule=[entry], time_zone="Europe/Berlin")
    assert config.schedule == [{**entry, "max_jobs": None, "multiplier": None, "job_hour_price": None}]
    assert evscale.Config(schedule=config.schedule, time_zone="Europe/Berlin") == config
    scaler = fed()
    assert list(scaler.reconfigure(evscale.Config(schedule=[entry]))) == ["schedule"]
    assert any("at least 10 jobs from" in told for told in scaler.health()["announced"])
    for wrong in ({**entry, "cron": "8 o'clock"}, {"cron": "0 8 * * *", "seconds": 60}, {**entry, "seconds": 1}):
        with pytest.raises(evscale.ConfigError, match="`schedule` has an entry 1 that"):
            evscale.Config(schedule=[wrong])


@pytest.mark.parametrize("field", ["dropped_events_count", "queue_capacity", "oldest_event_age_ms", "busy_jobs", "draining_jobs", "scheduled_events_count"])
def test_new_fields_are_taken_and_a_wrong_one_is_named(field):
    assert field in {known["name"] for known in evscale.fields()}
    scaler = fed()
    assert scaler.observe(record(60, **{field: 1})).verdict == "accepted"
    assert scaler.observe(record(61, **{field: None})).verdict == "accepted"
    seen = scaler.observe(record(62, **{field: -3.0}))
    assert seen.verdict == "repaired" and field in seen.repairs[0]
