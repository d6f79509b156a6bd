"""Runs clang-tidy on the sources in a build's compile_commands.json, in parallel, remembering clean files.

    tidy.py BUILD JOBS [FILE...]

Nearly all of the time goes into the headers: every check visits every declaration of MLIR's. So
the files of one folder that are compiled alike are checked together, included one after the other by
a file that is made for it. Files that do not go together, because names in them clash, are checked
again, each alone.

What was clean is remembered by a hash over the file, the project headers that ninja knows it
includes, the compile command, .clang-tidy and the tool's version.
"""

import hashlib
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIDY = "clang-tidy-22"
FINDING = re.compile(r"^(/\S+?):\d+:\d+: (?:error|warning): .*\[([^]]+)\]$", re.MULTILINE)
MAX_TOGETHER = 16


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


def output_of(entry):
    arguments = shlex.split(entry["command"])
    return arguments[arguments.index("-o") + 1]


def run_tidy(arguments):
    # Headers of other projects lie in folders of the same names.
    ours = f"--header-filter=^{re.escape(str(ROOT))}/.*"
    run = subprocess.run(
        [TIDY, "--quiet", ours, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return run.returncode, run.stdout.strip() or run.stderr.strip()


def check_alone(build, entry):
    """What there is to say about one file; empty if nothing."""
    status, output = run_tidy(["-p", build, entry["file"]])
    return output if status else ""


def check_together(entries):
    """The files' entries that have findings, or that cannot be told about when checked together."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "together.cpp"
        file.write_text("".join(f'#include "{entry["file"]}"\n' for entry in entries))
        command = shlex.split(entries[0]["command"])
        command[command.index(entries[0]["file"])] = str(file)
        made = {
            "directory": entries[0]["directory"],
            "command": shlex.join(command),
            "file": str(file),
        }
        (Path(scratch) / "compile_commands.json").write_text(json.dumps([made]))
        status, output = run_tidy(
            [
                "-p",
                scratch,
                f"--config-file={ROOT / '.clang-tidy'}",
                "--checks=-bugprone-suspicious-include",
                "--extra-arg=-ferror-limit=0",
                file,
            ]
        )
    named = {Path(match[0]) for match in FINDING.findall(output)}
    doubtful = [entry for entry in entries if Path(entry["file"]) in named]
    return doubtful if doubtful or status == 0 else entries


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
        for path in sorted({Path(entry["file"]), *headers.get(output_of(entry), ())}):
            if path.exists() and path.suffix != ".pch":
                digest.update(path.read_bytes())
        return memory / digest.hexdigest()

    # What other tools generated or other projects brought along is not ours to tidy.
    todo, checked = {}, 0
    for entry in commands:
        file = Path(entry["file"])
        if file.suffix not in (".c", ".cpp") or file.is_relative_to(build) or file in todo:
            continue
        if not file.is_relative_to(ROOT) or ROOT / ".venv" in file.parents:
            continue
        if wanted and file not in wanted:
            continue
        checked += 1
        if not key(entry).exists():
            todo[file] = entry

    # One folder and one set of flags: what is left of a command without its source and output.
    alike = defaultdict(list)
    for file, entry in todo.items():
        flags = entry["command"].replace(entry["file"], "").replace(output_of(entry), "")
        alike[file.parent, file.suffix, flags].append(entry)
    groups = []
    for entries in alike.values():
        count = -(-len(entries) // MAX_TOGETHER)
        groups += [entries[start::count] for start in range(count)]

    alone = [entry for group in groups if len(group) == 1 for entry in group]
    failed = 0
    with ThreadPoolExecutor(jobs) as pool:
        together = [group for group in groups if len(group) > 1]
        for group, doubtful in zip(together, pool.map(check_together, together)):
            for entry in group:
                if entry not in doubtful:
                    key(entry).touch()
            alone += doubtful
        for entry, output in zip(alone, pool.map(lambda e: check_alone(build, e), alone)):
            if output:
                failed += 1
                print(output, flush=True)
            else:
                key(entry).touch()
    print(f"tidy: {checked} files, {len(todo)} checked now, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
