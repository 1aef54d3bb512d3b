"""PPO learns a toy task, and the exported actor answers like the trained one."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from evscale.training.export import export, largest_difference
from evscale.training.policy_model import actor, critic
from evscale.training.ppo import PpoSettings, Trainer


class Sign:
    """The right action is 1 where the first element of the observation is positive, else 0."""

    def __init__(self, count=32):
        self.random = np.random.default_rng(0)
        self.count = count

    def reset(self):
        self.seen = self.random.normal(size=(self.count, 4)).astype(np.float32)
        return self.seen

    def step(self, actions):
        right = (self.seen[:, 0] > 0).astype(np.int64)
        reward = (actions == right).astype(np.float32)
        return self.reset(), reward, np.ones(self.count, np.float32)


def test_it_learns_the_right_action():
    torch.manual_seed(0)
    network = actor(4, 2)
    trainer = Trainer(Sign(), network, critic(4), PpoSettings(length=32, rate=3e-3, minibatch=256), seed=0)
    updates = itertools.count()
    list(trainer.run(lambda: next(updates) / 40))
    seen = torch.randn(1000, 4)
    right = (seen[:, 0] > 0).long()
    assert float((network(seen).argmax(dim=1) == right).float().mean()) > 0.9


def test_the_exported_actor_agrees(tmp_path):
    network = actor()
    export(network, (torch.zeros(1, 24),), ("observation",), "logits", tmp_path / "policy.onnx")
    assert largest_difference(network, tmp_path / "policy.onnx", ("observation",), lambda: (torch.randn(1, 24),)) < 1e-5
