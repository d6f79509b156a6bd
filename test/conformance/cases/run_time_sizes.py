"""Broadcasting of sizes that only a run tells, in every op that broadcasts, and sizes that must be equal."""

import numpy as np

from cases import Case, DataSet


def numbers(*shape):
    return (np.arange(1, 1 + np.prod(shape, dtype=int)) % 13 - 5).astype(np.float32).reshape(shape)


def pairs(make, *shapes):
    """A data set for each pair of shapes."""
    return [DataSet(make(numbers(*a), numbers(*b))) for a, b in shapes]


def xy(x, y):
    return {"x": x, "y": y}


def pointwise():
    yield Case(
        "add_rows",
        "Rows of one operand repeat, or those of the other, or neither, or there are none.",
        "g (float[N, 3] x, float[M, 3] y) => (float[K, 3] z) { z = Add(x, y) }",
        pairs(xy, *[((n, 3), (m, 3)) for n, m in [(4, 4), (1, 4), (4, 1), (1, 1), (0, 0), (1, 0)]]),
    )
    yield Case(
        "add_lanes",
        "The last dimension repeats: vectors become numbers.",
        "g (float[2, N] x, float[2, M] y) => (float[2, K] z) { z = Add(x, y) }",
        pairs(xy, *[((2, n), (2, m)) for n, m in [(37, 37), (1, 37), (37, 1), (1, 1), (0, 1)]]),
    )
    yield Case(
        "add_all",
        "Every dimension of both operands may repeat.",
        "g (float[A, B, C] x, float[D, E, F] y) => (float[G, H, I] z) { z = Mul(x, y) }",
        pairs(xy, ((2, 3, 4), (2, 3, 4)), ((1, 3, 1), (2, 1, 4)), ((2, 1, 4), (1, 3, 1)), ((1, 1, 1), (2, 3, 19))),
    )
    yield Case(
        "add_constant",
        "One operand is constant: its size is the result's.",
        """g (float[N, 3] x) => (float[K, 3] z)
           <float[4, 3] c = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}> { z = Sub(c, x) }""",
        [DataSet({"x": numbers(n, 3)}) for n in (4, 1)],
    )
    yield Case(
        "three",
        "A chain in which the same sizes meet again in another order, and a third one joins.",
        """g (float[N] x, float[M] y, float[L] w) => (float[K] z, float[J] v) {
             a = Add(x, y) b = Mul(y, x) c = Add(a, b) d = Sub(c, x) z = Sub(w, d) v = Add(d, y) }""",
        [
            DataSet({"x": numbers(n), "y": numbers(m), "w": numbers(k)})
            for n, m, k in [(5, 5, 5), (1, 5, 5), (5, 1, 1), (1, 1, 5), (1, 1, 1)]
        ],
    )
    yield Case(
        "where",
        "All three operands of Where.",
        "g (bool[A, 3] c, float[B, 3] x, float[C, 3] y) => (float[K, 3] z) { z = Where(c, x, y) }",
        [
            DataSet({"c": numbers(a, 3) > 0, "x": numbers(b, 3), "y": -numbers(c, 3)})
            for a, b, c in [(4, 4, 4), (1, 4, 1), (4, 1, 1), (1, 1, 4), (1, 1, 1)]
        ],
    )
    yield Case(
        "compare_clip",
        "Comparisons, and functions of many operands.",
        """g (float[N] x, float[M] y, float[L] w) => (bool[K] z, float[J] v) {
             z = Less(x, y) v = Max(x, y, w) }""",
        [
            DataSet({"x": numbers(n), "y": numbers(m), "w": numbers(k)})
            for n, m, k in [(5, 5, 5), (1, 5, 1), (5, 1, 1)]
        ],
    )
    yield Case(
        "softmax_of_sum",
        "Reductions over a dimension that may repeat.",
        "g (float[2, N] x, float[B, M] y) => (float[2, K] z) { s = Add(x, y) z = Softmax <axis = -1> (s) }",
        pairs(xy, ((2, 21), (2, 21)), ((2, 1), (1, 21)), ((2, 21), (1, 1)), ((2, 21), (2, 1))),
    )
    yield Case(
        "reduced_parts",
        "What broadcasts is computed by reductions, and is an output.",
        """g (float[N, 5] x, float[M, 5] y) => (float[N, 5] s, float[K, 5] z) {
             s = Softmax <axis = -1> (x) z = Add(s, y) }""",
        pairs(xy, ((4, 5), (4, 5)), ((1, 5), (4, 5)), ((4, 5), (1, 5))),
    )
    yield Case(
        "unnamed",
        "Dimensions that have no name have nothing to do with each other.",
        "g (float[?, ?] x, float[?, ?] y) => (float[?, ?] z) { z = Add(x, y) }",
        pairs(xy, ((2, 3), (2, 3)), ((2, 3), (1, 3)), ((2, 1), (1, 3))),
    )


def products():
    yield Case(
        "matmul_batch",
        "Batches of matrices, of which either side may have one alone.",
        "g (float[A, 3, 5] x, float[B, 5, 7] y) => (float[C, 3, 7] z) { z = MatMul(x, y) }",
        pairs(xy, *[((a, 3, 5), (b, 5, 7)) for a, b in [(2, 2), (1, 3), (3, 1), (1, 1), (0, 1)]]),
    )
    yield Case(
        "matmul_4d",
        "Two batch dimensions that broadcast in opposite directions.",
        "g (float[A, B, 2, 5] x, float[C, D, 5, 3] y) => (float[E, F, 2, 3] z) { z = MatMul(x, y) }",
        pairs(
            xy,
            ((2, 3, 2, 5), (2, 3, 5, 3)),
            ((1, 3, 2, 5), (2, 1, 5, 3)),
            ((2, 1, 2, 5), (1, 3, 5, 3)),
            ((2, 3, 2, 5), (1, 1, 5, 3)),
        ),
    )
    yield Case(
        "matmul_rank",
        "Operands of different rank.",
        "g (float[A, B, 2, 5] x, float[D, 5, 3] y) => (float[E, F, 2, 3] z) { z = MatMul(x, y) }",
        pairs(xy, ((2, 3, 2, 5), (3, 5, 3)), ((2, 1, 2, 5), (3, 5, 3)), ((2, 3, 2, 5), (1, 5, 3))),
    )
    yield Case(
        "matmul_bias",
        "What is added to a product repeats, or the product does.",
        "g (float[N, 5] x, float[M, 3] y) => (float[K, 3] z) <float[5, 3] w = {%s}> { p = MatMul(x, w) z = Add(p, y) }"
        % ", ".join(str(i) for i in range(15)),
        pairs(xy, ((4, 5), (4, 3)), ((4, 5), (1, 3)), ((1, 5), (4, 3))),
    )
    yield Case(
        "conv_sum",
        "Maps that were halved and doubled again meet those that were not.",
        """g (float[1, 2, H, W] x) => (float[1, 2, A, B] z) <float[2, 2, 1, 1] w = {1, 2, 3, 4}, float[4] s = {1, 1, 2, 2}> {
             c = Conv(x, w)
             p = MaxPool <kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 0> (x)
             u = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (p, , s)
             z = Add(c, u) }""",
        [DataSet({"x": numbers(1, 2, 4, 6)}), DataSet({"x": numbers(1, 2, 2, 2)})],
    )
    for name, weights, shape in (("conv", "float[3, 2, 1, 1]", 6), ("conv_3x3", "float[3, 2, 3, 3]", 54)):
        pad = "<pads = [1, 1, 1, 1]> " if "3x3" in name else ""
        yield Case(
            f"{name}_repeats",
            "A convolution's map repeats, or what is added to it does, and then it is clipped.",
            f"""g (float[A, 2, H, W] x, float[B, 3, I, J] y) => (float[C, 3, K, L] z)
                <{weights} w = {{{", ".join(str(i % 5 - 2) for i in range(shape))}}}> {{
                  c = Conv {pad}(x, w) n = Neg(c) s = Add(n, y) z = Relu(s) }}""",
            pairs(
                xy,
                ((2, 2, 5, 4), (2, 3, 5, 4)),
                ((1, 2, 1, 1), (2, 3, 5, 4)),
                ((1, 2, 5, 1), (2, 3, 1, 4)),
                ((2, 2, 5, 4), (1, 3, 1, 1)),
                ((1, 2, 0, 1), (2, 3, 1, 4)),
            )[: 4 if pad else 5],
        )
    equations = {
        "einsum_contracted": ("ij,jk->ik", [((2, 5), (5, 3)), ((2, 1), (1, 3))]),
        "einsum_batch": ("bij,bjk->bik", [((2, 2, 5), (2, 5, 3)), ((1, 2, 5), (2, 5, 3)), ((2, 2, 5), (1, 5, 3))]),
        "einsum_ellipsis": ("...ij,...jk->...ik", [((2, 2, 5), (2, 5, 3)), ((1, 2, 5), (3, 5, 3))]),
        "einsum_outer": ("bi,bj->bij", [((2, 5), (2, 3)), ((1, 5), (2, 3)), ((2, 5), (1, 3))]),
    }
    for name, (equation, shapes) in equations.items():
        dims = [[f"{side}{axis}" for axis in range(len(shape))] for side, shape in zip("XY", shapes[0])]
        yield Case(
            name,
            "Labels that two operands share may be 1 in one of them.",
            f"g (float[{', '.join(dims[0])}] x, float[{', '.join(dims[1])}] y) => (float z) "
            f'{{ z = Einsum <equation = "{equation}"> (x, y) }}',
            [
                DataSet(xy(numbers(*a), numbers(*b)), {"z": np.einsum(equation, numbers(*a), numbers(*b))})
                for a, b in shapes
            ],
        )


def expansions():
    def expand(x, shape):
        return {"x": x, "shape": np.array(shape, np.int64)}

    yield Case(
        "expand_data",
        "The shape is data: it may repeat the operand or be repeated by it.",
        "g (float[N, M] x, int64[2] shape) => (float[A, B] z) { z = Expand(x, shape) }",
        [
            DataSet(expand(numbers(*a), b))
            for a, b in [((2, 3), (2, 3)), ((1, 3), (4, 1)), ((2, 1), (1, 19)), ((1, 1), (2, 3)), ((1, 3), (0, 3))]
        ],
    )
    yield Case(
        "expand_other",
        "The shape is another tensor's.",
        "g (float[N, M] x, float[A, B] y) => (float[C, D] z) { s = Shape(y) e = Expand(x, s) z = Add(e, y) }",
        pairs(xy, ((2, 3), (2, 3)), ((1, 3), (4, 1)), ((2, 1), (1, 19))),
    )
    yield Case(
        "constant_of_shape",
        "A tensor of a size that is data meets one that is an input.",
        """g (int64[1] n, float[M] y) => (float[K] z, int64[1] s) {
             c = ConstantOfShape(n) z = Add(c, y) s = Shape(z) }""",
        [DataSet({"n": np.array([n]), "y": numbers(m)}) for n, m in [(5, 5), (1, 5), (5, 1), (0, 1)]],
    )
    yield Case(
        "expand_minus_one",
        "The idiom of exporters for sizes to keep: -1 becomes 1 before Expand.",
        """g (float[N, 1] x, float[N, M] y) => (float[N, M] z)
           <int64[1] minus = {-1}, int64[1] one = {1}, int64[1] second = {1}> {
             s = Shape(y) m = Gather(s, second)
             wanted = Concat <axis = 0> (minus, m)
             two = Shape(wanted) ones = Expand(one, two)
             keep = Equal(wanted, minus) shape = Where(keep, ones, wanted)
             z = Expand(x, shape) }""",
        pairs(xy, ((2, 1), (2, 3)), ((1, 1), (1, 3))),
    )


def attention():
    text = """g (float[B, 2, S, 8] q, float[B, 2, P, 8] pk, float[B, 2, S, 8] k, float[B, 2, P, 8] pv, float[B, 2, S, 8] v,
             float[C, 1, S, T] mask) => (float[B, 2, S, 8] z) <float scale = {0.25}> {
             keys = Concat <axis = 2> (pk, k) values = Concat <axis = 2> (pv, v)
             turned = Transpose <perm = [0, 1, 3, 2]> (keys)
             p = MatMul(q, turned) scaled = Mul(p, scale) masked = Add(scaled, mask)
             w = Softmax <axis = -1> (masked) z = MatMul(w, values) }"""

    def data(batch, past, new, mask):
        return DataSet(
            {
                "q": numbers(batch, 2, new, 8),
                "k": -numbers(batch, 2, new, 8),
                "v": numbers(batch, 2, new, 8),
                "pk": numbers(batch, 2, past, 8),
                "pv": -numbers(batch, 2, past, 8),
                "mask": numbers(*mask),
            }
        )

    yield Case(
        "attention_mask",
        "A mask over all keys, past and new, whose sizes have names of their own.",
        text,
        [
            data(2, 3, 4, (2, 1, 4, 7)),
            data(2, 3, 4, (1, 1, 4, 7)),
            data(2, 3, 4, (1, 1, 4, 1)),
            data(1, 0, 1, (1, 1, 1, 1)),
        ],
        {"rtol": 1e-4, "atol": 1e-5},
    )


def control_flow():
    yield Case(
        "in_branches",
        "The same sizes meet in both branches and after them.",
        """g (bool c, float[N] x, float[M] y) => (float[K] z) {
             b = If (c) <
               then_branch = g1 () => (float[I] s) { s = Add(x, y) },
               else_branch = g2 () => (float[J] d) { d = Sub(x, y) }>
             z = Mul(b, y) }""",
        [
            DataSet({"c": np.array(c), "x": numbers(n), "y": numbers(m)})
            for c in (True, False)
            for n, m in [(5, 5), (1, 5), (5, 1)]
        ],
    )
    yield Case(
        "in_loop",
        "A carried value grows to the size of what is added in each iteration.",
        """g (int64 n, float[N] x, float[M] y) => (float[K] z) <bool t = {1}> {
             z = Loop (n, t, x) <body = b (int64 i, bool c, float[A] a) => (bool d, float[B] s) {
               d = Identity(c) s = Add(a, y) }> }""",
        [
            DataSet({"n": np.array(3), "x": numbers(n), "y": numbers(m)})
            for n, m in [(5, 5), (1, 5), (5, 1)]
        ],
    )


def cases():
    for kind in (pointwise, products, expansions, attention, control_flow):
        yield from kind()
