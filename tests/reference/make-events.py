#!/usr/bin/env python3
"""Turns event logs into the flat NDJSON that `reference.py evaluate` reads.

Input is a directory; every `.evtx`, `.json`/`.ndjson`/`.jsonl`, and every such JSON member of a
`.zip` or `.tar.gz` in it becomes events. One output line is one event: a flat object of field name
to text, with a `_key` that names the event.

* EVTX is read with pyevtx-rs (XML rendering), never with this project's own reader.
  `_key` is `<path below the directory>#<EventRecordID>`. A data name with spaces is added without
  them too. Unnamed strings are the field `Data`, one per line.
* JSON captures keep their fields as they are. `_key` is `<path>#<line number, from 1>`; a member of
  an archive has the path `<archive path>/<member>`. Two envelopes are recognised and their names
  are *added* beside the original ones: NXLog (`SourceName`, `Hostname`) and Winlogbeat 6
  (`log_name`, `event_id`, `event_data.*`). `--keep-envelope` turns that off.

A key that occurs again (a log can hold one EventRecordID twice) gets the suffix `~2`, `~3`, ...
"""

import argparse
import io
import json
import re
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Iterator
from xml.etree import ElementTree

import evtx

JSON_SUFFIXES = (".json", ".ndjson", ".jsonl")
# XML 1.0 forbids these, as characters and as references; log fields hold them all the same.
FORBIDDEN_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
REFERENCE_IN_XML = re.compile("&#(?:x([0-9a-fA-F]+)|([0-9]+));")

# The reader prints a value of type GUID bare and in capitals; Windows prints it in braces, and rules are
# written against that. A GUID that an application logged as text is in small letters.
BARE_GUID = re.compile("[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}")

NXLOG_NAMES = {"SourceName": "Provider_Name", "ProviderGuid": "Provider_Guid", "Hostname": "Computer"}
WINLOGBEAT_NAMES = {
    "log_name": "Channel",
    "event_id": "EventID",
    "source_name": "Provider_Name",
    "provider_guid": "Provider_Guid",
    "computer_name": "Computer",
    "record_number": "EventRecordID",
    "message": "Message",
}


class Tally:
    """What was read and what could not be, for the closing report."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []

    def problem(self, where: str, error: object) -> None:
        self.counts["unreadable"] += 1
        self.problems.append(f"{where}: {error}")


def local_name(element: ElementTree.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def put(event: dict[str, str], name: str, value: str | None) -> None:
    """Adds a field; a repeated name keeps every value, one per line."""
    value = value or ""
    if BARE_GUID.fullmatch(value):
        value = f"{{{value}}}"
    event[name] = f"{event[name]}\n{value}" if name in event else value


def parseable(text: str) -> str:
    """The XML text with every character that a parser must refuse replaced by U+FFFD."""

    def checked(reference: re.Match) -> str:
        code = int(reference[1], 16) if reference[1] else int(reference[2])
        forbidden = code > 0x10FFFF or 0xD800 <= code < 0xE000 or FORBIDDEN_IN_XML.match(chr(code))
        return "\ufffd" if forbidden else reference[0]

    return REFERENCE_IN_XML.sub(checked, FORBIDDEN_IN_XML.sub("\ufffd", text))


def add_system(event: dict[str, str], system: ElementTree.Element) -> None:
    attributes = {
        "Provider": {"Name": "Provider_Name", "Guid": "Provider_Guid", "EventSourceName": "Provider_EventSourceName"},
        "EventID": {"Qualifiers": "EventID_Qualifiers"},
        "TimeCreated": {"SystemTime": "TimeCreated"},
        "Correlation": {"ActivityID": "ActivityID", "RelatedActivityID": "RelatedActivityID"},
        "Execution": {"ProcessID": "Execution_ProcessID", "ThreadID": "Execution_ThreadID"},
        "Security": {"UserID": "Security_UserID"},
    }
    for child in system:
        name = local_name(child)
        for attribute, field in attributes.get(name, {}).items():
            if child.get(attribute):
                put(event, field, child.get(attribute))
        if child.text and child.text.strip():
            put(event, name, child.text.strip())


def add_event_data(event: dict[str, str], data: ElementTree.Element) -> None:
    for child in data:
        name = local_name(child)
        if name == "Data":
            # Classic events leave their strings unnamed; Sigma calls all of them `Data`.
            put(event, child.get("Name") or "Data", child.text)
        elif len(child) == 0:
            put(event, name, child.text)
        else:
            add_leaves(event, child)


def add_leaves(event: dict[str, str], element: ElementTree.Element) -> None:
    for child in element:
        if len(child):
            add_leaves(event, child)
        else:
            put(event, local_name(child), child.text)


def add_squeezed_names(event: dict[str, str]) -> None:
    """Adds `ThreatName` beside `Threat Name`: Sigma's field names hold no spaces, some providers' do."""
    for name in [name for name in event if " " in name]:
        event.setdefault(name.replace(" ", ""), event[name])


def event_of_xml(text: str) -> dict[str, str]:
    root = ElementTree.fromstring(parseable(text))
    system: dict[str, str] = {}
    event: dict[str, str] = {}
    for part in root:
        name = local_name(part)
        if name == "System":
            add_system(system, part)
        elif name == "EventData":
            add_event_data(event, part)
        elif name == "RenderingInfo":
            put(event, "Message", next((c.text for c in part if local_name(c) == "Message"), None))
        else:
            add_leaves(event, part)
    add_squeezed_names(event)
    # `LogFileCleared` and others log a `Channel` of their own; what routes the event is System's.
    return system | {name: value for name, value in event.items() if name not in system}


def evtx_events(path: Path, shown: str, tally: Tally) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        records = iter(evtx.PyEvtxParser(str(path)).records())
    except Exception as error:  # noqa: BLE001 - whatever the reader says is the finding
        tally.problem(shown, error)
        return
    while True:
        try:
            record = next(records)
            event = event_of_xml(record["data"])
            # An exported log renumbers its record headers; the number analysts cite is the one in the event.
            yield f"{shown}#{event.get('EventRecordID') or record['event_record_id']}", event
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001
            tally.problem(shown, error)


def text_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def flat(event: dict, keep_envelope: bool) -> dict[str, str]:
    fields = {name: text_of(value) for name, value in event.items() if value is not None and not name.startswith("_")}
    if keep_envelope:
        return fields
    data = event.get("event_data") or event.get("user_data")
    if "log_name" in event and "event_id" in event:
        for name, value in (data or {}).items():
            if value is not None:
                fields[name] = text_of(value)
        names = WINLOGBEAT_NAMES
    else:
        names = NXLOG_NAMES
    for old, new in names.items():
        if old in fields:
            fields.setdefault(new, fields[old])
    return fields


def json_events(lines: Iterator[bytes], shown: str, keep_envelope: bool, tally: Tally) -> Iterator[tuple[str, dict]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            if not isinstance(event, dict):
                raise ValueError("not a JSON object")
        except ValueError as error:
            tally.problem(f"{shown}#{number}", error)
            continue
        yield f"{shown}#{number}", flat(event, keep_envelope)


def json_members(path: Path, shown: str, tally: Tally) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The NDJSON streams in one file: itself, or the JSON members of an archive."""
    lower = path.name.lower()
    try:
        if lower.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if name.lower().endswith(JSON_SUFFIXES):
                        with archive.open(name) as member:
                            yield f"{shown}/{name}", iter(member)
        elif lower.endswith((".tar.gz", ".tgz")):
            with tarfile.open(path) as archive:
                for entry in archive:
                    if entry.isfile() and entry.name.lower().endswith(JSON_SUFFIXES):
                        member = archive.extractfile(entry) or io.BytesIO()
                        yield f"{shown}/{entry.name}", iter(member)
        elif lower.endswith(JSON_SUFFIXES):
            with path.open("rb") as file:
                yield shown, iter(file)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
        tally.problem(shown, error)


def events_below(root: Path, only: tuple[str, ...], keep_envelope: bool, tally: Tally) -> Iterator[tuple[str, dict]]:
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        shown = path.relative_to(root).as_posix()
        if only and not path.name.lower().endswith(only):
            continue
        if path.suffix.lower() == ".evtx":
            tally.counts["files"] += 1
            yield from evtx_events(path, shown, tally)
            continue
        for member, lines in json_members(path, shown, tally):
            tally.counts["files"] += 1
            yield from json_events(lines, member, keep_envelope, tally)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="events NDJSON to write")
    parser.add_argument("--only", action="append", default=[], metavar="SUFFIX", help="read only files ending so, e.g. .evtx")
    parser.add_argument("--keep-envelope", action="store_true", help="do not add Windows names to NXLog and Winlogbeat events")
    arguments = parser.parse_args()
    tally, seen = Tally(), Counter()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", encoding="utf-8") as out:
        for key, event in events_below(arguments.directory, tuple(arguments.only), arguments.keep_envelope, tally):
            seen[key] += 1
            if seen[key] > 1:
                tally.counts["repeated keys"] += 1
                key = f"{key}~{seen[key]}"
            tally.counts["events"] += 1
            line = json.dumps({"_key": key, **event}, ensure_ascii=False)
            out.write(line.encode("utf-8", "replace").decode("utf-8") + "\n")
    for problem in tally.problems[:20]:
        print(f"unreadable: {problem}", file=sys.stderr)
    print(f"{arguments.out}: " + ", ".join(f"{count} {what}" for what, count in tally.counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
