import dataclasses
import json

import evscale
import numpy as np
import pytest
import torch
from evscale import ArgumentError, History, Registry, _evscale
from evscale.__main__ import main
from evscale.training.fit import Settings
from evscale.training.retrain import retrain

QUICK = Settings(minutes=0.05, rows=600)
CONFIG = evscale.Config(service_time_ms=300.0)


def history(seed: int, days: float = 12.0) -> History:
    start, events = _evscale.random_workload(seed, days, 600)
    return History(int(start), 600, np.asarray(events))


@pytest.fixture(scope="module")
def histories():
    return {"orders": history(77), "mails": history(78)}


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry", create=True)


def test_a_better_bundle_becomes_a_candidate_with_a_card(histories, registry, monkeypatch):
    monkeypatch.setattr("evscale.training.retrain.objections", lambda before, after: [])
    done = retrain(histories, registry, config=CONFIG, settings=QUICK)
    assert (done.version, done.objections) == (1, ())
    assert registry.stages()["champion"] is None, "a candidate does not act"
    assert registry.verify()[0]["ok"]
    details = registry.card(1)["details"]
    assert (details["seed"], details["minutes"], set(details["data"])) == (1, 0.05, {"orders", "mails"})
    first = histories["orders"]
    assert details["data"]["orders"]["from"] == f"{np.datetime64(first.start_ms, 'ms').astype('datetime64[s]')}Z"
    assert set(details["loss"]["before"]) == {"12_min", "48_min", "180_min"}
    assert details["decisions"]["pools"]["mails"]["after"]["job_hours"] > 0
    assert _changed(registry, 1), "the weights are others"
    registry.promote(1, "better")
    again = retrain(histories, registry, config=CONFIG, settings=QUICK)
    assert registry.card(again.version)["parent"] == 1, "it goes on from the champion"
    assert again.details["loss"]["before"] == details["loss"]["after"]


def _changed(registry, version):
    return registry.files(version)["forecaster.onnx"] != registry.files(None)["forecaster.onnx"] and (
        registry.files(version)["policy.onnx"] == registry.files(None)["policy.onnx"])


def test_a_worse_bundle_is_refused_with_its_reasons(histories, registry):
    done = retrain(histories, registry, config=CONFIG, settings=dataclasses.replace(QUICK, rate=0.5))
    assert done.version is None and any("loss" in one for one in done.objections)
    assert registry.versions() == []


def test_the_shell_ends_with_3_for_a_worse_bundle(tmp_path, monkeypatch, capsys):
    files = []
    for seed in (77, 78):
        one = history(seed)
        rows = "".join(f"{np.datetime64(one.start_ms + 600_000 * i, 'ms')}Z,{count:.0f}\n" for i, count in enumerate(one.events))
        files.append(tmp_path / f"{seed}.csv")
        files[-1].write_text("timestamp,events\n" + rows)
    monkeypatch.setattr("evscale.training.retrain.objections", lambda before, after: ["it is worse, expected better"])
    arguments = ["retrain", "--source", *map(str, files), "--registry", str(tmp_path / "r"), "--minutes", "0.03", "--json"]
    assert main(arguments) == 3
    out = capsys.readouterr()
    assert json.loads(out.out)["objections"] == ["it is worse, expected better"] and "not registered: it is worse" in out.err
    monkeypatch.setattr("evscale.training.retrain.objections", lambda before, after: [])
    assert main([*arguments, "--promote"]) == 0
    assert json.loads(capsys.readouterr().out)["promoted"]
    assert Registry(tmp_path / "r").stages()["champion"] == 1


def test_a_checkpoint_of_another_question_is_refused(histories, registry, tmp_path):
    folder = tmp_path / "run"
    retrain(histories, registry, config=CONFIG, settings=QUICK, checkpoints=folder)
    assert (folder / "checkpoint.pt").exists()
    with pytest.raises(ArgumentError, match="another `seed`"):
        retrain(histories, registry, config=CONFIG, settings=dataclasses.replace(QUICK, seed=2), checkpoints=folder, resume=True)
    with pytest.raises(ArgumentError, match="another `histories`"):
        retrain({"orders": history(79)}, registry, config=CONFIG, settings=QUICK, checkpoints=folder, resume=True)
    steps = len((folder / "log.csv").read_text().splitlines())
    retrain(histories, registry, config=CONFIG, settings=QUICK, checkpoints=folder, resume=True)
    assert len((folder / "log.csv").read_text().splitlines()) == steps, "the time was used up already: nothing was trained again"


def test_a_run_that_was_killed_after_it_had_registered_does_not_register_again(histories, registry, tmp_path, monkeypatch):
    monkeypatch.setattr("evscale.training.retrain.objections", lambda before, after: [])
    first, again = (retrain(histories, registry, config=CONFIG, settings=QUICK, checkpoints=tmp_path / "run", resume=True)
                    for _ in range(2))
    assert (first.version, again.version, registry.versions()) == (1, 1, [1])


def test_a_log_has_no_step_twice_after_a_kill(histories, registry, tmp_path):
    folder = tmp_path / "run"
    often = dataclasses.replace(QUICK, checkpoint_seconds=0.0)
    retrain(histories, registry, config=CONFIG, settings=often, checkpoints=folder)
    whole = (folder / "log.csv").read_text().splitlines()
    checkpoint = torch.load(folder / "checkpoint.pt", weights_only=True)
    torch.save(checkpoint | {"step": 1, "seconds": 0.0}, folder / "checkpoint.pt")
    with (folder / "log.csv").open("a") as log:
        log.write("7,1")  # as a kill in the middle of a row leaves it
    retrain(histories, registry, config=CONFIG, settings=often, checkpoints=folder, resume=True)
    steps = [int(row.split(",")[0]) for row in (folder / "log.csv").read_text().splitlines()]
    assert len(whole) > 1 and len(steps) > 1 and steps == list(range(1, len(steps) + 1))


def test_a_short_history_is_named(registry):
    with pytest.raises(ArgumentError, match="short: history spans 5.0 days, expected at least 10"):
        retrain({"short": history(77, 5.0)}, registry)
