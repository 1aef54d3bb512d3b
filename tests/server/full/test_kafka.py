"""Records from a real Kafka, and decisions to it; `make test-server-full` fetches the broker's jars."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from databases import Postgres
from support import ROOT, Server, all_decisions, all_records, records

sys.path.insert(0, str(ROOT / "tests"))
import real_servers

Serve = Callable[..., Server]
POOLS = ("a", "b")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_servers.kafka(tmp_path_factory.mktemp("kafka")) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def topics(broker: str) -> tuple[str, str]:
    """Returns a new topic of records, and one of decisions, with two partitions each."""
    names = tuple(f"{kind}-{random.randrange(10**9)}" for kind in ("records", "decisions"))
    admin = AdminClient({"bootstrap.servers": broker})
    for made in admin.create_topics([NewTopic(name, 2, 1) for name in names]).values():
        made.result(30)
    return names[0], names[1]


def settings(broker: str, topics: tuple[str, str]) -> str:
    pools = "".join(f"[pools.{pool}]\nmax_jobs = 60\n" for pool in POOLS)
    return f'{pools}[kafka]\nbrokers = "{broker}"\nrecords_topic = "{topics[0]}"\ndecisions_topic = "{topics[1]}"\n[storage]\nsnapshot_every_records = 7\n'


def produce(broker: str, topic: str, messages: list[tuple[str, bytes]]) -> None:
    """Sends messages; those of a pool stay in their order, in one partition."""
    producer = confluent_kafka.Producer({"bootstrap.servers": broker})
    for pool, message in messages:
        producer.produce(topic, message, key=pool, partition=POOLS.index(pool))
    assert producer.flush(30) == 0


def message(pool: str, record: dict[str, Any]) -> tuple[str, bytes]:
    return pool, json.dumps({"pool": pool, "record": record}).encode()


def until(server: Server, pool: str, count: int, seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while server.expect("GET", f"/pools/{pool}")["seq"] - 1 < count:
        assert time.monotonic() < limit, server.said()
        time.sleep(0.05)


def test_records_are_taken_once_whatever_is_killed_and_decisions_are_those_of_http(serve: Serve, broker: str, topics: tuple[str, str]) -> None:
    server = serve(settings(broker, topics))
    todo = {pool: records(seed, 120) for seed, pool in enumerate(POOLS)}
    for part in range(4):
        some = slice(30 * part, 30 * (part + 1))
        produce(broker, topics[0], [message(pool, record) for pool in POOLS for record in todo[pool][some]])
        until(server, "a", 30 * part + 10)
        server.kill()
        server.start()
    undisturbed = serve("".join(f"[pools.{pool}]\nmax_jobs = 60\n" for pool in POOLS), "undisturbed")
    for pool in POOLS:
        until(server, pool, len(todo[pool]))
        for record in todo[pool]:
            undisturbed.expect("POST", f"/pools/{pool}/update_metrics", record)
        assert [row["body"] for row in all_records(server, pool)] == [row["body"] for row in all_records(undisturbed, pool)]
        assert [row["body"] for row in all_decisions(server, pool)] == [row["body"] for row in all_decisions(undisturbed, pool)]


def test_what_is_no_record_is_passed_over_and_told(serve: Serve, broker: str, topics: tuple[str, str]) -> None:
    server = serve(settings(broker, topics))
    good = records(1, 2)
    produce(broker, topics[0], [("a", b"no JSON"), ("a", b""), message("a", {"timestamp": "x"}), ("a", json.dumps({"pool": "nobody", "record": good[0]}).encode()),
                                message("a", good[0])])
    until(server, "a", 1)
    assert server.said().count("is passed over") == 4 and "there is no pool `nobody`" in server.said()
    server.kill()
    (server.folder / "log").write_text("")
    server.start()
    produce(broker, topics[0], [message("a", good[1])])
    until(server, "a", 2)
    assert "is passed over" not in server.said(), "they are not looked at again"


def test_every_new_decision_is_told_in_the_order_of_its_pool(serve: Serve, broker: str, topics: tuple[str, str]) -> None:
    server = serve(settings(broker, topics))
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe([topics[1]])
    try:
        # whoever listens hears what happens from then on
        limit = time.monotonic() + 30
        heard: list[dict[str, Any]] = []
        history = iter(records(1, 200))
        while not heard and time.monotonic() < limit:
            server.expect("POST", "/pools/a/update_metrics", next(history))
            heard += read(consumer, 0.5)
        first = heard[0]["seq"]
        for _ in range(30):
            server.expect("POST", "/pools/a/update_metrics", next(history))
        decided = [(row["seq"], row["body"]) for row in all_decisions(server, "a") if row["seq"] >= first]
        while len(heard) < len(decided) and time.monotonic() < limit:
            heard += read(consumer, 0.5)
        assert [(event["seq"], event["decision"]) for event in heard] == decided and len(decided) > 3
        assert {event["pool"] for event in heard} == {"a"}
    finally:
        consumer.close()


def read(consumer: confluent_kafka.Consumer, seconds: float) -> list[dict[str, Any]]:
    messages = consumer.consume(100, seconds)
    assert not [found.error() for found in messages if found.error()]
    return [json.loads(found.value()) for found in messages]


def test_a_broker_that_is_not_there_stops_nothing_else(serve: Serve) -> None:
    server = serve(settings(f"127.0.0.1:{real_servers.free_port()}", ("records", "decisions")))
    for record in records(1, 5):
        server.expect("POST", "/pools/a/update_metrics", record)
    assert server.expect("GET", "/health")["status"] == "healthy" and server.stop() == 0


def test_a_record_that_cannot_be_written_now_waits_and_is_taken_once(serve: Serve, broker: str, topics: tuple[str, str], postgres: Postgres) -> None:
    server = serve(settings(broker, topics) + "timeout_seconds = 2\n", url=postgres.database())
    todo = records(1, 40)
    produce(broker, topics[0], [message("a", record) for record in todo[:20]])
    until(server, "a", 20)
    postgres.stop()
    produce(broker, topics[0], [message("a", record) for record in todo[20:]])
    limit = time.monotonic() + 30
    while "records of Kafka wait" not in server.said():
        assert time.monotonic() < limit
        time.sleep(0.05)
    postgres.start()
    until(server, "a", 40)
    assert [row["body"]["timestamp"] for row in all_records(server, "a")] == [record["timestamp"] for record in todo]
