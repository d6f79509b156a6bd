"""States: models whose outputs are inputs of the next run, in one memory and in two, bit for bit."""
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import tenon

FLOAT = TensorProto.FLOAT


def value(name, shape, dtype=FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def make_model(nodes, inputs, outputs, constants=None):
    initializers = [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def node(op, inputs, *outputs, **attributes):
    return helper.make_node(op, inputs, list(outputs), **attributes)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def expect_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].tobytes() == array.tobytes(), name


def check(proto, states, feeds, runs=4, threads=1):
    """Runs with each state in one memory, in two, with one in one and the others in two, and by a model that
    knows of no states: all results are the same. Other inputs stay as they are."""
    plain = tenon.compile(proto, threads=threads)
    model = tenon.compile(proto, states=states, threads=threads)
    assert model.states == states and plain.states == {}
    known = {name: array.copy() for name, array in feeds.items()}
    reference = []
    for _ in range(runs):
        reference.append(plain.run(known))
        known.update({name: reference[-1][output].copy() for name, output in states.items()})
    ways = [set(), set(states)] + ([{name} for name in states] if len(states) > 1 else [])
    for in_place in ways:
        fed = {name: array.copy() for name, array in feeds.items()}
        for wanted in reference:
            before = {name: array.copy() for name, array in fed.items()}
            given = {output: fed[name] if name in in_place else np.full_like(fed[name], 7) for name, output in states.items()}
            found = model.run(fed, outputs=given)
            expect_equal(found, wanted)
            for output, array in given.items():
                assert found[output] is array
            for name in fed.keys() - in_place:
                assert fed[name].tobytes() == before[name].tobytes(), name
            fed.update({name: given[output] for name, output in states.items()})
    return model


@pytest.mark.parametrize("size", [7, "n"])
@pytest.mark.parametrize("threads", [1, 3])
def test_accumulator(size, threads):
    """The launch that writes the next value reads the present one."""
    proto = make_model(
        [node("Add", ["s", "x"], "next"), node("Mul", ["next", "x"], "y")],
        [value("s", [size, 500]), value("x", [size, 500])],
        [value("next", [size, 500]), value("y", [size, 500])],
    )
    check(proto, {"s": "next"}, {"s": numbers(7, 500), "x": numbers(7, 500, seed=1)}, threads=threads)


@pytest.mark.parametrize("batch", [3, "batch"])
def test_gru_step(batch):
    size, hidden = 6, 20
    weights = {
        "w": numbers(1, 3 * hidden, size),
        "r": numbers(1, 3 * hidden, hidden, seed=1),
        "b": numbers(1, 6 * hidden, seed=2),
    }
    proto = make_model(
        [
            node("GRU", ["x", "w", "r", "b", "", "h"], "all", "next", hidden_size=hidden),
            node("Relu", ["all"], "y"),
        ],
        [value("x", [1, batch, size]), value("h", [1, batch, hidden])],
        [value("y", [1, 1, batch, hidden]), value("next", [1, batch, hidden])],
        weights,
    )
    check(proto, {"h": "next"}, {"x": numbers(1, 3, size, seed=3), "h": numbers(1, 3, hidden, seed=4)})


def test_gru_step_spelled_out():
    """Each state is read by the last kernel of its step."""
    size = 64
    parts = []
    for gate in "zrn":
        parts += [node("MatMul", ["x", "w" + gate], "x" + gate)]
    parts += [
        node("MatMul", ["h", "uz"], "hz"),
        node("Add", ["xz", "hz"], "sz"),
        node("Sigmoid", ["sz"], "z"),
        node("MatMul", ["h", "ur"], "hr"),
        node("Add", ["xr", "hr"], "sr"),
        node("Sigmoid", ["sr"], "r"),
        node("Mul", ["r", "h"], "rh"),
        node("MatMul", ["rh", "un"], "hn"),
        node("Add", ["xn", "hn"], "sn"),
        node("Tanh", ["sn"], "n"),
        node("Sub", ["h", "n"], "d"),
        node("Mul", ["z", "d"], "zd"),
        node("Add", ["n", "zd"], "next"),
        node("MatMul", ["next", "uz"], "y"),
    ]
    weights = {k + g: numbers(size, size, seed=i) / 8 for i, (k, g) in enumerate((k, g) for k in "wu" for g in "zrn")}
    proto = make_model(
        parts,
        [value("x", ["n", size]), value("h", ["n", size])],
        [value("y", ["n", size]), value("next", ["n", size])],
        weights,
    )
    check(proto, {"h": "next"}, {"x": numbers(5, size), "h": numbers(5, size, seed=9)}, threads=2)


@pytest.mark.parametrize("size", [4, "n"])
def test_states_that_change_places(size):
    inputs = [value(name, [size, 3]) for name in "abc"]
    outputs = [value(name, [size, 3]) for name in ("next_a", "next_b", "next_c", "old")]
    feeds = {name: numbers(4, 3, seed=i) for i, name in enumerate("abc")}
    states = {"a": "next_a", "b": "next_b", "c": "next_c"}
    # Two change places, the third stays.
    nodes = [node("Identity", [s], "next_" + t) for s, t in ("ba", "ab", "cc")] + [node("Identity", ["a"], "old")]
    check(make_model(nodes, inputs, outputs), states, feeds)
    # All move on, the last one in a circle, and views of them.
    shape = {"shape": np.array([-1, 3], np.int64)}
    nodes = [node("Reshape", [s, "shape"], "next_" + t) for s, t in ("ba", "cb", "ac")] + [node("Neg", ["c"], "old")]
    check(make_model(nodes, inputs, outputs, shape), states, feeds)
    # A line of delays.
    nodes = [node("Identity", [s], "next_" + t) for s, t in ("ab", "bc")]
    nodes += [node("Neg", ["c"], "old"), node("Exp", ["c"], "next_a")]
    check(make_model(nodes, inputs, outputs), states, feeds)


def test_a_state_read_after_its_next_value_is_known():
    size = 32
    nodes = [
        node("MatMul", ["x", "w"], "next"),
        node("MatMul", ["next", "w"], "a"),
        node("Add", ["a", "s"], "y"),
    ]
    proto = make_model(
        nodes,
        [value("s", [size, size]), value("x", [size, size])],
        [value("next", [size, size]), value("y", [size, size])],
        {"w": numbers(size, size) / 8},
    )
    check(proto, {"s": "next"}, {"s": numbers(size, size, seed=1), "x": numbers(size, size, seed=2)})


@pytest.mark.parametrize("flag", [False, True])
def test_branches_and_loops(flag):
    """An `if` may give the state itself, and a loop reads it in each turn, or in none."""
    size = [4, 8]
    then = helper.make_graph([node("Identity", ["s"], "t")], "then", [], [value("t", size)])
    other = helper.make_graph([node("Neg", ["x"], "e")], "else", [], [value("e", size)])
    body = helper.make_graph(
        [node("Identity", ["c"], "more"), node("Add", ["v", "s"], "w")],
        "body",
        [value("i", [], TensorProto.INT64), value("c", [], TensorProto.BOOL), value("v", size)],
        [value("more", [], TensorProto.BOOL), value("w", size)],
    )
    nodes = [
        node("Exp", ["x"], "next"),
        node("If", ["flag"], "chosen", then_branch=then, else_branch=other),
        node("Loop", ["turns", "", "chosen"], "summed", body=body),
        node("Identity", ["chosen"], "y"),
        node("Neg", ["summed"], "next_t"),
    ]
    proto = make_model(
        nodes,
        [value("flag", [], TensorProto.BOOL), value("turns", [], TensorProto.INT64)] + [value(n, size) for n in "stx"],
        [value(n, size) for n in ("next", "y", "next_t")],
    )
    for turns in (0, 3):
        feeds = {"flag": np.array(flag), "turns": np.array(turns)}
        feeds.update({name: numbers(*size, seed=i) for i, name in enumerate("stx")})
        check(proto, {"s": "next", "t": "next_t"}, feeds)


def test_a_state_of_no_elements():
    proto = make_model([node("Neg", ["s"], "next")], [value("s", ["n", 3])], [value("next", ["n", 3])])
    check(proto, {"s": "next"}, {"s": np.zeros((0, 3), np.float32)})


def random_model(seed):
    """A graph of states and inputs of one shape, whose nodes move, mix, join and choose them."""
    random = np.random.default_rng(seed)
    count, size = int(random.integers(1, 5)), int(random.choice([8, 96]))
    rows = "n" if random.random() < 0.3 else 4
    shape = [rows, size]
    states = [f"s{i}" for i in range(count)]
    values, nodes = states + ["x"], []
    constants = {"w": numbers(size, size) / 8, "shape": np.array([-1, size], np.int64)}
    for i in range(int(random.integers(1, 9))):
        a, b = (str(random.choice(values)) for _ in range(2))
        name, kind = f"v{i}", random.choice(["Neg", "Identity", "Reshape", "Add", "MatMul", "Concat", "If"])
        if kind in ("Neg", "Identity"):
            nodes.append(node(kind, [a], name))
        elif kind == "Reshape":
            nodes.append(node(kind, [a, "shape"], name))
        elif kind == "Add":
            nodes.append(node(kind, [a, b], name))
        elif kind == "MatMul":
            nodes.append(node(kind, [a, "w"], name))
        elif kind == "Concat":  # and a part of it
            nodes += [
                node("Concat", [a, b], name + "_both", axis=1),
                node("Softmax", [name + "_both"], name + "_soft", axis=1),
                node("Split", [name + "_soft"], name, name + "_rest", axis=1),
            ]
        else:
            branches = [helper.make_graph([node(op, [of], out)], out, [], [value(out, shape)])
                        for op, of, out in (("Identity", a, f"t{i}"), (str(random.choice(["Identity", "Neg"])), b, f"e{i}"))]
            nodes.append(node(kind, ["flag"], name, then_branch=branches[0], else_branch=branches[1]))
        values.append(name)
    outputs = [f"next{i}" for i in range(count)] + ["y", "z"]
    sources = [str(random.choice(values[-6:] if random.random() < 0.6 else values)) for _ in outputs]
    order = random.permutation(len(outputs))
    nodes += [node("Identity", [source], output) for source, output in zip(sources, outputs)]
    inputs = [value("flag", [], TensorProto.BOOL)] + [value(n, shape) for n in states + ["x"]]
    proto = make_model(nodes, inputs, [value(outputs[i], shape) for i in order], constants)
    feeds = {name: numbers(4, size, seed=seed + i) for i, name in enumerate(states + ["x"])}
    feeds["flag"] = np.array(bool(random.random() < 0.5))
    return proto, dict(zip(states, outputs)), feeds


@pytest.mark.parametrize("seed", range(24))
def test_random_models(seed):
    check(*random_model(seed), runs=3)


@pytest.fixture(scope="module")
def swap():
    nodes = [node("Neg", ["b"], "next_a"), node("Neg", ["a"], "next_b")]
    shapes = [[4], [4]]
    proto = make_model(
        nodes,
        [value(n, s) for n, s in zip("ab", shapes)],
        [value(n, s) for n, s in zip(("next_a", "next_b"), shapes)],
    )
    return tenon.compile(proto, states={"a": "next_a", "b": "next_b"})


def test_bound_runs_go_on_in_place(swap):
    a, b = numbers(4), numbers(4, seed=1)
    wanted = a.copy(), b.copy()
    step = swap.bind({"a": a, "b": b}, outputs={"next_a": a, "next_b": b})
    for _ in range(3):
        result = step()
        wanted = -wanted[1], -wanted[0]
        assert result["next_a"] is a and result["next_b"] is b
        assert a.tobytes() == wanted[0].tobytes() and b.tobytes() == wanted[1].tobytes()


def test_bound_runs_with_states_and_growing_results():
    """A run that fails for want of room could not be repeated: the state is another one then."""
    proto = make_model(
        [node("Add", ["s", "x"], "next"), node("NonZero", ["s"], "where")],
        [value("s", [4]), value("x", [4])],
        [value("next", [4]), value("where", [1, "k"], TensorProto.INT64)],
    )
    model = tenon.compile(proto, states={"s": "next"})
    s, x = np.zeros(4, np.float32), np.zeros(4, np.float32)
    step = model.bind([s, x], outputs={"next": s})
    for added, found in (([0, 0, 1, 0], []), ([1, 1, 0, 0], [2]), ([0, 0, -1, 1], [0, 1, 2]), ([0] * 4, [0, 1, 3])):
        x[:] = added
        assert step()["where"].tolist() == [found]
    assert s.tolist() == [1, 1, 0, 1]


def refused(model, outputs, kind, *words, feeds=None):
    with pytest.raises(kind) as info:
        model.run(feeds or [numbers(4), numbers(4)], outputs=outputs)
    for word in words:
        assert word in str(info.value)


def test_arrays_for_outputs_are_checked(swap):
    good = np.zeros(4, np.float32)
    refused(swap, [good], TypeError, "dict")
    refused(swap, {"next": good}, ValueError, "no output 'next'", "'next_a', 'next_b'")
    refused(swap, {"next_a": good.tolist()}, TypeError, "output 'next_a'", "list")
    refused(swap, {"next_a": good.astype(np.int32)}, TypeError, "output 'next_a'", "float32", "int32")
    refused(swap, {"next_a": np.zeros(8, np.float32)[::2]}, ValueError, "output 'next_a'", "C-contiguous")
    refused(swap, {"next_a": np.zeros(5, np.float32)}, ValueError, "output 'next_a'", "(4,)", "(5,)")
    refused(swap, {"next_a": np.zeros((1, 4), np.float32)}, ValueError, "output 'next_a'", "(4,)", "(1, 4)")
    good.flags.writeable = False
    refused(swap, {"next_a": good}, ValueError, "output 'next_a'", "read-only")


def test_sizes_of_given_arrays_are_checked():
    proto = make_model([node("Neg", ["x"], "y")], [value("x", ["n", 2])], [value("y", ["n", 2])])
    model = tenon.compile(proto)
    x = numbers(3, 2)
    y = np.zeros((3, 2), np.float32)
    assert model.run([x], outputs={"y": y})["y"] is y
    np.testing.assert_array_equal(y, -x)
    refused(model, {"y": np.zeros((2, 2), np.float32)}, ValueError, "'y'", "16 bytes", feeds=[x])
    refused(model, {"y": np.zeros((4, 2), np.float32)}, ValueError, "'y'", "(3, 2)", "(4, 2)", feeds=[x])


def test_other_overlaps_are_refused(swap):
    a, b = numbers(4), numbers(4)
    wide = numbers(8)
    both = {"a": a, "b": b}
    refused(swap, {"next_a": b}, ValueError, "'next_a' overlaps input 1 'b'", feeds=both)
    refused(swap, {"next_a": a}, ValueError, "'next_a' overlaps input 1 'b'", feeds={"a": a, "b": a})
    refused(swap, {"next_a": wide[1:5]}, ValueError, "'next_a' overlaps input 0 'a'", feeds={"a": wide[:4], "b": b})
    refused(swap, {"next_a": wide[:4], "next_b": wide[3:7]}, ValueError, "overlaps output", "'next_a'", "'next_b'")


def test_states_that_cannot_be():
    proto = make_model(
        [node("Neg", ["a"], "y"), node("Neg", ["b"], "z"), node("Cast", ["b"], "i", to=TensorProto.INT32)],
        [value("a", ["n", 2]), value("b", ["m", 2])],
        [value("y", ["n", 2]), value("z", ["m", 2]), value("i", ["m", 2], TensorProto.INT32)],
    )

    def fails(states, *words):
        with pytest.raises(tenon.CompileError) as info:
            tenon.compile(proto, states=states)
        for word in words:
            assert word in str(info.value)

    fails({"c": "y"}, "'c', which is not an input")
    fails({"a": "x"}, "'x', which is not an output")
    fails({"a": "y", "b": "y"}, "output 'y' is that of two states: inputs 'a' and 'b'")
    fails({"a": "z"}, "input 'a'", "[n,2]", "'z' is f32 [m,2]")
    fails({"b": "i"}, "input 'b'", "f32 [m,2]", "'i' is", "32 [m,2]")
    with pytest.raises(TypeError, match="names"):
        tenon.compile(proto, states={"a": 0})
