"""The time to the first output, in fresh processes.

Ours is a C program that loads the compiled model (tenon-startup), a peer's is this file as a program. Both
print when loading began and when the outputs were there, on the clock that all processes share."""
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from .processes import environment, with_last_line


def tenon_command(build, library, inputs, scratch):
    command = [str(build / "bin" / "tenon-startup"), str(library)]
    for i, array in enumerate(inputs):
        path = scratch / f"{i}.raw"
        array.tofile(path)
        command.append("x".join(map(str, array.shape)) + f":{path}")
    return command


def peer_command(peer, folder):
    return [sys.executable, "-m", "comparison.startup", peer, str(folder)]


def time_process(command):
    """Milliseconds from its start to its first output, and of that from loading the model on."""
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as noise:
        start = time.monotonic_ns()
        actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, noise.fileno(), 2)]
        child = os.posix_spawnp(command[0], command, environment(), file_actions=actions)
        os.close(writer)
        with os.fdopen(reader) as output:
            text = output.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            raise RuntimeError(with_last_line(f"ended with status {status}", noise))
    begun, done = map(int, text.split()[-2:])
    return (done - start) / 1e6, (done - begun) / 1e6


def measure(commands, rounds, failed):
    """{name: {"process_ms": ..., "part_ms": ...}}, medians; the processes take turns."""
    times = {name: [] for name in commands}
    for _ in range(rounds):
        for name in list(times):
            try:
                times[name].append(time_process(commands[name]))
            except (RuntimeError, ValueError) as error:
                failed(name, str(error))
                del times[name]
    return {name: dict(zip(("process_ms", "part_ms"), map(statistics.median, zip(*pairs))))
            for name, pairs in times.items()}


def compare(peer, ours):
    """The strictest ratio, then like with like."""
    return {"median": peer["part_ms"] / ours["process_ms"], "load_and_run": peer["part_ms"] / ours["part_ms"],
            "process": peer["process_ms"] / ours["process_ms"]}


def print_first_output(peer, folder):
    from . import engines, models

    engine = engines.make({"engine": peer}, sorted(os.sched_getaffinity(0))[:1])
    inputs = models.read_inputs(folder)
    __import__(engine.package)  # belongs to the process, not to the model
    start = time.monotonic_ns()
    engine.load(folder / "model.onnx")
    engine.run(inputs)
    print(start, time.monotonic_ns())


if __name__ == "__main__":
    print_first_output(sys.argv[1], Path(sys.argv[2]))
