"""Sequences, optionals and maps in Python: lists, None and dicts."""
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import tenon


def compile_text(tmp_path, text, opset=18):
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": {opset}]>\n{text}')
    return tenon.compile(model, output=str(tmp_path / "model.so"))


def make_maps_model(labels):
    """Probabilities of three classes as maps."""
    nodes = [helper.make_node("ZipMap", ["x"], ["maps"], domain="ai.onnx.ml", **labels)]
    maps = onnx.ValueInfoProto(name="maps")
    map_type = maps.type.sequence_type.elem_type.map_type
    map_type.key_type = TensorProto.STRING if "classlabels_strings" in labels else TensorProto.INT64
    map_type.value_type.tensor_type.elem_type = TensorProto.FLOAT
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])], [maps])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.fixture
def lists(tmp_path):
    return compile_text(tmp_path, """
        g (seq(float[N, 2]) s, float[M, 2] x, optional(float[K]) o) => (seq(float[L, 2]) t, optional(float[J]) p, int64 n) {
          t = SequenceInsert(s, x)
          p = Identity(o)
          n = SequenceLength(t)
        }""")


def rows(count):
    return np.arange(2 * count, dtype=np.float32).reshape(count, 2)


def test_lists_and_none(lists):
    results = lists.run({"s": [rows(1), rows(3)], "x": rows(2), "o": None})
    assert [each.shape for each in results["t"]] == [(1, 2), (3, 2), (2, 2)]
    np.testing.assert_array_equal(results["t"][1], rows(3))
    assert results["p"] is None
    assert results["n"] == 3
    results = lists.run({"s": (), "x": rows(2), "o": np.ones(3, np.float32)})
    assert len(results["t"]) == 1
    np.testing.assert_array_equal(results["p"], np.ones(3, np.float32))


def test_results_can_be_fed_back(lists):
    s = []
    for count in range(5):
        s = lists.run({"s": s, "x": rows(count), "o": None})["t"]
    assert [len(each) for each in s] == [0, 1, 2, 3, 4]


def test_kinds_are_told(lists):
    assert [(i.name, i.kind) for i in lists.inputs] == [("s", "sequence"), ("x", "tensor"), ("o", "optional")]
    assert lists.inputs[0].shape == (None, 2)
    assert "kind='sequence'" in repr(lists.inputs[0])


def test_errors_name_input_and_element(lists):
    good = {"s": [rows(1)], "x": rows(2), "o": None}
    with pytest.raises(TypeError, match="input 's': expected a list, found ndarray"):
        lists.run({**good, "s": rows(1)})
    with pytest.raises(TypeError, match=r"input 's\[1\]': expected dtype float32, found float64"):
        lists.run({**good, "s": [rows(1), rows(1).astype(np.float64)]})
    with pytest.raises(TypeError, match="input 'o': expected a numpy.ndarray, or what has __dlpack__, found list"):
        lists.run({**good, "o": [1.0]})
    with pytest.raises(ValueError, match="input 0 's', element 1: dimension 1 is 3, expected 2"):
        lists.run({**good, "s": [rows(1), np.zeros((1, 3), np.float32)]})
    with pytest.raises(TypeError, match="output 't': is a sequence, which no array can hold"):
        lists.run(good, outputs={"t": rows(1)})
    with pytest.raises(TypeError, match="bind is for models"):
        lists.bind(good)


def test_tensors_beside_lists_go_to_given_arrays(lists):
    n = np.zeros((), np.int64)
    results = lists.run({"s": [], "x": rows(1), "o": None}, outputs={"n": n})
    assert n == 1 and results["n"] is n


@pytest.mark.parametrize("labels, keys", [({"classlabels_int64s": [5, -1, 3]}, [5, -1, 3]),
                                          ({"classlabels_strings": ["a", "", "ß"]}, ["a", "", "ß"])])
def test_tables_are_lists_of_dicts(tmp_path, labels, keys):
    model = tenon.compile(make_maps_model(labels), output=str(tmp_path / "maps.so"))
    assert model.outputs[0].kind == "sequence(map)"
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert model.run([x])["maps"] == [dict(zip(keys, row)) for row in x.tolist()]
    assert model.run([x[:0]])["maps"] == []


def test_dicts(tmp_path):
    info = onnx.ValueInfoProto(name="m")
    info.type.map_type.key_type = TensorProto.INT64
    info.type.map_type.value_type.tensor_type.elem_type = TensorProto.FLOAT
    nodes = [helper.make_node("DictVectorizer", ["m"], ["y"], domain="ai.onnx.ml", int64_vocabulary=[4, 2, 0])]
    graph = helper.make_graph(nodes, "g", [info], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = tenon.compile(helper.make_model(graph, opset_imports=opsets, ir_version=8), output=str(tmp_path / "m.so"))
    np.testing.assert_array_equal(model.run({"m": {2: 0.5, 7: 9, 0: -1}})["y"], [[0, 0.5, -1]])
    np.testing.assert_array_equal(model.run({"m": {}})["y"], [[0, 0, 0]])
    with pytest.raises(TypeError, match="input 'm': expected a dict, found list"):
        model.run({"m": [1]})


def test_strings_in_lists_and_dicts():
    text = """<ir_version: 10, opset_import: ["": 18, "ai.onnx.ml": 3]>
        g (seq(string[N]) s, map(string, float) m) => (seq(string[N]) t, float[1, 2] y) {
            zero = Constant<value_int = 0> ()
            first = SequenceAt(s, zero)
            t = SequenceInsert(s, first)
            y = ai.onnx.ml.DictVectorizer<string_vocabulary = ["a", "Ä"]> (m) }"""
    model = tenon.compile(onnx.parser.parse_model(text))
    words = [np.array(["a", ""], object), np.array(["日本"], object)]
    results = model.run({"s": words, "m": {"Ä": 2.0, "b": 7.0}})
    assert results["y"].tolist() == [[0, 2]]
    for _ in range(4):  # what comes out may go in again, as often as one likes
        assert [array.tolist() for array in results["t"]] == [["a", ""], ["日本"]] + [["a", ""]] * (len(results["t"]) - 2)
        results = model.run({"s": results["t"], "m": {}})
    with pytest.raises(TypeError, match=r"input 's\[1\]'"):
        model.run({"s": [words[0], np.zeros(1)], "m": {}})


def test_errors_of_runs_name_the_node(tmp_path):
    model = compile_text(tmp_path, """
        g (seq(float[N]) s, int64 i) => (float[M] y) { [pick] y = SequenceAt(s, i) }""")
    feeds = {"s": [np.ones(2, np.float32)], "i": np.array(1)}
    with pytest.raises(ValueError, match=r"node 'pick' \(SequenceAt\): position 1 is out of range in a sequence of 1"):
        model.run(feeds)
