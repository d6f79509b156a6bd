"""The parts of benchmarks/compare.py: processes that take turns, agreement with references, ratios, reports."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import compare  # noqa: E402
import report  # noqa: E402
from comparison import agreement, engines, machine, measuring, models, startup, tables, workers  # noqa: E402
from comparison.agreement import Tolerance, disagreement  # noqa: E402


# ---- Workers


def worker(body, timeout=30):
    """A worker whose engine is `body`, the text of a function that returns the call to time, and details."""
    script = f"import os, signal, sys, threading, time\nfrom comparison import workers\ndef prepare():\n{body}\nworkers.serve(prepare)"
    return workers.Worker.opened([sys.executable, "-c", script], timeout)


SPINNING = """
  def spin():
    while True: pass
  threading.Thread(target=spin, daemon=True).start()
  return lambda: time.sleep(0.001), {"name": "spinning"}"""


def cpu_ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def states(pid):
    return {task.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] for task in Path(f"/proc/{pid}/task").iterdir()}


def test_a_worker_takes_no_time_between_its_blocks():
    with worker(SPINNING) as first, worker(SPINNING) as second:
        assert first.start() == {"name": "spinning"}
        second.start()
        for active, idle in ((first, second), (second, first), (first, second)):
            before, spent = cpu_ticks(idle.process.pid), cpu_ticks(active.process.pid)
            times = active.block(40)
            assert len(times) == 40 and min(times) >= 1
            assert cpu_ticks(active.process.pid) > spent
            assert cpu_ticks(idle.process.pid) == before
            assert states(idle.process.pid) == states(active.process.pid) == {"T"}


def test_times_are_per_run_however_many_runs_a_measurement_takes():
    with worker("  return lambda: time.sleep(0.0001), {}") as quick, worker("  return lambda: time.sleep(0.005), {}") as slow:
        quick.start()
        slow.start()
        assert 0.1 <= min(quick.block(5)) < 1
        assert 5 <= min(slow.block(5)) < 10


def test_what_an_engine_prints_is_no_answer():
    with worker("  print('hello'); os.write(1, b'{}\\n')\n  return lambda: os.write(1, b'x'), {'fine': True}") as chatty:
        assert chatty.start() == {"fine": True}
        assert len(chatty.block(3)) == 3


@pytest.mark.parametrize("body, why", [
    ("  raise ValueError('no such\\n operator')", "ValueError: no such operator"),
    ("  print('out of luck', file=sys.stderr, flush=True); os._exit(3)", "ended with status 3: out of luck"),
    ("  os.kill(os.getpid(), signal.SIGSEGV)", "was ended by signal 11"),
    ("  time.sleep(60)", "took more than 2 s"),
])
def test_a_worker_that_fails_to_load_says_why(body, why):
    with worker(body, timeout=2) as failing, pytest.raises(workers.WorkerError) as error:
        failing.start()
    assert str(error.value) == why


def test_a_worker_that_fails_in_a_block_says_why():
    body = "  calls = []\n  def call():\n    calls.append(1)\n    if len(calls) > 2: raise RuntimeError('worn out')\n    time.sleep(0.01)\n  return call, {}"
    with worker(body) as failing:
        failing.start()
        with pytest.raises(workers.WorkerError, match="RuntimeError: worn out"):
            failing.block(10)
    with worker("  return lambda: None, {}") as killed:
        killed.start()
        killed.process.kill()
        with pytest.raises(workers.WorkerError, match="was ended by signal 9"):
            killed.block(10)


def test_a_stopped_worker_ends_with_the_process_that_started_it():
    script = f"import sys\nfrom comparison import workers\nw = workers.Worker([sys.executable, '-c', {'from comparison import workers; workers.serve(lambda: (print, 0))'!r}], 30)\nw.start()\nprint(w.process.pid, flush=True)\nsys.stdin.read()"
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    pid = int(parent.stdout.readline())
    assert states(pid) == {"T"}
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(pid)


def is_running(pid):
    """Not so once it waits to be buried, by whoever inherits it."""
    try:
        return states(pid) != {"Z"}
    except (FileNotFoundError, ProcessLookupError):
        return False


# ---- Turns and ratios


class FakeWorker:
    def __init__(self, name, log, lasts=99):
        self.name, self.log, self.lasts = name, log, lasts

    def block(self, runs):
        self.log.append(self.name)
        if self.log.count(self.name) > self.lasts:
            raise workers.WorkerError("broke")
        return [float(len(self.log))] * runs


def test_another_worker_begins_each_round():
    log = []
    times = measuring.take_turns({name: FakeWorker(name, log) for name in "abc"}, 3, 2, None)
    assert "".join(log) == "abc" "bca" "cab"
    assert times == {"a": [[1.0] * 2, [6.0] * 2, [8.0] * 2], "b": [[2.0] * 2, [4.0] * 2, [9.0] * 2],
                     "c": [[3.0] * 2, [5.0] * 2, [7.0] * 2]}


def test_a_worker_that_fails_is_left_out():
    log, failures = [], []
    made = {"a": FakeWorker("a", log), "b": FakeWorker("b", log, lasts=1)}
    times = measuring.take_turns(made, 3, 1, lambda *failure: failures.append(failure))
    assert failures == [("b", "broke")]
    assert list(times) == ["a"] and len(times["a"]) == 3


def test_ratios_and_their_ranges():
    ours = measuring.summarize_times([[1.0, 2.0, 3.0], [2.0, 2.0, 4.0]])
    peer = measuring.summarize_times([[4.0, 4.0, 4.0], [3.0, 3.0, 9.0]])
    assert (ours["min_ms"], ours["median_ms"], ours["runs"], ours["block_median_ms"]) == (1.0, 2.0, 6, [2.0, 2.0])
    assert measuring.compare_times(peer, ours) == {"min": 3.0, "median": 2.0, "range": [1.5, 2.0]}


def made_row(name, group, kind, ratios, **faults):
    """Ratios by peer; what else an engine's entry holds by its name, with _ for -."""
    entries = {"tenon-fp32": {"min_ms": 1.0, "median_ms": 1.0, "block_median_ms": [1.0, 1.0], "compile_s": 0.5}}
    for peer, ratio in ratios.items():
        entries[peer] = {"min_ms": ratio, "median_ms": ratio, "block_median_ms": [ratio, 2 * ratio]}
    for engine, fault in faults.items():
        entries.setdefault(engine.replace("_", "-"), {}).update(fault)
    row = {"name": name, "group": group, "kind": kind, "engines": entries}
    measuring.add_ratios(row, measuring.compare_times, "min_ms")
    return row


ROWS = [
    made_row("small", "open", "fp32", {"ort": 2.0, "openvino-f32": 3.0}, openvino_int8={"skipped": "not a quantized model"}),
    made_row("large", "zoo", "fp32", {"ort": 8.0}, openvino_f32={"error": "no such operator"}),
    made_row("wrong", "zoo", "quantized", {"ort": 0.1, "openvino-f32": 0.5}, ort={"disagreement": "output 0 is off"}),
]


def test_means_leave_out_results_that_disagree():
    entries = {(e["peer"], e["group"]): e for e in measuring.summarize(ROWS)}
    of_ort = entries["ort", "all"]
    assert (of_ort["models"], of_ort["left_out"]) == (2, ["wrong"])
    assert of_ort["means"] == {"min": pytest.approx(4), "median": pytest.approx(4)}
    assert of_ort["lowest"] == {"name": "small", "median": 2.0}
    assert entries["ort", "quantized"]["models"] == 0
    assert "means" not in entries["ort", "quantized"]
    assert entries["openvino-f32", "all"]["means"]["min"] == pytest.approx(1.5**0.5)


def test_groups_of_the_same_models_are_told_once():
    groups = [e["group"] for e in measuring.summarize(ROWS) if e["peer"] == "ort"]
    assert groups == ["all", "open", "fp32", "zoo", "zoo fp32", "quantized"]


# ---- Agreement


def numbers(*values, dtype=np.float32):
    return np.array(values, dtype)


@pytest.mark.parametrize("got, expected, tolerance, right", [
    (numbers(1, 2), numbers(1.0005, 2), Tolerance(), True),
    (numbers(1, 2), numbers(1.01, 2), Tolerance(), False),
    (numbers(1, 2), numbers(1.01, 2), Tolerance(atols=[0.02]), True),
    (numbers(1, 2), numbers(1.01, 2), Tolerance(atols=[0.0]), False),
    (numbers(1, 2, 3, 4), numbers(1, 2, 3, 9), Tolerance(max_mismatch_fraction=0.25), True),
    (numbers(1, 2, 3, 4), numbers(1, 2, 8, 9), Tolerance(max_mismatch_fraction=0.25), False),
    (numbers(np.nan, np.inf), numbers(np.nan, np.inf), Tolerance(), True),
    (numbers(0, np.inf), numbers(np.nan, np.inf), Tolerance(), False),
    (numbers(1, -np.inf), numbers(1, np.inf), Tolerance(), False),
    (numbers(1, 2), numbers(1, 2, dtype=np.float64), Tolerance(), False),
    (numbers(1, 2), numbers(1, 2).reshape(1, 2), Tolerance(), False),
    (numbers(1, 2, dtype=np.int64), numbers(1, 3, dtype=np.int64), Tolerance(default_atol=5), False),
    (numbers(1, 2, dtype=np.int64), numbers(1, 3, dtype=np.int64), Tolerance(atols=[1.0]), True),
    (numbers("a", "b", dtype=object), numbers("a", "b", dtype=object), Tolerance(), True),
    (numbers("a", "b", dtype=object), numbers("a", "c", dtype=object), Tolerance(), False),
])
def test_agreement(got, expected, tolerance, right):
    assert (disagreement([got], [expected], tolerance) == "") == right


def test_agreement_needs_all_outputs():
    assert disagreement([], [numbers(1)], Tolerance()) == "0 outputs instead of 1"


def test_tolerances_of_folders(tmp_path):
    path = tmp_path / "tolerance.json"
    assert Tolerance.read(path) == Tolerance()
    path.write_text('{"rtol": 0.5, "max_mismatch_fraction": 0.25, "atol": [1, 2]}')
    assert Tolerance.read(path) == Tolerance(rtol=0.5, max_mismatch_fraction=0.25, atols=[1, 2])
    path.write_text('{"atol": 3}')
    assert Tolerance.read(path).atol(7) == 3


def test_bfloat16_has_a_wider_tolerance_but_not_for_integers():
    expected = [numbers(10, 1), numbers(1, 2, dtype=np.int64)]
    tolerance = Tolerance(atols=[0.001, 0]).widened(expected)
    assert disagreement([numbers(10.3, 1.3), expected[1]], expected, tolerance) == ""
    assert disagreement([numbers(10.3, 1.6), expected[1]], expected, tolerance) != ""
    assert disagreement([expected[0], numbers(1, 3, dtype=np.int64)], expected, tolerance) != ""


# ---- Engines by name


def test_peers_by_name(monkeypatch):
    assert engines.parse_peers("ort") == ["ort"]
    with pytest.raises(ValueError, match="unknown peer 'tvm'; there are ort, openvino-f32, openvino-bf16, openvino-int8"):
        engines.parse_peers("ort,tvm")
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None if name == "openvino" else name)
    with pytest.raises(ValueError, match="peer 'openvino-bf16' needs .* openvino, which is not installed; `scripts/setup --peers`"):
        engines.parse_peers("ort,openvino-bf16")


def test_int8_is_for_quantized_models():
    assert engines.why_unsuitable("openvino-int8", "fp32") == "not a quantized model"
    assert not engines.why_unsuitable("openvino-int8", "quantized")
    assert not engines.why_unsuitable("ort", "fp32")


def test_forms_of_tenon():
    forms = engines.parse_tenon_forms(["fp32", "half=--precision=bf16 --threads 1"])
    assert forms == {"tenon-fp32": "", "tenon-half": "--precision=bf16 --threads 1"}
    assert [engines.precision_of(options) for options in forms.values()] == ["f32", "bf16"]
    with pytest.raises(ValueError, match="unknown form 'fp8' of Tenon"):
        engines.parse_tenon_forms(["fp8"])


# ---- Whole comparisons


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """relu(x @ w), and what is right for it."""
    folder = tmp_path_factory.mktemp("models") / "small"
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((4, 16), np.float32), rng.standard_normal((16, 8), np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Relu", ["y"], ["z"])], "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 16])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [4, 8])], [numpy_helper.from_array(w, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "model.onnx")
    (data / "input_0.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(np.maximum(x @ w, 0), "z").SerializeToString())
    return folder


def arguments(**changes):
    values = {"cpus": sorted(os.sched_getaffinity(0))[:1], "forms": {"tenon-fp32": ""}, "peers": ["ort"], "blocks": 2,
              "runs": 3, "startup": False, "startup_rounds": 2, "target": None, "timeout": 60}
    return argparse.Namespace(**{**values, **changes})


def test_a_model_is_measured(folder):
    row = compare.compare(folder, "open", arguments(peers=["ort", "openvino-int8"]))
    assert (row["name"], row["group"], row["kind"]) == ("small", "open", "fp32")
    for engine in ("tenon-fp32", "ort"):
        entry = row["engines"][engine]
        assert entry["disagreement"] == "" and entry["runs"] == 6 and entry["min_ms"] > 0
    ratio = row["ratios"]["tenon-fp32"]["ort"]
    assert ratio["range"][0] <= ratio["range"][1] and ratio["min"] > 0
    assert row["engines"]["openvino-int8"] == {"skipped": "not a quantized model"}
    lines = tables.show(row).splitlines()
    assert len(lines) == 3 and "compiled in" in lines[0] and lines[2].endswith("not a quantized model")


def test_wrong_results_are_told(folder, tmp_path):
    wrong = shutil.copytree(folder, tmp_path / "wrong")
    path = wrong / "test_data_set_0" / "output_0.pb"
    output = numpy_helper.to_array(onnx.load_tensor(path))
    path.write_bytes(numpy_helper.from_array(output + np.float32(0.5), "z").SerializeToString())
    row = compare.compare(wrong, "open", arguments(blocks=1))
    for engine in ("tenon-fp32", "ort"):
        assert row["engines"][engine]["disagreement"].startswith("output 0 differs in 32 of 32 elements, by up to 0.5")
    assert "DISAGREES" in tables.show(row)
    assert all(entry["models"] == 0 for entry in measuring.summarize([row]))


def test_what_the_compiler_refuses_is_told(folder):
    row = compare.compare(folder, "open", arguments(forms={"tenon-odd": "--no-such-option"}))
    assert "--no-such-option" in row["engines"]["tenon-odd"]["error"]
    assert row["engines"]["ort"]["runs"] == 6 and row["ratios"] == {}


def test_start_up_is_measured(folder):
    if not (engines.BUILD / "bin" / "tenon-startup").exists():
        pytest.skip("tenon-startup is not built")
    row = compare.compare(folder, "open", arguments(startup=True))
    ours, peer = row["engines"]["tenon-fp32"], row["engines"]["ort"]
    assert 0 < ours["part_ms"] < ours["process_ms"] < peer["process_ms"]
    assert row["ratios"]["tenon-fp32"]["ort"]["process"] == peer["process_ms"] / ours["process_ms"]


def test_a_process_that_fails_to_start_up_says_why():
    with pytest.raises(RuntimeError, match="ended with status 5: so it is"):
        startup.time_process([sys.executable, "-c", "import sys; print('so it is', file=sys.stderr); sys.exit(5)"])


def test_names_may_be_patterns(folder):
    assert models.find_folders(folder.parent, ["sm*", "other"]) == [folder]
    assert models.find_folders(folder.parent, ["mall"]) == []
    assert models.find_folders(folder.parent, []) == [folder]


# ---- Reports

LSCPU = """Model name:            Some Processor
CPU(s):                8
Thread(s) per core:    2
L2 cache:              4 MiB (4 instances)
Flags:                 fpu avx2 avx512f avx512_vnni
Vulnerability L1tf:    Not affected
"""


def made_run(**changes):
    described = {**machine.parse_lscpu(LSCPU), "date": "2026-11-29T12:00:00+00:00", "threads": 1, "pinned_to": [3],
                 "kernel": "6.1", "python": "3.11"}
    return {"machine": described, "versions": {"tenon": "0.1", "onnxruntime": "1.2"}, "tenon": {"tenon-fp32": ""},
            "peers": ["ort", "openvino-f32", "openvino-bf16"], "blocks": 5, "runs": 8, "startup": False, **changes}


def test_the_header_tells_the_machine_and_what_it_lacks():
    run = made_run()
    text = "\n".join(machine.header(run["machine"], run["versions"], run["peers"]))
    for part in ("2026-11-29", "Some Processor", "CPU(s) 8", "L2 4 MiB", "has avx2, avx512f, avx512_vnni; lacks avx_vnni",
                 "1 thread(s) on CPUs 3", "onnxruntime 1.2", "no bf16 instructions: openvino-bf16"):
        assert part in text
    run["machine"]["features"].append("amx_bf16")
    assert "no bf16 instructions" not in "\n".join(machine.header(run["machine"], {}, run["peers"]))


def test_the_report_shows_what_failed_too():
    rows = [*ROWS, {"name": "broken", "group": "open", "error": "ValueError: odd"}]
    for row in rows[:3]:
        row["engines"]["openvino-bf16"] = {}
    text = report.report([json.loads(json.dumps(made_run(summary=measuring.summarize(rows[:3]), models=rows)))])
    assert "| small | fp32 | 1.000 | 2.000 | 2.00 / 2.00 (2.00–4.00) | 3.000 | 3.00 / 3.00 (3.00–6.00) | – | – |" in text
    assert "0.100 (disagrees)" in text
    assert "- Not run by openvino-f32: large (no such operator)." in text
    assert "- Disagreement of ort: wrong (output 0 is off)." in text
    assert "- Failed: broken (ValueError: odd)." in text
    assert "| 1 thread(s) | tenon-fp32, ort | all | 2 (1 left out) | 4.00 (min)" in text
