"""Every door between Python and the library, and every value that a host should not hand over.

A door is a function, a constructor or a method. What leaves one is an answer, an `EvscaleError` whose message is fit for
a terminal, or a `TypeError`.
"""

import inspect
import re
import signal
import sys
import threading
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import evscale
import numpy as np
import pytest
from evscale import _evscale
from hostile import VALUES, Endless, growing

ROOT = Path(__file__).parents[2]
BUNDLE = evscale.ModelBundle.bundled()
START_MS = 1_767_607_200_000
RECORD = {"timestamp": START_MS, "logged_events_count": 1000, "current_job_count": 8, "average_processing_duration_ms": 500.0}
EVENTS = np.arange(1.0, 9.0)
QUANTILES = [float(level) for level in range(15)]
SEED = "07" * 32
LONGEST_SECONDS = 30
"""Longest time of one call, on a machine with other things to do."""


def fleet():
    made = evscale.Fleet(BUNDLE)
    made.add("a")
    return made


def environment():
    trace = (START_MS, 120, EVENTS, np.ones(8 * 180, np.float32), np.ones(8, np.float32), np.ones(8, np.float32))
    return _evscale.ScalingVectorEnv([trace], 1, 1)


def registry():
    """A registry in the test's own folder, with a version and its files beside it."""
    bundle = Path("bundle")
    bundle.mkdir(exist_ok=True)
    for name, content in evscale.ModelBundle.bundled_files().items():
        (bundle / name).write_bytes(content)
    made = evscale.Registry("registry", create=True)
    if not made.versions():
        made.add(bundle)
    return made


def horizon():
    return evscale.HorizonForecast(12, 6, 5.0, 1.0, QUANTILES)


OBSERVATION = {"verdict": "accepted", "repairs": [], "reason": None, "data_quality": "good", "anomaly_score": 0.1,
               "decision_due": True, "emergency": False}
BUDGET = '{"jobs": 10}'
MAKERS = {
    "Autoscaler": lambda: evscale.Autoscaler(bundle=BUNDLE),
    "Config": evscale.Config,
    "Decision": lambda: evscale.Autoscaler(bundle=BUNDLE).decide(),
    "Fleet": fleet,
    "FleetModels": lambda: fleet().models,
    "FleetTick": lambda: fleet().tick({"a": RECORD}),
    "Forecast": lambda: evscale.Autoscaler(bundle=BUNDLE).forecast(),
    "Forecaster": lambda: evscale.Forecaster(bundle=BUNDLE),
    "HorizonForecast": horizon,
    "Meter": lambda: evscale.Meter(now=START_MS),
    "ModelBundle": lambda: BUNDLE,
    "Observation": lambda: evscale.Observation(**OBSERVATION),
    "OpenTick": lambda: _evscale.OpenTick(fleet(), {"a": RECORD}, BUDGET),
    "PoolModels": lambda: evscale.Autoscaler(bundle=BUNDLE).models,
    "Registry": registry,
    "ScalingVectorEnv": environment,
}
USUAL = {
    "config": evscale.Config, "bundle": lambda: BUNDLE, "record": lambda: RECORD, "frame": lambda: [RECORD],
    "outcome": lambda: {"timestamp": START_MS, "started": 1}, "timestamp": lambda: START_MS, "pause": lambda: "off",
    "until": lambda: START_MS, "fixed": lambda: 3, "took_ms": lambda: 5.0, "key": lambda: "a", "threads": lambda: 1,
    "records": lambda: {"a": RECORD}, "json": lambda: MAKERS["Decision"]().to_json(), "at": lambda: START_MS,
    "horizons": lambda: [horizon()], "anomaly_score": lambda: 0.5, "model_confidence": lambda: 0.5, "minutes": lambda: 12,
    "steps": lambda: 6, "prediction": lambda: 5.0, "uncertainty": lambda: 1.0, "quantiles": lambda: QUANTILES,
    "level": lambda: 0.5, "share": lambda: 0.5, "events": lambda: EVENTS, "counts": lambda: EVENTS, "series": lambda: [EVENTS],
    "manifest": lambda: b"{}", "seed": lambda: 7, "path": lambda: "absent", "data": lambda: MAKERS["Autoscaler"]().snapshot(),
    "start_ms": lambda: START_MS, "interval_seconds": lambda: 120, "service_ms": lambda: None, "days": lambda: 0.1,
    "origins": lambda: np.array([3]), "name": lambda: "trace", "csv": lambda: "timestamp,events\n", "rule": lambda: "hpa",
    "traces": list, "bursts": lambda: [(60.0, 120.0, 3.0)], "num_envs": lambda: 1, "actions": lambda: np.array([0]), "text": lambda: "text",
    "pool": lambda: "orders", "baselines": lambda: False, "now": lambda: START_MS + 130_000, "jobs": lambda: 3, "queued": lambda: 2, "busy": lambda: 1,
    "n": lambda: 1, "seconds": lambda: 0.5, "waited": lambda: 0.1, "arrived": lambda: 5, "finished": lambda: 5,
    "failed": lambda: 1, "busy_seconds": lambda: 2.5, "waited_seconds": lambda: 0.5, "late": lambda: 0,
    "like": lambda: ["a"], "cuts": lambda: {"a": 3}, "budget": lambda: BUDGET, "fleet": fleet, "demands": lambda: [(1, 1, 1)],
    "claims": lambda: [("a", 3, 1_000_000, [(1, 2.0), (3, 0.0)])], "held": lambda: 1, "wanted": lambda: 1, "gave_way": lambda: 0,
    "bundles": lambda: [BUNDLE], "version": lambda: 1, "reason": lambda: "because", "keep": lambda: 1, "before": lambda: 1, "after": lambda: 1, "create": lambda: False,
    **{name: (lambda value=value: value) for name, value in OBSERVATION.items()},
}
READING = {"Autoscaler.observe_many", "Forecast.to_frame", "Forecast.plot", "Forecaster.predict", "Forecaster.predict_many",
           "ModelBundle.load", "replace_file", "History.read", "load_snapshot", "save_snapshot", "backtest",
           "Registry", *(f"Registry.{name}" for name in vars(evscale.Registry) if not name.startswith("_"))}
"""Doors that read files or need an optional library: `OSError` and `ImportError` leave them as well."""


def doors():
    """Name, how to call it, and the parameters of every door."""
    for name, thing in vars(_evscale).items():
        if name.startswith("_"):
            continue
        if inspect.isclass(thing):
            if issubclass(thing, Exception):
                continue
            if name in ("FleetTick", "ModelBundle"):
                pass  # made by the library alone
            elif name != "Config":
                yield name, lambda thing=thing: thing, inspect.signature(thing).parameters
            for member, value in vars(thing).items():
                if member == "__contains__":
                    yield f"{name}.{member}", lambda name=name: MAKERS[name]().__contains__, {"key": None}
                elif callable(getattr(thing, member)) and not member.startswith("_"):
                    bound = (lambda thing=thing, member=member: getattr(thing, member)) if isinstance(value, staticmethod) else (
                        lambda name=name, member=member: getattr(MAKERS[name](), member))
                    given = [one for one in inspect.signature(getattr(thing, member)).parameters if one != "self"]
                    yield f"{name}.{member}", bound, given
        elif callable(thing):
            yield name, lambda thing=thing: thing, inspect.signature(thing).parameters
    for setting in evscale.Config().to_dict():
        yield f"Config({setting})", lambda: evscale.Config, {setting: None}
    yield "History.read", lambda: evscale.History.read, ("source", "columns", "time_zone", "gaps")
    yield "load_snapshot", lambda: evscale.load_snapshot, ("path", "config", "bundle")
    yield "save_snapshot", lambda: evscale.save_snapshot, ("autoscaler", "path")
    yield "backtest", lambda: evscale.backtest, ("history", "config", "gaps", "bundle", "jobs_at_peak", "seed", "due", "progress")


DOORS = {name: (make, list(parameters)) for name, make, parameters in doors()}
POSITIONAL_ONLY = {"record", "outcome"}


def usual(name, parameter):
    if parameter == "path" and name == "Registry.add":
        return "bundle"
    if parameter == "key" and name == "Fleet.add":
        return "b"
    if parameter == "seed" and name in ("sign_manifest", "public_key_of"):
        return SEED
    if parameter == "data" and name == "replace_file":
        return b""
    if parameter in ("history", "source"):
        return {"timestamp": [START_MS + 600_000 * i for i in range(8)], "events": EVENTS}
    if parameter == "autoscaler":
        return MAKERS["Autoscaler"]()
    return USUAL[parameter]()


def call(name, parameter, value, folder):
    """Calls a door with one value that it should not get, beside the arguments that it must have."""
    make, parameters = DOORS[name]
    before, named = [], {}
    for one in parameters:
        if one == parameter:
            given = value
        elif one == "path" and name in ("replace_file", "save_snapshot"):
            given = folder / "written"
        elif one in USUAL or one in ("history", "source", "autoscaler"):
            given = usual(name, one)
        else:
            continue
        if (one in POSITIONAL_ONLY and name.startswith("Autoscaler")) or name.endswith("__contains__"):
            before.append(given)
        elif one != "fields":
            named[one] = given
        elif one == parameter:
            named["queued_events_count"] = given
    if parameter in ("cap", "floor", "fields"):
        named.pop("fixed", None)
    if parameter == "fields":
        before.clear()
        named.update(RECORD if name.endswith("observe") else {"timestamp": START_MS})
    return make()(*before, **named)


class Endured(BaseException):
    """A call took too long."""


@contextmanager
def limited(seconds):
    def end(*_):
        raise Endured(f"no answer in {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judged(name, parameter, kind, folder):
    """What a call let out that it must not, in words; None if it kept its promise."""
    allowed = (evscale.EvscaleError, TypeError)
    if name in READING:
        allowed += (OSError, ImportError)
    try:
        with limited(LONGEST_SECONDS):
            call(name, parameter, VALUES[kind](), folder)
    except evscale.EvscaleError as problem:
        text = str(problem)
        if not text.isprintable():
            return f"a message that is not fit for a terminal: {text[:80]!r}"
        if len(text) > 5000:
            return f"a message of {len(text)} characters"
        return None if problem.kind else "an error without a kind"
    except BaseException as problem:  # noqa: BLE001 what leaves is the question
        return None if isinstance(problem, allowed) else f"{type(problem).__name__}: {str(problem)[:100]}"
    return None


@pytest.mark.parametrize("name", DOORS)
def test_nothing_but_a_refusal_leaves_a_door(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = []
    for parameter in DOORS[name][1]:
        for kind in VALUES:
            let_out = judged(name, parameter, kind, tmp_path)
            if let_out:
                wrong.append(f"{parameter} = {kind}: {let_out}")
    assert wrong == []


def test_the_table_has_all_doors():
    assert len(DOORS) > 100
    assert {name.partition(".")[0] for name in DOORS if name[0].isupper()} >= set(MAKERS) - {"FleetTick"}
    absent = {p for name, (_, parameters) in DOORS.items() for p in parameters} - set(USUAL)
    assert absent <= {"forecaster", "policy", "columns", "warm_days", "fields", "cap", "floor", "confidence", "axes", "start",
                      "end", "multiplier", "id", "alert", "due", "cost_per_hour",
                      "public_key", "parent", "details", "progress", "jobs_at_peak", "hpa_target_percent", "time_zone", "gaps", "autoscaler",
                      "source", "history", *evscale.Config().to_dict()}, "a parameter without a usual value"


def test_every_compiled_function_goes_through_the_door():
    """A signature that can raise is one of `Door`: nothing else translates what the host's objects raise."""
    found = 0
    for file in sorted((ROOT / "evscale-py/src").rglob("*.rs")):
        text = file.read_text()
        methods = "".join(re.findall(r"#\[pymethods\]\nimpl.*?\n}\n", text, re.DOTALL))
        functions = "".join(re.findall(r"#\[pyfunction\].*?\n}\n", text, re.DOTALL))
        signatures = re.findall(r"^ *(?:pub )?fn (\w+)(.*?) \{$", methods + functions, re.DOTALL | re.MULTILINE)
        found += len(signatures)
        assert [name for name, rest in signatures if "PyResult" in rest] == [], file.name
        takes = r": (?:Option<)?(?:&str|String|f64|f32|u32|u64|usize|i64|Vec<|PathBuf|\[)"
        assert [name for name, rest in signatures if re.search(takes, rest.partition("->")[0])] == [], (
            f"{file.name}: an argument that is converted before the door is open")
    assert found > 100


def test_what_was_raised_is_the_cause():
    with pytest.raises(evscale.ArgumentError, match="metrics record has more than 100 entries"):
        evscale.Autoscaler().observe(Endless())
    with pytest.raises(evscale.ArgumentError, match="metrics record has more than 100 entries"):
        evscale.Autoscaler().observe(RECORD | {f"more{index}": 1 for index in range(1000)})
    with pytest.raises(evscale.ArgumentError, match="RuntimeError") as caught:
        evscale.Autoscaler().observe(VALUES["RuntimeError"]())
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_dict_that_changes_while_it_is_read_is_read_as_it_was():
    pools = fleet()
    assert evscale.Autoscaler().observe(growing()).verdict == "accepted"
    assert pools.observe("a", growing()).verdict == "accepted"
    assert pools.tick({"a": growing()}).errors == []


def test_a_dict_that_another_thread_changes_is_read_as_it_was():
    class Slow(Fraction):
        def __float__(self):
            changed.set()
            turn.wait(1)
            turn.clear()
            return 5.0

    changed, turn = threading.Event(), threading.Event()
    record = RECORD | {"logged_events_count": Slow(5), "average_processing_duration_ms": Slow(5)}
    stop = False

    def writer():
        while not stop:
            changed.wait(1)
            changed.clear()
            record["queued_events_count"] = 1
            record.pop("queued_events_count")
            record[f"more{len(record)}"] = 1
            turn.set()

    thread = threading.Thread(target=writer)
    thread.start()
    try:
        assert evscale.Autoscaler().observe(record).verdict == "accepted"
    finally:
        stop = True
        changed.set()
        thread.join()
    assert "more5" in record or len(record) > 4


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_a_program_passes(raised):
    for field in ("timestamp", "logged_events_count", "is_peak_hours"):
        class Ending:
            def __float__(self):
                raise raised

        with pytest.raises(raised):
            evscale.Autoscaler().observe(RECORD | {field: Ending()})


def long_ago(text):
    def policy(_):
        raise ValueError(text)

    scaler = evscale.Autoscaler(policy=policy)
    for index in range(60):
        scaler.observe(RECORD | {"timestamp": START_MS + 120_000 * index, "logged_events_count": 1000 + index % 7})
        decision = scaler.decide()
    return scaler, decision


def test_the_text_of_a_hosts_exception_is_cut_and_harmless():
    short, _ = long_ago("no answer")
    scaler, decision = long_ago("\x1b[2J" + "x" * 5_000_000)
    assert "ValueError: \\x1b[2Jxxx" in decision.fallback_reason
    assert "(cut, 5000004 characters)" in decision.fallback_reason
    assert len(decision.fallback_reason) < 500
    assert len(scaler.snapshot()) < len(short.snapshot()) + 2000
    assert evscale.Autoscaler.restore(evscale.Config(), scaler.snapshot()).snapshot() == scaler.snapshot()


def test_what_a_progress_callback_raises_is_raised():
    class Enough(Exception):
        pass

    def enough(*_):
        raise Enough

    with pytest.raises(Enough):
        evscale.backtest(usual("", "history"), progress=enough)


def test_texts_for_terminals():
    assert _evscale.readable_text("plain Ünïcode 日本") == "plain Ünïcode 日本"
    assert _evscale.readable_text("\x1b[31m\n\x9b\u202e") == "\\x1b[31m\\x0a\\x9b\\u202e"
    assert set(_evscale.readable_text("\ud800")) == {"\ufffd"}
    assert _evscale.readable_text("x" * 5000) == "x" * 4000 + "... (cut, 5000 characters)"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes came with 3.11")
def test_a_refused_argument_is_named():
    for refused, part in [
        (lambda: evscale.Autoscaler().set_override(fixed=-5, until=START_MS), "`fixed` is -5, expected a whole number from 0"),
        (lambda: evscale.Fleet(threads=-1), "`threads` is -1, expected a whole number from 1 to 1024"),
        (lambda: evscale.backtest(usual("", "history"), seed=-1), "`seed` is -1, expected"),
        (lambda: evscale.lead_steps(0), "`interval_seconds` is 0, expected 10 to 3600"),
        (lambda: evscale.Autoscaler().observe(RECORD | {"timestamp": VALUES["missing time"]()}), "`timestamp` is "),
    ]:
        with pytest.raises(evscale.ArgumentError) as caught:
            refused()
        assert part in str(caught.value)
