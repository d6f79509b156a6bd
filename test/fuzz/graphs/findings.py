"""What can be wrong with one case, and whether two findings are of one kind."""

import re
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from . import known, oracle

# Kinds that are counted, not failures of a run: valid models that Tenon refuses with a reason.
REFUSED = "refused"
# Tenon and ONNX Runtime agree with each other, but not with the reference evaluator.
DOUBTFUL = "doubtful"


@dataclass
class Finding:
    kind: str  # refused, error, wrong, crash, hang, doubtful, or tool: a fault of the fuzzer
    message: str

    @property
    def signature(self):
        """The message without what differs from case to case."""
        if self.kind in ("wrong", DOUBTFUL):
            what = self.message.split(": ", 1)[-1].split()
            return f"wrong {'values' if 'elements' in what else what[0]}"
        text = re.sub(r"'[^']*'", "'…'", self.message.split("\n")[0])
        text = re.sub(r"tensor<[^>]*(<[^>]*>[^>]*)*>", "tensor", text)
        text = re.sub(r"\[[^]]*\]", "[…]", re.sub(r"affine_map<[^>]*>[^>]*>", "map", text))
        return f"{self.kind} " + re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", "#", text)[:160]


class Backend:
    """Tenon, in this process."""

    def __init__(self, target="native"):
        self.target = target

    def compile(self, model):
        """A function: inputs by name → outputs by name. Raises ValueError for what is refused."""
        import tenon

        return tenon.compile(model.SerializeToString(), self.target, compiler_threads=1).run


def check(case, backend, stage=lambda text: None, guard=None):
    """The finding in a case; None if all is right."""
    stage("compiling")
    try:
        run = backend.compile(case.model)
    except ValueError as error:
        return Finding(REFUSED, str(error))
    for i, (feeds, expected) in enumerate(zip(case.feeds, case.expected)):
        stage(f"running data set {i}")
        try:
            inputs = {name: guard(array) if guard else array for name, array in feeds.items()}
            with guard or nullcontext():
                found = run(inputs)
        except (ValueError, RuntimeError, TypeError) as error:
            return Finding("error", f"data set {i}: {error}")
        for name, versions in expected.items():
            cause = oracle.compare(found[name], versions)
            if cause:
                return second_opinion(case, i, name, found[name], cause)
    return None


def second_opinion(case, number, name, found, cause):
    """Recomputes with more versions, and asks ONNX Runtime."""
    finding = Finding("wrong", f"data set {number}, output '{name}': {cause}")
    try:
        versions = oracle.evaluate(case.model, case.feeds[number], seed=1, versions=12)[name]
        if not oracle.compare(found, versions):
            return None
    except oracle.Disagreement:
        return None
    except oracle.Unknown:
        return finding
    try:
        with np.errstate(all="ignore"):
            other = known.runtime_session(case.model).run([name], case.feeds[number])[0]
    except Exception:  # Whatever it does not support.
        return finding
    if not oracle.compare(found, [other, *(other if v is versions[0] else _moved(other, v, versions[0]) for v in versions[1:])]):
        return Finding(DOUBTFUL, f"{cause}; ONNX Runtime agrees with Tenon")
    return finding


def _moved(other, version, exact):
    """`other`, disturbed like a version."""
    if other.shape != exact.shape or other.dtype != exact.dtype or other.dtype.kind in "iub":
        return other
    with np.errstate(all="ignore"):
        change = version.astype(np.float64) - exact.astype(np.float64)
        return np.where(np.isfinite(change), other.astype(np.float64) + change, other.astype(np.float64)).astype(other.dtype)
