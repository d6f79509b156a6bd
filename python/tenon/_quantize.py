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
    result, = quantize_each(
        model, data, [budget], [output], metric=metric, labels=labels, allow=allow, objective=objective,
        samples=samples, target=target, shapes=shapes, threads=threads, repair=repair, progress=progress)
    if isinstance(result, Exception):
        raise result
    return result


def quantize_each(model, data, budgets, outputs=None, *, metric=None, labels=None, allow=("int8", "bf16"),
                  objective="time", samples=0, target=None, shapes=None, threads=1, repair=True,
                  progress=None):
    """Quantizes within each of several budgets, in less time than one after another: what depends on none
    is found once. What repairs of one budget change stays for those behind it, so looser ones come first.
    What was found within one serves for the others that it keeps, if it gains more.

    outputs: a path for each budget, or None.

    Returns a list: of each budget what quantize returns, or the exception that it raises. All else is as there.
    """
    from . import _compiler

    paths = _paths(data)
    path, source = _source(model)
    if metric is not None and not callable(metric):
        raise TypeError(f"metric: expected a callable, found {metric!r}")
    budgets = list(budgets)
    outputs = [None] * len(budgets) if outputs is None else list(outputs)
    if not budgets or len(outputs) != len(budgets):
        raise ValueError(f"outputs: there are {len(outputs)} for {len(budgets)} budgets")
    if None in budgets and len(budgets) > 1:
        raise ValueError("budgets: None stands alone")
    destinations = ["" if output is None else os.fspath(output) for output in outputs]
    found = _compiler.quantize(
        path, source, None if paths else data, paths or [], destinations,
        budgets=[budget for budget in budgets if budget is not None],
        allow=list(allow), metric=metric, progress=progress,
        labels="" if labels is None else os.fspath(labels), samples=samples,
        targets=_targets(target), shapes=_shapes(shapes), threads=threads, repair=repair,
        objective=objective)
    return [_finish(*each, threads) for each in zip(found, budgets, destinations)]


def _finish(found, budget, destination, threads):
    """The result of one budget, or the exception that there is in its place."""
    if isinstance(found, str):
        return ValueError(found)
    result = Quantized(json.loads(found["recipe"]), json.loads(found["report"]), found["text"])
    if not found["holds"]:
        return BudgetError(f"the budget {budget} cannot be kept\n{found['text']}", result)
    if destination.endswith(".so"):
        result.model = load(destination, threads=threads)
    return result
