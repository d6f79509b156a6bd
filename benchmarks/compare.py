#!/usr/bin/env python3
"""Compares Tenon with ONNX Runtime (from PyPI): both in one process, their runs interleaved.

    compare.py [--threads N] [--rounds N] [--models DIR] [--zoo DIR] [--json FILE] [--startup] [NAME...]

Takes every folder of DIR ($TENON_MODELS or ../shared/models beside the repository) and of the zoo
(see zoo.py, which builds what is missing) that has model.onnx and test_data_set_0. A model gets a
process of its own, pinned to as many CPUs as there are threads. A round times each side once, over as
many runs as take some milliseconds, in alternating order. ONNX Runtime has all optimizations, bound
inputs and preallocated outputs; Tenon has the same through Model.bind. The ratio is ONNX Runtime's
time over ours: above 1 we are faster.

--startup measures instead, in fresh processes, from the start of a process to its first output: ours is
a C program that loads the binary, ONNX Runtime's a Python script. For both it also gives the part that
belongs to the model: load and first run, against session creation and first run. The ratio is the
strictest one: ONNX Runtime's part over our whole process.
"""
import argparse
import datetime
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))
sys.path[:0] = [str(BUILD / "python"), str(ROOT / "benchmarks")]


# ---- Models


def find_folders(roots, names):
    folders = []
    for root in roots:
        for folder in sorted(root.iterdir()) if root.is_dir() else []:
            if (folder / "model.onnx").exists() and (folder / "test_data_set_0").is_dir():
                if not names or folder.name in names:
                    folders.append(folder)
    return folders


def classify(model):
    """fp32, fp16, quantized, or ml for classical models."""
    kinds = {node.op_type for node in model.graph.node}
    kinds |= {n.op_type for node in model.graph.node for a in node.attribute for n in a.g.node}
    if any("Quantize" in k or "QLinear" in k or "Integer" in k or "NBits" in k for k in kinds):
        return "quantized"
    if any("TreeEnsemble" in k for k in kinds):
        return "ml"
    if any(t.data_type == 10 for t in model.graph.initializer):
        return "fp16"
    return "fp32"


def read_tensors(folder, prefix):
    import onnx
    from onnx import numpy_helper

    tensors = []
    while (path := folder / f"{prefix}_{len(tensors)}.pb").exists():
        tensor = onnx.TensorProto()
        tensor.ParseFromString(path.read_bytes())
        tensors.append(numpy_helper.to_array(tensor))
    return tensors


def largest_difference(got, want):
    """Of all outputs, relative to each one's largest value; infinity for another shape."""
    import numpy as np

    worst = 0.0
    for g, w in zip(got, want):
        if g.shape != w.shape:
            return math.inf
        if g.dtype.kind not in "fiub" or g.size == 0:
            continue
        g, w = g.astype(np.float64), w.astype(np.float64)
        scale = max(np.abs(w[np.isfinite(w)]).max(initial=0), 1e-30)
        same = (g == w) | (np.isnan(g) & np.isnan(w))
        worst = max(worst, float(np.max(np.where(same, 0, np.abs(g - w)) / scale)))
    return worst


# ---- The two sides


def make_ort(path, inputs, cpus):
    """Results, and a call that runs a session on bound inputs and outputs."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = len(cpus)
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    # Its threads would otherwise spin through our turn.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if len(cpus) > 1:  # the calling thread is the first one; its CPUs count from 1
        others = ";".join(str(cpu + 1) for cpu in cpus[1:])
        options.add_session_config_entry("session.intra_op_thread_affinities", others)
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    results = session.run(None, dict(zip(names, inputs)))
    if any(not hasattr(a, "dtype") or a.dtype.kind in "OUS" for a in [*inputs, *results]):
        feeds = dict(zip(names, inputs))  # strings and sequences cannot be bound
        return results, lambda: session.run(None, feeds)
    binding = session.io_binding()
    held = [ort.OrtValue.ortvalue_from_numpy(a) for a in [*inputs, *results]]
    for name, value in zip(names, held):
        binding.bind_ortvalue_input(name, value)
    for output, value in zip(session.get_outputs(), held[len(inputs):]):
        binding.bind_ortvalue_output(output.name, value)
    return results, lambda: session.run_with_iobinding(binding)


def make_ours(path, inputs, threads, target, library):
    """Compile time, load, first results, and a call that runs it on bound arrays."""
    import numpy as np
    import tenon

    start = time.perf_counter()
    model = tenon.compile(str(path), target=target, output=str(library))
    compile_seconds = time.perf_counter() - start
    del model
    model = tenon.load(str(library), threads=threads, pin=threads > 1)
    call = model.bind([np.asarray(a, order="C") for a in inputs])
    results = call()
    return compile_seconds, [results[o.name].copy() for o in model.outputs], call


# ---- Measuring


def time_runs(call, count):
    start = time.perf_counter_ns()
    for _ in range(count):
        call()
    return (time.perf_counter_ns() - start) / count / 1e6


def measure(sides, rounds, slice_ms):
    """Milliseconds per run for each side and round."""
    counts = []
    for call in sides:
        once = min(time_runs(call, 1) for _ in range(3))
        counts.append(max(1, min(1000, int(slice_ms / max(once, 1e-3)))))
    times = [[] for _ in sides]
    for i in range(rounds):
        order = range(len(sides)) if i % 2 == 0 else reversed(range(len(sides)))
        for k in order:
            times[k].append(time_runs(sides[k], counts[k]))
    return times


def work(folder, arguments):
    """Compares one model; runs in a process of its own and prints a JSON object."""
    import onnx

    cpus = sorted(os.sched_getaffinity(0))[: arguments.threads]
    os.sched_setaffinity(0, cpus)
    row = {"name": folder.name, "cpus": cpus}
    try:
        path = folder / "model.onnx"
        row["kind"] = classify(onnx.load(path, load_external_data=False))
        inputs = read_tensors(folder / "test_data_set_0", "input")
        expected, ort_call = make_ort(path, inputs, cpus)
        with tempfile.TemporaryDirectory() as scratch:
            row["compile_s"], got, our_call = make_ours(
                path, inputs, arguments.threads, arguments.target, Path(scratch) / "model.so")
            row["difference"] = largest_difference(got, expected)
            ort_times, our_times = measure([ort_call, our_call], arguments.rounds, arguments.slice_ms)
        row["ort"] = {"min_ms": min(ort_times), "median_ms": statistics.median(ort_times)}
        row["ours"] = {"min_ms": min(our_times), "median_ms": statistics.median(our_times)}
        row["ratio"] = {k[:-3]: row["ort"][k] / row["ours"][k] for k in ("min_ms", "median_ms")}
    except Exception as error:  # one model that fails is one row
        row["error"] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    print(json.dumps(row))


def work_startup(folder, arguments):
    """Like work, for the time to the first output."""
    row = {"name": folder.name}
    try:
        import numpy as np
        import tenon

        path = folder / "model.onnx"
        inputs = [np.asarray(a, order="C") for a in read_tensors(folder / "test_data_set_0", "input")]
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch)
            tenon.compile(str(path), target=arguments.target, output=str(scratch / "model.so"))
            command = [str(BUILD / "bin" / "tenon-startup"), str(scratch / "model.so")]
            for i, array in enumerate(inputs):
                array.tofile(scratch / f"{i}.raw")
                command.append("x".join(map(str, array.shape)) + f":{scratch / f'{i}.raw'}")
            sides = {"ours": command, "ort": [sys.executable, __file__, "--ort-startup", str(folder)]}
            times = {side: [] for side in sides}
            for _ in range(arguments.startup_rounds):
                for side, line in sides.items():
                    times[side].append(time_process(line))
        for side, pairs in times.items():
            whole, part = (statistics.median(t) for t in zip(*pairs))
            row[side] = {"median_ms": part, "process_ms": whole}
        row["ratio"] = {"median": row["ort"]["median_ms"] / row["ours"]["process_ms"],
                        "load_and_run": row["ort"]["median_ms"] / row["ours"]["median_ms"],
                        "process": row["ort"]["process_ms"] / row["ours"]["process_ms"]}
    except Exception as error:
        row["error"] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    print(json.dumps(row))


def time_process(command):
    """Milliseconds from its start to its first output, and of that from loading the model on."""
    reader, writer = os.pipe()
    start = time.monotonic_ns()
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1)]
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    os.close(writer)
    with os.fdopen(reader) as output:
        text = output.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"{command[0]} failed")
    begun, done = map(int, text.split())
    return (done - start) / 1e6, (done - begun) / 1e6


def print_ort_startup(folder):
    import onnxruntime as ort

    inputs = read_tensors(folder / "test_data_set_0", "input")
    start = time.monotonic_ns()
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(str(folder / "model.onnx"), options,
                                   providers=["CPUExecutionProvider"])
    session.run(None, dict(zip([i.name for i in session.get_inputs()], inputs)))
    print(start, time.monotonic_ns())


# ---- Reporting


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def show(row, width):
    if "error" in row:
        return f"{row['name']:{width}}  {row['error'][:110]}"
    parts = [f"{row['name']:{width}}"]
    if "min_ms" in row["ort"]:
        parts += [f"{row['ort']['min_ms']:9.3f} {row['ours']['min_ms']:9.3f} {row['ratio']['min']:6.2f}"]
    ours = row["ours"].get("process_ms", row["ours"]["median_ms"])
    parts += [f"{row['ort']['median_ms']:9.3f} {ours:9.3f} {row['ratio']['median']:6.2f}"]
    if "process_ms" in row["ort"]:
        parts += [f"{row['ours']['median_ms']:9.3f} {row['ratio']['load_and_run']:7.2f}",
                  f"{row['ort']['process_ms']:9.1f} {row['ratio']['process']:6.2f}"]
    if "compile_s" in row:
        parts.append(f"{row['compile_s']:6.1f}")
    if row.get("difference", 0) > 1e-3 and row["kind"] != "quantized":
        parts.append(f"differs by {row['difference']:.1e}")
    return "  ".join(parts)


def summarize(rows):
    """Geometric means and worst ratios by group."""
    groups = {}
    for row in rows:
        if "ratio" not in row:
            continue
        keys = ["all", row["group"]]
        if row.get("kind") == "fp32":
            keys += ["fp32", row["group"] + " fp32"]
        for key in keys:
            groups.setdefault(key, []).append(row)
    summary = {}
    for key, members in sorted(groups.items()):
        worst = min(members, key=lambda r: r["ratio"]["median"])
        summary[key] = {
            "models": len(members),
            **{f"geomean_{k}": geometric_mean([r["ratio"][k] for r in members])
               for k in members[0]["ratio"]},
            "worst": worst["name"], "worst_median": worst["ratio"]["median"]}
    return summary


def run_worker(folder, arguments):
    command = [sys.executable, __file__, "--work", str(folder), *sys.argv[1:]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=arguments.timeout)
    except subprocess.TimeoutExpired:
        return {"name": folder.name, "error": f"took more than {arguments.timeout} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        return json.loads(lines[-1])
    tail = (done.stderr.strip().splitlines() or [""])[-1]
    return {"name": folder.name, "error": f"exit status {done.returncode}: {tail}"[:300]}


def versions():
    import numpy
    import onnx
    import onnxruntime
    import tenon

    return {"tenon": tenon.__version__, "onnxruntime": onnxruntime.__version__,
            "onnx": onnx.__version__, "numpy": numpy.__version__,
            "python": platform.python_version(), "kernel": platform.release()}


def parse_arguments():
    import zoo

    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--slice-ms", type=float, default=5, help="what one side takes in a round, at least")
    models = Path(os.environ.get("TENON_MODELS") or ROOT.parent / "shared" / "models")
    parser.add_argument("--models", type=Path, default=models, help=f"default: {models}")
    parser.add_argument("--zoo", type=Path, default=zoo.default_dir())
    parser.add_argument("--no-zoo", action="store_true")
    parser.add_argument("--target", help="as of tenon compile; default: this CPU")
    parser.add_argument("--json", type=Path, help="where the results go as JSON")
    parser.add_argument("--startup", action="store_true", help="time to first output instead")
    parser.add_argument("--startup-rounds", type=int, default=7)
    parser.add_argument("--timeout", type=int, default=900, help="seconds for one model")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ort-startup", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these models")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.ort_startup:
        return print_ort_startup(arguments.ort_startup)
    if arguments.work:
        return (work_startup if arguments.startup else work)(arguments.work, arguments)

    import zoo

    if not arguments.no_zoo:
        for name in zoo.MODELS:
            if not arguments.names or name in arguments.names:
                zoo.build(name, arguments.zoo)
    folders = [(f, "open") for f in find_folders([arguments.models], arguments.names)]
    if not arguments.no_zoo:
        folders += [(f, "zoo") for f in find_folders([arguments.zoo], arguments.names)]
    if not folders:
        sys.exit(f"no models in {arguments.models} or {arguments.zoo}")

    width = max(len(f.name) for f, _ in folders)
    what = "first output" if arguments.startup else f"{arguments.threads} thread(s), {arguments.rounds} rounds"
    print(f"{datetime.date.today()}  {cpu_name()}  {what}; times in ms, ratio = ONNX Runtime / Tenon")
    if arguments.startup:
        print(f"{'':{width}}  {'ORT part':>9} {'process':>9} {'ratio':>6}  {'our part':>9} {'ratio':>7}"
              f"  {'ORT proc':>9} {'ratio':>6}")
    else:
        print(f"{'':{width}}  {'ORT min':>9} {'ours':>9} {'ratio':>6}  {'ORT med':>9} {'ours':>9} "
              f"{'ratio':>6}  compile s")
    rows = []
    for folder, group in folders:
        row = {**run_worker(folder, arguments), "group": group}
        rows.append(row)
        print(show(row, width), flush=True)

    summary = summarize(rows)
    print()
    for key, s in summary.items():
        means = ", ".join(f"{v:.3f} ({k[8:]})" for k, v in s.items() if k.startswith("geomean"))
        print(f"{key:{width}}  geometric mean {means} over {s['models']}; "
              f"lowest {s['worst_median']:.2f} ({s['worst']})")
    failed = [r["name"] for r in rows if "error" in r]
    print(f"{len(rows) - len(failed)} compared, {len(failed)} failed")
    if arguments.json:
        result = {"date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
                  "cpu": cpu_name(), "cpus": os.cpu_count(), "threads": arguments.threads,
                  "rounds": arguments.rounds, "startup": arguments.startup, "versions": versions(),
                  "summary": summary, "models": rows}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
