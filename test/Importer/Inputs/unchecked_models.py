"""Writes models whose amounts, bounds and sizes only a run knows, and inputs for them that do not fit,
into the folder argv[1]."""

import sys
from pathlib import Path

import numpy
import onnx.parser

MODELS = {
    "Pad": "(float[N] x, int64[2] p) => (float[A] y) { [it] y = Pad(x, p) }",
    "Reflect": '(float[N] x, int64[2] p) => (float[A] y) { [it] y = Pad<mode = "reflect">(x, p) }',
    "Tile": "(float[2, 2] x, int64[2] r) => (float[B] z) { [it] y = Tile(x, r)  z = ReduceSum<keepdims = 0>(y, a) }",
    "Split": "(float[N] x, int64[2] s) => (float[A] y, float[B] z) { [it] y, z = Split(x, s) }",
    "Slice": "(float[N] x, int64[1] t) => (float[A] y) { [it] y = Slice(x, a, b, a, t) }",
    "MaxPool": "(float[1, 1, N] x) => (float[1, 1, A] y) { [it] y = MaxPool<kernel_shape = [3]>(x) }",
    "Resize": "(float[N] x) => (float[5] y) { [it] y = Resize(x, , , f) }",
    "Squeeze": "(float[N, 3] x) => (float[3] y) { [it] y = Squeeze(x, a) }",
}
CONSTANTS = "<int64[1] a = {0}, int64[1] b = {4}, int64[1] f = {5}>"
INPUTS = {
    "pads_fit": [-1, -2],
    "pads_smallest": [-(2**63), 0],
    "pads_largest": [2**63 - 1, 2**63 - 1],
    "pads_cut": [-2, 1],
    "repeats": [2**32, 2**32],
    "parts": [2, 3],
    "parts_negative": [6, -1],
    "step": [0],
}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in MODELS.items():
        head, body = text.split("{", 1)
        model = onnx.parser.parse_model(
            f'<ir_version: 10, opset_import: ["": 21]> {name} {head} {CONSTANTS} {{{body}'
        )
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    for name, values in INPUTS.items():
        numpy.save(folder / f"{name}.npy", numpy.array(values, numpy.int64))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
