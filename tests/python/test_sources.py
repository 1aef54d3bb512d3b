"""Sources against the real servers, started here on loopback."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.request import urlopen

import evscale
import numpy as np
import pytest
from evscale.sources import cloudwatch, postgres, prometheus
from real_servers import absent, free_port, stop, until

START = datetime(2026, 1, 5, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def database():
    psycopg = pytest.importorskip("psycopg")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not versions:
        absent("postgresql")
    bin_ = versions[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="evscale-pg-"))  # not below pytest's own, which any other run closes to other users
    as_other = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        as_other = ["runuser", "-u", "postgres", "--"]
    data, port = folder / "data", free_port()
    subprocess.run([*as_other, bin_ / "initdb", "-D", data, "-A", "trust", "-U", "evscale", "-N"], check=True,
                   capture_output=True)
    server = subprocess.Popen([*as_other, bin_ / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1",
                               "-c", "fsync=off"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"host=127.0.0.1 port={port} user=evscale dbname=postgres"
    try:
        until(lambda: psycopg.connect(address).close() is None, server=server)
        with psycopg.connect(address) as connection:
            yield connection
    finally:
        stop(server)
        shutil.rmtree(folder)


def test_postgres_counts_events_per_interval(database):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE orders (created_at timestamptz, took_ms float8, items int)")
        for minute, took, items in [(0, 100, 1), (1, 300, 2), (2, 50, 5), (7, 70, 1), (7, 90, 1), (8, 1, 9)]:
            cursor.execute("INSERT INTO orders VALUES (%s, %s, %s)", (START + timedelta(minutes=minute), took, items))
    end = START + timedelta(minutes=8)
    history = postgres.read_table(database, "orders", start=START, end=end, service_ms="took_ms")
    assert (history.start_ms, history.interval_seconds) == (1_767_571_200_000, 120)
    assert history.events.tolist() == [2, 1, 0, 2]
    assert np.array_equal(history.service_ms, [200, 50, np.nan, 80], equal_nan=True)
    assert postgres.read_table(database, "orders", start=START, end=end, count="items").events.tolist() == [3, 5, 0, 2]


@pytest.mark.parametrize("micros", [0, 1, 250_000, 499_999, 500_000, 500_001, 999_999])
def test_postgres_intervals_begin_at_the_exact_start(database, micros):
    name = f"exact_{micros}"
    with database.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} (created_at timestamptz)")
        start = START + timedelta(microseconds=micros)
        for interval in range(10):
            for edge in (0, 119_999_999):
                at = start + timedelta(seconds=120 * interval, microseconds=edge)
                cursor.execute(f"INSERT INTO {name} SELECT %s FROM generate_series(1, %s)", (at, interval + 1))
    history = postgres.read_table(database, name, start=start, end=start + timedelta(minutes=20))
    assert history.events.tolist() == [2 * (interval + 1) for interval in range(10)]


def test_postgres_takes_any_name_and_conditions(database):
    with database.cursor() as cursor:
        cursor.execute('CREATE SCHEMA "Shop"')
        cursor.execute('CREATE TABLE "Shop"."Bestellungen ""neu"" 100%" ("Wann, genau" timestamptz, queue text, "größe" int)')
        for minute, queue, size in [(0, "a", 1), (1, "b", 2), (2, "a", 3), (3, None, 4), (5, "c", 5)]:
            cursor.execute('INSERT INTO "Shop"."Bestellungen ""neu"" 100%%" VALUES (%s, %s, %s)', (START + timedelta(minutes=minute), queue, size))
    usual = {"table": ("Shop", 'Bestellungen "neu" 100%'), "time": "Wann, genau", "start": START, "end": START + timedelta(minutes=6)}
    assert postgres.read_table(database, **usual).events.tolist() == [2, 2, 1]
    assert postgres.read_table(database, **usual, where={"queue": "a"}).events.tolist() == [1, 1, 0]
    assert postgres.read_table(database, **usual, where={"queue": ["a", "c"]}, count="größe").events.tolist() == [1, 3, 5]
    assert postgres.read_table(database, **usual, where={"queue": None}).events.tolist() == [0, 1, 0]
    assert postgres.read_table(database, **usual, where={"queue": "x' OR '1'='1"}).events.tolist() == [0, 0, 0]


@pytest.mark.parametrize("bad, words", [
    ({"table": "absent"}, "does not exist"), ({"table": "orders; DROP TABLE orders"}, "does not exist"), ({"table": ""}, "expected the name"),
    ({"time": "a\0b"}, "expected the name"), ({"table": "x" * 64}, "expected the name"), ({"count": "1)--"}, "does not exist"),
    ({"interval_seconds": 0}, "10 to 3600"), ({"interval_seconds": 1.5}, "10 to 3600"), ({"start": START.replace(tzinfo=None)}, "time zone"),
    ({"end": START}, "after"), ({"timeout": 0}, "seconds above 0"), ({"where": {"absent": 1}}, "does not exist"),
])
def test_postgres_refusals(database, bad, words):
    usual = {"table": "orders", "start": START, "end": START + timedelta(hours=1)}
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS orders (created_at timestamptz, took_ms float8, items int)")
    database.commit()
    with pytest.raises(evscale.ArgumentError, match=words):
        postgres.read_table(database, **usual | bad)
    database.rollback()


def test_postgres_sums_that_are_no_counts(database):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE odd (created_at timestamptz, n float8)")
        cursor.execute("INSERT INTO odd VALUES (%s, -3)", (START,))
        for value in ("-3", "infinity", "nan"):
            cursor.execute("UPDATE odd SET n = %s", (value,))
            with pytest.raises(evscale.ArgumentError, match="interval 0"):
                postgres.read_table(database, "odd", start=START, end=START + timedelta(hours=1), count="n")


def test_postgres_has_limited_time(database):
    with database.cursor() as cursor:
        cursor.execute("CREATE VIEW slow AS SELECT timestamptz '2026-01-05 00:10Z' AS created_at WHERE pg_sleep(30) IS NOT NULL")
    database.commit()
    began = time.monotonic()
    with pytest.raises(evscale.ArgumentError, match="timeout"):
        postgres.read_table(database, "slow", start=START, end=START + timedelta(hours=1), timeout=0.5)
    assert time.monotonic() - began < 10
    database.rollback()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    program = shutil.which("prometheus")
    if program is None:
        absent("prometheus")
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    first = int(START.timestamp())
    lines = ["# TYPE events counter"]
    total = 0
    for minute in range(121):
        total += 0 if minute == 0 else 3 if minute <= 60 else 5
        if not 80 < minute < 90:
            lines += [f'events_total{{job="{job}"}} {total} {first + 60 * minute}' for job in ("a", "b")]
    (folder / "metrics.txt").write_text("\n".join([*lines, "# EOF", ""]))
    (folder / "prometheus.yml").write_text("global: {}\n")
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "metrics.txt", folder / "data"],
                   check=True, capture_output=True)
    running = subprocess.Popen(
        [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
         "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: urlopen(f"{address}/-/ready").status == 200, server=running)
        yield address
    finally:
        stop(running)


def asked(address, query, **changes):
    usual = {"start": START + timedelta(minutes=2), "end": START + timedelta(minutes=120)}
    return prometheus.read_range(address, query, **usual | changes)


def test_prometheus_range_query(server):
    total = asked(server, "max(events_total)", kind="count")
    assert (total.start_ms, total.interval_seconds, len(total.events)) == (1_767_571_200_000, 120, 60)
    assert total.events[:3].tolist() == [6, 12, 18]
    history = asked(server, "sum(increase(events_total[4m])) / 2")
    assert history.events[5:29] == pytest.approx(np.full(24, 12), rel=0.1)
    assert history.gaps > 0 and np.isnan(history.events).any()
    assert evscale.Forecaster().predict(history.events).at


def test_prometheus_counters_and_rates_become_counts(server):
    usual = {"start": START + timedelta(minutes=10), "end": START + timedelta(minutes=58)}
    for query, kind in [("sum(events_total)", "counter"), ("sum(rate(events_total[4m]))", "rate"), ("sum(increase(events_total[2m])) * 1", "count"),
                        ("sum(rate(events_total[4m])) * 120", "count")]:
        history = asked(server, query, **usual)
        assert kind in history.about
        assert np.nanmedian(history.events) == pytest.approx(12, rel=0.1), query
    with pytest.raises(evscale.ArgumentError, match=r"\[4m\].*counted 2 times.*\[120s\]"):
        asked(server, "sum(increase(events_total[4m]))")
    with pytest.raises(evscale.ArgumentError, match="multiplies a rate by 60"):
        asked(server, "sum(rate(events_total[4m])) * 60")


def test_long_ranges_are_asked_for_in_parts(server, monkeypatch):
    whole = asked(server, "max(events_total)", kind="count")
    monkeypatch.setattr(prometheus, "MOST_POINTS", 7)
    parts = asked(server, "max(events_total)", kind="count")
    assert np.array_equal(whole.events, parts.events, equal_nan=True)


def test_prometheus_refusals(server):
    with pytest.raises(evscale.ArgumentError, match=r"2 series.*sum"):
        asked(server, "events_total")
    with pytest.raises(evscale.ArgumentError, match="parse error"):
        asked(server, "sum(")
    with pytest.raises(evscale.ArgumentError, match="no samples"):
        asked(server, "absent_metric")
    with pytest.raises(evscale.ArgumentError, match="time zone"):
        asked(server, "x", start=datetime(2026, 1, 5))
    with pytest.raises(ConnectionError):
        asked(f"http://127.0.0.1:{free_port()}", "x")


def command(*arguments, **environment):
    return subprocess.run([sys.executable, "-m", "evscale", *map(str, arguments)], check=False, capture_output=True, text=True,
                          env=os.environ | environment)


def test_prometheus_from_the_command_line(server):
    usual = (server, "--end", "2026-01-05T01:00:00Z", "--days", "0.03")
    ran = command("look", *usual, "--query", "sum(events_total)")
    assert ran.returncode == 0 and "counter" in ran.stdout and "2026-01-05T00:58:00Z" in ran.stdout, ran.stderr
    assert command("forecast", *usual, "--query", "sum(events_total)").returncode == 0
    assert "--query" in command("look", *usual).stderr
    assert "[120s]" in command("look", *usual, "--query", "sum(increase(events_total[5m]))").stderr


def test_postgres_from_the_command_line(database):
    with database.cursor() as cursor:
        cursor.execute('CREATE TABLE "Visits" (at timestamptz, page text)')
        cursor.execute("""INSERT INTO "Visits" SELECT timestamptz '2026-01-05 00:00Z' + i * interval '10 s', CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END
                          FROM generate_series(0, 359) AS i""")
    database.commit()
    info = database.info
    address = f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"
    usual = (address, "--table", "Visits", "--end", "2026-01-05T01:00:00Z", "--days", "0.0417", "--column", "timestamp=at", "--json")
    assert json.loads(command("look", *usual).stdout)["total_events"] == 360
    assert json.loads(command("look", *usual, "--where", "page=a").stdout)["total_events"] == 180
    secret = address.replace("evscale@", "evscale:geheim@").replace(f":{info.port}", f":{free_port()}")
    ran = command("look", secret, "--table", "Visits")
    assert ran.returncode == 2 and "geheim" not in ran.stderr and "Traceback" not in ran.stderr


@pytest.fixture
def aws(monkeypatch):
    moto, boto3 = pytest.importorskip("moto"), pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        yield boto3.client("cloudwatch", region_name="eu-central-1")


def test_cloudwatch_sums(aws):
    now = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    for interval in range(24):
        if interval != 7:
            aws.put_metric_data(Namespace="Shop", MetricData=[{
                "MetricName": "Orders", "Dimensions": [{"Name": "Queue", "Value": "a"}], "Unit": "Count", "Value": interval + 1,
                "Timestamp": now - timedelta(hours=2) + timedelta(minutes=5 * interval, seconds=30)}])
    usual = {"start": now - timedelta(hours=2), "end": now}
    history = cloudwatch.read_metric(aws, "Shop", "Orders", {"Queue": "a"}, **usual)
    assert history.events.tolist() == [0 if interval == 7 else interval + 1 for interval in range(24)]
    assert history.start_ms == 1000 * int(usual["start"].timestamp())
    for bad, words in [({"metric": "Absent"}, "no datapoints"), ({"metric": "QueueDepth"}, "a level"), ({"statistic": "Average"}, "Sum"),
                       ({"interval_seconds": 90}, "multiple of 60"), ({"start": now - timedelta(minutes=122)}, "whole interval")]:
        with pytest.raises(evscale.ArgumentError, match=words):
            cloudwatch.read_metric(aws, **{"namespace": "Shop", "metric": "Orders", "dimensions": {"Queue": "a"}} | usual | bad)
