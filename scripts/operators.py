"""Writes docs/operators.md to stdout (scripts/generate-operators calls it).

    operators.py TESTS PASSING <OPS

OPS are lines "domain operator version", as `tenon info --ops` has them; TESTS is a folder of backend tests, and
PASSING the list of those that pass; why the others do not is in test/conformance/failing.txt. What ONNX and ONNX
Runtime define comes from the installed packages.
"""

import collections
import sys
from pathlib import Path

import conformance
import onnx
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema, get_all_opkernel_def

DOMAINS = ("ai.onnx", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training", "com.microsoft")
# What operators that are not imported need.
WHY = {
    "rules for timestamps and outputs of cross-attention": "WhisperBeamSearch",
    "a sparse tensor as operand": "SparseToDenseMatMul",
    "other devices' programs": "EPContext Snpe",
}
ELSEWHERE = "ONNX Runtime has it for other devices than CPUs only"


def domain(name):
    return name or "ai.onnx"


def read_registry(lines):
    """(domain, operator) → first versions of its forms."""
    found = collections.defaultdict(list)
    for line in lines:
        where, name, version = line.split()
        found[where, name].append(int(version))
    return found


def read_schemas():
    """(domain, operator) → versions that define it, and those of which the newest is deprecated."""
    versions, deprecated = collections.defaultdict(set), set()
    contrib = [schema for schema in get_all_operator_schema() if schema.domain == "com.microsoft"]
    for schema in [*onnx.defs.get_all_schemas_with_history(), *contrib]:
        key = domain(schema.domain), schema.name
        versions[key].add(schema.since_version)
        if schema.deprecated:
            deprecated.add(key)
    return versions, deprecated


def count_tests(tests, passing):
    """(domain, operator) → how many tests have a node of it and pass, and how many have one."""
    passing = set(passing.read_text().split())
    counts = collections.defaultdict(lambda: [0, 0])
    for path in sorted(tests.glob("*/model.onnx")):
        graph = onnx.load(path, load_external_data=False).graph
        for key in {(domain(node.domain), node.op_type) for node in graph.node}:
            counts[key][0] += path.parent.name in passing
            counts[key][1] += 1
    return counts


def describe_tests(count):
    return "" if not count[1] else f"{count[0]} of {count[1]}"


def check_reasons(tests, passing):
    """Ends the program unless every test passes or has a reason why not."""
    names = {path.parent.name for path in tests.glob("*/model.onnx")}
    wrong = conformance.unexplained("node", names, conformance.read_list(passing))
    if wrong:
        sys.exit("\n".join(wrong))


SUITES = {
    "node": "As they are",
    "node-dynamic": "With unknown dimensions",
    "node-dynamic-inputs": "With unknown dimensions, and what tells shapes as inputs",
}


def print_reasons():
    print("## Tests that do not pass, and why\n")
    print("Of all backend tests (test/conformance/failing.txt). Whatever is not here passes.")
    for suite, reasons in conformance.read_reasons().items():
        print(f"\n### {SUITES[suite]}\n")
        for reason, names in reasons.items():
            print(f"- {reason}\n  " + ", ".join(f"`{name}`" for name in names))


def main():
    registry = read_registry(sys.stdin)
    schemas, deprecated = read_schemas()
    counts = count_tests(Path(sys.argv[1]), Path(sys.argv[2]))
    reasons = {name: reason for reason, names in WHY.items() for name in names.split()}
    on_cpus = {(domain(kernel.domain), kernel.op_name) for kernel in get_all_opkernel_def() if "CPU" in kernel.provider}
    print("<!-- Written by scripts/generate-operators from `tenon info --ops`. -->")
    print("# Operators\n")
    print("What the importer takes apart. *Versions* are those of the operator sets of onnx "
          f"{onnx.__version__} and ONNX Runtime {onnxruntime.__version__} that changed the operator and are "
          "imported; those in parentheses are not. *Tests* are the backend tests of the onnx package that have such a "
          "node: how many pass, of how many. Every operator runs on all targets, but programs for GPUs decode no pictures (ImageDecoder). Element types are those of the "
          "operator's schema, except for complex numbers, which no tensor of a run holds.\n")
    for where in DOMAINS:
        names = sorted(name for found, name in registry if found == where)
        print(f"## {where}\n\n{len(names)} operators.\n\n| operator | versions | tests |\n|---|---|---|")
        for name in names:
            first = min(registry[where, name])
            versions = sorted(schemas[where, name] or {first})
            listed = ", ".join(str(v) if v >= first else f"({v})" for v in versions)
            print(f"| {name} | {listed} | {describe_tests(counts[where, name])} |")
        missing = sorted(key[1] for key in schemas if key[0] == where and key not in registry and key not in deprecated)
        if missing:
            print("\nNot imported:\n\n| operator | why | tests |\n|---|---|---|")
        for name in missing:
            elsewhere = where == "com.microsoft" and (where, name) not in on_cpus
            reason = f"needs {reasons[name]}" if name in reasons else ELSEWHERE if elsewhere else "not yet"
            print(f"| {name} | {reason} | {describe_tests(counts[where, name])} |")
        print()
    check_reasons(Path(sys.argv[1]), Path(sys.argv[2]))
    print_reasons()


if __name__ == "__main__":
    main()
