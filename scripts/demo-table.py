"""Shows what came of one of the demo's orders, as a table.

Reads, in the folder OUT: ORDER.jsonl (the events of `station run --json`), ORDER.seconds and ORDER.tsv (registration ID,
the unit's files and an outsider's judgement of them, a line for each unit that holds settings). Exit code 1 if an accepted
unit's files are missing, doubled or bad, if the order is not done, or if other units failed than those that were broken.
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


def faults_of(accepted, failed, summary, judged, failures):
    """What keeps this demo from being a good one."""
    if not summary["done"] or summary["accepted"] != summary["ordered"]:
        yield f"{summary['accepted']} of {summary['ordered']} units were accepted"
    if len(accepted) != summary["accepted"]:
        yield f"{len(accepted)} units were accepted, and the summary says {summary['accepted']}"
    for registration_id in accepted:
        units = judged.get(registration_id, [])
        if len(units) != 1:
            yield f"{registration_id}: accepted, and on {len(units)} units"
        for files, judgement in units:
            if judgement != "ok":
                yield f"{registration_id} ({files}): {judgement}"
    if len(failed) != failures:
        yield f"{len(failed)} attempts failed, and {failures} should have"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, metavar="FOLDER", help="the demo's records")
    parser.add_argument("--order", required=True, help="the order")
    parser.add_argument("--judge", required=True, help="who judged the units' files, and of what")
    parser.add_argument("--failures", required=True, type=int, help="how many attempts must have failed")
    options = parser.parse_args()

    verdicts, summary = read_run(f"{options.out}/{options.order}.jsonl")
    judged = read_judged(f"{options.out}/{options.order}.tsv")
    with open(f"{options.out}/{options.order}.seconds", encoding="utf-8") as file:
        whole = float(file.read())
    passes = [verdict for verdict in verdicts if verdict["verdict"] == "accepted"]
    # A unit that comes back is verified again, and stays the same unit.
    accepted = {verdict["registration_id"]: verdict for verdict in reversed(passes)}
    failed = [verdict for verdict in verdicts if verdict["verdict"] == "failed"]
    faults = list(faults_of(accepted, failed, summary, judged, options.failures))
    good = sum(
        all(judgement == "ok" for _, judgement in judged.get(registration_id, [("", "missing")]))
        for registration_id in accepted
    )
    seconds = sorted(verdict["seconds"] for verdict in accepted.values()) or [0.0]

    rows = [
        ("ordered", f"{summary['ordered']}"),
        ("accepted", f"{summary['accepted']}"),
        *(("  evidence" if n == 0 else "", text) for n, text in enumerate(evidence_lines(accepted.values()))),
        ("  judged", f"{good} units good, by {options.judge}"),
        ("verified again", f"{len(passes) - len(accepted)} units that came back: nothing was issued"),
        ("failed", f"{len(failed)}"),
        *(
            (f"  fixture {verdict['fixture']}", f"{verdict.get('registration_id') or 'no identity yet'}: "
             f"{verdict['reason']} (next: {verdict['disposition']})")
            for verdict in failed
        ),
        ("open, on hold", f"{summary['open']}, {summary['on_hold']}"),
        ("seconds a unit", f"{seconds[len(seconds) // 2]:.1f} (shortest {seconds[0]:.1f}, longest {seconds[-1]:.1f})"),
        ("the whole run", f"{whole:.1f} s"),
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
