"""Gathers and scatters, detection."""

import numpy as np

from .. import values
from ..builder import Reject
from . import recipe
from .movement import axis_of


def indices(g, limits, dims, negative=True, type=None):
    """Indices into sizes `limits` (per data set), as input or constant."""
    if any(n < 1 for n in limits):
        raise Reject("nothing to index")
    type = type or g.pick(["int64", "int64", "int32"])
    low = [-n if negative and g.flip(0.4) else 0 for n in limits]
    shapes = [tuple(s[i] for s in dims) for i in range(g.style.data_sets)]
    arrays = [g.rng.integers(low[i], limits[i], shapes[i]).astype(type) for i in range(g.style.data_sets)]
    if all(shape == shapes[0] for shape in shapes) and len(set(limits)) == 1 and g.flip(0.5):
        return g.initializer(arrays[0], pooled=False)
    return g.input([np.asarray(a) for a in arrays], pooled=False)


@recipe("Gather", weight=2)
def gather(g, op):
    x = g.value(g.types(op), rank=(1, 4))
    axis = axis_of(g, x.rank)
    fits = [v for v in g.pool if v.type in ("int64", "int32") and v.rank <= 2
            and all(np.all((a >= -n) & (a < n)) for a, n in zip(v.exact(), x.shape[axis]))]
    if fits and min(x.shape[axis]) and g.flip(0.3):
        chosen = g.pick(fits)
    else:
        chosen = indices(g, x.shape[axis], g.shape(g.integer(0, 2)), g.version() >= 11)
    return g.node(op, [x, chosen], axis=axis if axis or g.flip() else None)


@recipe("GatherElements", weight=1.5)
def gather_elements(g, op):
    x = g.value(g.types(op), rank=(1, 4))
    axis = axis_of(g, x.rank)
    dims = [s if i != axis % x.rank else g.size(1) for i, s in enumerate(x.shape)]
    if not g.style.open:
        dims = [g.constant_size(g.integer(min(1, s[0]), s[0])) if i != axis % x.rank else s for i, s in enumerate(dims)]
    return g.node(op, [x, indices(g, x.shape[axis], dims)], axis=axis)


def nd_indices(g, x, batch, depth, count, unique=False):
    """A tensor [..batch, count, depth] of positions in `x`."""
    sizes = x.shape[batch : batch + depth]
    arrays = []
    for i in range(g.style.data_sets):
        lead = [s[i] for s in x.shape[:batch]] + [c[i] for c in count]
        limits = [s[i] for s in sizes]
        if any(n < 1 for n in limits):
            raise Reject("nothing to index")
        if unique:
            total = int(np.prod(limits, dtype=int))
            number = int(np.prod(lead, dtype=int))
            if number > total:
                raise Reject("too few positions")
            flat = g.rng.permutation(total)[:number]
            array = np.stack(np.unravel_index(flat, limits), -1).reshape(*lead, depth) if depth else np.zeros((*lead, 0))
        else:
            array = np.stack([g.rng.integers(-n, n, lead) for n in limits], -1)
        arrays.append(array.astype(np.int64))
    if len({a.shape for a in arrays}) == 1 and len({tuple(s) for s in zip(*sizes)}) == 1 and g.flip():
        return g.initializer(arrays[0], pooled=False)
    return g.input(arrays, pooled=False)


@recipe("GatherND", weight=1.5)
def gather_nd(g, op):
    x = g.value(g.types(op), rank=(1, 4))
    batch = g.integer(0, x.rank - 1) if g.version() >= 12 and g.flip(0.3) else 0
    depth = g.integer(1, x.rank - batch)
    count = [g.size() for _ in range(g.integer(0, 2))]
    if not batch and not count:
        count = [g.size()]
    return g.node(op, [x, nd_indices(g, x, batch, depth, count)], batch_dims=batch if batch or g.flip() else None)


@recipe("ScatterND", weight=1.5)
def scatter_nd(g, op):
    x = g.value(g.types(op), rank=(1, 4))
    depth = g.integer(1, x.rank)
    count = [g.constant_size(g.integer(0 if g.flip(0.1) else 1, 4)) for _ in range(g.integer(1, 2))]
    reductions = [None, "none"] + (["add", "mul"] if g.version() >= 16 else []) + (["max", "min"] if g.version() >= 18 else [])
    reduction = g.pick(reductions) if x.type != "bool" else None
    positions = nd_indices(g, x, 0, depth, count, unique=reduction in (None, "none"))
    updates = g.fresh(x.type, [*count, *x.shape[depth:]], "small")
    _ordered(x, updates, reduction)
    return g.node(op, [x, positions, updates], reduction=reduction)


def _ordered(x, updates, reduction):
    """Halves are summed in an order, and in a width, that is open; so is the larger of a number and NaN."""
    if reduction in ("max", "min", "add", "mul") and values.is_float(x.type):
        if not x.every(lambda a: not np.any(np.isnan(a))) or values.is_half(x.type):
            raise Reject("NaN in a reduction")


@recipe("ScatterElements Scatter", weight=1)
def scatter_elements(g, op):
    x = g.value(g.types(op), rank=(1, 3), where=lambda v: all(min(s) > 0 for s in v.shape))
    axis = axis_of(g, x.rank, op != "Scatter")
    shapes = [[g.integer(1, n) for n in s] for s in zip(*x.shape)]
    if len(set(map(tuple, zip(*x.shape)))) == 1:
        shapes = [shapes[0]] * g.style.data_sets
    reductions = [None, "none"] + (["add", "mul"] if g.version() >= 16 else []) + (["max", "min"] if g.version() >= 18 else [])
    reduction = g.pick(reductions) if x.type != "bool" and op != "Scatter" else None
    arrays = []
    for i, shape in enumerate(shapes):
        n = x.shape[axis][i]
        rows = [g.rng.permutation(n)[: shape[axis]] for _ in range(int(np.prod(shape, dtype=int)) // shape[axis])]
        array = np.array(rows).reshape([s for j, s in enumerate(shape) if j != axis % x.rank] + [shape[axis]])
        arrays.append(np.ascontiguousarray(np.moveaxis(array, -1, axis)).astype(np.int64))
    positions = g.initializer(arrays[0], pooled=False) if len({a.shape for a in arrays}) == 1 and len(set(x.shape[axis])) == 1 else g.input(arrays, pooled=False)
    dims = list(zip(*[a.shape for a in arrays]))
    updates = g.fresh(x.type, dims, "small")
    _ordered(x, updates, reduction)
    return g.node(op, [x, positions, updates], axis=axis, reduction=reduction)


@recipe("TensorScatter", weight=0.5)
def tensor_scatter(g, op):
    batch, longest, new, width = g.size(1), g.constant_size(g.integer(3, 8)), g.constant_size(g.integer(1, 3)), g.size(1)
    type = g.pick([t for t in g.types(op) if t in ("float32", "int64", "float16")])
    past = g.value([type], shape=[batch, longest, width])
    update = g.fresh(type, [batch, new, width])
    mode = g.pick(["linear", "circular"])
    high = longest[0] - new[0] + 1 if mode == "linear" else longest[0]
    starts = g.input([g.rng.integers(0, high, batch[i]).astype(np.int64) for i in range(g.style.data_sets)], pooled=False)
    return g.node(op, [past, update, starts if g.flip(0.8) else None], mode=mode, axis=1)


@recipe("NonMaxSuppression", weight=1)
def nms(g, op):
    batch, count, classes = g.size(1), g.size(1), g.integer(1, 3)
    shapes = [(batch[i], count[i]) for i in range(g.style.data_sets)]
    boxes, scores = [], []
    for shape in shapes:
        corner = g.rng.uniform(0, 3, (*shape, 2))
        boxes.append(np.concatenate([corner, corner + g.rng.uniform(0.5, 3, (*shape, 2))], -1).astype(np.float32))
        scores.append(g.rng.permutation(shape[0] * classes * shape[1]).reshape(shape[0], classes, shape[1]).astype(np.float32) / 64)
    operands = [g.input(boxes), g.input(scores)]
    limits = [g.ints([g.pick([0, 1, 2, 5, 2**63 - 1])]), g.ints([g.pick([0.0, 0.2, 0.5])], "float32"), g.ints([g.pick([0.1, 0.0])], "float32")]
    return g.node(op, [*operands, *limits], center_point_box=g.pick([None, 0, 1]))
