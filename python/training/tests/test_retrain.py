import dataclasses
import json

import evscale
import numpy as np
import onnxruntime
import pytest
import torch
from evscale import ArgumentError, History, Registry, _evscale
from evscale.__main__ import main
from evscale.distributed import retrain_many
from evscale.training.fit import Held, Settings
from evscale.training.fit_policy import CRITIC_FIRST, train_policy_further, with_analytic_rule
from evscale.training.policy_model import read_onnx
from evscale.training.retrain import Retrained, retrain
from evscale.training.traces import Series

QUICK = Settings(minutes=0.05, rows=600)
CONFIG = evscale.Config(service_time_ms=300.0)


def history(seed: int, days: float = 12.0, interval: int = 600) -> History:
    start, events = _evscale.random_workload(seed, days, interval)
    return History(int(start), interval, np.asarray(events))


@pytest.fixture(scope="module")
def histories():
    return {"orders": history(77), "mails": history(78)}


@pytest.fixture
def hourly(monkeypatch):
    """Histories for the policy, which is trained and compared in few and short lives of pools."""
    for name, few in (("REWARD_STEPS", 60), ("REWARD_POOLS", 4), ("GENERATED_SEED", 10_002)):  # that one is a load per 10 minutes
        monkeypatch.setattr(f"evscale.training.fit_policy.{name}", few)
    return {"orders": history(77, 12.0, 3600), "mails": history(78, 12.0, 3600)}


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


POLICY = dataclasses.replace(QUICK, minutes=60.0, updates=2, environments=4)


def test_a_better_policy_becomes_a_candidate_and_goes_on_from_the_champion(hourly, registry, monkeypatch):
    monkeypatch.setattr("evscale.training.retrain.policy_objections", lambda *_: [])
    monkeypatch.setattr("evscale.training.fit_policy.CRITIC_FIRST", 1)
    lines = []
    done = retrain(hourly, registry, config=CONFIG, settings=POLICY, part="policy", tell=lines.append)
    assert done.version == 1 and not any("samples" in line for line in lines), "the forecaster was trained"
    files, bundled = registry.files(1), registry.files(None)
    assert files["policy.onnx"] != bundled["policy.onnx"] and files["forecaster.onnx"] == bundled["forecaster.onnx"]
    details = registry.card(1)["details"]
    assert details["part"] == "policy" and details["loss"]["before"] == details["loss"]["after"]
    assert set(details["reward"]) == {"before", "after", "analytic_rule"} and details["decisions"]["analytic_rule"]["job_hours"] > 0
    registry.promote(1, "better")
    again = retrain(hourly, registry, config=CONFIG, settings=POLICY, part="policy")
    assert again.details["reward"]["before"] == details["reward"]["after"], "it goes on from the champion"


def test_a_policy_that_costs_more_is_refused(hourly, registry, monkeypatch):
    monkeypatch.setattr("evscale.training.fit_policy.CRITIC_FIRST", 0)
    wild = dataclasses.replace(POLICY, updates=6, policy_rate=1.0)
    done = retrain(hourly, registry, config=CONFIG, settings=wild, part="policy")
    assert done.version is None and done.details["reward"]["after"] < done.details["reward"]["before"]
    assert registry.versions() == []


def test_an_actor_that_is_good_already_stays_as_it_is_while_the_critic_learns(hourly, tmp_path):
    for name, content in evscale.ModelBundle.bundled_files().items():
        (tmp_path / name).write_bytes(content)
    before = {name: value.clone() for name, value in read_onnx(tmp_path / "policy.onnx").state_dict().items()}
    pools = [Held.of(Series(name, one.start_ms, 3600, one.events), 3.0) for name, one in hourly.items()]
    train_policy_further(pools, tmp_path, tmp_path, POLICY, lambda _: None, False)
    after = read_onnx(tmp_path / "policy.onnx").state_dict()
    assert POLICY.updates < CRITIC_FIRST and all(torch.equal(before[name], after[name]) for name in before)
    rule = onnxruntime.InferenceSession(with_analytic_rule(tmp_path, tmp_path / "rule") / "policy.onnx")
    chosen = {int(rule.run(None, {"observation": seen})[0].argmax()) for seen in torch.randn(100, 1, 24).numpy()}
    assert chosen == {4}, "no adjustment is the fifth action"


def test_both_networks_go_on_from_their_checkpoints(hourly, registry, tmp_path, monkeypatch):
    for name in ("objections", "policy_objections"):
        monkeypatch.setattr(f"evscale.training.retrain.{name}", lambda *_: [])
    both, folder = dataclasses.replace(POLICY, steps=3), tmp_path / "run"
    first, again = (retrain(hourly, registry, config=CONFIG, settings=both, part="both", checkpoints=folder, resume=True) for _ in range(2))
    assert (first.version, again.version, registry.versions()) == (1, 1, [1])
    assert [int(row.split(",")[0]) for row in (folder / "policy-log.csv").read_text().splitlines()] == [1, 2], "nothing was trained again"
    with pytest.raises(ArgumentError, match="another `part`"):
        retrain(hourly, registry, config=CONFIG, settings=both, part="policy", checkpoints=folder, resume=True)
    more = retrain(hourly, registry, config=CONFIG, settings=both, part="both", checkpoints=tmp_path / "other")
    assert registry.files(more.version)["policy.onnx"] == registry.files(1)["policy.onnx"], "the same seed"


def test_the_shell_says_which_network(tmp_path, monkeypatch):
    file, parts = tmp_path / "orders.csv", []
    file.write_text("timestamp,events\n" + "".join(f"{np.datetime64('2026-01-05T00:00') + 10 * i}Z,{100 + i % 50}\n" for i in range(144)))

    def told(histories, registry, *, part, **_):
        parts.append(part)
        return Retrained(None, ("it is worse",), {})

    monkeypatch.setattr("evscale.training.retrain.retrain", told)
    for more in ([], ["--part", "policy"], ["--part", "both"]):
        assert main(["retrain", "--source", str(file), "--registry", str(tmp_path / "r"), *more]) == 3
    assert parts == ["forecaster", "policy", "both"]


def test_a_part_that_there_is_not_is_named(histories, registry):
    with pytest.raises(ArgumentError, match="`part` is 'critic', expected one of forecaster, policy, both"):
        retrain(histories, registry, part="critic")


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


def test_groups_are_retrained_in_processes_of_their_own_and_one_fails_alone(histories, tmp_path):
    groups = {"north": histories, "south": {"orders": history(79)}, "short": {"orders": history(80, 3.0)}}
    asked = {"settings": QUICK, "processes": 2, "folder": tmp_path / "results"}
    seen = []
    many = retrain_many(groups, tmp_path / "registries", CONFIG, progress=lambda *done: seen.append(done), **asked)
    assert set(many.results) == {"north", "south"} and seen[-1] == (3, 3)
    assert many.failures == {"short": "ArgumentError: orders: history spans 3.0 days, expected at least 10"}
    for key, result in many.results.items():
        assert (result["version"] is None) == bool(result["objections"])
        assert set(result["details"]["data"]) == set(groups[key])
        alone = retrain(groups[key], Registry(tmp_path / f"alone-{key}", create=True), config=CONFIG, settings=QUICK)
        assert alone.details["loss"]["before"] == result["details"]["loss"]["before"]
    again = retrain_many(groups, tmp_path / "registries", CONFIG, **asked)
    assert (again.resumed, again.results) == (2, many.results)
    with pytest.raises(ArgumentError, match="a name that a folder can have"):
        retrain_many({"../out": histories}, tmp_path)
