"""A forecaster and a policy of one's own: they act when they are good, and harm nothing when they are not."""

import threading
from itertools import pairwise

import evscale
import numpy as np
import pytest
from evscale.testing import ConformanceError, check_forecaster, check_policy

START_MS = 1_767_571_200_000
CONFIG = evscale.Config(min_jobs=2, max_jobs=60)
BUNDLE = evscale.ModelBundle.bundled()
SHAPE = (len(evscale.HORIZON_MINUTES), len(evscale.QUANTILE_LEVELS))


def run(count=120, config=CONFIG, **own):
    scaler = evscale.Autoscaler(config, BUNDLE, **own)
    jobs, decisions = 12, []
    for index in range(count):
        scaler.observe(timestamp=START_MS + 120_000 * index, logged_events_count=2000 + 900 * np.sin(index / 30),
                       current_job_count=jobs, average_processing_duration_ms=400)
        decisions.append(scaler.decide())
        jobs = decisions[-1].recommended_jobs
        assert config.min_jobs <= jobs <= config.max_jobs
    return scaler, decisions


def last_hour(history):
    recent = history.events[-30:]
    known = recent[np.isfinite(recent)]
    return np.tile(np.quantile(known if len(known) else [0.0], evscale.QUANTILE_LEVELS), (SHAPE[0], 1))


def need(state):
    return state["analytic_need"]


def test_a_policy_of_ones_own_acts_and_is_named():
    _, decisions = run(policy=need)
    assert {decision.source for decision in decisions[5:]} >= {"host_policy"}
    assert all(decision.fallback_reason is None for decision in decisions if decision.source == "host_policy")


def raising(_):
    raise ZeroDivisionError("no luck today")


@pytest.mark.parametrize("policy, part", [
    (raising, "ZeroDivisionError: no luck today"),
    (lambda state: float("nan"), "NaN jobs"),
    (lambda state: -1, "-1 jobs"),
    (lambda state: float("inf"), "inf jobs"),
    (lambda state: "many", "'many', expected a number"),
    (lambda state: None, "None, expected a number"),
    (lambda: 1, "TypeError"),
])
def test_a_policy_that_fails_is_named_and_the_analytic_rule_acts(policy, part):
    scaler, decisions = run(policy=policy)
    told = [decision for decision in decisions if part in (decision.fallback_reason or "")]
    assert told and all(decision.source == "analytic_rule" for decision in told)
    assert not any(decision.source == "host_policy" for decision in decisions)
    assert any(part in cause for cause in scaler.health()["causes"])


@pytest.mark.parametrize("wish", [0, 1e9])
def test_a_senseless_policy_is_held_by_the_same_rules(wish):
    _, decisions = run(policy=lambda state: wish)
    for before, after in pairwise(decisions):
        assert after.recommended_jobs <= max(2 * before.recommended_jobs, before.recommended_jobs + 4) or after.emergency
    acted = [decision.source == "host_policy" for decision in decisions[60:]]
    assert not all(acted), "the shadow evaluation must see through it"


def test_a_forecaster_of_ones_own_is_one_expert():
    own, _ = run(forecaster=last_hour)
    usual, _ = run()
    assert own.health()["causes"] == [] and own.forecast() != usual.forecast()
    seen = []
    run(count=9, forecaster=lambda history: (seen.append(history), last_hour(history))[1])
    assert [len(history.events) for history in seen] == list(range(1, 10))
    assert seen[-1].interval_seconds == 120 and seen[-1].start_ms == seen[0].start_ms == START_MS - 120_000


@pytest.mark.parametrize("forecaster, part", [
    (raising, "ZeroDivisionError: no luck today"),
    (lambda history: np.ones((3, 2)), "3 rows of 2, expected 12 of 15"),
    (lambda history: np.ones(15), "of shape (15,), expected (12, 15)"),
    (lambda history: np.full(SHAPE, np.nan), "NaN, expected 0 to 1e15"),
    (lambda history: np.full(SHAPE, -1.0), "-1, expected 0 to 1e15"),
    (lambda history: np.tile(np.arange(15.0)[::-1], (12, 1)), "decrease"),
    (lambda history: "rain", "ValueError"),
])
def test_a_forecaster_that_fails_is_named_and_the_experts_go_on(forecaster, part):
    scaler, decisions = run(forecaster=forecaster)
    assert any(part in cause for cause in scaler.health()["causes"])
    assert any(part in (decision.fallback_reason or "") + decision.explanation for decision in decisions)
    assert scaler.forecast().model_confidence > 0


def test_what_a_pool_asks_cannot_use_the_pool():
    held = []
    scaler, decisions = run(policy=lambda state: held[0].decide().recommended_jobs if held else 5)
    held.append(scaler)
    for index in range(120, 160):
        scaler.observe(timestamp=START_MS + 120_000 * index, logged_events_count=2000, current_job_count=12)
        decisions.append(scaler.decide())
    assert any("cannot use a pool" in cause for cause in scaler.health()["causes"])


def test_threads_share_a_pool_with_a_policy():
    scaler, _ = run(policy=need)
    threads = [threading.Thread(target=lambda: [scaler.decide() for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)


def test_a_stop_reaches_the_caller():
    def stopped(state):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(policy=stopped)


def test_a_snapshot_goes_on_with_the_same_policy():
    scaler, _ = run(policy=need)
    same = evscale.Autoscaler.restore(CONFIG, scaler.snapshot(), BUNDLE, policy=need)
    for index in range(120, 150):
        record = {"timestamp": START_MS + 120_000 * index, "logged_events_count": 2500, "current_job_count": 12}
        assert scaler.observe(record) == same.observe(record)
        assert scaler.decide() == same.decide()


@pytest.mark.parametrize("own", [{"policy": 3}, {"forecaster": "x"}])
def test_what_is_no_callable_is_refused(own):
    with pytest.raises(evscale.ArgumentError, match="expected a callable"):
        evscale.Autoscaler(CONFIG, BUNDLE, **own)
    with pytest.raises(evscale.ArgumentError, match="use_networks"):
        evscale.Autoscaler(evscale.Config(use_networks=False), policy=need)


def test_the_checks_pass_what_is_good():
    assert len(check_forecaster(lambda: last_hour)) == 13
    assert len(check_policy(lambda: need)) == 5


class Moody:
    """Answers differently every time."""

    def __init__(self):
        self.asked = 0

    def __call__(self, given):
        self.asked += 1
        return self.asked if isinstance(given, dict) else np.full(SHAPE, float(self.asked))


def spoils_history(history):
    history.events[:] = 0
    return np.zeros(SHAPE)


def spoils_state(state):
    state["analytic_need"] = 1.0
    return 1.0


@pytest.mark.parametrize("make, part", [
    (lambda: raising, "zeros: ZeroDivisionError: no luck today"),
    (lambda: lambda history: np.ones((3, 3)), "(3, 3), expected (12, 15)"),
    (lambda: lambda history: np.full(SHAPE, history.events.max()), "nothing that is known"),
    (lambda: lambda history: -last_hour(history), "expected 0 to 1e+15"),
    (lambda: lambda history: last_hour(history)[:, ::-1], "decrease"),
    (Moody, "asked again"),
    (lambda: spoils_history, "changed the history"),
])
def test_the_checks_name_what_is_wrong_with_a_forecaster(make, part):
    with pytest.raises(ConformanceError) as caught:
        check_forecaster(make)
    assert part in str(caught.value)


_SHARED = Moody()


@pytest.mark.parametrize("make, part", [
    (lambda: raising, "ZeroDivisionError: no luck today"),
    (lambda: lambda state: float("nan"), "nan jobs"),
    (lambda: lambda state: [1], "[1], expected a number"),
    (lambda: lambda state: 1 / state["utilization"], "no load"),
    (lambda: _SHARED, "another answer to the same state"),
    (lambda: spoils_state, "changed the state"),
])
def test_the_checks_name_what_is_wrong_with_a_policy(make, part):
    with pytest.raises(ConformanceError) as caught:
        check_policy(make)
    assert part in str(caught.value)
