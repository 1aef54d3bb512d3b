"""Writes small ONNX files that ask for much memory or stack, into evscale-core/tests/fixtures/hostile/."""

from __future__ import annotations

import struct
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "evscale-core" / "tests" / "fixtures" / "hostile"
HUGE = 1 << 30
BEYOND_32_BITS = 1 << 33
FLOAT, INT64, BOOL = 1, 7, 9


def varint(number: int) -> bytes:
    """A number as protocol buffers write it."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 127
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


def field(number: int, value: int | str | bytes) -> bytes:
    """A field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def node(operator: str, inputs: list[str], output: str, *attributes: bytes) -> bytes:
    """An operator of a graph."""
    names = b"".join(field(1, name) for name in inputs) + field(2, output)
    return field(1, names + field(3, f"{operator}_{output}") + field(4, operator) + b"".join(field(5, a) for a in attributes))


def integers(name: str, values: list[int]) -> bytes:
    """An attribute of a list of numbers."""
    return field(1, name) + b"".join(field(8, value) for value in values) + field(20, 7)


def integer(name: str, value: int) -> bytes:
    """An attribute of one number."""
    return field(1, name) + field(3, value) + field(20, 2)


def constant(name: str, values: list[int] | list[float], dims: list[int] | None = None) -> bytes:
    """A tensor that is written in the file: of i64, or of f32 if the values are not whole numbers."""
    whole = all(isinstance(value, int) for value in values)
    data = struct.pack(f"<{len(values)}{'q' if whole else 'f'}", *values)
    shape = b"".join(field(1, size) for size in ([len(values)] if dims is None else dims))
    return field(5, shape + field(2, INT64 if whole else FLOAT) + field(8, name) + field(9, data))


def tensor(side: int, name: str, dims: list[int | str], kind: int = FLOAT) -> bytes:
    """An input (11) or output (12) of a graph."""
    shape = b"".join(field(1, field(2, size) if isinstance(size, str) else field(1, size)) for size in dims)
    return field(side, field(1, name) + field(2, field(1, field(1, kind) + field(2, shape))))


def policy(body: bytes, *, batch: int | str = 1, last: str = "big") -> bytes:
    """A policy whose answer depends on the sum of the tensor `last`."""
    graph = body + node("ReduceSum", [last], "sum", integer("keepdims", 0))
    graph += node("ReduceMean", ["observation"], "mean", integers("axes", [1]), integer("keepdims", 1))
    graph += node("Add", ["mean", "sum"], "both") + node("Mul", ["both", "ones"], "logits")
    graph += constant("ones", [1.0] * 11, [1, 11]) + field(2, "hostile")
    graph += tensor(11, "observation", [batch, 24]) + tensor(12, "logits", [batch, 11])
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


def filled(name: str, dims: list[int]) -> bytes:
    """A tensor of one number again and again, which the file does not hold."""
    value = field(1, 1) + field(2, FLOAT) + field(9, struct.pack("<f", 0.001))
    return constant(f"{name}_dims", dims) + node("ConstantOfShape", [f"{name}_dims"], name, field(1, "value") + field(5, value) + field(20, 4))


def norms(count: int) -> bytes:
    """A policy with so many operators each of which stands for several."""
    body = filled("plane", [8, 8]) + filled("scale", [8]) + node("ReduceMean", ["observation"], "load", integer("keepdims", 0))
    body += node("Add", ["plane", "load"], "norm0")
    body += b"".join(node("LayerNormalization", [f"norm{i}", "scale", "scale"], f"norm{i + 1}") for i in range(count))
    return policy(body, last=f"norm{count}")


def files() -> dict[str, bytes]:
    """The files by their names."""
    one, huge, side = constant("one", [1.0]), constant("size", [HUGE]), 1 << 17
    doubled = constant("t0", [1.0] * 64)
    for step in range(27):
        doubled += node("Concat", [f"t{step}"] * 2, f"t{step + 1}", integer("axis", 0))
    edges = constant("left", [side, 1]) + constant("top", [1, side])
    outer = one + edges + node("Expand", ["one", "left"], "column") + node("Expand", ["one", "top"], "row")
    image = filled("image", [1, 1, 4096, 4096]) + filled("square", [4096, 4096])
    load = node("ReduceMean", ["observation"], "load", integer("keepdims", 0))
    limits = constant("zero", [0], []) + constant("end", [HUGE], []) + constant("step", [1], [])
    body = node("Identity", ["go"], "go_on") + node("Add", ["value", "value"], "next") + field(2, "body")
    body += tensor(11, "turn", [], INT64) + tensor(11, "go", [], BOOL) + tensor(11, "value", [1])
    body += tensor(12, "go_on", [], BOOL) + tensor(12, "next", [1])
    return {
        "healthy": policy(one, last="one"),
        "constant_of_shape": policy(huge + node("ConstantOfShape", ["size"], "big")),
        "expand": policy(one + huge + node("Expand", ["one", "size"], "big")),
        "tile": policy(one + huge + node("Tile", ["one", "size"], "big")),
        "range": policy(limits + node("Range", ["zero", "end", "step"], "whole") + node("Cast", ["whole"], "big", integer("to", 1))),
        "one_hot": policy(constant("at", [1]) + constant("depth", [HUGE], []) + constant("values", [0.0, 1.0])
                          + node("OneHot", ["at", "depth", "values"], "big")),
        "pad": policy(one + constant("pads", [0, BEYOND_32_BITS]) + node("Pad", ["one", "pads"], "big")),
        "pad_of_input": policy(constant("pads", [0, 0, 0, BEYOND_32_BITS]) + node("Pad", ["observation", "pads"], "big")),
        "expand_of_input": policy(constant("size", [HUGE, 24]) + node("Expand", ["observation", "size"], "many")
                                  + node("Exp", ["many"], "big")),
        "resize": policy(constant("image", [1.0], [1, 1, 1, 1]) + constant("roi", []) + constant("scales", [1.0, 1.0, 1.0, float(HUGE)])
                         + node("Resize", ["image", "roi", "scales"], "big")),
        "outer_product": policy(outer + node("MatMul", ["column", "row"], "big")),
        "doubled": policy(doubled, last="t27"),
        "rank": policy(constant("big", [1.0], [1] * 200)),
        "dimension_names": policy(one, batch="(" * 8000 + "1" + ")" * 8000, last="one"),
        "convolution": policy(image + filled("kernel", [1, 1, 4095, 4095])
                              + node("Conv", ["image", "kernel"], "big", integers("pads", [2047] * 4))),
        "convolution_of_input": policy(image + load + filled("kernel", [1, 1, 3900, 3900]) + node("Add", ["image", "load"], "other")
                                       + node("Conv", ["other", "kernel"], "big")),
        "pooling_of_input": policy(image + load + node("Add", ["image", "load"], "other")
                                   + node("MaxPool", ["other"], "big", integers("kernel_shape", [2000, 2000]))),
        "matrices": policy(image + node("MatMul", ["square", "square"], "big")),
        "matrices_of_input": policy(image + load + node("Add", ["square", "load"], "other") + node("MatMul", ["other", "other"], "big")),
        "einsum": policy(image + node("Einsum", ["square", "square"], "big", field(1, "equation") + field(4, "ij,jk->ik") + field(20, 3))),
        "recurrence": policy(filled("steps", [4_000_000, 1, 1]) + filled("weights", [1, 4, 1])
                             + node("LSTM", ["steps", "weights", "weights"], "big", integer("hidden_size", 1))),
        "recurrence_of_input": policy(filled("steps", [4_000_000, 1, 1]) + filled("weights", [1, 4, 1]) + load
                                      + node("Add", ["steps", "load"], "other")
                                      + node("LSTM", ["other", "weights", "weights"], "big", integer("hidden_size", 1))),
        "loop": policy(constant("turns", [HUGE], []) + field(5, field(2, BOOL) + field(8, "go") + field(9, b"\1")) + one
                       + node("Loop", ["turns", "go", "one"], "big", field(1, "body") + field(6, body) + field(20, 5))),
        # each alone is harmless; what the library does with all of them grows with the square of their number
        "links": policy(load + constant("axes", [0]) + node("Unsqueeze", ["load", "axes"], "one_load")
                        + node("Concat", ["one_load"] * 8_200, "big", integer("axis", 0))),
        "recurrent_layers": policy(filled("layer0", [30, 1, 8]) + filled("weights", [1, 24, 8]) + constant("axes", [1])
                                   + b"".join(node("GRU", [f"layer{i}", "weights", "weights"], f"answer{i}", integer("hidden_size", 8))
                                              + node("Squeeze", [f"answer{i}", "axes"], f"layer{i + 1}") for i in range(33)),
                                   last="layer33"),
        "norms": norms(450),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, data in files().items():
        (FOLDER / f"{name}.onnx").write_bytes(data)
