#!/usr/bin/env bash
# Runs the outside reference: its own tests, SigmaHQ's regression data, and every Windows corpus; and
# compares it event by event with this project: the rule engine alone on the same flat events, and, if a
# binary is at hand, the whole program on the files.
#
#   tests/reference/run.sh [corpus...]       corpora: regression evtx benign sd probes (default: all)
#
# `probes` are events made from the rules, so that every rule is exercised.
#
#   HINOMI_CORPORA     where the corpora are            (default: ../shared/corpora beside the project)
#   HINOMI             the binary to compare            (default: target/release/hinomi, then debug)
#   REFERENCE_OUT      where events and matches go      (default: target/reference)
#
# Exit: 0 all agreed or skipped (said on a line beginning SKIPPED), 1 a difference or a failed check.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
corpora=${HINOMI_CORPORA:-$root/../shared/corpora}
out=${REFERENCE_OUT:-$root/target/reference}
venv=$root/target/reference-venv
selected=${*:-regression evtx benign sd probes}
failed=0

skip() { echo "SKIPPED: $*"; exit 0; }

command -v python3.11 >/dev/null || skip "the outside reference needs python3.11"
if ! [ -e "$venv/complete" ] || ! cmp -s "$here/requirements.txt" "$venv/complete"; then
    rm -rf "$venv"
    mkdir -p "$root/target"
    python3.11 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" \
        || { rm -rf "$venv"; skip "the outside reference could not be installed from PyPI"; }
    cp "$here/requirements.txt" "$venv/complete"
fi
python=$venv/bin/python
export PYTHONDONTWRITEBYTECODE=1

echo "== the reference's own tests"
(cd "$here" && "$python" -m unittest -q test_reference)

[ -d "$corpora" ] || skip "no corpora at $corpora (set HINOMI_CORPORA): nothing was evaluated"
[ -e "$corpora/sigma_rules.tar.zst" ] || skip "no sigma_rules.tar.zst in $corpora: nothing was evaluated"
command -v zstd >/dev/null || skip "zstd is needed to unpack the corpora"
mkdir -p "$out"

unpack() { # unpack ARCHIVE DIRECTORY: once; the marker is written last
    [ -e "$2.unpacked" ] && return
    rm -rf "$2" && mkdir -p "$2"
    zstd -dcq "$1" | tar -x -C "$2"
    touch "$2.unpacked"
}

unpack "$corpora/sigma_rules.tar.zst" "$out/sigma_rules"
rules=$(cd "$out/sigma_rules" && find . -maxdepth 2 -type d -name rules -print -quit)
rules=$out/sigma_rules/${rules#./}

source_of() { # source_of CORPUS: prints its directory, fails if it is not there
    local kind=$corpora/a_windows_attack archive
    case $1 in
    regression) archive=$kind/sigma_regression_half_a.tar.zst ;;
    evtx) archive=$kind/evtx_to_mitre_attack.tar.zst ;;
    sd)
        [ -d "$kind/security_datasets_atomic_2019_2021" ] && echo "$kind/security_datasets_atomic_2019_2021"
        return
        ;;
    benign)
        for archive in "$corpora"/b_benign/windows_*.tar.zst; do
            [ -e "$archive" ] || return 1
            unpack "$archive" "$out/benign/$(basename "$archive" .tar.zst)"
        done
        echo "$out/benign"
        return
        ;;
    probes) echo "$rules" && return ;;
    *) return 1 ;;
    esac
    [ -e "$archive" ] || return 1
    unpack "$archive" "$out/$1"
    # The archive's own top directory is not part of a path below the corpus.
    local top="$out/$1/$(basename "$archive" .tar.zst)"
    [ -d "$top" ] && echo "$top" || echo "$out/$1"
}

hinomi=${HINOMI:-}
for candidate in "$root/target/release/hinomi" "$root/target/debug/hinomi"; do
    [ -z "$hinomi" ] && [ -x "$candidate" ] && hinomi=$candidate
done

engine=
if command -v cargo >/dev/null; then
    (cd "$root" && cargo build --quiet --locked --release -p hinomi-detect --example match_flat_events)
    engine=${CARGO_TARGET_DIR:-$root/target}/release/examples/match_flat_events
else
    echo "SKIPPED: no cargo, the engine alone is not compared"
fi

compare() { # compare CORPUS OURS [LABEL]: LABEL is the name explained.yaml counts under
    "$python" "$here/reference.py" compare --ours "$2" --theirs "$out/$1.matches.ndjson" \
        --events "$out/$1.events.ndjson" --explained "$here/explained.yaml" --corpus "${3:-$1}" || failed=1
    [ "$1" != regression ] || "$python" "$here/regression.py" --data "$source" --matches "$2" || failed=1
}

for corpus in $selected; do
    echo "== $corpus"
    source=$(source_of "$corpus") || { echo "SKIPPED: corpus $corpus is not in $corpora"; continue; }
    events=$out/$corpus.events.ndjson matches=$out/$corpus.matches.ndjson
    only=(--only .evtx) members=(.evtx)
    [ "$corpus" = sd ] && only=(--only .zip --only .tar.gz) members=(.json)
    directories=("$rules/windows")
    [ "$corpus" = regression ] && directories+=("$rules-emerging-threats" "$rules-threat-hunting")
    if [ "$corpus" = probes ]; then
        "$python" "$here/make-probes.py" --rules "${directories[@]}" --out "$events"
    else
        "$python" "$here/make-events.py" "$source" "${only[@]}" --out "$events"
    fi
    "$python" "$here/reference.py" evaluate --rules "${directories[@]}" --events "$events" --out "$matches"
    if [ "$corpus" = regression ]; then
        "$python" "$here/regression.py" --data "$source" --matches "$matches" --report "${matches%.ndjson}.report.json" || failed=1
    fi
    if [ -n "$engine" ]; then
        echo "-- the engine alone, on the same events"
        "$engine" "$events" "${directories[@]}" >"$out/$corpus.engine.ndjson" 2>"$out/$corpus.engine.log"
        tail -n 1 "$out/$corpus.engine.log"
        compare "$corpus" "$out/$corpus.engine.ndjson"
    fi
    [ "$corpus" != probes ] || continue
    if [ -n "$hinomi" ]; then
        echo "-- the program, on the files"
        "$python" "$here/ours.py" --hinomi "$hinomi" --rules "${directories[@]}" --input "$source" \
            --only "${members[@]}" --out "$out/$corpus.ours.ndjson"
        compare "$corpus" "$out/$corpus.ours.ndjson" "$corpus files"
    else
        echo "SKIPPED: no hinomi binary to compare (build it, or set HINOMI)"
    fi
done
exit $failed
