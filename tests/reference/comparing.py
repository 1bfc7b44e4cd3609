"""Differences between two sets of (rule, event), and the written explanations that may cover them.

An explanation covers a difference only if every one of its conditions holds for that very rule and that
very event, and the number it covers in a corpus must be exactly the number written down. So it can
neither swallow an unrelated difference nor outlive its cause.
"""

import argparse
import ipaddress
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from event_store import read_events

REPEATED_KEY = re.compile(r"~\d+$")
RULE_TESTS = {"logsource", "modifier", "field", "via", "note"}
EVENT_TESTS = {"field", "is", "contains", "matches"}


def is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


STATES = {
    "absent": lambda value: value is None,
    "present": lambda value: value is not None,
    "empty": lambda value: value == "",
    "several lines": lambda value: value is not None and "\n" in value,
    "not an address": lambda value: value is not None and not is_address(value),
    "not ascii": lambda value: value is not None and not value.isascii(),
}


class BadExplanation(ValueError):
    """The explanation file says something this program does not understand."""


@dataclass(frozen=True, order=True)
class Difference:
    rule: str
    key: str
    side: str  # who alone has the match: `ours` or `theirs`


@dataclass
class Explanation:
    """One entry of explained.yaml; see README.md for its fields."""

    name: str
    cause: str
    side: str
    counts: dict[str, int]
    rules: set[str] = field(default_factory=set)
    rule: dict[str, str] = field(default_factory=dict)
    event: list[dict[str, str]] = field(default_factory=list)
    event_unknown: bool = False

    def __post_init__(self) -> None:
        self.rules = set(self.rules)
        if self.side not in ("ours", "theirs"):
            raise BadExplanation(f"{self.name}: side must be ours or theirs")
        if not self.rules and not self.rule:
            raise BadExplanation(f"{self.name}: names neither rules nor a class of rules")
        if not self.event and not self.event_unknown:
            raise BadExplanation(f"{self.name}: has no condition on the event")
        if unknown := set(self.rule) - RULE_TESTS:
            raise BadExplanation(f"{self.name}: unknown rule condition {sorted(unknown)}")
        for test in self.event:
            if set(test) - EVENT_TESTS or len(test) != 2 or "field" not in test:
                raise BadExplanation(f"{self.name}: an event condition is a field and one of {sorted(EVENT_TESTS - {'field'})}")
            if "is" in test and test["is"] not in STATES:
                raise BadExplanation(f"{self.name}: `is` must be one of {sorted(STATES)}")

    def covers(self, difference: Difference, rule: dict, event: dict | None) -> bool:
        if difference.side != self.side or (self.rules and difference.rule not in self.rules):
            return False
        if not all(self._rule_holds(test, wanted, rule) for test, wanted in self.rule.items()):
            return False
        if self.event_unknown or event is None:
            return self.event_unknown and event is None
        return all(event_holds(test, event) for test in self.event)

    @staticmethod
    def _rule_holds(test: str, wanted: str, rule: dict) -> bool:
        if test == "logsource":
            return rule.get("logsource") == wanted
        return wanted in rule.get(f"{test}s", ())


def event_holds(test: dict[str, str], event: dict) -> bool:
    """`field: '*'` means some field of the event."""
    values = [v for k, v in event.items() if k != "_key"] if test["field"] == "*" else [event.get(test["field"])]
    for value in values:
        text = value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if "is" in test:
            holds = STATES[test["is"]](text)
        elif "contains" in test:
            holds = text is not None and str(test["contains"]).lower() in text.lower()
        else:
            holds = text is not None and re.search(test["matches"], text) is not None
        if holds:
            return True
    return False


def load_explanations(path: Path, corpus: str) -> list[Explanation]:
    """The entries that speak about `corpus`."""
    entries = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("entries") or []
    try:
        explanations = [Explanation(**entry) for entry in entries]
    except TypeError as error:
        raise BadExplanation(f"{path}: {error}") from error
    return [e for e in explanations if corpus in e.counts]


def load_matches(path: Path) -> set[tuple[str, str]]:
    with path.open(encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines if line.strip())
        return {(row["rule_id"], REPEATED_KEY.sub("", row["key"])) for row in rows}


def events_by_key(path: Path, wanted: set[str]) -> dict[str, dict]:
    found: dict[str, dict] = {}
    for event in read_events(path):
        key = REPEATED_KEY.sub("", event["_key"])
        if key in wanted:
            found.setdefault(key, event)
    return found


@dataclass
class Outcome:
    common: int
    incomparable: Counter
    unexplained: list[Difference]
    explained: Counter
    expected: dict[str, int]

    @property
    def stale(self) -> dict[str, tuple[int, int]]:
        """Entries whose written count is not the observed one: (written, observed)."""
        return {n: (want, self.explained[n]) for n, want in self.expected.items() if want != self.explained[n] or want == 0}


def compare_sets(
    ours: set, theirs: set, report: dict, events: dict[str, dict], explanations: list[Explanation], corpus: str
) -> Outcome:
    evaluated, rules = set(report["evaluated"]), report.get("rules", {})
    incomparable = Counter(rule for rule, _ in ours if rule not in evaluated)
    ours = {match for match in ours if match[0] in evaluated}
    theirs = {match for match in theirs if match[0] in evaluated}
    explained: Counter[str] = Counter()
    unexplained = []
    differences = [Difference(*m, "ours") for m in ours - theirs] + [Difference(*m, "theirs") for m in theirs - ours]
    for difference in sorted(differences):
        rule, event = rules.get(difference.rule, {}), events.get(difference.key)
        by = next((e for e in explanations if e.covers(difference, rule, event)), None)
        if by is None:
            unexplained.append(difference)
        else:
            explained[by.name] += 1
    expected = {e.name: e.counts[corpus] for e in explanations}
    return Outcome(len(ours & theirs), incomparable, unexplained, explained, expected)


def print_outcome(outcome: Outcome, report: dict, examples: int, shown: int) -> None:
    rules = report.get("rules", {})
    print(f"agree on {outcome.common} matches; {sum(outcome.explained.values())} differences explained, "
          f"{len(outcome.unexplained)} not")
    if outcome.incomparable:
        print(f"not comparable: {sum(outcome.incomparable.values())} of our matches are of "
              f"{len(outcome.incomparable)} rules the reference cannot evaluate")
        for rule, count in outcome.incomparable.most_common():
            reason = "; ".join(report["not_evaluated"].get(rule, ["rule unknown to the reference"]))
            print(f"  {count:6} {rule}  {reason}")
    by_rule: dict[str, list[Difference]] = defaultdict(list)
    for difference in outcome.unexplained:
        by_rule[difference.rule].append(difference)
    if len(by_rule) > shown:
        print(f"{len(by_rule)} rules differ; the first {shown}:")
    for rule, group in sorted(by_rule.items(), key=lambda item: -len(item[1]))[:shown]:
        sides = Counter(d.side for d in group)
        about = rules.get(rule, {})
        print(f"{rule}  {about.get('title', '?')}  [{about.get('logsource', '?')}]")
        print(f"    only ours {sides['ours']}, only theirs {sides['theirs']}   {about.get('path', '')}")
        for side in ("ours", "theirs"):
            for difference in [d for d in group if d.side == side][:examples]:
                print(f"      {side:6} {difference.key}")
    for name, count in outcome.explained.most_common():
        print(f"explained: {count:6} {name}")
    for name, (written, observed) in outcome.stale.items():
        print(f"stale explanation: {name}: {written} written, {observed} observed")


def compare(arguments: argparse.Namespace) -> int:
    report_path = arguments.report or arguments.theirs.with_suffix(".report.json")
    report = json.loads(report_path.read_text(encoding="utf-8"))
    ours, theirs = load_matches(arguments.ours), load_matches(arguments.theirs)
    explanations = load_explanations(arguments.explained, arguments.corpus) if arguments.explained else []
    events = events_by_key(arguments.events, {key for _, key in ours ^ theirs})
    outcome = compare_sets(ours, theirs, report, events, explanations, arguments.corpus)
    print_outcome(outcome, report, arguments.examples, arguments.shown)
    return 1 if outcome.unexplained or outcome.stale else 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ours", type=Path, required=True, help='NDJSON of {"rule_id", "key"}')
    parser.add_argument("--theirs", type=Path, required=True, help="what evaluate wrote")
    parser.add_argument("--report", type=Path, help="evaluate's report (default: beside --theirs)")
    parser.add_argument("--events", type=Path, required=True, help="the events both sides read")
    parser.add_argument("--explained", type=Path, help="known differences")
    parser.add_argument("--corpus", required=True, help="which counts of the explanations apply")
    parser.add_argument("--examples", type=int, default=3)
    parser.add_argument("--shown", type=int, default=100, help="at most this many rules")
    parser.set_defaults(run=compare)
