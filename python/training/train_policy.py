"""Trains the policy network by PPO in the library's own simulator, and exports the actor.

    python python/training/train_policy.py --forecast-traces runs/forecast_traces.npz --out runs/policy --minutes 10
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from evscale import _evscale
from evscale.training.export import TOLERANCE, export, largest_difference
from evscale.training.policy_loop import Trace, mean_reward, train
from evscale.training.policy_model import OBSERVATION, actor
from evscale.training.ppo import PpoSettings
from evscale.training.schedule import Budget, begin, run_arguments

REWARD_STEPS = 2000


def read_traces(path: Path) -> list[Trace]:
    """The workloads and forecasts that `make_forecast_traces.py` wrote."""
    with np.load(path) as stored:
        number = sum(name.endswith("_events") for name in stored.files)
        return [(int(stored[f"w{i}_start_ms"]), int(stored[f"w{i}_interval_seconds"]), stored[f"w{i}_events"],
                 stored[f"w{i}_quantiles"].reshape(-1), stored[f"w{i}_confidence"], stored[f"w{i}_anomaly"])
                for i in range(number)]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forecast-traces", type=Path, required=True)
    run_arguments(parser, minutes=10.0, threads=1)
    parser.add_argument("--environments", type=int, default=64)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    begin(args)
    traces = read_traces(args.forecast_traces)
    network = actor(start_action=_evscale.ScalingVectorEnv(traces, 1, args.seed).analytic_action)
    train(traces, network, Budget(minutes=args.minutes), PpoSettings(), args.out, environments=args.environments, seed=args.seed,
          resume=args.resume)
    path = args.out / "policy.onnx"
    export(network, (torch.zeros(1, OBSERVATION),), ("observation",), "logits", path)
    difference = largest_difference(network, path, ("observation",), lambda: (torch.randn(1, OBSERVATION),))
    if difference > TOLERANCE:
        raise SystemExit(f"onnxruntime differs by {difference:.2e}, expected at most {TOLERANCE}")
    result = {name: mean_reward(traces, judged, REWARD_STEPS, args.environments)
              for name, judged in (("reward_network", network), ("reward_analytic", None))}
    (args.out / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"{path}: largest difference to onnxruntime {difference:.1e}; {result}")


if __name__ == "__main__":
    main()
