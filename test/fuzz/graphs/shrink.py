"""Makes a case smaller while its finding stays of the same kind.

A step proposes another model with other inputs; the oracle computes anew what is right, so that a step needs not be
clever: what is no valid model, or has no such finding, is not taken.
"""

import copy

import numpy as np
import onnx
from onnx import helper, numpy_helper

from . import oracle, values
from .builder import captured
from .generate import Case


def remake(name, model, feeds):
    """A case of this model, or None if it is none."""
    model = prune(model)
    names = {i.name for i in model.graph.input}
    feeds = [{key: array for key, array in feed.items() if key in names} for feed in feeds]
    try:
        onnx.checker.check_model(model, full_check=True)
        computed = [oracle.evaluate(model, feed) for feed in feeds]
    except Exception:  # Steps propose anything: what cannot be computed is no case.
        return None
    outputs = [output.name for output in model.graph.output]
    return Case(name, model, feeds, [{name: env[name] for name in outputs} for env in computed])


def prune(model):
    """Without nodes, inputs and initializers that no output needs."""
    model = copy.deepcopy(model)
    graph = model.graph
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
            for attribute in node.attribute:
                needed |= captured(attribute.g)
    kept = kept[::-1]
    for field, items in (
        (graph.node, kept),
        (graph.input, [i for i in graph.input if i.name in needed]),
        (graph.initializer, [i for i in graph.initializer if i.name in needed]),
    ):
        items = copy.deepcopy(items)
        del field[:]
        field.extend(items)
    return model


def size(case):
    graph = case.model.graph
    elements = sum(array.size for feed in case.feeds for array in feed.values())
    elements += sum(int(np.prod(i.dims, dtype=int)) for i in graph.initializer)
    attributes = sum(len(node.attribute) for node in graph.node)
    weight = sum(len(captured(a.g)) for node in graph.node for a in node.attribute)
    return len(graph.node), len(graph.output), len(case.feeds), weight, attributes, elements


def shrink(case, persists, most=300):
    """The smallest case found for which `persists` holds, trying at most `most` others."""
    tries = 0
    progress = True
    while progress and tries < most:
        progress = False
        for step in STEPS:
            for model, feeds in step(case):
                if tries >= most:
                    return case
                other = remake(case.name, model, feeds)
                if other is None or not _smaller(other, case):
                    continue
                tries += 1
                if persists(other):
                    case, progress = other, True
                    break
    return case


def _smaller(other, case):
    return size(other) < size(case) or (size(other) == size(case) and _open(other) + _noise(other) < _open(case) + _noise(case))


def _open(case):
    return sum(not d.HasField("dim_value") for i in case.model.graph.input for d in i.type.tensor_type.shape.dim)


def _noise(case):
    """How many elements are no whole number."""
    arrays = [array for feed in case.feeds for array in feed.values()]
    arrays += [numpy_helper.to_array(i) for i in case.model.graph.initializer]
    with np.errstate(all="ignore"):
        return sum(int(np.sum(a.astype(float) != np.round(a.astype(float)))) for a in arrays if a.dtype.kind != "O")


# Steps: generators of (model, feeds).


def one_output(case):
    outputs = case.model.graph.output
    if len(outputs) > 1:
        for output in outputs:
            model = copy.deepcopy(case.model)
            keep = copy.deepcopy(output)
            del model.graph.output[:]
            model.graph.output.append(keep)
            yield model, case.feeds


def one_data_set(case):
    if len(case.feeds) > 1:
        for feed in case.feeds:
            yield case.model, [feed]


def earlier_output(case):
    """The output of an earlier node instead."""
    made = [name for node in case.model.graph.node for name in node.output if name]
    env = _values(case)
    for name in made[:-1]:
        model = copy.deepcopy(case.model)
        del model.graph.output[:]
        array = env[0][name]
        model.graph.output.append(helper.make_tensor_value_info(name, values.onnx_type(values.name_of(array)), [None] * array.ndim))
        yield model, case.feeds


def _values(case):
    computed = [oracle.evaluate(case.model, feed, versions=1) for feed in case.feeds]
    return [{name: versions[0] for name, versions in env.items()} for env in computed]


def cut(case):
    """A value becomes an input, and what computes it goes."""
    env = _values(case)
    outputs = {output.name for output in case.model.graph.output}
    for node in reversed(case.model.graph.node):
        if outputs.intersection(node.output):
            continue
        model = copy.deepcopy(case.model)
        model.graph.node.remove(node)
        feeds = [dict(feed) for feed in case.feeds]
        for name in filter(None, node.output):
            arrays = [e[name] for e in env]
            dims = [n if all(a.shape[i] == n for a in arrays) and len(arrays) == 1 else None for i, n in enumerate(arrays[0].shape)]
            model.graph.input.append(helper.make_tensor_value_info(name, values.onnx_type(values.name_of(arrays[0])), dims))
            for feed, array in zip(feeds, arrays):
                feed[name] = array
        yield model, feeds


def bypass(case):
    """A node's readers read its operand."""
    for node in case.model.graph.node:
        for operand in filter(None, node.input):
            model = copy.deepcopy(case.model)
            model.graph.node.remove(node)
            if node.output[0] in {o.name for o in model.graph.output}:
                continue
            for other in model.graph.node:
                for i, name in enumerate(other.input):
                    if name == node.output[0]:
                        other.input[i] = operand
            yield model, case.feeds


def fewer_attributes(case):
    for i, node in enumerate(case.model.graph.node):
        for attribute in node.attribute:
            model = copy.deepcopy(case.model)
            model.graph.node[i].attribute.remove(attribute)
            yield model, case.feeds


def fewer_operands(case):
    for i, node in enumerate(case.model.graph.node):
        if len(node.input) > 1:
            model = copy.deepcopy(case.model)
            del model.graph.node[i].input[-1]
            yield model, case.feeds


def static(case):
    """Declares the sizes of an input as they are; then dimension by dimension."""
    for feed in case.feeds[:1] if len(case.feeds) == 1 else []:
        model = copy.deepcopy(case.model)
        for info in model.graph.input:
            for dim, n in zip(info.type.tensor_type.shape.dim, feed[info.name].shape):
                dim.dim_value = n
        for output in model.graph.output:
            for dim in output.type.tensor_type.shape.dim:
                dim.Clear()
        yield model, case.feeds
        for number, info in enumerate(case.model.graph.input):
            for axis, n in enumerate(feed[info.name].shape):
                model = copy.deepcopy(case.model)
                if len(info.type.tensor_type.shape.dim) != feed[info.name].ndim:
                    continue
                model.graph.input[number].type.tensor_type.shape.dim[axis].dim_value = n
                yield model, case.feeds


def shorter(case):
    """Dimensions of one length, all of them or in one tensor, become shorter."""
    arrays = {**{name: a.shape for name, a in case.feeds[0].items()}, **{i.name: tuple(i.dims) for i in case.model.graph.initializer}}
    lengths = sorted({n for shape in arrays.values() for n in shape if n > 1}, reverse=True)
    for n in lengths:
        for m in dict.fromkeys((1, n // 2, n - 1)):
            yield _cut_to(case, lambda name, axis, length: m if length == n else length)
    for chosen, shape in arrays.items():
        for where, n in enumerate(shape):
            for m in dict.fromkeys((1, n // 2, n - 1)) if n > 1 else ():
                yield _cut_to(case, lambda name, axis, length: m if (name, axis) == (chosen, where) else length)


def _cut_to(case, length):
    model = copy.deepcopy(case.model)

    def shortened(name, array):
        return np.ascontiguousarray(array[tuple(slice(0, length(name, i, n)) for i, n in enumerate(array.shape))])

    feeds = [{name: shortened(name, array) for name, array in feed.items()} for feed in case.feeds]
    for initializer in model.graph.initializer:
        array = shortened(initializer.name, numpy_helper.to_array(initializer))
        initializer.CopyFrom(numpy_helper.from_array(np.asarray(array), initializer.name))
    for info in model.graph.input:
        for dim, n in zip(info.type.tensor_type.shape.dim, feeds[0][info.name].shape):
            if dim.HasField("dim_value"):
                dim.dim_value = n
    for output in model.graph.output:
        for dim in output.type.tensor_type.shape.dim:
            dim.Clear()
    return model, feeds


def simpler_contents(case):
    """Whole numbers instead of fractions; never zeros, which may be divided by."""
    for name, array in case.feeds[0].items():
        if values.is_float(values.name_of(array)):
            with np.errstate(all="ignore"):
                whole = np.where(np.isfinite(array), np.where(np.round(array) == 0, 1, np.round(array)), array).astype(array.dtype)
            yield case.model, [{**case.feeds[0], name: np.asarray(whole)}, *case.feeds[1:]]


STEPS = [one_output, one_data_set, cut, earlier_output, bypass, fewer_attributes, fewer_operands, shorter, static, simpler_contents]
