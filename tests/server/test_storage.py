"""What is on disk: killed servers, databases that go, disks that are full."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from databases import Postgres
from support import START, Server, all_decisions, all_records, records

Serve = Callable[..., Server]
KILLS = int(os.environ.get("EVSCALE_SERVER_KILLS", "6"))
POOLS = {"a": {"max_jobs": 60}, "b": {"min_jobs": 3}, "c": {"use_networks": False}}
EVERY_FEW = "[storage]\nsnapshot_every_records = 7\n"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else request.getfixturevalue("postgres").database()


@pytest.fixture
def start(serve: Serve) -> Serve:
    """Starts a server and creates its pools by the interface: what a file says would win again at every start."""
    def start(*arguments: str, **more: str | None) -> Server:
        server = serve(*arguments, **more)
        for name, settings in POOLS.items():
            server.ask("PUT", f"/pools/{name}", settings)
        return server
    return start


def changes(seed: int, count: int) -> list[tuple[str, str, object]]:
    """Returns what is asked of a pool, in order: records, and now and then an outcome, an order, a pause, other settings."""
    dice = random.Random(seed)
    out: list[tuple[str, str, object]] = []
    for index, record in enumerate(records(seed, count)):
        out.append(("POST", "update_metrics", record))
        if dice.random() < 0.1:
            out.append(("POST", "outcomes", {"timestamp": record["timestamp"], "started": 2, "ready": 2, "startup_seconds": 90.0}))
        if index and index % 17 == 0:
            out.append(("PUT", "pause", {"pause": dice.choice(["off", "down", "all", "off"])}))
        if index and index % 23 == 0:
            out.append(("PUT", "order", {"order": {"floor": 9}, "until": (START + timedelta(minutes=2 * index + 50)).isoformat()}))
        if index and index % 29 == 0:
            start = START + timedelta(minutes=2 * index + 20)
            what = dice.choice([{"multiplier": 2.5}, {"events": 90_000}, {"min_jobs": 25}])
            out.append(("POST", "announcements", {"start": start.isoformat(), "end": (start + timedelta(minutes=30)).isoformat(), "what": what}))
        if index and index % 19 == 0:
            at = START + timedelta(minutes=2 * index + 31)
            out.append(("PUT", "due", {"now": record["timestamp"], "due": [{"at": at.isoformat(), "events": 9_000}]}))
        if index and index % 31 == 0:
            out.append(("PUT", "", {"max_jobs": 40 + index % 7, "min_jobs": 1 + index % 3}))
    return out


def send(server: Server, pool: str, todo: list[tuple[str, str, object]]) -> None:
    for method, path, body in todo:
        status, answer = server.ask(method, f"/pools/{pool}/{path}".rstrip("/"), body)
        assert status in (200, 400), answer


def test_after_kills_during_load_every_acknowledged_record_is_there_and_decisions_are_those_of_an_undisturbed_server(
    start: Serve, url: str | None,
) -> None:
    todo = {pool: changes(seed, 40 * KILLS) for seed, pool in enumerate("abc")}
    undisturbed = start(EVERY_FEW, "undisturbed")
    killed = start(EVERY_FEW, "killed", url=url)
    acknowledged = dict.fromkeys("abc", 0)
    dice, wrong = random.Random(5), []

    def feed(pool: str) -> None:
        own = killed.another()
        while acknowledged[pool] < len(todo[pool]):
            method, path, body = todo[pool][acknowledged[pool]]
            try:
                status, answer = own.ask(method, f"/pools/{pool}/{path}".rstrip("/"), body)
            except (OSError, Exception) as problem:  # noqa: BLE001
                if not isinstance(problem, OSError) and type(problem).__module__ != "http.client":
                    wrong.append(repr(problem))
                    return
                time.sleep(0.02)
                # what was not acknowledged may be there all the same: it is sent again only if it is not
                resume.wait(30)
                acknowledged[pool] = heard(own, pool)
                continue
            if status not in (200, 400):
                wrong.append(f"{status} {answer}")
                return
            acknowledged[pool] += 1

    def heard(own: Server, pool: str) -> int:
        for _ in range(200):
            try:
                status, state = own.ask("GET", f"/pools/{pool}")
                if status == 200:
                    there = state["seq"] - 1
                    if there < acknowledged[pool]:
                        wrong.append(f"pool {pool}: {acknowledged[pool]} acknowledged, {there} there")
                    return there
            except Exception:  # noqa: BLE001
                own.hang_up()
            time.sleep(0.05)
        raise AssertionError("the server does not come back")

    resume = threading.Event()
    resume.set()
    threads = [threading.Thread(target=feed, args=(pool,)) for pool in "abc"]
    for thread in threads:
        thread.start()
    total = sum(map(len, todo.values()))
    kills = 0
    for kill in range(KILLS):
        while sum(acknowledged.values()) < total * (kill + dice.random() * 0.5) / KILLS and not wrong:
            time.sleep(0.002)
        if not any(thread.is_alive() for thread in threads):
            break
        resume.clear()
        killed.kill()
        killed.start()
        kills += 1
        resume.set()
    for thread in threads:
        thread.join(120)
    assert not wrong, wrong
    for pool in "abc":
        send(undisturbed, pool, todo[pool])
        told = [[row["body"] for row in all_records(server, pool)] for server in (undisturbed, killed)]
        assert told[0] == told[1] and len(told[0]) == 40 * KILLS
        decided = [[(row["seq"], row["body"]) for row in all_decisions(server, pool)] for server in (undisturbed, killed)]
        assert decided[0] == decided[1] and len(decided[0]) > 3 * KILLS
        for path in ("forecast", "scaling_decision", "health", "announcements"):
            one, other = (server.raw("GET", f"/pools/{pool}/{path}")[2] for server in (undisturbed, killed))
            assert one == other, path
    print(f"\n{kills} kills, {total} changes, the last start took {killed.expect('GET', '/health/detailed')['storage']['recovery_ms']} ms")


def test_a_snapshot_that_cannot_be_read_is_replaced_by_the_one_before_or_the_journal(start: Serve) -> None:
    server = start(EVERY_FEW)
    todo = changes(0, 60)
    send(server, "a", todo)
    decision = server.raw("GET", "/pools/a/scaling_decision")[2]
    server.kill()
    with sqlite3.connect(server.folder / "evscale.db") as database:
        assert database.execute("SELECT COUNT(*) FROM snapshots WHERE pool = 'a'").fetchone()[0] == 2
        database.execute("UPDATE snapshots SET state = x'00' WHERE pool = 'a' AND seq = (SELECT MAX(seq) FROM snapshots WHERE pool = 'a')")
    server.start()
    assert server.raw("GET", "/pools/a/scaling_decision")[2] == decision
    server.kill()
    with sqlite3.connect(server.folder / "evscale.db") as database:
        database.execute("UPDATE snapshots SET about = '{}' WHERE pool = 'a'")
    server.start()
    assert server.raw("GET", "/pools/a/scaling_decision")[2] == decision
    assert "of no use" in server.said()


def test_two_servers_never_work_on_one_database(start: Serve, url: str | None) -> None:
    server = start("", "first", url=url)
    where = url or f"sqlite:{server.folder}/evscale.db"
    with pytest.raises(AssertionError, match="another server works on this database"):
        start("", "second", url=where)


def test_a_database_that_goes_is_told_and_comes_back(start: Serve, postgres: Postgres) -> None:
    server = start("[storage]\ntimeout_seconds = 2\n", url=postgres.url)
    todo = records(1, 40)
    for record in todo[:10]:
        server.expect("POST", "/pools/a/update_metrics", record)
    postgres.stop()
    status, answer = server.ask("POST", "/pools/a/update_metrics", todo[10])
    assert status == 503 and answer["error"]["kind"] == "storage_unavailable"
    assert server.ask("GET", "/health") == (503, {"status": "unavailable"})
    assert server.ask("GET", "/ready")[0] == 503 and server.ask("GET", "/alive")[0] == 200
    assert server.expect("GET", "/health/detailed")["storage"]["problem"]
    assert server.expect("GET", "/pools/a/scaling_decision"), "what is known can be read all the same"
    postgres.start()
    for record in todo[10:]:
        limit = time.monotonic() + 20
        while (status := server.ask("POST", "/pools/a/update_metrics", record)[0]) == 503 and time.monotonic() < limit:
            time.sleep(0.1)
        assert status == 200
    assert server.ask("GET", "/health")[0] == 200
    undisturbed = start("", "undisturbed")
    for record in todo:
        undisturbed.expect("POST", "/pools/a/update_metrics", record)
    assert [row["body"] for row in all_decisions(server, "a")] == [row["body"] for row in all_decisions(undisturbed, "a")]
    assert len(all_records(server, "a")) == len(todo)


def test_a_full_disk_is_told_and_records_go_on_once_there_is_room(start: Serve, tmp_path: Path, missing: Callable[[str], None]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    privileged = [] if os.getuid() == 0 else ["sudo", "-n"]
    if subprocess.run([*privileged, "mount", "-t", "tmpfs", "-o", "size=3m,mode=777", "tmpfs", disk], capture_output=True, check=False).returncode:
        missing("the right to mount a small disk")
    try:
        server = start("", url=f"sqlite:{disk}/evscale.db")
        server.expect("POST", "/pools/a/update_metrics", records(1, 1)[0])
        try:
            with (disk / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(bytes(4096))
        except OSError:
            pass
        refused = 0
        for record in records(1, 400, first=1):
            status, answer = server.ask("POST", "/pools/a/update_metrics", record)
            if status == 503:
                refused += 1
                assert "full" in answer["error"]["message"], answer
                break
        assert refused and server.ask("GET", "/health")[0] == 503
        (disk / "filler").unlink()
        there = len(all_records(server, "a"))
        server.expect("POST", "/pools/a/update_metrics", {**record, "timestamp": "2026-01-08T00:00:00Z"})
        assert server.ask("GET", "/health")[0] == 200
        assert len(all_records(server, "a")) == there + 1
        server.kill()
        server.start()
        assert len(all_records(server, "a")) == there + 1
        server.stop()
    finally:
        subprocess.run([*privileged, "umount", "-l", disk], capture_output=True, check=False)


def test_old_rows_are_deleted_and_a_start_still_knows_the_state(start: Serve) -> None:
    server = start(EVERY_FEW)
    send(server, "a", changes(0, 60))
    decision = server.raw("GET", "/pools/a/scaling_decision")[2]
    server.stop()
    with sqlite3.connect(server.folder / "evscale.db") as database:
        before = database.execute("SELECT COUNT(*) FROM journal WHERE pool = 'a'").fetchone()[0]
        database.execute("UPDATE journal SET received_ms = received_ms - 86400000 * 40")
    server.start()
    limit = time.monotonic() + 10
    while time.monotonic() < limit and len(all_records(server, "a")) > 20:
        time.sleep(0.1)
    server.stop()
    with sqlite3.connect(server.folder / "evscale.db") as database:
        after = database.execute("SELECT COUNT(*) FROM journal WHERE pool = 'a'").fetchone()[0]
        kept = database.execute("SELECT body FROM journal WHERE kind = 'create'").fetchall()
    assert after < before / 2 and len(kept) == 3 and all("max_jobs" in json.loads(body)["body"] for (body,) in kept)
    server.start()
    assert server.raw("GET", "/pools/a/scaling_decision")[2] == decision
