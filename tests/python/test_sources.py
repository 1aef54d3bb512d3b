"""Sources against the real servers, started here on loopback."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.request import urlopen

import evscale
import numpy as np
import pytest
from evscale.sources import postgres, prometheus

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
PATIENCE_SECONDS = 60


def absent(what):
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not installed: make setup-system")
    pytest.skip(f"{what} is not installed: make setup-system")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(ready, server):
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(Exception):
            if ready():
                return
        time.sleep(0.1)
    raise AssertionError("the server did not start")


def stop(server):
    server.terminate()
    server.wait(timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    psycopg = pytest.importorskip("psycopg")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not versions:
        absent("postgresql")
    bin_ = versions[-1].parent
    folder = tmp_path_factory.mktemp("pg")
    as_other = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        for parent in folder.parents:
            if parent.owner() == "root" and str(parent).startswith("/tmp/"):
                parent.chmod(0o755)
        as_other = ["runuser", "-u", "postgres", "--"]
    data, port = folder / "data", free_port()
    subprocess.run([*as_other, bin_ / "initdb", "-D", data, "-A", "trust", "-U", "evscale", "-N"], check=True,
                   capture_output=True)
    server = subprocess.Popen([*as_other, bin_ / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1",
                               "-c", "fsync=off"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"host=127.0.0.1 port={port} user=evscale dbname=postgres"
    try:
        wait_for(lambda: psycopg.connect(address).close() is None, server)
        with psycopg.connect(address) as connection:
            yield connection
    finally:
        stop(server)


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


def test_postgres_refuses_what_is_no_name(database):
    for bad in ({"table": "orders; DROP TABLE orders"}, {"time": "a b"}, {"count": "1)--"}):
        with pytest.raises(evscale.ArgumentError, match="expected the name"):
            postgres.read_table(database, **{"table": "orders", "start": START, "end": START + timedelta(hours=1)} | bad)
    with pytest.raises(evscale.ArgumentError, match="time zone"):
        postgres.read_table(database, "orders", start=START.replace(tzinfo=None), end=START)


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
        wait_for(lambda: urlopen(f"{address}/-/ready").status == 200, running)
        yield address
    finally:
        stop(running)


def asked(address, query, **changes):
    usual = {"start": START + timedelta(minutes=2), "end": START + timedelta(minutes=120)}
    return prometheus.read_range(address, query, **usual | changes)


def test_prometheus_range_query(server):
    total = asked(server, "max(events_total)")
    assert (total.start_ms, total.interval_seconds, len(total.events)) == (1_767_571_200_000, 120, 60)
    assert total.events[:3].tolist() == [6, 12, 18]
    history = asked(server, "sum(increase(events_total[4m])) / 2")
    assert history.events[5:29] == pytest.approx(np.full(24, 12), rel=0.1)
    assert history.gaps > 0 and np.isnan(history.events).any()
    assert evscale.Forecaster().predict(history.events).at


def test_long_ranges_are_asked_for_in_parts(server, monkeypatch):
    whole = asked(server, "max(events_total)")
    monkeypatch.setattr(prometheus, "MOST_POINTS", 7)
    parts = asked(server, "max(events_total)")
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
