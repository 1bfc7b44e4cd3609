"""The ground truth: what was done, by whom, when, and where it should show.

Times come from this process's clock around each action, never from the logs. What each step expects to find in
the logs is written down before anything is collected; `check_truth.py` then holds the collected logs against it.
"""

import json
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path


# Classic syslog lines carry neither year nor zone; these hosts run on Japanese time, the others on UTC.
ZONES = {"gw01": "+09:00", "dc01": "+09:00", "bk01": "+00:00", "px01": "+00:00"}


@dataclass(frozen=True)
class Trace:
    """A line holding every text of `contains` is expected in (or, if `present` is false, gone from) `log`."""

    log: str
    contains: list[str]
    present: bool = True


def seen(log: str, *contains: str) -> Trace:
    return Trace(log, list(contains))


def gone(log: str, *contains: str) -> Trace:
    return Trace(log, list(contains), present=False)


@dataclass
class Step:
    """One thing that somebody did. `visible` says whether any collected log can show it at all."""

    id: str
    kind: str
    host: str
    account: str
    source: str
    techniques: list[str]
    what: str
    what_ja: str
    visible: bool
    traces: list[Trace] = field(default_factory=list)
    note: str = ""
    time_start: str = ""
    time_end: str = ""

    def as_json(self) -> dict:
        body = asdict(self)
        body["logs"] = sorted({trace.log for trace in self.traces if trace.present})
        return body


def now() -> str:
    return datetime.fromtimestamp(time.time(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Truth:
    """Collects steps in the order they happen and writes them as one JSON document."""

    def __init__(self, scenario: str, versions: dict[str, str]):
        self.scenario = scenario
        self.versions = versions
        self.started = now()
        self.steps: list[Step] = []

    @contextmanager
    def step(self, id: str, kind: str, host: str, account: str, source: str, techniques: str = "", *, what: str,
             what_ja: str, traces: list[Trace] | None = None, visible: bool = True, note: str = ""):
        step = Step(id, kind, host, account, source, techniques.split(), what, what_ja, visible, traces or [], note)
        print(f"  {id} {host} {account}: {what}", flush=True)
        step.time_start = now()
        yield step
        step.time_end = now()
        self.steps.append(step)

    def write(self, path: Path) -> None:
        document = {
            "schema_version": 1,
            "scenario": self.scenario,
            "recorded_from": self.started,
            "recorded_to": now(),
            "attack_version": "18.1",
            "packages": self.versions,
            "zones_of_logs_without_zone": ZONES,
            "steps": [step.as_json() for step in self.steps],
        }
        path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
