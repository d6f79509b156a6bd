#!/usr/bin/env python3
"""Quantizes models of old operators to ONNX, and has other programs read them.

    PYTHONPATH=build/python test/models/export_quantized.py FOLDER... [--below 13] [--names NAME...]

A FOLDER holds NAME/model.onnx and NAME/test_data_set_*/input_*.pb, as `tenon verify` reads them. Each model whose
operators are older than --below is put into 8 bits as a whole, without repairs, and written as ONNX. Then ONNX's
checker must accept the file, and ONNX Runtime, with its default optimizations, must load and run it. A line for each model has the
signal to noise of its worst output against fp32 in ONNX Runtime. Models without products of f32 are skipped, and so are
those of texts.
"""
import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

import tenon

SKIPPED = ("no products of f32", "no output of floating point", "only tensors of numbers")


def read_inputs(folder, graph):
    constants = {tensor.name for tensor in graph.initializer}
    names = [value.name for value in graph.input if value.name not in constants]
    tensors = [onnx.TensorProto.FromString((folder / f"input_{i}.pb").read_bytes()) for i in range(len(names))]
    return dict(zip(names, map(numpy_helper.to_array, tensors)))


def run(path, inputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def sqnr(expected, got):
    losses = [10 * np.log10((a.astype(float) ** 2).sum() / max(((a.astype(float) - b) ** 2).sum(), 1e-30))
              for a, b in zip(expected, got) if isinstance(a, np.ndarray) and a.dtype == np.float32 and a.any()]
    return min(losses, default=float("nan"))


def export(folder, target):
    model = onnx.load(folder / "model.onnx")
    inputs = read_inputs(folder / "test_data_set_0", model.graph)
    tenon.quantize(folder / "model.onnx", [inputs], budget=None, allow=["int8"], output=target, repair=False)
    onnx.checker.check_model(target, full_check=True)
    versions = {opset.domain: opset.version for opset in onnx.load(target).opset_import}
    return versions.get("", 0), sqnr(run(folder / "model.onnx", inputs), run(target, inputs))


def find_models(folders, below, names):
    for folder in folders:
        for path in sorted(folder.glob("*/model.onnx")):
            model = onnx.load(path, load_external_data=False)
            version = {opset.domain: opset.version for opset in model.opset_import}.get("", 0)
            if 0 < version < below and (not names or path.parent.name in names):
                yield path.parent, version


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--below", type=int, default=13)
    parser.add_argument("--names", nargs="*", default=[])
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for folder, version in find_models(arguments.folders, arguments.below, arguments.names):
            try:
                raised, loss = export(folder, Path(directory) / "model.onnx")
                print(f"{folder.name}: version {version} -> {raised}, {loss:.1f} dB", flush=True)
            except Exception as error:  # whatever any of the three programs dislikes
                skipped = any(reason in str(error) for reason in SKIPPED)
                failed += not skipped
                print(f"{folder.name}: {'skipped' if skipped else 'FAILED'}: {str(error).splitlines()[0]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
