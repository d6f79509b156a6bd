"""Reads the examples in the descriptions of .td files: blocks fenced as ```mlir."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"^ *```mlir\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(eq=False)
class Block:
    owner: str
    file: Path
    line: int
    # Whether the file has the text as it is, so that lines can be counted. A class may have put it together.
    counted: bool
    text: str

    def place(self, number=0):
        return f"{self.file}:{self.line + (number if self.counted else 0)}: {self.owner}"


@dataclass
class Pair:
    """What a pass makes of an example."""

    option: str
    before: Block
    after: Block


def read(file):
    """The blocks and the pairs of a .td file, and what is wrong with them as documentation."""
    blocks, pairs, failures = [], [], []
    source = file.read_text()
    shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    for owner, kinds, line, description in records(file):
        found = list(FENCE.finditer(description))
        own = [Block(owner, shown, *locate(block[0], source, line), dedent(block[1])) for block in found]
        blocks += own
        if "PassBase" in kinds:
            gaps = [description[a.end():b.start()].strip() for a, b in zip(found, found[1:])]
            becomes = [i for i, gap in enumerate(gaps) if gap.startswith("becomes")]
            pairs += [Pair(f"--{owner}", own[i], own[i + 1]) for i in becomes]
            alone = [block for i, block in enumerate(own) if i not in becomes and i - 1 not in becomes]
            failures += [f"{block.place()}: neither before nor after the pass" for block in alone]
        elif {"Op", "AttrDef", "TypeDef"} & kinds:
            name = re.compile(rf"{re.escape(owner)}(?![\w.])")
            if not any(name.search(block.text) for block in own):
                failures.append(f"{shown}:{line}: {owner}: no example in its description")
    known = {block.line for block in blocks if block.counted}
    fences = [number for number, line in enumerate(source.splitlines(), 1) if line.strip().startswith("```")]
    for number in fences[::2]:
        if number + 1 not in known:
            failures.append(f"{shown}:{number}: this block is in no description, or not fenced as mlir")
    return blocks, pairs, failures


def locate(block, source, line):
    """The line of a fenced block's text after a line of the file, and whether it is there."""
    after = sum(map(len, source.splitlines(keepends=True)[:line - 1]))
    start = source.find(block, after)
    return (source.count("\n", 0, start) + 2, True) if start >= 0 else (line, False)


def records(file):
    """What a file itself defines: its name in IR (or that of the record), its classes, line and description."""
    tablegen = shutil.which("llvm-tblgen")
    include = Path(tablegen).resolve().parent.parent / "include"
    command = [tablegen, "--dump-json", "-I", ROOT, "-I", include, file]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    for name, record in found.items():
        if name.startswith("!"):
            continue
        home, _, line = record["!locs"][0].rpartition(":")
        if home != file.name:
            continue
        kinds = set(record["!superclasses"])
        if "Op" in kinds:
            name = f"{found[record['opDialect']['def']]['name']}.{record['opName']}"
        elif kinds & {"AttrDef", "TypeDef"}:
            sigil = "#" if "AttrDef" in kinds else "!"
            name = f"{sigil}{found[record['dialect']['def']]['name']}.{record['mnemonic']}"
        elif "PassBase" in kinds:
            name = record["argument"]
        yield name, kinds, int(line), record.get("description") or ""
