"""Matrix products, convolutions, pools and other windows."""

import numpy as np

from .. import values
from ..builder import Reject
from . import recipe


def matrix_pair(g, types):
    """Two operands of a matrix product: batched, broadcast, vectors."""
    type = values.choose_type(g.rng, types)
    a = g.value([type], rank=(1, 4))
    k = a.shape[-1]
    if g.flip(0.2):
        return a, g.value([type], shape=[k])
    batch = g.narrowed(a.shape[:-2]) if a.rank > 2 else ([] if g.flip(0.8) else [g.size()])
    return a, g.value([type], shape=[*batch, k, g.size(1)])


@recipe("MatMul", weight=3)
def matmul(g, op):
    return g.node(op, matrix_pair(g, g.types(op)))


@recipe("Gemm", weight=2)
def gemm(g, op):
    a = g.value(g.types(op), rank=2)
    trans_a, trans_b = g.integer(0, 1), g.integer(0, 1)
    m, k = a.shape[::-1] if trans_a else a.shape
    n = g.size(1)
    b = g.value([a.type], shape=[n, k] if trans_b else [k, n])
    c = g.fresh(a.type, g.narrowed([m, n])) if g.version() < 11 or g.flip(0.7) else None
    scale = {name: float(g.pick([0.5, 2.0, 0.0, -1.0])) for name in ("alpha", "beta") if g.flip(0.3)}
    if not values.is_float(a.type):
        scale = {}
    if c is not None and g.version() < 9 and c.rank > 2:
        raise Reject("bias")
    return g.node(op, [a, b, c], transA=trans_a, transB=trans_b, **scale)


@recipe("Einsum")
def einsum(g, op):
    types = [t for t in g.types(op) if t in ("float32", "float64", "int32", "int64")]
    equation = g.pick(["ij,jk->ik", "bij,bjk->bik", "ij->ji", "ij,ij->", "i,j->ij", "bij,bkj->bik", "ii->i", "ijk->j",
                       "...ij,jk->...ik", "ij,jk", "bhid,bhjd->bhij", "ij,j->i", "ab,bc,cd->ad", "ijk,ijk->ik", "ij->"])
    letters, terms = {}, equation.split("->")[0].split(",")
    for letter in sorted(set(equation) - set("->,.")):
        letters[letter] = g.size(1)
    type = values.choose_type(g.rng, types)
    operands = []
    for term in terms:
        dims = [letters[letter] for letter in term.replace("...", "")]
        operands.append(g.value([type], shape=([g.size(1)] if "..." in term else []) + dims))
    return g.node(op, operands, equation=equation)


@recipe("DeformConv", weight=0.5)
def deform_conv(g, op):
    x = image(g, ["float32"], spatial=2)
    if len(x.shape) != 4:
        raise Reject("ONNX Runtime has two dimensions only")
    if len(set(x.shape[1])) > 1 or not all(min(s) > 0 for s in x.shape):
        raise Reject("channels that only a run tells")
    if not x.every(lambda a: np.all(np.abs(a.astype(float)) < 1e6)):
        raise Reject("infinities")
    c = x.shape[1][0]
    group, offsets = (g.pick([d for d in (1, 1, 2, c) if c % d == 0]) for _ in range(2))
    window = Window(g, x.shape[2:], modes=False)
    dilations, strides = window.dilations, window.strides
    pads = window.attributes.get("pads") or [0, 0, 0, 0]
    counts = [tuple((n + pads[d] + pads[d + 2] - (window.kernel[d] - 1) * dilations[d] - 1) // strides[d] + 1 for n in size)
              for d, size in enumerate(x.shape[2:])]
    taps, outputs = window.kernel[0] * window.kernel[1], group * g.integer(1, 4)
    w = g.fresh("float32", [g.constant_size(n) for n in (outputs, c // group, *window.kernel)], "normal", fixed=True)
    offset = g.fresh("float32", [x.shape[0], g.constant_size(offsets * taps * 2), *counts], "normal")
    bias = g.fresh("float32", [g.constant_size(outputs)], "normal") if g.flip() else None
    mask = g.fresh("float32", [x.shape[0], g.constant_size(offsets * taps), *counts], "normal") if g.flip() else None
    return g.node(op, [x, w, offset, bias, mask], group=group, offset_group=offsets, **window.attributes)


class Window:
    """Kernel, strides, dilations and pads over the spatial dimensions of a shape."""

    def __init__(self, g, spatial, dilate=True, ceil=False, modes=True):
        self.kernel, self.strides, self.dilations, pads = [], [], [], []
        self.attributes = {}
        mode = g.pick(["NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]) if modes else "NOTSET"
        for size in spatial:
            low = min(size)
            if low < 1:
                raise Reject("no window fits")
            kernel = g.integer(1, min(4, low))
            dilation = g.pick([1, 1, 2]) if dilate and mode in ("NOTSET", "VALID") else 1
            if (kernel - 1) * dilation + 1 > low:
                dilation = 1
            self.kernel.append(kernel)
            # Where windows leave gaps, SAME would pad by less than nothing; everybody does something else then.
            longest = 3 if mode in ("NOTSET", "VALID") else min(3, kernel)
            self.strides.append(g.integer(1, longest) if g.flip() else 1)
            self.dilations.append(dilation)
            pads.append([g.integer(0, (kernel - 1)) if g.flip() else 0 for _ in range(2)])
        self.attributes["strides"] = self.strides if g.flip(0.8) or max(self.strides) > 1 else None
        if max(self.dilations) > 1:
            self.attributes["dilations"] = self.dilations
        if mode != "NOTSET":
            self.attributes["auto_pad"] = mode
        elif g.flip(0.7):
            self.attributes["pads"] = [p[0] for p in pads] + [p[1] for p in pads]
        if ceil and g.flip(0.3):
            self.attributes["ceil_mode"] = 1


def image(g, types, channels=None, low=1, spatial=None):
    spatial = spatial or g.pick([1, 2, 2, 2, 3])
    wanted = lambda v: all(min(s) > 0 for s in v.shape) and len(set(v.shape[1])) == 1
    fits = [v for v in g.pool if v.type in types and v.rank >= 3 and v.made and wanted(v)]
    if fits and channels is None and g.flip(0.5):
        return g.pick(fits)
    c = g.constant_size(channels or g.pick([1, 2, 3, 4, 8, 16]))
    sizes = [g.size(low=max(2, low)) for _ in range(spatial)]
    dims = [g.size(1), c, *[s if max(s) < 20 else g.constant_size(7) for s in sizes]]
    return g.fresh(values.choose_type(g.rng, types), dims, constant=False)


@recipe("Conv", weight=3)
def conv(g, op):
    x = image(g, [t for t in g.types(op) if t != "bfloat16"])
    c = x.shape[1][0]
    group = g.pick([d for d in (1, 1, 1, 2, c) if c % d == 0])
    window = Window(g, x.shape[2:])
    m = group * g.integer(1, 4) if group > 1 else g.integer(1, 9)
    w = g.fresh(x.type, [*map(g.constant_size, [m, c // group, *window.kernel])], kind="normal", constant=g.flip(0.7), fixed=True)
    b = g.fresh(x.type, [g.constant_size(m)], kind="normal") if g.flip() else None
    return g.node(op, [x, w, b], group=group if group > 1 or g.flip(0.2) else None,
                  kernel_shape=window.kernel if g.flip() else None, **window.attributes)


@recipe("ConvTranspose", weight=1.5)
def conv_transpose(g, op):
    x = image(g, [t for t in g.types(op) if t in ("float32", "float64")], spatial=g.pick([1, 2, 2, 3]))
    c = x.shape[1][0]
    group = g.pick([d for d in (1, 1, 1, 2, c) if c % d == 0])
    window = Window(g, x.shape[2:], modes=g.flip(0.3))
    if not x.every(lambda a: np.all(np.isfinite(a))):
        raise Reject("transposed convolution of infinities: they reach results between (docs/numerics.md)")
    m = g.integer(1, 4)
    w = g.fresh(x.type, [*map(g.constant_size, [c, m, *window.kernel])], kind="normal", constant=g.flip(0.7), fixed=True)
    b = g.fresh(x.type, [g.constant_size(m * group)], kind="normal") if g.flip() else None
    if g.flip(0.3):
        window.attributes["output_padding"] = [g.integer(0, s - 1) for s in window.strides]
    return g.node(op, [x, w, b], group=group, kernel_shape=window.kernel if g.flip() else None, **window.attributes)


def has_maxima(array):
    """Whether its maxima are ONNX Runtime's, which skips NaN and starts from the lowest finite number."""
    return not np.any(np.isnan(array) | np.isneginf(array))


@recipe("MaxPool AveragePool LpPool", weight=1.5)
def pool(g, op):
    # ONNX Runtime, which is followed for LpPool, has it for f32.
    known = ("float32",) if op == "LpPool" else ("float32", "float64", "int8", "uint8", "float16")
    x = image(g, [t for t in g.types(op) if t in known])
    if values.is_float(x.type) and not x.every(has_maxima):
        raise Reject("pool of NaN or -inf")
    dilate = g.version() >= {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[op]
    ceil = g.version() >= {"MaxPool": 10, "AveragePool": 10, "LpPool": 18}[op]
    window = Window(g, x.shape[2:], dilate, ceil)
    attributes = dict(window.attributes, kernel_shape=window.kernel)
    if op == "AveragePool" and g.version() >= 7 and g.flip():
        attributes["count_include_pad"] = g.integer(0, 1)
    if op == "LpPool" and g.flip():
        attributes["p"] = g.integer(1, 3)
    outputs = 2 if op == "MaxPool" and g.version() >= 8 and g.flip(0.2) else 1
    return g.node(op, [x], outputs=outputs, **attributes)


@recipe("GlobalMaxPool GlobalAveragePool GlobalLpPool")
def global_pool(g, op):
    x = image(g, [t for t in g.types(op) if t in ("float32", "float64")])
    if not x.every(has_maxima):
        raise Reject("pool of NaN or -inf")
    return g.node(op, [x], p=g.integer(1, 3) if op == "GlobalLpPool" and g.flip() else None)


@recipe("MaxUnpool", weight=0.5)
def max_unpool(g, op):
    x = image(g, ["float32"], spatial=2)
    if not x.every(lambda a: np.all(np.isfinite(a))) or min(map(min, x.shape[2:])) < 2:
        raise Reject("pool")
    y, indices = g.node("MaxPool", [x], outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    shape = g.node("Shape", [x]) if g.flip() else None
    return g.node(op, [y, indices, shape], kernel_shape=[2, 2], strides=[2, 2])


@recipe("Col2Im")
def col2im(g, op):
    spatial = g.pick([1, 2, 2, 3])
    image_shape = [g.integer(2, 6) for _ in range(spatial)]
    window = Window(g, [g.constant_size(n) for n in image_shape], modes=False)
    pads = window.attributes.get("pads") or [0] * 2 * spatial
    blocks = [
        (n + pads[i] + pads[i + spatial] - d * (k - 1) - 1) // s + 1
        for i, (n, d, k, s) in enumerate(zip(image_shape, window.dilations, window.kernel, window.strides))
    ]
    dims = [g.size(1), g.constant_size(g.integer(1, 3) * int(np.prod(window.kernel))), g.constant_size(int(np.prod(blocks)))]
    x = g.value([t for t in g.types(op) if t in ("float32", "float64", "int32")], shape=dims)
    return g.node(op, [x, g.ints(image_shape), g.ints(window.kernel)], **window.attributes)


@recipe("Resize", weight=1.5)
def resize(g, op):
    types = [t for t in g.types(op, "T1" if g.version() >= 11 else "T") if t in ("float32", "float64")]
    x = image(g, types)
    if not x.every(lambda a: np.all(np.isfinite(a))):
        raise Reject("resize of infinities")
    scales = [1.0, 1.0] + [float(g.pick([0.5, 1.0, 2.0, 1.5, 3.0, 0.75])) for _ in range(x.rank - 2)]
    if any(int(n * s) < 1 for size, s in zip(x.shape, scales) for n in size):
        raise Reject("nothing left")
    if g.version() < 11:
        return g.node(op, [x, g.ints(scales, "float32")], mode=g.pick(["nearest", "linear"]) if x.rank <= 4 else "nearest")
    mode = g.pick(["nearest", "linear"] + (["cubic"] if x.rank == 4 else []))
    attributes = {"mode": mode}
    coordinates = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    coordinates += ["half_pixel_symmetric"] if g.version() >= 19 else []
    if g.flip(0.8):
        attributes["coordinate_transformation_mode"] = g.pick(coordinates)
    if mode == "nearest" and g.flip(0.7):
        attributes["nearest_mode"] = g.pick(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    if mode == "cubic" and g.flip():
        attributes["exclude_outside"] = g.integer(0, 1)
        attributes["cubic_coeff_a"] = -0.5
    roi = g.ints([], "float32") if g.version() < 13 else None
    if g.flip(0.4) and not g.style.open:
        sizes = [int(n[0] * s) for n, s in zip(x.shape, scales)]
        scale_operand = g.ints([], "float32") if g.version() < 13 else None
        return g.node(op, [x, roi, scale_operand, g.ints(sizes)], **attributes)
    if g.version() >= 18 and mode != "cubic" and g.flip(0.2):
        attributes["antialias"] = 1 if mode == "linear" else 0
    return g.node(op, [x, roi, g.ints(scales, "float32")], **attributes)


@recipe("Upsample", weight=0.5)
def upsample(g, op):
    x = image(g, ["float32"], spatial=2)
    scales = [1.0, 1.0, *(float(g.pick([1.0, 2.0, 3.0])) for _ in range(x.rank - 2))]
    if g.version() < 9:
        return g.node(op, [x], scales=scales, mode="nearest")
    return g.node(op, [x, g.ints(scales, "float32")], mode="nearest")


@recipe("GridSample", weight=0.7)
def grid_sample(g, op):
    x = image(g, ["float32"], spatial=2 if g.version() < 20 else g.pick([2, 2, 3]))
    spatial = x.rank - 2
    if spatial < 2 or not x.every(lambda a: np.all(np.isfinite(a))):
        raise Reject("no image")
    out = [g.size(1) if g.flip(0.3) else g.constant_size(g.integer(1, 4)) for _ in range(spatial)]
    grid = g.fresh("float32", [x.shape[0], *out, g.constant_size(spatial)], "unit")
    modes = ["bilinear", "nearest"] + (["bicubic"] if spatial == 2 else [])
    mode = g.pick(modes)
    if g.version() >= 20:
        mode = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    return g.node(op, [x, grid], mode=mode, padding_mode=g.pick(["zeros", "border", "reflection"]), align_corners=g.integer(0, 1))


@recipe("AffineGrid", weight=0.5)
def affine_grid(g, op):
    spatial = g.pick([2, 3])
    n = g.integer(1, 3)
    theta = g.fresh(g.pick(["float32", "float64"]), [*map(g.constant_size, (n, spatial, spatial + 1))], "unit")
    size = g.ints([n, g.integer(1, 3), *(g.integer(2, 4) for _ in range(spatial))])
    return g.node(op, [theta, size], align_corners=g.integer(0, 1))


@recipe("RoiAlign MaxRoiPool", weight=0.5)
def roi(g, op):
    x = image(g, ["float32"], spatial=2)
    if x.rank != 4 or not x.every(lambda a: np.all(np.isfinite(a))):
        raise Reject("no image")
    count = g.integer(1, 3)
    corner = g.rng.uniform(0, 2, (count, 2))
    boxes = np.concatenate([corner, corner + g.rng.uniform(1, 4, (count, 2))], 1).astype(np.float32)
    batch = g.rng.integers(0, min(x.shape[0]), count)
    if op == "MaxRoiPool":
        rois = np.concatenate([batch[:, None], np.round(boxes)], 1).astype(np.float32)
        return g.node(op, [x, g.initializer(rois)], pooled_shape=[g.integer(1, 3), g.integer(1, 3)])
    mode = {"coordinate_transformation_mode": g.pick(["half_pixel", "output_half_pixel"])} if g.version() >= 16 else {}
    return g.node(op, [x, g.initializer(boxes), g.initializer(batch)], mode=g.pick(["avg", "max"]),
                  output_height=g.integer(1, 3), output_width=g.integer(1, 3), sampling_ratio=g.integer(0, 2), **mode)
