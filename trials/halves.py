#!/usr/bin/env python3
"""The two halves of the recorded sets: rules may be written while looking at one, never at the other.

A recording belongs to the development half when the first byte of SHA-256 of its `capture` path is even, else it is
held out. The line was drawn before the rules of the second pack were written, and nobody chooses who stands where.

Usage: halves.py labels LABELS dev|held-out      prints the labels of one half
       halves.py table  LABELS BASELINE…         prints detected / executed by half, from files of figures
"""
import hashlib
import json
import sys

COUNTS_AS_DETECTED = {"detected", "tactic"}


def half(capture):
    return "held-out" if hashlib.sha256(capture.encode()).digest()[0] % 2 else "dev"


def labels(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def table(path, baselines):
    groups = {l["capture"]: l.get("group", "") for l in labels(path) if l.get("techniques") or l.get("tactics")}
    columns = []
    for baseline in baselines:
        with open(baseline, encoding="utf-8") as file:
            columns.append(json.load(file)["procedures"])
    for name in ["all", *sorted(set(groups.values()))]:
        for part in ("dev", "held-out"):
            members = [c for c, group in groups.items() if name in ("all", group) and half(c) == part]
            found = [sum(column.get(c) in COUNTS_AS_DETECTED for c in members) for column in columns]
            print(f"| {name} | {part} | {len(members)} | {' | '.join(map(str, found))} |")


def main():
    match sys.argv[1:]:
        case ["labels", path, part] if part in ("dev", "held-out"):
            for label in labels(path):
                if half(label["capture"]) == part:
                    print(json.dumps(label, ensure_ascii=False))
        case ["table", path, *baselines] if baselines:
            table(path, baselines)
        case _:
            sys.exit(__doc__)


main()
