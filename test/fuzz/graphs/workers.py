"""Processes that compile and run cases, and may crash or hang while they do.

A worker gets a job, says what it is doing, and answers with a finding. If it dies, or is silent for too long, the
job it had is the culprit, and another worker takes its place.
"""

import ctypes
import mmap
import multiprocessing
import os
import signal
import tempfile
import time
import warnings
from multiprocessing.connection import wait

import numpy as np

from .findings import Finding, check

_context = multiprocessing.get_context("fork")
_libc = ctypes.CDLL(None, use_errno=True)
# Jobs before a worker is replaced: compiled models and the compiler's own memory add up.
JOBS_EACH = 400
GIGABYTES = 6


def guarded(array):
    """A copy whose last byte is followed by memory that cannot be read; arrays of objects as they are."""
    if array.dtype.hasobject:
        return array
    page = mmap.PAGESIZE
    length = max(1, -(-array.nbytes // page)) * page
    memory = mmap.mmap(-1, length + page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if _libc.mprotect(ctypes.c_void_p(address + length), ctypes.c_size_t(page), 0):
        raise OSError(ctypes.get_errno(), "mprotect")
    copy = np.frombuffer(memory, np.uint8, array.nbytes, length - array.nbytes).view(array.dtype).reshape(array.shape)
    if array.size:
        copy[...] = array
    return copy


class Guard:
    """Makes inputs guarded, and while it is entered outputs too, for which Tenon asks numpy for memory."""

    def __call__(self, array):
        return guarded(array)

    def __enter__(self):
        self.empty = np.empty
        np.empty = lambda shape, dtype: guarded(self.empty(shape, dtype))

    def __exit__(self, *error):
        np.empty = self.empty


def serve(connection, log, work):
    """The worker's life."""
    import resource

    warnings.simplefilter("ignore")
    os.dup2(log, 1)
    os.dup2(log, 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not os.environ.get("TENON_SANITIZED"):
        resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES << 30, GIGABYTES << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        connection.send(("done", work(job, lambda text: connection.send(("stage", text)))))


class Worker:
    def __init__(self, work):
        self.log = tempfile.TemporaryFile()
        self.connection, theirs = _context.Pipe()
        self.process = _context.Process(target=serve, args=(theirs, self.log.fileno(), work), daemon=True)
        self.process.start()
        theirs.close()
        self.job = None
        self.jobs = 0

    def give(self, job):
        self.job, self.stage, self.since = job, "generating", time.monotonic()
        self.log.truncate(0)
        self.jobs += 1
        self.connection.send(job)

    def complaint(self):
        """The first line that the process left behind, but for LLVM's pleas."""
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").replace("\0", "").splitlines()
        lines = [line.strip() for line in lines if line.strip() and not line.startswith(("PLEASE", "Stack dump"))]
        telling = [line for line in lines if "Assertion" in line or "ERROR:" in line or "runtime error" in line]
        return (telling or lines or [""])[0][:300]

    def end(self):
        self.process.kill()
        self.process.join()
        self.connection.close()
        self.log.close()


def run(jobs, work, count, limit=60):
    """Yields (job, answer) as they come; a dead worker's answer is a Finding."""
    jobs = iter(jobs)
    workers = [Worker(work) for _ in range(count)]

    def feed(worker):
        job = next(jobs, None)
        if job is None:
            worker.job = None
            return
        worker.give(job)

    try:
        for worker in workers:
            feed(worker)
        while any(worker.job is not None for worker in workers):
            busy = [worker for worker in workers if worker.job is not None]
            wait([worker.connection for worker in busy], timeout=1)
            for worker in busy:
                answer = _listen(worker, limit)
                if answer is None:
                    continue
                job, (answer, alive) = worker.job, answer
                if not alive or worker.jobs >= JOBS_EACH:
                    worker.end()
                    workers[workers.index(worker)] = worker = Worker(work)
                feed(worker)
                yield job, answer
    finally:
        for worker in workers:
            worker.end()


def _listen(worker, limit):
    """(answer, whether the worker lives on), or None while it works."""
    try:
        while worker.connection.poll():
            kind, content = worker.connection.recv()
            if kind == "done":
                return content, True
            worker.stage = content
    except (EOFError, ConnectionResetError):
        worker.process.join()
        code = worker.process.exitcode
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        kind = "tool" if worker.stage == "generating" else "crash"
        return Finding(kind, f"{name} while {worker.stage}: {worker.complaint()}"), False
    if time.monotonic() - worker.since > limit:
        return Finding("hang", f"not done after {limit} s while {worker.stage}"), False
    return None


def isolated(function, otherwise):
    """What `function` gives in a process of its own; `otherwise` if that dies."""
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=lambda: theirs.send(function()))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        return otherwise
    finally:
        process.join()


def check_case(case, backend, limit=60):
    """`check` of one case in a process of its own."""
    for _, answer in run([case], lambda case, stage: check(case, backend, stage, Guard()), 1, limit):
        return answer
