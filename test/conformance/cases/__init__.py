"""Small models, each a member of a kind of fault that was seen in the field, with right outputs.

Every module in this package has a function `cases()` that yields `Case`s. Models are written in
ONNX's text form (https://onnx.ai/onnx/repo-docs/Syntax.html) or built with onnx.helper. Outputs
that a case does not give are computed by the reference evaluator of the onnx package.
"""

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx.parser
from onnx.reference import ReferenceEvaluator


@dataclass
class DataSet:
    """Inputs by name, and the outputs that must come out; None: the reference evaluator knows them."""

    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray] | None = None


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
                data.outputs = dict(zip(names, map(np.asarray, values)))


def parse(text, opset=21):
    """A model from the text of its graph (`g (float[N] x) => (float[N] y) { y = Abs(x) }`), or of the whole
    model if it starts with `<`."""
    text = text.strip()
    if not text.startswith("<"):
        text = f'<ir_version: 10, opset_import: ["": {opset}]>\n' + text
    return onnx.parser.parse_model(text)


def modules():
    """The modules of this package by name, sorted."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}


def collect():
    """(folder name, case) of all modules; a module's cases have its name in front of theirs."""
    for prefix, module in modules().items():
        for case in module.cases():
            yield f"{prefix}_{case.name}", case
