"""tenon.compile, on small models made here."""
import functools
import os
import re
import subprocess
import sys
import threading

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import tenon


def make_model(batch=4, **options):
    """z = relu(x + w), with shapes [batch, 8]."""
    w = helper.make_tensor("w", TensorProto.FLOAT, [8], np.linspace(-1, 1, 8))
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["x", "w"], ["y"], name="add"),
            helper.make_node(options.get("op", "Relu"), ["y"], ["z"], name="relu"),
        ],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 8])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [batch, 8])],
        [w],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def expected(x):
    return np.maximum(x + np.linspace(-1, 1, 8, dtype=np.float32), 0)


def check(model, rows=4):
    x = np.random.default_rng(0).standard_normal((rows, 8), np.float32)
    np.testing.assert_allclose(model.run({"x": x})["z"], expected(x), rtol=1e-6)


def test_from_a_path_a_proto_and_bytes(tmp_path):
    model = make_model()
    path = tmp_path / "small.onnx"
    onnx.save(model, path)
    for source in (path, str(path), model, model.SerializeToString()):
        compiled = tenon.compile(source)
        assert [(i.name, i.dtype, i.shape) for i in compiled.inputs] == [("x", "float32", (4, 8))]
        check(compiled)


def test_output_is_kept_and_can_be_loaded(tmp_path):
    output = tmp_path / "small.so"
    check(tenon.compile(make_model(), output=output))
    check(tenon.load(output))


def test_output_replaces_a_model_that_is_in_use(tmp_path):
    output = tmp_path / "small.so"
    first = tenon.compile(make_model(), output=output)
    x = np.full((4, 8), -2, np.float32)
    second = tenon.compile(make_model(op="Abs"), output=output)
    assert (second.run({"x": x})["z"] > 0).all()
    assert (tenon.load(output).run({"x": x})["z"] > 0).all()
    assert (first.run({"x": x})["z"] == 0).all()


@pytest.mark.parametrize("target", ["native", "x86-64-v3", ["x86-64-v4", "x86-64-v3"]])
def test_targets(target):
    model = tenon.compile(make_model(), target=target)
    names = target if isinstance(target, list) else [target]
    assert model.target.removeprefix("cpu:") in names or target == "native"
    check(model)


def test_free_dimensions():
    model = tenon.compile(make_model(batch="batch"))
    assert model.inputs[0].shape == ("batch", 8)
    for rows in (1, 3, 17):
        check(model, rows)


@pytest.mark.parametrize("shapes", [{"x": (5, 8)}, {"x": (5, None)}, {"batch": 5}])
def test_shapes_are_fixed(shapes):
    model = tenon.compile(make_model(batch="batch"), shapes=shapes)
    assert model.inputs[0].shape == (5, 8)
    check(model, 5)


def test_errors_name_the_cause(tmp_path):
    with pytest.raises(tenon.CompileError, match="relu.*Relo"):
        tenon.compile(make_model(op="Relo"))
    with pytest.raises(tenon.CompileError, match="missing.onnx"):
        tenon.compile(tmp_path / "missing.onnx")
    with pytest.raises(tenon.CompileError):
        tenon.compile(b"not a model")
    with pytest.raises(tenon.CompileError, match="pentium"):
        tenon.compile(make_model(), target="pentium-9")
    with pytest.raises(TypeError, match="'x'"):
        tenon.compile(make_model(), shapes={"x": ("a", 8)})


@pytest.mark.parametrize("op", ["Neg", "MatMul"])
def test_strings_are_an_error_not_the_end(op):
    """What the compiler does not know must not take the process with it."""
    words = helper.make_tensor("words", TensorProto.STRING, [2], [b"a", b"b"])
    node = helper.make_node(op, ["words"] * (2 if op == "MatMul" else 1), ["y"])
    output = helper.make_tensor_value_info("y", TensorProto.STRING, None)
    graph = helper.make_graph([node], "words", [helper.make_tensor_value_info("i", TensorProto.INT64, [1])], [output],
                              [words])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    with pytest.raises(tenon.CompileError, match="takes numbers, not strings"):
        tenon.compile(model)


def test_compiling_in_several_threads():
    done = []

    def work():
        check(tenon.compile(make_model()))
        done.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(done) == 4


@pytest.mark.skipif("TENON_SANITIZED" in os.environ, reason="a sanitizer keeps what was given back, and more")
def test_memory_is_bounded_by_the_model(tmp_path):
    """Twice the model and what a compiler of small models needs: weights are packed, but never held three times."""
    size, count = 3072, 4
    rng = np.random.default_rng(0)
    weights = [
        onnx.numpy_helper.from_array(rng.random((size, size), np.float32), f"w{i}") for i in range(count)
    ]
    nodes = [helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"]) for i in range(count)]
    values = [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, [64, size]) for i in (0, count)]
    graph = helper.make_graph(nodes, "large", values[:1], values[1:], weights)
    opset = [helper.make_opsetid("", 17)]
    path = tmp_path / "large.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    del weights, graph
    script = """if True:
        import sys, tenon
        tenon.compile(sys.argv[1], output=sys.argv[2])
        print(open("/proc/self/status").read())
    """
    command = [sys.executable, "-c", script, path, tmp_path / "large.so"]
    status = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    peak = int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) << 10
    assert peak < 2 * path.stat().st_size + (300 << 20)


def make_product():
    """y = relu(x) w, with shapes [4, 64] and [64, 8]."""
    w = np.random.default_rng(1).standard_normal((64, 8), np.float32)
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["r"], name="relu"), helper.make_node("MatMul", ["r", "w"], ["y"], name="product")],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 8])],
        [onnx.numpy_helper.from_array(w, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), w


def round_to(x, precision):
    """The nearest numbers of 16 bits, on a tie even ones, as float32."""
    if precision == "f16":
        return x.astype(np.float16).astype(np.float32)
    bits = x.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_precision_rounds_weights(precision, tmp_path):
    """Of inputs those alone that the processor gains by, which an x86-64-v3 does not here."""
    model, w = make_product()
    compile_for = functools.partial(tenon.compile, model, "x86-64-v3")
    x = np.random.default_rng(0).standard_normal((4, 64), np.float32)
    exact = np.maximum(x, 0) @ w
    rounded = np.maximum(x, 0) @ round_to(w, precision)
    np.testing.assert_allclose(compile_for().run({"x": x})["y"], exact, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(compile_for(precision=precision).run({"x": x})["y"], rounded, rtol=1e-5, atol=1e-5)
    assert np.abs(rounded - exact).max() > 1e-4
    rules = tmp_path / "rules.txt"
    rules.write_text(f"# all but one\n* {precision}\nproduct fp32\n")
    np.testing.assert_allclose(compile_for(precision=rules).run({"x": x})["y"], exact, rtol=1e-5, atol=1e-5)


def test_precision_that_there_is_not():
    with pytest.raises(tenon.CompileError, match="precision 'half' is neither fp32, fp32-split, fp32-fast, tf32, bf16, f16 or int8, nor a file"):
        tenon.compile(make_model(), precision="half")


def test_dead_channels_are_kept_on_request(tmp_path):
    """A product whose second half of columns is multiplied by zeros."""
    a, b = np.ones((8, 64), np.float32), np.ones((64, 4), np.float32)
    b[32:] = 0
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "a"], ["t"]), helper.make_node("Relu", ["t"], ["r"]),
         helper.make_node("MatMul", ["r", "b"], ["y"])], "dead",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 4])],
        [onnx.numpy_helper.from_array(a, "a"), onnx.numpy_helper.from_array(b, "b")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    sizes = {}
    for keep in (False, True):
        path = tmp_path / f"{keep}.so"
        compiled = tenon.compile(model, output=path, keep_dead_channels=keep)
        x = np.full((3, 8), 0.5, np.float32)
        np.testing.assert_array_equal(compiled.run({"x": x})["y"], np.full((3, 4), 128, np.float32))
        sizes[keep] = path.stat().st_size
    assert sizes[False] < sizes[True]
