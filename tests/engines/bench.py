"""Times Hinomi beside other engines over one derived folder, in turns.

    HINOMI=… python bench.py FOLDER FIELD WORD [ROUNDS]

WORD is one that FIELD holds in few events. Hinomi is started anew for each question, the others keep what they read.
Prints medians of seconds on the clock, and Hinomi's processor time.
"""

import os
import resource
import statistics
import subprocess
import sys
import time

from compare import HINOMI, Duck
from queries import HUNTS


def started(arguments):
    """Seconds on the clock and of the processor of one run."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    done = subprocess.run([HINOMI, *arguments], capture_output=True, text=True)
    wall, after = time.time() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def timed(work):
    begun = time.time()
    work()
    return time.time() - begun


def main():
    folder, field, word = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    duck = Duck(folder)
    duck.engine.execute("SET threads = 2")
    print(f"events: {duck.engine.execute('SELECT count(*) FROM events').fetchone()[0]}")

    ours, theirs, cpu = {}, {}, {}
    for _ in range(rounds):
        for title, sql in HUNTS:
            asked = f"{sql} ORDER BY 2 DESC LIMIT 50"
            wall, processor = started(["query", "--in", folder, "--timeout", "600", "--memory", "4096", asked])
            ours.setdefault(title, []).append(wall)
            cpu.setdefault(title, []).append(processor)
            theirs.setdefault(title, []).append(timed(lambda: duck.engine.execute(asked).fetchall()))
    total = [0.0, 0.0]
    for title, _ in HUNTS:
        mine, other = statistics.median(ours[title]), statistics.median(theirs[title])
        total = [total[0] + mine, total[1] + other]
        print(f"{title:<24} hinomi {mine:7.3f} s (cpu {statistics.median(cpu[title]):7.3f})  duckdb {other:7.3f} s  {mine / other:5.2f}")
    print(f"{'all':<24} hinomi {total[0]:7.3f} s  duckdb {total[1]:7.3f} s  {total[0] / total[1]:5.2f}")

    needles = {
        "word that is nowhere": ["search", "--in", folder, "zzqqxxyynowhere"],
        "word in its field": ["search", "--in", folder, f"{field}:{word}"],
        "word in any field": ["search", "--in", folder, word],
        "SQL, LIKE": ["query", "--in", folder, f"SELECT time, host FROM events WHERE {field} LIKE '%{word}%'"],
    }
    for title, arguments in needles.items():
        runs = [started(arguments) for _ in range(max(rounds, 5))]
        print(f"{title:<24} hinomi {statistics.median(r[0] for r in runs):7.3f} s (cpu {statistics.median(r[1] for r in runs):7.3f})")
    like = f"SELECT time, host FROM events WHERE \"{field}\" LIKE '%{word}%'"
    print(f"{'LIKE':<24} duckdb {statistics.median(timed(lambda: duck.engine.execute(like).fetchall()) for _ in range(rounds)):7.3f} s")
    try:
        import chdb
    except ImportError:
        return
    source = f"file('{folder}/events/**/*.parquet', 'Parquet')"
    token = f"SELECT time, host FROM {source} WHERE hasToken({field}, '{word}') SETTINGS schema_inference_mode='union', input_format_parquet_allow_missing_columns=1"
    print(f"{'hasToken':<24} clickhouse {statistics.median(timed(lambda: chdb.query(token, 'Null')) for _ in range(rounds)):7.3f} s")


if __name__ == "__main__":
    main()
