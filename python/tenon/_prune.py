"""tenon.prune: an ONNX model with fewer channels, as many as a budget allows."""
import json
import os
import tempfile
from dataclasses import dataclass, field

from ._budget import BudgetError, _paths
from ._compile import _shapes, _source


@dataclass
class Pruned:
    """What prune made and found.

    model: the smaller ONNX model, as bytes; None where it was written to a file.
    report: what was removed from which weights, what stays and why, and what was measured.
    """
    model: bytes = field(repr=False)
    report: dict = field(repr=False)
    text: str

    def __str__(self):
        return self.text


def _amount(channels, speedup, budget):
    if (channels is not None) + (speedup is not None) > 1:
        raise ValueError("say how much to remove with channels or speedup, and not both")
    if channels is None and speedup is None and budget is None:
        raise ValueError("say how much to remove with channels, speedup or budget")
    if channels is not None and not 0 < channels < 1:
        raise ValueError(f"channels: expected a part above 0 and below 1, found {channels!r}")
    if speedup is not None and not 1 < speedup < 1e6:
        raise ValueError(f"speedup: expected a factor above 1, found {speedup!r}")


def prune(model, output=None, *, channels=None, speedup=None, data=None, budget=None, metric=None, labels=None,
          importance=None, scope="layer", keep=(), multiple=None, compensate="least-squares", samples=0, target=None,
          shapes=None, threads=1, progress=None):
    """Removes the channels that matter least, and returns the smaller model and what was found.

    model: a path, the file's bytes, or an onnx.ModelProto.
    output: a path for the smaller model; None returns it as bytes.
    channels: the part to remove, 0.5 for a half; speedup: remove as much as makes the model so many times as
        fast, by prediction. With a budget neither need be said: as many go as it allows.
    data, metric, labels, samples: as for quantize. With data losses are measured, and what is kept makes up for
        what is removed.
    budget: what may be lost: "sqnr=30dB", "cosine=0.999", "relative=1%", "top1=1%", "top5=1%", or "metric=0.01"
        of what metric says.
    importance: what tells how much a channel matters: "l1" (the default without data), "l2", "bn", or
        "activation" (the default with data).
    scope: "layer" removes the same part of each group of channels, "global" those that matter least anywhere.
    keep: patterns of nodes whose channels stay.
    multiple: keep a multiple of so many channels; None is what vectors of the target hold.
    compensate: "least-squares" changes the weights that read what is removed, "mean" biases alone, "none" nothing.
    target: whose vectors count; shapes, threads: as for compile.
    progress: a callable of (what, done, planned).

    Raises BudgetError if the budget cannot be kept, and what metric, progress or the iterable raise.
    """
    from . import _compiler

    _amount(channels, speedup, budget)
    if scope not in ("layer", "global"):
        raise ValueError(f"scope is 'layer' or 'global', not {scope!r}")
    if metric is not None and not callable(metric):
        raise TypeError(f"metric: expected a callable, found {metric!r}")
    if data is None and not (budget is None and metric is None and labels is None):
        raise ValueError("budget, metric and labels need data: nothing is measured without it")
    paths = _paths(data)
    path, source = _source(model)

    def run(destination):
        found = _compiler.prune(
            path, source, destination, None if paths else data, paths or [], channels=channels, speedup=speedup,
            budget=budget, importance=importance or ("l1" if data is None else "activation"),
            is_global=scope == "global", keep=list(keep), multiple=multiple or 0, compensate=compensate, metric=metric,
            progress=progress, labels="" if labels is None else os.fspath(labels), samples=samples,
            target=target or "native", shapes=_shapes(shapes), threads=threads)
        result = Pruned(None, json.loads(found["report"]), found["text"])
        if not found["holds"]:
            raise BudgetError(found["text"], result)
        return result

    if output is not None:
        return run(os.fspath(output))
    with tempfile.TemporaryDirectory(prefix="tenon-") as folder:
        file = os.path.join(folder, "smaller.onnx")
        result = run(file)
        if os.path.exists(file + ".data"):
            raise ValueError("the smaller model is too large for one message: say output")
        with open(file, "rb") as stream:
            result.model = stream.read()
        return result
