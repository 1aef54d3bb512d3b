"""The command: what it prints, its exit codes, its refusals."""

import json
import os
import shutil
import subprocess
import sys
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
    for command in ("demo", "forecast", "backtest", "decide", "explain", "verify", "bundle", "simulate", "completion"):
        assert f"\n    {command}" in ran.stdout


def test_backtest_prints_a_table_and_writes_a_page(trace, tmp_path):
    pytest.importorskip("matplotlib")
    ran = evscale("backtest", trace, "--peers", "--html", tmp_path / "r.html")
    assert ran.returncode == 0, ran.stderr
    assert "KEDA queue" in ran.stdout and "service time of an event assumed" in ran.stdout
    assert ran.stderr == "", "no progress without a terminal"
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    as_json = json.loads(evscale("backtest", trace, "--json", "--set", "service_time_ms=900").stdout)
    assert as_json["service_time_source"] == "config" and list(as_json["scores"]) == ["evscale"]


def test_forecast(trace):
    assert json.loads(evscale("forecast", trace, "--json").stdout)["horizons"]["12"]["prediction"] > 0
    assert "median" in evscale("forecast", trace).stdout


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
    (("decide",), "[1]\n", "line 1"),
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


def test_a_name_with_a_nul_is_refused(capsys):
    assert main(["forecast", "a\0b.csv"]) == 2
    assert "null byte" in capsys.readouterr().err


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
    ("evscale back", "backtest"), ("evscale backtest --ht", "--html"), ("evscale bundle ch", "check"),
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
