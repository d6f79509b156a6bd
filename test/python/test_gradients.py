"""Gradient of ai.onnx.preview.training against differences of the function itself."""
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import tenon

rng = np.random.default_rng(7)


def between(low, high, *shape):
    return rng.uniform(low, high, shape)


def add_all(functions):
    """The sum of functions of x."""
    nodes = [f"t{i} = {name} (x)" for i, name in enumerate(functions.split())]
    return " ".join(nodes) + " z = Sum (" + ", ".join(f"t{i}" for i in range(len(nodes))) + ")"


IMAGE, KERNEL = between(-1, 1, 1, 4, 5, 6), between(-1, 1, 6, 2, 3, 2)

# Nodes that compute z, and inputs by name: what is differentiated are those of floats.
CASES = {
    "exponentials": (add_all("Exp Sigmoid Softplus Tanh Erf Softsign"), {"x": between(-2, 2, 3, 4)}),
    "roots": (add_all("Log Sqrt Reciprocal Abs Neg"), {"x": between(0.5, 3, 5)}),
    "angles": (add_all("Sin Cos Tan Asin Acos Atan"), {"x": between(-0.9, 0.9, 6)}),
    "hyperbolas": (add_all("Sinh Cosh Asinh Atanh"), {"x": between(-0.9, 0.9, 6)}),
    "acosh": ("z = Acosh (x)", {"x": between(1.5, 3, 4)}),
    "corners": (add_all("Relu LeakyRelu Elu Selu Celu HardSigmoid HardSwish"), {"x": between(-2, 2, 9)}),
    "steps": ("f = Floor (x) z = Sub (x, f)", {"x": between(-2, 2, 7)}),
    "gelu": ('a = Gelu <approximate = "tanh"> (x) b = Gelu (x) z = Sub (a, b)', {"x": between(-9, 9, 7)}),
    "sums": ("s = Add (x, w) z = Sub (s, v)", {"x": between(-1, 1, 2, 3), "w": between(-1, 1, 3), "v": between(-1, 1, 2, 1)}),
    "products": ("p = Mul (x, w) z = Div (p, v)", {"x": between(-1, 1, 2, 3), "w": between(-1, 1, 1, 3), "v": between(1, 2, 2, 1)}),
    "powers": ("z = Pow (x, w)", {"x": between(0.5, 2, 2, 3), "w": between(-2, 3, 3)}),
    "choices": ("a = Max (x, w) b = Min (x, v) z = Mul (a, b)", {"x": between(-1, 1, 4, 3), "w": between(-1, 1, 3), "v": between(-1, 1, 4, 3)}),
    "selections": ("c = Less (x, w) z = Where (c, x, v)", {"x": between(-1, 1, 4, 3), "w": between(-1, 1, 3), "v": between(-1, 1, 4, 3)}),
    "prelu": ("z = PRelu (x, w)", {"x": between(-1, 1, 4, 3), "w": between(-1, 1, 3)}),
    "remainder": ("z = Mod <fmod = 1> (x, w)", {"x": between(-5, 5, 6), "w": between(1, 2, 1)}),
    "several uses": ("a = Mul (x, x) b = Sin (x) c = Mul (a, b) z = Add (c, x)", {"x": between(-1, 1, 4)}),
    "matrices": ("p = MatMul (x, w) z = MatMul (v, p)", {"x": between(-1, 1, 2, 3, 4), "w": between(-1, 1, 4, 5), "v": between(-1, 1, 2, 3)}),
    "gemm": ("z = Gemm <alpha = 0.5, beta = 2.0, transA = 1, transB = 1> (x, w, v)",
             {"x": between(-1, 1, 4, 3), "w": between(-1, 1, 5, 4), "v": between(-1, 1, 5)}),
    "einsum": ('z = Einsum <equation = "bij,bkj->ik"> (x, w)', {"x": between(-1, 1, 2, 3, 4), "w": between(-1, 1, 2, 5, 4)}),
    "convolution": ("z = Conv <strides = [2, 1], pads = [1, 0, 1, 1], dilations = [1, 2], group = 2> (x, w, v)",
                    {"x": IMAGE, "w": KERNEL, "v": between(-1, 1, 6)}),
    "reductions": ("a = ReduceMean <axes = [1]> (x) b = ReduceSumSquare <axes = [0], keepdims = 0> (x) z = Mul (a, b)", {"x": between(-1, 1, 3, 4)}),
    "extremes": ("a = ReduceMax <axes = [1]> (x) b = ReduceMin <axes = [0]> (x) z = Mul (a, b)", {"x": between(-1, 1, 3, 4)}),
    "product of all": ("z = ReduceProd <axes = [0, 2]> (x)", {"x": between(-2, 2, 2, 2, 3)}),
    "product with a zero": ("z = ReduceProd <axes = [0]> (x)", {"x": np.array([2.0, 0.0, 3.0])}),
    "logsumexp": ("a = ReduceLogSumExp <axes = [1]> (x) b = ReduceL2 <axes = [0]> (x) z = Mul (a, b)", {"x": between(-1, 1, 3, 4)}),
    "running sums": ("i = Constant <value_int = 1> () z = CumSum <exclusive = 1> (x, i)", {"x": between(-1, 1, 3, 4)}),
    "softmax": ("a = Softmax <axis = 0> (x) b = LogSoftmax <axis = 1> (x) z = Mul (a, b)", {"x": between(-2, 2, 3, 4)}),
    "layer norm": ("z = LayerNormalization <axis = 1> (x, w, v)", {"x": between(-2, 2, 3, 4), "w": between(1, 2, 4), "v": between(-1, 1, 4)}),
    "batch norm": ("z = BatchNormalization (x, w, v, m, s)", {"x": IMAGE, "w": between(1, 2, 4), "v": between(-1, 1, 4), "m": between(-1, 1, 4), "s": between(1, 2, 4)}),
    "shapes": ('s = Constant <value_ints = [4, 6]> () a = Reshape (x, s) b = Transpose <perm = [1, 0]> (a) z = Concat <axis = 1> (b, w, b)',
               {"x": between(-1, 1, 2, 3, 4), "w": between(-1, 1, 6, 1)}),
    "slices": ("b = Constant <value_ints = [4, 0]> () e = Constant <value_ints = [-6, 5]> () s = Constant <value_ints = [-2, 3]> () "
               "i = Constant <value_ints = [0, 1]> () z = Slice (x, b, e, i, s)", {"x": between(-1, 1, 5, 6)}),
    "padding": ("p = Constant <value_ints = [1, -1, 2, 3]> () z = Pad (x, p, w)", {"x": between(-1, 1, 3, 4), "w": between(1, 2)}),
    "expansion": ("s = Constant <value_ints = [3, 2, 4]> () z = Expand (x, s)", {"x": between(-1, 1, 2, 1)}),
    "gather": ("z = Gather <axis = 1> (x, i)", {"x": between(-1, 1, 3, 4, 2), "i": np.array([[0, -1], [0, 2]])}),
    "gather elements": ("z = GatherElements <axis = 1> (x, i)", {"x": between(-1, 1, 2, 4), "i": np.array([[0, 3, 0], [2, 2, 1]])}),
    "gather nd": ("z = GatherND (x, i)", {"x": between(-1, 1, 3, 4), "i": np.array([[2], [0], [2]])}),
    "scatter": ('a = ScatterElements <axis = 0> (x, i, w) z = ScatterElements <axis = 0, reduction = "add"> (a, i, x)',
                {"x": between(-1, 1, 3), "w": between(-1, 1, 3), "i": np.array([2, 0, 1])}),
    "top k": ("k = Constant <value_ints = [2]> () z, i = TopK <axis = 0> (x, k)", {"x": between(-1, 1, 5, 2)}),
    "max pool": ("z = MaxPool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 0, 1]> (x)", {"x": IMAGE}),
    "average pool": ("a = AveragePool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 0, 1]> (x) "
                     "b = AveragePool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 0, 1], count_include_pad = 1> (x) z = Mul (a, b)", {"x": IMAGE}),
    "global pool": ("z = GlobalAveragePool (x)", {"x": IMAGE}),
    "a branch of the graph": ("a = Sin (x) b = Cast <to = 7> (w) c = Cast <to = 11> (b) z = Mul (a, c)", {"x": between(-1, 1, 3), "w": between(-9, 9, 3)}),
}


def build(body, inputs, opset=17, tail="sine = Sin (z) y = Mul (z, sine)"):
    """The model of `body`, with y, which depends on z, and dy/d(input) for inputs of floats."""
    names = [name for name, value in inputs.items() if value.dtype == np.float64]
    gradient = helper.make_node("Gradient", names, ["d_" + name for name in names],
                                domain="ai.onnx.preview.training", name="gradient", xs=names, y="y")
    graph = onnx.parser.parse_graph(f"g (double[1] ignored) => (double[1] y) {{ {body} {tail} }}")
    graph.node.append(gradient)
    del graph.input[:], graph.output[:]
    for name, value in inputs.items():
        graph.input.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
    for name in ["y", *gradient.output]:
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.DOUBLE, None))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.preview.training", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10), names


def differences(run, inputs, name, step=1e-6):
    """d(sum of y)/d(input), of which each element is moved a little to both sides."""
    result = np.zeros(inputs[name].shape)
    for index in np.ndindex(*inputs[name].shape):
        sides = []
        for direction in (step, -step):
            moved = inputs[name].copy()
            moved[index] += direction
            sides.append(run({**inputs, name: moved})["y"].sum())
        result[index] = (sides[0] - sides[1]) / (2 * step)
    return result


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_derivatives_are_those_of_the_function(case, tmp_path):
    body, inputs = CASES[case]
    opset = 20 if "Gelu" in body else 17
    model, names = build(body, inputs, opset)
    compiled = tenon.compile(model, output=str(tmp_path / "model.so"))
    results = compiled.run(inputs)
    for name in names:
        np.testing.assert_allclose(results["d_" + name], differences(compiled.run, inputs, name), rtol=1e-5, atol=1e-6)


def test_attention_is_taken_apart(tmp_path):
    inputs = {name: between(-1, 1, 1, 2, 3, 4) for name in "xwv"}
    model, names = build("z = Attention <is_causal = 1> (x, w, v)", inputs, opset=23)
    compiled = tenon.compile(model, output=str(tmp_path / "model.so"))
    for name in names:
        np.testing.assert_allclose(compiled.run(inputs)["d_" + name], differences(compiled.run, inputs, name), rtol=1e-5, atol=1e-6)


def test_sizes_of_a_run(tmp_path):
    """Rows that only a run counts, of which biases and weights get the sums."""
    inputs = {"x": between(-1, 1, 3, 4), "w": between(-1, 1, 4, 2), "v": between(-1, 1, 2)}
    model, names = build("p = MatMul (x, w) q = Add (p, v) z = Softmax (q)", inputs)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "rows"
    compiled = tenon.compile(model, output=str(tmp_path / "model.so"))
    for rows in (1, 3, 5):
        inputs["x"] = between(-1, 1, rows, 4)
        for name in names:
            np.testing.assert_allclose(compiled.run(inputs)["d_" + name], differences(compiled.run, inputs, name), rtol=1e-5, atol=1e-6)


def compile_text(tmp_path, text):
    model = onnx.parser.parse_model('<ir_version: 10, opset_import: ["": 17, "ai.onnx.preview.training": 1]>\n' + text)
    return tenon.compile(model, output=str(tmp_path / "model.so"))


def test_a_derivative_of_a_derivative(tmp_path):
    compiled = compile_text(tmp_path, """
        g (double[3] x) => (double[3] first, double[3] second) {
          s = Sin (x)
          y = Mul (s, x)
          first = ai.onnx.preview.training.Gradient <xs = ["x"], y = "y"> (x)
          second = ai.onnx.preview.training.Gradient <xs = ["x"], y = "first"> (x)
        }""")
    x = between(-2, 2, 3)
    np.testing.assert_allclose(compiled.run({"x": x})["second"], 2 * np.cos(x) - x * np.sin(x), rtol=1e-12)


def test_another_place_and_a_tensor_within(tmp_path):
    """At values that are not the graph's own, of h, which is computed, with c as it is given."""
    compiled = compile_text(tmp_path, """
        g (double[3] x, double[3] c, double[3] at) => (double[3] dh, double[3] other) {
          h = Exp (x)
          p = Mul (h, h)
          y = Mul (p, c)
          dh = ai.onnx.preview.training.Gradient <xs = ["h"], zs = ["c"], y = "y"> (h, c)
          other = ai.onnx.preview.training.Gradient <xs = ["h"], zs = ["c"], y = "y"> (at, x)
        }""")
    x, c, at = between(-1, 1, 3), between(-1, 1, 3), between(-1, 1, 3)
    results = compiled.run({"x": x, "c": c, "at": at})
    np.testing.assert_allclose(results["dh"], 2 * np.exp(x) * c, rtol=1e-12)
    np.testing.assert_allclose(results["other"], 2 * at * x, rtol=1e-12)


@pytest.mark.parametrize("body, message", [
    ("y = Unique (x)", r"node 'gradient' \(Gradient\): cannot differentiate .*node 'y' \(Unique\)"),
    ('p = Constant <value_ints = [1, 1]> () y = Pad <mode = "reflect"> (x, p)', "cannot differentiate 'tenon.pad' of mode reflect"),
    ("n = Constant <value_int = 3> () c = Constant <value = bool {1}> () "
     "y = Loop <body = b (int64 i, bool k, double[3] a) => (bool l, double[3] e) { l = Identity (k) e = Sin (a) }> (n, c, x)",
     r"cannot differentiate .*node 'y' \(Loop\)"),
])
def test_what_has_no_derivative(body, message, tmp_path):
    model, _ = build(body, {"x": between(-1, 1, 3)}, tail="")
    with pytest.raises(Exception, match=message):
        tenon.compile(model, output=str(tmp_path / "model.so"))


def test_what_does_not_matter_has_derivative_zero(tmp_path):
    compiled = compile_text(tmp_path, """
        g (double[3] x, double[2] w) => (double[3] y, double[2] dw) {
          y = Sin (x)
          dw = ai.onnx.preview.training.Gradient <xs = ["w"], y = "y"> (w)
        }""")
    np.testing.assert_array_equal(compiled.run({"x": np.ones(3), "w": np.ones(2)})["dw"], np.zeros(2))


@pytest.mark.parametrize("attributes, operands, message", [
    ('xs = ["x"], y = "i"', "x", "there is no tensor 'i' of floats in front of the node"),
    ('xs = ["x"], y = "nobody"', "x", "there is no tensor 'nobody' of floats in front of the node"),
    ('xs = ["i"], y = "y"', "i", "'i' is no tensor of floats"),
    ('xs = ["nobody"], y = "y"', "x", "there is no tensor 'nobody'"),
    ('xs = ["x"], y = "y"', "x, x", "xs and zs name 1 tensors, but there are 2 inputs"),
    ('xs = ["x"], y = "y"', "w", "'x' is 'tensor<3xf64>', but its value is 'tensor<2xf64>'"),
])
def test_what_the_attributes_name(attributes, operands, message, tmp_path):
    with pytest.raises(Exception, match=r"\(Gradient\): " + message):
        compile_text(tmp_path, f"""
            g (double[3] x, double[2] w) => (double[3] d) {{
              i = Cast <to = 7> (x)
              y = Sin (x)
              d = ai.onnx.preview.training.Gradient <{attributes}> ({operands})
            }}""")
