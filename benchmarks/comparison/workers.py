"""Processes that each hold one engine with one model loaded, of which never more than one runs.

Engines that share a process evict each other's caches and leave threads behind that spin. So each has a
process of its own, which is stopped (SIGSTOP) with all its threads whenever it is not its turn: it keeps its
model, and takes no time of a CPU. The kernel reports a process as stopped once none of its threads runs any
more, and `pause` waits for that.

A worker reads commands from its standard input and answers on its standard output, one JSON object per
line. It first says {"ready": DETAILS}, or {"error": TEXT}. To {"runs": N} it answers {"ms": [...]}, the times
of N runs. The end of its input ends it, and so does the death of the process that started it.
"""
import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .processes import environment, with_last_line

# A timed run is as many as take this long, since clocks and calls take time too.
SHORTEST_RUN_MS = 1.0
# Before a block, until caches hold the engine's data again.
WARM_UP_MS = 20.0


# ---- In the worker


def time_runs(call, count):
    """Milliseconds per run."""
    start = time.perf_counter_ns()
    for _ in range(count):
        call()
    return (time.perf_counter_ns() - start) / count / 1e6


def run_block(call, runs):
    """The times of `runs` runs after some that do not count."""
    start = time.perf_counter()
    once = time_runs(call, 1)
    while (time.perf_counter() - start) * 1e3 < WARM_UP_MS:
        once = min(once, time_runs(call, 1))
    repeat = max(1, min(1000, int(SHORTEST_RUN_MS / max(once, 1e-4))))
    return [time_runs(call, repeat) for _ in range(runs)]


def serve(prepare):
    """Answers commands until their end. `prepare` returns the call to time, and details for the other side."""
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG: a stopped process notices nothing else
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what engines print is no answer

    def answer(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        call, details = prepare()
        gc.collect()
        gc.disable()
        answer({"ready": details})
        for line in sys.stdin:
            answer({"ms": run_block(call, json.loads(line)["runs"])})
    except Exception as error:  # an engine that fails is a result
        answer({"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]})


def prepare_engine(spec):
    """Loads a model, runs it, and compares its outputs with the reference."""
    from . import agreement, engines, models

    folder = Path(spec["folder"])
    engine = engines.make(spec, spec["cpus"])
    inputs = models.read_inputs(folder)
    start = time.perf_counter()
    engine.load(folder / "model.onnx")
    call, results = engine.bind(inputs)
    details = {"load_s": time.perf_counter() - start, "notes": engine.notes}
    expected = models.read_tensors(folder / "test_data_set_0", "output")
    tolerance = agreement.Tolerance.read(folder / "tolerance.json")
    if engine.precision == "bf16":
        tolerance = tolerance.widened(expected)
    return call, {**details, "disagreement": agreement.disagreement(results(), expected, tolerance)}


# ---- In the process that compares


class WorkerError(RuntimeError):
    """A worker that cannot do what it was told; says why."""


def engine_command(spec):
    """The command line of a worker for an engine (see prepare_engine)."""
    return [sys.executable, "-m", "comparison.workers", json.dumps(spec)]


class Worker:
    """A worker from this side. It is stopped but for the time of `start` and `block`."""

    def __init__(self, command, timeout):
        self.timeout = timeout
        self.noise = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.noise, env=environment())
        self.unread = b""

    @classmethod
    @contextlib.contextmanager
    def opened(cls, command, timeout):
        worker = cls(command, timeout)
        try:
            yield worker
        finally:
            worker.close()

    def start(self):
        """Waits until the model is loaded; returns the details."""
        details = self._read("ready")
        self.pause()
        return details

    def block(self, runs):
        """The times of some runs, in milliseconds."""
        self.resume()
        try:
            self.process.stdin.write(json.dumps({"runs": runs}).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(self._end()) from None
        times = self._read("ms")
        self.pause()
        return times

    def pause(self):
        """Returns when none of its threads runs."""
        os.kill(self.process.pid, signal.SIGSTOP)
        # An end is looked at only, so that Popen learns of it, too.
        peek = os.WSTOPPED | os.WEXITED | os.WNOWAIT
        if os.waitid(os.P_PID, self.process.pid, peek).si_code != os.CLD_STOPPED:
            raise WorkerError(self._end())
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()  # it holds nothing that needs an orderly end
            self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.noise.close()

    def _read(self, key):
        message = json.loads(self._read_line())
        if key not in message:
            raise WorkerError(message.get("error", f"answered {message}"))
        return message[key]

    def _read_line(self):
        deadline = time.monotonic() + self.timeout
        while b"\n" not in self.unread:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise WorkerError(f"took more than {self.timeout} s")
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise WorkerError(self._end())
            self.unread += data
        line, self.unread = self.unread.split(b"\n", 1)
        return line

    def _end(self):
        """How it ended, and the last that it printed."""
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            return "closed its output without ending"
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return with_last_line(how, self.noise)


if __name__ == "__main__":
    serve(lambda: prepare_engine(json.loads(sys.argv[1])))
