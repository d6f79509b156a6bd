"""Whether an engine's outputs agree with the reference outputs, by the rules of `tenon verify` (docs/cli.md)."""
import json
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Tolerance:
    """A floating point element agrees if |got - expected| <= atol + rtol * |expected|."""

    rtol: float = 1e-3
    atols: list = field(default_factory=list)  # one for each output
    default_atol: float = 1e-5
    max_mismatch_fraction: float = 0.0

    @staticmethod
    def read(path):
        if not path.exists():
            return Tolerance()
        values = json.loads(path.read_text())
        atol = values.pop("atol", Tolerance.default_atol)
        if isinstance(atol, list):
            return Tolerance(atols=atol, **values)
        return Tolerance(default_atol=atol, **values)

    def atol(self, index):
        return self.atols[index] if index < len(self.atols) else self.default_atol

    def widened(self, expected):
        """For float values that an engine keeps with the 8 significant bits of bfloat16.

        Like quantized models: 5e-2 of an output's largest value, 2 % of the elements beyond. A rounding
        is 4e-3 of a value, and results of a hundred layers of them lie some times that apart."""
        atols = [max(self.atol(i), 0.05 * largest(e)) if e.dtype.kind == "f" else self.atol(i)
                 for i, e in enumerate(expected)]
        return replace(self, rtol=max(self.rtol, 0.02), atols=atols,
                       max_mismatch_fraction=max(self.max_mismatch_fraction, 0.02))


def largest(array):
    """The largest finite magnitude."""
    import numpy as np

    return float(np.abs(array[np.isfinite(array)].astype(np.float64)).max(initial=0))


def disagreement(got, expected, tolerance):
    """What differs, in words; empty if nothing does."""
    if len(got) != len(expected):
        return f"{len(got)} outputs instead of {len(expected)}"
    for index, (g, e) in enumerate(zip(got, expected)):
        if cause := _differs(g, e, tolerance, tolerance.atol(index) if tolerance.atols else None):
            return f"output {index} {cause}"
    return ""


def _differs(got, expected, tolerance, listed_atol):
    import numpy as np

    got = np.asarray(got)
    if got.shape != expected.shape:
        return f"is {list(got.shape)} instead of {list(expected.shape)}"
    textual = expected.dtype.kind in "OSU"
    if not textual and got.dtype != expected.dtype:
        return f"is {got.dtype} instead of {expected.dtype}"
    same = got == expected
    if textual or (expected.dtype.kind not in "fc" and not listed_atol):
        return "" if np.all(same) else f"differs in {np.sum(~same)} of {same.size} elements"
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    g, e = got.astype(wide), expected.astype(wide)
    atol = tolerance.default_atol if listed_atol is None else listed_atol
    with np.errstate(invalid="ignore"):
        errors = np.abs(g - e)
    near = np.isfinite(e) & (errors <= atol + tolerance.rtol * np.abs(e))
    wrong = ~(same | near | (np.isnan(g) & np.isnan(e)))
    if np.sum(wrong) <= tolerance.max_mismatch_fraction * wrong.size:
        return ""
    errors = errors[wrong & np.isfinite(errors)]
    text = f"differs in {np.sum(wrong)} of {wrong.size} elements"
    return text + (f", by up to {errors.max():.2g}; the largest is {largest(expected):.2g}" if errors.size else "")
