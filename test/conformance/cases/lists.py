"""Operands that tell shapes, such as axes and pads, whose length only a run knows. What else tells the
length is an operand, an attribute or a declared type; then the node computes what it always does."""

import numpy as np

from cases import Case, DataSet

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def ints(*values):
    return np.array(values, np.int64)


# Operator with its lists, types of the lists, the result's declared dimensions, and values of the lists.
NODES = [
    ("reshape", "Reshape(x, a)", 1, "A, B", [[ints(4, -1)], [ints(0, 12)], [ints(24, 1)]]),
    ("expand_longer", "Expand(x, a)", 1, "A, B, C, D", [[ints(2, 1, 3, 1)], [ints(5, 2, 1, 4)]]),
    ("expand_shorter", "Expand(x, a)", 1, "A, B, C", [[ints(4)], [ints(1, 1)], [ints(2, 3, 4)]]),
    ("tile", "Tile(x, a)", 1, "A, B, C", [[ints(1, 2, 3)]]),
    ("unsqueeze", "Unsqueeze(x, a)", 1, "A, B, C, D, E", [[ints(0, 4)], [ints(-1, 1)]]),
    ("reduce_keep", "ReduceSum(x, a)", 1, "A, B, C", [[ints(1)], [ints(0, -1)], [ints(2, 0, 1)]]),
    ("reduce_drop", "ReduceMax<keepdims = 0>(x, a)", 1, "A", [[ints(0, 1)], [ints(-1, 0)]]),
    ("split", "Split<axis = 2>(x, a)", 1, "A, B, C", [[ints(1, 3)], [ints(4, 0)]]),
    ("pad", "Pad(x, a)", 1, "A, B, C", [[ints(0, 1, 2, 3, 0, 1)]]),
    ("pad_axes", "Pad(x, a, , b)", 2, "A, B, C", [[ints(1, 2), ints(-1)], [ints(1, 0, 0, 2), ints(2, 0)]]),
    ("slice", "Slice(x, a, b)", 2, "A, B, C", [[ints(1), ints(2)], [ints(0, -2, 1), ints(1, 9, 3)]]),
    ("slice_axes", "Slice(x, a, b, c)", 3, "A, B, C", [[ints(1), ints(9), ints(-1)], [ints(1, 0), ints(2, 1), ints(2, 0)]]),
    (
        "slice_steps",
        "Slice(x, a, b, c, d)",
        4,
        "A, B, C",
        [[ints(3), ints(-9), ints(2), ints(-2)], [ints(0, 2), ints(2, 0), ints(0, 1), ints(1, -1)]],
    ),
    ("top_k", "TopK(x, a)", 1, "A, B, C", [[ints(2)], [ints(4)]]),
    ("center_crop_pad", "CenterCropPad<axes = [0, 2]>(x, a)", 1, "A, B, C", [[ints(3, 2)], [ints(1, 7)]]),
    ("constant_of_shape", "ConstantOfShape(a)", 1, "A, B", [[ints(2, 3)], [ints(0, 3)]]),
]


def listed(name, text, count, result, values):
    names = "abcd"[:count]
    types = ", ".join(f"int64[L{i}] {list_}" for i, list_ in enumerate(names))
    outputs = "y, z" if name in ("split", "top_k") else "y"
    model = f"g (float[I, J, K] x, {types}) => (float[{result}] y) {{ {outputs} = {text} }}"
    data = [DataSet({"x": X, **dict(zip(names, lists))}) for lists in values]
    return Case(name, f"{text} with lists of a length that only a run tells", model, data)


def cases():
    for node in NODES:
        yield listed(*node)
    resize = 'Resize<mode = "nearest", nearest_mode = "floor", coordinate_transformation_mode = "asymmetric">'
    yield Case(
        "resize_scales",
        "as many scales as dimensions",
        f"g (float[I, J, K] x, float[L] a) => (float[A, B, C] y) {{ y = {resize}(x, , a) }}",
        [DataSet({"x": X, "a": np.array([1, 2, 0.5], np.float32)})],
    )
    yield Case(
        "resize_sizes",
        "as many sizes as dimensions",
        f"g (float[I, J, K] x, int64[L] a) => (float[A, B, C] y) {{ y = {resize}(x, , , a) }}",
        [DataSet({"x": X, "a": ints(2, 6, 2)})],
    )
    yield Case(
        "squeeze_declared",
        "which dimensions have size 1 shows in the run; the declared type says how many",
        "g (float[I, J, K, L] x) => (float[A, B] y) { y = Squeeze(x) }",
        [DataSet({"x": X.reshape(shape)}) for shape in ((1, 4, 1, 6), (8, 1, 1, 3), (2, 12, 1, 1))],
    )
    yield Case(
        "squeeze_known",
        "the declared rank is what the known ones leave: a batch of one stays",
        "g (float[N, 1, 12] x) => (float[N, 12] y) { y = Squeeze(x) }",
        [DataSet({"x": X.reshape(-1, 1, 12)}), DataSet({"x": X[:1].reshape(1, 1, 12)}, {"y": X[:1].reshape(1, 12)})],
    )
    yield Case(
        "if_single",
        "branches of one element: a scalar broadcasts as a list of one does, whichever is taken",
        """g (float[3] x, float[1] list, float scalar, bool c) => (float[3] y) {
            it = If (c) <then_branch = g1 () => (t) { t = Neg(scalar) }, else_branch = g2 () => (e) { e = Neg(list) }>
            y = Add(x, it)
        }""",
        [
            DataSet({"x": np.float32([1, 2, 3]), "list": np.float32([7]), "scalar": np.float32(9), "c": np.array(condition)})
            for condition in (True, False)
        ],
    )
    for taken, condition in (("then", True), ("else", False)):
        branches = {
            "then": "g1 () => (float[A, B] t) { t = Identity(x) }",
            "else": "g2 () => (float[C] e) { e = ReduceSum<keepdims = 0>(x, axis) }",
        }
        yield Case(
            f"if_{taken}",
            "branches have different ranks: the declared type tells which one is meant",
            f"""g (float[N, M] x, bool c) => (float[{"A, B" if condition else "A"}] y) <int64[1] axis = {{0}}> {{
                y = If (c) <then_branch = {branches["then"]}, else_branch = {branches["else"]}>
            }}""",
            [DataSet({"x": X[0], "c": np.array(condition)})],
        )
