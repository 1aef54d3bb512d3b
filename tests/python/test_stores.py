"""Redis and InfluxDB as sources, against the real servers; Kafka's offsets against what its documentation says of them."""

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from collections import namedtuple
from datetime import datetime, timedelta, timezone

import evscale
import numpy as np
import pytest
import real_servers
from evscale.sources import influxdb, kafka
from evscale.sources import redis as streams

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
FIRST_MS = 1000 * int(START.timestamp())
END = START + timedelta(hours=2)
COUNTS = [(3 * i) % 8 for i in range(60)]


def command(*arguments, **environment):
    return subprocess.run([sys.executable, "-m", "evscale", *map(str, arguments)], check=False, capture_output=True, text=True,
                          env=os.environ | environment)


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory):
    with real_servers.redis(tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.fixture
def client(redis_port):
    redis = pytest.importorskip("redis")
    with redis.Redis(port=redis_port) as one:
        one.flushall()
        for place, count in enumerate(COUNTS):
            for number in range(count):
                one.xadd("orders", {"n": number}, id=f"{FIRST_MS + 120_000 * place + 997 * number}-0")
        yield one


def test_redis_streams_are_counted_by_their_ids(client, monkeypatch):
    monkeypatch.setattr(streams, "PAGE", 10)
    history = streams.read_stream(client, "orders", start=START, end=END)
    assert history.events.tolist() == COUNTS and history.gaps == 0
    monkeypatch.setattr(streams, "PAGE", 10_000)
    assert streams.read_stream(client, "orders", start=START, end=END).events.tolist() == COUNTS
    shorter = streams.read_stream(client, "orders", start=START + timedelta(minutes=2), end=END - timedelta(minutes=4), interval_seconds=60)
    assert shorter.events.sum() == sum(COUNTS[1:-2])


def test_what_redis_has_trimmed_is_unknown(client):
    client.xtrim("orders", minid=f"{FIRST_MS + 120_000 * 20}-0", approximate=False)
    history = streams.read_stream(client, "orders", start=START, end=END)
    # nothing is lost that came after the oldest entry of the stream
    assert COUNTS[20] > 0 and np.isnan(history.events[:20]).all() and history.events[20:].tolist() == COUNTS[20:]
    client.xtrim("orders", maxlen=0, approximate=False)
    with pytest.raises(evscale.ArgumentError, match="no samples"):
        streams.read_stream(client, "orders", start=START, end=END)


def test_redis_refuses_in_words(client, redis_port):
    redis = pytest.importorskip("redis")
    client.lpush("list", 1)
    for key, words in (("list", "WRONGTYPE"), ("absent", "no such key")):
        with pytest.raises(evscale.ArgumentError, match=words):
            streams.read_stream(client, key, start=START, end=END)
    with pytest.raises(TimeoutError, match="longer timeout"):
        streams.read_stream(client, "orders", start=START, end=END, timeout=1e-9)
    with pytest.raises(ConnectionError, match="stream 'orders'"):
        streams.read_stream(redis.Redis(port=real_servers.free_port()), "orders", start=START, end=END)
    client.config_set("requirepass", "s3cret")
    try:
        with pytest.raises(evscale.ArgumentError, match="refused who asks"):
            streams.read_stream(redis.Redis(port=redis_port, password=None), "orders", start=START, end=END)
        ran = command("look", f"redis://:geheim@127.0.0.1:{redis_port}/0", "--query", "orders")
        assert ran.returncode == 2 and "geheim" not in ran.stderr and "Traceback" not in ran.stderr
    finally:
        client.config_set("requirepass", "")


def test_redis_from_the_command_line(client, redis_port):
    usual = ("look", f"redis://127.0.0.1:{redis_port}/0", "--end", "2026-01-05T02:00:00Z", "--days", "0.0834")
    assert json.loads(command(*usual, "--query", "orders", "--json").stdout)["total_events"] == sum(COUNTS)
    assert "--query" in command(*usual).stderr


@pytest.fixture(scope="module")
def influx(tmp_path_factory):
    with real_servers.influxdb(tmp_path_factory.mktemp("influx")) as port:
        address = f"http://127.0.0.1:{port}"
        urllib.request.urlopen(f"{address}/query", urllib.parse.urlencode({"q": "CREATE DATABASE shop"}).encode()).read()
        lines = [f"orders,host={host} n={place % 5 + 1}i {(FIRST_MS + 10_000 * place) * 1_000_000}"
                 for host in "ab" for place in range(720) if place not in range(120, 132)]
        urllib.request.urlopen(f"{address}/write?db=shop", "\n".join(lines).encode()).read()
        yield address


def asked(address, query, **changes):
    return influxdb.read_query(address, query, **{"database": "shop", "start": START, "end": END} | changes)


SUMS = [sum(2 * (place % 5 + 1) for place in range(12 * i, 12 * i + 12)) for i in range(60)]


def test_influxdb_sums(influx):
    history = asked(influx, 'SELECT sum("n") FROM orders WHERE $range GROUP BY time(2m)')
    assert np.isnan(history.events[10]) and np.delete(history.events, 10).tolist() == np.delete(SUMS, 10).tolist()
    assert (history.start_ms, history.gaps) == (FIRST_MS, 1)
    assert asked(influx, 'SELECT sum("n") FROM orders WHERE $range GROUP BY time(2m)', zero=True).events[9:12].tolist() == [SUMS[9], 0, SUMS[11]]
    assert asked(influx, 'SELECT count("n") FROM orders WHERE $range GROUP BY time(1m)').events[0] == 24


@pytest.mark.parametrize("query, words", [
    ('SELECT sum("n") FROM orders WHERE $range GROUP BY time(2m), host', "2 series, told apart by `host`"),
    ('SELECT sum("n") FROM orders WHERE $range GROUP BY time(5m)', "set interval_seconds=300"),
    ('SELECT mean("n") FROM orders WHERE $range GROUP BY time(2m)', "is a level"), ("SELECT FROM", "error parsing query"),
    ('SELECT sum("n") FROM absent WHERE $range GROUP BY time(2m)', "no points"), ("DROP DATABASE shop", "one SELECT"),
])
def test_influxdb_refuses_in_words(influx, query, words):
    with pytest.raises(evscale.ArgumentError, match=words):
        asked(influx, query)


def test_influxdb_from_the_command_line(influx):
    usual = ("look", f"influxdb:{influx}/shop", "--end", "2026-01-05T02:00:00Z", "--days", "0.0834", "--json")
    query = 'SELECT sum("n") FROM orders WHERE $range GROUP BY time(2m)'
    assert json.loads(command(*usual, "--query", query).stdout)["total_events"] == sum(SUMS) - SUMS[10]
    assert "database not found" in command(*usual[:1], f"influxdb:{influx}/absent", *usual[2:], "--query", query).stderr
    assert "without a database" in command("look", "influxdb:http://127.0.0.1", "--query", query).stderr


def test_keys_of_datadog_come_from_the_environment():
    assert "DD_API_KEY" in command("look", "datadog:", "--query", "x", DD_API_KEY="").stderr


Found = namedtuple("Found", "partition offset error")


class Consumer:
    """Two partitions with a message every 30 s each; the second has dropped its first 40."""

    def list_topics(self, topic, timeout):
        about = namedtuple("Topic", "partitions error")({0: None, 1: None}, None)
        return namedtuple("Metadata", "topics")({"orders": about})

    def get_watermark_offsets(self, partition, timeout):
        return (0, 200) if partition.partition == 0 else (40, 200)

    def offsets_for_times(self, partitions, timeout):
        found = [(one.partition, max(self.get_watermark_offsets(one, timeout)[0], -(-(one.offset - FIRST_MS) // 30_000))) for one in partitions]
        return [Found(place, -1 if offset >= 200 else offset, None) for place, offset in found[::-1]]


def test_kafka_offsets_become_counts():
    pytest.importorskip("confluent_kafka")
    history = kafka.read_topic(Consumer(), "orders", start=START, end=END)
    # 4 messages of each partition per 2 minutes; 40 of the second were 10 intervals, and the next one may have begun before
    assert np.isnan(history.events[:11]).all() and history.events[11:50].tolist() == [8] * 39 and history.events[50:].tolist() == [0] * 10
    with pytest.raises(evscale.ArgumentError, match="no topic 'absent'"):
        kafka.read_topic(Consumer(), "absent", start=START, end=END)


def test_kafka_from_the_command_line_has_limited_time():
    pytest.importorskip("confluent_kafka")
    ran = command("look", f"kafka://127.0.0.1:{real_servers.free_port()}", "--query", "orders", "--timeout", "2")
    assert ran.returncode == 2 and "topic 'orders'" in ran.stderr and "Traceback" not in ran.stderr
    assert "No such configuration property" in command("look", "kafka://x", "--query", "orders", "--property", "no.such=1").stderr
