"""A graph that grows, with the contents of all its values on every data set.

Sizes are tuples, one number per data set. A dimension of an input with other sizes in other data sets is declared by
name or left open; one with the same sizes may be, too.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper

from . import oracle, values

# No value of a small graph is larger.
LARGEST = 4096


class Reject(Exception):
    """A recipe finds that it cannot go on: another one is drawn."""


@dataclass
class Value:
    name: str
    # Per data set and version.
    data: list[list[np.ndarray]]
    made: bool = False
    # Whether every data set has the same contents, known when the model is compiled.
    constant: bool = False

    @property
    def type(self):
        return values.name_of(self.data[0][0])

    @property
    def rank(self):
        return self.data[0][0].ndim

    @property
    def shape(self):
        return list(zip(*(versions[0].shape for versions in self.data))) if self.rank else []

    @property
    def array(self):
        """The exact contents in the first data set."""
        return self.data[0][0]

    def exact(self):
        return [versions[0] for versions in self.data]

    def every(self, predicate):
        """Whether `predicate` holds for the contents in all data sets and versions."""
        with np.errstate(all="ignore"):
            return all(bool(predicate(array)) for versions in self.data for array in versions)


@dataclass
class Style:
    """What a graph is like as a whole."""

    opset: int
    data_sets: int = 1
    # How often a size is declared by name or left open; 0: a static model.
    open: float = 0.0
    zero: float = 0.02
    wild: float = 0.1
    # How often shapes, axes and the like are inputs of a run instead of constants.
    run_time: float = 0.0


@dataclass
class Builder:
    rng: np.random.Generator
    style: Style
    prefix: str = ""
    pool: list[Value] = field(default_factory=list)
    nodes: list = field(default_factory=list)
    inputs: list = field(default_factory=list)
    initializers: list = field(default_factory=list)
    # Inputs and initializers, those that only their node may read included.
    sources: list[Value] = field(default_factory=list)
    feeds: list = None
    names: dict = field(default_factory=dict)
    domains: set = field(default_factory=set)
    count: int = 0

    def __post_init__(self):
        self.feeds = self.feeds or [{} for _ in range(self.style.data_sets)]
        self.oracle = oracle.Oracle(self.opsets(), int(self.rng.integers(1 << 30)))

    # Chance.

    def flip(self, chance=0.5):
        return bool(self.rng.random() < chance)

    def pick(self, items):
        items = list(items)
        if not items:
            raise Reject("nothing to choose from")
        return items[int(self.rng.integers(len(items)))]

    def integer(self, low, high):
        return int(self.rng.integers(low, high + 1))

    # Sizes.

    def size(self, low=0):
        """Of a dimension, per data set."""
        if self.flip(self.style.open) and self.style.data_sets > 1:
            sizes = [(3, 5), (2, 4), (1, 4), (4, 1), (5, 2), (1, 1), (7, 3), (2, 2), (9, 17), (0, 3), (3, 0)]
            chances = np.array([5, 4, 2, 2, 3, 1, 2, 1, 1, self.style.zero * 10, self.style.zero * 10])
            return tuple(max(low, n) for n in sizes[self.rng.choice(len(sizes), p=chances / chances.sum())])
        if self.flip(self.style.zero) and not low:
            return (0,) * self.style.data_sets
        n = self.pick([1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 16, 17, 33])
        return (max(low, n),) * self.style.data_sets

    def constant_size(self, n):
        return (n,) * self.style.data_sets

    def shape(self, rank=None, low=0, most=4):
        """A shape of at most LARGEST elements."""
        rank = self.integer(0 if self.flip(0.15) else 1, most) if rank is None else rank
        while True:
            dims = [self.size(low) for _ in range(rank)]
            if max(np.prod([max(n, 1) for n in sizes], dtype=int) for sizes in zip(*dims, strict=True)) <= LARGEST if dims else True:
                return dims

    def narrowed(self, dims):
        """A shape that broadcasts to `dims`: fewer dimensions, 1s, and 1s in some data sets only."""
        result = list(dims)
        if self.flip(0.3):
            result = result[self.integer(0, len(result)) :]
        for i, size in enumerate(result):
            if self.flip(0.2):
                result[i] = self.constant_size(1)
            elif self.style.data_sets > 1 and len(set(size)) > 1 and self.flip(0.15):
                result[i] = (*size[:-1], 1)
        return result

    # Values.

    def fresh(self, type, dims, kind=None, constant=None, fixed=False):
        """A new input, or an initializer if it can be one. `fixed`: sizes are declared as they are."""
        if kind is None and self.flip(self.style.wild):
            kind = "wild"
        elif kind is None:
            kind = self.rng.choice(["normal", "small", "positive"], p=[0.6, 0.3, 0.1])
        static = all(len(set(size)) == 1 for size in dims)
        if constant is None:
            constant = static and self.flip(0.3)
        shapes = [tuple(size[i] for size in dims) for i in range(self.style.data_sets)]
        if constant:
            array = values.draw(self.rng, type, shapes[0], kind)
            return self.initializer(array)
        return self.input([values.draw(self.rng, type, shape, kind) for shape in shapes], fixed=fixed)

    def name(self, stem="v"):
        self.count += 1
        return f"{self.prefix}{stem}{self.count}"

    def initializer(self, array, pooled=True):
        array = np.asarray(array)
        name = self.name("c")
        if self.flip(0.2) and values.name_of(array) not in values.FLOAT8:
            node = helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))
            self.nodes.append(node)
        else:
            self.initializers.append(numpy_helper.from_array(array, name))
        data = [[array] * oracle.VERSIONS for _ in range(self.style.data_sets)]
        return self._pool(Value(name, data, constant=True), pooled)

    def input(self, arrays, pooled=True, fixed=False):
        name = self.name("x")
        value = Value(name, [[array] * oracle.VERSIONS for array in arrays])
        for feed, array in zip(self.feeds, arrays):
            feed[name] = array
        fixed = fixed and all(len(set(size)) == 1 for size in value.shape)
        declared = [size[0] if fixed else self.declared(size) for size in value.shape]
        self.inputs.append(helper.make_tensor_value_info(name, values.onnx_type(value.type), declared))
        return self._pool(value, pooled)

    def _pool(self, value, pooled=True):
        self.sources.append(value)
        if pooled:
            self.pool.append(value)
        return value

    def declared(self, size):
        """A number, a name that this size has, or None."""
        if len(set(size)) == 1 and not self.flip(self.style.open / 2):
            return size[0]
        if self.flip(0.2):
            return None
        names = self.names.setdefault(size, [])
        if not names or self.flip(0.3):
            names.append(f"N{sum(map(len, self.names.values()))}")
        return self.pick(names)

    def ints(self, numbers, type="int64", run_time=None):
        """A shape-like operand: one list of numbers, or one per data set. A constant where it can be."""
        rows = numbers if isinstance(numbers, tuple) else (numbers,) * self.style.data_sets
        arrays = [np.array(row, dtype=type) for row in rows]
        same = all(np.array_equal(array, arrays[0]) for array in arrays)
        if same and not (self.flip(self.style.run_time) if run_time is None else run_time):
            return self.initializer(arrays[0], pooled=False)
        if not self.style.run_time:
            raise Reject("numbers that only a run tells")
        # How many there are decides a rank, which is known when a model is compiled.
        return self.input(arrays, pooled=False, fixed=True)

    def value(self, types, rank=None, where=None, shape=None, kind=None):
        """A value of the graph that fits, or a new one. `rank`: a number or a range (low, high)."""
        low, high = (0, 5) if rank is None else rank if isinstance(rank, tuple) else (rank, rank)
        types = set([types] if isinstance(types, str) else types)
        fits = [
            v
            for v in self.pool
            if v.type in types and low <= v.rank <= high and (where is None or where(v))
            and (shape is None or v.shape == list(shape))
        ]
        made = [v for v in fits if v.made]
        if made and self.flip(0.75):
            # The newest first, so that graphs are deep as well as wide.
            return made[-1] if self.flip(0.6) else self.pick(made)
        if fits and self.flip(0.3):
            return self.pick(fits)
        type = values.choose_type(self.rng, sorted(types))
        for _ in range(10):
            value = self.fresh(type, self.shape(self.integer(low, min(high, 4))) if shape is None else shape, kind)
            if where is None or where(value):
                return value
        raise Reject("no value fits")

    def types(self, op, parameter="T", domain="", among=values.ALL):
        """Types that operator takes at this opset."""
        schema = self.schema(op, domain)
        for constraint in schema.type_constraints:
            if constraint.type_param_str == parameter:
                found = [values.from_schema(text) for text in constraint.allowed_type_strs]
                return [name for name in found if name in among]
        raise KeyError(f"{op} has no type {parameter}")

    def schema(self, op, domain=""):
        try:
            return onnx.defs.get_schema(op, self.version(domain), domain)
        except onnx.defs.SchemaError:
            raise Reject(f"{op} is not in opset {self.version(domain)}") from None

    def since(self, op, domain=""):
        return self.schema(op, domain).since_version

    def version(self, domain=""):
        return {"": self.style.opset, "ai.onnx.ml": 5 if self.style.opset >= 22 else 3}.get(domain, 1)

    def opsets(self):
        domains = ["", "ai.onnx.ml", "com.microsoft", "ai.onnx.preview.training"]
        return [helper.make_opsetid(domain, self.version(domain)) for domain in domains]

    # Nodes.

    def node(self, op, inputs, outputs=1, domain="", **attributes):
        """Adds and computes a node. `inputs`: values, or None where one is omitted. Returns its outputs."""
        if domain != "com.microsoft" and self.schema(op, domain).deprecated:
            raise Reject(f"{op} is deprecated in opset {self.style.opset}")
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        names = [self.name() for _ in range(outputs)] if isinstance(outputs, int) else [
            self.name() if wanted else "" for wanted in outputs
        ]
        # An empty list has no type; it stands for the default, too.
        attributes = {key: value for key, value in attributes.items() if value is not None and value != []}
        node = helper.make_node(op, ["" if v is None else v.name for v in inputs], names, domain=domain, **attributes)
        return self.add(node, [v for v in inputs if v is not None])

    def add(self, node, operands):
        """Adds a node whose operands (and what its bodies capture) are `operands`."""
        data = {name: [] for name in node.output if name}
        for i in range(self.style.data_sets):
            envs = [{v.name: v.data[i][version] for v in operands} for version in range(oracle.VERSIONS)]
            try:
                self.oracle.node(node, envs)
            except oracle.Unknown as error:
                raise Reject(str(error)) from error
            for name, versions in data.items():
                versions.append([env[name] for env in envs])
        results = [Value(name, versions, made=True) for name, versions in data.items()]
        # Lists are for the recipe that made them: other recipes take tensors.
        tensors = [value for value in results if not isinstance(value.data[0][0], list)]
        for value in tensors:
            self._accept(value, operands)
        self.nodes.append(node)
        if node.domain:
            self.domains.add(node.domain)
        self.pool.extend(tensors)
        return results[0] if len(results) == 1 else results

    def _accept(self, value, operands):
        if any(array.size > 4 * LARGEST for array in value.exact()):
            raise Reject("too large")
        if value.rank > 6:
            raise Reject("too many dimensions")
        if value.type not in values._ONNX or len({array.dtype for array in value.exact()}) > 1:
            raise Reject(f"type {value.type}")
        # Halves may be computed in f32 from one end to the other: what overflows only in between says nothing.
        if values.is_half(value.type):
            tensors = [v for v in operands if not isinstance(v.data[0][0], list)]
            finite = all(v.every(lambda a: np.isfinite(a).all()) for v in tensors if values.is_half(v.type))
            if finite and not value.every(lambda a: np.isfinite(a).all()):
                raise Reject("overflow of halves")

    def model(self):
        """The finished model and, per data set, its inputs and the versions of its outputs."""
        used = {name for node in self.nodes for name in node.input}
        used |= {name for node in self.nodes for a in node.attribute for name in captured(a.g)}
        made = [v for v in self.pool if v.made]
        outputs = [v for v in made if v.name not in used or self.flip(0.1)][:6]
        if not outputs:
            raise Reject("no output")
        infos = [helper.make_tensor_value_info(v.name, values.onnx_type(v.type), self._output_shape(v)) for v in outputs]
        inputs = [i for i in self.inputs if i.name in used]
        initializers = [i for i in self.initializers if i.name in used]
        graph = helper.make_graph(self.nodes, "g", inputs, infos, initializers)
        opsets = [o for o in self.opsets() if not o.domain or o.domain in self.domains]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=min(10, max(4, 3 + self.style.opset // 2)))
        kept = {i.name for i in inputs}
        feeds = [{name: array for name, array in feed.items() if name in kept} for feed in self.feeds]
        expected = [{v.name: v.data[i] for v in outputs} for i in range(self.style.data_sets)]
        return model, feeds, expected

    def _output_shape(self, value):
        """What is declared of an output: sizes that never change at most, often less."""
        if self.style.open and self.flip(0.3):
            return [None] * value.rank
        fixed = not self.style.open
        return [size[0] if fixed else f"O_{value.name}_{i}" for i, size in enumerate(value.shape)]


def captured(graph):
    """Names that a body and its own bodies read."""
    names = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    for node in graph.node:
        for attribute in node.attribute:
            names |= captured(attribute.g)
    return names
