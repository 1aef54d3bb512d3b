"""The same two weeks through Rust, Python, C and C++; `go/evscale` has the test of Go."""

import json
import subprocess
import sys
from pathlib import Path

import evscale
import make
import pytest


@pytest.fixture(scope="module")
def records():
    return make.records()


@pytest.fixture(scope="module")
def rust(records):
    return make.in_rust(records)


def test_python_c_and_cpp_decide_byte_for_byte_like_rust(records, rust):
    assert rust.count("\n") == 14 * 720
    assert make.in_python(records) == rust
    assert make.in_c(records) == rust
    assert make.in_cpp(records) == rust


def test_the_decisions_are_the_committed_ones(rust):
    assert make.sampled(rust) == (make.HERE / "expected.jsonl").read_text()


def test_a_snapshot_in_the_middle_changes_nothing(records, rust):
    config = evscale.Config(**json.loads(make.CONFIG.read_text()))
    scaler = evscale.Autoscaler(config)
    expected = rust.splitlines()
    for index, line in enumerate(records.splitlines()[:4000]):
        if index in (17, 1234, 3333):
            scaler = evscale.Autoscaler.restore(config, scaler.snapshot())
        scaler.observe(json.loads(line))
        assert scaler.decide().to_json() == expected[index], index


def test_the_command_line_prints_the_same(tmp_path, records, rust):
    part = tmp_path / "records.jsonl"
    part.write_text("\n".join(records.splitlines()[:720]) + "\n")
    command = [sys.executable, Path(__file__).with_name("golden.py"), make.CONFIG, part]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines() == rust.splitlines()[:720]
