"""Times products of sparse weights against the dense build of the same sizes and precision.

    benchmarks/sparse.py [--folder DIR] [--prepare] [--target T] [PATTERN...]

Each case is a model of one product whose weights have zeros in a pattern: single ones at random, blocks
(of 1x16 floats, or of 4x16 bytes), or whole input channels. The dense build is the same model with other
numbers in place of the zeros. Times are medians of runs in turn, on one thread; the table has the dense
time and how much faster each sparsity is, then the size of the file as part of the dense one, and at the
end the largest relative difference from NumPy. Cases may be chosen by patterns of their names, e.g.
'decode*'. Compiled models stay in DIR, so that --prepare compiles without measuring.
"""
import argparse
import fnmatch
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

import tenon

SPARSITIES = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]


@dataclass
class Case:
    name: str
    kind: str  # "f32" or "int8"
    rows: int
    inputs: int
    outputs: int
    pattern: tuple  # of a block: rows and columns of weights; 0 is all of them
    image: int = 0  # not 0: a 1x1 convolution of that many lines and columns, in place of rows


CASES = [
    Case("blocks-128x768x768", "f32", 128, 768, 768, (1, 16)),
    Case("blocks-128x768x3072", "f32", 128, 768, 3072, (1, 16)),
    Case("blocks-512x3072x768", "f32", 512, 3072, 768, (1, 16)),
    Case("blocks-1024x1024x1024", "f32", 1024, 1024, 1024, (1, 16)),
    Case("blocks-conv-14x14x256x1024", "f32", 0, 256, 1024, (1, 16), image=14),
    Case("blocks-conv-56x56x64x256", "f32", 0, 64, 256, (1, 16), image=56),
    Case("channels-128x768x768", "f32", 128, 768, 768, (1, 0)),
    Case("single-128x768x768", "f32", 128, 768, 768, (1, 1)),
    Case("single-512x768x3072", "f32", 512, 768, 3072, (1, 1)),
    Case("single-conv-14x14x256x1024", "f32", 0, 256, 1024, (1, 1), image=14),
    Case("single-conv-56x56x64x256", "f32", 0, 64, 256, (1, 1), image=56),
    Case("int8-blocks-128x768x768", "int8", 128, 768, 768, (4, 16)),
    Case("int8-blocks-128x768x3072", "int8", 128, 768, 3072, (4, 16)),
    Case("int8-single-128x768x768", "int8", 128, 768, 768, (1, 1)),
    Case("decode-f32-1x4096x4096", "f32", 1, 4096, 4096, (1, 1)),
    Case("decode-f32-1x1024x1024", "f32", 1, 1024, 1024, (1, 1)),
    Case("decode-int8-1x8192x8192", "int8", 1, 8192, 8192, (1, 1)),
    Case("decode-int8-4x8192x8192", "int8", 4, 8192, 8192, (1, 1)),
    Case("decode-int8-1x1024x1024", "int8", 1, 1024, 1024, (1, 1)),
]


def make_weights(case, sparsity, rng):
    """[inputs, outputs]; `sparsity` is the part of blocks that is zero."""
    shape = (case.inputs, case.outputs)
    if case.kind == "int8":
        weights = rng.integers(1, 128, shape, np.int8)
    else:
        weights = rng.standard_normal(shape, np.float32)
    depth, width = (size or whole for size, whole in zip(case.pattern, shape))
    keep = rng.random((-(-shape[0] // depth), -(-shape[1] // width))) >= sparsity
    weights *= np.repeat(np.repeat(keep, depth, 0), width, 1)[:shape[0], :shape[1]]
    return weights


def make_model(case, weights):
    def value(name, type, shape):
        return helper.make_tensor_value_info(name, type, shape)

    if case.image:
        filters = np.ascontiguousarray(weights.T)[:, :, None, None]
        nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
        x, y = ([1, channels, case.image, case.image] for channels in (case.inputs, case.outputs))
    else:
        filters = weights
        nodes = [helper.make_node("MatMulInteger" if case.kind == "int8" else "MatMul", ["x", "w"], ["y"])]
        x, y = [case.rows, case.inputs], [case.rows, case.outputs]
    types = (onnx.TensorProto.UINT8, onnx.TensorProto.INT32) if case.kind == "int8" else (1, 1)
    graph = helper.make_graph(nodes, "product", [value("x", types[0], x)], [value("y", types[1], y)],
                              [numpy_helper.from_array(filters, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def make_input(case, rng):
    shape = [1, case.inputs, case.image, case.image] if case.image else [case.rows, case.inputs]
    if case.kind == "int8":
        return rng.integers(0, 256, shape).astype(np.uint8)
    return rng.standard_normal(shape, np.float32)


def reference(case, x, weights):
    exact = np.int64 if case.kind == "int8" else np.float64
    if case.image:
        return np.einsum("nchw,co->nohw", x.astype(exact), weights.astype(exact), optimize=True)
    return x.astype(exact) @ weights.astype(exact)


def prepare(case, folder, target):
    """Compiles what is not there yet; returns the files, the dense one first."""
    files = []
    for number, sparsity in enumerate([0, *SPARSITIES]):
        file = folder / f"{case.name}-{int(sparsity * 100)}.so"
        if not file.exists():
            weights = make_weights(case, sparsity, np.random.default_rng(number))
            tenon.compile(make_model(case, weights), target=target, output=str(file))
        files.append(file)
    return files


def measure(models, x, seconds):
    """Medians of times per run, in turn."""
    for model in models:
        model.run([x])
    start = time.perf_counter()
    models[0].run([x])
    calls = max(1, int(0.002 / (time.perf_counter() - start)))
    times = [[] for _ in models]
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or len(times[0]) < 5:
        for model, taken in zip(models, times):
            before = time.perf_counter()
            for _ in range(calls):
                model.run([x])
            taken.append((time.perf_counter() - before) / calls)
    return [float(np.median(taken)) for taken in times]


def check(case, models, x):
    """The largest difference from NumPy, as part of the largest result."""
    worst = 0
    for number, (sparsity, model) in enumerate(zip([0, *SPARSITIES], models)):
        expected = reference(case, x, make_weights(case, sparsity, np.random.default_rng(number)))
        difference = np.abs(model.run([x])["y"] - expected).max()
        worst = max(worst, difference / max(np.abs(expected).max(), 1e-30))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--check", action="store_true", help="compare results with NumPy, too")
    parser.add_argument("--target", default="native")
    parser.add_argument("--seconds", type=float, default=2, help="for each case")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="tenon-sparse-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not options.prepare:
        heads = [f"{s:.0%}" for s in SPARSITIES]
        print(f"| case | dense, us | {' | '.join(heads)} | file at 80% |")
        print("|---" * (len(heads) + 3) + "|")
    for case in CASES:
        if not any(fnmatch.fnmatch(case.name, pattern) for pattern in options.patterns):
            continue
        files = prepare(case, folder, options.target)
        if options.prepare:
            continue
        models = [tenon.load(str(file), threads=1) for file in files]
        x = make_input(case, np.random.default_rng(7))
        dense, *sparse = measure(models, x, options.seconds)
        ratios = " | ".join(f"{dense / each:.2f}" for each in sparse)
        size = files[1 + SPARSITIES.index(0.8)].stat().st_size / files[0].stat().st_size
        note = f" {check(case, models, x):.1e}" if options.check else ""
        print(f"| {case.name} | {dense * 1e6:.0f} | {ratios} | {size:.2f} |{note}", flush=True)


if __name__ == "__main__":
    main()
