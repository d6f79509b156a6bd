"""Searches for text: BeamSearch, GreedySearch and Sampling around decoders of one layer."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from . import recipe

MS = "com.microsoft"
HEADS, DEPTH = 2, 3
WIDTH = HEADS * DEPTH
LONGEST = 16


class Graph:
    """A subgraph with weights of its own; its inputs and outputs are ids, or floats of the given shapes."""

    def __init__(self, g):
        self.g = g
        self.nodes, self.weights = [], []

    def weight(self, name, *shape, scale=1.0):
        array = self.g.rng.normal(0, scale, shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, inputs, output, domain="", **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output] if isinstance(output, str) else output, domain=domain, **attributes))

    def constant(self, name, array):
        """The same for all that ask for this name."""
        if all(weight.name != name for weight in self.weights):
            self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def numbers(self, name, numbers):
        return self.constant(name, np.array(numbers, np.int64))

    def make(self, inputs, outputs):
        is_ids = lambda name: name.endswith(("ids", "mask"))
        infos = lambda pairs: [
            helper.make_tensor_value_info(name, TensorProto.INT32 if is_ids(name) else TensorProto.FLOAT,
                                          ["rows", f"{name}_length"] if isinstance(shape, int) else shape)
            for name, shape in pairs
        ]
        return helper.make_graph(self.nodes, "decoder", infos(inputs), infos(outputs), self.weights)


def attend(graph, x, mask, past, present, causal=1):
    """Self-attention of [rows, steps, WIDTH] with what came before."""
    graph.node("Attention", [x, graph.weight("qkv", WIDTH, 3 * WIDTH), graph.weight("bias", 3 * WIDTH), mask, past],
               ["attended", present], domain=MS, num_heads=HEADS, unidirectional=causal)
    return "attended"


def gpt(g, vocabulary):
    graph = Graph(g)
    graph.node("Gather", [graph.weight("words", vocabulary, WIDTH), "input_ids"], "word")
    graph.node("Gather", [graph.weight("places", LONGEST, WIDTH), "position_ids"], "place")
    graph.node("Add", ["word", "place"], "x")
    attended = attend(graph, "x", "attention_mask", "past_0", "present_0")
    graph.node("Add", ["x", attended], "y")
    graph.node("MatMul", ["y", graph.weight("head", WIDTH, vocabulary)], "logits")
    state = lambda steps: [2, "rows", HEADS, steps, DEPTH]
    return graph.make([("input_ids", 2), ("position_ids", 2), ("attention_mask", 2), ("past_0", state("past"))],
                      [("logits", ["rows", "steps", vocabulary]), ("present_0", state("total"))])


def split_heads(graph, x, name):
    """A product with `x` [rows, steps, WIDTH] as [rows, HEADS, steps, DEPTH]."""
    graph.node("MatMul", [x, graph.weight(f"weight_{name}", WIDTH, WIDTH)], f"flat_{name}")
    graph.node("Reshape", [f"flat_{name}", graph.numbers("split", [0, 0, HEADS, DEPTH])], f"split_{name}")
    graph.node("Transpose", [f"split_{name}"], name, perm=[0, 2, 1, 3])
    return name


def look(graph, x, keys, values, name, bias=None):
    """Attention of `x` to keys and values [rows, HEADS, steps, DEPTH], added to it."""
    graph.node("Transpose", [keys], f"turned_{name}", perm=[0, 1, 3, 2])
    graph.node("MatMul", [split_heads(graph, x, f"query_{name}"), f"turned_{name}"], f"scores_{name}")
    scores = f"scores_{name}"
    if bias:
        graph.node("Add", [scores, bias], f"masked_{name}")
        scores = f"masked_{name}"
    graph.node("Softmax", [scores], f"shares_{name}", axis=-1)
    graph.node("MatMul", [f"shares_{name}", values], f"seen_{name}")
    graph.node("Transpose", [f"seen_{name}"], f"turned_back_{name}", perm=[0, 2, 1, 3])
    graph.node("Reshape", [f"turned_back_{name}", graph.numbers("join", [0, 0, WIDTH])], f"joined_{name}")
    graph.node("Add", [x, f"joined_{name}"], f"with_{name}")
    return f"with_{name}"


def state(steps):
    return ["rows", HEADS, steps, DEPTH]


def decode(graph, ids, mask, vocabulary, past, cross):
    """A T5 decoder's step: logits and the keys and values of what has been written."""
    graph.node("Gather", [graph.weight("words", vocabulary, WIDTH), ids], "x")
    presents = []
    for kind, before in zip(("key", "value"), past or (None, None)):
        fresh, present = split_heads(graph, "x", f"new_{kind}"), f"present_{kind}_self_0"
        graph.node("Concat" if before else "Identity", [before, fresh] if before else [fresh], present, **({"axis": 2} if before else {}))
        presents.append(present)
    y = look(graph, "x", *presents, "self")
    graph.node("Cast", [mask], "mask", to=TensorProto.FLOAT)
    graph.node("Sub", ["mask", graph.constant("one", np.float32(1))], "hidden")
    graph.node("Mul", ["hidden", graph.constant("huge", np.float32(1e4))], "bias_flat")
    graph.node("Unsqueeze", ["bias_flat", graph.numbers("axes", [1, 2])], "bias")
    graph.node("MatMul", [look(graph, y, *cross, "cross", "bias"), graph.weight("head", WIDTH, vocabulary)], "logits")
    return [("logits", ["rows", "steps", vocabulary])] + [(name, state("total")) for name in presents]


def t5(g, vocabulary, calls_decoder):
    """Encoder and decoder; the encoder may call the decoder for the first token."""
    cross = ["present_key_cross_0", "present_value_cross_0"]
    encoder = Graph(g)
    encoder.node("Gather", [encoder.weight("letters", vocabulary, WIDTH), "encoder_input_ids"], "encoder_hidden_states")
    for name in cross:
        split_heads(encoder, "encoder_hidden_states", name)
    inputs = [("encoder_input_ids", 2), ("encoder_attention_mask", 2)]
    outputs = [(name, state("length")) for name in cross]
    if calls_decoder:
        first = decode(encoder, "decoder_input_ids", "encoder_attention_mask", vocabulary, None, cross)
        inputs.append(("decoder_input_ids", 2))
        outputs = [first[0], ("encoder_hidden_states", ["rows", "length", WIDTH]), *first[1:], *outputs]
    decoder = Graph(g)
    past = ["past_key_self_0", "past_value_self_0"]
    given = ["past_key_cross_0", "past_value_cross_0"]
    results = decode(decoder, "input_ids", "encoder_attention_mask", vocabulary, past, given)
    states = [(name, state("past")) for name in past] + [(name, state("length")) for name in given]
    hidden = [("encoder_hidden_states", ["rows", "length", WIDTH])] if calls_decoder else []
    return encoder.make(inputs, outputs), decoder.make([("input_ids", ["rows", 1]), ("encoder_attention_mask", 2), *hidden, *states], results)


def operands(g, vocabulary):
    """The tokens given, and the operands by which scores change."""
    batch = g.size(1)
    batch = tuple(min(n, 3) for n in batch)
    steps = tuple(min(n, 5) for n in g.size(1))
    ids = g.input([g.rng.integers(0, vocabulary, (b, s)).astype(np.int32) for b, s in zip(batch, steps)], pooled=False)
    number = lambda n, type=np.int32: g.initializer(np.array([n], type), pooled=False)
    maybe = lambda make, chance=0.3: make() if g.flip(chance) else None
    longest = g.integer(max(steps) + 1, max(steps) + 6)
    shortest = maybe(lambda: number(g.integer(1, longest - 1)))
    penalty = maybe(lambda: number(g.pick([0.7, 1.0, 1.6]), np.float32))
    mask = maybe(lambda: g.initializer((g.rng.random(vocabulary) < 0.8).astype(np.int32), pooled=False))
    prefix = maybe(lambda: g.input([(g.rng.random((b, vocabulary)) < 0.7).astype(np.int32) for b in batch], pooled=False))
    # What does not count stands in front.
    lengths = [g.rng.integers(1, s + 1, (b, 1)) for b, s in zip(batch, steps)]
    counts = maybe(lambda: g.input([(np.arange(s) >= s - length).astype(np.int32) for s, length in zip(steps, lengths)], pooled=False))
    return ids, number(longest), shortest, penalty, mask, prefix, counts


@recipe("BeamSearch", domain=MS, weight=0.15)
def beam_search(g, op):
    vocabulary, beams = g.integer(12, 20), g.integer(1, 4)
    ids, longest, shortest, penalty, mask, prefix, counts = operands(g, vocabulary)
    number = lambda n, type=np.int32: g.initializer(np.array([n], type), pooled=False)
    results = g.integer(1, beams)
    # ONNX Runtime asks for a shortest length as if it were the longest.
    shortest = shortest or number(1)
    length_penalty = number(g.pick([1.0, 0.5, 2.0, -1.0]), np.float32)
    graphs = {"decoder": gpt(g, vocabulary), "model_type": 0}
    if g.flip():
        encoder, decoder = t5(g, vocabulary, calls_decoder=g.flip())
        graphs = {"encoder": encoder, "decoder": decoder, "model_type": 1, "decoder_start_token_id": g.integer(0, 3)}
    # Scores of steps that the search does not get to are not told.
    return g.node(op, [ids, longest, shortest, number(beams), number(results), length_penalty, penalty, mask, prefix, counts],
                  outputs=g.pick([1, 2]), domain=MS, eos_token_id=g.integer(0, 3), pad_token_id=g.integer(0, 3),
                  early_stopping=g.integer(0, 1), no_repeat_ngram_size=g.pick([0, 0, 1, 2, 3]), **graphs)


@recipe("GreedySearch", domain=MS, weight=0.1)
def greedy_search(g, op):
    vocabulary = g.integer(12, 20)
    return g.node(op, list(operands(g, vocabulary)), domain=MS, decoder=gpt(g, vocabulary), eos_token_id=g.integer(0, 3),
                  pad_token_id=g.integer(0, 3), model_type=0, no_repeat_ngram_size=g.pick([0, 0, 1, 2, 3]))


@recipe("Sampling", domain=MS, weight=0.1)
def sampling(g, op):
    """All but one token get a score that is never drawn."""
    vocabulary = g.integer(12, 20)
    return g.node(op, list(operands(g, vocabulary)), domain=MS, decoder=gpt(g, vocabulary), eos_token_id=g.integer(0, 3),
                  pad_token_id=g.integer(0, 3), model_type=0, top_p=1e-6, custom=0, min_tokens_to_keep=1,
                  filter_value=-1e20, temperature=g.pick([0.5, 1.0, 2.0]))
