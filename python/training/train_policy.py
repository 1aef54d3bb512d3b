"""Trains the policy network by PPO in the library's own simulator, and exports the actor.

    python python/training/train_policy.py --forecast-traces runs/forecast_traces.npz --out runs/policy --minutes 10
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path

import numpy as np
import torch
from evscale import _evscale
from evscale.training.export import TOLERANCE, export, largest_difference
from evscale.training.policy_model import OBSERVATION, actor, critic
from evscale.training.ppo import PpoSettings, Trainer
from evscale.training.schedule import begin, run_arguments
from tqdm import tqdm


def environment(path: Path, count: int, seed: int):
    """Vector environment on the workloads and forecasts that `make_forecast_traces.py` wrote."""
    with np.load(path) as stored:
        number = sum(name.endswith("_events") for name in stored.files)
        traces = [(int(stored[f"w{i}_start_ms"]), int(stored[f"w{i}_interval_seconds"]), stored[f"w{i}_events"],
                   stored[f"w{i}_quantiles"].reshape(-1), stored[f"w{i}_confidence"], stored[f"w{i}_anomaly"])
                  for i in range(number)]
    return _evscale.ScalingVectorEnv(traces, count, seed)


def mean_reward(env, choose, steps: int) -> float:
    """Mean reward per step of a policy that chooses actions from observations."""
    seen = env.reset()
    total = 0.0
    for _ in range(steps):
        seen, reward, _ = env.step(choose(seen))
        total += float(reward.mean())
    return total / steps


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forecast-traces", type=Path, required=True)
    run_arguments(parser, minutes=10.0, threads=1)
    parser.add_argument("--environments", type=int, default=64)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    begin(args)
    env = environment(args.forecast_traces, args.environments, args.seed)
    network, value = actor(start_action=env.analytic_action), critic()
    trainer = Trainer(env, network, value, PpoSettings(), args.seed)
    checkpoint = args.out / "checkpoint.pt"
    used = 0.0
    if args.resume and checkpoint.exists():
        stored = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(stored["actor"])
        value.load_state_dict(stored["critic"])
        trainer.optimizer.load_state_dict(stored["optimizer"])
        used = stored["seconds"]
    began = time.monotonic()
    seconds = lambda: used + time.monotonic() - began
    saved = seconds()
    with (args.out / "log.csv").open("a", newline="") as file, tqdm(unit="update", disable=None) as bar:
        log = None
        for statistics in trainer.run(lambda: seconds() / (60.0 * args.minutes)):
            row = {"seconds": round(seconds(), 1), **{name: round(number, 5) for name, number in statistics.items()}}
            if log is None:
                log = csv.DictWriter(file, row.keys())
                log.writeheader()
            log.writerow(row)
            bar.update()
            if seconds() - saved > 60.0:
                saved = seconds()
                file.flush()
                print(row, flush=True)
                torch.save({"actor": network.state_dict(), "critic": value.state_dict(),
                            "optimizer": trainer.optimizer.state_dict(), "seconds": saved}, checkpoint)
    path = args.out / "policy.onnx"
    export(network, (torch.zeros(1, OBSERVATION),), ("observation",), "logits", path)
    difference = largest_difference(network, path, ("observation",), lambda: (torch.randn(1, OBSERVATION),))
    if difference > TOLERANCE:
        raise SystemExit(f"onnxruntime differs by {difference:.2e}, expected at most {TOLERANCE}")
    analytic = np.full(args.environments, env.analytic_action, np.int64)
    with torch.no_grad():
        choose = lambda seen: network(torch.from_numpy(seen)).argmax(dim=1).numpy()
        result = {
            "reward_network": mean_reward(environment(args.forecast_traces, args.environments, 999), choose, 2000),
            "reward_analytic": mean_reward(environment(args.forecast_traces, args.environments, 999), lambda _: analytic, 2000),
        }
    (args.out / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"{path}: largest difference to onnxruntime {difference:.1e}; {result}")


if __name__ == "__main__":
    main()
