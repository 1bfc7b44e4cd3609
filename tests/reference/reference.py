#!/usr/bin/env python3
"""Evaluates Sigma rules with pySigma and SQLite, and compares the result with this project's own.

    reference.py evaluate --rules DIR... --events FILE.ndjson --out matches.ndjson
    reference.py compare  --ours FILE --theirs matches.ndjson --explained explained.yaml ...

See README.md for what is compared and how the two differ on purpose.
"""

import argparse
import json
import multiprocessing
import sqlite3
import sys
import tempfile
import time
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path

import comparing
from event_store import SKELETON_COLUMNS, EventStore, connect
from sigma_sql import Query, RuleFile, convert_file

PACKAGES = ("pysigma", "pysigma-backend-sqlite", "pysigma-pipeline-sysmon", "pysigma-pipeline-windows", "evtx")


def rule_paths(directories: list[Path]) -> list[tuple[Path, str]]:
    found = []
    for directory in directories:
        base = directory.parent
        found += [(p, p.relative_to(base).as_posix()) for p in sorted(directory.rglob("*.yml"))]
    return found


def _convert(job: tuple[Path, str, str]) -> RuleFile:
    return convert_file(*job)


def convert_all(directories: list[Path], unmapped: str, jobs: int) -> list[RuleFile]:
    work = [(path, shown, unmapped) for path, shown in rule_paths(directories)]
    with multiprocessing.Pool(jobs) as pool:
        return pool.map(_convert, work, chunksize=32)


def plan(store: EventStore, queries: list[Query], prefilter: bool) -> dict[str, list[Query]]:
    """Which queries to run on which table."""
    by_table: dict[str, list[Query]] = defaultdict(list)
    if not prefilter:
        return {table: list(queries) for table in store.columns}
    for query, tables in zip(queries, store.candidates(q.skeleton(SKELETON_COLUMNS) for q in queries)):
        for table in tables:
            by_table[table].append(query)
    return by_table


def _run_table(job: tuple) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]], float]:
    path, table, columns, queries, null_semantics = job
    database = connect(path, read_only=True)
    matches, errors, began = [], [], time.monotonic()
    for query in queries:
        sql = f"SELECT k FROM {table} WHERE {query.condition(columns, null_semantics)}"
        try:
            matches += [(query.rule, query.via, key) for (key,) in database.execute(sql)]
        except sqlite3.Error as error:
            errors.append((query.rule, f"run: {type(error).__name__}: {error}"))
    database.close()
    return matches, errors, time.monotonic() - began


# A table is split by queries into pieces of about this many row visits, so that both cores stay busy.
VISITS_PER_PIECE = 2_000_000


def pieces(store: EventStore, by_table: dict[str, list[Query]], null_semantics: str) -> list[tuple]:
    work = []
    for table, queries in by_table.items():
        step = max(1, VISITS_PER_PIECE // max(1, store.rows[table]))
        for start in range(0, len(queries), step):
            part = queries[start : start + step]
            work.append((store.rows[table] * len(part), (store.path, table, store.columns[table], part, null_semantics)))
    return [job for _, job in sorted(work, key=lambda item: -item[0])]


def evaluate(arguments: argparse.Namespace) -> int:
    timings, began = {}, time.monotonic()
    files = convert_all(arguments.rules, arguments.unmapped, arguments.jobs)
    queries = [query for file in files for query in file.queries]
    timings["convert_s"], began = round(time.monotonic() - began, 1), time.monotonic()

    fields = set().union(*(query.fields for query in queries)) if queries else set()
    with tempfile.TemporaryDirectory(dir=arguments.out.parent) as scratch:
        store = EventStore.load(arguments.events, fields, Path(scratch) / "events.sqlite")
        timings["load_s"], began = round(time.monotonic() - began, 1), time.monotonic()
        work = pieces(store, plan(store, queries, arguments.prefilter), arguments.null_semantics)
        with multiprocessing.Pool(arguments.jobs) as pool:
            results = list(pool.imap_unordered(_run_table, work))
        timings["run_s"] = round(time.monotonic() - began, 1)

    vias: dict[tuple[str, str], set[str]] = defaultdict(set)
    failed: dict[str, set[str]] = defaultdict(set)
    for matches, errors, _ in results:
        for rule, via, key in matches:
            vias[rule, key].add(via)
        for rule, error in errors:
            failed[rule].add(error)
    write_matches(arguments.out, files, vias)
    report = summary(arguments, files, store, vias, failed, timings)
    report_path = arguments.out.with_suffix(".report.json")
    report_path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print_summary(report, arguments.out)
    return 0


def write_matches(out: Path, files: list[RuleFile], vias: dict[tuple[str, str], set[str]]) -> None:
    titles = {file.rule: file.title for file in files}
    with out.open("w", encoding="utf-8") as lines:
        for (rule, key), via in sorted(vias.items()):
            match = {"rule_id": rule, "key": key, "via": sorted(via), "title": titles.get(rule, "")}
            lines.write(json.dumps(match, ensure_ascii=False) + "\n")


def summary(arguments, files, store, vias, failed, timings) -> dict:  # noqa: ANN001 - gathers what evaluate holds
    hits = Counter(rule for rule, _ in vias)
    for file in files:
        file.problems += sorted(failed.get(file.rule, ()))
    return {
        "versions": {name: version(name) for name in PACKAGES} | {"sqlite": sqlite3.sqlite_version, "python": sys.version.split()[0]},
        "null_semantics": arguments.null_semantics,
        "unmapped": arguments.unmapped,
        "events": sum(store.rows.values()),
        "groups": len(store.tables),
        "rule_files": len(files),
        # Failed while running, or with no query at all: not comparable. A rule that one of its two
        # pipelines refused is still comparable by the other.
        "evaluated": sorted(f.rule for f in files if f.queries and f.rule not in failed),
        "not_evaluated": {f.rule: f.problems for f in files if not f.queries or f.rule in failed},
        "partly_evaluated": {f.rule: f.problems for f in files if f.queries and f.problems and f.rule not in failed},
        "rules": {f.rule: about(f) for f in files},
        "matches": len(vias),
        "rules_that_matched": len(hits),
        "hits": dict(hits.most_common()),
        "timings": timings,
    }


def about(file: RuleFile) -> dict:
    """What an explanation may ask of a rule."""
    return {
        "title": file.title,
        "path": file.path,
        "logsource": file.logsource,
        "modifiers": sorted(file.modifiers),
        "fields": sorted(set().union(*(query.fields for query in file.queries))),
        "vias": sorted({query.via for query in file.queries}),
        "notes": sorted(set(file.notes)),
    }


def reason_class(problems: list[str]) -> str:
    return problems[0].split("`")[0][:110] if problems else "?"


def print_summary(report: dict, out: Path) -> None:
    print(f"{out}: {report['matches']} matches of {report['rules_that_matched']} rules over {report['events']} events")
    print(f"  rules: {report['rule_files']} files, {len(report['evaluated'])} evaluated, {len(report['not_evaluated'])} not")
    for reason, count in Counter(map(reason_class, report["not_evaluated"].values())).most_common(12):
        print(f"    {count:5} {reason}")
    print(f"  partly evaluated: {len(report['partly_evaluated'])}   timings: {report['timings']}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("evaluate", help="run the rules over the events")
    run.add_argument("--rules", type=Path, nargs="+", required=True)
    run.add_argument("--events", type=Path, required=True)
    run.add_argument("--out", type=Path, required=True)
    run.add_argument("--null-semantics", choices=("two-valued", "sql"), default="two-valued")
    run.add_argument("--unmapped", choices=("skip", "unrestricted"), default="skip", help="rules whose log source no pipeline knows")
    run.add_argument("--jobs", type=int, default=2)
    run.add_argument("--no-prefilter", dest="prefilter", action="store_false", help="run every query on every table (slow; a check)")
    run.set_defaults(run=evaluate)
    comparing.add_arguments(verbs.add_parser("compare", help="compare with this project's matches"))
    return parser.parse_args()


if __name__ == "__main__":
    ARGUMENTS = parse()
    sys.exit(ARGUMENTS.run(ARGUMENTS))
