"""Classical models and their features: trees, linear classifiers, categories."""

import numpy as np
from onnx import TensorProto, helper

from .. import values
from ..builder import Reject
from . import recipe
from .normalization import finite

ML = "ai.onnx.ml"


def table(g):
    """Rows of features, whose number is known."""
    return g.value(["float32"], rank=2, where=lambda v: finite(v) and len(set(v.shape[-1])) == 1)


def listed(array):
    return [float(n) for n in np.round(np.ravel(array), 2)]


@recipe("LinearClassifier", domain=ML, weight=0.3)
def linear_classifier(g, op):
    x, classes = table(g), g.integer(3, 4)
    labels = {"classlabels_ints": [3 * i for i in range(classes)]} if g.flip() else {"classlabels_strings": ["a", "", "日本", "b"][:classes]}
    return g.node(op, [x], outputs=2, domain=ML, coefficients=listed(g.rng.normal(size=(classes, x.shape[1][0]))),
                  intercepts=listed(g.rng.normal(size=classes)), post_transform=g.pick(["NONE", "SOFTMAX", "LOGISTIC"]), **labels)


@recipe("CategoryMapper", domain=ML, weight=0.2)
def category_mapper(g, op):
    x = g.value(["int64", values.STRING], rank=(1, 2))
    other = {"default_string": "none"} if x.type == "int64" else {"default_int64": -7}
    return g.node(op, [x], domain=ML, cats_int64s=[0, 1, 2, 3], cats_strings=["a", "", "日本", "b"], **other)


@recipe("FeatureVectorizer", domain=ML, weight=0.2)
def feature_vectorizer(g, op):
    a = g.value(["float32"], rank=2, where=lambda v: finite(v) and all(len(set(size)) == 1 for size in v.shape[1:]))
    b = g.fresh("float32", [a.shape[0], g.constant_size(g.integer(1, 4))], "normal")
    return g.node(op, [a, b], domain=ML, inputdimensions=[a.shape[1][0], b.shape[1][0]])


class Forest:
    """Full trees, as ONNX's older operators list them: nodes by tree and number, then what leaves add."""

    def __init__(self, g, features):
        self.nodes = {key: [] for key in "treeids nodeids featureids values modes truenodeids falsenodeids".split()}
        self.leaves = []
        mode = g.pick(["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"])
        for tree in range(g.integer(1, 4)):
            depth = g.integer(0, 3)
            for node in range(2 ** (depth + 1) - 1):
                is_leaf = node >= 2**depth - 1
                if is_leaf:
                    self.leaves.append((tree, node))
                values = (tree, node, 0 if is_leaf else g.integer(0, features - 1), 0.0 if is_leaf else g.integer(-8, 8) / 4,
                          "LEAF" if is_leaf else mode, 0 if is_leaf else 2 * node + 1, 0 if is_leaf else 2 * node + 2)
                for column, value in zip(self.nodes.values(), values):
                    column.append(value)

    def attributes(self, name, ids, weights):
        """Every leaf gives one number to the class or target of `ids`."""
        trees, numbers = zip(*self.leaves)
        return {f"nodes_{key}": column for key, column in self.nodes.items()} | {
            f"{name}_treeids": list(trees), f"{name}_nodeids": list(numbers), f"{name}_ids": ids, f"{name}_weights": weights}


@recipe("TreeEnsembleRegressor", domain=ML, weight=0.3)
def forest_regressor(g, op):
    x, targets = table(g), g.integer(1, 3)
    if x.shape[1][0] < 1:
        raise Reject("no features")
    forest = Forest(g, x.shape[1][0])
    ids, weights = [g.integer(0, targets - 1) for _ in forest.leaves], listed(g.rng.normal(size=len(forest.leaves)))
    return g.node(op, [x], domain=ML, n_targets=targets, aggregate_function=g.pick(["SUM", "AVERAGE"]),
                  base_values=listed(g.rng.normal(size=targets)) if g.flip() else None, **forest.attributes("target", ids, weights))


@recipe("TreeEnsembleClassifier", domain=ML, weight=0.3)
def forest_classifier(g, op):
    x, classes = table(g), g.integer(3, 4)
    if x.shape[1][0] < 1:
        raise Reject("no features")
    forest = Forest(g, x.shape[1][0])
    ids, weights = [g.integer(0, classes - 1) for _ in forest.leaves], listed(g.rng.uniform(size=len(forest.leaves)))
    return g.node(op, [x], outputs=2, domain=ML, classlabels_int64s=[3 * i for i in range(classes)],
                  post_transform=g.pick(["NONE", "SOFTMAX"]), **forest.attributes("class", ids, weights))


@recipe("TreeEnsemble", domain=ML, weight=0.3)
def trees(g, op):
    """Trees of two or four leaves, in the lists of version 5: inner nodes here, leaves there."""
    x, targets = table(g), g.integer(1, 3)
    if x.shape[1][0] < 1 or g.version(ML) < 5:
        raise Reject("no features")
    features, splits, on, off, leaf_on, leaf_off, roots, leaves = [], [], [], [], [], [], [], 0
    for _ in range(g.integer(1, 3)):
        first, deep = len(features), g.flip()
        roots.append(first)
        for node in range(3 if deep else 1):
            is_last = not deep or node > 0
            features.append(g.integer(0, x.shape[1][0] - 1))
            splits.append(g.integer(-8, 8) / 4)
            on.append(leaves if is_last else first + 1)
            off.append(leaves + 1 if is_last else first + 2)
            leaf_on.append(int(is_last))
            leaf_off.append(int(is_last))
            leaves += 2 * is_last
    tensor = lambda array, type: helper.make_tensor("", type, [len(array)], array)
    return g.node(op, [x], domain=ML, n_targets=targets, aggregate_function=g.pick([0, 1]), post_transform=0, tree_roots=roots,
                  nodes_featureids=features, nodes_splits=tensor(splits, TensorProto.FLOAT), nodes_truenodeids=on, nodes_falsenodeids=off,
                  nodes_trueleafs=leaf_on, nodes_falseleafs=leaf_off, leaf_targetids=[g.integer(0, targets - 1) for _ in range(leaves)],
                  nodes_modes=tensor([g.integer(0, 3) for _ in features], TensorProto.UINT8),
                  leaf_weights=tensor(listed(g.rng.normal(size=leaves)), TensorProto.FLOAT))
