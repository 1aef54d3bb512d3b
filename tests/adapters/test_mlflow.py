"""A registry in MLflow, on its store of files."""

import json

import pytest
from evscale import ArgumentError, BundleError, ModelBundle, Registry
from evscale.__main__ import main

pytest.importorskip("mlflow")

from evscale.mlflow_registry import MlflowRegistry


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return (tmp_path / "store").as_uri()


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, content in ModelBundle.bundled_files().items():
        (folder / name).write_bytes(content)
    return folder


def named(bundle, name):
    manifest = json.loads((bundle / "manifest.json").read_text()) | {"name": name}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return bundle


def test_what_one_process_does_another_one_sees(store, bundle):
    one = MlflowRegistry("orders", tracking_uri=store)
    other = MlflowRegistry("orders", tracking_uri=store)
    assert (one.versions(), one.champion().name) == ([], "evscale-bundled")
    first = one.add(named(bundle, "first"), details={"loss": {"after": 0.25}}, now=5)
    assert (first, other.versions(), other.card(1)["details"]) == (1, [1], {"loss": {"after": 0.25}})
    second = other.add(named(bundle, "second"), parent=first)
    other.promote(first, "better")
    one.promote(second, "better still")
    assert MlflowRegistry("orders", tracking_uri=store).champion().name == "second"
    assert other.rollback("worse") == 1 and one.champion().name == "first"
    assert [step["to"] for step in one.stages()["history"]] == [1, 2, 1]
    one.pin("an audit")
    with pytest.raises(ArgumentError, match="an audit"):
        other.promote(second, "now")
    other.unpin("over")
    assert one.rollback("none of them") is None and other.champion().name == "evscale-bundled"
    assert MlflowRegistry("mails", tracking_uri=store).versions() == [], "another model"


def test_mlflow_itself_knows_champion_and_numbers(store, bundle):
    from mlflow import MlflowClient

    registry = MlflowRegistry("orders", tracking_uri=store)
    registry.add(bundle, details={"loss": {"after": {"12_min": 0.25}}, "note": "x"})
    registry.promote(1, "better")
    client = MlflowClient(store, store)
    champion = client.get_model_version_by_alias("orders", "champion")
    assert champion.version in (1, "1") and client.get_run(champion.run_id).data.metrics == {"loss.after.12_min": 0.25}


def test_what_was_damaged_in_mlflow_is_refused(store, bundle, tmp_path):
    MlflowRegistry("orders", tracking_uri=store).add(bundle)
    assert MlflowRegistry("orders", tracking_uri=store).verify()[0]["ok"]
    [network] = (tmp_path / "store").rglob("policy.onnx")
    network.write_bytes(b"x")
    registry = MlflowRegistry("orders", tracking_uri=store)
    assert not registry.verify()[0]["ok"]
    with pytest.raises(BundleError, match=r"policy\.onnx"):
        registry.promote(1, "now")


def test_a_cache_is_a_registry_in_a_folder(store, bundle, tmp_path):
    registry = MlflowRegistry("orders", tracking_uri=store, cache=tmp_path / "cache")
    registry.add(named(bundle, "first"))
    registry.promote(1, "better")
    assert ModelBundle.load(f"registry:{tmp_path / 'cache'}").name == "first"
    assert Registry(tmp_path / "cache").verify()[0]["ok"]
    with pytest.raises(ArgumentError, match="not pruned"):
        registry.prune(1)


def test_versions_of_many_pages_are_all_seen(store, bundle, monkeypatch):
    from mlflow import MlflowClient

    paged = MlflowClient.search_model_versions
    monkeypatch.setattr(MlflowClient, "search_model_versions", lambda *given, **more: paged(*given, **more, max_results=2))
    registry = MlflowRegistry("orders", tracking_uri=store)
    assert [registry.add(bundle) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert MlflowRegistry("orders", tracking_uri=store).versions() == [1, 2, 3, 4, 5]


def test_the_shell_takes_a_model_of_mlflow(store, bundle, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    assert main(["models", "add", str(bundle), "--registry", "mlflow:orders"]) == 0
    assert main(["models", "promote", "1", "--registry", "mlflow:orders", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"champion": 1, "pinned": None}
