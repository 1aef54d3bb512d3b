"""Histories: what is read, and what is refused with which words."""

from datetime import datetime, timedelta, timezone

import evscale
import numpy as np
import pytest
from evscale import History

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
TIMES = [START + timedelta(minutes=2 * i) for i in range(5)]
COUNTS = [5.0, 7.0, 6.0, 8.0, 9.0]
GOOD = "timestamp,events\n" + "".join(f"{at:%Y-%m-%dT%H:%M:%SZ},{n:g}\n" for at, n in zip(TIMES, COUNTS, strict=True))


def frames():
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    columns = {"timestamp": TIMES, "events": COUNTS}
    return {"pandas": pd.DataFrame(columns), "polars": pl.DataFrame(columns), "pyarrow": pa.table(columns), "dict": columns}


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "dict"])
def test_every_kind_of_frame_is_the_same_history(kind):
    history = History.read(frames()[kind])
    assert (history.start_ms, history.interval_seconds, history.gaps) == (1_767_571_200_000, 120, 0)
    assert history.events.tolist() == COUNTS


def test_files_are_the_same_history(tmp_path):
    (tmp_path / "a.csv").write_text(GOOD)
    frames()["polars"].write_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        assert History.read(tmp_path / name).events.tolist() == COUNTS


def test_foreign_names_and_service_times():
    given = {"when": TIMES, "n": COUNTS, "ms": [1, 2, None, 4, 5]}
    history = History.read(given, columns={"timestamp": "when", "events": "n", "service_ms": "ms"})
    assert history.events.tolist() == COUNTS
    assert np.array_equal(history.service_ms, [1, 2, np.nan, 4, 5], equal_nan=True)


def test_records_are_stamped_at_the_end_of_their_interval():
    assert History.read({"timestamp": TIMES, "logged_events_count": COUNTS}).start_ms == 1_767_571_200_000 - 120_000


@pytest.mark.parametrize("change, parts", [
    (("timestamp,events", "timestamp,events,events"), ["a.csv", "line 1", "'events' is there twice"]),
    (("timestamp,events", "timestamp,events,queue"), ["line 2", "2 fields", "expected 3"]),
    ((",7", ",seven"), ["line 3", "'seven'", "number"]),
    ((",7", ",-7"), ["line 3", "-7", "0 or more"]),
    ((",7", ",7,1"), ["line 3", "3 fields", "expected 2"]),
    (("00:04:00Z", "00:02:00Z"), ["line 4", "duplicate", "one row per interval"]),
    (("00:04:00Z", "noon"), ["line 4", "noon", "expected a time", "time_format="]),
    (("00:04:00Z", "00:04:00"), ["line 4", "without a time zone", "time_zone="]),
    (("2026-01-05T00:04:00Z,6\n", ""), ["gap of 1 interval at 2026-01-05T00:04:00Z", "every 120 s", "gaps='zero'", "gaps='interpolate'"]),
    ((GOOD.split("\n", 2)[2], ""), ["rows", "at least 3"]),
])
def test_refusals_name_the_line_and_what_is_expected(tmp_path, change, parts):
    path = tmp_path / "a.csv"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(evscale.ArgumentError) as caught:
        History.read(path)
    assert caught.value.kind == "invalid_argument"
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("change, parts", [
    ((b",7", b",\xa2"), ["line 3", "0xa2", "UTF-8"]),
    ((b",7", b"," + b"7" * 140_000), ["line 3", "field limit"]),
    ((b",7", b"," + b"x" * 9_000), ["line 3", "number"]),
    ((b",7", b"\r7"), ["line 3", "1 fields"]),
    ((b"2026-01-05T00:02:00Z", b"9" * 5_000), ["line 3", "expected a time"]),
    ((b"2026-01-05T00:02:00Z", b"9" * 30), ["line 3", "expected a time"]),
    ((b"2026-01-05T00:02:00Z", "²".encode()), ["line 3", "expected a time"]),
    ((b"2026-01-05T00:02:00Z", b"0001-01-01T00:00:00+14:00"), ["line 3", "years 1900 to 2199"]),
])
def test_files_that_are_hardly_text_are_refused_in_few_words(tmp_path, change, parts):
    path = tmp_path / "a.csv"
    path.write_bytes(GOOD.encode().replace(*change))
    with pytest.raises(evscale.ArgumentError) as caught:
        History.read(path)
    text = str(caught.value)
    assert text.startswith(str(path)) and len(text) < 1_000, text
    for part in parts:
        assert part in text


def test_unsorted_rows_and_columns_of_other_names_are_found(tmp_path):
    path = tmp_path / "a.csv"
    header, *rows = GOOD.splitlines()
    path.write_text("\n".join(["Received,Amount of orders", *rows[::-1]]))
    assert History.read(path) == History.read(frames()["dict"])
    path.write_text("\n".join([header, rows[3], rows[0], rows[4], rows[1], rows[2]]))
    assert History.read(path) == History.read(frames()["dict"])


def test_gaps_are_unknown_when_asked_for(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(GOOD.replace("2026-01-05T00:04:00Z,6\n", ""))
    history = History.read(path, gaps="interpolate")
    assert history.gaps == 1 and np.isnan(history.events[2])


def test_naive_times_take_the_given_zone():
    import pandas as pd

    naive = [at.replace(tzinfo=None) for at in TIMES]
    for source in ({"timestamp": naive, "events": COUNTS}, pd.DataFrame({"timestamp": naive, "events": COUNTS})):
        with pytest.raises(evscale.ArgumentError, match="row 0.*without a time zone"):
            History.read(source)
        history = History.read(source, time_zone="Europe/Berlin")
        assert history.start_ms == 1_767_571_200_000 - 3_600_000
    with pytest.raises(evscale.ArgumentError, match="Mars"):
        History.read(source, time_zone="Mars/Olympus")


@pytest.mark.parametrize("source", [5, [1, 2, 3], None])
def test_other_things_are_no_history(source):
    with pytest.raises(evscale.ArgumentError, match="expected a data frame"):
        History.read(source)


def test_observe_many_takes_paths_and_foreign_names(tmp_path):
    path = tmp_path / "records.csv"
    rows = "".join(f"{at.isoformat()},{n:g},12,400,true,\n" for at, n in zip(TIMES, COUNTS, strict=True))
    path.write_text("when,logged_events_count,current_job_count,average_processing_duration_ms,is_peak_hours,"
                    "cpu_utilization_percent\n" + rows)
    scaler = evscale.Autoscaler()
    seen = scaler.observe_many(path, columns={"timestamp": "when"})
    assert [one.verdict for one in seen] == ["accepted"] * 5
    other = evscale.Autoscaler()
    other.observe_many([{"timestamp": at, "logged_events_count": n, "current_job_count": 12,
                         "average_processing_duration_ms": 400, "is_peak_hours": True}
                        for at, n in zip(TIMES, COUNTS, strict=True)])
    assert scaler.snapshot() == other.snapshot()


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_the_forecaster_takes_frames(kind):
    forecaster = evscale.Forecaster(interval_seconds=120)
    forecast = forecaster.predict(frames()[kind])
    assert forecast == forecaster.predict(COUNTS, start=START)
    assert forecaster.predict_many([COUNTS, COUNTS]) == [forecaster.predict(COUNTS)] * 2
    frame = forecast.to_frame(level=[80, 95])
    assert list(getattr(frame, "column_names", frame.columns)) == ["ds", "median", "lo-80", "hi-80", "lo-95", "hi-95"]
    first = frame["median"][0]
    assert (first.as_py() if kind == "pyarrow" else first) == next(iter(forecast.horizons.values())).prediction
    with pytest.raises(evscale.ArgumentError, match="interval of 120 s, expected 300"):
        evscale.Forecaster(interval_seconds=300).predict(frames()[kind])


def test_records_of_a_file_may_have_times_of_any_kind(tmp_path):
    path = tmp_path / "records.csv"
    for written in ("1767571200", "1767571200000", "Mon, 05 Jan 2026 00:00:00 GMT", "2026-01-05T01:00:00+0100"):
        path.write_text(f"timestamp;logged_events_count;current_job_count\n{written};5;2\n")
        assert [seen.verdict for seen in evscale.Autoscaler().observe_many(path)] == ["accepted"]
        assert evscale.Autoscaler().observe_many(path) == evscale.Autoscaler().observe_many(
            [{"timestamp": START, "logged_events_count": 5, "current_job_count": 2}])
