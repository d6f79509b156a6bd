"""What depends on constants alone: the compiler computes it with kernels for the machine that it runs on, whatever
the model is compiled for. Run these for another target, too."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cases import Case, DataSet


def values(*shape, scale=1.0, dtype=np.float32):
    """Numbers without a pattern, the same in every run."""
    return (np.random.default_rng(7).standard_normal(shape) * scale).astype(dtype)


def model(nodes, constants, output, inputs=(), opset=21):
    """`constants` by name; `output` and `inputs` are (name, array)."""

    def info(name, array):
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)

    graph = helper.make_graph(
        nodes,
        "g",
        [info(*each) for each in inputs],
        [helper.make_tensor_value_info(*output)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def live(shape):
    """x is added to what was folded, so that the model is no constant itself."""
    x = values(*shape, scale=0.1)
    return helper.make_node("Add", ["folded", "x"], ["y"]), ("x", x), DataSet({"x": x})


def matmuls():
    # Widths below, at and between the panels of every vector length; one and several rows.
    for rows, depth, columns in [(12, 64, 16), (12, 64, 17), (3, 48, 40), (1, 32, 64), (33, 8, 24), (5, 100, 200)]:
        add, x, data = live((1, rows, columns))
        nodes = [
            helper.make_node("LayerNormalization", ["c", "s", "b"], ["n"], axis=-1),
            helper.make_node("MatMul", ["n", "w"], ["folded"]),
            add,
        ]
        constants = {
            "c": values(1, rows, depth),
            "s": values(depth),
            "b": values(depth),
            "w": values(depth, columns, scale=0.2),
        }
        yield Case(
            f"norm_matmul_{rows}x{depth}x{columns}",
            "A product of constants that takes its final form late, after a named op is taken apart.",
            model(nodes, constants, ("y", TensorProto.FLOAT, [1, rows, columns]), [x]),
            [data],
            {"rtol": 1e-4, "atol": 1e-4},
        )


def other_products():
    add, x, data = live((6, 40))
    yield Case(
        "softmax_gemm",
        "Gemm of a folded softmax, with transposed weights and a bias.",
        model(
            [
                helper.make_node("Softmax", ["c"], ["n"], axis=-1),
                helper.make_node("Gemm", ["n", "w", "b"], ["folded"], transB=1),
                add,
            ],
            {"c": values(6, 24), "w": values(40, 24), "b": values(40)},
            ("y", TensorProto.FLOAT, [6, 40]),
            [x],
        ),
        [data],
    )
    add, x, data = live((1, 12, 40))
    chain = [helper.make_node("LayerNormalization", ["c", "s"], ["n"], axis=-1)]
    for number in range(3):
        chain.append(helper.make_node("MatMul", ["n" if number == 0 else f"p{number}", f"w{number}"], [f"q{number}"]))
        chain.append(helper.make_node("Gelu", [f"q{number}"], [f"p{number + 1}" if number < 2 else "folded"]))
    yield Case(
        "chain",
        "Products of products: each reads what the one before it wrote.",
        model(
            [*chain, add],
            {
                "c": values(1, 12, 32),
                "s": values(32),
                "w0": values(32, 48, scale=0.2),
                "w1": values(48, 32, scale=0.2),
                "w2": values(32, 40, scale=0.2),
            },
            ("y", TensorProto.FLOAT, [1, 12, 40]),
            [x],
        ),
        [data],
        {"rtol": 1e-4, "atol": 1e-4},
    )
    both = values(9, 32)
    yield Case(
        "shared_weights",
        "The weights of a folded product are those of one that runs: they are packed for one of them only.",
        model(
            [
                helper.make_node("LayerNormalization", ["c", "s"], ["n"], axis=-1),
                helper.make_node("MatMul", ["n", "w"], ["folded"]),
                helper.make_node("MatMul", ["x", "w"], ["run"]),
                helper.make_node("Add", ["folded", "run"], ["y"]),
            ],
            {"c": values(9, 32, scale=2), "s": values(32), "w": values(32, 40, scale=0.2)},
            ("y", TensorProto.FLOAT, [9, 40]),
            [("x", both)],
        ),
        [DataSet({"x": both})],
        {"rtol": 1e-4, "atol": 1e-4},
    )


def convolutions():
    for name, channels, outputs, size, kernel in [
        ("minimal_filtering", 64, 64, 14, 3),
        ("one_by_one", 24, 40, 9, 1),
        ("five_by_five", 8, 20, 12, 5),
    ]:
        add, x, data = live((1, outputs, size, size))
        yield Case(
            f"norm_conv_{name}",
            "A convolution of a constant that is normalized first.",
            model(
                [
                    helper.make_node("InstanceNormalization", ["c", "s", "b"], ["n"]),
                    helper.make_node("Conv", ["n", "w"], ["folded"], pads=[kernel // 2] * 4),
                    add,
                ],
                {
                    "c": values(1, channels, size, size),
                    "s": values(channels),
                    "b": values(channels),
                    "w": values(outputs, channels, kernel, kernel, scale=0.1),
                },
                ("y", TensorProto.FLOAT, [1, outputs, size, size]),
                [x],
            ),
            [data],
            {"rtol": 1e-3, "atol": 1e-3},
        )


def equal_weights():
    x = values(1, 64, 32, 32, scale=0.1)
    weights = np.full((64, 64, 3, 3), 0.01, np.float32)
    yield Case(
        "equal_weights",
        "Weights that are one number are too little to be worth transforming before the run.",
        model(
            [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1] * 4)],
            {"w": weights},
            ("y", TensorProto.FLOAT, [1, 64, 32, 32]),
            [("x", x)],
        ),
        [DataSet({"x": x})],
        {"rtol": 1e-4, "atol": 1e-4},
    )


def cases():
    yield from matmuls()
    yield from other_products()
    yield from convolutions()
    yield from equal_weights()
