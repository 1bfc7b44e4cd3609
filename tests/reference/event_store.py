"""Events in SQLite: one table per (Channel, EventID), one text column per field a rule asks for.

Tables are narrow because only fields that some rule names are kept, so SQLite's column limit is out of
reach; a field an event lacks is NULL.
"""

import json
import re
import sqlite3
from collections import Counter, defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Iterable, Iterator

from sigma_sql import RAW_FIELD

GROUP_FIELDS = ("Channel", "EventID")
MAX_COLUMNS = 1900
INSERT_BATCH = 2000

Group = tuple[str | None, str | None]


def text_of(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    # SQLite's LIKE stops at a NUL byte.
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.replace("\x00", "\ufffd")


def read_events(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def group_of(event: dict) -> Group:
    return tuple(text_of(event.get(name)) for name in GROUP_FIELDS)


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern:
    return re.compile(pattern)


def regexp(pattern: str, value: str | None) -> bool | None:
    return None if value is None else compiled(pattern).search(value) is not None


def connect(path: Path, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rwc"
    database = sqlite3.connect(f"file:{path}?mode={mode}", uri=True)
    database.create_function("REGEXP", 2, regexp, deterministic=True)
    database.execute("PRAGMA mmap_size = 8589934592")
    return database


class EventStore:
    """Tables `g0`, `g1`, … and what is in each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tables: dict[Group, str] = {}
        self.columns: dict[str, dict[str, str]] = {}
        self.rows: Counter[str] = Counter()

    @classmethod
    def load(cls, events: Path, fields: set[str], path: Path) -> "EventStore":
        path.unlink(missing_ok=True)
        store = cls(path)
        store._survey(events, fields)
        database = connect(path, read_only=False)
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        store._create(database)
        store._fill(database, events)
        database.commit()
        database.close()
        return store

    def _survey(self, events: Path, fields: set[str]) -> None:
        """First pass: which tables, and which of the wanted fields each needs."""
        present: dict[str, set[str]] = defaultdict(set)
        for event in read_events(events):
            table = self.tables.setdefault(group_of(event), f"g{len(self.tables)}")
            present[table].update(event.keys() & fields)
        for table in self.tables.values():
            # `_raw` comes last: it is the longest value and the least often asked for.
            names = sorted(present[table]) + ([RAW_FIELD] if RAW_FIELD in fields else [])
            if len(names) > MAX_COLUMNS:
                raise ValueError(f"{len(names)} fields in one (Channel, EventID): evaluate fewer rules at once")
            self.columns[table] = {name: f"c{number}" for number, name in enumerate(names)}

    def _create(self, database: sqlite3.Connection) -> None:
        for table, columns in self.columns.items():
            definition = "".join(f", {column} TEXT" for column in columns.values())
            database.execute(f"CREATE TABLE {table} (k TEXT UNIQUE{definition})")

    def _fill(self, database: sqlite3.Connection, events: Path) -> None:
        pending: dict[str, list[tuple]] = defaultdict(list)
        for event in read_events(events):
            table = self.tables[group_of(event)]
            row = [event["_key"]]
            for name in self.columns[table]:
                row.append(raw_of(event) if name == RAW_FIELD else text_of(event.get(name)))
            pending[table].append(tuple(row))
            self.rows[table] += 1
            if len(pending[table]) >= INSERT_BATCH:
                self._insert(database, table, pending.pop(table))
        for table, rows in pending.items():
            self._insert(database, table, rows)

    def _insert(self, database: sqlite3.Connection, table: str, rows: list[tuple]) -> None:
        marks = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def candidates(self, skeletons: Iterable[str]) -> list[list[str]]:
        """For every skeleton over `channel` and `event_id`, the tables it does not rule out."""
        database = sqlite3.connect(":memory:")
        database.create_function("REGEXP", 2, regexp, deterministic=True)
        database.execute("CREATE TABLE groups (name TEXT, channel TEXT, event_id TEXT)")
        database.executemany("INSERT INTO groups VALUES (?, ?, ?)", [(t, *g) for g, t in self.tables.items()])
        found = []
        for skeleton in skeletons:
            rows = database.execute(f"SELECT name FROM groups WHERE ({skeleton}) IS NOT 0")
            found.append([name for (name,) in rows])
        return found


SKELETON_COLUMNS = {"Channel": "channel", "EventID": "event_id"}


def raw_of(event: dict) -> str:
    return "\n".join(text for name, value in event.items() if name != "_key" and (text := text_of(value)) is not None)
