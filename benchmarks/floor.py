"""The floor of a forecast: floating-point operations of a network over the measured peak of one core."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

PRODUCTS = ("MatMul", "Gemm", "LSTM", "GRU", "Conv")


def flops(path: Path) -> int:
    """Operations of the products of one run (a multiplication and an addition are two); all else is small."""
    model = onnx.load(path)
    shapes = shapes_of_a_run(model)
    return sum(of_node(node, shapes) for node in model.graph.node)


def shapes_of_a_run(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor that a product reads or writes, from a run that gives them all out."""
    graph = model.graph
    shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    products = [node for node in graph.node if node.op_type in PRODUCTS]
    given = {value.name for value in graph.input} | set(shapes)
    wanted = {name for node in products for name in [*node.input[:3], node.output[0]] if name not in given}
    have = {value.name for value in graph.output}
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(wanted - have))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = {i.name: np.zeros([d if isinstance(d, int) else 1 for d in i.shape], np.float32) for i in session.get_inputs()}
    names = [value.name for value in session.get_outputs()]
    shapes |= {name: value.shape for name, value in zip(names, session.run(names, feeds), strict=True)}
    return shapes | {name: value.shape for name, value in feeds.items()}


def of_node(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    """Operations of a node."""
    if node.op_type == "MatMul":
        return 2 * int(np.prod(shapes[node.output[0]])) * shapes[node.input[0]][-1]
    if node.op_type == "Gemm":
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        return 2 * int(np.prod(shapes[node.output[0]])) * shapes[node.input[0]][0 if transposed else 1]
    if node.op_type in ("LSTM", "GRU"):
        steps, batch, _ = shapes[node.input[0]]
        weights = sum(int(np.prod(shapes[name])) for name in node.input[1:3])
        return 2 * steps * batch * weights
    if node.op_type == "Conv":
        return 2 * int(np.prod(shapes[node.output[0]])) * int(np.prod(shapes[node.input[1]][1:]))
    return 0


def peak(size: int = 640, repeats: int = 30) -> float:
    """Highest rate of a single-precision matrix product on one thread, operations per second."""
    random = np.random.default_rng(0)
    a, b = (random.random((size, size), dtype=np.float32) for _ in range(2))
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        a @ b
        best = min(best, time.process_time() - began)
    return 2 * size**3 / best
