"""Tree ensembles whose nodes share children, are listed for nothing, or test membership in sets, and random ones with
every kind of test on numbers that are equal, next to each other, infinite or missing."""

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


TESTS = {
    "BRANCH_LEQ": np.less_equal,
    "BRANCH_LT": np.less,
    "BRANCH_GTE": np.greater_equal,
    "BRANCH_GT": np.greater,
    "BRANCH_EQ": np.equal,
    "BRANCH_NEQ": np.not_equal,
    "BRANCH_MEMBER": np.isin,
}
NUMBERS = np.array([-np.inf, -3e38, -2, -1, -1e-45, -0.0, 0, 1e-45, 1, 1.0000001, 2, 3e38, np.inf], np.float32)


class Forest:
    """Random trees. A node is (test, feature, limit or set, whether NaN passes, yes, no), a leaf a list of (target,
    weight)."""

    def __init__(self, seed, trees, features, targets, tests=tuple(TESTS)[:-1], weights=(1, 1), splits=20):
        self.rng = np.random.default_rng(seed)
        self.features, self.targets, self.tests, self.weights = features, targets, tests, weights
        self.trees = [self.grow(int(self.rng.integers(0, splits))) for _ in range(trees)]

    def grow(self, splits):
        nodes = [self.make_leaf()]
        for _ in range(splits):
            leaf = self.rng.choice([i for i, node in enumerate(nodes) if isinstance(node, list)])
            test = str(self.rng.choice(self.tests))
            size = self.rng.integers(0, 6) if test == "BRANCH_MEMBER" else None
            nan, feature = bool(self.rng.integers(2)), int(self.rng.integers(self.features))
            nodes[leaf] = (test, feature, self.rng.choice(NUMBERS, size), nan, len(nodes), len(nodes) + 1)
            nodes += [self.make_leaf(), self.make_leaf()]
        return nodes

    def make_leaf(self):
        count = min(self.targets, int(self.rng.integers(self.weights[0], self.weights[1] + 1)))
        targets = np.sort(self.rng.choice(self.targets, count, replace=False))
        return [(int(target), np.float32(self.rng.standard_normal())) for target in targets]

    def samples(self, rows, dtype=np.float32):
        x = self.rng.choice(np.append(NUMBERS, np.float32(np.nan)), (rows, self.features))
        return x.astype(dtype)

    def evaluate(self, x, combine=np.add, start=0):
        """[rows, targets], combined tree by tree."""
        y = np.full((len(x), self.targets), start, np.float32)
        for nodes in self.trees:
            open_rows = [(0, np.arange(len(x)))]
            while open_rows:
                number, rows = open_rows.pop()
                if isinstance(nodes[number], list):
                    for target, weight in nodes[number]:
                        y[rows, target] = combine(y[rows, target], weight)
                    continue
                test, feature, limit, nan, yes, no = nodes[number]
                passes = TESTS[test](x[rows, feature], limit) | (nan & np.isnan(x[rows, feature]))
                open_rows += [(yes, rows[passes]), (no, rows[~passes])]
        return y

    def attributes(self, prefix):
        """Those of TreeEnsembleRegressor or TreeEnsembleClassifier, without sets."""
        lists = {f"nodes_{n}": [] for n in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids")}
        lists |= {"nodes_falsenodeids": [], "nodes_missing_value_tracks_true": []}
        lists |= {f"{prefix}_{n}": [] for n in ("treeids", "nodeids", "ids", "weights")}
        for tree, nodes in enumerate(self.trees):
            for number, node in enumerate(nodes):
                is_leaf = isinstance(node, list)
                test, feature, limit, nan, yes, no = ("LEAF", 0, 0, False, 0, 0) if is_leaf else node
                for name, value in zip(lists, (tree, number, feature, test, float(limit), yes, no, int(nan))):
                    lists[name].append(value)
                for target, weight in node if is_leaf else ():
                    for name, value in zip(list(lists)[8:], (tree, number, target, float(weight))):
                        lists[name].append(value)
        return lists


def random_regressor(forest, rows, how="SUM", base=None, dtype=np.float32):
    attributes = forest.attributes("target") | {"n_targets": forest.targets, "aggregate_function": how}
    if base is not None:
        attributes["base_values"] = base
    model = make_model(
        helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", **attributes),
        forest.features,
        forest.targets,
    )
    model.opset_import[1].version = 3
    model.graph.input[0].type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    combine, start = {
        "SUM": (np.add, 0),
        "AVERAGE": (np.add, 0),
        "MIN": (np.fmin, np.inf),
        "MAX": (np.fmax, -np.inf),
    }[how]
    data = []
    for count in rows:
        x = forest.samples(count, dtype)
        y = forest.evaluate(x, combine, start)
        y[np.isinf(y)] = 0  # targets without any weight
        if how == "AVERAGE":
            y /= np.float32(len(forest.trees))
        data.append(DataSet({"x": x}, {"y": y + np.array(base or 0, np.float32)}))
    return model, data


def random_classifier(forest, rows):
    """Softmax over many classes, with base values."""
    base = [0.25 * i for i in range(forest.targets)]
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "y"],
        domain="ai.onnx.ml",
        classlabels_int64s=list(range(forest.targets)),
        post_transform="SOFTMAX",
        base_values=base,
        **forest.attributes("class"),
    )
    model = make_model(node, forest.features, forest.targets, labels=True)
    model.opset_import[1].version = 3
    x = forest.samples(rows)
    scores = forest.evaluate(x) + np.array(base, np.float32)
    powers = np.exp(scores - scores.max(1, keepdims=True))
    y = powers / powers.sum(1, keepdims=True)
    return model, [DataSet({"x": x}, {"label": scores.argmax(1), "y": y.astype(np.float32)})]


def random_sets(forest, rows, dtype):
    """TreeEnsemble, which has tests for sets too, of trees that are no leaf alone. A leaf has one weight."""
    nodes, leaves, roots, sets = [], [], [], []
    for tree in forest.trees:
        inner = [i for i, node in enumerate(tree) if not isinstance(node, list)]
        places = {i: len(nodes) + place for place, i in enumerate(inner)}
        roots.append(len(nodes))
        for number, node in enumerate(tree):
            if isinstance(node, list):
                places[number] = len(leaves)
                leaves.append(node[0])
        for number in inner:
            test, feature, limit, nan, yes, no = tree[number]
            if test == "BRANCH_MEMBER":
                sets += [*limit, np.nan]
            ways = [(places[way], int(isinstance(tree[way], list))) for way in (yes, no)]
            split = 0 if test == "BRANCH_MEMBER" else limit
            nodes.append((list(TESTS).index(test), feature, split, int(nan), *ways[0], *ways[1]))
    modes, features, splits, nans, yes, yes_leaf, no, no_leaf = map(list, zip(*nodes))
    tensor = numpy_helper.from_array
    node = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=forest.targets,
        nodes_featureids=features,
        nodes_modes=tensor(np.array(modes, np.uint8), "modes"),
        nodes_splits=tensor(np.array(splits, dtype), "splits"),
        nodes_missing_value_tracks_true=nans,
        nodes_truenodeids=yes,
        nodes_falsenodeids=no,
        nodes_trueleafs=yes_leaf,
        nodes_falseleafs=no_leaf,
        leaf_targetids=[target for target, _ in leaves],
        leaf_weights=tensor(np.array([weight for _, weight in leaves], dtype), "weights"),
        membership_values=tensor(np.array(sets, dtype), "sets"),
        tree_roots=roots,
    )
    model = make_model(node, forest.features, forest.targets)
    for info in (model.graph.input[0], model.graph.output[0]):
        info.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    x = forest.samples(rows, dtype)
    return model, [DataSet({"x": x}, {"y": forest.evaluate(x).astype(dtype)})]


def long_chain(length):
    """x <= 0, else x <= 1, else …: a tree as deep as it has nodes."""
    forest = Forest(0, 0, 1, 1)
    forest.trees = [
        [("BRANCH_LEQ", 0, np.float32(i), False, length + 1 + i, i + 1) for i in range(length)]
        + [[(0, np.float32(-1))]]
        + [[(0, np.float32(i))] for i in range(length)]
    ]
    x = np.array([[-1], [0], [0.5], [length / 2], [length - 1], [length], [np.nan]], np.float32)
    forest.samples = lambda rows, dtype: x
    return random_regressor(forest, [len(x)])


def random_cases():
    exact = {"rtol": 0, "atol": 0}
    model, data = random_regressor(Forest(1, 40, 5, 1), [0, 1, 7, 8, 9, 300])
    yield Case("random", "Every test with every kind of number, for any number of rows.", model, data, exact)
    model, data = random_regressor(Forest(2, 9, 2, 1, tests=["BRANCH_LEQ"]), [9000])
    yield Case("random_many_rows", "More rows than one block has.", model, data, exact)
    for how in ("SUM", "AVERAGE", "MIN", "MAX"):
        model, data = random_regressor(Forest(3, 25, 4, 3, weights=(0, 3)), [0, 1, 21], how, base=[0.5, -1, 2])
        yield Case(f"random_{how.lower()}", "Leaves with several weights, or none.", model, data, exact)
    model, data = random_regressor(Forest(4, 6, 3, 2, splits=1), [3, 11])
    yield Case("only_leaves", "Trees that ask for nothing.", model, data, exact)
    model, data = random_regressor(Forest(5, 40, 5, 1), [33], dtype=np.float64)
    yield Case("random_float64", "Samples of another type.", model, data, exact)
    model, data = random_classifier(Forest(6, 111, 7, 37), 45)
    yield Case("random_classes", "Many classes, one weight a leaf.", model, data)
    for dtype in (np.float32, np.float64):
        forest = Forest(7, 60, 5, 2, tests=tuple(TESTS))
        forest.trees = [tree for tree in forest.trees if len(tree) > 1]
        model, data = random_sets(forest, 75, dtype)
        yield Case(f"random_sets_{np.dtype(dtype).name}", "Tests for sets among all the others.", model, data, exact)
    model, data = long_chain(3000)
    yield Case("long_chain", "A walk of thousands of steps.", model, data, exact)


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
    yield from random_cases()
