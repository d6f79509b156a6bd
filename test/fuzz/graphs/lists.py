"""What ONNX's operators on sequences and optionals compute, on lists of arrays; an optional without an element is None."""

import numpy as np


def split(x, sizes=None, axis=0, keepdims=1):
    axis %= x.ndim
    whole = x.shape[axis]
    if sizes is None:
        parts = np.split(x, whole, axis) if whole else []
        return parts if keepdims else [np.squeeze(part, axis) for part in parts]
    if np.ndim(sizes) == 0:
        sizes = [min(int(sizes), whole - start) for start in range(0, whole, int(sizes))]
    return np.split(x, np.cumsum(sizes)[:-1], axis) if len(sizes) else []


def insert(sequence, x, position=None):
    at = len(sequence) if position is None else int(position) % (len(sequence) or 1) if position < 0 else int(position)
    return [*sequence[:at], x, *sequence[at:]]


def erase(sequence, position=-1):
    at = int(position) % len(sequence)
    return [*sequence[:at], *sequence[at + 1 :]]


def join(sequence, axis=0, new_axis=0):
    return np.stack(sequence, axis) if new_axis else np.concatenate(sequence, axis)


OPERATORS = {
    "ConcatFromSequence": join,
    "Optional": lambda x=None: x,
    "OptionalGetElement": lambda x: x,
    "OptionalHasElement": lambda x=None: np.asarray(x is not None),
    "SequenceAt": lambda sequence, position: sequence[int(position)],
    "SequenceConstruct": lambda *xs: list(xs),
    "SequenceEmpty": lambda dtype=1: [],
    "SequenceErase": erase,
    "SequenceInsert": insert,
    "SequenceLength": lambda sequence: np.asarray(len(sequence), np.int64),
    "SplitToSequence": split,
}


def describe(value):
    """What decides of shapes: those of a list's elements."""
    return [describe(each) for each in value] if isinstance(value, list) else getattr(value, "shape", None)
