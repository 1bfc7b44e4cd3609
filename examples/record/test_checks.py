#!/usr/bin/env python3
"""Shows that the two checks of a recording can fail. Run: python3 examples/record/test_checks.py"""

import gzip
import json
import tempfile
import unittest
from pathlib import Path

from check_leaks import leaks
from check_truth import problems, time_of

LINE = "Nov 22 06:41:02 gw01 sshd[56]: Accepted password for someone from 203.0.113.77 port 1 ssh2\n"


class CheckTruth(unittest.TestCase):
    def folder(self, line: str = LINE, **changes) -> Path:
        """A folder with one log line and one step that expects it, with `changes` made to the step."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "gw01").mkdir()
        (folder / "gw01" / "auth.log").write_text(line)
        trace = {"log": "gw01/auth.log", "contains": ["Accepted", "203.0.113.77"], "present": True}
        step = {"id": "S01", "visible": True, "traces": [trace], "time_start": "2026-11-21T21:41:01.500000Z",
                "time_end": "2026-11-21T21:41:03.000000Z"} | changes
        truth = {"steps": [step], "zones_of_logs_without_zone": {"gw01": "+09:00"}}
        (folder / "truth.json").write_text(json.dumps(truth))
        return folder

    def test_a_true_step_has_no_problem(self):
        self.assertEqual(problems(self.folder()), [])

    def test_a_missing_line_is_a_problem(self):
        self.assertIn("no line with", problems(self.folder("Nov 22 06:41:02 gw01 nothing\n"))[0])

    def test_a_line_at_another_time_is_a_problem(self):
        self.assertIn("not at that time", problems(self.folder(LINE.replace("06:41:02", "07:41:02")))[0])

    def test_a_line_that_should_be_gone_is_a_problem(self):
        trace = {"log": "gw01/auth.log", "contains": ["Accepted"], "present": False}
        self.assertIn("still", problems(self.folder(visible=False, traces=[trace]))[0])

    def test_a_missing_file_is_a_problem(self):
        trace = {"log": "gw01/other.log", "contains": ["Accepted"], "present": True}
        self.assertIn("no file", problems(self.folder(traces=[trace]))[0])

    def test_visible_needs_a_trace_and_invisible_has_none(self):
        self.assertIn("no trace is named", problems(self.folder(traces=[]))[0])
        self.assertIn("a trace is named", problems(self.folder(visible=False))[0])

    def test_times_of_every_collected_kind(self):
        same_moment = {
            LINE,
            "2026-11-22T06:41:02.000000+09:00 fs01 sudo: x",
            "type=SYSCALL msg=audit(1795297262.000:29): arch=c000003e",
            "1795297262.000    108 192.0.2.20 TCP_TUNNEL/200 2962 CONNECT store.example.net:443 - X -",
            '192.0.2.20 - - [21/Nov/2026:21:41:02 +0000] "GET / HTTP/1.1" 200 84 "-" "-"',
            '{"__REALTIME_TIMESTAMP":"1795297262000000","MESSAGE":"x"}',
            '  {"timestamp": "2026-11-22T06:41:02.000000+0900", "type": "Authentication"}',
            '{"timestamp": "2026-11-22T09:00:00+0900", "flow.end.sec": 1795297262, "src_ip": "192.0.2.1"}',
            "Sun Nov 22 06:41:02 2026 : Auth: (0) Login OK: [someone]",
        }
        for line in same_moment:
            with self.subTest(line=line):
                self.assertEqual(time_of(line, 2026, "+09:00").timestamp(), 1795297262)
        self.assertIsNone(time_of("snapshot 0238a097 saved", 2026, "+09:00"))


class CheckLeaks(unittest.TestCase):
    def found(self, text: str) -> list[str]:
        return leaks(text.encode(), {"someone": b"Aa1-secret"}, "recorder", ["/srv/recording"])

    def test_clean_text_passes(self):
        self.assertEqual(self.found(LINE + "mask 255.255.255.128, version 1.2.3.4-5, recorders\n"), [])

    def test_secret(self):
        self.assertEqual(self.found("argv: -pAa1-secret\n"), ["secret someone"])

    def test_address_outside_the_documentation_ranges(self):
        self.assertEqual(self.found("from 10.0.0.5 port 22\n"), ["address 10.0.0.5"])

    def test_name_and_paths_of_the_recording_machine(self):
        self.assertEqual(self.found('{"_HOSTNAME":"recorder"}'), ["host name recorder"])
        self.assertEqual(self.found("Nov 22 06:41:02 recorder sshd[1]: x\n"), ["host name recorder"])
        self.assertEqual(self.found("COMMAND=/srv/recording/x\n"), ["path /srv/recording"])

    def test_audit_records_of_another_host(self):
        record = 'type=SYSCALL msg=audit(1795297262.000:29): arch=c000003e comm="systemd" exe="/usr/lib/systemd/systemd"\n'
        self.assertEqual(self.found(record), ["audit records of another host"])


class CompressedLogs(unittest.TestCase):
    def test_compressed_files_are_read(self):
        from check_leaks import content
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "journal.json.gz"
            path.write_bytes(gzip.compress(b"10.0.0.5"))
            self.assertEqual(content(path), b"10.0.0.5")


if __name__ == "__main__":
    unittest.main()
