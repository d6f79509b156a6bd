"""Folders with a model, its inputs and its reference outputs, and what kind of model it is."""
from fnmatch import fnmatch

FLOAT16 = 10  # onnx.TensorProto.FLOAT16


def matches(name, patterns):
    """Whether `name` is wanted: no pattern means all."""
    return not patterns or any(fnmatch(name, pattern) for pattern in patterns)


def find_folders(root, patterns):
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return [f for f in folders if matches(f.name, patterns)
            and (f / "model.onnx").exists() and (f / "test_data_set_0").is_dir()]


def classify(model):
    """fp32, fp16, quantized, or ml for classical models."""
    kinds = {node.op_type for node in model.graph.node}
    kinds |= {n.op_type for node in model.graph.node for a in node.attribute for n in a.g.node}
    if any("Quantize" in k or "QLinear" in k or "Integer" in k or "NBits" in k for k in kinds):
        return "quantized"
    if any("TreeEnsemble" in k for k in kinds):
        return "ml"
    if any(t.data_type == FLOAT16 for t in model.graph.initializer):
        return "fp16"
    return "fp32"


def read_tensors(folder, prefix):
    import onnx
    from onnx import numpy_helper

    tensors = []
    while (path := folder / f"{prefix}_{len(tensors)}.pb").exists():
        tensor = onnx.TensorProto()
        tensor.ParseFromString(path.read_bytes())
        tensors.append(numpy_helper.to_array(tensor))
    return tensors


def read_inputs(folder):
    """Arrays of their own memory, which engines may bind."""
    import numpy as np

    return [np.array(a, order="C") for a in read_tensors(folder / "test_data_set_0", "input")]
