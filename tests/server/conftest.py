"""Servers for the tests. What a machine lacks is said; in CI it is a failure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import Postgres
from support import BINARY, Server

# what takes long to prepare is for `make test-server-full`
collect_ignore = [] if os.environ.get("EVSCALE_FULL") else ["full"]
CI = bool(os.environ.get("CI"))


def pytest_configure() -> None:
    assert BINARY.exists(), f"{BINARY} is not there: cargo build --release --manifest-path evscale-server/Cargo.toml"


def lacking(what: str) -> None:
    """Skips a test for what the machine lacks."""
    if CI:
        pytest.fail(f"{what} is not there; `make setup-system` installs it")
    pytest.skip(f"{what} is not there")


@pytest.fixture(scope="session")
def missing() -> Callable[[str], None]:
    return lacking


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    database = Postgres(tmp_path_factory.mktemp("postgres") / "data")
    if database.bin is None:
        lacking("PostgreSQL")
    database.create()
    yield database
    database.stop()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers, and ends them after the test."""
    started: list[Server] = []

    def start(settings: str = "", name: str = "server", **more: object) -> Server:
        server = Server(tmp_path / name, settings, **more)  # type: ignore[arg-type]
        started.append(server)
        return server.start()

    yield start
    for server in started:
        if server.process and server.process.poll() is None:
            server.kill()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if CI and skipped:
        terminalreporter.write_line(f"{len(skipped)} tests were skipped, expected none in CI: `make setup-system`")


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if CI and reporter and reporter.stats.get("skipped"):
        session.exitstatus = 1
