"""ONNX export that the library's inference engine reads, and its check against onnxruntime."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

OPSET = 17
IR_VERSION = 8
TOLERANCE = 1e-4


def export(network: nn.Module, example: tuple[Tensor, ...], names: tuple[str, ...], output: str, path: Path) -> None:
    """Write `network` with the fixed shapes of `example` to `path`. Its parameters keep their names and shapes there."""
    network = network.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, example, str(path), input_names=list(names), output_names=[output],
                          opset_version=OPSET, dynamo=False, do_constant_folding=False)
    model = onnx.load(path)
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    onnx.save(model, path)


def largest_difference(network: nn.Module, path: Path, names: tuple[str, ...], draw, count: int = 100) -> float:
    """Largest absolute difference between the network and onnxruntime on `count` inputs from `draw()`."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for _ in range(count):
        inputs = draw()
        with torch.no_grad():
            ours = network(*inputs).numpy()
        theirs = session.run(None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)})[0]
        worst = max(worst, float(np.abs(ours - theirs).max()))
    return worst
