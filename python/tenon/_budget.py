"""What tenon.quantize and tenon.prune share: where samples come from, and budgets that are not kept."""
import os


class BudgetError(ValueError):
    """Nothing that was tried keeps the budget; `result` says what the best of it loses. Nothing is written."""

    def __init__(self, message, result):
        super().__init__(message)
        self.result = result


def _paths(data):
    """The files that data names; None if it is no path."""
    if isinstance(data, (str, os.PathLike)):
        return [os.fspath(data)]
    if isinstance(data, (list, tuple)) and data and \
            all(isinstance(path, (str, os.PathLike)) for path in data):
        return [os.fspath(path) for path in data]
    return None
