"""The Python surface: shapes, refusals, pickling, snapshots."""

import pickle
from datetime import datetime, timedelta

import evscale
import numpy as np
import pytest
from support import START, fed, record


def test_decision_has_the_documented_shape():
    decision = fed(10).decide()
    plain = decision.to_dict()
    for key in ("recommended_jobs", "current_jobs", "change", "confidence", "reasoning", "action", "graceful", "source",
                "proposed_jobs", "limited_by", "trail", "plan", "valid_until"):
        assert key in plain
    assert set(plain["reasoning"]) == {"forecast_indicates", "current_utilization", "sla_risk", "cost_impact"}
    assert decision.change == decision.recommended_jobs - decision.current_jobs
    assert plain["recommended_jobs"] == decision.recommended_jobs
    assert decision.source == "policy_network", "it acts at first"
    if decision.trail:
        assert decision.trail[-1]["after"] == decision.recommended_jobs
    assert [step["minutes_ahead"] for step in decision.plan] == [12, 24, 48, 120]


def test_forecast_has_the_documented_shape():
    forecast = fed().forecast()
    assert {12, 48, 180} <= set(forecast.horizons)
    ahead = forecast.horizons[12]
    low, high = ahead.interval(0.8)
    assert low <= ahead.prediction <= high
    assert list(ahead.quantiles) == sorted(ahead.quantiles) and ahead.quantiles[0.5] == ahead.prediction
    plain = forecast.to_dict()
    assert set(plain) >= {"horizons", "anomaly_score", "model_confidence"}
    assert set(plain["horizons"]["12"]) >= {"prediction", "uncertainty", "confidence_interval", "quantiles"}


@pytest.mark.parametrize("changes, parts", [
    ({"timestamp": datetime(2026, 1, 5)}, ("naive", "aware")),
    ({"timestamp": "noon"}, ("noon", "RFC 3339")),
    ({"timestamp": None}, ("timestamp",)),
    ({"queue_length": 4}, ("queue_length",)),
    ({"logged_events_count": "many"}, ("logged_events_count", "many")),
])
def test_malformed_records_are_refused_by_name(changes, parts):
    scaler = fed(3)
    before = scaler.snapshot()
    with pytest.raises(evscale.EvscaleError) as caught:
        scaler.observe(record(3, **changes))
    assert caught.value.kind == "invalid_argument"
    assert all(part in str(caught.value) for part in parts)
    assert scaler.snapshot() == before


@pytest.mark.parametrize("field", ["logged_events_count", "current_job_count"])
def test_missing_required_fields_are_named(field):
    short = record()
    del short[field]
    with pytest.raises(evscale.EvscaleError, match=field):
        fed(1).observe(short)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -5.0, 1e18])
def test_broken_values_are_repaired_and_never_shrink_the_pool(value):
    scaler = fed()
    for field in ("logged_events_count", "current_job_count", "average_processing_duration_ms"):
        seen = scaler.observe(record(60, **{field: value}))
        assert seen.verdict == "repaired" and field in seen.repairs[0]
        assert scaler.decide_at(START + timedelta(minutes=200)).recommended_jobs >= 1
        scaler = fed()


def test_late_and_repeated_records_are_rejected_with_the_reason():
    scaler = fed(10)
    for i in (9, 3):
        seen = scaler.observe(record(i))
        assert seen.verdict == "rejected" and "not newer" in seen.reason


@pytest.mark.parametrize("settings, part", [
    ({"max_job": 3}, "max_job"),
    ({"sla_target": 2.0}, "sla_target"),
    ({"min_jobs": 20, "max_jobs": 10}, "min_jobs"),
])
def test_config_refusals_come_with_a_kind(settings, part):
    with pytest.raises(evscale.EvscaleError, match=part) as caught:
        evscale.Config(**settings)
    assert caught.value.kind == "invalid_config"


def test_values_pickle_and_compare():
    config = evscale.Config(max_jobs=12)
    assert pickle.loads(pickle.dumps(config)) == config and config.max_jobs == 12
    decision = fed().decide()
    assert pickle.loads(pickle.dumps(decision)) == decision


def test_snapshot_refusals():
    config = evscale.Config()
    state = fed().snapshot()
    for damaged in (state[:10], state[:-1], b"OTHR" + state[4:], state[:50] + bytes([state[50] ^ 1]) + state[51:]):
        with pytest.raises(evscale.EvscaleError) as caught:
            evscale.Autoscaler.restore(config, damaged)
        assert caught.value.kind == "invalid_snapshot"


def test_a_snapshot_goes_on_at_another_interval_and_tells_it():
    scaler = evscale.Autoscaler.restore(evscale.Config(interval_seconds=60), fed().snapshot())
    assert "`interval_seconds` is 60, was 120" in scaler.decide().explanation


def test_forecaster_alone():
    counts = 500 + 100 * np.sin(np.arange(1500) / 100)
    streamed = evscale.Forecaster(interval_seconds=300, start=START)
    streamed.observe_many(counts)
    at_once = evscale.Forecaster(interval_seconds=300).predict(counts.astype(np.float32).astype(np.float64), start=START)
    assert abs(streamed.forecast().horizons[12].prediction / at_once.horizons[12].prediction - 1) < 0.01
    with pytest.raises(evscale.EvscaleError):
        streamed.observe(-1.0)
    with pytest.raises(evscale.EvscaleError):
        evscale.Forecaster(interval_seconds=5)


def test_forecaster_alone_under_a_configuration(tmp_path):
    counts = 500 + 100 * np.sin(np.arange(1500) / 100)
    usual = evscale.Config(interval_seconds=300)
    by_config = evscale.Forecaster(config=usual)
    assert by_config.interval_seconds == 300
    assert by_config.predict(counts, start=START) == evscale.Forecaster(interval_seconds=300).predict(counts, start=START)
    bare = evscale.Forecaster(config=evscale.Config(interval_seconds=300, use_networks=False))
    assert bare.predict(counts, start=START) != by_config.predict(counts, start=START)
    with pytest.raises(evscale.ArgumentError, match="`interval_seconds` is 60, expected 300 as in `config`"):
        evscale.Forecaster(60, config=usual)

    for name, content in evscale.ModelBundle.bundled_files().items():
        (tmp_path / name).write_bytes(content.replace(b"evscale-bundled", b"of-someone-else") if name == "manifest.json" else content)
    foreign = evscale.ModelBundle.load(tmp_path)
    assert evscale.Forecaster(bundle=foreign, config=usual).predict(counts, start=START).horizons
    signed = evscale.Config(interval_seconds=300, bundle_public_key="ab" * 32)
    with pytest.raises(evscale.BundleError):
        evscale.Forecaster(bundle=foreign, config=signed)
    assert evscale.Forecaster(config=signed).interval_seconds == 300, "the models inside the package need no signature"


def test_what_a_pool_has_learned():
    scaler = fed()
    learned = scaler.learned()
    assert learned["jobs"] == scaler.decide().current_jobs and learned["newest_record"] and learned["rule"]
    assert learned["job_startup_seconds"] == 180 and learned["service_time_ms"] > 0
    for _ in range(3):
        scaler.acknowledge(timestamp=0, ready=1, startup_seconds=9000)
    assert scaler.learned()["job_startup_seconds"] == 9000
    fleet = evscale.Fleet()
    fleet.restore("a", scaler.config, scaler.snapshot())
    # a size may have changed while nobody looked
    assert fleet.learned("a") == {**scaler.learned(), "jobs": None}
    nothing = evscale.Autoscaler().learned()
    assert nothing["newest_record"] is None and nothing["jobs"] is None and nothing["service_time_ms"] is None


def test_pause_holds():
    scaler = fed()
    scaler.set_pause("all")
    assert scaler.decide().change == 0
    with pytest.raises(evscale.EvscaleError):
        scaler.set_pause("sideways")


def test_bundles(tmp_path):
    assert evscale.ModelBundle.bundled().manifest["format_version"] == 1
    with pytest.raises(FileNotFoundError):
        evscale.ModelBundle.load(tmp_path)


def test_an_order_of_a_person_holds_until_its_time_and_is_in_the_trail():
    scaler = fed(60, max_jobs=50)
    now = scaler.decide().decided_at
    scaler.set_override(fixed=33, until=now + timedelta(hours=1))
    decision = scaler.decide_at(now + timedelta(minutes=6))
    assert decision.recommended_jobs == 33
    assert "manual_fixed" in decision.limited_by
    scaler.set_override()
    scaler.set_override(cap=4, until=now + timedelta(hours=1))
    assert scaler.decide_at(now + timedelta(minutes=12)).recommended_jobs <= 4
    with pytest.raises(evscale.ArgumentError, match="one of `fixed`, `cap` and `floor` with `until`"):
        scaler.set_override(fixed=3)


def test_health_names_who_acts_and_what_is_wrong():
    scaler = fed(60)
    scaler.decide()
    assert scaler.health()["status"] == "healthy"
    scaler.observe(timestamp=0, logged_events_count=1, current_job_count=1)
    health = scaler.health()
    assert health["status"] == "degraded" and any("not newer" in cause for cause in health["causes"])


def test_the_data_is_judged():
    scaler = fed(60)
    assert (seen := scaler.observe(record(60))).data_quality == "good" and seen.allowed_actions == "all"
    late = scaler.observe(record(3))
    assert late.data_quality != "good" and late.allowed_actions == "up_only"
    assert late.to_dict()["data_quality"] == late.data_quality


def test_a_shrinking_pool_is_told_how_jobs_leave():
    scaler = fed(60)
    for i in range(60, 120):
        scaler.observe(record(i, logged_events_count=100, current_job_count=40))
        if (decision := scaler.decide()).change < 0:
            break
    assert decision.drain["jobs"] == -decision.change
    assert decision.drain == decision.to_dict()["drain"]


def test_slow_networks_rest():
    scaler = fed(60)
    scaler.report_latency(0.5)
    assert scaler.health()["status"] == "healthy"
    scaler.observe(record(60))
    scaler.report_latency(60_000)
    assert any("expected at most" in cause for cause in scaler.health()["causes"])
    for bad in (-1, float("nan"), "slow"):
        with pytest.raises(evscale.ArgumentError, match="took_ms"):
            scaler.report_latency(bad)
