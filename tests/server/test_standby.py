"""Two servers on one PostgreSQL: one works, the other waits and takes over."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from databases import Postgres
from support import Server, all_decisions, all_records, records

Serve = Callable[..., Server]
SETTINGS = "[storage]\nstandby = true\nsnapshot_every_records = 7\n"
KILLS = int(os.environ.get("EVSCALE_LEADER_KILLS", "4"))


def until_ready(server: Server, seconds: float = 30) -> float:
    """Waits until a server takes records; returns how long that took, seconds."""
    began = time.monotonic()
    while not is_ready(server):
        assert time.monotonic() - began < seconds, server.said()
        time.sleep(0.02)
    return time.monotonic() - began


def is_ready(server: Server) -> bool:
    try:
        return server.raw("GET", "/ready")[0] == 200
    except (OSError, http.client.HTTPException):  # connections to a standby end when it takes over
        server.hang_up()
        return False


def pair(serve: Serve, postgres: Postgres) -> tuple[Server, Server]:
    """Returns a leader with the pool `a`, and its standby."""
    url = postgres.database()
    leader = serve(SETTINGS, "one", url=url)
    until_ready(leader)
    leader.expect("PUT", "/pools/a", {"max_jobs": 60}, 201)
    return leader, serve(SETTINGS, "other", url=url)


def test_a_standby_lives_and_refuses_everything(serve: Serve, postgres: Postgres) -> None:
    leader, standby = pair(serve, postgres)
    assert standby.ask("GET", "/alive") == (200, {"status": "alive"})
    record = records(1, 1)[0]
    for method, path, body in [("GET", "/ready", None), ("GET", "/health", None), ("GET", "/pools/a/scaling_decision", None),
                               ("POST", "/pools/a/update_metrics", record), ("PUT", "/pools/b", {})]:
        status, answer = standby.ask(method, path, body)
        assert (status, answer["error"]["kind"]) == (503, "standby"), (method, path)
    assert standby.stop() == 0, "it ends when it is told"
    leader.expect("POST", "/pools/a/update_metrics", record)


def feed(servers: list[Server], todo: list[dict[str, Any]], acknowledged: list[int], lost: list[str]) -> None:
    """Sends records in their order to whoever works; what was answered must be there."""
    ways = [server.another() for server in servers]
    leader = ways[0]
    while acknowledged[0] < len(todo):
        try:
            status, answer = leader.ask("POST", "/pools/a/update_metrics", todo[acknowledged[0]])
        except (OSError, http.client.HTTPException):
            leader.hang_up()
            status = 503
        if status == 200:
            acknowledged[0] = answer["seq"] - 1
            continue
        # what was not answered may be there all the same: it is sent again only if it is not
        leader, there = working(ways)
        if there < acknowledged[0]:
            lost.append(f"{acknowledged[0]} acknowledged, {there} there")
            return
        acknowledged[0] = there


def working(ways: list[Server]) -> tuple[Server, int]:
    """Waits for a server that works; returns it, and how many records it has."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        for way in ways:
            if (there := known(way)) is not None:
                return way, there
        time.sleep(0.02)
    raise AssertionError("no server works")


def known(way: Server) -> int | None:
    """Returns how many records a server has; none if it does not work."""
    try:
        status, state = way.ask("GET", "/pools/a")
        return int(state["seq"]) - 1 if status == 200 else None
    except (OSError, http.client.HTTPException):
        way.hang_up()
        return None


def test_after_kills_of_the_leader_every_acknowledged_record_is_there_and_decisions_go_on(serve: Serve, postgres: Postgres) -> None:
    leader, standby = pair(serve, postgres)
    todo = records(3, 80 * (KILLS + 1))
    acknowledged, lost = [0], []
    sender = threading.Thread(target=feed, args=([leader, standby], todo, acknowledged, lost))
    sender.start()
    took = []
    for kill in range(KILLS):
        while acknowledged[0] < 80 * kill + 40 and sender.is_alive():
            time.sleep(0.005)
        leader.kill()
        took.append(until_ready(standby))
        leader.start()
        assert leader.ask("GET", "/ready")[0] == 503
        leader, standby = standby, leader
    sender.join(120)
    assert not lost and acknowledged[0] == len(todo), lost
    undisturbed = serve("[pools.a]\nmax_jobs = 60\n", "undisturbed")
    for record in todo:
        undisturbed.expect("POST", "/pools/a/update_metrics", record)
    assert [row["body"] for row in all_records(leader, "a")] == [row["body"] for row in all_records(undisturbed, "a")]
    assert [row["body"] for row in all_decisions(leader, "a")] == [row["body"] for row in all_decisions(undisturbed, "a")]
    print(f"\n{KILLS} kills of the leader; the standby took over after {', '.join(f'{1000 * time:.0f}' for time in took)} ms")


def test_a_leader_whose_lock_is_lost_acknowledges_nothing_more_and_ends(serve: Serve, postgres: Postgres) -> None:
    leader, standby = pair(serve, postgres)
    todo = records(1, 40)
    for record in todo[:20]:
        leader.expect("POST", "/pools/a/update_metrics", record)
    postgres.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    until_ready(standby)
    there = known(standby)
    assert there == 20
    with pytest.raises((AssertionError, OSError, http.client.HTTPException)):
        leader.expect("POST", "/pools/a/update_metrics", todo[20])
    assert leader.process and leader.process.wait(30) == 1
    assert "another server has taken over the database" in leader.said()
    for record in todo[20:]:
        standby.expect("POST", "/pools/a/update_metrics", record)
    assert len(all_records(standby, "a")) == 40
