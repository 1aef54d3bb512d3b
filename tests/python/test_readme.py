"""The README and the page on Python show the examples as they are, and what they really print."""

import os
import subprocess
import sys
from pathlib import Path

import make
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("example", ["examples/rust/src/bin/quickstart.rs", "examples/python/quickstart.py",
                                     "examples/python/backtest.py",
                                     "examples/c/quickstart.c"])
def test_the_examples_are_shown_as_they_are(example):
    text = (ROOT / example).read_text()
    body = text.split("\n", 2)[2] if not example.endswith(".c") else text.split("\n", 1)[1]
    assert body.strip() in README + (ROOT / "docs/python.md").read_text()


def test_the_two_commands_are_given_and_what_is_shown_is_set_apart():
    inside, outside = [], []
    for number, part in enumerate(README.split("\n```")):
        (inside if number % 2 else outside).append(part)
    assert README.count("\n```") % 2 == 0
    given = "\n".join(part.partition("\n")[2] for part in outside)
    assert "- `make demo` " in given and "- `make test` " in given
    assert any(part.startswith("text\ntwo generated weeks: ") for part in inside), "the demonstration's output is in a block"
    assert len(README.splitlines()) < 150


def printed(command):
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ}).stdout


@pytest.mark.parametrize("command", [
    [make.TARGET / "release/quickstart"],
    [sys.executable, ROOT / "examples/python/quickstart.py"],
    [make.TARGET / "c-tests/quickstart-c11"],
])
def test_the_printed_output_is_the_shown_one(command):
    for line in printed(command).strip().splitlines():
        if not line.startswith("{"):
            assert line in README, line


def test_the_demonstration_is_the_shown_one(tmp_path):
    shown = printed([sys.executable, "-m", "evscale", "demo", "--out", tmp_path / "demo.png"])
    assert shown.partition("\npicture: ")[0] in README, shown


def test_the_backtest_example_runs(tmp_path):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    rows = "".join(f"2026-01-{5 + i // 144:02d}T{i % 144 // 6:02d}:{i % 6 * 10:02d}:00Z,{5000 + 100 * (i % 50)}\n"
                   for i in range(2 * 144) if i != 7)
    (tmp_path / "orders.csv").write_text("time,orders\n" + rows)
    ran = subprocess.run([sys.executable, ROOT / "examples/python/backtest.py", "orders.csv"], cwd=tmp_path, check=True,
                         capture_output=True, text=True)
    assert "KEDA queue" in ran.stdout and "sla_target: 0.995 -> 0.999" in ran.stdout
    assert (tmp_path / "report.html").stat().st_size > 100_000
