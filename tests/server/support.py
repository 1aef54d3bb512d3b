"""A server of the tests: its process, its files, and a client of the standard library."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("EVSCALE_SERVER", ROOT / "evscale-server/target/release/evscale-server"))
START = datetime(2026, 1, 5, tzinfo=UTC)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def records(seed: int, count: int, first: int = 0) -> list[dict[str, Any]]:
    """Returns records of a pool: a day's season, noise, and now and then something missing or wrong."""
    dice = random.Random(seed)
    out = []
    for index in range(first + count):
        level = 3000 + 2500 * ((index // 30) % 24) / 24 + dice.uniform(-300, 300)
        record: dict[str, Any] = {
            "timestamp": (START + timedelta(minutes=2 * index)).isoformat().replace("+00:00", "Z"),
            "logged_events_count": round(level), "current_job_count": 12 + (index // 40) % 6,
            "average_processing_duration_ms": 380 + dice.random() * 40, "cpu_utilization_percent": dice.uniform(40, 105),
        }
        if dice.random() < 0.05:
            record["logged_events_count"] = None
        if dice.random() < 0.05:
            record["cpu_utilization_percent"] = 900
        if dice.random() < 0.03 and index:
            record["timestamp"] = START.isoformat().replace("+00:00", "Z")
        out.append(record)
    return out[first:]


class Server:
    """A process of evscale-server with a folder of its own."""

    used = 0.0

    def __init__(self, folder: Path, settings: str = "", url: str | None = None, key: str | None = None, env: dict[str, str] | None = None) -> None:
        self.folder, self.port, self.key = folder, free_port(), key
        self.env = {**os.environ, **(env or {})}
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "evscale.toml"
        sections = {"listen": f'address = "127.0.0.1:{self.port}"', "storage": f'url = "{url or f"sqlite:{folder}/evscale.db"}"',
                    "clock": 'source = "records"', "security": "requests_per_second = 100000\nburst = 100000"}
        for name, text in sections.items():
            if f"[{name}]" in settings:
                settings = settings.replace(f"[{name}]", f"[{name}]\n{text}" if name in ("listen", "storage") else f"[{name}]")
            else:
                settings += f"\n[{name}]\n{text}\n"
        self.config.write_text(settings)
        self.process: subprocess.Popen[bytes] | None = None
        self.connection: http.client.HTTPConnection | None = None

    def another(self) -> Server:
        """Returns a further connection to the same process."""
        other = Server.__new__(Server)
        other.port, other.key, other.connection = self.port, self.key, None
        return other

    def start(self, wait: float = 60) -> Server:
        self.log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen([BINARY, "serve", "--config", self.config], stderr=self.log, env=self.env, cwd=self.folder)
        limit = time.monotonic() + wait
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {self.said()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.01)
        raise AssertionError(f"the server does not listen: {self.said()}")

    def said(self) -> str:
        return (self.folder / "log").read_text()[-3000:]

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.hang_up()

    def stop(self) -> int:
        assert self.process
        self.hang_up()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.log.close()
        return code

    def hang_up(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None

    def raw(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        if time.monotonic() - self.used > 5:  # the server may have closed a connection that nobody used
            self.hang_up()
        self.used = time.monotonic()
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = dict(headers or {})
        if self.key and "X-API-Key" not in sent and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.key}"
        try:
            self.connection.request(method, path, body, sent)
            answer = self.connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        except (OSError, http.client.HTTPException):
            self.hang_up()
            raise

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        text = None if body is None else json.dumps(body).encode()
        sent = {} if body is None else {"Content-Type": "application/json"}
        status, _, answer = self.raw(method, path, text, {**sent, **(headers or {})})
        try:
            return status, json.loads(answer) if answer else None
        except ValueError:
            return status, answer.decode(errors="replace")

    def expect(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        found, answer = self.ask(method, path, body)
        assert found == status, (method, path, found, answer)
        return answer


def key(folder: Path, name: str, role: str, *pools: str) -> tuple[str, str]:
    """Makes a key; returns it and its entry in the file of keys."""
    options = [word for pool in pools for word in ("--pool", pool)]
    made = subprocess.run([BINARY, "key", name, role, *options], capture_output=True, text=True, check=True)
    return made.stderr.strip(), made.stdout


def all_decisions(server: Server, pool: str) -> list[dict[str, Any]]:
    """Returns all decisions of a pool, oldest first."""
    time.sleep(0.2)  # they are written with the next records, or a moment later
    return list(reversed(list(_rows(server, f"/pools/{pool}/decisions"))))


def all_records(server: Server, pool: str) -> list[dict[str, Any]]:
    """Returns all records of a pool, oldest first."""
    return list(reversed(list(_rows(server, f"/pools/{pool}/records"))))


def _rows(server: Server, path: str) -> Iterator[dict[str, Any]]:
    before = ""
    while True:
        rows = server.expect("GET", f"{path}?limit=1000{before}")
        yield from rows
        if len(rows) < 1000:
            return
        before = f"&before={rows[-1]['seq']}"
