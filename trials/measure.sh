#!/bin/sh
# Runs every trial and writes docs/trials.md. With --update the baselines are written anew; otherwise a figure that is worse than
# its baseline fails. Usage: trials/measure.sh [--update] [CORPORA]; without corpora only scenarios run.
set -eu
cd "$(dirname "$0")/.."
update=""
if [ "${1:-}" = --update ]; then update=--update-baseline; shift; fi
corpora=${1:-${HINOMI_CORPORA:-../shared/corpora}}
hinomi=${HINOMI:-target/release/hinomi}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
failed=0
parts=""

# trial NAME ARGUMENTS… : one run, against its baseline if there is one
trial() {
    name=$1; shift
    parts="$parts $work/$name.md"
    echo "== $name"
    if [ -n "$update" ] && [ "${name%-variants}" = "$name" ] || [ -f "trials/$name.baseline.json" ]; then
        set -- "$@" --baseline "trials/$name.baseline.json" $update
    fi
    "$hinomi" trial run "$@" --markdown "$work/$name.md" --navigator "$work/$name.layer.json" \
        --history "$work/history.jsonl" > "$work/said" || failed=1
    grep -v '^  ' "$work/said"
}

# unpack KIND : a kind of corpus, packed parts beside unpacked ones
unpack() {
    mkdir -p "$work/$1"
    for entry in "$corpora/$1"/*; do
        case $entry in
            *.tar.zst)
                part="$work/$1/$(basename "$entry" .tar.zst)"
                mkdir -p "$part"
                zstd -dqc "$entry" | tar x -C "$part" ;;
            *) if [ -d "$entry" ]; then ln -s "$(realpath "$entry")" "$work/$1/"; fi ;;
        esac
    done
}

if [ -d "$corpora" ]; then
    for kind in a_windows_attack e_cloud b_benign; do unpack "$kind"; done
    trial windows --set "$work/a_windows_attack" --labels trials/windows.labels.jsonl
    trial cloud --set "$work/e_cloud" --labels trials/cloud.labels.jsonl
    trial benign --set "$work/b_benign" --labels trials/benign.labels.jsonl
else
    echo "SKIPPED: $corpora is not there, recorded sets are not tried"
fi
for case in quiet-contractor web-break-in supplier-cloud; do
    trial "$case" --scenario "$case" --without-background --work "$work"
done
# Unseen: their seeds follow from the digest of the rules. No baseline: other rules, other seeds.
for case in quiet-contractor web-break-in supplier-cloud; do
    trial "$case-variants" --scenario "$case" --without-background --work "$work" --variants 20
done
if [ -d "$corpora" ]; then
    { cat trials/preface.md; for part in $parts; do echo; cat "$part"; done; echo; cat trials/months.md; } > docs/trials.md
    cat "$work/history.jsonl" >> trials/history.jsonl
fi
exit $failed
