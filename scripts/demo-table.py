"""Puts together what a demo run left, as the table that ends it.

Reads, under FOLDER/out: run.jsonl (the events of `station run --json`) and judged.tsv (registration ID, the unit's
folder and openssl's judgement of its files, a line for each unit that holds a configuration). Exit code 1 if an
accepted unit's files are missing, doubled or bad, or if the broken unit did not fail.
"""

import argparse
import collections
import csv
import json
import sys


def read_run(path):
    """All verdicts, and the summary that ends the run."""
    with open(path, encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    verdicts = [event for event in events if event["event"] == "verdict"]
    summaries = [event for event in events if event["event"] == "summary"]
    if len(summaries) != 1:
        sys.exit(f"{path}: holds {len(summaries)} summaries, and a run ends with one")
    return verdicts, summaries[0]


def read_judged(path):
    """What openssl says, by registration ID: one judgement for each unit that claims it."""
    judged = collections.defaultdict(list)
    with open(path, encoding="utf-8", newline="") as file:
        for registration_id, folder, judgement in csv.reader(file, delimiter="\t"):
            judged[registration_id].append((folder, judgement))
    return judged


def evidence_lines(accepted):
    """How many units gave which grade of evidence for which item."""
    seen = collections.Counter(
        (entry["item"], entry["grade"], entry["after_restart"])
        for verdict in accepted
        for entry in verdict["evidence"]
    )
    for (item, grade, after_restart), count in seen.items():
        yield f"{item}: {grade}{', after a restart' if after_restart else ''} ({count} units)"


def faults_of(accepted, failed, summary, judged):
    """What keeps this demo from being a good one."""
    if len(accepted) != summary["accepted"]:
        yield f"{len(accepted)} units were accepted, and the summary says {summary['accepted']}"
    for registration_id in accepted:
        units = judged.get(registration_id, [])
        if len(units) != 1:
            yield f"{registration_id}: accepted, and on {len(units)} units"
        for folder, judgement in units:
            if judgement != "ok":
                yield f"{registration_id} ({folder}): {judgement}"
    if not accepted:
        yield "no unit was accepted"
    if not failed:
        yield "the broken unit did not fail"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, metavar="FOLDER", help="the demo's folder")
    parser.add_argument("--seconds", required=True, type=float, help="how long the run took")
    options = parser.parse_args()

    verdicts, summary = read_run(f"{options.run}/out/run.jsonl")
    judged = read_judged(f"{options.run}/out/judged.tsv")
    passes = [verdict for verdict in verdicts if verdict["verdict"] == "accepted"]
    # A unit that comes back is verified again, and stays the same unit.
    accepted = {verdict["registration_id"]: verdict for verdict in reversed(passes)}
    failed = [verdict for verdict in verdicts if verdict["verdict"] == "failed"]
    faults = list(faults_of(accepted, failed, summary, judged))
    good = sum(
        all(judgement == "ok" for _, judgement in judged.get(registration_id, [("", "missing")]))
        for registration_id in accepted
    )
    seconds = sorted(verdict["seconds"] for verdict in accepted.values()) or [0.0]

    rows = [
        ("ordered", f"{summary['ordered']}"),
        ("accepted", f"{summary['accepted']}"),
        *(("  evidence" if n == 0 else "", text) for n, text in enumerate(evidence_lines(accepted.values()))),
        ("  by openssl", f"{good} units: chain verifies, key is the leaf's, CN is the registration ID"),
        ("verified again", f"{len(passes) - len(accepted)} units that came back: nothing was issued"),
        ("failed", f"{len(failed)}"),
        *(
            (f"  fixture {verdict['fixture']}", f"{verdict.get('registration_id') or 'no identity yet'}: "
             f"{verdict['reason']} (next: {verdict['disposition']})")
            for verdict in failed
        ),
        ("still open", f"{summary.get('open', 0)}"),
        ("on hold", f"{summary.get('on_hold', 0)}"),
        ("seconds a unit", f"{seconds[len(seconds) // 2]:.1f} (shortest {seconds[0]:.1f}, longest {seconds[-1]:.1f})"),
        ("the whole run", f"{options.seconds:.1f} s"),
        ("enrollment", f"{options.run}/out/demo-line-1.json"),
        ("IoT Central", f"{options.run}/out/central-devices.csv"),
        ("events", f"{options.run}/out/run.jsonl"),
        ("the station", f"{options.run}/station"),
        ("the units' files", f"{options.run}/simulated/units"),
    ]
    width = max(len(label) for label, _ in rows)
    print(f"\nOrder {summary['order']}")
    for label, text in rows:
        print(f"  {label:<{width}}  {text}")
    for fault in faults:
        print(f"FAULT: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
