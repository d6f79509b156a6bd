"""Operators that move elements: transposes, slices, concatenations, reshapes, pads and their like."""

import numpy as np

from .. import values
from ..builder import Reject
from . import recipe

PLAIN = ("float32", "int64", "int32", "bool", "float64", "float16", "uint8", "int8")


def axis_of(g, rank, negative=True):
    axis = g.integer(0, rank - 1)
    return axis - rank if negative and g.flip(0.3) else axis


def any_type(g, op, parameter="T"):
    return g.types(op, parameter, among=values.WITH_STRINGS)


@recipe("Transpose", weight=2)
def transpose(g, op):
    x = g.value(any_type(g, op))
    perm = None if g.flip(0.2) else [int(i) for i in g.rng.permutation(x.rank)]
    return g.node(op, [x], perm=perm)


@recipe("Concat", weight=2)
def concat(g, op):
    x = g.value(any_type(g, op), rank=(1, 4))
    axis = axis_of(g, x.rank, g.version() >= 11)
    operands = [x]
    for _ in range(g.integer(0, 2)):
        dims = list(x.shape)
        dims[axis] = g.size()
        fitting = [v for v in g.pool if v.type == x.type and v.rank == x.rank
                   and all(m == n for i, (m, n) in enumerate(zip(v.shape, dims)) if i != axis % x.rank)]
        operands.append(g.pick(fitting) if g.flip(0.5) else g.fresh(x.type, dims))
    return g.node(op, [operands[i] for i in g.rng.permutation(len(operands))], axis=axis)


@recipe("Split")
def split(g, op):
    x = g.value(any_type(g, op), rank=(1, 4), where=lambda v: any(len(set(s)) == 1 and s[0] > 1 for s in v.shape))
    axis = g.pick([i for i, s in enumerate(x.shape) if len(set(s)) == 1 and s[0] > 1])
    size = x.shape[axis][0]
    parts = g.integer(1, min(size, 3))
    cuts = sorted(g.integer(0, size) for _ in range(parts - 1))
    sizes = [b - a for a, b in zip([0, *cuts], [*cuts, size])]
    axis -= x.rank if g.version() >= 11 and g.flip(0.3) else 0
    equal = g.flip(0.4) and (size % parts == 0 or g.version() >= 18)
    if g.version() >= 18 and equal:
        return g.node(op, [x], outputs=parts, axis=axis, num_outputs=parts)
    if equal:
        return g.node(op, [x], outputs=parts, axis=axis)
    if g.version() >= 13:
        return g.node(op, [x, g.ints(sizes)], outputs=parts, axis=axis)
    return g.node(op, [x], outputs=parts, axis=axis, split=sizes)


@recipe("Slice", weight=3)
def slice_(g, op):
    x = g.value(any_type(g, op), rank=(1, 4))
    axes = sorted(g.rng.permutation(x.rank)[: g.integer(1, x.rank)].tolist())
    starts, ends, steps = [], [], []
    for axis in axes:
        size = max(x.shape[axis])
        step = g.pick([1, 1, 1, 2, 3, -1, -2]) if g.version() >= 10 else 1
        bounds = [0, 1, size // 2, size - 1, size, size + 3, -1, -size, -size - 2, 2**63 - 1, -(2**63) + 1, -2]
        starts.append(g.pick(bounds[:-4] if step > 0 else [-1, size - 1, size + 4, 2**63 - 1, 1]))
        ends.append(g.pick(bounds if step > 0 else [-size - 1, -(2**63) + 1, 0, -2]))
        steps.append(step)
    if g.flip(0.3):
        axes = [axis - x.rank for axis in axes] if g.version() >= 10 else axes
    if g.version() < 10:
        return g.node(op, [x], starts=starts, ends=ends, axes=axes)
    give_steps = any(step != 1 for step in steps) or g.flip(0.3)
    if axes == list(range(x.rank)) and not give_steps and g.flip():
        return g.node(op, [x, g.ints(starts), g.ints(ends)])
    type = g.pick(["int64", "int32"]) if max(map(abs, starts + ends)) < 2**31 else "int64"
    return g.node(op, [x, g.ints(starts, type), g.ints(ends, type), g.ints(axes, type),
                       g.ints(steps, type) if give_steps else None])


@recipe("Reshape", weight=2)
def reshape(g, op):
    x = g.value(any_type(g, op))
    total = [int(np.prod(s, dtype=int)) for s in zip(*x.shape)] if x.rank else [1] * g.style.data_sets
    if len(set(total)) == 1 and not g.style.open:
        target = factors(g, total[0])
        if target and total[0] and g.flip(0.4):
            target[g.integer(0, len(target) - 1)] = -1
    else:
        # Sizes of the operand kept by 0 in front, the rest joined or split by what divides it always.
        keep = g.integer(0, x.rank)
        target = [0] * keep
        if any(0 in size for size in x.shape):
            raise Reject("-1 beside zero sizes")
        for _ in range(g.integer(0, 1)):
            target.append(g.pick([d for d in (1, 2, 3) if all(n % d == 0 for n in rest(x, keep))]))
        target.append(-1)
    if 0 in total and -1 in target:
        raise Reject("-1 beside zero sizes")
    allow = {}
    if g.version() >= 14 and (0 in total and not g.style.open or (0 not in target and g.flip(0.1))):
        allow = {"allowzero": 1}
    elif 0 in total and 0 in target:
        raise Reject("zero means copy")
    return g.node(op, [x, g.ints(target)], **allow)


def rest(x, keep):
    return [int(np.prod(s[keep:], dtype=int)) for s in zip(*x.shape)] if x.rank > keep else [1]


def factors(g, total):
    dims = []
    while total > 1 and len(dims) < 4 and g.flip(0.8):
        d = g.pick([d for d in range(1, total + 1) if total % d == 0][:8])
        dims.append(d)
        total //= d
    dims.append(total)
    return [dims[i] for i in g.rng.permutation(len(dims))]


@recipe("Flatten")
def flatten(g, op):
    x = g.value(any_type(g, op), rank=(1 if g.version() < 9 else 0, 4))
    low = -x.rank if g.version() >= 11 else 0
    return g.node(op, [x], axis=g.integer(low, x.rank))


def axes_operand(g, op, x, axes, since=13, **attributes):
    """A node with axes: an operand since a version, an attribute before."""
    if g.version() >= since:
        return g.node(op, [x, None if axes is None else g.ints(axes)], **attributes)
    return g.node(op, [x], axes=axes, **attributes)


@recipe("Squeeze")
def squeeze(g, op):
    x = g.value(any_type(g, op), where=lambda v: any(set(s) == {1} for s in v.shape))
    ones = [i for i, s in enumerate(x.shape) if set(s) == {1}]
    axes = sorted(g.rng.permutation(ones)[: g.integer(1, len(ones))].tolist())
    if not g.style.open and g.flip(0.2):
        axes = None
    elif g.version() >= 11 and g.flip(0.3):
        axes = [axis - x.rank for axis in axes]
    return axes_operand(g, op, x, axes)


@recipe("Unsqueeze")
def unsqueeze(g, op):
    x = g.value(any_type(g, op), rank=(0, 3))
    count = g.integer(1, 2)
    axes = [int(i) for i in g.rng.permutation(x.rank + count)[:count]]
    if g.version() < 11:
        axes.sort()
    elif g.flip(0.3):
        axes = [axis - x.rank - count for axis in axes]
    return axes_operand(g, op, x, axes)


@recipe("Expand", weight=2)
def expand(g, op):
    x = g.value(any_type(g, op))
    dims = [g.size(low=1) if set(s) == {1} and g.flip(0.6) else s for s in x.shape]
    dims = [g.size(low=1) for _ in range(g.integer(0, 4 - x.rank) if g.flip(0.3) and x.rank < 4 else 0)] + dims
    target = tuple([size[i] for size in dims] for i in range(g.style.data_sets))
    target = tuple([1 if n == d and g.flip(0.1) and not g.style.open else n for n, d in zip(t, t)] for t in target)
    if all(t == target[0] for t in target):
        return g.node(op, [x, g.ints(target[0])])
    return g.node(op, [x, shape_of(g, dims)])


def shape_of(g, dims):
    """The sizes as a value: what Shape says of a tensor of these sizes."""
    return g.node("Shape", [g.value(PLAIN, shape=dims)])


@recipe("Tile")
def tile(g, op):
    x = g.value(any_type(g, op), rank=(1, 4))
    return g.node(op, [x, g.ints([g.pick([1, 1, 2, 3, 0 if g.flip(0.1) else 1]) for _ in range(x.rank)])])


@recipe("Pad", weight=3)
def pad(g, op):
    types = [t for t in any_type(g, op) if t != "bool" or g.version() >= 13]
    x = g.value(types, rank=(1, 4))
    modes = ["constant", "constant", "edge", "reflect"] + (["wrap"] if g.version() >= 19 else [])
    mode = g.pick(modes)
    axes = None
    if g.version() >= 18 and g.flip(0.3):
        axes = sorted(g.rng.permutation(x.rank)[: g.integer(1, x.rank)].tolist())
    padded = axes if axes is not None else range(x.rank)
    begin, end = [], []
    for axis in padded:
        low = min(x.shape[axis])
        most = {"constant": 3, "edge": 3 if low else 0, "reflect": low - 1, "wrap": low}[mode]
        most = max(0, min(most, 3))
        pads = [g.integer(0, most) for _ in range(2)]
        if mode in ("constant", "edge") and g.flip(0.2) and low > 1:
            pads[g.integer(0, 1)] = -1
        begin.append(pads[0])
        end.append(pads[1])
    if axes is not None and g.flip(0.3):
        axes = [axis - x.rank for axis in axes]
    if g.version() < 11:
        number = float(g.integer(-2, 2))
        return g.node(op, [x], mode=mode, pads=begin + end, value=number if g.flip() else None)
    number = g.fresh(x.type, []) if mode == "constant" and g.flip() else None
    return g.node(op, [x, g.ints(begin + end), number, None if axes is None else g.ints(axes)], mode=mode)


@recipe("CenterCropPad")
def center_crop_pad(g, op):
    x = g.value(any_type(g, op), rank=(1, 4))
    axes = None if g.flip() else sorted(g.rng.permutation(x.rank)[: g.integer(1, x.rank)].tolist())
    sizes = [g.integer(1, 7) for _ in (axes if axes is not None else range(x.rank))]
    return g.node(op, [x, g.ints(sizes, g.pick(["int64", "int32"]))], axes=axes)


@recipe("DepthToSpace SpaceToDepth")
def blocks(g, op):
    block = g.integer(1, 3)
    n, c, h, w = g.size(1), g.integer(1, 3), g.integer(1, 3), g.integer(1, 3)
    factor = block * block
    dims = [n, *map(g.constant_size, (c * factor, h, w) if op == "DepthToSpace" else (c, h * block, w * block))]
    x = g.value(any_type(g, op), shape=dims)
    mode = g.pick(["DCR", "CRD", None]) if op == "DepthToSpace" and g.version() >= 11 else None
    return g.node(op, [x], blocksize=block, mode=mode)


@recipe("ReverseSequence")
def reverse_sequence(g, op):
    x = g.value(any_type(g, op), rank=(2, 4), where=lambda v: all(min(s) > 0 for s in v.shape[:2]))
    batch = g.integer(0, 1)
    lengths = tuple(
        [g.integer(1, x.shape[1 - batch][i]) for _ in range(x.shape[batch][i])] for i in range(g.style.data_sets)
    )
    operand = g.ints(lengths if len(set(map(tuple, lengths))) > 1 else lengths[0])
    return g.node(op, [x, operand], batch_axis=batch, time_axis=1 - batch)


@recipe("Trilu")
def trilu(g, op):
    x = g.value(any_type(g, op), rank=(2, 4))
    k = g.ints(g.integer(-3, 3)) if g.flip() else None
    return g.node(op, [x, k], upper=g.pick([0, 1, None]))


@recipe("Shape Size", weight=1.5)
def shape(g, op):
    x = g.value(any_type(g, op))
    if op == "Size" or g.version() < 15 or g.flip():
        return g.node(op, [x])
    return g.node(op, [x], start=g.pick([None, 0, 1, -1, -2, -9]), end=g.pick([None, 1, 2, -1, 9]))


@recipe("ConstantOfShape")
def constant_of_shape(g, op):
    type = g.pick(g.types(op, "T2"))
    array = values.draw(g.rng, type, (1,))
    from onnx import numpy_helper

    tensor = numpy_helper.from_array(array) if g.flip(0.8) else None
    shapes = [v for v in g.pool if v.type == "int64" and v.rank == 1 and 0 < v.array.size <= 5 and v.every(lambda a: np.all((a >= 0) & (a < 10)))]
    sizes = g.pick(shapes) if shapes and g.flip(0.7) else g.ints([g.integer(0, 5) for _ in range(g.integer(0, 3))])
    return g.node(op, [sizes], value=tensor)


@recipe("Range")
def range_(g, op):
    type = g.pick([t for t in g.types(op) if t != "float16"])
    start, step, count = g.integer(-5, 5), g.pick([1, 2, -1, -3, 3]), g.integer(0, 9)
    numbers = [start, start + step * count, step]
    return g.node(op, [g.ints(number, type) for number in numbers])


@recipe("EyeLike")
def eye_like(g, op):
    x = g.value(g.types(op, "T1"), rank=2)
    to = g.pick(g.types(op, "T2")) if g.flip() else None
    return g.node(op, [x], k=g.integer(-2, 2) if g.flip() else None, dtype=to and values.onnx_type(to))


@recipe("Constant", weight=0.3)
def constant(g, op):
    from onnx import numpy_helper

    type = values.choose_type(g.rng, ["float32", "int64", "bool", "float64"])
    forms = [{"value": numpy_helper.from_array(values.draw(g.rng, type, (2, 3)))}]
    if g.version() >= 12:
        forms += [{"value_float": 0.5}, {"value_floats": [1.0, -2.0]}, {"value_int": 3}, {"value_ints": [1, -1, 2]}]
    return g.node(op, [], **g.pick(forms))
