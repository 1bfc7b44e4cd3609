#!/usr/bin/env python3
"""Holds a recorded folder against its ground truth.

usage: check_truth.py FOLDER...

Every expected line must be there, with a time within the step's own, and every line expected to be gone must be gone.
"""

import argparse
import gzip
import json
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path

# How lines of the collected kinds state their time, most specific first.
EPOCH = re.compile(r"msg=audit\((\d+\.\d+):|^(\d{10}\.\d{3}) |flow\.end\.sec\": (\d{10})")
EPOCH_MICROS = re.compile(r'"__REALTIME_TIMESTAMP" ?: ?"(\d{16})"')
ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,6})?)(Z|[+-]\d\d:?\d\d)")
COMBINED = re.compile(r"\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]")
CLASSIC = re.compile(r"^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) ")
CTIME = re.compile(r"^[A-Z][a-z]{2} ([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}) :")
# A log may be written a little after the act; a flow record is written when its connection has timed out.
LATE = timedelta(seconds=5)
LATE_FLOW = timedelta(seconds=300)


def lines_of(path: Path) -> list[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", errors="replace") as stream:
        return stream.read().split("\n")


def time_of(line: str, year: int, zone: str) -> datetime | None:
    """The time a line states, or nothing if it states none that is known here."""
    if found := EPOCH_MICROS.search(line):
        return datetime.fromtimestamp(int(found[1]) / 1e6).astimezone()
    if found := EPOCH.search(line):
        return datetime.fromtimestamp(float(next(filter(None, found.groups())))).astimezone()
    if found := ISO.search(line):
        return datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3]}")
    if found := COMBINED.search(line):
        return datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S %z")
    if found := CLASSIC.search(line):
        return datetime.strptime(f"{year} {found[1]} {zone}", "%Y %b %d %H:%M:%S %z")
    if found := CTIME.search(line):
        return datetime.strptime(f"{found[1]} {zone}", "%b %d %H:%M:%S %Y %z")
    return None


def untimely(step: dict, trace: dict, hits: list[str], zones: dict[str, str]) -> bool:
    """Whether every hit states a time outside the step. Whole seconds are allowed for."""
    start = datetime.fromisoformat(step["time_start"])
    late = LATE_FLOW if trace["log"].endswith("flows.json") else LATE
    end = datetime.fromisoformat(step["time_end"]) + late
    zone = zones.get(trace["log"].split("/")[0], "+00:00")
    times = [time_of(line, start.year, zone) for line in hits]
    return all(time and not start - timedelta(seconds=1) <= time <= end for time in times)


def problems(folder: Path) -> list[str]:
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    found = []
    for step in truth["steps"]:
        expected = [trace for trace in step["traces"] if trace["present"]]
        if step["visible"] and not expected:
            found.append(f"{step['id']}: visible, but no trace is named")
        if not step["visible"] and expected:
            found.append(f"{step['id']}: not visible, but a trace is named")
        if step["time_end"] < step["time_start"]:
            found.append(f"{step['id']}: ends before it starts")
        for trace in step["traces"]:
            path = folder / trace["log"]
            if not path.exists():
                found.append(f"{step['id']}: no file {trace['log']}")
                continue
            hits = [line for line in lines_of(path) if all(text in line for text in trace["contains"])]
            if bool(hits) != trace["present"]:
                verb = "no line with" if trace["present"] else f"{len(hits)} lines still with"
                found.append(f"{step['id']}: {trace['log']}: {verb} {trace['contains']}")
            elif hits and untimely(step, trace, hits, truth["zones_of_logs_without_zone"]):
                found.append(f"{step['id']}: {trace['log']}: not at that time: {trace['contains']}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    failed = False
    for folder in parser.parse_args().folders:
        found = problems(folder)
        for problem in found:
            print(f"{folder.name}: {problem}", file=sys.stderr)
        print(f"{folder.name}: {len(found)} problems" if found else f"{folder.name}: ground truth holds")
        failed = failed or bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
