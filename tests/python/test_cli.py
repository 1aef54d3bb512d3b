"""The command: what it prints, its exit codes, its refusals."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import evscale as package
import pytest
from evscale.__main__ import main


def evscale(*arguments, stdin=None):
    return subprocess.run([sys.executable, "-m", "evscale", *map(str, arguments)], check=False, capture_output=True,
                          text=True, input=stdin)


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "trace.csv"
    rows = "".join(f"2026-01-{5 + i // 144:02d}T{i % 144 // 6:02d}:{i % 6 * 10:02d}:00Z,{100 + i % 50}\n"
                   for i in range(2 * 144))
    path.write_text("timestamp,events\n" + rows)
    return path


def test_help_names_every_command():
    ran = evscale("--help")
    assert ran.returncode == 0
    for command in ("demo", "look", "forecast", "backtest", "decide", "decisions", "explain", "verify", "bundle", "models", "retrain", "backup", "restore",
                    "simulate", "completion"):
        assert f"\n    {command}" in ran.stdout


def test_backtest_prints_a_table_and_writes_a_page(trace, tmp_path):
    pytest.importorskip("matplotlib")
    ran = evscale("backtest", trace, "--baselines", "--html", tmp_path / "r.html")
    assert ran.returncode == 0, ran.stderr
    assert "KEDA queue" in ran.stdout and "service time of an event assumed" in ran.stdout
    assert ran.stderr == "", "no progress without a terminal"
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    as_json = json.loads(evscale("backtest", trace, "--json", "--set", "service_time_ms=900").stdout)
    assert as_json["service_time_source"] == "config" and list(as_json["scores"]) == ["evscale"]


def test_forecast(trace):
    assert json.loads(evscale("forecast", trace, "--json").stdout)["horizons"]["12"]["prediction"] > 0
    assert "median" in evscale("forecast", trace).stdout


def test_look_shows_what_is_understood_and_the_next_command(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("Zeit;Anzahl\n" + "".join(f"{5 + i // 24:02d}.01.2026 {i % 24:02d}:00;1.{100 + 7 * i % 30},5\n" for i in range(30)))
    ran = evscale("look", path)
    assert ran.returncode == 0, ran.stderr
    for part in ("orders.csv: text with semicolons, 30 rows oldest first, one every 1 h", "`Zeit`", "2026-01-05T00:00:00Z to 2026-01-06T05:00:00Z",
                 "`Anzahl`", "decimal comma", "33,450 in all", "first row 1100.5, last row 1123.5", "--time-zone UTC"):
        assert part in ran.stdout
    seen = json.loads(evscale("look", path, "--json").stdout)
    assert {"interval_seconds", "rows", "total_events", "first", "last", "kind", "time_zone", "series", "next_command"} <= set(seen)
    assert (seen["time_zone"], seen["interval_seconds"], seen["rows"], seen["total_events"]) == (None, 3600, 30, 33_450)
    told = json.loads(evscale("look", path, "--json", "--time-zone", "Europe/Berlin").stdout)
    assert (told["first"], told["time_zone"]) == ("2026-01-04T23:00:00Z", "Europe/Berlin")
    again = seen["next_command"].split()[1:]
    assert evscale(*again[:again.index("--html")]).returncode == 0, seen["next_command"]


@pytest.mark.parametrize("header, row, part", [
    ("timestamp,lag", "{at},{n}", "--kind count"), ("time,a,b", "{at},{n},{n}", "--column events=a"), ("time,a,b", "{at},{n},{n}", "--sum"),
    ("timestamp,value", "{at},0.{n}", "--kind rate"), ("when,what", "x,{n}", "--column timestamp=NAME"),
])
def test_refusals_name_the_option_of_the_shell(tmp_path, header, row, part):
    path = tmp_path / "a.csv"
    path.write_text(header + "\n" + "\n".join(row.format(at=f"2026-01-05T{i:02d}:00:00Z", n=13 + 7 * i % 5) for i in range(24)))
    for command in ("look", "forecast", "backtest"):
        ran = evscale(command, path)
        assert ran.returncode == 2 and part in ran.stderr and "Traceback" not in ran.stderr, ran.stderr
        assert str(path) in ran.stderr and ran.stdout == ""


def test_the_paragraph_opens_every_report(trace):
    for command in ("forecast", "backtest"):
        assert evscale(command, trace).stdout.startswith("trace.csv: text with commas, 288 rows oldest first, one every 10 min")
        assert "trace.csv: text" in evscale(command, trace, "--json").stderr


def test_the_pool_is_asked_for_not_invented(trace):
    ran = evscale("backtest", trace)
    assert "jobs busy at the peak" in ran.stdout and "--service-time" in ran.stdout and "--jobs-at-peak" in ran.stdout
    for option in (("--service-time", "2s"), ("--set", "service_time_ms=2000")):
        told = evscale("backtest", trace, *option)
        assert "jobs busy at the peak" not in told.stdout and "assumed" not in told.stdout
    assert json.loads(evscale("backtest", trace, "--json", "--service-time", "1.5s").stdout)["service_time_ms"] == pytest.approx(1500)
    assert "400ms" in evscale("backtest", trace, "--service-time", "2").stderr


def test_a_pool_that_may_not_have_the_jobs_is_told(trace):
    ran = evscale("backtest", trace, "--service-time", "60s", "--set", "max_jobs=5")
    assert f"no rule can serve this in time: the peak needs {math.ceil(149 * 60 / 600)} jobs, max_jobs is 5" in ran.stdout


def test_outputs_are_checked_before_the_work(trace, tmp_path):
    for page in (tmp_path / "absent" / "r.html", tmp_path):
        ran = evscale("backtest", trace, "--html", page)
        assert ran.returncode == 2 and "folder" in ran.stderr and ran.stdout == ""


def test_several_series_each_on_their_own(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,queue,orders\n" + "".join(
        f"2026-01-05T{i // 12:02d}:{5 * (i % 12):02d}:00Z,{name},{n + i % 7}\n" for i in range(60) for name, n in (("a", 10), ("b", 500))))
    ran = evscale("forecast", path, "--by", "queue", "--json")
    first, second = (json.loads(line)["horizons"]["12"]["prediction"] for line in ran.stdout.splitlines())
    assert first < 30 and second > 300
    assert evscale("forecast", "-", "--where", "queue=a", stdin=path.read_text()).returncode == 0


def test_a_pipe_of_records_and_decisions():
    records = evscale("simulate", "--days", "0.05", "--records").stdout
    ran = evscale("decide", "--set", "max_jobs=30", stdin=records)
    assert ran.returncode == 0, ran.stderr
    decisions = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(decisions) == len(records.splitlines()) == 36
    told = evscale("explain", "-", stdin=json.dumps(decisions[-1]))
    assert told.returncode == 0, told.stderr
    assert f"{decisions[-1]['recommended_jobs']} jobs" in told.stdout
    for step in decisions[-1]["trail"]:
        assert step["detail"] in told.stdout


RECORD = {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3000, "current_job_count": 12, "average_processing_duration_ms": 400}


def records(count=30, **changes):
    return [RECORD | {"timestamp": f"2026-01-05T{10 + 2 * i // 60}:{2 * i % 60:02d}:00Z"} | changes for i in range(1, count + 1)]


@pytest.mark.parametrize("written, options", [
    (lambda rows: json.dumps(rows), ()),
    (lambda rows: json.dumps(rows, indent=1), ()),
    (lambda rows: "\n".join(json.dumps({key: str(value) for key, value in row.items()}) for row in rows), ()),
    (lambda rows: "\n".join(json.dumps(row | {"hostname": "a"}) for row in rows), ("--ignore-extra",)),
    (lambda rows: "\n".join(json.dumps({"requests" if key == "logged_events_count" else key: value for key, value in row.items()})
                            for row in rows), ("--column", "logged_events_count=requests")),
    (lambda rows: "\n".join(json.dumps(row | {"timestamp": 1767607200 + 120 * i}) for i, row in enumerate(rows, 1)), ()),
    (lambda rows: "\n".join(json.dumps(row | {"timestamp": row["timestamp"][:-1]}) for row in rows), ("--time-zone", "UTC")),
])
def test_records_as_hosts_write_them_are_the_same(written, options):
    plain = evscale("decide", stdin="\n".join(map(json.dumps, records())))
    ran = evscale("decide", *options, stdin=written(records()))
    assert ran.returncode == 0 and ran.stdout == plain.stdout, ran.stderr


def test_a_bad_line_is_reported_and_passed_over():
    lines = list(map(json.dumps, records(5)))
    ran = evscale("decide", stdin="\n".join([lines[0], "nonsense", *lines[1:], '{"timestamp": 5}']))
    assert ran.returncode == 0 and len(ran.stdout.splitlines()) == 5
    assert "line 2: " in ran.stderr and "line 7: " in ran.stderr
    told = evscale("explain", "-", stdin=ran.stdout)
    assert told.returncode == 0 and "12 ->" in told.stdout


def test_the_fields_are_in_the_help():
    shown = evscale("decide", "--help").stdout
    for name in package.FIELDS:
        assert f"\n  {name} " in shown


def test_a_file_that_grows_is_followed(tmp_path):
    path = tmp_path / "records.jsonl"
    rows = list(map(json.dumps, records(3)))
    path.write_text(rows[0] + "\n" + rows[1][:20])
    running = subprocess.Popen([sys.executable, "-m", "evscale", "decide", "--follow", path], stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(running.stdout.readline())
        with path.open("a") as file:
            file.write(rows[1][20:] + "\n")
        assert json.loads(running.stdout.readline())
        path.with_suffix(".new").write_text(rows[2] + "\n")
        path.with_suffix(".new").rename(path)
        assert json.loads(running.stdout.readline())
        running.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert running.wait(timeout=20) == 130 and time.monotonic() - began < 10
    finally:
        running.kill()
        running.stdout.close()


def test_simulated_traces_can_be_forecast(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(evscale("simulate", "--days", "0.2", "--seed", "3").stdout)
    assert evscale("forecast", path, "--fill-gaps").returncode == 0


def test_verify_and_bundle():
    ran = evscale("verify", "--json")
    answer = json.loads(ran.stdout)
    assert ran.returncode == 0 and answer["ok"] and len(answer["checks"]) == 6
    assert json.loads(evscale("bundle", "check", "--json").stdout)["ok"]
    assert "name" in json.loads(evscale("bundle", "inspect", "--json").stdout)


@pytest.mark.parametrize("arguments, stdin, part", [
    (("forecast", "absent.csv"), None, "absent.csv"),
    (("backtest", "TRACE", "--column", "events=requests"), None, "no column 'requests'"),
    (("backtest", "TRACE", "--column", "requests"), None, "ROLE=NAME"),
    (("backtest", "TRACE", "--set", "max_jobs=0"), None, "max_jobs"),
    (("backtest", "TRACE", "--set", "max_jbs=3"), None, "max_jbs"),
    (("decide",), "{}\n", "line 1"),
    (("decide",), "[1]\n", "metrics record"),
    (("decide",), '{"timestamp": "2026-01-05T00:02:00Z", "logged_event_count": 1, "current_job_count": 1}', "did you mean `logged_events_count`"),
    (("decide",), '{"timestamp": "2026-01-05T00:02:00", "logged_events_count": 1, "current_job_count": 1}', "--time-zone"),
    (("decide", "--column", "logged=x"), "", "logged_events_count"),
    (("decide",), "nonsense\n", "line 1"),
    (("explain", "-"), "{}", "decision"),
    (("bundle", "check", "absent"), None, "manifest.json"),
    (("frobnicate",), None, "invalid choice"),
])
def test_bad_input_ends_with_2_and_says_why(trace, arguments, stdin, part):
    ran = evscale(*(trace if one == "TRACE" else one for one in arguments), stdin=stdin)
    assert ran.returncode == 2, ran.stderr
    assert part in ran.stderr and "Traceback" not in ran.stderr


DEEP = '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"
MANY_DIGITS = '{"timestamp":0,"logged_events_count":' + "9" * 5000 + ',"current_job_count":1}'
SURROGATE_KEY = '{"timestamp":0,"logged_events_count":1,"current_job_count":1,"\\ud800":1}'
SURROGATE_VALUE = '{"timestamp":"\\ud800","logged_events_count":1,"current_job_count":1}'
ESCAPE_KEY = '{"timestamp":0,"logged_events_count":1,"current_job_count":1,"\\u001b]0;owned\\u0007":1}'


@pytest.mark.parametrize("arguments, stdin, part", [
    (("decide",), DEEP, "line 1: nested too deeply"),
    (("decide",), '{"a":' * 100_000 + "1" + "}" * 100_000, "line 1: nested too deeply"),
    (("decide",), MANY_DIGITS, "line 1"),
    (("decide",), SURROGATE_KEY, "line 1"),
    (("decide",), SURROGATE_VALUE, "line 1"),
    (("decide",), ESCAPE_KEY, "\\x1b]0;owned\\x07"),
    (("decide",), "x" * 2_000_000, "line 1: more than"),
    (("decide", "--config", "DEEP"), "", "nested too deeply"),
    (("decide", "--config", "SURROGATE"), "", "time_zone"),
    (("decide", "--config", "/dev/zero"), "", "/dev/zero: more than"),
    (("forecast", "/dev/zero"), "", "/dev/zero: more than"),
    (("decide", "--set", "max_jobs=" + "9" * 5000), "", "--set max_jobs"),
    (("decide", "--set", "holidays=" + "[" * 50_000), "", "--set holidays"),
    (("decide", "--set", b"\xff=1"), "", "lone surrogates"),
    (("forecast", "TRACE", "--column", b"events=\xff"), None, "no column"),
    (("explain", "-"), DEEP, "nested too deeply"),
    (("explain", "-"), MANY_DIGITS, "-: "),
    (("backtest", "TRACE", "--jobs-at-peak", "1e308"), None, "`jobs_at_peak` is 1e308"),
    (("backtest", "TRACE", "--jobs-at-peak", "nan"), None, "`jobs_at_peak` is NaN"),
    (("demo", "--jobs-at-peak", "inf"), None, "--jobs-at-peak is inf"),
    (("simulate", "--seed", "-1"), None, "`seed` is -1"),
    (("simulate", "--seed", str(2**70)), None, "`seed` is 1180591620717411303424"),
    (("forecast", "\x1b]0;owned\x07.csv"), None, "\\x1b]0;owned\\x07.csv"),
    (("backtest", "TRACE", "--html", "/dev/full"), None, "device"),
    (("backtest", "TRACE", "--html", "."), None, "no file"),
    (("bundle", "check", "PIPES"), None, "no regular file"),
])
def test_hostile_input_ends_with_2_and_one_line(trace, tmp_path, arguments, stdin, part):
    files = {"TRACE": trace, "DEEP": tmp_path / "deep.json", "SURROGATE": tmp_path / "surrogate.json", "PIPES": tmp_path}
    files["DEEP"].write_text("[" * 100_000)
    files["SURROGATE"].write_text('{"time_zone": "\\ud800"}')
    os.mkfifo(tmp_path / "manifest.json")
    given = [os.fsencode(files.get(one, one)) for one in arguments]
    ran = subprocess.run([sys.executable, "-m", "evscale", *given], check=False, capture_output=True, timeout=120,
                         input=None if stdin is None else stdin.encode())
    told = ran.stderr.decode()
    assert ran.returncode == 2, told
    assert part in told and "Traceback" not in told
    assert told.count("\n") == 1 and told.strip().isprintable() and len(told) < 5000


@pytest.mark.parametrize("arguments", [("forecast", "a\0b.csv"), ("decide", "--follow", "a\0b.json"), ("decide", "--config", "a\0b.json")])
def test_a_name_with_a_nul_is_refused(capsys, arguments):
    assert main(arguments) == 2
    assert "null byte" in capsys.readouterr().err


def test_a_followed_line_without_an_end_is_refused(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text("x" * 2_000_000)
    ran = evscale("decide", "--follow", path)
    assert ran.returncode == 2 and "a line of more than" in ran.stderr


@pytest.mark.parametrize("redirected, code", [
    ("decide <&-", 2), ("explain - <&-", 2), ("forecast TRACE >/dev/full", 2), ("forecast TRACE >&-", 0),
    ("forecast absent.csv 2>&-", 2), ("simulate --days 30 | head -1", 0),
])
def test_closed_and_full_streams(trace, redirected, code):
    command = f"set -o pipefail; {sys.executable} -m evscale {redirected.replace('TRACE', str(trace))}"
    ran = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert ran.returncode == code and "Traceback" not in ran.stderr, ran.stderr


def test_names_that_are_not_utf_8_are_read_and_shown(trace, tmp_path):
    pytest.importorskip("matplotlib")
    name = os.fsencode(tmp_path) + b"/\xff\x1b[31m.csv"
    shutil.copy(trace, name)
    page = tmp_path / "page.html"
    ran = subprocess.run([sys.executable, "-m", "evscale", "backtest", name, "--html", page], check=False, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    assert b"\x1b" not in ran.stdout and b"\\x1b[31m.csv" in ran.stdout
    assert page.read_text().rstrip().endswith("</html>")


def test_a_decision_file_does_not_control_the_terminal():
    scaler = package.Autoscaler()
    for index in range(20):
        scaler.observe(timestamp=1_767_571_200_000 + 120_000 * index, logged_events_count=1000, current_job_count=8,
                       average_processing_duration_ms=500.0)
    forged = json.loads(scaler.decide().to_json())
    hostile = "\x1b]0;owned\x07\x1b[2J\u202e\nall is well"
    forged |= {"explanation": hostile, "fallback_reason": hostile,
               "trail": [{"rule": "tolerance", "before": 1, "after": 2, "detail": hostile}]}
    told = evscale("explain", "-", stdin=json.dumps(forged))
    assert told.returncode == 0, told.stderr
    assert told.stdout.replace("\n", "").isprintable() and "\nall is well" not in told.stdout
    assert "\\x1b]0;owned" in told.stdout


COMPLETE = """
eval "$(evscale completion bash)"
COMP_LINE="$1"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
read -ra COMP_WORDS <<< "$COMP_LINE"; COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
_python_argcomplete evscale
echo "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("line, expected", [
    ("evscale backt", "backtest"), ("evscale backtest --ht", "--html"), ("evscale bundle ch", "check"),
])
def test_a_shell_completes(tmp_path, line, expected):
    pytest.importorskip("argcomplete")
    command = tmp_path / "evscale"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evscale "$@"\n')
    command.chmod(0o755)
    ran = subprocess.run(["bash", "-c", COMPLETE, "bash", line], check=True, capture_output=True, text=True,
                         env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert ran.stdout.split() == [expected], ran.stderr


@pytest.mark.parametrize("shell, part", [("zsh", "compdef"), ("fish", "complete --command evscale")])
def test_completions_of_other_shells(shell, part):
    pytest.importorskip("argcomplete")
    assert part in evscale("completion", shell).stdout


def test_a_bundle_is_signed_and_its_signature_checked(tmp_path):
    folder, key = tmp_path / "bundle", tmp_path / "secret"
    shutil.copytree(Path(__file__).parents[2] / "models/onnx", folder)
    signed = evscale("bundle", "sign", folder, "--key", key, "--new-key", "--json")
    assert signed.returncode == 0, signed.stderr
    public = json.loads(signed.stdout)["public_key"]
    assert (folder / "manifest.sig").stat().st_size == 64 and key.stat().st_mode & 0o77 == 0
    assert ", signed" in evscale("bundle", "check", folder, "--public-key", public).stdout
    assert evscale("verify", "--bundle", folder, "--public-key", public).returncode == 0
    again = evscale("bundle", "sign", folder, "--key", key)
    assert again.returncode == 0 and public in again.stdout
    assert evscale("bundle", "sign", folder, "--key", key, "--new-key").returncode == 2, "a secret is not written over"
    bundle = package.ModelBundle.load(folder, public)
    config = package.Config(bundle_public_key=public)
    assert package.Autoscaler(config, bundle).decide().action == "hold"
    with pytest.raises(package.BundleError, match="signed by nobody"):
        package.Autoscaler(config, package.ModelBundle.load(folder))
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    for arguments, part in [(("check", folder, "--public-key", public), "signature"),
                            (("check", folder, "--public-key", "12"), "64 hexadecimal"), (("sign",), "--key")]:
        ran = evscale("bundle", *arguments)
        assert ran.returncode == 2 and part in ran.stderr, ran.stderr


def test_the_page_on_metrics_names_options_that_exist():
    text = (Path(__file__).parents[2] / "docs/bring-your-metrics.md").read_text()
    shown = "".join(evscale(command, "--help").stdout for command in ("look", "backtest", "forecast", "decide"))
    ours = [line for line in text.splitlines() if "evscale " in line or line.startswith("|") and "`--" in line]
    for option in set(re.findall(r"(?<=[ `])--[a-z-]+", " ".join(part for line in ours for part in re.findall(r"`([^`]*)`", line)
                                                                 if not part.startswith(("curl", "aws", "az ", "influx", "promtool"))))):
        assert option in shown or option == "--out", option
