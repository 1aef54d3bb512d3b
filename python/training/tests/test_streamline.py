import torch
from evscale.training.export import export, largest_difference
from evscale.training.model import INPUT_NAMES, Forecaster, ForecasterShape
from evscale.training.streamline import read_onnx, streamlined
from torch import nn


def network() -> Forecaster:
    """Random weights everywhere, the normalizations' scales and shifts included."""
    torch.manual_seed(3)
    made = Forecaster(ForecasterShape()).eval()
    for part in made.modules():
        if isinstance(part, nn.LayerNorm):
            nn.init.normal_(part.weight, 1.0, 0.3)
            nn.init.normal_(part.bias, 0.0, 0.3)
    nn.init.normal_(made.head.from_hidden.weight, 0.0, 0.3)
    return made


def test_the_streamlined_file_and_what_is_read_from_it_answer_as_the_network(tmp_path):
    original = network()
    path = tmp_path / "forecaster.onnx"
    export(streamlined(original), original.shape.example(1), INPUT_NAMES, "quantiles", path)
    draw = lambda: original.shape.example(1)
    assert largest_difference(original, path, INPUT_NAMES, draw) < 1e-4
    again = read_onnx(path).eval()
    assert largest_difference(again, path, INPUT_NAMES, draw) < 1e-4
    with torch.no_grad():
        again.head.from_hidden.bias += 0.1
    assert largest_difference(again, path, INPUT_NAMES, draw) > 1e-3
