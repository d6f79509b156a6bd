"""Model-local functions whose calls leave out inputs, outputs or attributes."""

import numpy as np

from cases import Case, DataSet

HEADER = '<ir_version: 10, opset_import: ["": 21, "local": 1]>\n'
BODY = '<domain: "local", opset_import: ["": 21, "local": 1]>\n'
X = np.array([-3, -0.5, 0, 2, 9], np.float32)


def case(name, why, graph, functions, outputs, inputs=None):
    model = HEADER + graph + "".join("\n" + BODY + function for function in functions)
    return Case(name, why, model, [DataSet(inputs or {"x": X}, outputs)])


CLAMP = "clamp (x, lo, hi) => (y) { y = Clip(x, lo, hi) }"
BOTH = "both (x, lo, hi) => (y, z) { y = Clip(x, lo, hi)\n z = Neg(x) }"


def cases():
    graph = "g (float[5] x) => (float[5] y) { %s }"
    one, two = np.float32(1), np.float32(-1)
    yield case(
        "last_omitted",
        "An optional input at the end is not given.",
        graph % "lo = Constant <value_float = -1.0> () y = local.clamp(x, lo)",
        [CLAMP],
        {"y": np.maximum(X, two)},
    )
    yield case(
        "middle_omitted",
        "An optional input in the middle is not given.",
        graph % 'hi = Constant <value_float = 1.0> () y = local.clamp(x, "", hi)',
        [CLAMP],
        {"y": np.minimum(X, one)},
    )
    yield case("all_omitted", "No optional input is given.", graph % "y = local.clamp(x)", [CLAMP], {"y": X})
    yield case(
        "nested",
        "A function hands a parameter that it was not given to another one.",
        graph % 'hi = Constant <value_float = 1.0> () y = local.outer(x, "", hi)',
        ["outer (x, lo, hi) => (y) { a = local.clamp(x, lo, hi)\n y = local.clamp(a, lo) }", CLAMP],
        {"y": np.minimum(X, one)},
    )
    yield case(
        "in_branch",
        "A subgraph of the body uses a parameter that was not given.",
        "g (float[5] x, bool c) => (float[5] y) { y = local.choose(c, x) }",
        [
            "choose (c, x, lo) => (y) { y = If (c) <"
            "then_branch = a () => (p) { p = Clip(x, lo) }, else_branch = b () => (q) { q = Neg(x) }> }"
        ],
        {"y": -X},
        {"x": X, "c": np.array(False)},
    )
    yield case(
        "output_omitted",
        "The first output is not asked for.",
        graph % '"", y = local.both(x)',
        [BOTH],
        {"y": -X},
    )
    yield case(
        "outputs_fewer",
        "The last output is not asked for.",
        graph % "y = local.both(x)",
        [BOTH],
        {"y": X},
    )
    scale = "<alpha: float = 3.0> (x) => (y) { y = LeakyRelu <alpha: float = @alpha> (x) }"
    slope = np.where(X < 0, X * np.float32(3), X)
    yield case(
        "attribute_default",
        "An attribute parameter has its default.",
        graph % "y = local.slope(x)",
        ["slope " + scale],
        {"y": slope},
    )
    yield case(
        "attribute_given",
        "An attribute parameter is given.",
        graph % "y = local.slope <alpha = 0.5> (x)",
        ["slope " + scale],
        {"y": np.where(X < 0, X * np.float32(0.5), X)},
    )
    yield case(
        "attribute_absent",
        "An attribute parameter without default is not given: the operator's default holds.",
        graph % "y = local.plain(x)",
        ["plain <alpha> (x) => (y) { y = LeakyRelu <alpha: float = @alpha> (x) }"],
        {"y": np.where(X < 0, X * np.float32(0.01), X)},
    )
    yield case(
        "attribute_nested",
        "A function hands an attribute on that its call does not give: the inner default holds.",
        graph % "y = local.middle(x)",
        ["middle <alpha> (x) => (y) { y = local.slope <alpha: float = @alpha> (x) }", "slope " + scale],
        {"y": slope},
    )
