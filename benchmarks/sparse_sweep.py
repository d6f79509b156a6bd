#!/usr/bin/env python3
"""Whether weights that are zero in part make any model of the zoo slower than the same one without zeros.

    sparse_sweep.py [--folder DIR] [--prepare] [--models M...] [--patterns P...] [--sparsities S...]

All weights of products and convolutions but the first of a model become zero in part: single ones at
random, blocks of 16 neighbouring results of one input and kernel position, or whole channels of results.
Each model is compiled as it is and with zeros, and they run in turn on one thread. The table has the time
of the dense build and how much faster each of the others is; below 1 is slower. Compiled models stay in
DIR, so that --prepare compiles without measuring.
"""
import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import tenon
from onnx import numpy_helper

import zoo

PATTERNS = ("random", "block", "channel")
BLOCK = 16
# Of weights, the axis of the result's channels.
RESULT_AXES = {"Conv": 0, "MatMul": -1, "Gemm": -1}


def find_weights(model):
    """Constants that products read, with the axis of the result's channels; the first product's stay."""
    constants = {tensor.name for tensor in model.graph.initializer}
    weights = {}
    for node in model.graph.node:
        if node.op_type in RESULT_AXES and node.input[1] in constants:
            transposed = any(each.name == "transB" and each.i for each in node.attribute)
            weights[node.input[1]] = 0 if transposed else RESULT_AXES[node.op_type]
    return dict(list(weights.items())[1:])


def choose_zeros(shape, pattern, sparsity, rng):
    """True where zeros go; the last axis is that of results."""
    if pattern == "random":
        return rng.random(shape) < sparsity
    if pattern == "channel":
        return np.broadcast_to(rng.random(shape[-1]) < sparsity, shape)
    blocks = rng.random((*shape[:-1], -(-shape[-1] // BLOCK))) < sparsity
    return np.repeat(blocks, BLOCK, axis=-1)[..., :shape[-1]]


def add_zeros(model, pattern, sparsity):
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    rng = np.random.default_rng(0)
    weights = find_weights(model)
    for tensor in changed.graph.initializer:
        if tensor.name in weights:
            array = numpy_helper.to_array(tensor).copy()
            results = np.moveaxis(array, weights[tensor.name], -1)
            results[choose_zeros(results.shape, pattern, sparsity, rng)] = 0
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return changed


def prepare(name, source, variant, folder):
    """The compiled model with one pattern of zeros, or without any for None."""
    suffix = "dense" if variant is None else f"{variant[0]}-{variant[1]:.0f}"
    file = folder / f"{name}-{suffix}.so"
    if not file.exists():
        model = onnx.load(source / "model.onnx")
        tenon.compile(model if variant is None else add_zeros(model, variant[0], variant[1] / 100), output=str(file))
    return file


def read_inputs(source):
    files = sorted((source / "test_data_set_0").glob("input_*.pb"))
    return [numpy_helper.to_array(onnx.load_tensor(file)) for file in files]


def measure(models, inputs, seconds):
    """Medians of times per run, in turn."""
    times = [[] for _ in models]
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or len(times[0]) < 5:
        for model, taken in zip(models, times):
            before = time.perf_counter()
            model.run(inputs)
            taken.append(time.perf_counter() - before)
    return [float(np.median(taken)) for taken in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", nargs="*", default=["mobilenet_v2", "llama_decode", "resnet50", "bert_base"])
    parser.add_argument("--patterns", nargs="*", default=PATTERNS, choices=PATTERNS)
    parser.add_argument("--sparsities", nargs="*", type=float, default=[50, 70, 80, 90, 95], help="in percent")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--seconds", type=float, default=10, help="for each model and pattern")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="tenon-sweep-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not options.prepare:
        print("| model | zeros | dense, ms | " + " | ".join(f"{each:.0f}%" for each in options.sparsities) + " |")
        print("|---" * (3 + len(options.sparsities)) + "|")
    for name in options.models:
        source = Path(zoo.build(name, zoo.default_dir()))
        for pattern in options.patterns:
            variants = [None, *((pattern, sparsity) for sparsity in options.sparsities)]
            files = [prepare(name, source, variant, folder) for variant in variants]
            if options.prepare:
                continue
            models = [tenon.load(str(file), threads=1) for file in files]
            dense, *others = measure(models, read_inputs(source), options.seconds)
            ratios = " | ".join(f"{dense / each:.2f}" for each in others)
            print(f"| {name} | {pattern} | {dense * 1e3:.2f} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()
