"""Tree ensembles whose nodes share children, are listed for nothing, or test membership in sets."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cases import Case, DataSet


def make_model(node, features, outputs, labels=False):
    infos = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", outputs])]
    if labels:
        infos.insert(0, helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]))
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", features])], infos
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    return helper.make_model(graph, ir_version=10, opset_imports=opsets)


def chain(categories, values, others=()):
    """A tree that asks for one category after the other; all hits go to one leaf. `others` are nodes that nothing
    leads to."""
    count = len(categories)
    hit, miss = count, count + 1
    modes = ["BRANCH_EQ"] * count + ["LEAF", "LEAF"] + ["LEAF"] * len(others)
    ids = list(range(len(modes)))
    return {
        "nodes_treeids": [0] * len(modes),
        "nodes_nodeids": ids,
        "nodes_featureids": [0] * len(modes),
        "nodes_modes": modes,
        "nodes_values": [float(c) for c in categories] + [0.0] * (2 + len(others)),
        "nodes_truenodeids": [hit] * count + [0] * (2 + len(others)),
        "nodes_falsenodeids": [*range(1, count), miss] + [0] * (2 + len(others)),
    }, {
        "treeids": [0] * (2 + len(others)),
        "nodeids": [hit, miss, *range(count + 2, count + 2 + len(others))],
        "ids": [0] * (2 + len(others)),
        "weights": [float(v) for v in (*values, *others)],
    }


X = np.array([[0], [1], [2], [3], [5], [8], [np.nan], [-1]], np.float32)


def regressor(others):
    nodes, weights = chain([1, 3, 8], (10, -10), others)
    attributes = nodes | {f"target_{name}": value for name, value in weights.items()}
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, **attributes
    )
    y = np.where(np.isin(X, [1, 3, 8]), 10, -10).astype(np.float32)
    return make_model(node, 1, 1), DataSet({"x": X}, {"y": y})


def classifier():
    nodes, weights = chain([1, 3, 8], (1, 0.25))
    weights["ids"] = [1, 2]
    attributes = nodes | {f"class_{name}": value for name, value in weights.items()}
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "y"],
        domain="ai.onnx.ml",
        classlabels_int64s=[4, 5, 6],
        **attributes,
    )
    hits = np.isin(X[:, 0], [1, 3, 8])
    y = np.where(hits[:, None], [0, 1, 0], [0, 0, 0.25]).astype(np.float32)
    return make_model(node, 1, 3, labels=True), DataSet(
        {"x": X}, {"label": np.where(hits, 5, 6).astype(np.int64), "y": y}
    )


def shared_inner(dtype):
    """TreeEnsemble: both children of the first node are one inner node, whose own limit differs."""
    node = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_featureids=[0, 0, 0],
        nodes_modes=numpy_helper.from_array(np.array([0, 6, 0], np.uint8), "modes"),
        nodes_splits=numpy_helper.from_array(np.array([100, 0, 2], dtype), "splits"),
        nodes_truenodeids=[2, 0, 0],
        nodes_falsenodeids=[2, 2, 1],
        nodes_trueleafs=[0, 1, 1],
        nodes_falseleafs=[0, 1, 0],
        leaf_targetids=[0, 0, 0],
        leaf_weights=numpy_helper.from_array(np.array([1, 2, 3], dtype), "weights"),
        membership_values=numpy_helper.from_array(np.array([3, 8, np.nan], dtype), "sets"),
        tree_roots=[0],
    )
    # x <= 2: leaf 0; otherwise in {3, 8}: leaf 0, else leaf 2.
    y = np.where((X <= 2) | np.isin(X, [3, 8]), 1, 3).astype(dtype)
    model = make_model(node, 1, 1)
    for info in (model.graph.input[0], model.graph.output[0]):
        info.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return model, DataSet({"x": X.astype(dtype)}, {"y": y})


def cases():
    model, data = regressor(())
    yield Case("shared_leaf", "One leaf for all categories of a set, as LightGBM writes it.", model, [data])
    model, data = regressor((1000,))
    yield Case("unreached", "A node that nothing leads to is no tree of its own.", model, [data])
    model, data = classifier()
    yield Case("shared_leaf_classes", "The same with classes.", model, [data])
    for dtype in (np.float32, np.float64):
        model, data = shared_inner(dtype)
        yield Case(
            f"shared_inner_{np.dtype(dtype).name}",
            "Both ways lead to one inner node, and on to a set.",
            model,
            [data],
        )
