#!/usr/bin/env python3
"""Lowers a transformer as far as a budget allows, and shows which kind of layer got which precision.

    transformer.py MODEL.onnx [--samples N] [--budget B] [--allow LIST] [--objective time|size] [-o OUT] [--data FILE]

MODEL has token numbers, masks, positions and caches as inputs, as exporters of BERT and of decoders
leave them (benchmarks/zoo.py makes such models with random weights). Without --data its samples are
random tokens of random lengths, which say little of a trained model, but enough of a random one. What is printed:

 - the precisions of attention's projections, its two products, the feed-forward layers, tables and the
   head, with the size of their weights before and after;
 - the loss on samples that were held back, the time of all kernels, and the size of the file.
"""
import argparse
import resource
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx

import tenon

BYTES = {"fp32": 4, "bf16": 2, "f16": 2, "int8": 1, "int8-weights": 1, "int4-weights": 0.5 + 4 / 128}


class Layers:
    """What kind of layer each node of a model is, told from the graph alone."""

    def __init__(self, graph):
        self.constants = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
        self.outputs = {output.name for output in graph.output}
        self.readers = defaultdict(list)
        for node in graph.node:
            for operand in node.input:
                self.readers[operand].append(node)
        self.nodes = {node.name or node.output[0]: node for node in graph.node}
        widths = [dims for name, dims in self.constants.items() if len(dims) == 2]
        self.vocabulary = max((max(dims) for dims in widths), default=0)

    def weight(self, node):
        """The dimensions of the matrix that a node multiplies or reads rows of; None if it has none."""
        return next((self.constants[name] for name in node.input if len(self.constants.get(name, ())) == 2), None)

    def kind(self, name):
        node = self.nodes[name]
        dims = self.weight(node)
        if node.op_type == "Gather":
            return "embedding"
        if dims is None:
            return "attention"
        if max(dims) == self.vocabulary:
            return "head"
        return "feed-forward" if self.is_wide(node, dims) else "projections"

    @staticmethod
    def is_wide(node, dims):
        """Feed-forward layers widen their input at least twofold, and bring it back."""
        return max(dims) >= 2 * min(dims) and min(dims) >= 256 and max(dims) > 1024


def random_sample(graph, rng, length):
    """Random tokens, of which some at the end are masked, and a cache of the same length."""
    constants = {tensor.name for tensor in graph.initializer}
    rows = max(tensor.dims[0] for tensor in graph.initializer if len(tensor.dims) == 2)
    sample = {}
    for value in graph.input:
        if value.name in constants:
            continue
        dims = [dim.dim_value or length for dim in value.type.tensor_type.shape.dim]
        if "mask" in value.name:
            array = np.ones(dims, np.int64)
            array[..., dims[-1] - rng.integers(0, dims[-1] // 2 + 1):] = 0
        elif "type" in value.name:
            array = (np.broadcast_to(np.arange(dims[-1]), dims) > rng.integers(1, dims[-1])).astype(np.int64)
        elif "position" in value.name:
            start = length if dims[-1] == 1 else 0
            array = np.broadcast_to(np.arange(start, start + dims[-1]), dims).copy()
        elif "ids" in value.name:
            array = rng.integers(0, min(rows, 8000), dims)
        else:
            array = rng.standard_normal(dims, np.float32)
        sample[value.name] = array
    return sample


def print_layers(result, layers):
    sizes, counts = defaultdict(lambda: [0, 0]), defaultdict(lambda: defaultdict(int))
    for node in result.recipe["nodes"]:
        if node["op"] not in ("Gather", "MatMul", "Gemm", "Conv"):
            continue
        kind, dims = layers.kind(node["name"]), layers.weight(layers.nodes[node["name"]])
        counts[kind][node["precision"]] += 1
        elements = int(np.prod(dims)) if dims else 0
        sizes[kind][0] += 4 * elements
        sizes[kind][1] += BYTES[node["precision"]] * elements
    print(f"{'layers':14} {'fp32 MB':>8} {'now MB':>8}  precisions")
    for kind in ("embedding", "projections", "attention", "feed-forward", "head"):
        if kind in counts:
            before, after = (size / 1e6 for size in sizes[kind])
            named = ", ".join(f"{count} {name}" for name, count in sorted(counts[kind].items()))
            print(f"{kind:14} {before:8.1f} {after:8.1f}  {named}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", help="samples as for tenon quantize")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--length", type=int, default=64, help="of caches")
    parser.add_argument("--budget", default="sqnr=25dB")
    parser.add_argument("--allow", default="int8,bf16,int8-weights")
    parser.add_argument("--objective", default="size", choices=["size", "time"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--progress", action="store_true", help="say what is done, and when it began")
    parser.add_argument("-o", "--output", default="lowered.so")
    arguments = parser.parse_args()

    graph = onnx.load(arguments.model, load_external_data=False).graph
    layers = Layers(graph)
    rng = np.random.default_rng(1)
    data = arguments.data or (random_sample(graph, rng, arguments.length) for _ in range(arguments.samples))
    start, told = time.time(), set()

    def progress(what, done, planned):
        if arguments.progress and what not in told:
            told.add(what)
            print(f"{time.time() - start:6.0f} s {what}, {planned} steps", flush=True)

    result = tenon.quantize(arguments.model, data, budget=arguments.budget, allow=arguments.allow.split(","),
                            objective=arguments.objective, output=arguments.output, threads=arguments.threads,
                            progress=progress)
    print_layers(result, layers)
    report = result.report
    for output in report["outputs"][:3]:
        print(f"{output['name']}: {output.get('sqnr', np.inf):.1f} dB, cosine {output['cosine']:.6f}")
    before, after = arguments.model.stat().st_size / 1e6, Path(arguments.output).stat().st_size / 1e6
    print(f"kernels {report['milliseconds_before']:.1f} -> {report['milliseconds_after']:.1f} ms, "
          f"file {before:.1f} -> {after:.1f} MB ({before / after:.2f} times smaller)")
    print(f"{report['comparisons']} comparisons in {time.time() - start:.0f} s, at most "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB of memory")


if __name__ == "__main__":
    main()
