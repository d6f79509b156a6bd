"""Reductions, cumulations, softmax, selections by value."""

import numpy as np

from .. import values
from ..builder import Reject
from . import recipe
from .movement import axis_of

NOT_EMPTY = lambda v: all(min(s) > 0 for s in v.shape)


def without_nan(v):
    return not values.is_float(v.type) or v.every(lambda a: not np.any(np.isnan(a)))


@recipe("ReduceSum ReduceProd ReduceMax ReduceMin ReduceMean ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum",
        "ReduceLogSumExp", weight=1)
def reduce(g, op):
    types = g.types(op)
    if op in ("ReduceMean", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp"):
        types = [t for t in types if values.is_float(t)]
    x = g.value(types, rank=(1, 4), where=lambda v: without_nan(v) or op not in ("ReduceMax", "ReduceMin"))
    if op in ("ReduceMean", "ReduceMax", "ReduceMin") and not NOT_EMPTY(x):
        raise Reject("reduction of nothing")
    axes = None if g.flip(0.2) else sorted(g.rng.permutation(x.rank)[: g.integer(1, x.rank)].tolist())
    if axes and g.version() >= 11 and g.flip(0.3):
        axes = [axis - x.rank for axis in axes]
    keep = {"keepdims": g.integer(0, 1)} if g.flip(0.7) else {}
    if g.version() >= (13 if op == "ReduceSum" else 18):
        if axes is None and g.flip(0.3):
            return g.node(op, [x, g.ints([]) if g.flip() else None], noop_with_empty_axes=1, **keep)
        return g.node(op, [x, None if axes is None else g.ints(axes)], **keep)
    return g.node(op, [x], axes=axes, **keep)


@recipe("ArgMax ArgMin", weight=1)
def arg_reduce(g, op):
    x = g.value(g.types(op), rank=(1, 4), where=lambda v: without_nan(v) and NOT_EMPTY(v))
    attributes = {"keepdims": g.integer(0, 1)} if g.flip() else {}
    if g.version() >= 12 and g.flip(0.4):
        attributes["select_last_index"] = g.integer(0, 1)
    return g.node(op, [x], axis=axis_of(g, x.rank, g.version() >= 11), **attributes)


@recipe("CumSum CumProd")
def cumulate(g, op):
    x = g.value(g.types(op), rank=(1, 4))
    attributes = {name: g.integer(0, 1) for name in ("exclusive", "reverse") if g.flip(0.4)}
    axis = axis_of(g, x.rank)
    return g.node(op, [x, g.ints(axis, g.pick(["int32", "int64"]))], **attributes)


@recipe("Softmax LogSoftmax Hardmax", weight=1.5)
def softmax(g, op):
    x = g.value(g.types(op), rank=(1, 4), where=NOT_EMPTY)
    if not x.every(lambda a: np.all(np.isfinite(a.astype(float)))):
        raise Reject("softmax of infinities")
    return g.node(op, [x], axis=axis_of(g, x.rank, g.version() >= 11) if g.flip(0.8) or x.rank < 2 else None)


@recipe("TopK", weight=1)
def top_k(g, op):
    x = g.value(g.types(op), rank=(1, 4), where=lambda v: without_nan(v) and NOT_EMPTY(v))
    axis = axis_of(g, x.rank, g.version() >= 11)
    k = g.integer(0 if g.flip(0.05) else 1, min(x.shape[axis]))
    if g.version() < 10:
        return g.node(op, [x], outputs=2, axis=axis, k=k)
    attributes = {name: 0 for name in ("largest",) if g.version() >= 11 and g.flip()}
    return g.node(op, [x, g.ints([k])], outputs=2, axis=axis, **attributes)


@recipe("NonZero")
def non_zero(g, op):
    return g.node(op, [g.value(g.types(op), rank=(1, 4))])


@recipe("Unique")
def unique(g, op):
    x = g.value([t for t in g.types(op) if t != "bool"], rank=(1, 3), where=lambda v: without_nan(v) and NOT_EMPTY(v))
    axis = None if g.flip() else axis_of(g, x.rank)
    outputs = [True, g.flip(), g.flip(), g.flip()]
    return g.node(op, [x], outputs=outputs, axis=axis, sorted=1)


@recipe("Compress")
def compress(g, op):
    x = g.value(g.types(op), rank=(1, 3))
    axis = None if g.flip(0.3) else axis_of(g, x.rank, g.version() >= 11)
    size = min(x.shape[axis]) if axis is not None else min(int(np.prod(s)) for s in zip(*x.shape))
    condition = g.fresh("bool", [g.constant_size(g.integer(1, max(1, size)))])
    if condition.array.size > size:
        raise Reject("condition is longer")
    return g.node(op, [x, condition], axis=axis)


@recipe("OneHot")
def one_hot(g, op):
    types = [t for t in g.types(op, "T1") if t in ("int64", "int32", "float32", "uint8")]
    depth = g.integer(1, 6)
    indices = g.value(types, rank=(0, 3), where=lambda v: v.every(lambda a: np.all((np.abs(a.astype(float)) < 50) & (a == np.round(a.astype(float))))), kind="small")
    value_type = g.pick([t for t in g.types(op, "T3") if t in ("float32", "int64", "int32", "bool", "float64")])
    off_on = g.fresh(value_type, [g.constant_size(2)])
    axis = g.integer(-indices.rank - 1, indices.rank) if g.flip(0.6) else None
    return g.node(op, [indices, g.ints(g.pick([depth, [depth]])), off_on], axis=axis)


@recipe("NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss")
def loss(g, op):
    n, c = g.size(1), g.constant_size(g.integer(1, 5))
    dims = [g.size(1) for _ in range(g.integer(0, 2))]
    x = g.value([t for t in g.types(op) if t in ("float32", "float64")], shape=[n, c, *dims], where=lambda v: v.every(lambda a: np.all(np.abs(a.astype(float)) < 50)))
    shapes = [tuple(s[i] for s in [n, *dims]) for i in range(g.style.data_sets)]
    type = g.pick(["int64", "int32"])
    target = g.input([g.rng.integers(0, c[0], shape).astype(type) for shape in shapes], pooled=False)
    weights = g.fresh(x.type, [c], "positive") if g.flip() else None
    ignore = g.integer(0, c[0] - 1) if g.flip(0.3) and weights is None and c[0] > 1 else None
    reduction = g.pick(["none", "sum", "mean"])
    outputs = 2 if op == "SoftmaxCrossEntropyLoss" and g.flip() else 1
    return g.node(op, [x, target, weights], outputs=outputs, reduction=reduction, ignore_index=ignore)
