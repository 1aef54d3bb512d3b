"""Ray Serve: requests of 0.3 s come twice, eight times and twice a second; evscale decides on the number of replicas."""

import asyncio
import sys
import time

import ray
from evscale.adapters.ray_serve import Stats
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy

SETTINGS = {"interval_seconds": 10, "decision_interval_seconds": 10, "job_startup_seconds": 8, "sla_wait_seconds": 2.0,
            "scale_down_stabilization_seconds": 30, "cooldown_down_seconds": 10}


def deployment(state):
    policy = AutoscalingPolicy(policy_function="evscale.adapters.ray_serve:Policy", policy_kwargs={**SETTINGS, "state": state})

    @serve.deployment(
        max_ongoing_requests=1, ray_actor_options={"num_cpus": 0.1},
        autoscaling_config=AutoscalingConfig(
            min_replicas=1, max_replicas=4, upscale_delay_s=0, downscale_delay_s=0, metrics_interval_s=1, look_back_period_s=2,
            policy=policy,
        ),
    )
    class Work:
        def __init__(self):
            self.stats = Stats()

        async def __call__(self, _=None):
            with self.stats.work():
                await asyncio.sleep(0.3)

        def record_autoscaling_stats(self):
            return self.stats.totals()

    return Work.bind()


def replicas():
    found = serve.status().applications["default"].deployments["Work"].replica_states
    return found.get("RUNNING", 0)


def main(state):
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100_000_000, logging_level="ERROR")
    serve.start(proxy_location="Disabled")
    handle = serve.run(deployment(state))
    for rate, seconds in ((2, 30), (8, 50), (2, 50)):
        end = time.monotonic() + seconds
        answers = []
        while time.monotonic() < end:
            answers.append(handle.remote())
            time.sleep(1 / rate)
        for answer in answers:
            answer.result()
        print(f"{rate} a second: {replicas()} replicas", flush=True)
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
