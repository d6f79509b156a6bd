"""Tensors without elements, in every kind of kernel and every position, known while compiling or only in a run."""

import itertools

import numpy as np

from cases import Case, single


def random(*shape):
    size = int(np.prod(shape))
    return (np.sin(np.arange(size) * 1.7) * 2).astype(np.float32).reshape(shape)


def named(name, why, forms):
    for form, model, data in forms:
        yield Case(f"{name}_{form}", why, model, data)


def contractions():
    why = "A sum over nothing is zero; what comes after it still happens."
    for m, k, n in itertools.product((0, 3), (0, 4), (0, 5)):
        if m and k and n:
            continue
        for number, constants in (("live", ()), ("packed", (1,))):
            yield from named(f"matmul_{m}x{k}x{n}_{number}", why,
                             single("MatMul", [random(m, k), random(k, n)], constants=constants,
                                    expected=[np.zeros((m, n), np.float32)]))
        yield from named(f"gemm_{m}x{k}x{n}", why,
                         single("Gemm", [random(m, k), random(n, k), random(n)], {"transB": 1}, constants=(1, 2),
                                expected=[np.broadcast_to(random(n), (m, n)).astype(np.float32)]))
        yield from named(f"matmul_integer_{m}x{k}x{n}", why,
                         single("MatMulInteger", [np.ones((m, k), np.uint8), np.ones((k, n), np.int8)],
                                expected=[np.zeros((m, n), np.int32)]))
    for shape in ((0, 2, 3), (2, 0, 3), (2, 3, 0)):
        yield from named(f"matmul_batch_{'x'.join(map(str, shape))}", why,
                         single("MatMul", [random(*shape), random(shape[0], shape[2], 4)],
                                expected=[np.zeros((*shape[:2], 4), np.float32)]))
    yield from named("matmul_vectors", why,
                     single("MatMul", [random(0), random(0)], expected=[np.zeros((), np.float32)]))
    yield from named("matmul_double", why, single("MatMul", [random(2, 0).astype(np.float64), random(0, 2).astype(
        np.float64)], expected=[np.zeros((2, 2))]))
    yield from named("einsum", why, single("Einsum", [random(2, 0), random(0, 3)], {"equation": "ij,jk->ik"},
                                           expected=[np.zeros((2, 3), np.float32)]))
    for batch, size in ((0, 6), (2, 6)):
        if batch:
            continue
        for name, weights, group in (("conv", random(4, 3, 3, 3), 1), ("depthwise", random(3, 1, 3, 3), 3),
                                     ("pointwise", random(4, 3, 1, 1), 1)):
            yield from named(f"{name}_batch0", "A convolution of no images.",
                             single("Conv", [random(batch, 3, size, size), weights, random(len(weights))],
                                    {"group": group}, constants=(1, 2)))
    yield from named("conv_no_channels", "A convolution of no channels gives the bias.",
                     single("Conv", [random(1, 0, 4, 4), random(2, 0, 3, 3), np.array([1, 2], np.float32)],
                            constants=(1, 2),
                            expected=[np.broadcast_to(np.array([1, 2], np.float32)[None, :, None, None],
                                                      (1, 2, 2, 2)).copy()]))
    yield from named("conv_transpose_batch0", "A transposed convolution of no images.",
                     single("ConvTranspose", [random(0, 3, 4, 4), random(3, 2, 2, 2)], {"strides": [2, 2]},
                            constants=(1,)))


def reductions():
    axes = np.array([0], np.int64)
    for op, neutral in (("ReduceSum", 0), ("ReduceProd", 1), ("ReduceL1", 0), ("ReduceL2", 0), ("ReduceSumSquare", 0),
                        ("ReduceLogSum", -np.inf), ("ReduceLogSumExp", -np.inf), ("ReduceMax", -np.inf),
                        ("ReduceMin", np.inf)):
        for constants in ((1,), ()):
            for keep in (0, 1):
                kept = np.full((1, 3) if keep else (3,), neutral, np.float32)
                how = "fixed" if constants else "run"
                yield from named(f"{op.lower()}_{how}_{keep}", "A reduction over nothing gives its neutral element.",
                                 single(op, [random(0, 3), axes], {"keepdims": keep}, constants, expected=[kept]))
                empty = np.zeros((2, 0, 1)[: 3 if keep else 2], np.float32)
                yield from named(f"{op.lower()}_other_{how}_{keep}", "A reduction beside an empty dimension.",
                                 single(op, [random(2, 0, 3), np.array([2], np.int64)], {"keepdims": keep}, constants,
                                        expected=[empty]))
    for op in ("ArgMax", "ArgMin"):
        yield from named(op.lower(), "Positions of extrema in no rows.",
                         single(op, [random(0, 3)], {"axis": 1}))
    yield from named("cumsum", "Sums along an empty dimension.",
                     single("CumSum", [random(2, 0), np.array(1, np.int64)], constants=(1,)))
    for shape, axis in (((0, 4), 1), ((3, 0), 1), ((0, 4), 0)):
        for op in ("Softmax", "LogSoftmax"):
            yield from named(f"{op.lower()}_{'x'.join(map(str, shape))}_{axis}", "Softmax of nothing.",
                             single(op, [random(*shape)], {"axis": axis}, expected=[np.zeros(shape, np.float32)]))
    yield from named("layer_norm", "Norms of no rows.",
                     single("LayerNormalization", [random(0, 4), random(4), random(4)], constants=(1, 2)))
    yield from named("batch_norm", "Norms of no images.",
                     single("BatchNormalization", [random(0, 2, 3), random(2), random(2), random(2), random(2) ** 2 + 1],
                            constants=(1, 2, 3, 4)))
    for op in ("MaxPool", "AveragePool"):
        yield from named(op.lower(), "Pools of no images.",
                         single(op, [random(0, 2, 4, 4)], {"kernel_shape": [2, 2]}))
    for op in ("GlobalAveragePool", "GlobalMaxPool"):
        yield from named(op.lower(), "Pools over whole images, of which there are none.",
                         single(op, [random(0, 2, 4, 4)]))


def movements():
    why = "Moving no elements."
    i64 = lambda *values: np.array(values, np.int64)  # noqa: E731
    empty = random(2, 0, 3)
    yield from named("transpose", why, single("Transpose", [empty], {"perm": [2, 0, 1]}))
    yield from named("transpose_last", why, single("Transpose", [random(0, 5)], {"perm": [1, 0]}))
    yield from named("concat", why, single("Concat", [empty, random(2, 2, 3)], {"axis": 1}))
    yield from named("concat_empty", why, single("Concat", [empty, empty], {"axis": 1}))
    yield from named("split", why, single("Split", [random(2, 4), i64(0, 4)], {"axis": 1}, (1,), outputs=2))
    yield from named("gather_none", why, single("Gather", [random(3, 2), i64()], {"axis": 0}, (1,)))
    yield from named("gather_live", why, single("Gather", [random(3, 2), i64()], {"axis": 0}))
    yield from named("gather_elements", why, single("GatherElements", [random(3, 2), np.zeros((0, 2), np.int64)]))
    yield from named("gather_nd", why, single("GatherND", [random(3, 2), np.zeros((0, 1), np.int64)]))
    yield from named("scatter_elements", why,
                     single("ScatterElements", [random(3, 2), np.zeros((0, 2), np.int64), random(0, 2)]))
    yield from named("scatter_nd", why, single("ScatterND", [random(3, 2), np.zeros((0, 1), np.int64), random(0, 2)]))
    yield from named("tile", why, single("Tile", [random(2, 3), i64(0, 2)], constants=(1,)))
    yield from named("tile_empty", why, single("Tile", [empty, i64(2, 3, 1)], constants=(1,)))
    yield from named("expand", why, single("Expand", [random(1, 3), i64(0, 3)], constants=(1,)))
    yield from named("pad_empty", "The frame around nothing.",
                     single("Pad", [random(0, 2), i64(1, 0, 1, 0)], constants=(1,)))
    yield from named("slice_to_nothing", why,
                     single("Slice", [random(4, 3), i64(2), i64(2), i64(0)], constants=(1, 2, 3)))
    yield from named("slice_empty", why,
                     single("Slice", [random(0, 3), i64(0), i64(5), i64(0)], constants=(1, 2, 3)))
    yield from named("where", why, single("Where", [np.zeros((0, 1), bool), random(1, 3), random(1)]))
    yield from named("add_broadcast", "1 and 0 broadcast to 0.", single("Add", [random(1, 3), random(0, 3)]))
    yield from named("nonzero", why, single("NonZero", [random(0, 3)]))
    yield from named("nonzero_scalar_like", why, single("NonZero", [np.zeros((2, 3), np.float32)]))
    yield from named("unique", why, single("Unique", [random(0)], expected=[np.zeros(0, np.float32)]))
    yield from named("topk", why, single("TopK", [random(2, 3), i64(0)], constants=(1,), outputs=2))
    yield from named("topk_rows", why, single("TopK", [random(0, 3), i64(2)], constants=(1,), outputs=2))
    yield from named("one_hot", why,
                     single("OneHot", [i64(), np.array(3, np.int64), np.array([0, 1], np.float32)], constants=(1, 2)))
    yield from named("resize_batch", why,
                     single("Resize", [random(0, 1, 2, 2), None, np.array([1, 1, 2, 2], np.float32)], constants=(2,)))
    yield from named("reshape_copy", "A copied dimension that is empty, and what is left.",
                     single("Reshape", [random(0, 6), i64(0, -1)], constants=(1,), expected=[random(0, 6)]))
    yield from named("reshape_run", "The same from a run.",
                     single("Reshape", [random(0, 6), i64(0, -1)], expected=[random(0, 6)], constants=()))
    yield from named("reshape_allow_zero", "A zero that means zero.",
                     single("Reshape", [random(0, 6), i64(3, 0)], {"allowzero": 1}, (1,), expected=[random(3, 0)]))
    for op in ("LSTM", "GRU", "RNN"):
        gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
        weights = [random(1, gates * 3, 2), random(1, gates * 3, 3)]
        yield from named(f"{op.lower()}_batch", "A recurrent cell over no sequences.",
                         single(op, [random(4, 0, 2), *weights], {"hidden_size": 3}, (1, 2),
                                expected=[random(4, 1, 0, 3)]))
        yield from named(f"{op.lower()}_steps", "A recurrent cell over empty sequences.",
                         single(op, [random(0, 2, 2), *weights], {"hidden_size": 3}, (1, 2),
                                expected=[random(0, 1, 2, 3)]))


def attentions():
    def forms(batch, queries, keys):
        q, k, v = random(batch, 2, queries, 8), random(batch, 2, keys, 8), random(batch, 2, keys, 8)
        return single("Attention", [q, k, v], opset=23, expected=[np.zeros((batch, 2, queries, 8), np.float32)])

    yield from named("attention_no_queries", "Attention of no queries.", forms(1, 0, 4))
    yield from named("attention_no_batch", "Attention of an empty batch.", forms(0, 3, 4))
    yield from named("attention_no_keys", "Attention to nothing: a sum over nothing is zero.", forms(1, 3, 0))


def cases():
    yield from contractions()
    yield from reductions()
    yield from movements()
    yield from attentions()
