"""Integer division at its limits, and shape arithmetic that must be what ONNX computes."""

import numpy as np
from onnx import TensorProto, helper

from cases import Case, DataSet

SIGNED = (np.int8, np.int16, np.int32, np.int64)
UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)


def extremes(dtype):
    """All pairs of numbers at the edges, enough of them for whole vectors and a rest."""
    info = np.iinfo(dtype)
    values = [info.min, info.min + 1, 0, 1, 2, 3, 7, info.max - 1, info.max]
    if info.min < 0:
        values += [-1, -2, -7]
    values = np.array(values, dtype)
    return np.repeat(values, len(values)), np.tile(values, len(values))


def quotient(a, b):
    """Towards zero; by 0: the dividend; the smallest number by -1 wraps."""
    result = []
    for x, y in zip(a.tolist(), b.tolist()):
        q = x if y == 0 else abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        result.append(q)
    return np.array([wrap(q, a.dtype) for q in result], a.dtype)


def wrap(value, dtype):
    info = np.iinfo(dtype)
    return (value - info.min) % (info.max - info.min + 1) + info.min


def remainder(a, b, truncates):
    """Of the sign of the divisor, or of the dividend if `truncates`; by 0: 0."""
    result = []
    for x, y in zip(a.tolist(), b.tolist()):
        if y == 0:
            result.append(0)
        elif truncates:
            result.append(abs(x) % abs(y) * (1 if x >= 0 else -1))
        else:
            result.append(x % y)
    return np.array(result, a.dtype)


def binary(op, dtype, a, b, expected, attributes="", live=True):
    name = helper.tensor_dtype_to_string(helper.np_dtype_to_tensor_dtype(np.dtype(dtype))).split(".")[1].lower()
    count = len(a)
    if live:
        inputs = {"a": a, "b": b}
        text = f"g ({name}[{count}] a, {name}[{count}] b) => ({name}[{count}] c) {{ c = {op}{attributes}(a, b) }}"
        return text, [DataSet(inputs, {"c": expected})]
    inputs = {"a": a[:1]}
    nodes = [helper.make_node(op, ["b", "d"], ["c"], **({"fmod": 1} if "fmod" in attributes else {})),
             helper.make_node("Identity", ["a"], ["e"])]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("a", kind, [1])],
        [helper.make_tensor_value_info("c", kind, [count]), helper.make_tensor_value_info("e", kind, [1])],
        [helper.make_tensor("b", kind, [count], a), helper.make_tensor("d", kind, [count], b)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return model, [DataSet(inputs, {"c": expected, "e": a[:1]})]


def division_cases():
    for dtype in SIGNED + UNSIGNED:
        a, b = extremes(dtype)
        name = np.dtype(dtype).name
        for live in (True, False):
            suffix = name if live else name + "_folded"
            why = "Division at the limits of the type and by zero, " + ("at run time." if live else "while folding.")
            yield Case(f"div_{suffix}", why, *binary("Div", dtype, a, b, quotient(a, b), live=live))
            yield Case(f"mod_{suffix}", why, *binary("Mod", dtype, a, b, remainder(a, b, False), live=live))
            yield Case(f"fmod_{suffix}", why,
                       *binary("Mod", dtype, a, b, remainder(a, b, True), "<fmod=1>", live=live))


def power_cases():
    for dtype in (np.int32, np.int64):
        a = np.array([0, 1, -1, 2, -2, 3, 0, 1, -1, 2, -2, 7], dtype)
        b = np.array([-1, -3, -3, -1, -2, 5, 0, 0, 0, 0, 31, 2], dtype)
        # 1 / x^n rounds to 0 but for 1 and -1; 0 to a negative power is undefined and must not trap.
        c = np.array([0, 1, -1, 0, 0, 243, 1, 1, 1, 1, wrap((-2) ** 31, dtype), 49], dtype)
        yield Case(f"pow_{np.dtype(dtype).name}", "Integer powers, negative exponents among them.",
                   *binary("Pow", dtype, a, b, c))


SHAPE = "s = Shape(x) i = Constant<value_ints=[0]>() n = Gather(s, i)"


def shape_case(name, why, nodes, expect, lengths=(0, 1, 2, 3, 5, 7, 8, 40), output="int64[1] q"):
    text = f"g (float[N] x) => ({output}) {{ {SHAPE} {nodes} }}"
    output_type = {"int64": np.int64, "int32": np.int32, "uint8": np.uint8, "float": np.float32}[output.split("[")[0]]
    data = [DataSet({"x": np.zeros(n, np.float32)}, {"q": np.asarray(expect(n), output_type)}) for n in lengths]
    return Case(name, why, text, data)


def shape_cases():
    def const(name, value):
        return f"{name} = Constant<value_ints=[{value}]>()"

    def truncated(a, b):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)

    for minus, by in ((7, 4), (3, 2), (1, 2), (5, 3), (9, -2), (0, 3), (100, 7)):
        yield shape_case(
            f"shape_div_{minus}_{str(by).replace('-', 'm')}", "A size less a number, divided: towards zero.",
            f"{const('a', minus)} {const('b', by)} d = Sub(n, a) q = Div(d, b)",
            lambda n, minus=minus, by=by: [truncated(n - minus, by)])
        yield shape_case(
            f"shape_mod_{minus}_{str(by).replace('-', 'm')}", "The remainder has the divisor's sign.",
            f"{const('a', minus)} {const('b', by)} d = Sub(n, a) q = Mod(d, b)",
            lambda n, minus=minus, by=by: [(n - minus) % by])
    yield shape_case("shape_div_used", "A quotient of a negative number as a size.",
                     f"{const('a', 3)} {const('b', 2)} {const('c', 1)} d = Sub(n, a) e = Div(d, b) f = Add(e, c) "
                     "q = ConstantOfShape(f)",
                     lambda n: np.zeros(truncated(n - 3, 2) + 1), lengths=(2, 3, 4, 7, 10), output="float[M] q")
    for kind, number, bits, signed in (("uint8", 2, 8, False), ("int8", 3, 8, True), ("int16", 5, 16, True),
                                       ("uint16", 4, 16, False)):
        low = -(1 << (bits - 1)) if signed else 0
        yield shape_case(f"shape_cast_{kind}", "A cast keeps the low bits.",
                         f"c = Cast<to={number}>(n) q = Cast<to=7>(c)",
                         lambda n, low=low, bits=bits: [(n - low) % (1 << bits) + low],
                         lengths=(0, 5, 127, 128, 255, 256, 300, 40000))
        yield shape_case(f"shape_minus_cast_{kind}", "A cast of a negative number keeps the low bits.",
                         f"{const('a', 9)} m = Sub(n, a) c = Cast<to={number}>(m) q = Cast<to=7>(c)",
                         lambda n, low=low, bits=bits: [(n - 9 - low) % (1 << bits) + low], lengths=(0, 5, 9, 10, 300))
    yield shape_case("shape_cast_bool", "A size as a truth value.", "c = Cast<to=9>(n) q = Cast<to=7>(c)",
                     lambda n: [int(n != 0)])
    yield shape_case("shape_through_float", "Sizes scaled and rounded through floats.",
                     "f = Cast<to=1>(n) k = Constant<value_floats=[1.5]>() g2 = Mul(f, k) h = Floor(g2) q = Cast<to=7>(h)",
                     lambda n: [int(np.floor(np.float32(n) * np.float32(1.5)))])
    yield shape_case("shape_abs_neg", "The distance of a size from a number.",
                     f"{const('a', 6)} d = Sub(n, a) q = Abs(d)", lambda n: [abs(n - 6)])
    yield shape_case("shape_min_max", "A size within bounds.",
                     f"{const('a', 3)} {const('b', 7)} d = Max(n, a) q = Min(d, b)", lambda n: [min(max(n, 3), 7)])
    yield shape_case("shape_sign", "The sign of a difference.", f"{const('a', 5)} d = Sub(n, a) q = Sign(d)",
                     lambda n: [int(np.sign(n - 5))])
    yield shape_case("shape_where", "A selection by comparison of sizes.",
                     f"{const('a', 4)} {const('b', 100)} c = Less(n, a) q = Where(c, b, n)",
                     lambda n: [100 if n < 4 else n])


def cases():
    yield from division_cases()
    yield from power_cases()
    yield from shape_cases()
