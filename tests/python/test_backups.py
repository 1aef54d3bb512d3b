"""Everything is destroyed and brought back, and decisions go on bit for bit; what is damaged, foreign or hostile is refused."""

import hashlib
import io
import json
import os
import random
import shutil
import sqlite3
import tarfile
import threading
import time
from pathlib import Path

import evscale
import pytest
import support
from evscale import ArgumentError, Autoscaler, Config, ModelBundle, PoolModels, Registry, save_snapshot
from evscale.__main__ import main
from evscale.backups import MANIFEST, back_up, check, restore
from evscale.demo_lifecycle import disturbed
from evscale.distributed import DistributedFleet, Processes
from support import killed_after, kills

CONFIG = Config(max_jobs=60)
OTHER = disturbed(0.1, 3, "other")


def live(scaler, first, last):
    """What a pool decides in some intervals."""
    out = []
    for index in range(first, last):
        scaler.observe(support.record(index, logged_events_count=2000 + 54 * (index * 7919 % 13), current_job_count=8 + index % 3))
        out.append(scaler.decide().to_json())
    return out


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def bundle_folder(path):
    path.mkdir()
    for name, content in ModelBundle.bundled_files().items():
        (path / name).write_bytes(content)
    return path


@pytest.fixture
def service(tmp_path):
    """A registry with a champion, a configuration, and the state of a pool that tries that champion."""
    home = tmp_path / "home"
    home.mkdir()
    registry = Registry(home / "models", create=True)
    manifest = json.loads(ModelBundle.bundled_files()["manifest.json"])
    folder = bundle_folder(tmp_path / "bundle")
    for version in ("a", "b"):
        (folder / "manifest.json").write_text(json.dumps(manifest | {"version": version}))
        registry.add(folder, details={"seed": 1})
    registry.promote(2, "better on the held-back days")
    registry.pin("an audit")
    (home / "pool.json").write_text(json.dumps({"max_jobs": 60}))
    scaler = Autoscaler(CONFIG)
    scaler.models.challenge(registry.champion())
    live(scaler, 0, 40)
    scaler.models.promote("now")
    live(scaler, 40, 60)
    save_snapshot(scaler, home / "orders.snapshot")
    return home


def archived(service, path, **more):
    back_up(path, registry=service / "models", config=[service / "pool.json"], state=[service / "orders.snapshot"], **more)
    return path


def test_what_was_destroyed_comes_back_and_decides_on_bit_for_bit(service, tmp_path):
    before = files_of(service / "models")
    scaler = PoolModels.restore(CONFIG, (service / "orders.snapshot").read_bytes(), [ModelBundle.bundled(), Registry(service / "models").champion()])
    undisturbed = live(scaler, 60, 90)
    archive = archived(service, tmp_path / "friday.tar")
    assert oct(archive.stat().st_mode & 0o777) == "0o600"
    shutil.rmtree(service)
    told = restore(archive, tmp_path / "again")
    assert {one["name"].split("/")[0] for one in told["files"]} == {"registry", "config", "state"}
    again = tmp_path / "again"
    assert files_of(again / "registry") == {name: content for name, content in before.items() if name != "lock"}
    registry = Registry(again / "registry")
    assert (registry.stages()["champion"], registry.stages()["pinned"]["reason"]) == (2, "an audit")
    config = Config(**json.loads((again / "config/pool.json").read_text()))
    back = PoolModels.restore(config, (again / "state/orders.snapshot").read_bytes(), [ModelBundle.bundled(), registry.champion()])
    assert back.models.status()["champion"].startswith("evscale-bundled b")
    assert live(back, 60, 90) == undisturbed
    assert back.snapshot() == scaler.snapshot()


def test_a_distributed_fleet_goes_on_from_an_archive_of_its_folder(tmp_path):
    keys = [f"pool-{pool}" for pool in range(6)]

    def tick(fleet, step):
        events = [1000.0 + 100 * int(key[-1]) + step for key in fleet.keys]
        fleet.tick(support.START_MS + 120_000 * step, {"logged_events_count": events, "current_job_count": 9.0, "average_processing_duration_ms": 500.0})
        return fleet.decisions()

    with DistributedFleet(Processes(), tmp_path / "fleet", actors=2, snapshot_every=7) as fleet:
        fleet.add(keys, CONFIG)
        for step in range(20):
            tick(fleet, step)
        back_up(tmp_path / "fleet.tar", state=[tmp_path / "fleet"])
        expected = [tick(fleet, step) for step in range(20, 25)]
    shutil.rmtree(tmp_path / "fleet")
    restore(tmp_path / "fleet.tar", tmp_path / "back")
    with DistributedFleet(Processes(), tmp_path / "back/state/fleet", actors=2) as fleet:
        assert [tick(fleet, step) for step in range(20, 25)] == expected


def test_nothing_is_overwritten_without_being_told(service, tmp_path):
    archive = archived(service, tmp_path / "a.tar")
    with pytest.raises(ArgumentError, match=r"a\.tar: is there already"):
        archived(service, archive)
    archived(service, archive, overwrite=True)
    there = tmp_path / "there"
    there.mkdir()
    restore(archive, there)
    (there / "state/orders.snapshot").write_bytes(b"newer")
    with pytest.raises(ArgumentError, match="holds something already"):
        restore(archive, there)
    assert (there / "state/orders.snapshot").read_bytes() == b"newer"
    restore(archive, there, replace=True)
    assert (tmp_path / "there.before/state/orders.snapshot").read_bytes() == b"newer"
    assert (there / "state/orders.snapshot").read_bytes() == (service / "orders.snapshot").read_bytes()
    with pytest.raises(ArgumentError, match=r"there\.before: is there from an earlier restore"):
        restore(archive, there, replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "bundle", "home", "there", "there.before"], "nothing half is left"


def test_every_damage_is_found_and_nothing_is_written_then(service, tmp_path):
    archive = tmp_path / "a.tar"
    back_up(archive, config=[service / "pool.json"], state=[service / "orders.snapshot"], registry=service / "models", now_ms=0)
    sound = archive.read_bytes()
    with tarfile.open(archive) as tar:
        members = {member.name: member for member in tar}
    assert list(members)[-1] == MANIFEST
    contents = [place for member in members.values() for place in (member.offset_data, member.offset_data + member.size - 1)]
    places = random.Random(1).sample(range(members[MANIFEST].offset_data + members[MANIFEST].size), 60)
    for place in [*contents, *(place for place in places if any(0 <= place - one.offset_data < one.size for one in members.values()))]:
        archive.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1:])
        with pytest.raises(ArgumentError, match=r"damaged|expected"):
            restore(archive, tmp_path / "into")
    whole = members[MANIFEST].offset_data + members[MANIFEST].size
    for length in [0, 1, 511, 512, *random.Random(2).sample(range(512, whole), 40), whole - 1]:
        archive.write_bytes(sound[:length])
        with pytest.raises(ArgumentError):
            check(archive)
    assert not (tmp_path / "into").exists() and not list(tmp_path.glob(".*"))
    archive.write_bytes(sound)
    assert check(archive)["created_ms"] == 0


def packed(path, *members, manifest=True):
    """An archive as an attacker makes it, whose manifest tells of just these members."""
    told = []
    with tarfile.open(path, "w") as tar:
        for name, content, *kind in members:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            if kind:
                member.type, member.linkname, member.size = kind[0], "/etc/passwd", 0
            tar.addfile(member, io.BytesIO(content))
            told.append({"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "mode": 0o644})
        if manifest:
            text = {"format_version": 1, "evscale_version": "0", "created_ms": 0, "files": told}
            sealed = json.dumps({**text, "sha256": hashlib.sha256(json.dumps(text, indent=1).encode()).hexdigest()}, indent=1).encode()
            member = tarfile.TarInfo(MANIFEST)
            member.size = len(sealed)
            tar.addfile(member, io.BytesIO(sealed))
    return path


@pytest.mark.parametrize("name", ["../x", "/tmp/evscale-x", "state/../../x", "state/./x", "state//x", "elsewhere/x", "state", "..", "", "config/.."])
def test_names_outside_the_folder_are_refused(name, tmp_path):
    archive = packed(tmp_path / "a.tar", ("state/sound", b"1"), (name, b"evil"))
    with pytest.raises(ArgumentError, match="expected"):
        restore(archive, tmp_path / "deep/into")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar", "deep"] and not Path("/tmp/evscale-x").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_SPARSE])
def test_what_is_no_regular_file_is_refused(kind, tmp_path):
    archive = packed(tmp_path / "a.tar", ("state/x", b"", kind))
    with pytest.raises(ArgumentError):
        restore(archive, tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_foreign_and_lying_archives_are_refused(service, tmp_path):
    sound = packed(tmp_path / "sound.tar", ("state/x", b"1"))
    assert check(sound)["files"][0]["name"] == "state/x"
    for name, members in (("twice", [("state/x", b"1"), ("state/x", b"1")]), ("file and folder", [("state/x", b"1"), ("state/x/y", b"1")])):
        with pytest.raises((ArgumentError, OSError)):
            restore(packed(tmp_path / f"{name}.tar", *members), tmp_path / "into")
    with pytest.raises(ArgumentError, match=f"does not end with {MANIFEST}"):
        check(packed(tmp_path / "none.tar", ("state/x", b"1"), manifest=False))
    (tmp_path / "later.tar").write_bytes(sound.read_bytes().replace(b'"format_version": 1', b'"format_version": 2'))
    with pytest.raises(ArgumentError, match="is damaged"):
        check(tmp_path / "later.tar")
    for content in (b"", b"PK\3\4", b"\x1f\x8b" + bytes(600), os.urandom(4096), bytes(10240)):
        (tmp_path / "foreign").write_bytes(content)
        with pytest.raises(ArgumentError):
            restore(tmp_path / "foreign", tmp_path / "into")
    with pytest.raises(FileNotFoundError):
        check(tmp_path / "absent.tar")
    with pytest.raises(ArgumentError, match="no regular file"):
        check(tmp_path)
    assert not (tmp_path / "into").exists()


def test_what_cannot_be_backed_up_is_named(service, tmp_path):
    with pytest.raises(ArgumentError, match="a backup of nothing"):
        back_up(tmp_path / "a.tar")
    with pytest.raises(ArgumentError, match="absent: is not there"):
        back_up(tmp_path / "a.tar", state=[service / "absent"])
    with pytest.raises(ArgumentError, match="another folder"):
        back_up(service / "a.tar", state=[service])
    (tmp_path / "pool.json").write_text("{}")
    with pytest.raises(ArgumentError, match="names that differ"):
        back_up(tmp_path / "a.tar", config=[service / "pool.json", tmp_path / "pool.json"])
    (service / "link").symlink_to("/etc/passwd")
    with pytest.raises(ArgumentError, match="symbolic link"):
        back_up(tmp_path / "a.tar", state=[service])
    with pytest.raises(ArgumentError, match="no registry"):
        back_up(tmp_path / "a.tar", registry=service)
    policy = service / "models/versions/0001/policy.onnx"
    policy.write_bytes(policy.read_bytes()[:-1])
    with pytest.raises(ArgumentError, match="version 1 is damaged"):
        back_up(tmp_path / "a.tar", registry=service / "models")
    assert not (tmp_path / "a.tar").exists() and not list(tmp_path.glob(".*"))


def test_writers_go_on_while_an_archive_is_made(service, tmp_path):
    database = sqlite3.connect(service / "evscale.db", check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE records (number INTEGER, twice INTEGER)")
    database.commit()
    stop, written = threading.Event(), 0

    def write():
        nonlocal written
        scaler = evscale.load_snapshot(service / "orders.snapshot", CONFIG)
        while not stop.is_set():
            written += 1
            database.execute("INSERT INTO records VALUES (?, ?)", (written, 2 * written))
            database.commit()
            save_snapshot(scaler, service / "orders.snapshot")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(10):
            back_up(tmp_path / f"{number}.tar", registry=service / "models", state=[service / "evscale.db", service / "orders.snapshot"])
    finally:
        stop.set()
        writer.join()
    for number in range(10):
        restore(tmp_path / f"{number}.tar", tmp_path / str(number))
        state = tmp_path / str(number) / "state"
        assert sorted(path.name for path in state.iterdir()) == ["evscale.db", "orders.snapshot"]
        rows = sqlite3.connect(state / "evscale.db").execute("SELECT * FROM records ORDER BY number").fetchall()
        assert rows == [(one + 1, 2 * one + 2) for one in range(len(rows))]
        evscale.load_snapshot(state / "orders.snapshot", CONFIG)
    assert written > 10 and len(rows) > 0


def test_a_registry_that_changes_meanwhile_is_read_again(service, tmp_path, monkeypatch):
    registry, changes = Registry(service / "models"), iter([1, 2])
    from evscale import backups

    whole = backups._Archive._add

    def add(self, tar, name, path, created_ms):
        if name.endswith("stages.json") and next(changes, None):
            registry.unpin("over")
            registry.pin("another audit")
        return whole(self, tar, name, path, created_ms)

    monkeypatch.setattr(backups._Archive, "_add", add)
    back_up(tmp_path / "a.tar", registry=service / "models")
    assert next(changes, None) is None
    restore(tmp_path / "a.tar", tmp_path / "into")
    assert Registry(tmp_path / "into/registry").stages() == registry.stages()
    monkeypatch.setattr(backups._Archive, "_add", lambda *_: (_ for _ in ()).throw(backups._Changed))
    with pytest.raises(ArgumentError, match="change faster"):
        back_up(tmp_path / "b.tar", registry=service / "models")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_leaves_a_whole_archive_and_a_whole_folder_or_none(service, tmp_path):
    archive, into, before, moments = tmp_path / "a.tar", tmp_path / "into", tmp_path / "into.before", random.Random(3)
    expected = archived(service, tmp_path / "sound.tar", now_ms=0).read_bytes()

    def over_and_over(tell):
        while True:
            archived(service, archive, overwrite=True, now_ms=0)
            restore(archive, into, replace=True)
            before.rename(tmp_path / f"old-{os.getpid()}-{time.monotonic_ns()}")
            tell(1)

    restore(archived(service, archive), into)
    began = time.monotonic()
    archived(service, archive, overwrite=True, now_ms=0)
    restore(archive, tmp_path / "once")
    whole, restored = time.monotonic() - began, 0
    for kill in range(kills()):
        restored += len(killed_after(moments.uniform(0.0, 2.5 * whole), over_and_over))
        assert archive.read_bytes() == expected, f"kill {kill}"
        assert into.exists() or before.exists(), f"kill {kill}: both are gone"
        for folder in (into, before, *tmp_path.glob("old-*")):
            assert not folder.exists() or len(files_of(folder)) == 11, f"kill {kill}: {folder} has {sorted(files_of(folder))}"
            if folder != into:
                shutil.rmtree(folder, ignore_errors=True)
    assert restored >= kills() // 20
    print(f"{kills()} kills, {restored} restores")


def test_the_shell_backs_up_checks_and_restores(service, tmp_path, capsys):
    archive = str(tmp_path / "a.tar")
    made = ["backup", archive, "--registry", str(service / "models"), "--config", str(service / "pool.json"), "--state", str(service / "orders.snapshot")]
    assert main(made) == 0
    assert "written and read again" in (out := capsys.readouterr().out) and "registry  9 files" in out
    assert main(made) == 2 and "is there already" in capsys.readouterr().err
    assert main([*made, "--overwrite", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) == 11
    assert main(["restore", archive, "--check"]) == 0 and "whole" in capsys.readouterr().out
    assert main(["restore", archive]) == 2 and "--into FOLDER" in capsys.readouterr().err
    assert main(["restore", archive, "--into", str(tmp_path / "into")]) == 0
    assert main(["restore", archive, "--into", str(tmp_path / "into")]) == 2
    assert main(["restore", archive, "--into", str(tmp_path / "into"), "--replace"]) == 0
    assert main(["models", "list", "--registry", str(tmp_path / "into/registry")]) == 0
