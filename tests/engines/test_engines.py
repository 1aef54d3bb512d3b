"""Ray and Dask hold fleets and run backtests: `make test-engines`. With EVSCALE_KILLS a worker is killed so often, every
EVSCALE_KILL_SECONDS: `make kill-test-engines`."""

import json
import os
import random
import signal
import threading
import time

import evscale
import numpy as np
import pytest
from evscale.distributed import DistributedFleet, backtest_many, what_if_many

START = 1_767_571_200_000
CONFIG = evscale.Config(max_jobs=80)
KILLS = int(os.environ.get("EVSCALE_KILLS", "2"))
KILL_SECONDS = float(os.environ.get("EVSCALE_KILL_SECONDS", "5"))
POOLS = int(os.environ.get("EVSCALE_KILL_POOLS", "60"))


@pytest.fixture(scope="module", params=["ray", "dask"])
def engine(request):
    if request.param == "ray":
        ray = pytest.importorskip("ray")
        from evscale.distributed import Ray

        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
        yield Ray()
        ray.shutdown()
    else:
        distributed = pytest.importorskip("distributed")
        import dask
        from evscale.distributed import Dask

        # so long after a worker was lost, a cluster of this machine looks whether one of its name is there, and gives it up if not: a
        # busy machine starts one slowly, and the next kill must not fall on that look
        dask.config.set({"distributed.deploy.lost-worker-timeout": "45s"})
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, distributed.Client(cluster) as client:
            yield Dask(client)


def columns(step, pools):
    level = 300.0 + 17 * (np.arange(pools) % 97)
    events = np.round(level * (1 + 0.4 * np.sin((step + level) / 20)))
    return {"logged_events_count": events, "processed_events_count": events, "current_job_count": 9.0,
            "average_processing_duration_ms": 400.0}


class Alone:
    """The same pools in one process, undisturbed."""

    def __init__(self, pools):
        self.fleet, self.keys = evscale.Fleet(), [f"pool-{number:05}" for number in range(pools)]
        for key in self.keys:
            self.fleet.add(key, CONFIG)

    def tick(self, step):
        given = {name: np.broadcast_to(values, len(self.keys)).tolist() for name, values in columns(step, len(self.keys)).items()}
        return self.fleet.tick({key: {name: values[place] for name, values in given.items()} | {"timestamp": START + 120_000 * step}
                                for place, key in enumerate(self.keys)}).decisions


def test_a_worker_is_killed_again_and_again_and_nothing_is_lost(engine, tmp_path):
    alone, draw, killed, step = Alone(POOLS), random.Random(1), 0, 0
    with DistributedFleet(engine, tmp_path, actors=2, snapshot_every=10, slots=32) as fleet:
        fleet.add(alone.keys, CONFIG)
        begin = time.monotonic()
        while killed < KILLS or step % 10:
            if killed < KILLS and time.monotonic() - begin > KILL_SECONDS * (killed + 1):
                # at a random moment of this tick or soon after it
                victim = draw.choice(sorted(fleet.processes().values()))
                threading.Timer(draw.uniform(0, 0.1), os.kill, (victim, signal.SIGKILL)).start()
                killed += 1
            tick = fleet.tick(START + 120_000 * step, columns(step, POOLS))
            assert not tick.rejected and not tick.failures
            expected = alone.tick(step)
            assert tick.jobs == {key: decision.recommended_jobs for key, decision in expected.items()}, step
            step += 1
        assert fleet.decisions() == {key: decision.to_json() for key, decision in expected.items()}
        print(f"\n{killed} workers killed in {time.monotonic() - begin:.0f} s, {fleet.losses} actors made again, {step} ticks of {POOLS} pools")
        assert fleet.losses >= killed > 0
        for actors in (3, 1):
            fleet.resize(actors)
            tick = fleet.tick(START + 120_000 * step, columns(step, POOLS))
            assert tick.jobs == {key: decision.recommended_jobs for key, decision in alone.tick(step).items()}
            step += 1


def test_an_actor_keeps_the_memory_that_networks_ask_for_again(engine):
    class Faults:  # in here, so that it travels by its value
        def of(self, blocks):
            """Page faults of so many blocks of a megabyte, each written to and given back before the next."""
            import ctypes
            import resource

            libc = ctypes.CDLL(None)
            libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for _ in range(blocks):
                block = libc.malloc(1 << 20)
                ctypes.memset(block, 1, 1 << 20)
                libc.free(block)
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    actor = engine.actor(Faults)
    # of 256 pages each, if every one were mapped anew
    assert actor.ask("of", 200).wait() < 20 * 256
    actor.end()


TIMES = [START + 600_000 * i for i in range(288)]


def history(seed):
    events = np.random.default_rng(seed).poisson(300 + 200 * np.sin(np.arange(288) / 144 * 2 * np.pi)).astype(float)
    return {"timestamp": TIMES, "events": events}


class Deadly(dict):
    """A history that ends the process that opens it."""

    def __reduce__(self):
        return os._exit, (3,)


def test_backtests_and_changed_settings_of_many_histories(engine, tmp_path):
    shops = {f"shop {seed}": history(seed) for seed in range(4)}
    wrong = {"negative": {"timestamp": TIMES, "events": [-1.0] * 288}, "absent": tmp_path / "absent.csv", "deadly": Deadly()}
    options = {"baselines": False, "jobs_at_peak": 20}
    many = backtest_many(wrong | shops, CONFIG, engine=engine, folder=tmp_path, **options)
    assert set(many.failures) == set(wrong), many.failures
    assert many.failures["deadly"] == "its process ended abruptly"
    assert many.results == {key: json.loads(json.dumps(evscale.backtest(one, CONFIG, **options).to_dict())) for key, one in shops.items()}
    assert backtest_many(shops, CONFIG, engine=engine, folder=tmp_path, **options).resumed == 4
    told = what_if_many({"shop 0": history(0)}, {"max_jobs": 12, "sla_target": 0.9}, CONFIG, engine=engine, **options)
    report = evscale.backtest(history(0), CONFIG, **options)
    for setting, change in told.results["shop 0"]["changes"].items():
        assert change["difference"] == report.what_if(**{setting: change["after"]}).difference
