"""Results of instructions from a real GPU, which the simulated one is compared with.

    golden.py take  [--driver FILE] [--output FILE]   runs every instruction that the GPU has, and writes what it gave
    golden.py check [--driver FILE] [FILE]            compares a driver's results, by default the simulator's, with the file

Instructions are in instructions.py; each runs on random words, the same ones everywhere. The file is test/cuda/golden.json; without it
`check` says that none was taken.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from device import Device, Fault, Launch, Simulator
from instructions import INSTRUCTIONS, make_inputs, make_ptx

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))
SIMULATOR = BUILD / "lib" / "libtenon_cuda_sim.so"
FILE = Path(__file__).resolve().parent / "golden.json"
ROUNDS = 4


def run(device, entry, seed, capability):
    results = np.zeros((entry.threads, entry.outputs), np.uint32)
    target = "sm_90a" if capability == 90 else f"sm_{min(capability, entry.since if entry.since < 90 else capability)}"
    launch = Launch(maps=[entry.map] if entry.map else [])
    device.run(make_ptx(entry, target), [make_inputs(entry, seed)], [results], 1, launch)
    return results


def take(options):
    device = Device(options.driver)
    device.open()
    capability = device.capability()
    if "simulated" in device.name() and options.output == FILE:
        sys.exit("the simulated GPU gives no golden results: --output says where else they go")
    taken = {}
    for name, entry in INSTRUCTIONS.items():
        if entry.runs_on(capability):
            taken[name] = [run(device, entry, seed, capability).tobytes().hex() for seed in range(ROUNDS)]
    origin = {"device": device.name(), "capability": capability, "driver": device.driver_version()}
    options.output.write_text(json.dumps({**origin, "results": taken}, indent=0) + "\n")
    print(f"{options.output}: {len(taken)} instructions of {origin['device']}")
    return 0


def decode(words, kind):
    if kind in ("f32", "f16"):
        return words.view(np.float32 if kind == "f32" else np.float16).astype(np.float64)
    return words


def compare(entry, expected, found):
    """What is wrong; empty if nothing is."""
    if not entry.tolerance:
        wrong = np.argwhere(expected != found)
        if len(wrong) == 0:
            return ""
        lane, word = wrong[0]
        return f"lane {lane}, word {word}: {found[lane, word]:#x} instead of {expected[lane, word]:#x}"
    expected, found = decode(expected, entry.result), decode(found, entry.result)
    scale = max(1.0, np.abs(expected[np.isfinite(expected)]).max(initial=0))
    error = np.nanmax(np.abs(expected - found)) / scale
    return f"differs by {error:.3g} of the largest result" if error > entry.tolerance else ""


def check(options):
    if not options.file.exists():
        print("no results of a real GPU were taken yet: golden.py take, where there is one")
        return 0
    golden = json.loads(options.file.read_text())
    capability = golden["capability"]
    if options.driver == SIMULATOR:
        device = Simulator(options.driver, "sm_90a" if capability == 90 else f"sm_{capability}")
    else:
        device = Device(options.driver)
        device.open()
    wrong = 0
    for name, rounds in golden["results"].items():
        entry = INSTRUCTIONS[name]
        for seed, text in enumerate(rounds):
            expected = np.frombuffer(bytes.fromhex(text), np.uint32).reshape(entry.threads, entry.outputs)
            try:
                problem = compare(entry, expected, run(device, entry, seed, capability))
            except Fault as fault:
                problem = str(fault)
            if problem:
                wrong += 1
                print(f"{name}, seed {seed}: {problem}")
    print(f"{len(golden['results'])} instructions of {golden['device']}: {wrong} results differ")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    taking, checking = commands.add_parser("take"), commands.add_parser("check")
    taking.add_argument("--driver", type=Path, default=Path("libcuda.so.1"))
    taking.add_argument("--output", type=Path, default=FILE)
    checking.add_argument("--driver", type=Path, default=SIMULATOR)
    checking.add_argument("file", type=Path, nargs="?", default=FILE)
    options = parser.parse_args()
    sys.exit(take(options) if options.command == "take" else check(options))


if __name__ == "__main__":
    main()
