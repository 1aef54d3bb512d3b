"""Actor and critic of the policy."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

OBSERVATION = 24
ACTIONS = 11
HIDDEN = 64


def perceptron(inputs: int, outputs: int, scale: float) -> nn.Sequential:
    """Two hidden layers with tanh; orthogonal weights, the last ones times `scale`."""
    layers = nn.Sequential(nn.Linear(inputs, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN), nn.Tanh(),
                           nn.Linear(HIDDEN, outputs))
    for index in (0, 2):
        nn.init.orthogonal_(layers[index].weight, 2**0.5)
    nn.init.orthogonal_(layers[4].weight, scale)
    for index in (0, 2, 4):
        nn.init.zeros_(layers[index].bias)
    return layers


def actor(observation: int = OBSERVATION, actions: int = ACTIONS, start_action: int | None = None) -> nn.Sequential:
    """Scores of the actions. `start_action` is preferred at first: the warm start from the rule that it stands for,
    with less weight on the actions further away."""
    network = perceptron(observation, actions, 0.01)
    if start_action is not None:
        with torch.no_grad():
            away = torch.arange(actions) - start_action
            network[4].bias.copy_(2.0 - 0.7 * away.abs())
    return network


def read_onnx(path: Path) -> nn.Sequential:
    """The actor of an exported file, ready to be trained further."""
    network = actor()
    stored = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy()) for item in onnx.load(path).graph.initializer}
    absent = [name for name in network.state_dict() if name not in stored]
    if absent:
        raise ValueError(f"{path}: weights of {absent[0]} are absent, expected a policy exported by evscale")
    network.load_state_dict({name: stored[name] for name in network.state_dict()})
    return network


def analytic(action: int) -> nn.Sequential:
    """An actor that always prefers one action, whatever it sees."""
    network = actor(start_action=action)
    nn.init.zeros_(network[4].weight)
    return network


def critic(observation: int = OBSERVATION) -> nn.Sequential:
    """Value of an observation."""
    return perceptron(observation, 1, 1.0)


def log_probabilities(scores: Tensor) -> Tensor:
    """Logarithms of the probabilities of the actions."""
    return torch.log_softmax(scores, dim=-1)
