"""What the measurements ran on: the processor, what it can do with low precision, and the versions."""
import datetime
import os
import platform
import subprocess
from importlib import metadata

FEATURES = ["avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8",
            "amx_bf16"]
CACHES = ["L1d cache", "L2 cache", "L3 cache"]


def parse_lscpu(text):
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set(fields.get("Flags", "").split())
    return {"cpu": fields.get("Model name", platform.processor() or "unknown"),
            "cores": {key: fields[key] for key in ("CPU(s)", "Thread(s) per core") if key in fields},
            "caches": {key.split()[0]: fields[key] for key in CACHES if key in fields},
            "features": [f for f in FEATURES if f in flags], "lacks": [f for f in FEATURES if f not in flags]}


def describe(threads, cpus):
    """`cpus`: those that all engines are pinned to; empty if they are not."""
    text = subprocess.run(["lscpu"], capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout
    return {**parse_lscpu(text), "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "threads": threads, "pinned_to": cpus, "kernel": platform.release(),
            "python": platform.python_version()}


def versions(packages):
    """Of Python packages, where they are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return found


def has_bf16(machine):
    return any(feature.endswith("bf16") for feature in machine["features"])


def header(machine, versions, peers):
    """The lines that every report starts with."""
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    cores = ", ".join(f"{key} {value}" for key, value in machine["cores"].items())
    where = f"on CPUs {', '.join(map(str, machine['pinned_to']))}" if machine["pinned_to"] else "not pinned"
    lines = [f"{machine['date']}, {machine['cpu']}; {cores}; {caches}",
             f"has {', '.join(machine['features']) or 'none of the extensions'}; lacks {', '.join(machine['lacks']) or 'none'}",
             f"{machine['threads']} thread(s) {where}; "
             + ", ".join(f"{name} {version}" for name, version in versions.items())
             + f", Python {machine['python']}, Linux {machine['kernel']}"]
    without = [peer for peer in peers if peer.endswith("bf16")]
    if without and not has_bf16(machine):
        lines.append(f"this processor has no bf16 instructions: {', '.join(without)} computes in the precision that it "
                     "chooses instead")
    return lines
