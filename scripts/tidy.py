"""Runs clang-tidy on the sources in a build's compile_commands.json, in parallel, remembering clean files.

    tidy.py BUILD JOBS [FILE...]

clang-tidy on one file with MLIR's headers takes seconds even with the precompiled header, so what was
clean is remembered by a hash over the file, the project headers that ninja knows it includes, the
compile command, .clang-tidy and the tool's version.
"""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIDY = "clang-tidy-22"


def dependencies(build):
    """Object file → the project's own files that it was compiled from."""
    listing = subprocess.run(
        ["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for block in listing.split("\n\n"):
        head, *files = block.splitlines() or [""]
        paths = [(build / line.strip()).resolve() for line in files]
        found[head.split(":")[0]] = [path for path in paths if path.is_relative_to(ROOT)]
    return found


def main():
    build, jobs = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    wanted = {Path(name).resolve() for name in sys.argv[3:]}
    commands = json.loads((build / "compile_commands.json").read_text())
    headers = dependencies(build)
    common = subprocess.check_output([TIDY, "--version"]) + (ROOT / ".clang-tidy").read_bytes()
    memory = build / "tidy"
    memory.mkdir(exist_ok=True)

    def key(entry):
        digest = hashlib.sha256(common + entry["command"].encode())
        arguments = entry["command"].split()
        output = arguments[arguments.index("-o") + 1]
        for path in sorted({Path(entry["file"]), *headers.get(output, ())}):
            if path.exists() and path.suffix != ".pch":
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def tidy(entry):
        run = subprocess.run(
            [TIDY, "--quiet", "-p", build, entry["file"]],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if run.returncode == 0:
            (memory / key(entry)).touch()
        return entry["file"], run

    todo, checked = {}, 0
    for entry in commands:
        file = Path(entry["file"])
        # What other tools generated is not ours to tidy.
        if file.suffix not in (".c", ".cpp") or file.is_relative_to(build):
            continue
        if wanted and file not in wanted:
            continue
        checked += 1
        if not (memory / key(entry)).exists():
            todo[file] = entry

    failed = 0
    with ThreadPoolExecutor(jobs) as pool:
        for file, run in pool.map(tidy, todo.values()):
            if run.returncode:
                failed += 1
                print(run.stdout.strip() or run.stderr.strip(), flush=True)
    print(f"tidy: {checked} files, {len(todo)} checked now, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
