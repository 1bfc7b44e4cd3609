#!/usr/bin/env python3
"""Writes events made from the rules themselves, so that every rule is exercised and not only those that
recorded logs happen to trigger.

    make-probes.py --rules DIR... --out probes.events.ndjson [--per-rule 12] [--seed 1]

For each rule and pipeline, a walk over pySigma's condition tree chooses values that should satisfy it; most
events are then spoiled a little: letters change case, one character changes, a field goes missing or becomes empty,
a filter is satisfied too. Nobody decides here whether an event matches: two evaluators are asked, and
must agree. The same seed gives the same events.
"""

import argparse
import copy
import json
import random
import re
import re._constants as regex_ops
import re._parser as regex_parser
import sys
from pathlib import Path

from sigma.conditions import ConditionAND, ConditionNOT, ConditionOR
from sigma.types import (
    SigmaBool,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from reference import rule_paths
from sigma_sql import RuleFile, TokenBackend, pipelines_for, rules_of

FILLER = "abcXYZ019 \t\\/.,:;-_%*?'\"()[]{}=$^|&\n\u2013"
CATEGORIES = {regex_ops.CATEGORY_DIGIT: "0189", regex_ops.CATEGORY_SPACE: " \t", regex_ops.CATEGORY_WORD: "aZ_5"}
NOT_CATEGORIES = {regex_ops.CATEGORY_NOT_DIGIT: "a-", regex_ops.CATEGORY_NOT_SPACE: "x.", regex_ops.CATEGORY_NOT_WORD: " -"}


def filler(rng: random.Random, longest: int = 4) -> str:
    return "".join(rng.choice(FILLER) for _ in range(rng.randint(0, longest)))


class Value:
    """What one field should look like; pieces that contradict each other are simply both tried."""

    def __init__(self) -> None:
        self.exact: str | None = None
        self.prefix = self.suffix = ""
        self.middle: list[str] = []

    def text(self, rng: random.Random) -> str:
        if self.exact is not None:
            return self.exact
        pieces = [filler(rng) + piece for piece in self.middle]
        return self.prefix + "".join(pieces) + filler(rng) + self.suffix


class Draft:
    """An event in the making."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.values: dict[str, Value] = {}

    def value(self, field: str | None) -> Value:
        # A keyword may stand in any field.
        return self.values.setdefault(field or "Message", Value())

    def satisfy(self, condition: object, wanted: bool) -> None:
        if isinstance(condition, ConditionNOT):
            self.satisfy(condition.args[0], not wanted)
        elif isinstance(condition, (ConditionAND, ConditionOR)):
            everything = isinstance(condition, ConditionAND) == wanted
            chosen = condition.args if everything else [self.rng.choice(condition.args)]
            for argument in chosen:
                self.satisfy(argument, wanted)
        elif wanted:
            self.fit(getattr(condition, "field", None), condition.value)
        elif self.rng.random() < 0.3:
            self.fit(getattr(condition, "field", None), condition.value)
            self.values and self.spoil_character(getattr(condition, "field", None))

    def fit(self, field: str | None, value: object) -> None:
        target = self.value(field)
        if isinstance(value, SigmaExpansion):
            self.fit(field, self.rng.choice(value.values))
        elif isinstance(value, SigmaString):
            self.fit_string(target, value, keyword=field is None)
        elif isinstance(value, (SigmaNumber, SigmaBool)):
            target.exact = str(value).lower()
        elif isinstance(value, SigmaRegularExpression):
            target.middle.append(self.text_of_regex(str(value.regexp)))
        elif isinstance(value, SigmaCIDRExpression):
            network = value.network
            last = network.num_addresses - 1
            target.exact = str(network[self.rng.choice([0, last, self.rng.randint(0, last)])])
        elif isinstance(value, SigmaCompareExpression):
            target.exact = str(value.number.number + self.rng.choice([-1, 0, 1]))
        elif isinstance(value, SigmaFieldReference):
            self.value(value.field).exact = target.exact = self.rng.choice(["same", "a%b", "x\\y"])
        elif isinstance(value, SigmaNull) or (isinstance(value, SigmaExists) and not value):
            self.values.pop(field, None)

    def fit_string(self, target: Value, value: SigmaString, keyword: bool) -> None:
        parts = list(value.s)
        open_left = keyword or bool(parts) and parts[0] == SpecialChars.WILDCARD_MULTI
        open_right = keyword or bool(parts) and parts[-1] == SpecialChars.WILDCARD_MULTI
        inner = parts[int(open_left and not keyword) : len(parts) - int(open_right and not keyword)]
        text = "".join(self.text_of_part(part) for part in inner)
        if open_left and open_right:
            target.middle.append(text)
        elif open_left:
            target.suffix = text
        elif open_right:
            target.prefix = text
        else:
            target.exact = text

    def text_of_part(self, part: object) -> str:
        if part == SpecialChars.WILDCARD_MULTI:
            return filler(self.rng)
        if part == SpecialChars.WILDCARD_SINGLE:
            return self.rng.choice(FILLER)
        return str(part)

    def text_of_regex(self, pattern: str) -> str:
        try:
            return self._of_nodes(regex_parser.parse(pattern))
        except (re.error, RecursionError):
            return filler(self.rng)

    def _of_nodes(self, nodes: object) -> str:
        return "".join(self._of_node(op, argument) for op, argument in nodes)

    def _of_node(self, op: object, argument: object) -> str:
        if op is regex_ops.LITERAL:
            return chr(argument)
        if op is regex_ops.ANY or op is regex_ops.NOT_LITERAL:
            return self.rng.choice(FILLER)
        if op is regex_ops.IN:
            return self._of_set(argument)
        if op in (regex_ops.MAX_REPEAT, regex_ops.MIN_REPEAT, regex_ops.POSSESSIVE_REPEAT):
            low, high, nodes = argument
            times = self.rng.randint(low, min(int(high), low + 3))
            return "".join(self._of_nodes(nodes) for _ in range(times))
        if op is regex_ops.SUBPATTERN:
            return self._of_nodes(argument[-1])
        if op is regex_ops.BRANCH:
            return self._of_nodes(self.rng.choice(argument[1]))
        return ""

    def _of_set(self, members: list) -> str:
        if members[0][0] is regex_ops.NEGATE:
            return self.rng.choice(FILLER)
        op, argument = self.rng.choice(members)
        if op is regex_ops.LITERAL:
            return chr(argument)
        if op is regex_ops.RANGE:
            return chr(self.rng.randint(*argument))
        return self.rng.choice((CATEGORIES | NOT_CATEGORIES).get(argument, "a"))

    def spoil_character(self, field: str | None) -> None:
        """One character of a field becomes another, is dropped, or is doubled."""
        target = self.value(field)
        text = target.text(self.rng)
        if text:
            at = self.rng.randrange(len(text))
            text = text[:at] + self.rng.choice(["", text[at] * 2, self.rng.choice(FILLER)]) + text[at + 1 :]
        target.exact = text

    def spoil(self, routing: set[str]) -> None:
        """Up to two small changes to the event as a whole."""
        for _ in range(self.rng.randint(0, 2)):
            names = sorted(self.values.keys() - routing)
            if not names:
                return
            name = self.rng.choice(names)
            change = self.rng.randrange(5)
            if change == 0:
                del self.values[name]
            elif change == 1:
                self.value(name).exact = ""
            elif change == 2:
                self.spoil_character(name)
            elif change == 3:
                self.value(name).exact = swap_case(self.value(name).text(self.rng))
            else:
                self.value(name).exact = filler(self.rng) + self.value(name).text(self.rng) + filler(self.rng)

    def event(self) -> dict[str, str]:
        return {name: value.text(self.rng) for name, value in self.values.items()}


def swap_case(text: str) -> str:
    """ASCII letters only: SQLite knows no other case (see README.md)."""
    return "".join(c.swapcase() if c.isascii() else c for c in text)


def probes_of(path: Path, shown: str, per_rule: int, seed: int) -> list[dict[str, str]]:
    try:
        rules = rules_of(path.read_text(encoding="utf-8"), RuleFile(shown, shown))
    except Exception:  # noqa: BLE001 - evaluate reports what cannot be read
        return []
    events = []
    for rule in rules:
        for via, pipeline in pipelines_for(rule).items():
            converted = copy.deepcopy(rule)
            try:
                TokenBackend(pipeline, collate_nocase=True).convert_rule(converted)
            except Exception:  # noqa: BLE001
                continue
            trees = [condition.parsed for condition in converted.detection.parsed_condition]
            rng = random.Random(f"{seed}/{shown}/{via}")
            for number in range(per_rule):
                draft = Draft(rng)
                draft.satisfy(rng.choice(trees), True)
                if number:
                    draft.spoil({"Channel", "EventID"})
                events.append({"_key": f"{shown}/{via}#{number}", **draft.event()})
    return events


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rules", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--per-rule", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    count = 0
    with arguments.out.open("w", encoding="utf-8") as out:
        for path, shown in rule_paths(arguments.rules):
            for event in probes_of(path, shown, arguments.per_rule, arguments.seed):
                out.write(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace").decode() + "\n")
                count += 1
    print(f"{arguments.out}: {count} events made from rules")
    return 0


if __name__ == "__main__":
    sys.exit(main())
