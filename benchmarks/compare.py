#!/usr/bin/env python3
"""Compares Tenon with its peers, ONNX Runtime and OpenVINO, each in a process of its own.

    compare.py [--threads N] [--peers LIST] [--tenon FORM] [--models DIR] [--zoo DIR] [--json FILE] [NAME...]
    compare.py --startup ...
    compare.py --device cuda --peers ort-cuda,torch-cuda ...

Takes every folder of DIR ($TENON_MODELS or ../shared/models beside the repository) and of the zoo (see
zoo.py, which builds what is missing) that has model.onnx and test_data_set_0. For each model every engine
has a process, pinned to as many CPUs as there are threads, the same ones for all. They take turns: one runs a
block of runs while the others are stopped (comparison/workers.py). Outputs are compared with the reference
outputs of the folder; an engine that disagrees, or that cannot load the model, is shown as such and does not
count in the means. A ratio is the peer's time over ours: above 1 we are faster.

Peers: ort; openvino-f32 and openvino-bf16, whose float arithmetic has this precision; openvino-int8, quantized
models only, where OpenVINO chooses the precision of what is not quantized.

--device names what runs Tenon's code, as for `tenon bench`: cuda, the simulated GPU (cuda-sim), or a driver's file. Models
are compiled for that GPU, and each run begins and ends in the host's memory. Peers there: ort-cuda; torch-cuda,
which is torch.compile with max-autotune on what onnx2torch makes of a model.
Zoo models with _b32 at their names have a batch of 32: compare.py --device cuda 'resnet50*' 'bert_base*'.

--startup measures instead, in fresh processes, from the start of a process to its first output: ours is
a C program that loads the binary, a peer's a Python script. For both it also gives the part that
belongs to the model, load and first run. The first ratio is the strictest one: the peer's part over our whole
process.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zoo
from comparison import engines, machine, measuring, models, startup, tables, workers

ROOT = engines.ROOT
TENON = engines.BUILD / "bin" / "tenon"


def compile_model(path, library, options, arguments):
    """Seconds; a RuntimeError has the compiler's message."""
    command = [str(TENON), "compile", str(path), "-o", str(library), *options.split()]
    if arguments.target:
        command += ["--target", arguments.target]
    start = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=arguments.timeout)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"compiling took more than {arguments.timeout} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"tenon compile ended with status {done.returncode}"]
        first = next((line for line in lines if "error: " in line), lines[-1])
        raise RuntimeError(first.removeprefix("tenon: error: ").removeprefix(f"{path}: ")[:300])
    return time.perf_counter() - start


def describe_engines(folder, kind, scratch, arguments):
    """What a worker needs for each engine, and the beginnings of their entries in the row."""
    specs, entries = {}, {}
    common = {"folder": str(folder), "cpus": arguments.cpus}
    for label, options in arguments.forms.items():
        library = scratch / f"{label}.so"
        try:
            seconds = compile_model(folder / "model.onnx", library, options, arguments)
            entries[label] = {"compile_s": seconds}
            specs[label] = {**common, "engine": label, "library": str(library), "options": options}
        except RuntimeError as error:
            entries[label] = {"error": str(error)}
    for peer in arguments.peers:
        reason = engines.why_unsuitable(peer, kind)
        entries[peer] = {"skipped": reason} if reason else {}
        if not reason:
            specs[peer] = {**common, "engine": peer}
    return specs, entries


def measure_runs(specs, entries, arguments):
    """Loads the engines one after the other, then lets them take turns."""
    failed = lambda name, cause: entries[name].update(error=cause)  # noqa: E731
    with contextlib.ExitStack() as stack:
        running = {}
        for name, spec in specs.items():
            worker = stack.enter_context(workers.Worker.opened(workers.engine_command(spec), arguments.timeout))
            try:
                entries[name].update(worker.start())
                running[name] = worker
            except workers.WorkerError as error:
                failed(name, str(error))
        times = measuring.take_turns(running, arguments.blocks, arguments.runs, failed)
    for name, blocks in times.items():
        entries[name].update(measuring.summarize_times(blocks))


def measure_startup(specs, entries, folder, scratch, arguments):
    inputs = models.read_inputs(folder)
    commands = {}
    for name, spec in specs.items():
        commands[name] = (startup.tenon_command(engines.BUILD, spec["library"], inputs, scratch)
                          if "library" in spec else startup.peer_command(name, folder))
    failed = lambda name, cause: entries[name].update(error=cause)  # noqa: E731
    for name, times in startup.measure(commands, arguments.startup_rounds, failed).items():
        entries[name].update(times)


def compare(folder, group, arguments):
    """The row of one model."""
    import onnx

    row = {"name": folder.name, "group": group}
    try:
        row["kind"] = models.classify(onnx.load(folder / "model.onnx", load_external_data=False))
        with tempfile.TemporaryDirectory(prefix="tenon-compare-") as scratch:
            specs, row["engines"] = describe_engines(folder, row["kind"], Path(scratch), arguments)
            if arguments.startup:
                measure_startup(specs, row["engines"], folder, Path(scratch), arguments)
                measuring.add_ratios(row, startup.compare, "process_ms")
            else:
                measure_runs(specs, row["engines"], arguments)
                measuring.add_ratios(row, measuring.compare_times, "min_ms")
    except Exception as error:  # one model that fails is one row
        row["error"] = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return row


def find_models(arguments):
    """Folders with their group; builds what is missing in the zoo."""
    found = [(f, "open") for f in models.find_folders(arguments.models, arguments.names)]
    if not arguments.no_zoo:
        for name in zoo.NAMES:
            # Quantized forms and batches take long to make, so only those that are asked for.
            if models.matches(name, arguments.names) and (arguments.names or name in zoo.MODELS):
                zoo.build(name, arguments.zoo)
        found += [(f, "zoo") for f in models.find_folders(arguments.zoo, arguments.names)]
    return found


def versions(arguments):
    text = subprocess.run([TENON, "--version"], capture_output=True, text=True, check=True).stdout
    packages = {engines.PEERS[peer][0].package for peer in arguments.peers}
    return {"tenon": text.split()[-1], **machine.versions([*sorted(packages), "onnx", "numpy"])}


def use_device(arguments):
    """Lets the runtime, in all processes, open that driver, and compiles for its GPU."""
    from gemm.driver import TARGETS, Driver

    paths = {"cuda": "libcuda.so.1", "cuda-sim": str(engines.BUILD / "lib" / "libtenon_cuda_sim.so")}
    path = paths.get(arguments.device, arguments.device)
    os.environ["TENON_CUDA_DRIVER"] = path
    arguments.target = arguments.target or f"cuda:{TARGETS[Driver(path).capability]}"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers", default="ort", help=f"comma separated, of {', '.join(engines.PEERS)}")
    parser.add_argument("--tenon", action="append", metavar="FORM",
                        help="fp32 (the default), or NAME=OPTIONS with options of tenon compile; may be repeated")
    parser.add_argument("--blocks", type=int, default=5, help="turns of each engine")
    parser.add_argument("--runs", type=int, default=8, help="in a block, each of at least a millisecond")
    default = Path(os.environ.get("TENON_MODELS") or ROOT.parent / "shared" / "models")
    parser.add_argument("--models", type=Path, default=default, help=f"default: {default}")
    parser.add_argument("--zoo", type=Path, default=zoo.default_dir())
    parser.add_argument("--no-zoo", action="store_true")
    parser.add_argument("--target", help="as of tenon compile; default: this CPU, or the GPU of --device")
    parser.add_argument("--device", help="cuda, cuda-sim, or a library with the driver's functions")
    parser.add_argument("--json", type=Path, help="where the results go as JSON")
    parser.add_argument("--startup", action="store_true", help="time to first output instead")
    parser.add_argument("--startup-rounds", type=int, default=7)
    parser.add_argument("--timeout", type=int, default=900, help="seconds for loading, or for one block")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these models; may have * and ?")
    arguments = parser.parse_args()
    if arguments.blocks * arguments.runs < measuring.FEWEST_RUNS:
        parser.error(f"--blocks times --runs must be at least {measuring.FEWEST_RUNS}")
    if not TENON.exists():
        parser.error(f"there is no {TENON}; build it, or set TENON_BUILD_DIR")
    try:
        arguments.peers = engines.parse_peers(arguments.peers)
        arguments.forms = engines.parse_tenon_forms(arguments.tenon or ["fp32"])
    except ValueError as error:
        parser.error(str(error))
    if arguments.device:
        use_device(arguments)
    arguments.cpus = sorted(os.sched_getaffinity(0))[: arguments.threads]
    if len(arguments.cpus) < arguments.threads:
        parser.error(f"--threads {arguments.threads}, but this process may use {len(arguments.cpus)} CPUs")
    return arguments


def main():
    arguments = parse_arguments()
    folders = find_models(arguments)
    if not folders:
        sys.exit(f"no such models in {arguments.models} or {arguments.zoo}")
    if not arguments.startup:
        os.sched_setaffinity(0, arguments.cpus)  # inherited by all that is started from here on

    run = {"machine": machine.describe(arguments.threads, [] if arguments.startup else arguments.cpus),
           "versions": versions(arguments), "peers": arguments.peers, "tenon": arguments.forms,
           "blocks": arguments.blocks, "runs": arguments.runs, "startup": arguments.startup}
    print("\n".join(machine.header(run["machine"], run["versions"], arguments.peers)))
    print("\n" + tables.title(arguments.startup))
    rows = []
    for folder, group in folders:
        rows.append(compare(folder, group, arguments))
        print(tables.show(rows[-1]), flush=True)
        run |= {"summary": measuring.summarize(rows), "models": rows}
        if arguments.json:  # each time, since all models together take an hour
            arguments.json.write_text(json.dumps(run, indent=1) + "\n")
    print()
    for entry in run["summary"]:
        print(tables.show_summary(entry))


if __name__ == "__main__":
    main()
