"""Small models, each a member of a kind of fault that was seen in the field, with right outputs.

Every module in this package has a function `cases()` that yields `Case`s. Models are written in
ONNX's text form (https://onnx.ai/onnx/repo-docs/Syntax.html) or built with onnx.helper. Outputs
that a case does not give are computed by the reference evaluator of the onnx package; `single` asks
ONNX Runtime.
"""

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx.parser
import onnxruntime
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator


@dataclass
class DataSet:
    """Inputs by name, and the outputs that must come out; None: the reference evaluator knows them. Sequences are
    lists, optionals None or what they have, and maps dicts."""

    inputs: dict[str, Any]
    outputs: dict[str, Any] | None = None


@dataclass
class Case:
    """A model and what it must compute. `why` says in a sentence what the case is for."""

    name: str
    why: str
    model: onnx.ModelProto | str
    data_sets: list[DataSet]
    # As in a folder's tolerance.json: rtol, atol (one per output).
    tolerance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if isinstance(self.model, str):
            self.model = parse(self.model)
        for data in self.data_sets:
            if data.outputs is None:
                values = ReferenceEvaluator(self.model).run(None, data.inputs)
                names = [output.name for output in self.model.graph.output]
                isolated = (value if isinstance(value, list) or value is None else np.asarray(value) for value in values)
                data.outputs = dict(zip(names, isolated))


def parse(text, opset=21):
    """A model from the text of its graph (`g (float[N] x) => (float[N] y) { y = Abs(x) }`), or of the whole
    model if it starts with `<`."""
    text = text.strip()
    if not text.startswith("<"):
        text = f'<ir_version: 10, opset_import: ["": {opset}]>\n' + text
    return onnx.parser.parse_model(text)


def run_peer(model, inputs):
    """What ONNX Runtime computes, on one thread and without changing the model."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def single(op, arrays, attributes=None, constants=(), opset=21, outputs=1, expected=None, domain="", version=1):
    """One node on `arrays`, two times: with static shapes, and with every dimension a symbol. Inputs whose number is
    in `constants` are initializers. `outputs` is how many there are, or the numbers of those that are not omitted.
    What must come out is ONNX Runtime's answer unless given. `version` is the domain's. Yields form, model and
    data."""
    names = [f"x{i}" if array is not None else "" for i, array in enumerate(arrays)]
    wanted = range(outputs) if isinstance(outputs, int) else outputs
    results = [f"y{i}" if i in wanted else "" for i in range(max(wanted) + 1)]
    node = helper.make_node(op, names, results, domain=domain, **(attributes or {}))
    results = [name for name in results if name]
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, version)] if domain else [])]
    for form in ("static", "dynamic"):
        infos, initializers, inputs = [], [], {}
        for i, (name, array) in enumerate(zip(names, arrays)):
            if array is None:
                continue
            if i in constants:
                initializers.append(numpy_helper.from_array(array, name))
                continue
            shape = list(array.shape) if form == "static" else [f"{name}_{d}" for d in range(array.ndim)]
            infos.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), shape))
            inputs[name] = array

        def build(results):
            graph = helper.make_graph([node], "g", infos, results, initializers)
            return helper.make_model(graph, opset_imports=opsets, ir_version=10)

        values = expected
        if values is None:
            values = run_peer(build([helper.make_empty_tensor_value_info(name) for name in results]), inputs)
        # The rank is declared: lists of unknown length do not tell it.
        kinds = [helper.np_dtype_to_tensor_dtype(np.asarray(value).dtype) for value in values]
        model = build([helper.make_tensor_value_info(name, kind, [None] * np.ndim(value))
                       for name, kind, value in zip(results, kinds, values)])
        yield form, model, [DataSet(inputs, dict(zip(results, values)))]


def modules():
    """The modules of this package by name, sorted."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}


def collect(names=()):
    """(folder name, case) of all modules or those named; a module's cases have its name in front of theirs."""
    for prefix, module in modules().items():
        if names and prefix not in names:
            continue
        for case in module.cases():
            yield f"{prefix}_{case.name}", case
