"""How accurate products of f32 are that matrix units sum from products of bf16.

    float_parts.py [MODEL.onnx ...]

Multiplies matrices of several kinds as three kernels do: multiply-adds of f32 in one chain, and tiles of bf16
(`tdpbf16ps`) that multiply parts of f32, with three and with six products of parts (docs/numerics.md). The models give real
weights. This is arithmetic in numpy, the same on all machines; unit tests compare the kernels with the same model, bit by bit.

Prints a table in Markdown. Errors are |result - exact| / sum of |a b|, in units of 2^-24, half of the last place of 1: the
largest, and the root of the mean square. Results that are finite where they must not be, or the other way round, are counted
apart.
"""

import sys

import numpy as np

LARGEST_BFLOAT = np.float32(float.fromhex("0x1.fep127"))
# Parts of the input and of the weights: those that code generation multiplies, in its order.
PRODUCTS = {3: [(1, 0), (0, 0), (0, 1)], 6: [(2, 0), (1, 0), (1, 1), (0, 1), (0, 2), (0, 0)]}
STEP = 32


def flush(x):
    """Numbers below the normal ones are zeros for the unit."""
    return np.where(np.abs(x) < np.finfo(np.float32).tiny, np.copysign(np.float32(0), x), x).astype(np.float32)


def to_bfloat(x):
    """Rounded to the nearest bf16 number, a tie to even; NaN stays NaN."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return np.where(np.isnan(x), np.float32(np.nan), rounded)


def split(x, parts):
    """Numbers of bf16 whose sum is x; what is not finite is in the last one alone."""
    result, rest = [], x.astype(np.float32)
    for _ in range(parts - 1):
        finite = np.where(np.isfinite(rest), rest, np.float32(0))
        result.append(to_bfloat(np.clip(finite, -LARGEST_BFLOAT, LARGEST_BFLOAT)))
        rest = (rest - result[-1]).astype(np.float32)
    return result + [to_bfloat(rest)]


def add_product(total, a, b):
    """total + a b, rounded once: products of f32 are exact in f64."""
    return (total + a.astype(np.float64) * b.astype(np.float64)).astype(np.float32)


def multiply_tile(total, a, b):
    """tdpbf16ps: channels of even and of odd number are summed by themselves, then both, then that and `total`."""
    sums = []
    for first in (0, 1):
        partial = np.zeros_like(total)
        for k in range(first, STEP, 2):
            partial = flush(add_product(partial, a[:, k, None], b[None, k]))
        sums.append(partial)
    return flush(total + flush(sums[0] + sums[1]))


def multiply_parts(a, b, products):
    parts = 1 + max(left for left, _ in PRODUCTS[products])
    padding = -a.shape[1] % STEP
    left = [flush(x) for x in split(np.pad(a, ((0, 0), (0, padding))), parts)]
    right = [flush(x) for x in split(np.pad(b, ((0, padding), (0, 0))), parts)]
    total = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for k in range(0, a.shape[1] + padding, STEP):
        for i, j in PRODUCTS[products]:
            total = multiply_tile(total, left[i][:, k : k + STEP], right[j][k : k + STEP])
    return total


def multiply_fma(a, b):
    total = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for k in range(a.shape[1]):
        total = add_product(total, a[:, k, None], b[None, k])
    return total


def compare(result, exact, size):
    """Largest and mean error, and how many results are finite where they must not be, or the other way round."""
    rounded = exact.astype(np.float32)
    same_kind = np.where(np.isfinite(rounded), np.isfinite(result),
                         (rounded == result) | (np.isnan(rounded) & np.isnan(result)))
    counted = np.isfinite(rounded) & same_kind & (size > 0)
    error = np.abs(result[counted].astype(np.float64) - exact[counted]) / size[counted] * 2.0**24
    if not error.size:
        return 0.0, 0.0, int((~same_kind).sum())
    return error.max(), np.sqrt((error**2).mean()), int((~same_kind).sum())


def make_classes(random):
    """Names, and operands of 32 x K by K x 48."""
    def normal(*shape):
        return random.standard_normal(shape).astype(np.float32)

    def scaled(low, high, *shape):
        return (normal(*shape) * np.exp2(random.integers(low, high, shape))).astype(np.float32)

    for depth in (32, 256, 2048):
        yield f"normal, K = {depth}", normal(32, depth), normal(depth, 48) / np.float32(np.sqrt(depth))
    yield "activations after Relu, K = 256", np.maximum(normal(32, 256), 0), normal(256, 48)
    yield "both positive, K = 256", np.abs(normal(32, 256)), np.abs(normal(256, 48))
    yield "exponents from -60 to 60", scaled(-60, 61, 32, 256), scaled(-20, 21, 256, 48)
    x, w = normal(32, 128), normal(128, 48)
    nearly = (-x * (1 + np.exp2(-20) * normal(32, 128))).astype(np.float32)
    yield "cancellation", np.concatenate([x, nearly], 1), np.concatenate([w, w], 0)
    single = np.zeros((32, 256), np.float32)
    single[np.arange(32), random.integers(0, 256, 32)] = normal(32)
    yield "one channel that is not zero", single, normal(256, 48)
    whole = random.integers(-4000, 4001, (2, 256, 48)).astype(np.float32)
    yield "integers below 4000, K = 2", whole[0, :32, :2], whole[1, :2]
    yield "inputs near 2^-118", scaled(-122, -114, 32, 256), normal(256, 48)
    yield "inputs below 2^-126", scaled(-136, -128, 32, 256), normal(256, 48) * 2**20
    yield "products near 2^-126", scaled(-66, -62, 32, 256), scaled(-66, -60, 256, 48)
    huge = random.uniform(3.38e38, 3.4028e38, (32, 64)).astype(np.float32)
    yield "inputs near the largest number", huge, scaled(-24, -20, 64, 48)
    x = normal(32, 64)
    x[np.arange(32), random.integers(0, 64, 32)] = np.where(np.arange(32) % 2, np.inf, -np.inf)
    yield "an infinity in each row", x, normal(64, 48)
    exact = np.exp2(random.integers(-3, 4, (64, 48))).astype(np.float32)
    yield "the same, weights with one digit", x, exact
    x = normal(32, 64)
    x[:, 5] = np.nan
    yield "NaN in each row", x, normal(64, 48)


def read_weights(path):
    """The largest matrix or filter of f32 in a model, as a matrix of at most 1024 x 48."""
    import onnx

    model = onnx.load(path)
    weights = [onnx.numpy_helper.to_array(x) for x in model.graph.initializer if x.data_type == onnx.TensorProto.FLOAT]
    largest = max((w for w in weights if w.ndim in (2, 4)), key=lambda w: w.size)
    matrix = largest.reshape(largest.shape[0], -1).T if largest.ndim == 4 else largest
    return np.ascontiguousarray(matrix[:1024, :48])


def main():
    np.seterr(all="ignore")
    random = np.random.default_rng(1)
    print("| data | fma: largest, mean | six products | three products |\n|---|---|---|---|")
    cases = list(make_classes(random))
    for path in sys.argv[1:]:
        weights = read_weights(path)
        inputs = np.maximum(random.standard_normal((32, weights.shape[0])), 0).astype(np.float32)
        name = path.rsplit("/", 2)[-2] if path.endswith("/model.onnx") else path.rsplit("/", 1)[-1]
        cases.append((f"weights of {name}, K = {weights.shape[0]}", inputs, weights))
    for name, a, b in cases:
        a64, b64 = a.astype(np.float64), b.astype(np.float64)
        exact, size = a64 @ b64, np.abs(a64) @ np.abs(b64)
        cells = []
        for result in (multiply_fma(a, b), multiply_parts(a, b, 6), multiply_parts(a, b, 3)):
            largest, mean, wrong = compare(result, exact, size)
            cells.append(f"{largest:.3g}, {mean:.3g}" + (f"; {wrong} of {exact.size} wrong in kind" if wrong else ""))
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
