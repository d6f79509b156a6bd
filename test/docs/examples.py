"""Compiles the examples in the documentation of ops, attributes, types and passes.

    examples.py [FILE.td...]     those in these files; by default all in dialects/ and passes/

An example must parse and verify, what is printed of it must parse and print the same once more, and where it shows what
a pass does, the pass must do that. An op, attribute or type without an example of itself is a failure too.

Most examples are fragments. What they lack is added by rules that know no op:
- Definitions (aliases, modules, functions, kernels) stay as they are. A bare attribute or type gets an alias.
- All else becomes the body of a function. Its arguments are the values that the example does not define, its results
  those that it defines and does not use, its symbols those in affine maps. The parser knows their types: they are
  `none` at first, and its complaint says what they should be.
- Two examples of a pass with "becomes" between them are before and after. The function of the latter has the arguments
  and results of the former. Printed in the same way, it must be what the pass makes of the former, for the same target.
  If the former starts with a comment `// tenon-opt OPTIONS`, it is what these make of it instead; the latter has a
  target then if that is among the options.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from difflib import unified_diff
from pathlib import Path

from documentation import ROOT, read

# Where a statement starts: other lines go on with the one before.
STATEMENT = re.compile(r'[%#!"/\w]')
DEFINITION = re.compile(r"module\b|[#!][\w.]+ = |[\w.]+ (private )?@")
DEFINED = re.compile(r"(%\w+(?:, %\w+)*) = ")
SYMBOL = re.compile(r"(?<![%@#\w])s(\d+)\b")
COMMAND = re.compile(r"// tenon-opt (.*)")

ERROR = re.compile(r"^<stdin>:(\d+):(\d+): error: (.*)$", re.MULTILINE)
UNDECLARED = "use of undeclared SSA value name"
MISMATCH = re.compile(r"use of value '(%\w+)' expects different type than prior uses: '(.*)' vs '(.*)'")
UNKNOWN = "none"
SPLIT = "// -----"
# Many passes need one.
TARGET = "--tenon-assign-target=target=x86-64-v3"


class Example:
    """A block, and the function around it."""

    def __init__(self, block):
        self.block = block
        # Lists of numbers and lines.
        self.statements = []
        for number, line in enumerate(block.text.splitlines()):
            if STATEMENT.match(line) or not self.statements:
                self.statements.append([])
            self.statements[-1].append((number, line))
        self.symbols = max(map(int, SYMBOL.findall(block.text)), default=-1) + 1
        # Names and types.
        self.arguments = {}
        self.results = dict.fromkeys(self.unused(), UNKNOWN)
        self.is_after = False

    def follow(self, before):
        """Has the other example's function, though a pass may change types of results."""
        self.symbols, self.arguments, self.is_after = before.symbols, before.arguments, True
        self.results = dict.fromkeys(before.results, UNKNOWN)

    def unused(self):
        for (_, line), *_ in self.statements:
            if defined := DEFINED.match(line):
                for name in defined[1].split(", "):
                    if len(re.findall(rf"{name}\b", self.block.text)) == 1:
                        yield name

    def compose(self):
        """A whole file: lines, each with the number of the example's line that it comes from."""
        above, body, below = [], [], []
        for statement in self.statements:
            number, line = statement[0]
            if line.startswith(("#", "!")) and not DEFINITION.match(line):
                above += [(number, f"{line[0]}example = {line}"), *statement[1:]]
            elif DEFINITION.match(line) or line.startswith("//"):
                (below if body else above).extend(statement)
            else:
                body += statement
        return above + (self.function(body) if body else []) + below

    def function(self, body):
        arguments = ", ".join(f"{name}: {type}" for name, type in self.arguments.items())
        types = ", ".join(self.results.values())
        symbols = ", ".join(f'"s{number}"' for number in range(self.symbols))
        begin = f"func.func @example({arguments}) -> ({types}) attributes {{tenon.symbols = [{symbols}]}} {{"
        end = f"return {', '.join(self.results)} : {types}" if self.results else "return"
        return [(0, begin), *body, (0, end), (0, "}")]

    def learn(self, errors):
        """Takes names and types from what the parser complains of. False if there is nothing to learn."""
        unknown = []
        if not self.is_after:
            unknown = [name for _, name, message in errors if message == UNDECLARED and name not in self.arguments]
        self.arguments |= dict.fromkeys(unknown, UNKNOWN)
        for _, _, message in errors[:1]:
            if mismatch := MISMATCH.match(message):
                name, wanted, given = mismatch.groups()
                if given == UNKNOWN and name in self.arguments:
                    self.arguments[name] = wanted
                    return True
                if wanted == UNKNOWN and name in self.results:
                    self.results[name] = given
                    return True
        return bool(unknown)


def run(examples, *options):
    """What tenon-opt prints for each example, and its errors: number of the line, value there, message."""
    lines = [(example, *line) for example in examples for line in [*example.compose(), (0, SPLIT)]]
    command = ["tenon-opt", "--split-input-file", "--mlir-print-local-scope", *options]
    source = "\n".join(line for _, _, line in lines[:-1])
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    errors = {example: [] for example in examples}
    for row, column, message in ERROR.findall(done.stderr):
        example, number, line = lines[int(row) - 1]
        errors[example].append((number, re.match(r"%\w+|", line[int(column) - 1:])[0], message))
    results = list(zip(done.stdout.split(SPLIT), errors.values()))
    if len(results) == len(examples) and all(bool(output.strip()) != bool(errors) for output, errors in results):
        return results
    # It crashed, or says nothing of lines: which example is it?
    if len(examples) > 1:
        return [run([example], *options)[0] for example in examples]
    return [("", [(0, "", f"tenon-opt ends with {done.returncode}: {done.stderr}")])]


def complete(examples):
    """Finds what the examples lack. Returns the errors that stay."""
    found = {}
    while examples:
        found |= {example: errors for example, (_, errors) in zip(examples, run(examples))}
        examples = [example for example in examples if example.learn(found[example])]
    return found


def check(blocks, pairs):
    """What is wrong with the examples."""
    examples = {block: Example(block) for block in blocks}
    pairs = [(pair, examples[pair.before], examples[pair.after]) for pair in pairs]
    afters = [after for _, _, after in pairs]
    errors = complete([example for example in examples.values() if example not in afters])
    for _, before, after in pairs:
        after.follow(before)
    errors |= complete(afters)
    for example in examples.values():
        yield from said(example, errors[example])
    yield from reprint([example for example in examples.values() if not errors[example]])
    for pair, before, after in pairs:
        if not errors[before] + errors[after]:
            yield from compare(pair, before, after)


def reprint(examples):
    """Parses what is printed of examples, and says where that prints otherwise."""
    printed = [output for output, _ in run(examples)]
    command = ["tenon-opt", "--split-input-file", "--mlir-print-local-scope"]
    done = subprocess.run(command, input=SPLIT.join(printed), capture_output=True, text=True)
    if done.stdout == SPLIT.join(printed):
        return
    if len(examples) > 1:
        for example in examples:
            yield from reprint([example])
        return
    lines = unified_diff(printed[0].splitlines(), done.stdout.splitlines(), "printed", "printed again", lineterm="")
    yield "\n".join([f"{examples[0].block.place()}: does not print as it parses: {done.stderr}", *lines])


def compare(pair, before, after):
    """Runs the pass, and says how what it makes differs from what is documented."""
    command = COMMAND.match(pair.before.text)
    options = command[1].split() if command else [TARGET, pair.option]
    [(made, errors)] = run([before], *options)
    [(documented, lost)] = run([after], *(o for o in options if o.startswith("--tenon-assign-target=")))
    yield from said(before, errors)
    yield from said(after, lost)
    if made != documented and not errors + lost:
        lines = unified_diff(documented.splitlines(), made.splitlines(), "documented", "made", lineterm="")
        yield "\n".join([f"{pair.after.place()}: not what the pass makes of the example before", *lines])


def said(example, errors):
    for number, value, message in errors:
        yield f"{example.block.place(number)}: {message}{f' {value}' if message == UNDECLARED else ''}"


def main(files):
    files = files or sorted(file for folder in ("dialects", "passes") for file in (ROOT / folder).rglob("*.td"))
    blocks, pairs, failures = [], [], []
    with ThreadPoolExecutor() as pool:
        for more in pool.map(read, files):
            for known, new in zip((blocks, pairs, failures), more):
                known += new
    failures += check(blocks, pairs)
    print(*failures, f"{len(blocks)} examples, passes run on {len(pairs)}; failures: {len(failures)}", sep="\n")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main([Path(file).resolve() for file in sys.argv[1:]]))
