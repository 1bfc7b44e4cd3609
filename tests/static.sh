#!/bin/bash
# A program that needs nothing of the machine it runs on: tests/static.sh PROGRAM
# It is put alone into an empty folder, which becomes its whole file system, and reads, keeps, proves and receives there.
set -euo pipefail
program=$(realpath "$1")
here=$(realpath "$(dirname "$0")/..")
jail=$(mktemp -d)
trap 'rm -rf "$jail"' EXIT

file -L "$program" | grep -Eq 'statically linked|static-pie linked' || { echo "$program is linked dynamically" >&2; exit 1; }
cp "$program" "$jail/hinomi"
cp -r "$here/examples/case" "$jail/case"
mkdir "$jail/tmp"
inside() { unshare --map-root-user --net --root="$jail" /hinomi "$@"; }

# The same findings as the program says outside, byte for byte.
status=0
inside investigate /case --tz Asia/Tokyo --json >"$jail/inside.json" 2>/dev/null || status=$?
[[ $status -le 1 ]]
(cd "$jail" && ./hinomi investigate case --tz Asia/Tokyo --json 2>/dev/null || true) | sed 's|"case/|"/case/|g' >"$jail/outside.json"
python3 - "$jail/inside.json" "$jail/outside.json" <<'PYTHON'
import json, sys
inside, outside = (json.load(open(path)) for path in sys.argv[1:])
names = [[(found["rule_id"], found["time"]) for found in of["detections"]] for of in (inside, outside)]
assert names[0] == names[1] and len(names[0]) > 20, "other findings than outside"
print(f"{len(names[0])} findings in an empty file system, the same as outside")
PYTHON
inside ledger append --data /tmp/kept /case/gw01 | tail -1
# 3: sound, and without an anchor from elsewhere.
status=0
inside verify ledger --data /tmp/kept >/dev/null || status=$?
[[ $status -eq 3 ]]
# A server begins there, and ends when it is told to.
printf '[admin]\nat = "127.0.0.1:9180"\n[[listen]]\nname = "n"\nreceive = ["syslog-tcp"]\nat = "127.0.0.1:5514"\n' >"$jail/hinomi.toml"
unshare --map-root-user --net bash -c '
    ip link set lo up
    chroot "$1" /hinomi serve --data /tmp/kept --config /hinomi.toml >"$1/serve.log" 2>&1 &
    for _ in {1..300}; do
        exec 3<>/dev/tcp/127.0.0.1/5514 && break
        sleep 0.1
    done 2>/dev/null
    echo "<13>Nov 23 04:00:00 gw01 sshd[7]: Accepted password for eve from 203.0.113.5 port 40 ssh2" >&3
    sleep 2
    kill -TERM $!
    wait $!
' _ "$jail" || { cat "$jail/serve.log" >&2; exit 1; }
inside ledger sources --data /tmp/kept --json | grep -q 127.0.0.1
echo "a server received, and ended when it was told to"
