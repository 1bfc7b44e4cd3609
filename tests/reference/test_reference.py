"""Tests of the reference itself, over rules and events written for them."""

import importlib.util
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

from comparing import BadExplanation, Difference, Explanation, compare_sets, event_holds
from event_store import SKELETON_COLUMNS, EventStore, connect
from sigma_sql import convert_file

HERE = Path(__file__).parent


def program(name: str):  # noqa: ANN201
    """A program of this directory, as a module; their names hold dashes."""
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_events, make_probes = program("make-events"), program("make-probes")

SYSMON = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": "1"}


def rule(detection: str, logsource: str = "{product: windows, category: process_creation}", number: int = 1) -> str:
    return (
        f"title: Test rule {number}\nid: 00000000-0000-4000-8000-{number:012}\nstatus: test\n"
        f"logsource: {logsource}\ndetection:\n{detection}\nlevel: low\n"
    )


class Workspace(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)

    def matching(self, detection: str, events: list[dict], *, semantics: str = "two-valued", **rule_parts: str) -> set[str]:
        """Keys of the events (numbered from 0) that the rule matches, with and without the prefilter."""
        path = self.root / "rule.yml"
        path.write_text(rule(detection, **rule_parts), encoding="utf-8")
        converted = convert_file(path, "rule.yml", "skip")
        self.assertEqual(converted.problems, [])
        source = self.root / "events.ndjson"
        source.write_text("".join(json.dumps({"_key": str(n), **e}) + "\n" for n, e in enumerate(events)), encoding="utf-8")
        fields = set().union(*(q.fields for q in converted.queries))
        store = EventStore.load(source, fields, self.root / "events.sqlite")
        database = connect(store.path, read_only=True)
        self.addCleanup(database.close)
        kept, everything = set(), set()
        candidates = store.candidates(q.skeleton(SKELETON_COLUMNS) for q in converted.queries)
        for query, tables in zip(converted.queries, candidates):
            for table, columns in store.columns.items():
                rows = {k for (k,) in database.execute(f"SELECT k FROM {table} WHERE {query.condition(columns, semantics)}")}
                everything |= rows
                kept |= rows if table in tables else set()
        self.assertEqual(kept, everything, "the prefilter lost a match")
        return kept


class Evaluation(Workspace):
    def test_strings_ignore_case_and_honour_wildcards(self) -> None:
        events = [{**SYSMON, "Image": value} for value in (r"C:\Tools\A.EXE", r"C:\tools\b.exe", r"C:\x\a.exe.txt", r"C:\tools\a%exe")]
        self.assertEqual(self.matching("    s:\n        Image: 'c:\\tools\\a.exe'\n    condition: s", events), {"0"})
        self.assertEqual(self.matching("    s:\n        Image|endswith: '.exe'\n    condition: s", events), {"0", "1"})
        self.assertEqual(self.matching("    s:\n        Image: 'c:\\tools\\\\?.e*'\n    condition: s", events), {"0", "1"})
        self.assertEqual(self.matching("    s:\n        Image|contains: 'a%'\n    condition: s", events), {"3"})

    def test_a_filter_on_an_absent_field_hides_nothing_unless_sql_decides(self) -> None:
        events = [{**SYSMON, "Image": "a"}, {**SYSMON, "Image": "a", "User": "x"}, {**SYSMON, "Image": "a", "User": "y"}]
        detection = "    s:\n        Image: a\n    f:\n        User: x\n    condition: s and not f"
        self.assertEqual(self.matching(detection, events), {"0", "2"})
        self.assertEqual(self.matching(detection, events, semantics="sql"), {"2"})

    def test_null_means_absent_and_differs_from_empty(self) -> None:
        events = [{**SYSMON, "Image": "a"}, {**SYSMON, "Image": "a", "User": ""}, {**SYSMON, "Image": "a", "User": None}]
        self.assertEqual(self.matching("    s:\n        Image: a\n        User: null\n    condition: s", events), {"0", "2"})
        self.assertEqual(self.matching("    s:\n        Image: a\n        User: ''\n    condition: s", events), {"1"})
        negated = "    s:\n        Image: a\n    f:\n        User: null\n    condition: s and not f"
        self.assertEqual(self.matching(negated, events), {"1"})
        self.assertEqual(self.matching("    s:\n        User|exists: false\n    condition: s", events), {"0", "2"})

    def test_fields_that_differ_in_case_only_are_different(self) -> None:
        events = [{**SYSMON, "ProcessId": "4"}, {**SYSMON, "ProcessID": "4"}]
        self.assertEqual(self.matching("    s:\n        ProcessID: 4\n    condition: s", events), {"1"})

    def test_regular_expressions_are_case_sensitive_unless_told(self) -> None:
        events = [{**SYSMON, "CommandLine": "x ABC"}, {**SYSMON, "CommandLine": "x abc"}, SYSMON]
        self.assertEqual(self.matching("    s:\n        CommandLine|re: ' a.c$'\n    condition: s", events), {"1"})
        self.assertEqual(self.matching("    s:\n        CommandLine|re|i: ' a.c$'\n    condition: s", events), {"0", "1"})

    def test_numbers_compare_as_numbers(self) -> None:
        events = [{**SYSMON, "Size": value} for value in ("9", 10, "100", "many")]
        self.assertEqual(self.matching("    s:\n        Size|gt: 9\n    condition: s", events), {"1", "2"})
        self.assertEqual(self.matching("    s:\n        Size: 10\n    condition: s", events), {"1"})

    def test_truth_values_ignore_case(self) -> None:
        events = [{**SYSMON, "Signed": value} for value in ("True", True, "1", "false", "yes")]
        self.assertEqual(self.matching("    s:\n        Signed: true\n    condition: s", events), {"0", "1", "2"})

    def test_cidr(self) -> None:
        net = {"Channel": SYSMON["Channel"], "EventID": 3}
        events = [{**net, "DestinationIp": ip} for ip in ("10.1.2.3", "172.31.0.1", "172.32.0.1", "110.1.2.3")]
        detection = "    s:\n        DestinationIp|cidr:\n            - 10.0.0.0/8\n            - 172.16.0.0/12\n    condition: s"
        found = self.matching(detection, events, logsource="{product: windows, category: network_connection}")
        self.assertEqual(found, {"0", "1"})

    def test_keywords_search_every_value(self) -> None:
        events = [{"Channel": "Security", "A": "xx Needle yy"}, {"Channel": "Security", "B": "needle"}, {"Channel": "System", "A": "needle"}]
        found = self.matching("    k:\n        - needle\n    condition: k", events, logsource="{product: windows, service: security}")
        self.assertEqual(found, {"0", "1"})

    def test_process_creation_is_sysmon_1_and_security_4688(self) -> None:
        events = [
            {**SYSMON, "Image": r"C:\a.exe"},
            {"Channel": "Security", "EventID": 4688, "NewProcessName": r"C:\a.exe"},
            {"Channel": "Security", "EventID": 4689, "NewProcessName": r"C:\a.exe"},
            {**SYSMON, "EventID": 5, "Image": r"C:\a.exe"},
        ]
        self.assertEqual(self.matching("    s:\n        Image|endswith: '\\a.exe'\n    condition: s", events), {"0", "1"})

    def test_an_unknown_log_source_is_reported_not_guessed(self) -> None:
        path = self.root / "rule.yml"
        path.write_text(rule("    s:\n        A: b\n    condition: s", logsource="{product: windows, service: no-such}"), encoding="utf-8")
        self.assertEqual(convert_file(path, "rule.yml", "skip").queries, [])
        self.assertIn("unmapped", convert_file(path, "rule.yml", "skip").problems[0])
        self.assertEqual(len(convert_file(path, "rule.yml", "unrestricted").queries), 1)

    def test_modifiers_come_from_keys_only(self) -> None:
        path = self.root / "rule.yml"
        detection = "    s:  # a|b\n        - Image|contains|all: ['x|re', 'y']\n        - '|re': z\n    condition: s"
        path.write_text(rule(detection), encoding="utf-8")
        self.assertEqual(convert_file(path, "rule.yml", "skip").modifiers, {"contains", "all", "re"})

    def test_a_rule_for_windows_alone_reads_every_channel(self) -> None:
        events = [{"Channel": "A", "X": "1"}, {"Channel": "B", "X": "1"}, {"X": "2"}]
        detection = "    s:\n        X: 1\n    condition: s"
        self.assertEqual(self.matching(detection, events, logsource="{product: windows}"), {"0", "1"})

    def test_a_broken_rule_is_reported(self) -> None:
        path = self.root / "rule.yml"
        path.write_text("title: x\nlogsource: {product: windows}\ndetection: {condition: nothing}\n", encoding="utf-8")
        self.assertTrue(convert_file(path, "rule.yml", "skip").problems)

    def test_probes_are_reproducible_and_the_unspoiled_one_matches(self) -> None:
        path = self.root / "rule.yml"
        detection = (
            "    s:\n        Image|endswith: '\\x.exe'\n        CommandLine|re: '-[a-c]{2} \\d+$'\n"
            "    f:\n        User|startswith: 'sys'\n    condition: s and not f"
        )
        path.write_text(rule(detection), encoding="utf-8")
        probes = make_probes.probes_of(path, "rule.yml", 6, 1)
        self.assertEqual(probes, make_probes.probes_of(path, "rule.yml", 6, 1))
        self.assertNotEqual(probes, make_probes.probes_of(path, "rule.yml", 6, 2))
        self.assertEqual({p["EventID"] for p in probes}, {"1", "4688"})
        found = self.matching(detection, [p for p in probes if p["_key"].endswith("#0")])
        self.assertEqual(found, {"rule.yml/sysmon#0", "rule.yml/audit#0"})

    def test_the_program_end_to_end(self) -> None:
        (self.root / "rules").mkdir()
        for number, value in enumerate(("a", "b"), 1):
            text = rule(f"    s:\n        Image: {value}\n    condition: s", number=number)
            (self.root / "rules" / f"{number}.yml").write_text(text, encoding="utf-8")
        events, out = self.root / "e.ndjson", self.root / "m.ndjson"
        events.write_text(json.dumps({"_key": "f#1", **SYSMON, "Image": "A"}) + "\n", encoding="utf-8")
        command = [sys.executable, HERE / "reference.py", "evaluate", "--rules", self.root / "rules", "--events", events, "--out", out]
        subprocess.run(command, check=True, capture_output=True)
        match = json.loads(out.read_text(encoding="utf-8"))
        self.assertEqual((match["rule_id"], match["key"], match["via"]), ("00000000-0000-4000-8000-000000000001", "f#1", ["sysmon"]))


class Comparison(unittest.TestCase):
    REPORT = {
        "evaluated": ["r1", "r2"],
        "not_evaluated": {"r3": ["because"]},
        "rules": {"r1": {"logsource": "windows/dns_query/*", "modifiers": ["cidr"]}, "r2": {"logsource": "windows/x/*"}},
    }
    EVENTS = {"e1": {"_key": "e1", "Name": "Grüße"}, "e2": {"_key": "e2", "Name": "plain"}}

    def outcome(self, ours: set, theirs: set, *entries: dict):  # noqa: ANN201
        return compare_sets(ours, theirs, self.REPORT, self.EVENTS, [Explanation(**e) for e in entries], "c")

    def entry(self, **changes) -> dict:  # noqa: ANN003
        base = {"name": "n", "cause": "why", "side": "ours", "counts": {"c": 1}, "rules": ["r1"], "event": [{"field": "Name", "is": "not ascii"}]}
        return base | changes

    def test_equal_sets_agree(self) -> None:
        outcome = self.outcome({("r1", "e1")}, {("r1", "e1")})
        self.assertEqual((outcome.common, outcome.unexplained, outcome.stale), (1, [], {}))

    def test_either_side_alone_is_a_difference(self) -> None:
        outcome = self.outcome({("r1", "e1")}, {("r2", "e1")})
        self.assertEqual(outcome.unexplained, [Difference("r1", "e1", "ours"), Difference("r2", "e1", "theirs")])

    def test_rules_the_reference_cannot_evaluate_are_set_apart(self) -> None:
        outcome = self.outcome({("r3", "e1")}, set())
        self.assertEqual((outcome.unexplained, dict(outcome.incomparable)), ([], {"r3": 1}))

    def test_an_explanation_covers_only_what_its_conditions_name(self) -> None:
        self.assertEqual(self.outcome({("r1", "e1")}, set(), self.entry()).unexplained, [])
        for ours, entry in (
            ({("r1", "e2")}, self.entry()),
            ({("r2", "e1")}, self.entry()),
            ({("r1", "e1")}, self.entry(side="theirs")),
            ({("r1", "e1")}, self.entry(rules=[], rule={"logsource": "windows/x/*"})),
            ({("r1", "e1")}, self.entry(rule={"modifier": "re"})),
            ({("r1", "e1")}, self.entry(event=[], event_unknown=True)),
        ):
            self.assertEqual(len(self.outcome(ours, set(), entry).unexplained), 1, entry)

    def test_a_class_of_rules(self) -> None:
        entry = self.entry(rules=[], rule={"modifier": "cidr", "logsource": "windows/dns_query/*"})
        self.assertEqual(self.outcome({("r1", "e1")}, set(), entry).unexplained, [])

    def test_a_count_that_is_not_the_observed_one_is_stale(self) -> None:
        self.assertEqual(self.outcome(set(), set(), self.entry()).stale, {"n": (1, 0)})
        self.assertEqual(self.outcome({("r1", "e1")}, set(), self.entry(counts={"c": 2})).stale, {"n": (2, 1)})

    def test_an_event_the_reference_never_saw(self) -> None:
        entry = self.entry(event=[], event_unknown=True)
        self.assertEqual(self.outcome({("r1", "e9")}, set(), entry).unexplained, [])
        self.assertEqual(len(self.outcome({("r1", "e9")}, set(), self.entry()).unexplained), 1)

    def test_explanations_without_conditions_are_refused(self) -> None:
        for changes in ({"event": []}, {"rules": []}, {"side": "both"}, {"event": [{"field": "a", "is": "odd"}]}, {"rule": {"colour": "x"}}):
            with self.assertRaises(BadExplanation):
                Explanation(**self.entry(**changes))

    def test_event_conditions(self) -> None:
        event = {"_key": "needle", "A": "x\ny", "B": ""}
        self.assertTrue(event_holds({"field": "*", "is": "several lines"}, event))
        self.assertTrue(event_holds({"field": "C", "is": "absent"}, event))
        self.assertTrue(event_holds({"field": "B", "is": "empty"}, event))
        self.assertTrue(event_holds({"field": "I", "is": "not an address"}, {"I": "10.1..2"}))
        self.assertFalse(event_holds({"field": "I", "is": "not an address"}, {"I": "fe80::1"}))
        self.assertTrue(event_holds({"field": "A", "matches": "^x"}, event))
        self.assertFalse(event_holds({"field": "*", "contains": "needle"}, event))


class Flattening(Workspace):
    XML = (
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="P" Guid="{g}"/>'
        '<EventID Qualifiers="7">5</EventID><Channel>System</Channel><Execution ProcessID="1" ThreadID="2"/>'
        '<Security UserID="S-1"/></System>%s</Event>'
    )

    def test_names_of_system_and_event_data(self) -> None:
        data = '<EventData><Data Name="Threat Name">t</Data><Data>one</Data><Data>two</Data><Data Name="E"></Data></EventData>'
        self.assertEqual(
            make_events.event_of_xml(self.XML % data),
            {
                "Provider_Name": "P", "Provider_Guid": "{g}", "EventID": "5", "EventID_Qualifiers": "7", "Channel": "System",
                "Execution_ProcessID": "1", "Execution_ThreadID": "2", "Security_UserID": "S-1",
                "Threat Name": "t", "ThreatName": "t", "Data": "one\ntwo", "E": "",
            },
        )  # fmt: skip

    def test_leaves_of_user_data(self) -> None:
        event = make_events.event_of_xml(self.XML % '<UserData><Outer xmlns="u"><A>1</A><B><C>2</C></B></Outer></UserData>')
        self.assertEqual((event["A"], event["C"]), ("1", "2"))

    def test_the_system_part_wins_over_data_of_the_same_name(self) -> None:
        event = make_events.event_of_xml(self.XML % '<UserData><Cleared><Channel>Other</Channel></Cleared></UserData>')
        self.assertEqual(event["Channel"], "System")

    def test_control_characters_do_not_lose_an_event(self) -> None:
        event = make_events.event_of_xml(self.XML % '<EventData><Data Name="A">x\x01y&#x1;&#31;</Data></EventData>')
        self.assertEqual(event["A"], "x\ufffdy\ufffd\ufffd")

    def test_a_typed_guid_is_in_braces_as_windows_prints_it(self) -> None:
        typed, text = "5AA13A44-688C-68FE-D556-000000004002", "5aa13a44-688c-68fe-d556-000000004002"
        data = f'<EventData><Data Name="A">{typed}</Data><Data Name="B">{text}</Data></EventData>'
        event = make_events.event_of_xml(self.XML % data)
        self.assertEqual((event["A"], event["B"]), ("{" + typed + "}", text))

    def test_keys_and_envelopes_of_archives(self) -> None:
        nxlog = {"SourceName": "P", "Hostname": "H", "EventID": 1, "Signed": True}
        beats = {"log_name": "Security", "event_id": 4688, "computer_name": "H", "event_data": {"NewProcessName": "n"}}
        text = json.dumps(nxlog) + "\nnot json\n" + json.dumps(beats) + "\n"
        (self.root / "in").mkdir()
        with zipfile.ZipFile(self.root / "in" / "a.zip", "w") as archive:
            archive.writestr("m.json", text)
        with tarfile.open(self.root / "in" / "b.tar.gz", "w:gz") as archive:
            member = tarfile.TarInfo("m.json")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
        tally = make_events.Tally()
        events = dict(make_events.events_below(self.root / "in", (), False, tally))
        self.assertEqual(list(events), ["a.zip/m.json#1", "a.zip/m.json#3", "b.tar.gz/m.json#1", "b.tar.gz/m.json#3"])
        self.assertEqual(tally.counts["unreadable"], 2)
        first, second = events["a.zip/m.json#1"], events["a.zip/m.json#3"]
        self.assertEqual((first["Provider_Name"], first["Computer"], first["Signed"]), ("P", "H", "true"))
        self.assertEqual((second["Channel"], second["EventID"], second["NewProcessName"]), ("Security", "4688", "n"))


if __name__ == "__main__":
    unittest.main()
