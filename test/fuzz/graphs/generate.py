"""The graph number `index` of a seed: always the same one."""

from dataclasses import dataclass

import numpy as np
import onnx

from .builder import Builder, Reject, Style
from .recipes import RECIPES


@dataclass
class Case:
    """A model and, per data set, its inputs and the versions of its outputs (see oracle.py)."""

    name: str
    model: onnx.ModelProto
    feeds: list
    expected: list

    @property
    def ops(self):
        return ops_of(self.model.graph)


def ops_of(graph):
    found = set()
    for node in graph.node:
        found.add((node.domain, node.op_type))
        for attribute in node.attribute:
            found |= ops_of(attribute.g)
    return found


def draw_style(rng, dynamic):
    opset = int(rng.choice([7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28],
                           p=np.array([2, 2, 2, 4, 3, 8, 2, 4, 4, 8, 6, 4, 4, 10, 4, 6, 6, 3, 4, 3, 3]) / 92))
    zero = float(rng.choice([0, 0.03, 0.15], p=[0.6, 0.3, 0.1]))
    wild = float(rng.choice([0, 0.1, 0.5], p=[0.6, 0.3, 0.1]))
    style = Style(opset, zero=zero, wild=wild)
    if rng.random() < dynamic:
        style.data_sets = 2
        style.open = float(rng.choice([0.3, 0.7, 1.0]))
        style.run_time = float(rng.choice([0, 0.1, 0.5], p=[0.6, 0.3, 0.1]))
    return style


def generate(seed, index, dynamic=0.5, only=None):
    """A case; graphs that turn out invalid or say nothing are drawn again from the same stream."""
    rng = np.random.default_rng([seed, index])
    keys = sorted(RECIPES)
    for _ in range(20):
        style = draw_style(rng, dynamic)
        case = _grow(rng, style, keys, f"{seed}-{index}", only)
        if case:
            return case
    return None


def _grow(rng, style, keys, name, only):
    builder = Builder(rng, style)
    weights = np.array([RECIPES[key][1] for key in keys])
    wanted = int(rng.choice([1, 2, 3, 4, 5, 6, 8], p=[0.2, 0.2, 0.2, 0.15, 0.1, 0.1, 0.05]))
    added = 0
    for attempt in range(wanted * 6):
        if added >= wanted:
            break
        forced = only and (not added or rng.random() < 0.3)
        key = only[int(rng.integers(len(only)))] if forced else keys[rng.choice(len(keys), p=weights / weights.sum())]
        state = [list(x) for x in (builder.pool, builder.nodes, builder.inputs, builder.initializers)]
        try:
            RECIPES[key][0](builder, key[1])
            added += 1
        except Reject:
            builder.pool, builder.nodes, builder.inputs, builder.initializers = state
            if forced and not added and attempt > 4:
                return None
    try:
        model, feeds, expected = builder.model()
        onnx.checker.check_model(model, full_check=True)
    except (Reject, onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return None
    return Case(name, model, feeds, expected)
