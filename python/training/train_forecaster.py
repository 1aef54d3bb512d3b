"""Trains the forecaster on the training parts of real traces and on generated workloads, and exports it.

    python python/training/train_forecaster.py --traces DIR --out runs/forecaster --minutes 60
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from evscale.training.data import (
    SampleBank,
    compiled_core,
    generated_samples,
    mixed_batches,
    real_samples,
    validation_samples,
)
from evscale.training.export import TOLERANCE, export, largest_difference
from evscale.training.forecaster_loop import JUDGED, LoopSettings, scores, train
from evscale.training.model import INPUT_NAMES, Forecaster, ForecasterShape
from evscale.training.schedule import Budget, begin, run_arguments
from evscale.training.streamline import streamlined
from evscale.training.traces import read_traces, segments

PARTS = ("transformer", "lstm", "coarse")


def bank(path: Path, make) -> SampleBank:
    """A stored sample bank, made first if it is not there."""
    if not path.exists():
        print(f"making {path.name}", flush=True)
        make().save(path)
    return SampleBank.load(path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path, required=True, help="folder of CSV files `timestamp,events`")
    run_arguments(parser, minutes=60.0, threads=2)
    parser.add_argument("--steps", type=int, help="the run ends after so many, or by --minutes if those are over first")
    parser.add_argument("--real-rows", type=int, default=200_000, help="0: generated series alone")
    parser.add_argument("--generated-rows", type=int, default=120_000, help="0: real traces alone")
    parser.add_argument("--generated-share", type=float, default=0.35)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--leave-out", default="", help="traces whose name begins so are not trained on; several beginnings separated by commas")
    parser.add_argument("--without", choices=PARTS, default=[], nargs="*", help="parts of the network to leave out, for ablations")
    parser.add_argument("--start-from", type=Path, help="checkpoint whose averaged weights to begin with")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    begin(args)
    core = compiled_core()
    parts = [segments(trace) for trace in read_traces(args.traces)
             if not (args.leave_out and trace.name.startswith(tuple(args.leave_out.split(","))))]
    real = generated = None
    if args.real_rows:
        real = bank(args.out / "real.npz", lambda: real_samples(
            core, parts, args.real_rows, np.random.default_rng([args.seed, 1])))
    if args.generated_rows:
        generated = bank(args.out / "generated.npz", lambda: generated_samples(
            core, args.generated_rows, np.random.default_rng([args.seed, 2])))
    validation = bank(args.out / "validation.npz", lambda: validation_samples(core, parts, per_trace=120))
    print(f"{len(real) if real else 0} real, {len(generated) if generated else 0} generated, {len(validation)} validation samples")
    checkpoint = args.out / "checkpoint.pt"
    resumed = torch.load(checkpoint, weights_only=True) if args.resume and checkpoint.exists() else None
    network = Forecaster(ForecasterShape(**{f"use_{part}": part not in args.without for part in PARTS}))
    if args.start_from:
        network.load_state_dict(torch.load(args.start_from, weights_only=True)["average"])
    batches = mixed_batches(real, generated, args.batch, args.generated_share, np.random.default_rng([args.seed, 3]))
    averaged = train(network, batches, validation, Budget(args.steps, args.minutes),
                     LoopSettings(batch=args.batch, rate=args.rate), args.out, resumed)
    path = args.out / "forecaster.onnx"
    export(streamlined(averaged), averaged.shape.example(1), INPUT_NAMES, "quantiles", path)
    difference = largest_difference(averaged, path, INPUT_NAMES, lambda: averaged.shape.example(1))
    if difference > TOLERANCE:
        raise SystemExit(f"onnxruntime differs by {difference:.2e}, expected at most {TOLERANCE}")
    found = scores(averaged, validation)
    summary = {f"wql_over_{name}": {str(m): round(float(values[i]), 4) for m, i in zip((12, 48, 180), JUDGED)}
               for name, values in found.items()}
    (args.out / "validation.json").write_text(json.dumps(summary, indent=2) + "\n")
    torch.save({"average": averaged.state_dict(), "shape": averaged.shape.to_dict()}, args.out / "final.pt")
    print(f"{path}: {path.stat().st_size // 1024} kB, largest difference to onnxruntime {difference:.1e}; {summary}")


if __name__ == "__main__":
    main()
