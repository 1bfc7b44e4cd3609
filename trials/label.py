#!/usr/bin/env python3
"""Turns the labels that public recordings bring along into one JSON object a line, as `hinomi trial run` reads them.

Usage: label.py FOLDER OUT, where FOLDER holds the recordings as published, unpacked. Only paths and ATT&CK ids are
written: facts, no text of the recordings. Nothing is judged here; a recording without a label is listed as unlabelled.
"""
import json
import os
import re
import sys

import yaml

TECHNIQUE = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")


def below(root, *endings):
    for folder, names, files in os.walk(root, followlinks=True):
        names.sort()
        for name in sorted(files):
            if name.endswith(endings):
                yield os.path.join(folder, name)


def metadata_files(root):
    """YAML metadata beside captures: ATT&CK mappings and the files they describe."""
    found = {}
    captures = {}
    for path in below(root, ".zip", ".tar.gz"):
        captures.setdefault(os.path.basename(path), path)
    for path in below(os.path.join(root, "_metadata"), ".yaml"):
        with open(path, encoding="utf-8") as file:
            data = yaml.safe_load(file)
        ids = []
        for mapping in data.get("attack_mappings") or []:
            sub = mapping.get("sub-technique")
            ids.append(mapping["technique"] + (f".{sub}" if sub else ""))
        ids = [i for i in ids if i != "T0000"]
        for entry in data.get("files") or []:
            name = os.path.basename(entry["link"])
            if name in captures:
                found.setdefault(captures[name], set()).update(ids)
    return captures, found


def technique_of_folder(path, root):
    """The folder is named after the technique, sometimes with `.xxx` for any sub-technique."""
    for part in reversed(os.path.relpath(path, root).split(os.sep)[:-1]):
        ids = TECHNIQUE.findall(part)
        if ids:
            return ids
    return []


def rule_tags(rules):
    """Id of a public rule to its ATT&CK techniques."""
    tags = {}
    for path in below(rules, ".yml"):
        with open(path, encoding="utf-8") as file:
            for document in yaml.safe_load_all(file):
                if isinstance(document, dict) and "id" in document:
                    ids = [t[7:].upper() for t in document.get("tags") or [] if re.match(r"attack\.t\d", t)]
                    tags[document["id"]] = ids
    return tags


def windows(folder):
    labels = []
    dense = os.path.join(folder, "security_datasets_atomic_2019_2021", "atomic")
    captures, known = metadata_files(dense)
    for path in sorted(captures.values()):
        # Without metadata the folder still names the tactic.
        tactic = os.path.relpath(path, dense).split(os.sep)[1].replace("_", "-")
        tactics = [] if known.get(path) or tactic == "other" else [tactic]
        labels.append((path, sorted(known.get(path, [])), tactics, "lab captures"))
    single = os.path.join(folder, "evtx_to_mitre_attack")
    for path in below(single, ".evtx"):
        labels.append((path, technique_of_folder(path, single), [], "single actions"))
    tests = os.path.join(folder, "sigma_regression_half_a")
    tags = rule_tags(os.path.join(folder, "..", "sigma_rules"))
    for path in below(tests, "info.yml"):
        with open(path, encoding="utf-8") as file:
            info = yaml.safe_load(file)
        ids = sorted({t for rule in info.get("rule_metadata") or [] for t in tags.get(rule["id"], [])})
        for record in below(os.path.dirname(path), ".evtx"):
            labels.append((record, ids, [], "rule tests"))
    return labels


def cloud(folder):
    """The file is named after platform, tactic and procedure."""
    return [(path, os.path.basename(path).split(".")[1], "cloud procedures") for path in below(folder, ".json")]


def benign(folder):
    names = sorted(os.listdir(folder))
    return [os.path.join(folder, name) for name in names if os.path.isdir(os.path.join(folder, name))]


def main():
    folder, out = sys.argv[1:3]
    lines, unlabelled = [], []
    kind = os.path.basename(os.path.normpath(folder))
    if kind.startswith("a_"):
        for path, ids, tactics, group in windows(folder):
            if not ids and not tactics:
                unlabelled.append(path)
            label = {"capture": os.path.relpath(path, folder), "techniques": ids, "tactics": tactics}
            lines.append(label | {"group": group})
    elif kind.startswith("e_"):
        for path, tactic, group in cloud(folder):
            lines.append({"capture": os.path.relpath(path, folder), "tactics": [tactic], "group": group})
    else:
        lines = [{"capture": os.path.relpath(p, folder), "benign": True, "group": kind} for p in benign(folder)]
    with open(out, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    print(f"{len(lines)} labels, {len(unlabelled)} recordings without one", file=sys.stderr)
    for path in unlabelled:
        print("  no label: " + os.path.relpath(path, folder), file=sys.stderr)


main()
