"""What a record may look like: times, numbers, flags, tables."""

from collections import UserDict
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal

import evscale
import numpy as np
import pytest
from support import START, START_MS, record


def state_after(*records):
    scaler = evscale.Autoscaler()
    for one in records:
        scaler.observe(one)
    return scaler.snapshot()


class ZoneWithoutOffset(tzinfo):
    def utcoffset(self, _):
        return None


@pytest.mark.parametrize("written", [
    START,
    START.astimezone(timezone(timedelta(hours=5, minutes=30))),
    START + timedelta(microseconds=999),
    "2026-01-05T10:00:00Z",
    "2026-01-05T11:00:00.000999+01:00",
    START_MS,
    float(START_MS),
    np.int64(START_MS),
    np.float64(START_MS),
])
def test_every_way_to_write_a_time_is_the_same_instant(written):
    assert state_after(record(timestamp=written)) == state_after(record(timestamp=START_MS))
    assert state_after(record(timestamp=START_MS + 1)) != state_after(record(timestamp=START_MS))


@pytest.mark.parametrize("written, part", [
    (datetime(2026, 1, 5, 10), "naive"),
    (datetime(2026, 1, 5, 10, tzinfo=ZoneWithoutOffset()), "naive"),
    ("2026-01-05T10:00:00", "RFC 3339"),
    (date(2026, 1, 5), "aware datetime"),
    (np.datetime64("2026-01-05T10:00"), "aware datetime"),
    (np.datetime64("2026-01-05T10:00", "ns"), "aware datetime"),
    (True, "aware datetime"),
    (float("nan"), "aware datetime"),
    (10**30, "years 1900 to 2200"),
    (None, "aware datetime"),
    (b"2026", "aware datetime"),
])
def test_times_without_a_meaning_are_refused(written, part):
    with pytest.raises(evscale.ArgumentError, match=part) as caught:
        evscale.Autoscaler().observe(record(timestamp=written))
    assert "timestamp" in str(caught.value)


@pytest.mark.parametrize("value", [500, 500.0, np.float32(500), np.int16(500), np.uint8(250) * np.uint16(2),
                                   np.array(500), Decimal(500)])
def test_any_number_is_a_number(value):
    assert state_after(record(average_processing_duration_ms=value)) == state_after(record())


@pytest.mark.parametrize("value", ["500", True, np.bool_(True), [500], np.array([500]), 1j, {},
                                   np.timedelta64(500, "ns"), np.datetime64(500, "ns")])
@pytest.mark.parametrize("field", ["logged_events_count", "average_processing_duration_ms"])
def test_other_things_are_no_numbers(field, value):
    with pytest.raises(evscale.ArgumentError, match=f"`{field}` is .*, expected a number"):
        evscale.Autoscaler().observe(record(**{field: value}))


@pytest.mark.parametrize("value, same", [(np.bool_(True), True), (1, True), (0.0, False), (None, None),
                                         (float("nan"), None)])
def test_flags(value, same):
    assert state_after(record(is_maintenance_window=value)) == state_after(record(is_maintenance_window=same))
    assert state_after(record(is_maintenance_window=True)) != state_after(record())


@pytest.mark.parametrize("value", ["yes", 2, [], START])
def test_other_things_are_no_flags(value):
    with pytest.raises(evscale.ArgumentError, match="`is_peak_hours` is .*, expected True or False"):
        evscale.Autoscaler().observe(record(is_peak_hours=value))


def test_unknown_is_not_zero_and_nan_is_told():
    known, unknown, nan = (evscale.Autoscaler() for _ in range(3))
    known.observe(record(queued_events_count=0))
    assert unknown.observe(record(queued_events_count=None)).verdict == "accepted"
    seen = nan.observe(record(queued_events_count=float("nan")))
    assert seen.verdict == "repaired" and "queued_events_count" in seen.repairs[0]
    assert known.snapshot() != unknown.snapshot() == state_after(record())


def test_a_record_comes_as_a_dict_a_mapping_or_keywords():
    scaler = evscale.Autoscaler()
    scaler.observe(**record())
    assert scaler.snapshot() == state_after(record()) == state_after(UserDict(record()))
    for arguments, part in [((), "missing"), (([1],), "expected a dict"), (("x",), "expected a dict")]:
        with pytest.raises(evscale.ArgumentError, match=part):
            scaler.observe(*arguments)
    with pytest.raises(evscale.ArgumentError, match="twice"):
        scaler.observe(record(), queued_events_count=4)
    with pytest.raises(evscale.ArgumentError, match="expected text"):
        scaler.observe(record() | {7: 1})
    with pytest.raises(evscale.ArgumentError, match=r"`job_count` \(its value is 4\)"):
        scaler.observe(record(job_count=4))


def test_all_fields_are_accepted():
    fields = dict.fromkeys(evscale.FIELDS, 1.0) | {"timestamp": START}
    assert evscale.Autoscaler().observe(fields).verdict != "rejected"


def columns(count=20):
    rows = [record(i, is_peak_hours=i % 2 == 0) for i in range(count)]
    return rows, {key: [row[key] for row in rows] for key in rows[0]}


def test_tables_are_the_same_as_their_records():
    rows, lists = columns()
    expected = state_after(*rows)
    arrays = {key: np.array(values) if key != "timestamp" else values for key, values in lists.items()}
    tables = [rows, iter(rows), tuple(rows), lists, arrays, *data_frames(lists)]
    assert len(tables) >= 5
    for table in tables:
        scaler = evscale.Autoscaler()
        seen = scaler.observe_many(table)
        assert [one.verdict for one in seen] == ["accepted"] * len(rows)
        assert scaler.snapshot() == expected, type(table)


def data_frames(lists):
    for module, make in [("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "table")]:
        try:
            library = __import__(module)
        except ImportError:
            continue
        yield getattr(library, make)(lists)


def test_missing_values_of_pandas_are_unknown():
    pandas = pytest.importorskip("pandas")
    rows, _ = columns(3)
    frame = pandas.DataFrame(rows).astype({"average_processing_duration_ms": "Int64", "is_peak_hours": "boolean"})
    frame.loc[1, ["average_processing_duration_ms", "is_peak_hours"]] = pandas.NA
    scaler = evscale.Autoscaler()
    assert [seen.verdict for seen in scaler.observe_many(frame)] == ["accepted"] * 3
    rows[1] |= {"average_processing_duration_ms": None, "is_peak_hours": None}
    assert scaler.snapshot() == state_after(*rows)


@pytest.mark.parametrize("table, part", [
    ([record(0), record(1, logged_events_count="x")], "row 1: `logged_events_count` is 'x'"),
    ({"timestamp": [START], "logged_events_count": [1, 2]}, "'logged_events_count' has 2 rows, expected 1"),
    ({"timestamp": START, "logged_events_count": [1]}, "'timestamp' is .*, expected a list or array"),
    ({"timestamp": ["2026-01-05T10:00:00Z"], "logged_events_count": [1]}, "row 0: .*`current_job_count`"),
    (4, "expected a list of dicts"),
    ([1], "expected a dict"),
])
def test_malformed_tables_are_refused_as_a_whole(table, part):
    scaler = evscale.Autoscaler()
    before = scaler.snapshot()
    with pytest.raises(evscale.ArgumentError, match=part):
        scaler.observe_many(table)
    assert scaler.snapshot() == before


def test_naive_columns_of_times_are_refused():
    _, lists = columns(2)
    lists["timestamp"] = np.array(["2026-01-05T10:00", "2026-01-05T10:02"], dtype="datetime64[ns]")
    with pytest.raises(evscale.ArgumentError, match="row 0: `timestamp`"):
        evscale.Autoscaler().observe_many(lists)


def test_an_empty_table_is_nothing():
    assert evscale.Autoscaler().observe_many([]) == evscale.Autoscaler().observe_many({}) == []


def table(days):
    index = np.arange(days * 720)
    return {"timestamp": 1_767_571_200_000 + 120_000 * index, "current_job_count": np.full(len(index), 12),
            "logged_events_count": np.round(2000 + 1500 * np.sin(index / 720 * 2 * np.pi) + 100 * np.sin(7.7 * index)),
            "average_processing_duration_ms": np.full(len(index), 400.0)}


def test_many_records_at_once_are_the_same_as_one_after_the_other():
    config, columns = evscale.Config(max_jobs=60), table(1)
    rows = [{name: column[index] for name, column in columns.items()} for index in range(720)]
    one, many, warm = (evscale.Autoscaler(config) for _ in range(3))
    seen = [one.observe(row) for row in rows]
    assert many.observe_many(columns) == seen
    assert warm.observe_many(columns, warm_days=1.0) == seen
    assert one.snapshot() == many.snapshot() == warm.snapshot() and one.decide() == many.decide()


def test_old_records_may_be_remembered_only():
    config, columns = evscale.Config(max_jobs=60, use_networks=False), table(10)
    exact, warm, none = (evscale.Autoscaler(config) for _ in range(3))
    exact.observe_many(columns)
    seen = warm.observe_many(columns, warm_days=2)
    none.observe_many({name: column[-2 * 720:] for name, column in columns.items()})
    assert len(seen) == 7200 and {one.verdict for one in seen} == {"accepted"}
    expected, close, far = (pool.forecast().horizons[180].prediction for pool in (exact, warm, none))
    assert close == pytest.approx(expected, rel=0.02) and abs(far - expected) > 2 * abs(close - expected)
    assert warm.decide().recommended_jobs == pytest.approx(exact.decide().recommended_jobs, abs=2)
    for days in (-1, float("nan")):
        with pytest.raises(evscale.ArgumentError, match="warm_days"):
            exact.observe_many([], warm_days=days)
