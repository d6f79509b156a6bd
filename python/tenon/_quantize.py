"""tenon.quantize: lowers the precision of a model as far as a budget allows."""
import json
import os
from dataclasses import dataclass, field

from ._budget import BudgetError, _paths
from ._compile import _shapes, _source, _targets
from ._runtime import load


@dataclass
class Quantized:
    """What quantize found.

    recipe: which tensor and node has which precision, as in a .precision.json file.
    report: losses, times and sizes before and after, and what each group of nodes costs.
    model: the compiled model, loaded, where the output was a .so.
    """
    recipe: dict
    report: dict
    text: str = field(repr=False)
    model: object = None

    def __str__(self):
        return self.text


def quantize(model, data, budget="sqnr=30dB", output=None, *, metric=None, labels=None,
             allow=("int8", "bf16"), objective="time", samples=0, target=None, shapes=None, threads=1,
             repair=True, progress=None):
    """Lowers what gets faster, as far as the budget allows, and returns what was found.

    model: a path, the file's bytes, or an onnx.ModelProto.
    data: paths as for tenon quantize --data, or an iterable (a generator, say) of samples: dicts of
        arrays by the names of inputs, or arrays for a model with one input. A dict may have the class
        of the sample as "label". Samples are kept in a file, so they need not fit into memory. A
        quarter of them is held back to judge by.
    budget: what may be lost against fp32: "sqnr=30dB", "cosine=0.999", "relative=1%", "top1=1%",
        "top5=1%", or "metric=0.01" of what metric says. None: all is lowered to the first of allow,
        whatever that loses.
    metric: a callable of (run, samples) that returns a number, more of which is better. run takes a
        sample and returns a dict of the model's outputs; samples is an iterator over dicts.
    labels: a file of classes, one for each sample.
    allow: of "int8", "bf16", "f16", "int8-weights" and "int4-weights".
    objective: "time": nothing is lowered that does not get faster here; or "size": of weights, for models
        that run elsewhere.
    samples: use the first so many; 0 is all.
    output: a path that ends in .so (compiled), .onnx or .precision.json.
    target, shapes, threads: as for compile; one target.
    repair: whether weights, norms and biases may be changed so that rounding costs less.
    progress: a callable of (what, done, planned).

    Raises BudgetError if the budget cannot be kept, and what metric, progress or the iterable raise.
    """
    from . import _compiler

    paths = _paths(data)
    path, source = _source(model)
    if metric is not None and not callable(metric):
        raise TypeError(f"metric: expected a callable, found {metric!r}")
    destination = None if output is None else os.fspath(output)
    found = _compiler.quantize(
        path, source, None if paths else data, paths or [], destination or "", budget=budget,
        allow=list(allow), metric=metric, progress=progress,
        labels="" if labels is None else os.fspath(labels), samples=samples,
        targets=_targets(target), shapes=_shapes(shapes), threads=threads, repair=repair,
        objective=objective)
    result = Quantized(json.loads(found["recipe"]), json.loads(found["report"]), found["text"])
    if not found["holds"]:
        raise BudgetError(f"the budget {budget} cannot be kept\n{found['text']}", result)
    if destination is not None and destination.endswith(".so"):
        result.model = load(destination, threads=threads)
    return result
