"""Blocks of runs in turn, and the ratios between engines that follow from them."""
import math
import statistics

from .workers import WorkerError

FEWEST_RUNS = 30


def take_turns(workers, blocks, runs, failed):
    """Times by worker and block: {name: [[ms, ...], ...]}; another worker begins each time.

    A worker that fails is left out from then on; `failed` is called with its name and why."""
    times = {name: [] for name in workers}
    names = list(workers)
    for block in range(blocks):
        first = block % max(1, len(names))
        for name in names[first:] + names[:first]:
            try:
                times[name].append(workers[name].block(runs))
            except WorkerError as error:
                failed(name, str(error))
                del times[name]
                names.remove(name)
    return times


def summarize_times(blocks):
    """Minimum and median of all runs, and of each block."""
    together = [ms for block in blocks for ms in block]
    return {"min_ms": min(together), "median_ms": statistics.median(together), "runs": len(together),
            "block_min_ms": [min(block) for block in blocks],
            "block_median_ms": [statistics.median(block) for block in blocks]}


def compare_times(peer, ours):
    """How many times longer the peer takes; the range is that of the blocks' medians, pair by pair."""
    by_block = [p / o for p, o in zip(peer["block_median_ms"], ours["block_median_ms"])]
    return {"min": peer["min_ms"] / ours["min_ms"], "median": peer["median_ms"] / ours["median_ms"],
            "range": [min(by_block), max(by_block)]}


def add_ratios(row, compare, key):
    """Adds ratios {our form: {peer: ratio}} for all engines of a row that have a value of `key`."""
    measured = {name: e for name, e in row["engines"].items() if key in e}
    row["ratios"] = {ours: {peer: compare(e, measured[ours]) for peer, e in measured.items() if not is_ours(peer)}
                     for ours in measured if is_ours(ours)}


def is_ours(engine):
    return engine.startswith("tenon-")


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def groups_of(row):
    """From the widest to the narrowest."""
    kind = row.get("kind", "unknown")
    return dict.fromkeys(["all", row["group"], kind, f"{row['group']} {kind}"])


def summarize(rows):
    """Geometric means and lowest ratios, by group of models and pair of engines.

    Only models on which both agree with the reference count; `left_out` names the others. A group of the
    same models as a wider one is left out."""
    pairs = {}
    for row in rows:
        for ours, peers in row.get("ratios", {}).items():
            for peer in peers:
                groups = pairs.setdefault((ours, peer), {})
                for group in groups_of(row):
                    groups.setdefault(group, []).append(row)
    summary = []
    for (ours, peer), groups in pairs.items():
        different = {tuple(row["name"] for row in groups[group]): group for group in reversed(groups)}
        summary += [{"group": group, "ours": ours, "peer": peer, **_means(ours, peer, members)}
                    for group, members in groups.items() if group in different.values()]
    return summary


def _means(ours, peer, rows):
    agree = [row for row in rows if not any(row["engines"][e].get("disagreement") for e in (ours, peer))]
    result = {"models": len(agree), "left_out": [row["name"] for row in rows if row not in agree]}
    if agree:
        ratios = {row["name"]: row["ratios"][ours][peer] for row in agree}
        name = min(ratios, key=lambda each: ratios[each]["median"])
        result["means"] = {key: geometric_mean([ratio[key] for ratio in ratios.values()])
                           for key in ratios[name] if key != "range"}
        result["lowest"] = {"name": name, "median": ratios[name]["median"]}
    return result
