"""Kafka as a source, against a real broker. `make test-brokers`."""

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import evscale
import numpy as np
import pytest
import real_servers
from evscale.sources import kafka

confluent = pytest.importorskip("confluent_kafka")
NOW = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
START = NOW - timedelta(hours=2)
COUNTS = [i % 7 for i in range(60)]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    from confluent_kafka.admin import AdminClient, NewTopic

    with real_servers.kafka(tmp_path_factory.mktemp("kafka")) as port:
        settings = {"bootstrap.servers": f"127.0.0.1:{port}"}
        admin = AdminClient(settings)
        for name in ("orders", "trimmed"):
            admin.create_topics([NewTopic(name, 3, 1)])[name].result()
        producer = confluent.Producer(settings)
        first = 1000 * int(START.timestamp())
        for place, count in enumerate(COUNTS):
            for one in range(count):
                for topic in ("orders", "trimmed"):
                    producer.produce(topic, b"x", timestamp=first + 120_000 * place + 1000 * one, partition=(place + one) % 3)
        assert producer.flush(30) == 0
        yield settings


@pytest.fixture
def consumer(broker):
    one = confluent.Consumer(broker | {"group.id": "evscale"})
    yield one
    one.close()


def test_kafka_counts_what_was_produced(consumer):
    history = kafka.read_topic(consumer, "orders", start=START, end=NOW)
    assert history.events.tolist() == COUNTS and history.gaps == 0
    longer = kafka.read_topic(consumer, "orders", start=START - timedelta(days=7), end=NOW)
    assert longer.events.sum() == sum(COUNTS) and longer.events[-60:].tolist() == COUNTS


def test_what_kafka_has_dropped_is_unknown(broker, consumer):
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(broker)
    dropped = admin.delete_records([confluent.TopicPartition("trimmed", one, 20) for one in range(3)])
    for one in dropped.values():
        one.result(timeout=30)
    history = kafka.read_topic(consumer, "trimmed", start=START, end=NOW)
    known = np.isfinite(history.events)
    assert 15 < known.sum() < 45 and not known[:15].any() and history.events[known].tolist() == list(np.array(COUNTS)[known])


def test_kafka_refuses_in_words(consumer):
    with pytest.raises(evscale.ArgumentError, match="no topic 'absent'"):
        kafka.read_topic(consumer, "absent", start=START, end=NOW)
    with pytest.raises(TimeoutError, match=r"topic 'orders'.*within 3 s"):
        kafka.read_topic(consumer, "orders", start=START - timedelta(days=300), end=NOW, interval_seconds=10, timeout=3)
    alone = confluent.Consumer({"bootstrap.servers": f"127.0.0.1:{real_servers.free_port()}", "group.id": "evscale", "log_level": 0})
    with pytest.raises((ConnectionError, TimeoutError), match="topic 'orders'"):
        kafka.read_topic(alone, "orders", start=START, end=NOW, timeout=3)


def test_kafka_from_the_command_line(broker):
    ran = subprocess.run([sys.executable, "-m", "evscale", "look", f"kafka://{broker['bootstrap.servers']}", "--query", "orders", "--days", "0.0834",
                          "--end", f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "--json"], check=False, capture_output=True, text=True)
    assert ran.returncode == 0 and json.loads(ran.stdout)["total_events"] == sum(COUNTS), ran.stderr
