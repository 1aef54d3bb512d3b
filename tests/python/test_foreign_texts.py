"""Texts that a host or a file should not hand over, at every door from which they come out again: decisions, health, errors,
pages, labels of metrics, logs. They are cut and escaped, and no state grows by them."""

import re
import subprocess
import sys

import evscale
import pytest
from support import record

TEXTS = {
    "terminal": "\x1b]0;owned\x07\x1b[2J\x9b31m",
    "lines": "a\r\nb\0c\u2028d",
    "direction": "\u202etxt.exe\u2066\u200b\ufeff",
    "page": "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'&",
    "surrogate": "\ud800\udfff\ud83d",
    "label": 'a"} 1\nevscale_up{x="\\',
    "long": "x" * 10_000_000,
}
LONGEST = 20_000


def hidden(text):
    return [letter for letter in text if not (letter.isprintable() or letter in "\n\t")]


def assert_fit(place, text):
    assert hidden(text) == [], f"{place}: {text[:200]!r}"
    assert len(text) < LONGEST, f"{place}: {len(text)} characters"
    text.encode()


def raising(text):
    def source(_):
        raise ValueError(text)

    return source


def refusal(call, *arguments, **named):
    with pytest.raises((evscale.EvscaleError, TypeError, OSError)) as refused:
        call(*arguments, **named)
    return str(refused.value)


def of_sources(text, _):
    """What a pool says of a policy and a forecaster that fail with a text."""
    scaler = evscale.Autoscaler(policy=raising(text), forecaster=raising(text))
    for index in range(40):
        scaler.observe(record(index, logged_events_count=1000 + index % 7, current_job_count=8))
        decision = scaler.decide()
    assert len(scaler.snapshot()) < 100_000
    yield "explanation", decision.explanation
    yield "fallback", decision.fallback_reason or ""
    yield "decision", decision.to_json()
    yield "health", " ".join(scaler.health()["causes"])


def of_settings(text, _):
    for setting in ("time_zone", "bundle_public_key", "pause", "mode", "stale_action"):
        yield setting, refusal(evscale.Config, **{setting: text})
    yield "holidays", refusal(evscale.Config, holidays=[text])
    yield "schedule", refusal(evscale.Config, schedule=[{"cron": text, "min_jobs": 1}])
    yield "unknown setting", refusal(evscale.Config, **{text: 1})


def of_calls(text, _):
    scaler = evscale.Autoscaler()
    yield "field", refusal(scaler.observe, record(0) | {text: 1})
    yield "time", refusal(scaler.observe, record(0) | {"timestamp": text})
    yield "number", refusal(scaler.observe, record(0) | {"queued_events_count": text})
    yield "order", refusal(scaler.set_override, fixed=3, until=text)
    yield "pause", refusal(scaler.set_pause, text)
    yield "outcome", refusal(scaler.acknowledge, timestamp=text, started=1)
    yield "alert", refusal(scaler.silence, text)
    yield "decision", refusal(evscale.Decision, text)
    fleet = evscale.Fleet()
    yield "pool", refusal(fleet.decide, text)
    yield "file", refusal(evscale.load_snapshot, text, evscale.Config())
    yield "history", refusal(evscale.History.read, text)
    yield "bundle", refusal(evscale.ModelBundle.load, text)


def of_labels(text, _):
    """A pool's key is a label of its metrics, and nothing else."""
    fleet = evscale.Fleet()
    try:
        fleet.add(text)
    except evscale.EvscaleError as refused:
        yield "key", str(refused)
        return
    fleet.tick({text: record(0)})
    shown = fleet.openmetrics() if hasattr(fleet, "openmetrics") else ""
    lines = [line for line in shown.split("\n") if line and not line.startswith("#")]
    assert all(re.match(r"evscale_[a-z_0-9]+\{", line) for line in lines), [line[:100] for line in lines][:3]
    usual = evscale.Fleet()
    usual.add("a")
    usual.tick({"a": record(0)})
    assert len(fleet.snapshots()[text]) == len(usual.snapshots()["a"])


def of_pages(text, folder):
    pytest.importorskip("matplotlib")
    times = [1_767_571_200_000 + 600_000 * step for step in range(144)]
    report = evscale.backtest({"timestamp": times, "events": [5.0] * 144}, baselines=False)
    report.to_html(folder / "page.html", title=text)
    page = (folder / "page.html").read_bytes().decode()
    assert page.rstrip().endswith("</html>")
    assert page.count("<title>") == 1 and "<script" not in page and "onerror=alert(2)>" not in page.replace("&gt;", "")
    title = page.partition("<title>")[2].partition("</title>")[0]
    yield "title", title


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("door", [of_sources, of_settings, of_calls, of_labels, of_pages])
def test_foreign_texts_come_out_cut_and_escaped(door, text, tmp_path):
    for place, said in door(TEXTS[text], tmp_path):
        if door is of_pages:
            assert "<" not in said, said[:100]
        else:
            assert_fit(place, said)


COMMANDS = [["explain", "d.json"], ["decide"], ["decide", "--set", "\x1b[2J=1"], ["backtest", "\x1b[31mabsent.csv"]]


@pytest.mark.parametrize("arguments", COMMANDS, ids=[" ".join(one)[:20].encode("unicode_escape").decode() for one in COMMANDS])
def test_the_command_prints_no_escapes(arguments, tmp_path):
    text = '{"explanation": "\\u001b]0;owned\\u0007", "\\u001b[2J": 1, "timestamp": 0}\n'
    (tmp_path / "d.json").write_text(text)
    done = subprocess.run([sys.executable, "-m", "evscale", *arguments], check=False, cwd=tmp_path, input=text, text=True, capture_output=True)
    assert "\x1b" not in done.stdout + done.stderr and done.stdout + done.stderr
