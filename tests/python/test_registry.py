"""The registry of model bundles, from Python and from the shell. What kills leave is tested in evscale-files/tests/registry.rs."""

import json
from pathlib import Path

import evscale
import pytest
from evscale import BundleError, ModelBundle, Registry
from evscale.__main__ import main
from evscale.retraining import Judged, Outcome, decisions, late_price, objections, policy_objections

SEED = "07" * 32


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, content in ModelBundle.bundled_files().items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry", create=True)


def named(bundle, name):
    """The same networks under another name, so that a bundle can be told from another one."""
    manifest = json.loads((bundle / "manifest.json").read_text()) | {"name": name}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return bundle


def test_the_champion_is_what_was_promoted_last_and_the_bundled_models_before(registry, bundle, tmp_path):
    assert registry.champion().name == "evscale-bundled"
    first = registry.add(named(bundle, "one"), details={"loss": {"after": 0.25}, "pools": ["a"]}, now=1_767_571_200_000)
    second = registry.add(named(bundle, "two"), parent=first)
    assert registry.champion().name == "evscale-bundled", "a candidate does not act"
    registry.promote(first, "first", now=5)
    registry.promote(second, "better", now=6)
    assert ModelBundle.load(f"registry:{tmp_path / 'registry'}").name == "two"
    assert registry.load(first).name == "one"
    assert registry.rollback("worse", now=7) == first and registry.champion().name == "one"
    assert registry.rollback("worse still", now=8) is None and registry.champion().name == "evscale-bundled"
    card = registry.card(first)
    assert (card["created_ms"], card["parent"], card["details"]) == (1_767_571_200_000, None, {"loss": {"after": 0.25}, "pools": ["a"]})
    assert [(step["kind"], step["to"], step["at_ms"]) for step in registry.stages()["history"]] == [
        ("promoted", 1, 5), ("promoted", 2, 6), ("rolled_back", 1, 7), ("rolled_back", None, 8)]
    assert {"entry": "name", "before": "one", "after": "two"} in registry.diff(first, second)["manifest"]
    assert registry.files(first)["policy.onnx"] == ModelBundle.bundled_files()["policy.onnx"]


def test_the_folder_of_a_version_is_a_bundle(registry, bundle, tmp_path):
    registry.add(bundle)
    assert ModelBundle.load(tmp_path / "registry/versions/0001").name == "evscale-bundled"


def test_what_does_not_load_is_not_added(registry, bundle):
    (bundle / "policy.onnx").write_bytes(b"no network")
    with pytest.raises(BundleError, match=r"policy\.onnx"):
        registry.add(bundle)
    assert registry.versions() == []


def test_damage_is_named_and_nothing_damaged_is_loaded_or_promoted(registry, bundle, tmp_path):
    version = registry.add(bundle)
    path = tmp_path / "registry/versions/0001/forecaster.onnx"
    sound = path.read_bytes()
    path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    for call in (lambda: registry.load(version), lambda: registry.promote(version, "r"), lambda: registry.files(version)):
        with pytest.raises(BundleError, match=r"0001/forecaster\.onnx"):
            call()
    found, = registry.verify()
    assert not found["ok"] and "forecaster.onnx" in found["problem"]
    path.write_bytes(sound)
    assert registry.verify(version)[0]["ok"]


def test_a_signed_bundle_stays_signed(registry, bundle):
    signature = evscale._evscale.sign_manifest((bundle / "manifest.json").read_bytes(), SEED)
    (bundle / "manifest.sig").write_bytes(signature)
    key = evscale._evscale.public_key_of(SEED)
    registry.promote(registry.add(bundle), "signed")
    evscale.Autoscaler(evscale.Config(bundle_public_key=key), registry.champion(key))
    with pytest.raises(BundleError, match="sign"):
        registry.champion(evscale._evscale.public_key_of("08" * 32))
    (bundle / "manifest.sig").unlink()
    registry.promote(registry.add(bundle), "not signed")
    with pytest.raises(BundleError, match="sign"):
        registry.champion(key)


def shell(capsys, *arguments):
    code = main([str(one) for one in arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_the_shell_does_what_the_class_does(bundle, tmp_path, capsys):
    where = ("--registry", tmp_path / "r")

    def models(action, *arguments):
        code, out, err = shell(capsys, "models", action, *arguments, *where, "--json")
        assert code == 0, err
        return json.loads(out)

    assert models("add", named(bundle, "one"), "--reason", "from the lab") == {"version": 1}
    assert models("add", named(bundle, "two")) == {"version": 2}
    assert models("promote", 2, "--reason", "it is better") == {"champion": 2, "pinned": None}
    assert models("list")["versions"][1]["stage"] == "champion"
    assert models("show", 1)["details"]["note"] == "from the lab"
    assert models("show", 2)["history"][0]["reason"] == "it is better"
    assert {"entry": "name", "before": "one", "after": "two"} in models("diff", 1, 2)["manifest"]
    assert models("pin", "--reason", "the sale")["pinned"]["reason"] == "the sale"
    code, _, err = shell(capsys, "models", "rollback", *where)
    assert code == 2 and "the sale" in err and "unpin" in err
    models("unpin")
    assert models("rollback") == {"champion": None, "pinned": None}
    assert models("verify")["ok"] and models("prune", "--keep", 1) == {"removed": [1], "versions": [2]}
    assert shell(capsys, "models", "list", *where)[1].startswith("champion: the bundled models\n")
    assert "version 2, candidate" in shell(capsys, "models", "show", "2", *where)[1]
    (tmp_path / "r/versions/0002/policy.onnx").write_bytes(b"x")
    code, out, _ = shell(capsys, "models", "verify", *where)
    assert code == 1 and "DAMAGED    version 2" in out


@pytest.mark.parametrize(("arguments", "words"), [
    (("list",), ("no registry", "evscale retrain")), (("show",), ("models show got 0 arguments", "1 VERSION")),
    (("diff", "1"), ("expected 2 VERSION",)), (("rollback", "3"), ("expected none",)),
])
def test_the_shell_says_what_it_expected(arguments, words, tmp_path, capsys):
    code, _, err = shell(capsys, "models", *arguments, "--registry", tmp_path / "absent")
    assert code == 2 and all(word in err for word in words), err
    assert not (tmp_path / "absent").exists()


def test_a_version_that_is_no_number_or_not_there_is_named(registry, bundle, tmp_path, capsys):
    registry.add(bundle)
    for what, word in (("one", "models list"), ("7", "newest first: 1")):
        code, _, err = shell(capsys, "models", "promote", what, "--registry", tmp_path / "registry")
        assert code == 2 and word in err, err


def test_backtest_decide_and_verify_take_the_champion(registry, bundle, tmp_path, capsys, monkeypatch):
    broken = named(bundle, "champ")
    registry.promote(registry.add(broken), "r")
    where = f"registry:{tmp_path / 'registry'}"
    code, out, _ = shell(capsys, "verify", "--bundle", where)
    assert code == 0 and "champ" in out
    trace = tmp_path / "trace.csv"
    trace.write_text("timestamp,events\n" + "".join(f"2026-01-05T{i // 6:02d}:{i % 6 * 10:02d}:00Z,{100 + i % 50}\n" for i in range(144)))
    code, out, err = shell(capsys, "backtest", trace, "--bundle", where, "--json")
    assert code == 0 and json.loads(out)["scores"], err
    (tmp_path / "registry/versions/0001/policy.onnx").write_bytes(b"x")
    for command in (("backtest", trace), ("decide",)):
        code, _, err = shell(capsys, *command, "--bundle", where)
        assert code == 2 and "policy.onnx" in err, "the champion is what is loaded"


def judged(loss=0.8, **pools):
    return Judged(loss, {name: Outcome(*outcome) for name, outcome in pools.items()})


def test_a_worse_bundle_is_objected_to_and_a_better_one_is_not():
    before = judged(a=(100_000, 500, 1000), b=(100_000, 500, 1000))
    assert objections(before, judged(0.79, a=(100_000, 490, 990), b=(100_000, 510, 1005))) == []
    for worse, word in [
        (judged(0.8, a=(100_000, 500, 1000), b=(100_000, 500, 1000)), "loss"),
        (judged(float("nan"), a=(100_000, 500, 1000), b=(100_000, 500, 1000)), "loss"),
        (judged(0.7, a=(100_000, 300, 1000), b=(1_000, 9, 1000)), "0.600 % of the events of a pool, on average, would"),
        (judged(0.7, a=(100_000, 500, 1000), b=(100_000, 500, 1030)), "2030.0 job-hours"),
        (judged(0.7, a=(300_000, 0, 1000), b=(100_000, 1001, 1000)), "1.001 % of the events of b would"),
    ]:
        found = objections(before, worse)
        assert len(found) == 1 and word in found[0] and "expected" in found[0], found
    both = objections(before, judged(0.7, a=(100_000, 600, 1000), b=(100_000, 500, 1000)))
    assert [one.split(" would")[0] for one in both] == ["0.550 % of all events", "0.550 % of the events of a pool, on average,"]


def test_a_policy_is_judged_by_what_its_decisions_cost():
    config = evscale.Config(sla_target=0.995)
    before = judged(a=(100_000, 500, 1000), b=(100_000, 500, 10))  # a used-up budget is worth 500 and 5 job-hours
    dear = judged(a=(100_000, 500, 1300), b=(100_000, 500, 13))
    assert policy_objections(before, judged(a=(100_000, 490, 1000), b=(100_000, 500, 10)), dear, config) == []
    for worse, rule, share in [
        (before, dear, "0.00 % more than before"),
        (judged(a=(100_000, 500, 1005), b=(100_000, 500, 9.99)), dear, "0.13 % more than before"),
        (judged(a=(100_000, 500, 970), b=(100_000, 500, 12)), dear, "4.00 % more than before"),  # pools weigh the same, a tenth at most
        (judged(a=(100_000, 490, 1000), b=(100_000, 490, 10)), judged(a=(100_000, 480, 1000), b=(100_000, 480, 10)), "0.67 % more than by the"),
    ]:
        found = policy_objections(before, worse, rule, config)
        assert len(found) == 1 and share in found[0], found
    late = policy_objections(before, judged(a=(100_000, 600, 800), b=(100_000, 500, 10)), dear, config)
    assert any("late" in one for one in late), "cheaper, and later than allowed"
    priced = evscale.Config(late_event_price=2.0, job_hour_price=4.0)
    assert late_price(Outcome(1, 1, 1), priced) == 0.5


def test_decisions_are_those_of_the_held_back_part():
    start, events = evscale._evscale.random_workload(5, 12.0, 600)
    history = evscale.History(int(start), 600, events)
    first = len(events) - 2 * 144
    config = evscale.Config(service_time_ms=500.0)
    found = decisions({"a": history}, {"a": first}, ModelBundle.bundled(), config)["a"]
    assert found.events == pytest.approx(float(events[first:].sum()), rel=1e-9)
    whole = evscale.backtest(history, config, baselines=False).evscale.rows
    hours = whole["jobs"][-288:].sum() / 6
    assert found.job_hours == pytest.approx(hours, rel=0.05), "a week of warm-up decides as the whole history"
    assert 0 <= found.late <= found.events


def test_retrain_refuses_before_it_works(tmp_path, capsys):
    code, _, err = shell(capsys, "retrain", "--source", "x.csv", "--registry", tmp_path / "r", "--resume")
    assert code == 2 and "--checkpoints" in err
    code, _, err = shell(capsys, "retrain", "--source", "x.csv", "--registry", tmp_path / "r", "--minutes", "0")
    assert code == 2 and "--minutes got 0" in err
    assert not Path(tmp_path / "r").exists()
