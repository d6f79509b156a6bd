"""Sequences, optionals and maps: known while the model is compiled, or only by the run; carried by loops and chosen by
branches; as inputs and outputs. Where ONNX Runtime can compute a case, its answer is what must come out."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from cases import Case, DataSet, parse, run_peer

RNG = np.random.default_rng(41)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def scalar(value):
    return np.array(value, np.int64)


def peer(name, why, text, *inputs, opset=17):
    """A case whose outputs are ONNX Runtime's."""
    model = parse(text, opset)
    names = [output.name for output in model.graph.output]
    return Case(name, why, model, [DataSet(feeds, dict(zip(names, run_peer(model, feeds)))) for feeds in inputs])


def reference(name, why, text, *inputs, opset=17):
    """The same of what ONNX Runtime has no code for, with the answers of onnx's evaluator."""
    return Case(name, why, parse(text, opset), [DataSet(feeds) for feeds in inputs])


def known():
    """What exporters write where they only pass lists around."""
    x = {"x": floats(3, 4)}
    yield peer("split_known", "the parts of a split are slices", """
        g (float[3, 4] x) => (float[A, B] y, int64 n) {
          i = Constant<value = int64 {-1}> ()
          s = SplitToSequence<axis = 1, keepdims = 0> (x)
          a = SequenceAt(s, i)
          n = SequenceLength(s)
          one = Constant<value = int64 {1}> ()
          y = Unsqueeze(a, one)
        }""", x)
    yield peer("split_chunks", "the last part may be smaller", """
        g (float[3, 4] x) => (float[A, B] y, float[C, D] z) {
          size = Constant<value = int64 {3}> ()
          zero = Constant<value = int64 {0}> ()
          one = Constant<value = int64 {1}> ()
          s = SplitToSequence<axis = 1> (x, size)
          y = SequenceAt(s, zero)
          z = SequenceAt(s, one)
        }""", x)
    yield peer("list_known", "a list that is built and taken apart in one graph", """
        g (float[3, 4] x) => (float[A, B] y, float[C, D, E] z) {
          zero = Constant<value = int64 {0}> ()
          last = Constant<value = int64 {-1}> ()
          e = SequenceEmpty()
          n = Neg(x)
          a = SequenceInsert(e, x)
          b = SequenceInsert(a, n, zero)
          c = SequenceInsert(b, n, last)
          d = SequenceErase(c, zero)
          y = ConcatFromSequence<axis = 1> (d)
          z = ConcatFromSequence<axis = -1, new_axis = 1> (c)
        }""", x)


def in_run():
    """Positions and sizes that only the run tells."""
    x = floats(4, 5)
    yield peer("split_rows", "as many parts as the input has rows", """
        g (float[N, 5] x, int64 i) => (float[A] y, int64 n) {
          s = SplitToSequence<axis = 0, keepdims = 0> (x)
          y = SequenceAt(s, i)
          n = SequenceLength(s)
        }""", *({"x": x, "i": scalar(i)} for i in (0, 3, -1, -4)))
    yield peer("split_sizes", "sizes of parts are an input", """
        g (float[A, B] x, int64[P] sizes, int64 i) => (float[C, D] y, int64 n, float[E, F] z) {
          s = SplitToSequence<axis = 1> (x, sizes)
          y = SequenceAt(s, i)
          n = SequenceLength(s)
          t = SequenceErase(s, i)
          z = ConcatFromSequence<axis = 1> (t)
        }""",
        {"x": x, "sizes": ints(2, 1, 2), "i": scalar(1)}, {"x": x, "sizes": ints(0, 5), "i": scalar(0)})
    yield peer("split_size", "the size of all parts is an input", """
        g (float[A, B] x, int64 size, int64 i) => (float[C, D] y, int64 n) {
          s = SplitToSequence<axis = 0> (x, size)
          y = SequenceAt(s, i)
          n = SequenceLength(s)
        }""", {"x": x, "size": scalar(3), "i": scalar(-1)}, {"x": x, "size": scalar(9), "i": scalar(0)})
    yield peer("positions", "inserting and removing anywhere", """
        g (float[N, 5] x, int64 i, int64 j) => (float[A, B] y, float[D] z) {
          s = SplitToSequence<axis = 0, keepdims = 0> (x)
          axes = Constant<value = int64[1] {0}> ()
          r = ReduceSum<keepdims = 0> (x, axes)
          t = SequenceInsert(s, r, i)
          u = SequenceErase(t, j)
          y = ConcatFromSequence<axis = 0, new_axis = 1> (u)
          z = SequenceAt(t, i)
        }""",
        *({"x": x, "i": scalar(i), "j": scalar(j)} for i, j in ((0, 1), (3, -1), (-1, 0), (-4, -5))))
    yield reference("types", "elements of every width", """
        g (double[N, 2] d, int8[N, 3] b, float16[N] h, bool[N] f, int64 i)
            => (double[A] y, int8[B] z, float16[C] u, bool[D] v) {
          sd = SplitToSequence<axis = 0, keepdims = 0> (d)
          y = SequenceAt(sd, i)
          sb = SplitToSequence<axis = 0, keepdims = 0> (b)
          z = SequenceAt(sb, i)
          sh = SplitToSequence<axis = 0> (h)
          u = SequenceAt(sh, i)
          sf = SequenceConstruct(f, f)
          v = SequenceAt(sf, i)
        }""", {"d": RNG.standard_normal((3, 2)), "b": RNG.integers(-9, 9, (3, 3)).astype(np.int8),
               "h": floats(3).astype(np.float16), "f": np.array([True, False, True]), "i": scalar(1)})


APPEND = """
  g (float[N, 4] x, int64 n) => (float[A, B] y) {{
    keep = Constant<value = bool {{1}}> ()
    s = SequenceEmpty()
    h, t = Loop(n, keep, x, s) <body = b (int64 i, bool c, float[M, 4] p, seq(float[K, 4]) q)
        => (bool d, float[O, 4] r, seq(float[L, 4]) u) {{
      d = Identity(c)
      r = Tanh(p)
      {step}
    }}>
    y = ConcatFromSequence<axis = 0> (t)
  }}"""


def loops():
    feeds = [{"x": floats(2, 4), "n": scalar(n)} for n in (1, 2, 40)]
    yield peer("append", "a loop appends to a list", APPEND.format(step="u = SequenceInsert(q, r)"), *feeds)
    yield peer("append_front", "a loop puts elements in front", APPEND.format(
        step="z = Constant<value = int64 {0}> ()\n u = SequenceInsert(q, r, z)"), *feeds)
    yield peer("append_if", "both branches append, one of them something else", APPEND.format(step="""
        e = ReduceMean<keepdims = 0> (r)
        k = Constant<value = float {0}> ()
        g1 = Greater(e, k)
        u = If(g1) <then_branch = t1 () => (seq(float[P, 4]) v) { v = SequenceInsert(q, r) },
                    else_branch = t2 () => (seq(float[P, 4]) w) { o = Neg(r) w = SequenceInsert(q, o) }>
        """), *feeds)
    yield peer("append_some", "one branch leaves the list as it is", APPEND.format(step="""
        two = Constant<value = int64 {2}> ()
        zero = Constant<value = int64 {0}> ()
        m = Mod(i, two)
        g1 = Equal(m, zero)
        u = If(g1) <then_branch = t1 () => (seq(float[P, 4]) v) { v = SequenceInsert(q, r) },
                    else_branch = t2 () => (seq(float[P, 4]) w) { w = Identity(q) }>
        """), *feeds)
    yield peer("queue", "a loop that takes from the front and appends", """
        g (float[N, 3] x, int64 n) => (float[A, B] y, float[C, D] sums) {
          keep = Constant<value = bool {1}> ()
          s = SplitToSequence<axis = 0, keepdims = 0> (x)
          t, sums = Loop(n, keep, s) <body = b (int64 i, bool c, seq(float[K]) q)
              => (bool d, seq(float[L]) u, float[M] first) {
            d = Identity(c)
            zero = Constant<value = int64 {0}> ()
            first = SequenceAt(q, zero)
            rest = SequenceErase(q, zero)
            twice = Add(first, first)
            u = SequenceInsert(rest, twice)
          }>
          y = ConcatFromSequence<axis = 0, new_axis = 1> (t)
        }""", *({"x": floats(3, 3), "n": scalar(n)} for n in (1, 3, 8)))
    yield peer("two_names", "one list goes into two carried values", """
        g (float[N, 3] x, int64 n) => (float[A, B] y, float[C, D] z) {
          keep = Constant<value = bool {1}> ()
          s = SplitToSequence<axis = 0, keepdims = 0> (x)
          a, b = Loop(n, keep, s, s) <body = g2 (int64 i, bool c, seq(float[K]) p, seq(float[K]) q)
              => (bool d, seq(float[L]) u, seq(float[L]) v) {
            d = Identity(c)
            zero = Constant<value = int64 {0}> ()
            e = SequenceAt(p, zero)
            r = Neg(e)
            u = SequenceInsert(q, r)
            v = Identity(u)
          }>
          y = ConcatFromSequence<axis = 0, new_axis = 1> (a)
          z = ConcatFromSequence<axis = 0, new_axis = 1> (b)
        }""", {"x": floats(2, 3), "n": scalar(3)})


def interface():
    a, b = floats(2, 3), floats(5, 3)
    yield peer("sequence_in_out", "a sequence comes in, changes and goes out", """
        g (seq(float[N, 3]) s, float[M, 3] x) => (seq(float[K, 3]) t, int64 n, float[A, B] y) {
          t = SequenceInsert(s, x)
          n = SequenceLength(s)
          y = ConcatFromSequence<axis = 0> (t)
        }""", {"s": [a, b], "x": a}, {"s": [], "x": b})
    yield peer("sequence_same", "an input that is an output, too", """
        g (seq(int64[N]) s) => (seq(int64[N]) t, seq(int64[N]) u) {
          t = Identity(s)
          u = SequenceErase(s)
        }""", {"s": [ints(1, 2), ints()]})
    yield reference("ranks", "elements of several ranks", """
        g (seq(float[]) s, int64 i) => (seq(float[]) t, int64 n) {
          t = SequenceErase(s, i)
          n = SequenceLength(t)
        }""", {"s": [a, np.array(3, np.float32), a[0]], "i": scalar(1)})
    model = parse("""
        g (optional(float[N]) x) => (bool has, float[M] y) {
          has = OptionalHasElement(x)
          y = If(has) <then_branch = t () => (float[A] a) { a = OptionalGetElement(x) },
                       else_branch = e () => (float[B] b) { b = Constant<value = float[1] {7}> () }>
        }""", 18)
    data = [DataSet({"x": x}, {"has": np.array(x is not None), "y": np.array([7], np.float32) if x is None else x})
            for x in (a[0], None)]
    yield Case("optional_in", "an optional input with and without an element", model, data)


def mapped():
    yield peer("map_two", "a body over two sequences and a tensor", """
        g (seq(float[N]) s, seq(float[M]) t, float k) => (seq(float[K]) y, seq(float) z) {
          y, z = SequenceMap(s, t, k) <body = b (float[A] p, float[B] q, float r) => (float[C] u, float v) {
            w = Add(p, q)
            u = Mul(w, r)
            v = ReduceSum<keepdims = 0> (u)
          }>
        }""", {"s": [floats(2), floats(5)], "t": [floats(2), floats(5)], "k": np.array(2, np.float32)})


def value_info(name, key, value):
    """A map's type."""
    info = onnx.ValueInfoProto(name=name)
    info.type.map_type.key_type = key
    info.type.map_type.value_type.tensor_type.elem_type = value
    return info


def ml_model(nodes, inputs, outputs):
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def table_info(name, key):
    info = onnx.ValueInfoProto(name=name)
    info.type.sequence_type.elem_type.CopyFrom(value_info("", key, TensorProto.FLOAT).type)
    return info


def arrays(maps):
    """Values of dicts as the arrays that files hold."""
    return [{key: np.array(value, np.float32) for key, value in each.items()} for each in maps]


def tables():
    """What classifiers of scikit-learn end in."""
    x = floats(6, 3)
    for name, labels, key in (("ints", {"classlabels_int64s": [7, -2, 5]}, TensorProto.INT64),
                              ("strings", {"classlabels_strings": ["no", "yes", "ä"]}, TensorProto.STRING)):
        nodes = [helper.make_node("Softmax", ["x"], ["p"], axis=1),
                 helper.make_node("ZipMap", ["p"], ["maps"], domain="ai.onnx.ml", **labels)]
        model = ml_model(nodes, [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
                         [table_info("maps", key), helper.make_tensor_value_info("p", TensorProto.FLOAT, ["N", 3])])
        data = []
        for feed in (x, x[:1], x[:0]):
            maps, p = run_peer(model, {"x": feed})
            data.append(DataSet({"x": feed}, {"maps": arrays(maps), "p": p}))
        yield Case(f"table_{name}", "probabilities by class", model, data)


def maps():
    entries = {4: 1.5, -3: -2.0, 11: 0.25}
    nodes = [helper.make_node("DictVectorizer", ["m"], ["y"], domain="ai.onnx.ml", int64_vocabulary=[11, 5, -3, 4])]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, None])
    model = ml_model(nodes, [value_info("m", TensorProto.INT64, TensorProto.FLOAT)], [y])
    yield Case("vectorize", "values in the order of a vocabulary", model,
               [DataSet({"m": {k: np.array(v, np.float32) for k, v in entries.items()}},
                        {"y": np.array([[0.25, 0, -2, 1.5]], np.float32)})])
    positive = {3: 1.5, 0: -2.0, 9: 0.25}
    for form, size, expected in (("DENSE", 1, [[-2, 1.5, 0.25]]), ("SPARSE", 5, [[-2, 0, 0, 1.5, 0]])):
        nodes = [helper.make_node("CastMap", ["m"], ["y"], domain="ai.onnx.ml", map_form=form, max_map=size)]
        model = ml_model(nodes, [value_info("m", TensorProto.INT64, TensorProto.FLOAT)], [y])
        yield Case(f"cast_{form.lower()}", "a map as a row", model,
                   [DataSet({"m": {k: np.array(v, np.float32) for k, v in positive.items()}},
                            {"y": np.array(expected, np.float32)})])


def strings():
    """Sequences and maps of strings, given and returned."""
    words = lambda *given: np.array(given, object)
    given = [words("a", "bc"), words(""), words("Ä", "日本", "x")]
    yield Case("words", "strings in a sequence", """<ir_version: 10, opset_import: ["": 21]>
        g (seq(string[N]) s, int64 i) => (string[M] y, seq(string[N]) t) {
            y = SequenceAt(s, i)  z = StringConcat(y, y)  t = SequenceInsert(s, z, i) }""",
               [DataSet({"s": given, "i": np.array(i)}, {"y": given[i], "t": [*given[:i], given[i] + given[i], *given[i:]]}) for i in (0, 2)])
    yield Case("split_words", "strings become a sequence", """<ir_version: 10, opset_import: ["": 21]>
        g (string[N] x) => (seq(string[M]) s) { s = SplitToSequence<axis = 0, keepdims = 1> (x) }""",
               [DataSet({"x": words("a", "", "ab")}, {"s": [words("a"), words(""), words("ab")]})])
    scalar = lambda value: np.array(value, object if isinstance(value, str) else np.float32)
    nodes = [helper.make_node("DictVectorizer", ["m"], ["y"], domain="ai.onnx.ml", string_vocabulary=["b", "", "none", "a"])]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, None])
    yield Case("vectorize_names", "values by names", ml_model(nodes, [value_info("m", TensorProto.STRING, TensorProto.FLOAT)], [y]),
               [DataSet({"m": {"a": scalar(1.5), "b": scalar(-2), "": scalar(4)}}, {"y": np.array([[-2, 4, 0, 1.5]], np.float32)})])
    nodes = [helper.make_node("DictVectorizer", ["m"], ["y"], domain="ai.onnx.ml", int64_vocabulary=[7, 1, -1])]
    y = helper.make_tensor_value_info("y", TensorProto.STRING, [1, None])
    yield Case("vectorize_to_names", "names by numbers", ml_model(nodes, [value_info("m", TensorProto.INT64, TensorProto.STRING)], [y]),
               [DataSet({"m": {-1: scalar("minus"), 7: scalar("Ä")}}, {"y": np.array([["Ä", "", "minus"]], object)})])
    for to, given, found in (("TO_FLOAT", "1.5", np.float32(1.5)), ("TO_STRING", "1.5", "1.5"), ("TO_INT64", "-12", np.int64(-12))):
        nodes = [helper.make_node("CastMap", ["m"], ["y"], domain="ai.onnx.ml", cast_to=to)]
        y = helper.make_tensor_value_info("y", {"TO_FLOAT": TensorProto.FLOAT, "TO_STRING": TensorProto.STRING, "TO_INT64": TensorProto.INT64}[to], [1, None])
        yield Case(f"cast_names_{to.lower()}", "strings of a map as numbers or strings",
                   ml_model(nodes, [value_info("m", TensorProto.INT64, TensorProto.STRING)], [y]),
                   [DataSet({"m": {3: scalar(given)}}, {"y": np.array([[found]], object if to == "TO_STRING" else None)})])


def cases():
    for family in (known, in_run, loops, interface, mapped, tables, maps, strings):
        yield from family()
