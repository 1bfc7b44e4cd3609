"""The same questions to Hinomi and to other engines over the same folder: equal rows, or exit 1."""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections import Counter

from queries import HUNTS, MORE

HINOMI = os.environ["HINOMI"]


def cell(value):
    """A value that engines give in different types, in one form."""
    if isinstance(value, datetime.datetime):
        zone = value.tzinfo or datetime.timezone.utc
        return int(value.replace(tzinfo=zone).timestamp() * 1_000_000 + 0.5)
    if isinstance(value, str) and value.endswith("\x1e") and not value.startswith("\x1f"):
        return ", ".join(value[:-1].split("\x1e"))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def instant(value):
    """Times in Hinomi's JSON are texts."""
    if isinstance(value, str) and len(value) >= 20 and value[4] == "-" and value[10] == "T" and value.endswith("Z"):
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value


def rows(table):
    return Counter(tuple(cell(value) for value in row) for row in table)


class Hinomi:
    def __init__(self, folder):
        self.folder = folder

    def ask(self, sql):
        command = [HINOMI, "query", "--in", self.folder, "--max-rows", "10000000", "--timeout", "600", "-o", "jsonl", sql]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return rows([instant(value) for value in row.values()] for row in found)


class Duck:
    def __init__(self, folder):
        import duckdb

        self.engine = duckdb.connect()
        self.engine.execute("SET TimeZone = 'UTC'")
        source = f"read_parquet('{folder}/events/**/*.parquet', union_by_name=true, hive_partitioning=true)"
        self.engine.execute(f"CREATE VIEW events AS SELECT * FROM {source}")

    def ask(self, sql):
        return rows(self.engine.execute(sql).fetchall())


class Iceberg(Duck):
    """Rows as PyIceberg reads them, asked in DuckDB."""

    def __init__(self, metadata, properties=None):
        import duckdb
        from pyiceberg.table import StaticTable

        table = StaticTable.from_metadata(metadata, properties or {}).scan().to_arrow()
        self.engine = duckdb.connect()
        self.engine.execute("SET TimeZone = 'UTC'")
        self.engine.register("events", table)


class Spark:
    def __init__(self, folder):
        from pyspark.sql import SparkSession

        settings = {
            "spark.ui.enabled": "false",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.caseSensitive": "true",
            "spark.sql.shuffle.partitions": "4",
            "spark.driver.memory": "3g",
        }
        builder = SparkSession.builder.master("local[2]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        os.environ["TZ"] = "UTC"
        time.tzset()
        self.engine = builder.getOrCreate()
        self.engine.sparkContext.setLogLevel("ERROR")
        self.engine.read.option("mergeSchema", "true").parquet(f"{folder}/events").createOrReplaceTempView("events")

    def ask(self, sql):
        return rows(tuple(row) for row in self.engine.sql(sql).collect())


class ClickHouse:
    """`source` is a table function over all files."""

    SETTINGS = "schema_inference_mode='union', input_format_parquet_allow_missing_columns=1, session_timezone='UTC', join_use_nulls=1"

    def __init__(self, source):
        self.source = source

    def ask(self, sql):
        import chdb

        asked = sql.replace("FROM events", f"FROM {self.source} AS events").replace("AS events a", "AS a")
        asked = asked.replace("JOIN events b", f"JOIN {self.source} AS b")
        text = str(chdb.query(f"{asked} SETTINGS {self.SETTINGS}", "JSONCompactEachRow"))
        found = (json.loads(line) for line in text.splitlines() if line)
        return rows([clickhouse_value(value) for value in row] for row in found)


def clickhouse_value(value):
    """Large numbers and times are texts in ClickHouse's JSON."""
    if isinstance(value, str) and len(value) >= 19 and value[4] == "-" and value[10] == " " and value[13] == ":":
        return datetime.datetime.fromisoformat(value).replace(tzinfo=datetime.timezone.utc)
    return value


def numbers_as(expected, found):
    """ClickHouse writes 64-bit numbers as texts: compares such a pair as texts."""
    return Counter({tuple(str(v) if isinstance(v, int) else v for v in row): n for row, n in found.items()})


def compare(name, engine, expected, failures):
    for title, sql in HUNTS + MORE:
        found = engine.ask(sql)
        wanted = expected[title]
        if isinstance(engine, ClickHouse):
            found, wanted = numbers_as(wanted, found), numbers_as(found, wanted)
        if found != wanted:
            failures.append(f"{name}: {title}: missing {list((wanted - found).items())[:3]}, surplus {list((found - wanted).items())[:3]}")
    print(f"{name}: {len(HUNTS + MORE)} queries, {sum(sum(e.values()) for e in expected.values())} rows")


def on_s3(folder, weed, expected, failures):
    """The same folder behind an S3 interface."""
    import pyarrow.fs as fs

    with tempfile.TemporaryDirectory() as data:
        identity = pathlib.Path(data, "s3.json")
        identity.write_text(json.dumps({"identities": [{"name": "test", "credentials": [{"accessKey": "any", "secretKey": "any"}], "actions": ["Admin", "Read", "Write", "List"]}]}))
        command = [weed, "server", f"-s3.config={identity}", f"-dir={data}", "-s3", "-s3.port=18333", "-master.port=19333", "-volume.port=18080", "-filer.port=18888", "-ip=127.0.0.1", "-volume.max=8"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            store = fs.S3FileSystem(access_key="any", secret_key="any", endpoint_override="127.0.0.1:18333", scheme="http", region="us-east-1", allow_bucket_creation=True)
            for attempt in range(60):
                try:
                    store.create_dir("evidence")
                    break
                except OSError:
                    time.sleep(1)
            subprocess.run([HINOMI, "iceberg", "--in", folder, "--location", "s3://evidence/derived", "-q"], check=True, stdout=subprocess.DEVNULL)
            for part in ["events", "metadata"]:
                fs.copy_files(f"{folder}/{part}", f"evidence/derived/{part}", destination_filesystem=store)
            compare("ClickHouse over S3", ClickHouse("s3('http://127.0.0.1:18333/evidence/derived/events/*/*/*.parquet', 'any', 'any', 'Parquet')"), expected, failures)
            newest = max(pathlib.Path(folder, "metadata").glob("v*.metadata.json"), key=lambda p: int(p.name[1:].split(".")[0])).name
            properties = {"s3.endpoint": "http://127.0.0.1:18333", "s3.access-key-id": "any", "s3.secret-access-key": "any", "s3.region": "us-east-1"}
            compare("PyIceberg over S3", Iceberg(f"s3://evidence/derived/metadata/{newest}", properties), expected, failures)
        finally:
            server.terminate()
            server.wait()


def main():
    folder, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    engine = Hinomi(folder)
    expected = {title: engine.ask(sql) for title, sql in HUNTS + MORE}
    empty = [title for title, found in expected.items() if not found]
    failures = []
    if "duckdb" in wanted:
        compare("DuckDB", Duck(folder), expected, failures)
    if "iceberg" in wanted:
        made = subprocess.run([HINOMI, "iceberg", "--in", folder, "--json", "-q"], check=True, capture_output=True)
        compare("PyIceberg", Iceberg(json.loads(made.stdout)["metadata"]), expected, failures)
    if "clickhouse" in wanted:
        compare("ClickHouse", ClickHouse(f"file('{folder}/events/**/*.parquet', 'Parquet')"), expected, failures)
    if "spark" in wanted:
        compare("Spark", Spark(folder), expected, failures)
    if "s3" in wanted:
        on_s3(folder, os.environ["HINOMI_WEED"], expected, failures)
    print(f"queries without rows here: {', '.join(empty) or 'none'}")
    print("\n".join(failures) or "all equal")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
