"""Models beside those of the library: tried in the shadow, promoted, rolled back, and the same after a SIGKILL."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import ROOT, Server, records

Serve = Callable[..., Server]
BECAUSE = {"reason": "by hand"}


def add_version(registry: Path, version: int, name: str, parent: int | None = None) -> None:
    """Adds the library's own networks to a registry under another name, in the format that `docs/lifecycle.md` describes."""
    folder = registry / f"versions/{version:04}"
    folder.mkdir(parents=True)
    files = {path.name: path.read_bytes() for path in (ROOT / "models/onnx").iterdir() if path.name != "MODEL_CARD.md"}
    manifest = json.loads(files["manifest.json"])
    files["manifest.json"] = json.dumps({**manifest, "name": name}, sort_keys=True).encode()
    for file, content in files.items():
        (folder / file).write_bytes(content)
    sums = {file: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for file, content in files.items()}
    card = {"format_version": 1, "version": version, "parent": parent, "created_ms": 1_767_225_600_000, "details": {"pools": 3}, "files": sums}
    body = json.dumps(card, indent=2).removesuffix("\n}")
    (folder / "card.json").write_text(f'{body},\n  "checksum": "{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n')


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    add_version(folder, 1, "first")
    return folder


def with_registry(registry: Path) -> str:
    return f'[pools.a]\nmax_jobs = 40\n[pools.b]\n[models]\nregistry = "{registry}"\n[storage]\nsnapshot_every_records = 7\n'


def test_a_version_is_tried_promoted_and_taken_back_and_a_kill_changes_nothing(serve: Serve, registry: Path) -> None:
    server = serve(with_registry(registry))
    for record in records(1, 30):
        server.expect("POST", "/pools/a/update_metrics", record)
    assert server.expect("GET", "/pools/a/models") is None
    server.expect("POST", "/pools/a/models/challenge", {"version": 1})
    tried = server.expect("GET", "/pools/a/models")
    assert tried["challenger"].startswith("first ") and tried["comparison"] is not None
    assert server.expect("GET", "/pools/b/models") is None, "other pools try nothing"
    for record in records(1, 10, first=30):
        server.expect("POST", "/pools/a/update_metrics", record)
    server.expect("POST", "/pools/a/models/promote", BECAUSE)
    promoted = server.expect("GET", "/pools/a/models")
    assert (promoted["champion"], promoted["predecessor"]) == (tried["challenger"], tried["champion"])
    for record in records(1, 10, first=40):
        server.expect("POST", "/pools/a/update_metrics", record)
    before = [server.raw("GET", f"/pools/a/{path}")[2] for path in ("models", "forecast", "scaling_decision", "learned")]
    server.kill()
    server.start()
    assert before == [server.raw("GET", f"/pools/a/{path}")[2] for path in ("models", "forecast", "scaling_decision", "learned")]
    server.expect("POST", "/pools/a/models/rollback", BECAUSE)
    back = server.expect("GET", "/pools/a/models")
    assert back["champion"] == tried["champion"] and back["events"][-1]["reason"].startswith("by hand")
    server.expect("POST", "/pools/a/models/end", BECAUSE)
    assert server.expect("GET", "/pools/a/models")["predecessor"] is None
    actions = [row["action"] for row in server.expect("GET", "/audit?limit=5")]
    assert actions[:4] == ["end_challenge", "roll_back", "promote", "challenge"]


def test_pinned_models_are_neither_promoted_nor_rolled_back(serve: Serve, registry: Path) -> None:
    server = serve(with_registry(registry))
    server.expect("POST", "/pools/a/update_metrics", records(1, 1)[0])
    server.expect("POST", "/pools/a/models/challenge", {"version": 1})
    server.expect("PUT", "/pools/a/models/pin", {"reason": "until the audit"})
    refused = server.expect("POST", "/pools/a/models/promote", BECAUSE, 400)
    assert "until the audit" in refused["error"]["message"]
    server.expect("PUT", "/pools/a/models/pin", {"reason": None})
    server.expect("POST", "/pools/a/models/promote", BECAUSE)


def test_versions_are_listed_and_a_new_one_needs_no_restart(serve: Serve, registry: Path) -> None:
    server = serve(with_registry(registry))
    listed = server.expect("GET", "/models")
    assert [(version["version"], version["champion"], version["details"]) for version in listed] == [(1, False, {"pools": 3})]
    server.expect("POST", "/pools/a/models/challenge", {"version": 2}, 404)
    add_version(registry, 2, "second", parent=1)
    assert [version["parent"] for version in server.expect("GET", "/models")] == [None, 1]
    server.expect("POST", "/pools/a/models/challenge", {"version": 2})
    assert server.expect("GET", "/pools/a/models")["challenger"].startswith("second ")


def test_what_cannot_be_tried_is_refused(serve: Serve, registry: Path) -> None:
    server = serve(with_registry(registry))
    (registry / "versions/0001/policy.onnx").write_bytes(b"damaged")
    status, answer = server.ask("POST", "/pools/a/models/challenge", {"version": 1})
    assert (status, answer["error"]["kind"]) == (503, "registry_damaged") and "policy.onnx" in answer["error"]["message"]
    for path, body, status in [("challenge", {"version": 9}, 404), ("challenge", {"version": -1}, 400), ("promote", BECAUSE, 400),
                               ("promote", {"reason": ""}, 400), ("rollback", BECAUSE, 400), ("promote", {}, 400)]:
        assert server.ask("POST", f"/pools/a/models/{path}", body)[0] == status, (path, body)
    (registry.parent / "empty").mkdir()
    empty = serve(with_registry(registry.parent / "empty"), "empty")
    status, answer = empty.ask("POST", "/pools/a/models/challenge", {"version": 1})
    assert (status, answer["error"]["kind"]) == (409, "no_registry") and "evscale retrain" in answer["error"]["message"]
    without = serve("[pools.a]\n", "without")
    assert without.ask("GET", "/models")[1]["error"]["kind"] == "no_registry"
    assert without.ask("POST", "/pools/a/models/challenge", {"version": 1})[0] == 409


def test_a_version_that_is_not_signed_is_refused_where_a_signature_is_asked_for(serve: Serve, registry: Path) -> None:
    server = serve(with_registry(registry).replace("[models]", f'[models]\npublic_key = "{"0f" * 32}"'))
    status, answer = server.ask("POST", "/pools/a/models/challenge", {"version": 1})
    assert (status, answer["error"]["kind"]) == (409, "not_signed")


def test_a_start_without_the_models_that_a_pool_tried_goes_on_and_tells(serve: Serve, registry: Path) -> None:
    server = serve(with_registry(registry))
    server.expect("POST", "/pools/a/update_metrics", records(1, 1)[0])
    server.expect("POST", "/pools/a/models/challenge", {"version": 1})
    server.kill()
    shutil.rmtree(registry / "versions/0001")
    server.start()
    assert "models that the pool tried are not known any more" in server.said()
    server.expect("POST", "/pools/a/update_metrics", records(1, 2)[1])
