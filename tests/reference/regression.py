#!/usr/bin/env python3
"""Checks matches against SigmaHQ's regression data: every rule there must match its own log file.

    regression.py --data DIR --matches matches.ndjson [--report matches.report.json]

DIR holds the `info.yml` folders. Works for the reference's matches and for this project's own. A count
that differs from the folder's `match_count` is printed but does not fail: what the folder counts is not
specified. Rules the report lists as not evaluated are printed apart and do not fail.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import yaml

from comparing import load_matches


def wanted(data: Path) -> list[tuple[str, str, str, int | None]]:
    """(rule, title, path below `data`, stated count) of every EVTX test."""
    found = []
    for info_path in sorted(data.rglob("info.yml")):
        info = yaml.safe_load(info_path.read_text(encoding="utf-8"))
        for test in info.get("regression_tests_info") or []:
            if test.get("type") == "evtx":
                found += [(r["id"], r.get("title", ""), test["path"], test.get("match_count")) for r in info["rule_metadata"]]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--matches", type=Path, required=True)
    parser.add_argument("--report", type=Path)
    arguments = parser.parse_args()
    hits = Counter((rule, key.rsplit("#", 1)[0]) for rule, key in load_matches(arguments.matches))
    report = json.loads(arguments.report.read_text(encoding="utf-8")) if arguments.report else {}
    tests, missed, skipped = wanted(arguments.data), 0, 0
    for rule, title, path, count in tests:
        seen = hits[rule, path]
        if not seen and rule in report.get("not_evaluated", {}):
            skipped += 1
            print(f"not evaluated: {rule} {title}: {report['not_evaluated'][rule]}")
        elif not seen:
            missed += 1
            print(f"MISSED: {rule} {title}: {path}")
        elif count is not None and seen != count:
            print(f"count: {rule} {title}: {seen} matches, the folder says {count}")
    print(f"{arguments.matches}: {len(tests) - missed - skipped} of {len(tests)} regression tests matched")
    return 1 if missed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
