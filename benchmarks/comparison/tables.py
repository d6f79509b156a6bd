"""The lines that compare.py prints."""
from .measuring import is_ours


def title(startup):
    if startup:
        columns = f"{'process, ms':>12} {'from loading':>12}"
        meaning = ("ratios: the peer's time from loading over our whole process; from loading; whole processes")
    else:
        columns = f"{'min, ms':>12} {'median, ms':>12}"
        meaning = "ratios: the peer's time over ours, of minima, of medians, and the range of blocks' medians"
    return f"{'':{NAME}} {'':{ENGINE}} {columns}  {meaning}"


NAME, ENGINE = 34, 16


def show(row):
    """A line for each engine, the name of the model before the first."""
    if "error" in row:
        return f"{row['name']:{NAME}} {row['error'][:110]}"
    names = [row["name"]] + [""] * len(row["engines"])
    return "\n".join(f"{name:{NAME}} {engine:{ENGINE}} {_values(row, engine)}".rstrip()
                     for name, engine in zip(names, row["engines"]))


def _values(row, engine):
    entry = row["engines"][engine]
    keys = next((keys for keys in (("min_ms", "median_ms"), ("process_ms", "part_ms")) if keys[0] in entry), None)
    if keys is None:
        return entry.get("skipped") or entry.get("error", "")[:140]
    parts = [f"{entry[key]:12.3f}" for key in keys]
    several = sum(map(is_ours, row["engines"])) > 1
    for ours, peers in row["ratios"].items():
        if engine in peers:
            parts.append((f"{ours}: " if several else "") + ratio_text(peers[engine]))
    if "compile_s" in entry:
        parts.append(f"compiled in {entry['compile_s']:.1f} s")
    parts += entry.get("notes", [])
    if entry.get("disagreement"):
        parts.append(f"DISAGREES: {entry['disagreement']}")
    return "  ".join(parts)


def ratio_text(ratio):
    """As "1.20  1.23 (1.19-1.30)", or three ratios of start-up times."""
    values = [f"{value:.2f}" for key, value in ratio.items() if key != "range"]
    if "range" in ratio:
        values[-1] += " ({:.2f}-{:.2f})".format(*ratio["range"])
    return "  ".join(values)


def show_summary(entry):
    pair = f"{entry['group']}: {entry['ours']} and {entry['peer']}"
    left_out = f"; left out, since results disagree: {', '.join(entry['left_out'])}" if entry["left_out"] else ""
    if not entry["models"]:
        return pair + ": no model to compare" + left_out
    means = ", ".join(f"{value:.3f} ({key})" for key, value in entry["means"].items())
    return (f"{pair}: geometric mean {means} over {entry['models']}; lowest {entry['lowest']['median']:.2f} "
            f"({entry['lowest']['name']}){left_out}")
