"""Models that the fuzzer of integer contractions saves for another machine, checked on this one."""

import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

import fuzz_contractions  # noqa: E402


def check(folder, *arguments):
    return subprocess.run([folder / "check", *arguments], capture_output=True, text=True)


def test_saved_models_tell_right_from_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["fuzz_contractions.py", "--count", "14", "--save", str(tmp_path)])
    assert not fuzz_contractions.main()

    right = check(tmp_path)
    assert (right.returncode, right.stdout) == (0, "2 models, 0 failed\n"), right.stderr

    # In place of an emulator, a program that runs another one.
    emulated = check(tmp_path, "2", "env", "--")
    assert (emulated.returncode, emulated.stdout) == (0, "2 models, 0 failed\n"), emulated.stderr
    absent = check(tmp_path, "2", "/absent/emulator")
    assert absent.returncode == 1

    expected = tmp_path / "from-node12" / "expected" / "node13.npy"
    array = np.load(expected)
    array.flat[-1] ^= 1
    np.save(expected, array)
    wrong = check(tmp_path)
    assert wrong.returncode == 1
    assert wrong.stdout == "from-node12: failed with exit status 1\n2 models, 1 failed\n"
    assert f"output 'node13' differs in 1 of {array.size} elements" in wrong.stderr
