#!/usr/bin/env python3
"""Integer contractions of random shapes against exact integer arithmetic, bit by bit.

Models hold a dozen nodes each, of MatMulInteger, QLinearMatMul, ConvInteger and QLinearConv, and of
MatMul and Conv between DequantizeLinear and QuantizeLinear: odd sizes, every combination of signs,
zero points of all kinds (none, one, one per row or column, known or given by the run), data of the
full range, groups, depthwise convolutions, strides, dilations and padding. Sums are multiplied by
scale_a scale_b / scale_y in f32 (docs/numerics.md). Where only the run knows the scales around a
MatMul or Conv, they are powers of two, so that it does not matter in which order they are applied.

  fuzz_contractions.py [--seed S] [--first N] [--count N] [--target T] [--save FOLDER]

`--count` is of nodes. A mismatch is printed with the node; the exit status tells whether there was
one. With `--save` nothing is run: the models are written with inputs and exact results to FOLDER
(saved_models.py), and `FOLDER/check` runs them on a machine that has the processor T.
"""

import argparse
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper

import tenon
from saved_models import SavedModels

NODES_PER_MODEL = 12
ONNX_TYPES = {np.dtype(np.uint8): TensorProto.UINT8, np.dtype(np.int8): TensorProto.INT8,
              np.dtype(np.int32): TensorProto.INT32, np.dtype(np.float32): TensorProto.FLOAT}


class Case:
    """One node: its ONNX form, its data, and what it must give."""

    def __init__(self, random, number):
        self.random, self.name = random, f"node{number}"
        self.inputs, self.constants, self.operands = {}, {}, []
        self.attributes = {}
        kind = random.choice(["MatMulInteger", "QLinearMatMul", "MatMul", "ConvInteger",
                              "QLinearConv", "Conv"])
        self.kind = kind
        self.knows_scales = random.random() < 0.7
        if "MatMul" in kind:
            self.make_matmul()
        else:
            self.make_conv()

    def bytes_of(self, shape):
        dtype = self.random.choice([np.uint8, np.int8])
        info = np.iinfo(dtype)
        return self.random.integers(info.min, info.max + 1, size=shape).astype(dtype)

    def operand(self, role, array, known):
        """Adds an operand that is known when the model is compiled, or given by the run."""
        name = f"{self.name}_{role}"
        (self.constants if known else self.inputs)[name] = np.asarray(array)
        self.operands.append(name)

    def zero_like(self, data, shapes):
        """A zero point of the data's type: none, 0, any, or an end of its range."""
        shape = shapes[self.random.integers(len(shapes))]
        info = np.iinfo(data.dtype)
        values = self.random.integers(info.min, info.max + 1, size=shape)
        if self.random.random() < 0.3:
            values = np.full(shape, self.random.choice([0, info.min, info.max]))
        return values.astype(data.dtype)

    def known(self):
        return self.random.random() < 0.7

    def scale(self, shape=(), low=-6, high=3):
        logarithm = self.random.integers(low, high, size=shape).astype(np.float64)
        if self.knows_scales or self.kind.startswith("QLinear"):
            logarithm = logarithm + self.random.random(size=shape)
        return np.exp2(logarithm).astype(np.float32)

    def knows(self, role):
        """Whether an operand beside the data is known when the model is compiled."""
        if role.startswith("s") and not self.kind.startswith("QLinear"):
            return self.knows_scales
        return self.known()

    def finish(self, data, zeros, sums, scales, products, bias=None):
        """The operands in the node's order, and the expected result of the exact sums; `products`
        are those of the scales, as they broadcast with the sums."""
        (a, b), (za, zb) = data, zeros
        known_b = self.known()
        if self.kind.endswith("Integer"):
            self.operand("a", a, False)
            self.operand("b", b, known_b)
            self.operand("za", za, self.known())
            self.operand("zb", zb, self.known())
            self.expected = sums.astype(np.int64).astype(np.int32)
            return
        sa, sb = scales
        y_type = self.random.choice([np.uint8, np.int8])
        sy = self.scale(low=4, high=14)
        zy = self.zero_like(np.zeros(1, y_type), [()])
        for role, array in (("a", a), ("sa", sa), ("za", za), ("b", b), ("sb", sb), ("zb", zb),
                            ("sy", sy), ("zy", zy)):
            self.operand(role, array,
                         known_b if role == "b" else role != "a" and self.knows(role))
        if bias is not None:
            self.operand("bias", bias, True)
            self.bias_scale = np.asarray(products, np.float32).reshape(-1)
        wrapped = sums.astype(np.int64).astype(np.int32)
        factor = np.asarray(products, np.float32) / sy
        rounded = np.rint(wrapped.astype(np.float32) * factor) + np.float32(zy)
        info = np.iinfo(y_type)
        self.expected = np.clip(rounded, info.min, info.max).astype(y_type)

    def make_matmul(self):
        random = self.random
        m, n, k = (int(random.choice([1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33, 64, 70]))
                   for _ in range(3))
        batch = [int(size) for size in random.integers(1, 4, size=random.integers(0, 3))]
        shares = random.random() < 0.6
        a, b = self.bytes_of(batch + [m, k]), self.bytes_of(([] if shares else batch) + [k, n])
        # ONNX gives rows and columns of matrices zero points of their own.
        za = self.zero_like(a, [(), (1,)] + ([(m,)] if not batch else []))
        zb = self.zero_like(b, [(), (1,)] + ([(n,)] if b.ndim == 2 else []))
        rows = za.astype(np.int64).reshape(-1, 1) if za.size > 1 else za.astype(np.int64)
        sums = (a.astype(np.int64) - rows) @ (b.astype(np.int64) - zb.astype(np.int64))
        sa, sb = self.scale(za.shape), self.scale(zb.shape)
        self.finish((a, b), (za, zb), sums, (sa, sb), sa.reshape(-1, 1) * sb if sa.size > 1 else
                    sa * sb)

    def make_conv(self):
        random = self.random
        rank = int(random.integers(1, 3))
        groups = int(random.choice([1, 1, 2, 3, 8]))
        per_group = 1 if random.random() < 0.3 else int(random.choice([1, 2, 3, 4, 5, 8, 16, 19]))
        outputs = groups * int(random.choice([1, 1, 2, 5, 8, 17, 40]))
        kernel = [int(size) for size in random.integers(1, 4, size=rank)]
        strides = [int(size) for size in random.integers(1, 3, size=rank)]
        dilations = [int(size) for size in random.integers(1, 3, size=rank)]
        pads = [int(size) for size in random.integers(0, 3, size=2 * rank)]
        size = [int(extent) for extent in random.integers(6, 15, size=rank)]
        batch = int(random.integers(1, 3))
        a = self.bytes_of([batch, groups * per_group] + size)
        b = self.bytes_of([outputs, per_group] + kernel)
        za = self.zero_like(a, [()])
        zb = self.zero_like(b, [(), (outputs,)])
        self.attributes = {"group": groups, "strides": strides, "dilations": dilations, "pads": pads,
                           "kernel_shape": kernel}
        wide = b.astype(np.int64) - zb.astype(np.int64).reshape([-1] + [1] * (rank + 1))
        sums = convolve(a.astype(np.int64) - int(za), wide, groups, strides, dilations, pads)
        sb = self.scale(zb.shape)
        bias = None
        if self.kind != "ConvInteger" and random.random() < 0.5:
            bias = random.integers(-(1 << 20), 1 << 20, size=outputs).astype(np.int32)
            sums = sums + bias.reshape([-1] + [1] * rank)
        sa = self.scale()
        per_channel = sb.reshape([-1] + [1] * rank) if sb.size > 1 else sb
        self.finish((a, b), (za, zb), sums, (sa, sb), sa * per_channel, bias)


def convolve(x, w, groups, strides, dilations, pads):
    """ONNX's convolution of int64 numbers, tap by tap."""
    rank = len(strides)
    x = np.pad(x, [(0, 0), (0, 0)] + list(zip(pads[:rank], pads[rank:])))
    sizes = [(x.shape[d + 2] - (w.shape[d + 2] - 1) * dilations[d] - 1) // strides[d] + 1
             for d in range(rank)]
    outputs, inputs = w.shape[0] // groups, w.shape[1]
    result = np.zeros([x.shape[0], w.shape[0]] + sizes, np.int64)
    for tap in np.ndindex(*w.shape[2:]):
        window = x[(slice(None), slice(None)) + tuple(
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, d, n, s in zip(tap, dilations, sizes, strides))]
        for g in range(groups):
            rows = slice(g * outputs, (g + 1) * outputs)
            weights = w[(rows, slice(None)) + tap]
            part = window[:, g * inputs:(g + 1) * inputs]
            result[:, rows] += np.einsum("oi,ni...->no...", weights, part)
    return result


def make_nodes(case):
    """The node of a case, or that of floats with conversions around it."""
    if case.kind not in ("MatMul", "Conv"):
        return [helper.make_node(case.kind, case.operands, [case.name], name=case.name,
                                 **case.attributes)]
    a, sa, za, b, sb, zb, sy, zy, *bias = case.operands
    x, w, y = (f"{case.name}_{role}" for role in "xwy")
    nodes = [helper.make_node("DequantizeLinear", [a, sa, za], [x], axis=0),
             helper.make_node("DequantizeLinear", [b, sb, zb], [w],
                              axis=0 if case.kind == "Conv" else 1)]
    operands = [x, w]
    if bias:
        case.constants[f"{case.name}_bias_scale"] = case.bias_scale
        operands.append(f"{case.name}_bias_float")
        nodes.append(helper.make_node("DequantizeLinear", [*bias, f"{case.name}_bias_scale"],
                                      operands[-1:], axis=0))
    return [*nodes,
            helper.make_node(case.kind, operands, [y], name=case.name, **case.attributes),
            helper.make_node("QuantizeLinear", [y, sy, zy], [case.name])]


def make_model(cases):
    nodes, inputs, constants, outputs = [], [], [], []
    for case in cases:
        nodes += make_nodes(case)
        outputs.append(helper.make_tensor_value_info(
            case.name, ONNX_TYPES[case.expected.dtype], case.expected.shape))
        inputs += [helper.make_tensor_value_info(name, ONNX_TYPES[array.dtype], array.shape)
                   for name, array in case.inputs.items()]
        constants += [onnx.numpy_helper.from_array(array, name)
                      for name, array in case.constants.items()]
    graph = helper.make_graph(nodes, "integers", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def make_feeds(cases):
    return {name: array for case in cases for name, array in case.inputs.items()}


def run(cases, target):
    """The nodes whose results are not what they must be."""
    model = tenon.compile(make_model(cases), target=target or None)
    results = model.run(make_feeds(cases))
    return [case for case in cases if not np.array_equal(results[case.name], case.expected)]


def describe(case):
    shapes = {name: (array.shape, str(array.dtype)) for name, array in
              {**case.inputs, **case.constants}.items()}
    return f"{case.name}: {case.kind} {case.attributes} {shapes}"


def make_cases(options):
    """The cases of one model after the other."""
    for first in range(options.first, options.first + options.count, NODES_PER_MODEL):
        last = min(first + NODES_PER_MODEL, options.first + options.count)
        yield [Case(np.random.default_rng([options.seed, number]), number)
               for number in range(first, last)]


def save(options):
    models = SavedModels(options.save, options.target)
    for cases in make_cases(options):
        models.save(f"from-{cases[0].name}", make_model(cases), make_feeds(cases),
                    {case.name: case.expected for case in cases})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--target", default="")
    parser.add_argument("--save")
    options = parser.parse_args()
    if options.save:
        return save(options)
    failures = 0
    for cases in make_cases(options):
        for case in run(cases, options.target):
            failures += 1
            print(f"{describe(case)} differs")
    print(f"{options.count} nodes, {failures} differ")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
