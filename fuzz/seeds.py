"""Writes the seeds of the fuzz targets into fuzz/corpus/, from the fixtures and models of the repository."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
FIXTURES = ROOT / "evscale-core" / "tests" / "fixtures"


def write(target: str, name: str, data: bytes | str) -> None:
    """One seed."""
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def records() -> None:
    """Streams of choices: the upper bits of every number are drawn from two bytes."""
    rng = random.Random(1)
    for size in (64, 128, 512, 1024, 2048):
        write("records", f"random_{size}", rng.randbytes(size))
    write("records", "ordinary", bytes(1024))
    write("records", "highest", b"\xff\x9f" * 256)


def config() -> None:
    """Every key at its default, at its ends, and combinations."""
    everything = {
        "interval_seconds": 60, "decision_interval_seconds": 120, "min_jobs": 2, "max_jobs": 60, "job_startup_seconds": 90,
        "sla_wait_seconds": 5.5, "sla_target": 0.99, "target_utilization": 0.8, "service_time_ms": 250.0,
        "time_zone": "Europe/Berlin", "holidays": ["2026-12-25", "2027-01-01"], "tolerance": 0.1,
        "scale_down_stabilization_seconds": 600, "max_step_up_percent": 200.0, "max_step_up_jobs": 8,
        "max_step_down_percent": 30.0, "max_step_down_jobs": 3, "cooldown_up_seconds": 60, "cooldown_down_seconds": 600,
        "flap_window_seconds": 3600, "max_reversals": 4, "scale_down_quantile": 0.95, "job_hours_per_day": 900.0,
        "stale_after_seconds": 300, "stale_action": "hold", "stale_fail_safe_seconds": 900, "fail_safe_jobs": 20,
        "emergency_quantile": 0.7, "emergency_tolerance": 0.2, "emergency_in_maintenance": False, "pause": "down", "mode": "advise",
        "drain_busy_jobs": True, "latency_budget_ms": 50.0, "bundle_public_key": "0" * 64, "use_networks": False,
    }
    write("config", "empty", "{}")
    write("config", "everything", json.dumps(everything))
    write("config", "jobs", json.dumps({"min_jobs": 5, "max_jobs": 1_000_000, "job_hours_per_day": 1e9}))
    write("config", "slow", json.dumps({"interval_seconds": 3600, "decision_interval_seconds": 86_400}))
    write("config", "fast", json.dumps({"interval_seconds": 10, "decision_interval_seconds": 10, "pause": "all"}))
    write("config", "zone", json.dumps({"time_zone": "Pacific/Apia", "holidays": ["-009999-01-01"]}))
    write("config", "escapes", '{"time_zone": "\\u0055TC", "stale_action": "fail_safe", "service_time_ms": null}')


def manifest() -> None:
    """The bundled manifest, one without notes, and one of another format."""
    text = (ROOT / "models" / "onnx" / "manifest.json").read_text()
    whole = json.loads(text)
    write("manifest", "bundled", text)
    small = {**whole, "training": {}, "results": {}}
    write("manifest", "small", json.dumps(small, separators=(",", ":")))
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for part in ("forecaster", "policy"):
        small[part] = {**small[part], "sha256": empty}
    write("manifest", "of_empty_files", json.dumps(small, separators=(",", ":")))
    write("manifest", "newer", '{"format_version": 2}')
    write("manifest", "nested", '{"format_version": 1, "training": ' + "[" * 100 + "]" * 100 + "}")


def snapshot() -> None:
    """The fixture of the one format that is read, its header alone, and a part of it."""
    data = (FIXTURES / "snapshot.bin").read_bytes()
    write("snapshot", "kept", data)
    write("snapshot", "header", data[:14])
    write("snapshot", "cut", data[:2000])


def onnx() -> None:
    """Small networks: healthy, broken on purpose, hostile, and with recurrent layers."""
    for path in sorted((FIXTURES / "hostile").glob("*.onnx")):
        if path.stem in ("dimension_names", "doubled"):  # large, or slow until it is refused
            continue
        shutil.copy(path, HERE / "corpus" / "onnx" / f"hostile_{path.name}")
    for path in sorted((FIXTURES / "broken").glob("*.onnx")):
        shutil.copy(path, HERE / "corpus" / "onnx" / path.name)
    for name in ("actor", "actor_random", "actor_f64", "long_memory_gru", "long_memory_lstm"):
        shutil.copy(FIXTURES / f"{name}.onnx", HERE / "corpus" / "onnx" / f"{name}.onnx")


def csv() -> None:
    """Histories as people have them."""
    rows = [(f"2026-01-05T00:{2 * i:02}:00Z", 5 + i) for i in range(6)]
    plain = "timestamp,events\n" + "".join(f"{at},{count}\n" for at, count in rows)
    write("csv", "plain", plain)
    write("csv", "gap", "".join(plain.splitlines(keepends=True)[:3]) + f"{rows[5][0]},9\n")
    write("csv", "windows", "\ufeff" + plain.replace("\n", "\r\n"))
    write("csv", "millis", "ds,y\n" + "".join(f"{1_767_571_200_000 + 120_000 * i},{i}.5\n" for i in range(4)))
    write("csv", "offset", plain.replace("Z", "+01:00").replace("timestamp,events\n", "timestamp,events\n\n"))
    write("csv", "local", plain.replace("Z", "").replace("T", " "))
    names = "timestamp,logged_events_count,current_job_count,average_processing_duration_ms,is_deploy_in_progress\n"
    write("csv", "records", names + "".join(f"{at},{count},4,{400 + count},{'true' if count > 8 else ''}\n" for at, count in rows))
    write("csv", "quoted", '"timestamp","events","note"\n' + "".join(f'"{at}","{count}","a, ""b""\nc"\n' for at, count in rows))
    write("csv", "ends", "timestamp,events\n1900-01-01T00:00:00Z,0\n1900-01-01T01:00:00Z,1e15\n1900-01-01T02:00:00Z,1\n")


if __name__ == "__main__":
    (HERE / "corpus" / "onnx").mkdir(parents=True, exist_ok=True)
    for make in (records, config, manifest, snapshot, onnx, csv):
        make()
