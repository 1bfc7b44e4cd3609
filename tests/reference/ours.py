#!/usr/bin/env python3
"""Runs this project's program on a corpus and writes its matches as `{"rule_id", "key"}` lines.

    ours.py --hinomi BINARY --rules DIR... --input DIR --out ours.ndjson

Keys are those of make-events.py: the record number for EVTX, the line number for JSON captures, which is counted
here from the byte offset that the program cites.
"""

import argparse
import bisect
import importlib.util
import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

SPEC = importlib.util.spec_from_file_location("make_events", Path(__file__).parent / "make-events.py")
make_events = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_events)

# The program writes `archive!member`.
IN_ARCHIVE = re.compile(r"(\.zip|\.tar\.gz|\.tgz)!(?:[^!]*\.tar!)?", re.IGNORECASE)
# The program stops listing at some number; a comparison needs all of them.
LISTED = "100000000"


def detections(hinomi: Path, rules: list[Path], source: Path) -> list[dict]:
    command = [hinomi, "investigate", source, "--output", "jsonl", "--max-detections", LISTED, "--min-level", "informational"]
    for directory in rules:
        command += ["--rules", directory]
    result = subprocess.run(command, capture_output=True, check=False, text=True)
    # 1: an incident was found; 3: some input could not be read, which the comparison shows by itself.
    if result.returncode not in (0, 1, 3):
        raise SystemExit(f"{hinomi} ended with {result.returncode}: {result.stderr[-2000:]}")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    for summary in (line for line in lines if line["type"] == "summary"):
        if summary["unlisted"]:
            raise SystemExit(f"{summary['unlisted']} matches are not listed")
        print(f"{hinomi.name}: {summary['events']} events, detections {summary['detections']}")
    return [line for line in lines if line["type"] == "detection"]


def outer_file(path: Path) -> Path:
    """The file on disk that holds the member `path`."""
    return next(p for p in (path, *path.parents) if p.is_file())


def line_starts(place: Path, source: Path) -> list[int]:
    """Offset of every line of a JSON capture or of a member of an archive."""
    file = outer_file(place)
    shown = file.relative_to(source).as_posix()
    wanted = place.relative_to(source).as_posix()
    for member, lines in make_events.json_members(file, shown, make_events.Tally()):
        if member == wanted:
            starts, at = [], 0
            for line in lines:
                starts.append(at)
                at += len(line)
            return starts
    raise SystemExit(f"{place}: cited, but not found in {file}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hinomi", type=Path, required=True)
    parser.add_argument("--rules", type=Path, nargs="+", required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=[""], help="count evidence in files ending so, e.g. .evtx")
    arguments = parser.parse_args()
    by_place: dict[str, list[tuple[str, dict]]] = defaultdict(list)
    for detection in detections(arguments.hinomi, arguments.rules, arguments.input):
        if "first_time" in detection or "group" in detection:
            continue  # a correlation: the reference has none
        if detection["more_evidence"]:
            raise SystemExit(f"detection {detection['id']} has evidence that is not listed")
        # One event that stands in several files is one detection with several places.
        for event in detection["evidence"]:
            if event["place"].lower().endswith(tuple(arguments.only)):
                by_place[event["place"]].append((detection["rule_id"], event))
    count = 0
    with arguments.out.open("w", encoding="utf-8") as out:
        for place, found in sorted(by_place.items()):
            path = Path(IN_ARCHIVE.sub(r"\1/", place))
            shown = path.relative_to(arguments.input).as_posix()
            starts = None if place.lower().endswith(".evtx") else line_starts(path, arguments.input)
            for rule, event in found:
                number = event["sequence"] if starts is None else bisect.bisect_right(starts, event["offset"])
                out.write(json.dumps({"rule_id": rule, "key": f"{shown}#{number}"}, ensure_ascii=False) + "\n")
                count += 1
    print(f"{arguments.out}: {count} matches of single events")
    return 0


if __name__ == "__main__":
    sys.exit(main())
