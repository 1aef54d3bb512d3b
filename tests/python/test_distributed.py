"""Many backtests in processes: the same results, failures that stay alone, and going on where one ended."""

import json
import os
from pathlib import Path

import evscale
import numpy as np
import pytest
from evscale.distributed import backtest_many

CONFIG = evscale.Config(max_jobs=80)
OPTIONS = {"baselines": False, "jobs_at_peak": 20}
TIMES = [1_767_571_200_000 + 600_000 * i for i in range(288)]


def history(seed):
    random = np.random.default_rng(seed)
    return {"timestamp": TIMES, "events": random.poisson(300 + 200 * np.sin(np.arange(288) / 144 * 2 * np.pi)).astype(float)}


class Deadly(dict):
    """A history that ends the process that opens it."""

    def __reduce__(self):
        return os._exit, (3,)


@pytest.fixture(scope="module")
def shops():
    return {f"shop {seed}": history(seed) for seed in range(4)}


def test_results_are_those_of_one_process(shops):
    told = []
    many = backtest_many(shops, CONFIG, processes=2, progress=lambda done, total: told.append((done, total)), **OPTIONS)
    assert list(many.results) == list(shops) and many.failures == {}
    for key, one in shops.items():
        assert many.results[key] == json.loads(json.dumps(evscale.backtest(one, CONFIG, **OPTIONS).to_dict()))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_history_that_is_wrong_or_ends_its_process_fails_alone(shops, tmp_path):
    wrong = {"negative": {"timestamp": TIMES, "events": [-1.0] * 288}, "deadly": Deadly(), "absent": tmp_path / "absent.csv",
             "unpicklable": {"timestamp": TIMES, "events": lambda: 1}}
    many = backtest_many(wrong | shops, CONFIG, processes=2, folder=tmp_path / "kept", **OPTIONS)
    assert set(many.results) == set(shops)
    assert set(many.failures) == set(wrong)
    assert many.failures["deadly"] == "its process ended abruptly"
    assert "absent.csv" in many.failures["absent"]


def test_it_goes_on_where_it_ended(shops, tmp_path):
    class Enough(Exception):
        pass

    def enough(done, _):
        if done == 2:
            raise Enough

    with pytest.raises(Enough):
        backtest_many(shops, CONFIG, processes=1, folder=tmp_path, progress=enough, **OPTIONS)
    assert len(list(tmp_path.iterdir())) == 2
    again = backtest_many(shops, CONFIG, processes=2, folder=tmp_path, **OPTIONS)
    assert again.resumed == 2 and len(again.results) == 4
    assert again.results == backtest_many(shops, CONFIG, folder=tmp_path, **OPTIONS).results
    other = backtest_many(shops, evscale.Config(max_jobs=10), folder=tmp_path, **OPTIONS)
    assert other.resumed == 0 and other.results != again.results
    next(Path(tmp_path).iterdir()).write_text("torn")
    assert backtest_many(shops, evscale.Config(max_jobs=10), folder=tmp_path, **OPTIONS).resumed == 3


def test_what_makes_no_sense_is_refused(shops):
    with pytest.raises(evscale.ArgumentError, match="histories by key"):
        backtest_many(list(shops.values()))
    with pytest.raises(evscale.ArgumentError, match="`config` has no 'shop 1'"):
        backtest_many(shops, {"shop 0": CONFIG}, **OPTIONS)
    with pytest.raises(evscale.ArgumentError, match="`bundle` is no option"):
        backtest_many(shops, bundle=evscale.ModelBundle.bundled())
