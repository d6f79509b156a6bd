"""Strings in and out of numpy arrays."""
import numpy as np
import onnx.parser
import pytest

import tenon

GREET = """<ir_version: 10, opset_import: ["": 21]>
g (string[n] name) => (string[n] greeting, bool[n] known) {
  hello = Constant <value_string = "hello "> ()
  world = Constant <value_string = "world"> ()
  greeting = StringConcat (hello, name)
  known = Equal (name, world)
}"""


@pytest.fixture(scope="module")
def model():
    return tenon.compile(onnx.parser.parse_model(GREET))


def listed(*strings):
    return np.array(strings, object)


def test_signature(model):
    assert [(t.name, t.dtype) for t in model.inputs] == [("name", "object")]
    assert [(t.name, t.dtype) for t in model.outputs] == [("greeting", "object"), ("known", "bool")]


@pytest.mark.parametrize("names", [["world"], ["", "Wörld", "日本", "a\0b\0", "x" * 10000], []])
def test_characters_survive(model, names):
    found = model.run({"name": listed(*names)})
    assert found["greeting"].dtype == object and found["greeting"].shape == (len(names),)
    assert list(found["greeting"]) == ["hello " + name for name in names]
    assert list(found["known"]) == [name == "world" for name in names]


def test_fixed_length(model):
    found = model.run([np.array(["a", "world", "ü"])])
    assert list(found["greeting"]) == ["hello a", "hello world", "hello ü"]
    assert list(found["known"]) == [False, True, False]


def test_bytes_that_are_no_text(model):
    name = b"\xff\xfea".decode("utf-8", "surrogateescape")
    assert model.run([listed(name)])["greeting"][0] == "hello " + name


def test_results_outlive_the_run(model):
    first = model.run([listed("one")])["greeting"]
    second = model.run([listed("two")])["greeting"]
    assert first[0] == "hello one" and second[0] == "hello two"


def test_bound_arrays_are_read_each_time(model):
    names = listed("one", "two")
    step = model.bind([names])
    assert list(step()["greeting"]) == ["hello one", "hello two"]
    names[1] = "world"
    found = step()
    assert list(found["greeting"]) == ["hello one", "hello world"] and list(found["known"]) == [False, True]


def test_wrong_inputs(model):
    with pytest.raises(TypeError, match="input 'name': expected elements of type str, found int"):
        model.run([listed("a", 1)])
    with pytest.raises(TypeError, match="input 'name': expected dtype object, found int64"):
        model.run([np.array([1, 2])])
    with pytest.raises(TypeError, match="output 'greeting': strings are not written to a given array"):
        model.run([listed("a")], outputs={"greeting": listed("")})


def test_errors_of_a_run():
    text = "g (string[n] x) => (int64[n] y) { [number] y = Cast <to = 7> (x) }"
    model = tenon.compile(onnx.parser.parse_model('<ir_version: 10, opset_import: ["": 21]>\n' + text))
    assert list(model.run([listed("7", "-3")])["y"]) == [7, -3]
    with pytest.raises(ValueError, match="number.*a string is no number of the type that it is converted to"):
        model.run([listed("7", "seven")])


def test_loaded_models_know_their_strings(tmp_path):
    tenon.compile(onnx.parser.parse_model(GREET), output=tmp_path / "greet.so")
    model = tenon.load(tmp_path / "greet.so")
    assert list(model.run([listed("world")])["greeting"]) == ["hello world"]


def test_states_may_be_strings():
    text = """<ir_version: 10, opset_import: ["": 21]>
    g (string[2] x, string[2] so_far) => (string[2] joined) { joined = StringConcat (so_far, x) }"""
    model = tenon.compile(onnx.parser.parse_model(text), states={"so_far": "joined"})
    so_far = listed("", "-")
    for x in ("a", "b", "c"):
        so_far = model.run({"x": listed(x, x), "so_far": so_far})["joined"]
    assert list(so_far) == ["abc", "-abc"]
