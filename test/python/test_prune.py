"""`tenon prune`: models that lose channels are right, and what cannot lose any says why."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))
from pruning.checks import check_pruned, prune
from pruning.topologies import TOPOLOGIES


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_topology(tmp_path, name):
    model, removable = TOPOLOGIES[name]()
    smaller, report = prune(model, tmp_path, "--channels=50%", "--round=1")
    assert smaller is not None, report
    assert sum(group["before"] for group in report["groups"]) == removable
    after = sum(group["after"] for group in report["groups"])
    assert removable * 0.4 <= after <= removable * 0.6
    check_pruned(model, smaller, report)
