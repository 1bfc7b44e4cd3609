#!/bin/sh
# Fuzzes one after the other, guided by coverage: fuzz/run.sh [SECONDS EACH] [TARGET ...]. What was found stands in fuzz/artifacts, what
# covers more in fuzz/corpus; seeds are the recorded case, our own rules, and EVTX files where FUZZ_SEEDS names a folder of them.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- logs records rules proofs
coverage='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters'
coverage="$coverage -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
host=$(rustc -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-target}
RUSTFLAGS="$coverage" cargo build --release --locked --target "$host" --target-dir "$target"
for name in "$@"; do
    seeds=corpus/$name
    mkdir -p "$seeds" artifacts
    case $name in
    logs | records)
        find ../examples/case ../examples/benign -type f -size -200k | while read -r file; do
            head -c 20000 "$file" >"$seeds/$(echo "$file" | tr '/ ' '__')"
        done
        [ -z "${FUZZ_SEEDS:-}" ] || find "$FUZZ_SEEDS" -type f -size -80k -exec cp -n {} "$seeds/" \;
        ;;
    rules) find ../rules -name '*.yml' -exec cp -n {} "$seeds/" \; ;;
    proofs)
        python3 - "$seeds" <<'PY'
import json, pathlib, sys
kept = json.loads(pathlib.Path("../ui/tests/fixtures/bundles.json").read_text())
for number, one in enumerate(kept.values()):
    pathlib.Path(sys.argv[1], f"proof-{number}").write_text(json.dumps(one["bundle"]))
PY
        ;;
    esac
    "$target/$host/release/$name" "$seeds" -artifact_prefix="artifacts/$name-" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
        -max_len=131072 -print_final_stats=1 2>&1 | tail -n 12
done
