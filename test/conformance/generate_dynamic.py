"""Writes the backend tests of the installed onnx package with all dimensions of all inputs unknown.

    generate_dynamic.py FOLDER constants   inputs that tell shapes become constants
    generate_dynamic.py FOLDER inputs      they stay inputs; only tests that have such inputs

A compiler that knows every size hardly runs its checks, its size arithmetic and the branches for what only
a run tells. So no dimension of an input has a size here, nor a name: each is unrelated to every other. Types
of outputs and of values between keep element type and rank, which is what a model may always declare.

Inputs that tell shapes, such as the axes of a reduction, are initializers in the first form, as nearly all
models have them. In the second only a run knows them; where their length decides a rank, a declared
type must tell it.
"""

import re
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from generate import cases, state, write
from onnx import numpy_helper

# Which inputs of which operators tell shapes: sizes, axes, counts and positions, by number.
SHAPE_INPUTS = {
    "AffineGrid": {1},
    "BlackmanWindow": {0},
    "CenterCropPad": {1},
    "Col2Im": {1, 2},
    "ConstantOfShape": {0},
    "CumProd": {1},
    "CumSum": {1},
    "DFT": {1, 2},
    "Expand": {1},
    "HammingWindow": {0},
    "HannWindow": {0},
    "Loop": {0},
    "MaxUnpool": {2},
    "MelWeightMatrix": {0, 1, 2, 3, 4},
    "NonMaxSuppression": {2},
    "OneHot": {1},
    "Pad": {1, 3},
    "Range": {0, 1, 2},
    "Reshape": {1},
    "Resize": {1, 2, 3},
    "STFT": {1, 3},
    "SequenceAt": {1},
    "SequenceErase": {1},
    "SequenceInsert": {2},
    "Slice": {1, 2, 3, 4},
    "Split": {1},
    "SplitToSequence": {1},
    "Squeeze": {1},
    "Tile": {1},
    "TopK": {1},
    "Trilu": {1},
    "Unsqueeze": {1},
    "Upsample": {1},
    **{f"Reduce{kind}": {1} for kind in "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare".split()},
}


def shape_operands(graph):
    """Names that nodes of the graph, or of graphs in it, take as operands that tell shapes."""
    for node in graph.node:
        yield from (node.input[i] for i in SHAPE_INPUTS.get(node.op_type, ()) if i < len(node.input))
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from shape_operands(inner)


def shape_inputs(case, originals):
    """Names of the inputs that tell shapes. A test whose operator is written out as other operators has
    the inputs of the test it comes from."""
    original = originals.get(re.sub("_expanded(_.*)?$", "", case.name), case)
    names = {*shape_operands(case.model.graph), *shape_operands(original.model.graph)}
    return {info.name for info in case.model.graph.input} & names


def forget_sizes(value_type):
    """Leaves of every tensor in a type its element type and rank."""
    kind = value_type.WhichOneof("value")
    if kind in ("tensor_type", "sparse_tensor_type"):
        for dim in getattr(value_type, kind).shape.dim:
            dim.Clear()
    elif kind in ("sequence_type", "optional_type"):
        forget_sizes(getattr(value_type, kind).elem_type)


def make_initializers(graph, values, names):
    """Replaces inputs by constants; returns the positions of the inputs that stay."""
    stay = [i for i, info in enumerate(graph.input) if info.name not in names]
    for info, value in zip(graph.input, values):
        if info.name in names:
            tensor = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value))
            graph.initializer.add().CopyFrom(tensor)
            graph.initializer[-1].name = info.name
    inputs = [graph.input[i] for i in stay]
    del graph.input[:]
    graph.input.extend(inputs)
    return stay


def forget(case, constants):
    """Changes the test in place; `constants` are the inputs to replace by the values of its data set."""
    graph = case.model.graph
    (inputs, outputs), = case.data_sets
    stay = make_initializers(graph, inputs, constants)
    case.data_sets[0] = ([inputs[i] for i in stay if i < len(inputs)], outputs)
    # Before version 4, every initializer had to be an input too.
    case.model.ir_version = max(case.model.ir_version, 4)
    for info in (*graph.input, *graph.value_info, *graph.output):
        forget_sizes(info.type)


def main():
    target, form = Path(sys.argv[1]), sys.argv[2]
    if form not in ("constants", "inputs"):
        sys.exit(__doc__)
    complete = target / "complete"
    current = f"{state()}, {Path(__file__).read_text()}"
    if complete.exists() and complete.read_text() == current:
        return
    warnings.simplefilter("ignore")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    tests = list(cases())
    originals = {case.name: case for case in tests}
    # All of them before any changes.
    telling = {case.name: shape_inputs(case, originals) for case in tests}
    count = 0
    for case in tests:
        names = telling[case.name]
        if form == "constants" or names:
            forget(case, names if form == "constants" else set())
            write(case, target / case.name)
            count += 1
    complete.write_text(current)
    print(f"wrote {count} backend tests of onnx {onnx.__version__} with unknown dimensions to {target}")


if __name__ == "__main__":
    main()
