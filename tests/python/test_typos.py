"""What users mistype is found by pyright and by mypy --strict, line by line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RIGHT = """import evscale

config = evscale.Config(min_jobs=2, max_jobs=40)
scaler = evscale.Autoscaler(config)
seen = scaler.observe(timestamp="2026-01-05T10:02:00Z", logged_events_count=3400, current_job_count=12)
jobs: int | None = scaler.decide().recommended_jobs
least: int = config.min_jobs
"""
TYPOS = [
    "evscale.Autoscalr(config)",
    "config.min_job",
    "text: str = config.min_jobs",
    "evscale.Config(max_job=40)",
    "scaler.observe(timestamp='2026-01-05T10:04:00Z', logged_event_count=3400, current_job_count=12)",
    "scaler.decide().recommended_job",
    "scaler.forecast().horizon",
    "evscale.History.read('a.csv', knd='rate')",
    "evscale.History.read('a.csv', kind='rates')",
]


def mistyped(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(RIGHT + "\n".join(TYPOS) + "\n")
    return script, set(range(RIGHT.count("\n") + 1, RIGHT.count("\n") + 1 + len(TYPOS)))


def test_mypy_finds_every_typo_and_nothing_else(tmp_path):
    pytest.importorskip("mypy")
    script, lines = mistyped(tmp_path)
    ran = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file", ROOT / "pyproject.toml", script], cwd=ROOT, check=False,
                         capture_output=True, text=True)
    assert {int(line) for line in re.findall(r"script\.py:(\d+): error", ran.stdout)} == lines, ran.stdout + ran.stderr


def test_pyright_finds_every_typo_and_nothing_else(tmp_path):
    pytest.importorskip("pyright")
    _, lines = mistyped(tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(ROOT / "python")], "reportUnusedExpression": False}))
    ran = subprocess.run([sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", tmp_path], cwd=tmp_path, check=False,
                         capture_output=True, text=True)
    found = json.loads(ran.stdout)["generalDiagnostics"]
    assert {one["range"]["start"]["line"] + 1 for one in found if one["severity"] == "error"} == lines, found
