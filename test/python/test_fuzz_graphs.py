"""The fuzzer of random graphs: its graphs are valid and repeatable, and it finds, shrinks and survives faults."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

from fuzz_graphs import registered  # noqa: E402
from graphs import findings, oracle, report, shrink, workers  # noqa: E402
from graphs.generate import Case, generate  # noqa: E402
from graphs.recipes import RECIPES, WITHOUT  # noqa: E402


class Evaluator:
    """A backend that computes what is right, unless told to spoil an operator."""

    def __init__(self, spoiled=None, how=None):
        self.spoiled, self.how = spoiled, how

    def compile(self, model):
        if self.how == "refuse" and self.holds(model):
            raise ValueError(f"model: node 'x' ({self.spoiled}): is not supported")
        return lambda feeds: self.run(model, feeds)

    def holds(self, model):
        return any(node.op_type == self.spoiled for node in model.graph.node)

    def run(self, model, feeds):
        if self.holds(model) and self.how == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        env = {name: versions[0] for name, versions in oracle.evaluate(self.spoil(model), feeds).items()}
        return {output.name: env[output.name] for output in model.graph.output}

    def spoil(self, model):
        """Sub where Add should be."""
        changed = onnx.ModelProto.FromString(model.SerializeToString())
        for node in changed.graph.node:
            if node.op_type == self.spoiled and self.how == "wrong":
                node.op_type = "Sub"
        return changed


def case_of(text, feeds):
    model = onnx.parser.parse_model('<ir_version: 10, opset_import: ["": 21]>\n' + text)
    return shrink.remake("made", model, [feeds])


@pytest.fixture
def chain():
    """An Add in the middle of other nodes, and a second output beside it."""
    text = """g (float[3, 4] x, float[4] y, float[3, 4] u) => (float[3, 4] z, float[3, 4] w) {
        a = Tanh(x)  b = Add(a, y)  c = Relu(b)  z = Mul(c, u)  w = Abs(u) }"""
    rng = np.random.default_rng(0)
    return case_of(text, {name: rng.uniform(1, 2, shape).astype(np.float32) for name, shape in (("x", (3, 4)), ("y", 4), ("u", (3, 4)))})


@pytest.mark.parametrize("dynamic", [0, 1])
def test_graphs_are_valid_and_repeatable(dynamic):
    for index in range(30):
        case = generate(5, index, dynamic)
        onnx.checker.check_model(case.model, full_check=True)
        again = generate(5, index, dynamic)
        assert case.model.SerializeToString() == again.model.SerializeToString()
        for feed, other in zip(case.feeds, again.feeds, strict=True):
            assert all(np.array_equal(feed[name], other[name], equal_nan=feed[name].dtype.kind in "fV") for name in feed)


def test_seeds_differ():
    texts = {generate(seed, 0).model.SerializeToString() for seed in range(8)}
    assert len(texts) == 8


def test_dynamic_graphs_have_other_sizes_in_other_data_sets():
    cases = [generate(3, index, dynamic=1) for index in range(20)]
    shapes = [[{name: array.shape for name, array in feed.items()} for feed in case.feeds] for case in cases]
    assert all(len(shape) == 2 for shape in shapes)
    assert sum(first != second for first, second in shapes) > 10


def test_what_is_right_passes(chain):
    assert findings.check(chain, Evaluator()) is None
    for index in range(20):
        assert findings.check(generate(9, index), Evaluator()) is None


def test_a_wrong_operator_is_found():
    """Of some hundred graphs, those with an Add that matters are found, and no others."""
    wrong = Evaluator("Add", "wrong")
    found = []
    for index in range(60):
        case = generate(4, index, dynamic=0, only=[("", "Add")] if index % 4 == 0 else None)
        if findings.check(case, wrong):
            found.append(case)
    assert len(found) > 5
    assert all(("", "Add") in case.ops for case in found)


@pytest.mark.parametrize("how,kind", [("wrong", "wrong"), ("crash", "crash"), ("refuse", "refused")])
def test_findings_are_shrunk(chain, how, kind, tmp_path):
    backend = Evaluator("Add", how)
    finding = workers.check_case(chain, backend)
    assert finding.kind == kind

    def persists(case):
        found = workers.check_case(case, backend)
        return found is not None and found.signature == finding.signature

    small = shrink.shrink(chain, persists)
    assert [node.op_type for node in small.model.graph.node] == ["Add"]
    assert len(small.model.graph.output) == 1
    assert all(array.size <= 1 for array in small.feeds[0].values())
    assert persists(small)
    text = report.write(tmp_path / "case", small, finding, "again")
    assert "Add" in text
    assert onnx.load(tmp_path / "case" / "model.onnx") == small.model
    assert sorted(p.name for p in (tmp_path / "case" / "test_data_set_0").iterdir()) == ["input_0.pb", "input_1.pb", "output_0.pb"]


def test_a_dead_worker_is_replaced(chain):
    jobs = [0, 1, 2, 3]

    def work(job, stage):
        stage("thinking")
        if job == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return job

    answers = dict(workers.run(jobs, work, 2))
    assert answers[1].kind == "crash" and "SIGKILL while thinking" in answers[1].message
    assert [answers[job] for job in (0, 2, 3)] == [0, 2, 3]


def test_a_hanging_worker_is_ended():
    def work(job, stage):
        stage("dreaming")
        while job:
            pass
        return job

    answers = dict(workers.run([0, 1], work, 2, limit=2))
    assert answers[0] == 0
    assert answers[1].kind == "hang" and "dreaming" in answers[1].message


def test_guarded_arrays_end_where_memory_ends():
    array = workers.guarded(np.arange(5, dtype=np.float32))
    assert np.array_equal(array, [0, 1, 2, 3, 4])
    assert (array.ctypes.data + array.nbytes) % 4096 == 0
    assert workers.guarded(np.zeros((0, 3), np.int64)).shape == (0, 3)


def test_tolerance_follows_conditioning():
    versions = [np.array([1.0, np.inf, 1e-3, np.nan], np.float32), np.array([1.0, 3e38, 1e-3, np.nan], np.float32)]
    versions[1][2] *= 1.01
    right = np.array([1.0000001, 0, 1.1e-3, np.nan], np.float32)
    assert oracle.compare(right, versions) is None  # disagreement about inf says nothing, spread grants
    assert "1 of 4" in oracle.compare(np.array([1.001, 0, 1e-3, np.nan], np.float32), versions)
    assert "1 of 4" in oracle.compare(np.array([1, 0, 1e-3, 0], np.float32), versions)
    assert "shape" in oracle.compare(right[:3], versions)
    assert "type" in oracle.compare(right.astype(np.float64), versions)
    whole = np.array([1, 2])
    assert oracle.compare(whole, [whole, whole]) is None
    assert "at [1] found 3" in oracle.compare(np.array([1, 3]), [whole, whole])


def test_every_operator_has_a_recipe_or_a_reason():
    assert not registered() - set(RECIPES) - set(WITHOUT)
    assert not set(RECIPES) & set(WITHOUT), "there is a recipe after all"
    assert not set(WITHOUT) - registered(), "no such operator is imported"


@pytest.mark.parametrize("key", sorted(key for key in RECIPES if key[0] == ""), ids=lambda key: key[1])
def test_every_recipe_draws(key):
    """In some of a few graphs that ask for it."""
    for index in range(40):
        case = generate(2, index, dynamic=0, only=[key])
        if case and key in case.ops:
            return
    pytest.fail(f"{key[1]} is never drawn")
