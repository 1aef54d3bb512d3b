"""The same two weeks through Rust, Python and C."""

import json

import evscale
import make
import pytest


@pytest.fixture(scope="module")
def records():
    return make.records()


@pytest.fixture(scope="module")
def rust(records):
    return make.in_rust(records)


def test_python_and_c_decide_byte_for_byte_like_rust(records, rust):
    assert rust.count("\n") == 14 * 720
    assert make.in_python(records) == rust
    assert make.in_c(records) == rust


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
