"""What the readers understand of files of every kind: interval, rows, events, first and last time, or a refusal that helps."""

import json
import random
import re
import sys
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import evscale
import numpy as np
import pytest
from evscale import History
from evscale.readers import Options, read

sys.path.insert(0, str(Path(__file__).parent / "readers"))
import formats as made
from expected import FILES, FIRST, LAST


def understood(path, **options):
    """Returns what `evscale look --json` prints."""
    from evscale.readers.look import as_json

    given = Options(**options)
    return json.loads(as_json(read(path, given), str(path), given))


@pytest.mark.parametrize("name", FILES)
def test_every_format_is_understood(tmp_path, name):
    expected = FILES[name]
    path = tmp_path / expected.name
    path.write_bytes(expected.data())
    told = {}
    for option, value in expected.needs.items():
        with pytest.raises(evscale.ArgumentError, match=f"{option}="):
            History.read(path, **told)
        told[option] = value
    seen = understood(path, **expected.needs)
    assert (seen["rows"], seen["interval_seconds"], seen["kind"]) == (expected.rows, expected.interval, expected.kind)
    assert (seen["first"], seen["last"]) == (expected.first, expected.last)
    assert seen["total_events"] == pytest.approx(expected.total, rel=1e-3 if expected.kind == "rate" else 1e-9)
    history = History.read(path, **expected.needs)
    assert np.nansum(history.events) == pytest.approx(expected.total, rel=0.02)


@pytest.mark.parametrize("written, zone", [
    ([str(at) for at in made.EPOCH], None),
    ([f"{at}.000" for at in made.EPOCH], None),
    ([str(1000 * at) for at in made.EPOCH], None),
    ([str(1_000_000 * at) for at in made.EPOCH], None),
    ([str(1_000_000_000 * at) for at in made.EPOCH], None),
    ([f"{at:%Y-%m-%d %H:%M:%S}+00" for at in made.TIMES], None),
    ([f"{at:%Y-%m-%d %H:%M:%S} UTC" for at in made.TIMES], None),
    ([f"{at.astimezone(ZoneInfo('Asia/Kolkata')):%Y-%m-%dT%H:%M:%S%z}" for at in made.TIMES], None),
    ([f"{at:%Y-%m-%dT%H:%M:%S}.0000000Z" for at in made.TIMES], None),
    ([f"{at:%Y-%m-%dT%H:%M}Z" for at in made.TIMES], None),
    ([f"{at:%a, %d %b %Y %H:%M:%S} GMT" for at in made.TIMES], None),
    ([f"{at:%Y%m%dT%H%M%S}Z" for at in made.TIMES], None),
    ([f"{at:%Y/%m/%d %H:%M:%S}" for at in made.TIMES], "UTC"),
    ([f"{at:%Y%m%d%H%M%S}" for at in made.TIMES], "UTC"),
    ([f"{at:%d.%m.%Y %H:%M}" for at in made.TIMES], "UTC"),
    ([f"{at:%d-%b-%y %H:%M}" for at in made.TIMES], "UTC"),
    ([f"{at:%B %d, %Y, %I:%M %p}" for at in made.TIMES], "UTC"),
    ([f"{at.month}/{at.day}/{at.year} {at:%I:%M %p}" for at in made.TIMES], "UTC"),
    ([f"{at:%a %b %d %H:%M:%S %Y}" for at in made.TIMES], "UTC"),
    ([f"{(at.timestamp() / 86_400 + 25_569):.10f}" for at in made.TIMES], "UTC"),
    ([f"{at.astimezone(ZoneInfo('America/New_York')):%Y-%m-%d %H:%M:%S}" for at in made.TIMES], "America/New_York"),
])
def test_times_of_every_way_of_writing(tmp_path, written, zone):
    path = tmp_path / "a.csv"
    path.write_bytes(made.of_times(written))
    if zone is not None:
        with pytest.raises(evscale.ArgumentError, match=r"without a time zone.*time_zone='UTC'"):
            History.read(path)
    seen = understood(path, time_zone=zone)
    assert (seen["first"], seen["last"], seen["interval_seconds"]) == (FIRST, LAST, 300)


def test_days_and_months_are_told_apart_by_the_steps(tmp_path):
    path = tmp_path / "a.csv"
    days = [made.START + timedelta(hours=i) for i in range(60)]
    path.write_bytes(made.of_times([f"{at:%d/%m/%Y %H:%M}" for at in days]))
    assert understood(path, time_zone="UTC")["last"] == "2026-03-04T11:00:00Z"
    path.write_bytes(made.of_times([f"{at:%m/%d/%Y %H:%M}" for at in days]))
    assert understood(path, time_zone="UTC")["last"] == "2026-03-04T11:00:00Z"
    path.write_bytes(made.of_times([f"{at:%m/%d/%Y %H:%M}" for at in made.TIMES]))
    with pytest.raises(evscale.ArgumentError, match=r"day or with the month.*time_format="):
        History.read(path, time_zone="UTC")
    assert understood(path, time_zone="UTC", time_format="%m/%d/%Y %H:%M")["first"] == FIRST


def test_the_hour_that_comes_twice_is_told_by_the_order(tmp_path):
    path = tmp_path / "a.csv"
    start = made.START.replace(month=10, day=24, hour=22)
    instants = [start + timedelta(minutes=30 * i) for i in range(12)]
    walls = [f"{at.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M}" for at in instants]
    for order in (slice(None), slice(None, None, -1)):
        path.write_text("\n".join(["time,events", *(f"{wall},{n}" for n, wall in list(zip(made.COUNTS, walls, strict=False))[order])]))
        with pytest.raises(evscale.ArgumentError, match=r"duplicate time.*time_zone='Europe/Berlin'.*twice in autumn"):
            History.read(path)
        history = History.read(path, time_zone="Europe/Berlin")
        assert (history.start_ms, len(history.events), history.gaps) == (1000 * int(start.timestamp()), 12, 0)
        assert history.events.tolist() == made.COUNTS[:12]


@pytest.mark.parametrize("cells, decimal, total", [
    (["57,5", "43,5", "1,25"], None, 102.25), (["1.234,5", "57", "2"], None, 1293.5), (["1,234.5", "57", "2"], None, 1293.5),
    (["1 234", "57", "2"], None, 1293), (["1'234", "57", "2"], None, 1293), (["1.234", "980", "2"], None, 2216),
    (["1.14 K", "860", "2 K"], None, 4000), (["1.5 Mil", "2 Mil", "3 Mil"], None, 6.5e6), (["5", "null", "7"], None, 12),
    (["5", "N/A", "7"], None, 12), (["5", "-", "7"], None, 12), (["1,234", "2,345", "3,456"], ",", 7.035), (["1,234", "2,345", "3,456"], ".", 7035),
])
def test_numbers_of_every_way_of_writing(tmp_path, cells, decimal, total):
    path = tmp_path / "a.csv"
    path.write_text("timestamp;orders\n" + "".join(f"{at};{cell}\n" for at, cell in zip(made.ISO, cells, strict=False)), encoding="utf-8")
    assert np.nansum(History.read(path, decimal=decimal, kind="count").events) == pytest.approx(total)


def test_a_number_that_may_be_a_fraction_or_a_thousand_is_asked_for(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("timestamp;orders\n" + "".join(f"{at};{n},{100 + n}\n" for at, n in zip(made.ISO, made.COUNTS, strict=True)))
    with pytest.raises(evscale.ArgumentError, match=r"fraction or a thousand; decimal=','.*decimal='\.'"):
        History.read(path)


def test_three_digits_after_a_dot_are_asked_for_where_semicolons_part_fields(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(made.table(["Zeit", "n"], [[at, f"1.{n + 100}"] for at, n in zip(made.ISO, made.COUNTS, strict=True)], delimiter=";"))
    with pytest.raises(evscale.ArgumentError, match=r"fraction or a thousand"):
        History.read(path)
    assert understood(path, decimal=",")["total_events"] == 1100 * 60 + made.TOTAL
    assert understood(path, decimal=".", kind="count")["total_events"] == pytest.approx((1100 * 60 + made.TOTAL) / 1000)


def test_sums_beside_the_documents_of_elasticsearch_are_shown_and_can_be_taken(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(made.elasticsearch_sum())
    seen = understood(path)
    assert "`items`" in seen["remarks"][0]["what"] and "columns={'events': 'items'}" in seen["remarks"][0]["what"]
    assert understood(path, columns={"events": "items"})["total_events"] == 3 * made.TOTAL


@pytest.mark.parametrize("name, kind", [
    ("requests_per_second", "rate"), ("rps", "rate"), ("http_req_rate", "rate"), ("orders/s", "rate"), ("RPM", "rate/min"),
    ("msgs_per_minute", "rate/min"), ("requests", "count"), ("NumberOfMessagesSent", "count"), ("orders in", "count"), ("hits", "count"),
])
def test_the_kind_of_number_is_guessed_from_the_name(tmp_path, name, kind):
    path = tmp_path / "a.csv"
    path.write_bytes(made.table(["timestamp", name], zip(made.ISO, made.COUNTS, strict=True)))
    factor = {"rate": 300, "rate/min": 5, "count": 1}[kind]
    assert (understood(path)["kind"], understood(path)["total_events"]) == (kind, factor * made.TOTAL)
    assert understood(path, kind="count")["total_events"] == made.TOTAL
    assert understood(path, columns={"events": f"rate:{name}"})["total_events"] == 300 * made.TOTAL


@pytest.mark.parametrize("name", ["lag", "queue_length", "cpu_percent", "ApproximateNumberOfMessagesVisible", "backlog", "memory_usage",
                                  "active connections", "p95_latency_ms", "utilization"])
def test_levels_are_refused_as_arrivals(tmp_path, name):
    path = tmp_path / "a.csv"
    path.write_bytes(made.table(["timestamp", name], zip(made.ISO, made.COUNTS, strict=True)))
    with pytest.raises(evscale.ArgumentError, match=r"is a level.*kind='count'"):
        History.read(path)
    assert understood(path, kind="count")["total_events"] == made.TOTAL


@pytest.mark.parametrize("scale", [0.137, 1.37, 13.7])
def test_fractions_of_a_column_that_says_nothing_are_asked_for(scale):
    rows = {"timestamp": made.ISO, "value": [round(scale * n, 2) for n in made.COUNTS]}
    with pytest.raises(evscale.ArgumentError, match=r"kind='count'.*kind='rate'"):
        History.read(rows)
    assert History.read(rows | {"orders": rows.pop("value")}).events[0] == round(scale * 41, 2) or scale < 1


def test_a_sample_of_prometheus_is_of_the_interval_before_it(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(made.prometheus())
    assert History.read(path).start_ms == 1000 * (made.EPOCH[0] - 300)
    assert History.read(path, stamp="begin").start_ms == 1000 * made.EPOCH[0]


def test_damaged_files_are_read_or_refused_in_words(tmp_path):
    path = tmp_path / "a.dat"
    rng = random.Random(5)
    makers = [getattr(made, name) for name in dir(made) if callable(getattr(made, name)) and getattr(made, name).__module__ == made.__name__]
    seeds = [data for make in makers if make.__code__.co_argcount == len(make.__defaults__ or ()) and make is not made.table
             and isinstance(data := make(), bytes)]
    pieces = [b"", b",", b'"', b"{", b"]", b"null", b"-1", b"1e999", b"\0", b"\xff", b";", b"\n", b"9" * 400, b"#", b"[[1,2]]", b"Z"]
    for _ in range(600):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data) + 1)
            end = min(len(data), at + rng.randrange(30))
            data[at:end] = rng.choice([rng.choice(pieces), bytes(data[at:end]) * 2])
        path.write_bytes(bytes(data))
        try:
            read(path, Options(sum=rng.random() < 0.3, time_zone=rng.choice([None, "UTC"])))
        except evscale.EvscaleError as refusal:
            assert str(refusal).startswith(str(path)) and len(str(refusal)) < 1500


def test_a_cloudwatch_average_of_a_level_is_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(made.cloudwatch_statistics("Average", "CPUUtilization"))
    with pytest.raises(evscale.ArgumentError, match="is a level"):
        History.read(path)
    path.write_bytes(made.cloudwatch_statistics("Sum", "ApproximateNumberOfMessagesVisible"))
    with pytest.raises(evscale.ArgumentError, match="is a level"):
        History.read(path)


def test_small_fractions_are_asked_for(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(made.table(["timestamp", "value"], [[at, 0.13 + 0.001 * (n % 7)] for at, n in zip(made.ISO, made.COUNTS, strict=True)]))
    with pytest.raises(evscale.ArgumentError, match=r"kind='count'.*kind='rate'.*kind='counter'"):
        History.read(path)


def test_a_count_that_only_grows_is_asked_for():
    with pytest.raises(evscale.ArgumentError, match=r"only grow.*kind='count'.*kind='counter'"):
        History.read({"timestamp": made.ISO[:20], "orders": list(range(100, 120))})
    assert History.read({"timestamp": made.ISO[:20], "value": list(range(100, 120))}).events.tolist() == [1] * 19


def test_a_counter_over_a_gap_is_spread_and_a_reset_starts_at_nothing():
    times = [made.ISO[place] for place in (0, 1, 2, 5, 6)]
    history = History.read({"timestamp": times, "value": [100, 110, 130, 160, 4]}, kind="counter")
    assert history.events.tolist() == [10, 20, 10, 10, 10, 4] and history.gaps == 0


def test_rates_are_averaged_and_counts_added_up_in_longer_intervals():
    columns = {"timestamp": made.ISO[:6], "value": [1, 2, 3, 4, None, 6]}
    assert History.read(columns, kind="rate", interval_seconds=600).events.tolist() == [900, 2100, 3600]
    assert History.read(columns, kind="count", interval_seconds=600).events.tolist() == [3, 7, 6]


def test_a_drifting_clock_keeps_its_rows_apart():
    times = [1000 * at + 900 * place for place, at in enumerate(made.EPOCH)]
    history = History.read({"timestamp": times, "events": made.COUNTS})
    assert (history.interval_seconds, history.gaps, history.events.tolist()) == (300, 0, made.COUNTS)


def test_absent_rows_are_what_the_caller_says(tmp_path):
    path = tmp_path / "a.csv"
    lines = made.plain().decode().splitlines()
    path.write_text("\n".join(lines[:20] + lines[24:]))
    with pytest.raises(evscale.ArgumentError, match=r"gap of 4 intervals.*gaps='zero'.*gaps='interpolate'"):
        History.read(path)
    assert History.read(path, gaps="zero").events[19:23].tolist() == [0, 0, 0, 0]
    assert np.isnan(History.read(path, gaps="interpolate").events[19:23]).all()
    assert understood(path)["gaps"] == 4


def test_everything_that_is_asked_is_asked_at_once(tmp_path):
    path = tmp_path / "a.csv"
    lines = made.of_times([f"{at:%Y-%m-%d %H:%M}" for at in made.TIMES]).decode().splitlines()
    path.write_text("\n".join(lines[:20] + lines[24:]))
    with pytest.raises(evscale.ArgumentError, match=r"time_zone='UTC'.*gaps='zero'"):
        History.read(path)
    assert "--" not in understood(path)["next_command"] and "time_zone='UTC'" in understood(path)["next_command"]


def test_series_are_taken_apart(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(made.services(per_second=False))
    with pytest.raises(evscale.ArgumentError, match=r"2 series.*sum=True.*where=\{'service': 'front'\}.*read_many\(\.\.\., by='service'\)"):
        History.read(path, kind="count")
    one = History.read(path, where={"service": "front"}, kind="rate")
    both = History.read_many(path, by="service", kind="rate")
    assert list(both) == ["front", "back"] and both["front"] == one
    with pytest.raises(evscale.ArgumentError, match="no row with"):
        History.read(path, where={"service": "middle"})
    with pytest.raises(evscale.ArgumentError, match=r"no column 'region'"):
        History.read_many(path, by="region")


def test_wide_columns_are_one_or_all():
    wide = {"timestamp": made.ISO, "eu": made.COUNTS, "us": made.COUNTS}
    with pytest.raises(evscale.ArgumentError, match=r"`eu`, `us`.*columns=\{'events': 'eu'\}.*sum=True"):
        History.read(wide)
    assert History.read(wide, sum=True).events.sum() == 2 * made.TOTAL
    assert History.read(wide, columns={"events": "eu+us"}).events.sum() == 2 * made.TOTAL
    assert History.read(wide, columns={"events": "us"}).events.sum() == made.TOTAL


def test_raw_events_have_counts_and_mean_durations(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(made.access_log())
    history = History.read(path, interval_seconds=60)
    assert history.events[:33].tolist() == [12] * 33 and history.service_ms[0] == 250
    history = History.read(path, interval_seconds=60, where={"status": "200"})
    assert history.events.sum() == 400


def test_irregular_rows_are_counted_or_added_up():
    times = {1000 * (made.EPOCH[0] + 7 * i * i % 5000 + i) for i in range(260)}
    rows = {"timestamp": sorted(times)[:200], "items": [2] * 200}
    with pytest.raises(evscale.ArgumentError, match=r"irregular times.*interval_seconds=60.*kind='events'"):
        History.read(rows)
    assert History.read(rows, interval_seconds=60, gaps="zero").events.sum() == 400
    assert History.read(rows, kind="events", interval_seconds=60).events.sum() == 200


@pytest.mark.parametrize("data, parts", [
    (b"", ["line 1 is empty"]), (b"PK\x03\x04rest", ["zip"]), (b"SQLite format 3\0", ["SQLite", "CSV"]),
    (b'{"status": "error", "error": "too many points"}', ["too many points"]),
    (b'{"status": "success", "data": {"resultType": "vector", "result": []}}', ["one moment", "query_range"]),
    (b'{"a": 1}', ["list of records"]), (b'[' * 5000, ["expected"]), (b'{"events": [1, 2', ["line 1", "JSON"]),
    (b"just some words\nand others\n", ["timestamp", "columns="]), (b"\x1f\x8b\x08\0broken", ["archive"]),
    (b'{"timestamp": "2026-03-02T00:00:00Z", "events": 1}\n{"timestamp": "x"}\n[1]\n', ["line 3", "JSON object"]),
    (b'{"MetricDataResults": [{"Timestamps": [1, 2], "Values": [1]}]}', ["2 times and 1 values"]),
    (b'{"message_stats": {}}', ["RabbitMQ", "msg_rates_age"]),
    (b'<?xml version="1.0"?>\n<testResults/>\n', ["XML", "JMeter"]), (b'{queue="a"} =>\n5 @[1]\n', ["line 1", "JSON"]),
    (b"time,ip,n\n2026-03-02T00:00:00Z,192.0.2.1,\"1,2,34\"\n", ["`n` is '1,2,34'", "decimal=", "kind='events'"]),
    (b"time,n\n2026-03-02T00:00:00Z,1.2.3.4\n", ["1 rows"]),
    (b"time,cpu,wait_ms\n2026-03-02T00:00:00Z,5,7\n", ["`cpu`, `wait_ms` are levels", "kind='events'"]),
])
def test_what_cannot_be_read_is_refused_in_words(tmp_path, data, parts):
    path = tmp_path / "a.dat"
    path.write_bytes(data)
    with pytest.raises(evscale.ArgumentError) as caught:
        History.read(path)
    assert str(caught.value).startswith(str(path)) and len(str(caught.value)) < 1000
    for part in parts:
        assert part in str(caught.value)


def test_every_prefix_of_a_file_is_read_or_refused(tmp_path):
    path = tmp_path / "a.csv"
    for make in (made.plain, made.prometheus, made.kibana, made.influx_annotated, made.zipped, made.access_log):
        data = make()
        for length in range(0, len(data), max(1, len(data) // 60)):
            path.write_bytes(data[:length])
            try:
                assert len(understood(path)["first"]) >= 20
            except evscale.EvscaleError as refusal:
                assert re.match(re.escape(str(path)), str(refusal))


def test_parquet_of_every_shape(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    nested = pa.table({"timestamp": pa.array([at.replace(tzinfo=None) for at in made.TIMES], pa.timestamp("us")),
                       "metrics": [{"count": n, "labels": {"q": "orders"}} for n in made.COUNTS]})
    pq.write_table(nested, tmp_path / "nested.parquet")
    seen = understood(tmp_path / "nested.parquet", time_zone="UTC")
    assert (seen["columns"]["events"], seen["total_events"], seen["first"]) == ("metrics.count", made.TOTAL, FIRST)
    flat = pa.table({"ts": made.TIMES * 2, "n": made.COUNTS * 2, "region": ["eu"] * 60 + ["us"] * 60})
    pq.write_to_dataset(flat, tmp_path / "set", partition_cols=["region"])
    assert understood(tmp_path / "set", where={"region": "eu"})["total_events"] == made.TOTAL
    assert understood(tmp_path / "set", sum=True)["total_events"] == 2 * made.TOTAL
    (tmp_path / "bad.parquet").write_bytes(b"PAR1nothing")
    with pytest.raises(evscale.ArgumentError, match=r"bad\.parquet: not a Parquet file"):
        History.read(tmp_path / "bad.parquet")


def test_workbooks(tmp_path):
    pytest.importorskip("python_calamine")
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["Orders of March"])
    book.active.append(["When", "Orders"])
    for at, n in zip(made.TIMES, made.COUNTS, strict=True):
        book.active.append([at.replace(tzinfo=None), n])
    book.create_sheet("empty")
    book.save(tmp_path / "a.xlsx")
    seen = understood(tmp_path / "a.xlsx", time_zone="UTC")
    assert (seen["first"], seen["total_events"], seen["columns"]["timestamp"]) == (FIRST, made.TOTAL, "When")
    with pytest.raises(evscale.ArgumentError, match="no sheet 'May'"):
        History.read(tmp_path / "a.xlsx", sheet="May")


def test_workbooks_with_dates_beside_times_and_a_row_of_totals(tmp_path):
    pytest.importorskip("python_calamine")
    book = pytest.importorskip("openpyxl").Workbook()
    book.active.append(["Date", "Time", "Orders"])
    for at, n in zip(made.TIMES, made.COUNTS, strict=True):
        book.active.append([at.date(), at.time(), n])
    book.active.append(["Total", None, made.TOTAL])
    book.save(tmp_path / "a.xlsx")
    seen = understood(tmp_path / "a.xlsx", time_zone="UTC")
    assert (seen["first"], seen["last"], seen["total_events"], seen["rows"]) == (FIRST, LAST, made.TOTAL, 60)
