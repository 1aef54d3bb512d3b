"""Values that come out: frozen, comparable, picklable; errors with kinds; threads."""

import copy
import json
import pickle
import subprocess
import sys
import threading
from datetime import date, datetime, timedelta
from pathlib import Path

import evscale
import numpy as np
import pytest
from evscale import _evscale
from support import START, fed

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scaler():
    return fed()


def values(scaler):
    late = scaler.observe(timestamp=START, logged_events_count=1, current_job_count=1)
    forecast = scaler.forecast()
    return [scaler.config, late, scaler.decide(), forecast, forecast.horizons[12]]


def test_values_survive_pickling_and_copying_bit_for_bit(scaler):
    for value in values(scaler):
        for same in [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(2, 6)] + [copy.deepcopy(value)]:
            assert same == value and repr(same) == repr(value) and type(same) is type(value)
        assert value != 1 and not value == "x"  # noqa: SIM201
    decision = scaler.decide()
    same = pickle.loads(pickle.dumps(decision))
    assert same.confidence == decision.confidence and same.to_json() == decision.to_json()
    forecast = pickle.loads(pickle.dumps(scaler.forecast()))
    assert forecast.to_json() == scaler.forecast().to_json()
    assert forecast.horizons[48].quantiles == scaler.forecast().horizons[48].quantiles


def test_different_values_are_not_equal():
    one, other = fed(20), fed(30)
    assert one.forecast() != other.forecast()
    assert one.forecast().horizons[12] != one.forecast().horizons[180]
    assert one.decide() != other.decide()
    assert evscale.Config(max_jobs=4) != evscale.Config(max_jobs=5)
    late = {"timestamp": START, "logged_events_count": 1, "current_job_count": 1}
    assert one.observe(late) == one.observe(late) != other.observe(late)


def test_values_are_frozen(scaler):
    for value, name in zip(values(scaler), ["max_jobs", "verdict", "recommended_jobs", "anomaly_score", "prediction"],
                           strict=True):
        with pytest.raises(AttributeError):
            setattr(value, name, 1)


def test_explanations_are_plain_values(scaler):
    decision = scaler.decide()
    plain = decision.to_dict()
    assert json.loads(decision.to_json()) == plain
    for name in set(plain) - {"confidence", "decided_at", "valid_until"}:
        assert getattr(decision, name) == plain[name], name
    assert decision.confidence == pytest.approx(plain["confidence"], abs=1e-4)
    for name in ("decided_at", "valid_until"):
        at = getattr(decision, name)
        assert at.utcoffset() == timedelta(0) and at == datetime.fromisoformat(plain[name].replace("Z", "+00:00"))
    assert decision.valid_until - decision.decided_at == timedelta(minutes=6)


def test_forecasts_tell_their_time_and_levels(scaler):
    forecast = scaler.forecast()
    assert forecast.at == START + timedelta(minutes=118) and forecast.at.utcoffset() == timedelta(0)
    ahead = forecast.horizons[48]
    assert (ahead.minutes, ahead.steps) == (48, 24)
    assert ahead.interval(0.8) == ahead.interval() == (ahead.quantile(0.1), ahead.quantile(0.9))
    assert all(ahead.quantile(level) == value for level, value in ahead.quantiles.items())
    for call in (ahead.interval, ahead.quantile):
        for level in (80, -0.1, float("nan")):
            with pytest.raises(evscale.ArgumentError, match="expected 0 to 1"):
                call(level)


def test_configuration():
    config = evscale.Config(min_jobs=np.int64(3), max_jobs=40.0, sla_target=np.float32(0.5), holidays=[date(2026, 12, 25)],
                            service_time_ms=None)
    assert (config.min_jobs, config.max_jobs, config.sla_target) == (3, 40, 0.5)
    assert config.holidays == ["2026-12-25"] and "max_jobs" in dir(config)
    assert repr(evscale.Config()) == "Config()" and repr(evscale.Config(max_jobs=40)) == "Config(max_jobs=40)"
    assert repr(evscale.Config(time_zone="Europe/Berlin")) == "Config(time_zone='Europe/Berlin')"
    assert eval(repr(config), {"Config": evscale.Config}) == config
    assert evscale.Config(**config.to_dict()) == config
    with pytest.raises(AttributeError, match="max_job"):
        config.max_job  # noqa: B018


@pytest.mark.parametrize("settings, parts", [
    ({"sla_target": float("nan")}, ("sla_target", "nan")),
    ({"max_jobs": {1}}, ("max_jobs", "{1}")),
    ({"max_jobs": -1}, ("-1",)),
    ({"max_jobs": 2.5}, ("2.5",)),
    ({"use_networks": "no"}, ("no",)),
    ({"holidays": [object()]}, ("holidays",)),
])
def test_configuration_refusals(settings, parts):
    with pytest.raises(evscale.ConfigError) as caught:
        evscale.Config(**settings)
    assert all(part in str(caught.value) for part in parts)


def test_errors_have_classes_and_kinds(tmp_path, scaler):
    for name in ("manifest.json", "forecaster.onnx", "policy.onnx"):
        (tmp_path / name).write_bytes(b"nothing")
    cases = {
        "invalid_config": (evscale.ConfigError, lambda: evscale.Config(max_jobs=0)),
        "invalid_argument": (evscale.ArgumentError, lambda: scaler.decide_at("noon")),
        "invalid_bundle": (evscale.BundleError, lambda: evscale.ModelBundle.load(tmp_path)),
        "invalid_snapshot": (evscale.SnapshotError, lambda: evscale.Autoscaler.restore(evscale.Config(), b"")),
    }
    for kind, (raised, call) in cases.items():
        with pytest.raises(evscale.EvscaleError) as caught:
            call()
        assert type(caught.value) is raised and caught.value.kind == kind and isinstance(caught.value, ValueError)
        assert pickle.loads(pickle.dumps(caught.value)).kind == kind
    assert issubclass(evscale.InferenceError, evscale.EvscaleError)


def test_bundles_are_named_and_missing_files_too(tmp_path):
    bundle = evscale.ModelBundle.bundled()
    assert bundle.name in repr(bundle) and bundle.version in repr(bundle)
    same = evscale.ModelBundle.load(str(ROOT / "models" / "onnx"))
    assert (same.name, same.version, same.manifest) == (bundle.name, bundle.version, bundle.manifest)
    with pytest.raises(FileNotFoundError, match="manifest.json"):
        evscale.ModelBundle.load(tmp_path)


def test_a_restored_pool_goes_on_as_the_same():
    one = fed(40, max_jobs=30)
    one.acknowledge({"timestamp": START, "started": 2, "ready": 2, "startup_seconds": 95})
    other = evscale.Autoscaler.restore(one.config, one.snapshot())
    assert other.snapshot() == one.snapshot() and other.config == one.config
    for i in range(40, 60):
        fields = {"timestamp": START + timedelta(minutes=2 * i), "logged_events_count": 2000, "current_job_count": 8}
        assert one.observe(fields) == other.observe(fields)
        assert one.forecast() == other.forecast()
    assert one.snapshot() == other.snapshot()


@pytest.mark.parametrize("outcome, part", [
    ({}, "timestamp"),
    ({"timestamp": START, "started": -1}, "`started` is -1"),
    ({"timestamp": START, "ready": 1.5}, "`ready` is 1.5"),
    ({"timestamp": START, "startup_seconds": float("nan")}, "`startup_seconds`"),
    ({"timestamp": START, "stopped": 1}, "`stopped`"),
])
def test_malformed_outcomes_are_refused(scaler, outcome, part):
    with pytest.raises(evscale.ArgumentError, match=part):
        scaler.acknowledge(outcome)


def test_a_forecaster_takes_arrays_of_any_type():
    counts = (500 + 100 * np.sin(np.arange(400) / 30)).round()
    expected = evscale.Forecaster(300, START).predict(counts)
    for array in (counts.astype(np.int32), counts.astype(np.float32), counts[::-1].copy()[::-1], counts.tolist(),
                  counts.astype(object)):
        assert evscale.Forecaster(interval_seconds=300, start=START).predict(array) == expected
    forecaster = evscale.Forecaster(interval_seconds=300, start=START)
    for count in counts:
        forecaster.observe(count)
    assert forecaster.forecast() == expected
    assert forecaster.predict(counts, start=START + timedelta(hours=7)).at == expected.at + timedelta(hours=7)
    assert forecaster.forecast() == expected, "predict must leave the state alone"


def test_a_forecaster_knows_unknown_from_zero():
    gaps = np.full(50, 10.0)
    gaps[20:25] = np.nan
    with_none = [None if np.isnan(value) else value for value in gaps]
    forecaster = evscale.Forecaster()
    assert forecaster.predict(gaps) == forecaster.predict(with_none) != forecaster.predict(np.nan_to_num(gaps))


@pytest.mark.parametrize("call", [
    lambda: evscale.Forecaster().predict(np.ones((3, 2))),
    lambda: evscale.Forecaster().predict(5.0),
    lambda: evscale.Forecaster().predict(["x"]),
    lambda: evscale.Forecaster().predict([1.0, -2.0]),
    lambda: evscale.Forecaster().observe("many"),
    lambda: evscale.Forecaster(interval_seconds=120.5),
    lambda: evscale.Forecaster(interval_seconds=-120),
    lambda: evscale.Forecaster(start=datetime(2026, 1, 5)),
])
def test_forecaster_refusals(call):
    with pytest.raises(evscale.ArgumentError):
        call()


def test_threads_take_turns():
    scaler = evscale.Autoscaler(evscale.Config(use_networks=False))
    failures = []

    def work(offset):
        try:
            for i in range(200):
                scaler.observe(timestamp=START + timedelta(minutes=2 * (4 * i + offset)), logged_events_count=100,
                               current_job_count=2)
                scaler.decide()
                scaler.forecast()
        except Exception as problem:  # noqa: BLE001
            failures.append(problem)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_training_hooks_give_arrays_and_refuse_nonsense():
    start_ms, events = _evscale.random_workload(7, 8.0, 120)
    assert len(events) == 8 * 720 and events.dtype == np.float64
    assert np.array_equal(events, _evscale.random_workload(7, 8.0, 120)[1])
    samples = _evscale.forecaster_samples(events, start_ms, 120, np.array([100, 5000, 5759]))
    shapes = {"fine": (96, 6), "coarse": (336, 2), "future": (12, 24), "statics": (14,), "target": (12,),
              "target_known": (12,), "level_z": (), "scale": ()}
    assert {key: array.shape[1:] for key, array in samples.items()} == shapes
    assert all(array.dtype == np.float32 and len(array) == 3 for array in samples.values())
    leads = list(evscale.Forecaster(120).forecast().horizons.values())
    assert samples["target"][1].tolist() == [np.float32(events[5000 + lead.steps]) for lead in leads]
    assert samples["target_known"].tolist() == [[1.0] * 12, [1.0] * 12, [0.0] * 12]
    assert json.loads(_evscale.feature_contract())
    for call in (lambda: _evscale.random_workload(1, 1.0, 0), lambda: _evscale.random_workload(1, float("nan"), 120),
                 lambda: _evscale.forecaster_samples(events, start_ms, 120, np.array([5, 4])),
                 lambda: _evscale.forecaster_samples(events, start_ms, 120, np.array([len(events)]))):
        with pytest.raises(evscale.ArgumentError):
            call()


def test_the_quickstart_runs():
    ran = subprocess.run([sys.executable, ROOT / "examples/python/quickstart.py"], check=False,
                         capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "events per interval" in ran.stdout and "jobs" in ran.stdout


def test_the_package_shows_its_version():
    assert f'version = "{evscale.__version__}"' in (ROOT / "Cargo.toml").read_text()
