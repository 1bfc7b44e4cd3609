"""Sigma rules to SQLite conditions, by pySigma, its SQLite backend and its Windows pipelines.

Log sources are resolved by the published pipelines alone (sysmon, windows_logsource, windows_audit);
this project's own mapping is not consulted. A rule whose log source no pipeline knows is reported,
not guessed.

# What this adds to the backend

* Field names leave the backend as tokens, so that one conversion serves tables of different columns
  and SQLite's case-insensitive column names cannot merge `ProcessId` with `ProcessID`.
* The places where NULL matters leave it as tokens too, so that both null semantics come from one
  conversion, and so does the skeleton that selects candidate tables.
* Keywords (values without a field), which the backend refuses, search the field `_raw`: all values
  of the event, one per line.
* Numeric comparison casts, because every column is text; truth values ignore case, as the backend's own strings do.
"""

import copy
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.conditions import ConditionValueExpression
from sigma.conversion.state import ConversionState
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.pipelines.sysmon import sysmon_pipeline
from sigma.pipelines.sysmon.sysmon import sysmon_generic_logsource_eventid_mapping
from sigma.pipelines.windows import windows_audit_pipeline, windows_logsource_pipeline
from sigma.pipelines.windows.windows import generic_logsource_to_windows_audit_event_mapping
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule
from sigma.types import SigmaNumber, SigmaRegularExpression, SigmaString, SpecialChars

RAW_FIELD = "_raw"
FIELD, NULL_SAFE_OPEN, NULL_SAFE_CLOSE, IS_NULL, IS_NOT_NULL = "\x01", "\x02", "\x03", "\x04", "\x05"
FIELD_TOKEN = re.compile("\x01([^\x01]*)\x01")
NULL_TEST_TOKEN = re.compile("\x01[^\x01]*\x01[\x04\x05]")


class TokenBackend(sqliteBackend):
    """The SQLite backend, emitting the bare condition with tokens instead of names."""

    null_safe_expression = NULL_SAFE_OPEN + "{expr}" + NULL_SAFE_CLOSE
    field_null_expression = "{field}" + IS_NULL
    field_exists_expression = "{field}" + IS_NOT_NULL
    field_not_exists_expression = "{field}" + IS_NULL
    bool_expression = "({field}={value} COLLATE NOCASE OR {field}={numeric_value})"
    compare_op_expression = "(({field} GLOB '[0-9-]*') AND CAST({field} AS NUMERIC) {operator} {value})"

    def escape_and_quote_field(self, field: str) -> str:
        return f"{FIELD}{field}{FIELD}"

    def finalize_query_default(self, rule, query, index, state):  # noqa: ANN001, ANN201 - upstream's signature
        return query

    def convert_condition_val_str(self, cond: ConditionValueExpression, state: ConversionState) -> str:
        any_text = SigmaString("*")
        value = any_text + cond.value + any_text
        value.s = tuple(p for i, p in enumerate(value.s) if not (i and p == value.s[i - 1] == SpecialChars.WILDCARD_MULTI))
        pattern = self.convert_value_str(value, state, no_quote=True)
        return f"{self.escape_and_quote_field(RAW_FIELD)} LIKE '{pattern}' ESCAPE '\\'"

    def convert_condition_val_num(self, cond: ConditionValueExpression, state: ConversionState) -> str:
        number: SigmaNumber = cond.value
        return f"{self.escape_and_quote_field(RAW_FIELD)} LIKE '%{number}%'"

    def convert_condition_val_re(self, cond: ConditionValueExpression, state: ConversionState) -> str:
        regex: SigmaRegularExpression = cond.value
        return f"{self.escape_and_quote_field(RAW_FIELD)} REGEXP '{self.convert_value_re(regex, state)}'"


@dataclass(frozen=True)
class Query:
    """One condition of one rule under one pipeline."""

    rule: str
    via: str
    tokens: str

    @property
    def fields(self) -> set[str]:
        return set(FIELD_TOKEN.findall(self.tokens))

    def condition(self, columns: dict[str, str], null_semantics: str) -> str:
        """SQL over a table that holds `columns` (field name to column); other fields are NULL."""
        two_valued = null_semantics == "two-valued"
        return self._render(self.tokens, columns, "COALESCE(" if two_valued else "(", ", 0)" if two_valued else ")")

    def skeleton(self, columns: dict[str, str]) -> str:
        """SQL that is 0 only where no event with these `columns` can match; NULL stands for unknown.

        SQL's own logic over NULL is Kleene's, so a field that is not in `columns` becomes NULL, and a
        test *for* NULL becomes unknown rather than true.
        """
        return self._render(NULL_TEST_TOKEN.sub("NULL", self.tokens), columns, "(", ")")

    @staticmethod
    def _render(tokens: str, columns: dict[str, str], opening: str, closing: str) -> str:
        sql = FIELD_TOKEN.sub(lambda match: columns.get(match[1], "NULL"), tokens)
        for token, text in (
            (NULL_SAFE_OPEN, opening),
            (NULL_SAFE_CLOSE, closing),
            (IS_NULL, " IS NULL"),
            (IS_NOT_NULL, " IS NOT NULL"),
        ):
            sql = sql.replace(token, text)
        return sql


@dataclass
class RuleFile:
    """What became of one rule file."""

    path: str
    rule: str
    title: str = ""
    logsource: str = ""
    modifiers: set[str] = field(default_factory=set)
    queries: list[Query] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def pipelines_for(rule: SigmaRule) -> dict[str, ProcessingPipeline]:
    """The pipelines to convert with; several mean the union of what they match."""
    category = rule.logsource.category
    chosen = {}
    if rule.logsource.product == "windows" and category in sysmon_generic_logsource_eventid_mapping:
        chosen["sysmon"] = sysmon_pipeline() + windows_logsource_pipeline()
    if rule.logsource.product == "windows" and category in generic_logsource_to_windows_audit_event_mapping:
        chosen["audit"] = windows_audit_pipeline() + windows_logsource_pipeline()
    return chosen or {"windows": windows_logsource_pipeline()}


def modifiers_of(node: object) -> set[str]:
    """Every `|modifier` on a key anywhere in a rule."""
    if isinstance(node, dict):
        own = {part for key in node if isinstance(key, str) for part in key.split("|")[1:]}
        return own.union(*(modifiers_of(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(modifiers_of(value) for value in node))
    return set()


def convert_file(path: Path, shown: str, unmapped: str) -> RuleFile:
    """Converts one file; `unmapped` is `skip` or `unrestricted`."""
    result = RuleFile(path=shown, rule=shown)
    try:
        text = path.read_text(encoding="utf-8")
        rules = rules_of(text, result)
    except Exception as error:  # noqa: BLE001 - a rule the reference cannot read is a finding
        result.problems.append(f"parse: {type(error).__name__}: {error}")
        return result
    result.modifiers = modifiers_of(yaml.load(text, yaml.CSafeLoader)) if rules else set()
    for rule in rules:
        for via, pipeline in pipelines_for(rule).items():
            try:
                # Conversion rewrites the rule in place, so every pipeline gets a fresh one.
                _convert_via(copy.deepcopy(rule), via, pipeline, unmapped, result)
            except (SigmaError, NotImplementedError, ValueError, TypeError, AttributeError) as error:
                result.problems.append(f"convert ({via}): {type(error).__name__}: {error}")
    return result


def rules_of(text: str, result: RuleFile) -> list[SigmaRule]:
    rules = []
    for rule in SigmaCollection.from_yaml(text).rules:
        if isinstance(rule, SigmaCorrelationRule):
            result.problems.append("correlation rule: not evaluated by this reference")
            continue
        source = rule.logsource
        result.rule = str(rule.id) if rule.id else result.path
        result.title = rule.title
        result.logsource = "/".join(part or "*" for part in (source.product, source.category, source.service))
        rules.append(rule)
    return rules


def _convert_via(rule: SigmaRule, via: str, pipeline: ProcessingPipeline, unmapped: str, result: RuleFile) -> None:
    conditions = TokenBackend(pipeline, collate_nocase=True).convert_rule(rule)
    # A rule for the product alone means every event of it, and every event here is of Windows.
    whole_product = result.logsource == "windows/*/*"
    if not rule.applied_processing_items and not whole_product:
        note = f"no pipeline maps log source {result.logsource}"
        if unmapped == "skip":
            result.problems.append(f"unmapped: {note}")
            return
        result.notes.append(note)
    for tokens in conditions:
        query = Query(result.rule, via, tokens)
        if RAW_FIELD in query.fields:
            result.notes.append("keywords")
        result.queries.append(query)
