"""Decision logs: every row comes back as it was, whoever reads it and whenever the writer is killed."""

import json
import os
import random
import re
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import evscale
import numpy as np
import pytest
import support
from evscale import ArgumentError, History
from evscale.__main__ import main
from evscale.adapters import Driver
from evscale.decision_log import SCHEMA_VERSION, VERSION_KEY, DecisionLog, columns, read_decisions, schema
from support import killed_after, kills

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
ROOT = Path(__file__).parents[2]


def rows(count, **settings):
    """Records and decisions of a pool."""
    scaler = evscale.Autoscaler(evscale.Config(**settings))
    for index in range(count):
        record = support.record(index, logged_events_count=1000 + 100 * index, queued_events_count=float("nan") if index % 2 else None,
                                is_peak_hours=index % 3 == 0)
        scaler.observe(record)
        yield record, scaler.decide()


def written(folder, count, **options):
    """A log with rows of one pool."""
    given = list(rows(count))
    with DecisionLog(folder, **options) as log:
        for record, decision in given:
            log.append(decision, record, pool="orders", models="evscale-bundled 1")
    return given


def test_rows_are_the_records_and_decisions_that_were_appended(tmp_path):
    given = written(tmp_path / "log", 60)
    outcome = {"timestamp": support.START, "started": 3, "ready": 2, "startup_seconds": 91.5, "refused": 1, "drained": 0}
    with DecisionLog(tmp_path / "log") as log:
        log.append(given[-1][1], outcome=outcome)
    table = read_decisions(tmp_path / "log")
    assert table.schema.equals(schema(), check_metadata=True) and table.num_rows == 61
    for row, (record, decision) in zip(table.to_pylist()[:60], given, strict=True):
        assert {name: row[name] for name in ("timestamp", "logged_events_count", "current_job_count", "is_peak_hours")} == {
            name: record[name] for name in ("timestamp", "logged_events_count", "current_job_count", "is_peak_hours")}
        assert row["queued_events_count"] is None, "unknown, and not a number"
        for name in ("recommended_jobs", "current_jobs", "proposed_jobs", "action", "source", "confidence", "emergency", "explanation",
                     "fallback_reason", "decided_at", "valid_until"):
            assert row[name] == getattr(decision, name), name
        assert row["limited_by"] == list(decision.limited_by) and evscale.Decision(row["decision"]) == decision
        assert (row["pool"], row["models"], row["outcome_started"]) == ("orders", "evscale-bundled 1", None)
    last = table.to_pylist()[-1]
    assert {name: last[f"outcome_{name}"] for name in outcome if name != "timestamp"} == {k: v for k, v in outcome.items() if k != "timestamp"}
    assert (last["outcome_at"], last["timestamp"], last["pool"]) == (support.START, None, "")


def test_pandas_polars_and_pyarrow_read_the_folder(tmp_path):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    written(tmp_path, 25, rows_per_file=10)
    assert sorted(path.name for path in tmp_path.glob("d*")) == [f"decisions-00000{number}.parquet" for number in (1, 2, 3)]
    frame = pandas.read_parquet(tmp_path)
    other = polars.read_parquet(str(tmp_path / "*.parquet"))
    own = read_decisions(tmp_path)
    assert list(frame["recommended_jobs"]) == other["recommended_jobs"].to_list() == own["recommended_jobs"].to_pylist()
    assert frame["decided_at"].dt.tz is not None and other.schema["decided_at"] == polars.Datetime("ms", "UTC")
    for path in tmp_path.glob("*.parquet"):
        metadata = pq.read_schema(path).metadata
        assert metadata[VERSION_KEY] == str(SCHEMA_VERSION).encode() and metadata[b"evscale_version"].decode() == evscale.__version__
        assert pq.read_schema(path).field("decided_at").metadata[b"meaning"].decode() == columns()["decided_at"][1]


def test_a_log_is_a_history_for_every_command(tmp_path, capsys):
    given = written(tmp_path / "log", 400)
    assert main(["decisions", str(tmp_path / "log"), "--out", str(tmp_path / "all.parquet"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], list(told["pools"])) == (400, ["orders"])
    history = History.read(tmp_path / "all.parquet", columns={"timestamp": "timestamp", "events": "logged_events_count"})
    assert (len(history.events), history.interval_seconds) == (400, 120)
    assert np.array_equal(history.events, [record["logged_events_count"] for record, _ in given])


def test_files_rotate_and_what_is_open_is_read_too(tmp_path):
    log = DecisionLog(tmp_path, rows_per_file=7)
    given = list(rows(20))
    for count, (record, decision) in enumerate(given, 1):
        log.append(decision, record)
        assert read_decisions(tmp_path).num_rows == count
        assert len(list(tmp_path.glob("*.parquet"))) == count // 7 and len(list(tmp_path.glob("_open*"))) == 1
    with pytest.raises(ArgumentError, match="another process writes"):
        DecisionLog(tmp_path)
    log.close()
    log.close()
    with pytest.raises(ArgumentError, match="closed"):
        log.append(given[0][1])
    assert not list(tmp_path.glob("_open*")) and read_decisions(tmp_path).num_rows == 20
    oldest = min(tmp_path.glob("*.parquet"))
    oldest.unlink()
    with DecisionLog(tmp_path, rows_per_file=7) as again:
        again.append(given[0][1])
    assert read_decisions(tmp_path).num_rows == 14, "old files may go"
    assert not oldest.exists(), "and their numbers are not used again"


def test_a_line_that_was_written_in_part_is_no_row(tmp_path):
    log = DecisionLog(tmp_path)
    (record, decision), *_ = rows(1)
    log.append(decision, record)
    journal = tmp_path / "_open-000001.jsonl"
    whole = journal.read_bytes()
    for length in range(len(whole), 2 * len(whole), 97):
        journal.write_bytes((whole + whole)[:length])
        assert read_decisions(tmp_path).num_rows == 1
    journal.write_bytes(whole + whole)
    assert read_decisions(tmp_path).num_rows == 2
    journal.write_bytes(whole + b"{\n" + whole)
    with pytest.raises(ArgumentError, match=r"_open-000001\.jsonl, line 2"):
        read_decisions(tmp_path)


def test_a_full_disk_leaves_the_rows_before(tmp_path, monkeypatch):
    log = DecisionLog(tmp_path)
    (first, decision), (second, _) = rows(2)
    log.append(decision, first)
    real = os.write

    def full(to, line):
        if to == log._journal:
            real(to, line[: len(line) // 2])
            raise OSError(28, "No space left on device")
        return real(to, line)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        log.append(decision, second)
    monkeypatch.setattr(os, "write", real)
    log.append(decision, second)
    assert read_decisions(tmp_path)["timestamp"].to_pylist() == [first["timestamp"], second["timestamp"]]


def test_what_does_not_fit_is_named_and_no_row(tmp_path):
    (record, decision), *_ = rows(1)
    with DecisionLog(tmp_path) as log:
        for given, part in (({"record": {**record, "queued": 1}}, "unknown field 'queued'"), ({"record": {**record, "busy_jobs": "many"}}, "busy_jobs"),
                            ({"record": {**record, "timestamp": "noon"}}, "timestamp"), ({"outcome": {"begun": 1}}, "begun"),
                            ({"record": {**record, "timestamp": support.START.replace(tzinfo=None)}}, "time zone"), ({"pool": "\ud800"}, "pool")):
            with pytest.raises(ArgumentError, match=re.escape(part)):
                log.append(decision, **given)
        log.append(decision, {**record, "timestamp": "2026-01-05T10:02:00Z"})
        log.append(decision, {**record, "timestamp": 1_767_607_320_000, "classes": {"a": {}}})
    assert read_decisions(tmp_path)["timestamp"].to_pylist() == [support.START + timedelta(minutes=2)] * 2
    with pytest.raises(ArgumentError, match="rows_per_file"):
        DecisionLog(tmp_path, rows_per_file=0)
    with pytest.raises(ArgumentError, match="no decision log"):
        read_decisions(tmp_path / "absent")


def test_other_versions_and_other_files_are_refused(tmp_path):
    written(tmp_path, 3)
    path = tmp_path / "decisions-000001.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({VERSION_KEY: b"2"}), path)
    with pytest.raises(ArgumentError, match="version 2 of the schema, expected 1"):
        read_decisions(tmp_path)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(ArgumentError, match="version none"):
        read_decisions(tmp_path)
    path.write_bytes(b"PAR1nothing")
    with pytest.raises(ArgumentError, match=r"000001\.parquet: .*expected a Parquet file"):
        read_decisions(tmp_path)
    pq.write_table(table.drop_columns(["queue_capacity"]), path)
    assert read_decisions(tmp_path)["queue_capacity"].null_count == 3, "a field that records did not have yet"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_loses_no_row_and_repeats_none(tmp_path):
    (record, decision), *_ = rows(1)

    def append_for_ever(tell):
        with DecisionLog(tmp_path, rows_per_file=23) as log:
            number = read_decisions(tmp_path).num_rows
            while True:
                log.append(decision, {**record, "logged_events_count": number})
                number += 1
                tell(number)

    told, moments = 0, random.Random(4)
    for kill in range(kills()):
        told = max([told, *killed_after(moments.uniform(0.0, 0.1), append_for_ever)])
        found = read_decisions(tmp_path)["logged_events_count"].to_pylist() if list(tmp_path.iterdir()) else []
        assert found == list(range(len(found))), f"kill {kill}"
        assert told <= len(found) <= told + 1, f"kill {kill}: {told} were appended, {len(found)} are there"
        told = len(found)
    assert told > 23 and list(tmp_path.glob("*.parquet"))
    print(f"{kills()} kills, {told} rows")


def test_the_shell_logs_what_it_decides(tmp_path, monkeypatch, capsys):
    lines = [json.dumps({**record, "timestamp": record["timestamp"].isoformat(), "queued_events_count": 0}) for record, _ in rows(30)]
    monkeypatch.setattr(sys, "stdin", StringIO("\n".join([*lines, lines[0]])))
    folder = str(tmp_path / "log")
    assert main(["decide", "--set", "max_jobs=50", "--log", folder, "--pool", "orders"]) == 0
    out, err = capsys.readouterr()
    assert "rejected" in err
    table = read_decisions(folder)
    assert table["decision"].to_pylist() == out.splitlines()[:30], "a rejected record is no row"
    assert set(table["pool"].to_pylist()) == {"orders"} and table["models"][0].as_py().startswith("evscale-bundled ")
    assert main(["decisions", folder]) == 0
    assert re.match(r"orders: 30 rows, 2026-01-05 10:00 UTC to 2026-01-05 10:58 UTC: \d+ decisions, of them \d+ to grow", capsys.readouterr().out)
    assert main(["decisions", folder, "--pool", "mails"]) == 2 and "expected one of `orders`" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", StringIO(""))
    assert main(["decide", "--pool", "orders"]) == 2 and "--log FOLDER" in capsys.readouterr().err


def test_a_driver_logs_its_pool(tmp_path):
    now = 1_767_607_200.0
    with DecisionLog(tmp_path) as log, Driver({"max_jobs": 40}, name="threads", clock=lambda: now, decision_log=log) as driver:
        for second in range(600):
            now += 1
            driver.meter.arrived(25)
            driver.meter.finished(0.4, n=25)
            driver.tick(jobs=3 + (second > 300), ready=3 + (second > 360), queued=0)
    table = read_decisions(tmp_path)
    assert table.num_rows >= 4 and set(table["pool"].to_pylist()) == {"threads"}
    assert table["logged_events_count"].to_pylist()[0] > 2000 and sum(filter(None, table["outcome_started"].to_pylist())) == 1


def test_the_page_has_every_column_with_its_kind_and_meaning():
    page = (ROOT / "docs/decision-log.md").read_text().partition("## The schema")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \| ([\w ]+) \| (.+) \|$", page, re.MULTILINE)
    measured = set(evscale.FIELDS) - {"timestamp"}
    assert told == [(name, kind, meaning) for name, (kind, meaning) in columns().items() if name not in measured]
    assert f"`{VERSION_KEY.decode()}`: `{SCHEMA_VERSION}`" in page


def test_without_pyarrow_it_says_what_to_install(tmp_path):
    code = ("import sys; sys.modules['pyarrow'] = None; import evscale; from evscale.decision_log import DecisionLog\n"
            f"try: DecisionLog({str(tmp_path)!r})\nexcept ImportError as problem: print(problem)")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "a decision log needs pyarrow: pip install 'evscale[data]'"
