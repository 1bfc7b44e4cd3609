#!/usr/bin/env bash
# Asks the same questions of Hinomi and of other engines over the same derived folder, local and behind an S3
# interface, and compares the rows.
#
#   tests/engines/run.sh [FOLDER] [engine...]    engines: duckdb iceberg clickhouse spark s3 (default: all)
#
#   HINOMI   the binary (default: target/release/hinomi, then debug)
#
# FOLDER is one that hinomi derive made (default: the recorded case, derived). Spark needs a Java runtime.
# Exit: 0 all equal or skipped (said on a line beginning SKIPPED), 1 rows differ.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$root/target/engines-venv
HINOMI=${HINOMI:-$root/target/release/hinomi}
[[ -x $HINOMI ]] || HINOMI=$root/target/debug/hinomi
[[ -x $HINOMI ]] || { echo "no hinomi: make build" >&2; exit 1; }
folder=${1:-}
shift || true
engines=${*:-duckdb iceberg clickhouse spark s3}
if ! cmp -s "$here/requirements.txt" "$venv/complete"; then
    rm -rf "$venv"
    python3 -m venv "$venv" && "$venv/bin/pip" install -q -r "$here/requirements.txt" ||
        { echo "SKIPPED: the other engines cannot be installed"; exit 0; }
    cp "$here/requirements.txt" "$venv/complete"
fi
if ! command -v java >/dev/null && [[ " $engines " == *" spark "* ]]; then
    echo "SKIPPED: Spark needs a Java runtime"
    engines=${engines/spark/}
fi
if [[ -z $folder ]]; then
    folder=$(mktemp -d)/derived
    trap 'rm -rf "$(dirname "$folder")"' EXIT
    (cd "$root" && "$HINOMI" derive examples/case --tz Asia/Tokyo --to "$folder" -q)
fi
export HINOMI HINOMI_WEED="$venv/bin/weed"
# shellcheck disable=SC2086
"$venv/bin/python" "$here/compare.py" "$folder" $engines
