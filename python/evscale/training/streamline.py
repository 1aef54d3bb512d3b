"""The forecaster as it runs: the same function with less work, and the way back to something that can be trained.

Every layer normalization is followed by linear layers and preceded by sums of linear layers. Its scale and shift go into
the former and its mean into the latter, so that a division by the root mean square is left (Jiang et al., *Pre-RMSNorm
and Pre-CRMSNorm Transformers: equivalent and efficient pre-LN Transformers*, 2023).
"""

from __future__ import annotations

import copy
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from .model import Forecaster, ForecasterShape


class RootMeanSquare(nn.Module):
    """A vector over its root mean square."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors * torch.rsqrt(vectors.square().mean(dim=-1, keepdim=True) + self.epsilon)


@torch.no_grad()
def streamlined(network: Forecaster) -> Forecaster:
    """A copy that computes the same with root mean squares in place of layer normalizations."""
    if network.shape.context != "attention":
        raise ValueError(f"`context` is {network.shape.context!r}, expected 'attention'")
    network = copy.deepcopy(network).eval()
    network.positions -= network.positions.mean(dim=-1, keepdim=True)
    for layer in (network.embed_fine, network.embed_coarse, network.embed_statics):
        _centre(layer)
    for block in network.encoder:
        block.norm_attention = _absorbed(block.norm_attention, block.attention.query, block.attention.key_value)
        block.norm_feedforward = _absorbed(block.norm_feedforward, block.feedforward[0])
        _centre(block.attention.out)
        _centre(block.feedforward[2])
    network.norm = _absorbed(network.norm, network.context.key_value)
    return network


def read_onnx(path: Path) -> Forecaster:
    """The network of an exported file, ready to be trained further."""
    stored = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy())
              for item in onnx.load(path).graph.initializer}
    network = Forecaster(ForecasterShape())
    state = {name: stored.get(name, value) for name, value in network.state_dict().items()}
    absent = [name for name in state if name not in stored and "norm" not in name]
    if absent:
        raise ValueError(f"{path}: weights of {absent[0]} are absent, expected a forecaster exported by evscale")
    network.load_state_dict(state)
    return network


def _centre(layer: nn.Linear) -> None:
    layer.weight -= layer.weight.mean(dim=0, keepdim=True)
    layer.bias -= layer.bias.mean()


def _absorbed(norm: nn.LayerNorm, *following: nn.Linear) -> RootMeanSquare:
    for layer in following:
        layer.bias += layer.weight @ norm.bias
        layer.weight *= norm.weight
    return RootMeanSquare(norm.eps)
