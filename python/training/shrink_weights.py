"""Stores the weights of a network in fewer bits, to see what that saves and what it costs.

    python python/training/shrink_weights.py models/onnx/forecaster.onnx small.onnx --bits 16

16: half floats, cast back while the file is loaded. 8: whole numbers with a scale per output channel (`DequantizeLinear`).
The core computes in 32 bits in any case: time and memory of a run stay the same, only the file is smaller.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

FEWEST_NUMBERS = 256


def halved(name: str, weights: np.ndarray) -> tuple[list, list]:
    """Stored tensors and the operators that give `weights` back, in half floats."""
    stored = numpy_helper.from_array(weights.astype(np.float16), f"{name}.stored")
    return [stored], [helper.make_node("Cast", [stored.name], [name], to=onnx.TensorProto.FLOAT)]


def quantized(name: str, weights: np.ndarray) -> tuple[list, list]:
    """The same in 8-bit whole numbers with a scale per slice of the last axis."""
    axis = weights.ndim - 1
    scale = np.abs(weights).reshape(-1, weights.shape[axis]).max(axis=0) / 127
    scale[scale == 0] = 1.0
    whole = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
    tensors = [numpy_helper.from_array(whole, f"{name}.stored"),
               numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"),
               numpy_helper.from_array(np.zeros(len(scale), np.int8), f"{name}.zero")]
    return tensors, [helper.make_node("DequantizeLinear", [tensor.name for tensor in tensors], [name], axis=axis)]


def shrunk(model: onnx.ModelProto, bits: int) -> onnx.ModelProto:
    """A copy of the network with smaller weights."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    kept, tensors, nodes = [], [], []
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.dtype != np.float32 or weights.size < FEWEST_NUMBERS:
            kept.append(tensor)
            continue
        more = halved(tensor.name, weights) if bits == 16 else quantized(tensor.name, weights)
        tensors += more[0]
        nodes += more[1]
    operators = [*nodes, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend([*kept, *tensors])
    model.graph.node.extend(operators)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bits", type=int, choices=(8, 16), required=True)
    args = parser.parse_args()
    model = shrunk(onnx.load(args.network), args.bits)
    args.out.write_bytes(model.SerializeToString())
    print(f"{args.out}: {args.out.stat().st_size:,} bytes instead of {args.network.stat().st_size:,}")


if __name__ == "__main__":
    main()
