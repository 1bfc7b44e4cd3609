#!/bin/bash
# The recorded case on the web pages: examples/demo.sh PROGRAM FOLDER [--stop]
#
# PROGRAM keeps the logs of examples/case as evidence in FOLDER, which is made anew, and serves its pages on this machine only. On a
# terminal that is until Ctrl-C; otherwise the server stays, and `--stop` ends it. Where pages were not built, the case is told on the
# terminal.
set -euo pipefail
program=$(realpath "$1") folder=$2
examples=$(realpath "$(dirname "$0")")

stop() {
    [[ -f $folder/pid ]] || return 0
    # Only a server that serves this very folder.
    local pid
    pid=$(<"$folder/pid")
    if [[ -r /proc/$pid/cmdline ]] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "serve --data $folder/data "; then
        kill "$pid"
        for _ in {1..100}; do
            [[ -d /proc/$pid ]] || break
            sleep 0.1
        done
    fi
    rm -f "$folder/pid"
}

is_free() {
    ! (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The first of three neighbouring ports where nothing listens.
free_port() {
    local port
    for port in 9080 9380 9480 9680 9880 19080 29080; do
        if is_free "$port" && is_free "$((port + 1))" && is_free "$((port + 2))"; then
            echo "$port"
            return
        fi
    done
    echo "no free port found; is a server that was started before still there?" >&2
    return 1
}

stop
[[ ${3-} == --stop ]] && exit 0
if [[ ! -f $examples/../ui/dist/index.html ]]; then
    # 1 says that something was found.
    "$program" investigate "$examples/case" --tz Asia/Tokyo || [[ $? == 1 ]]
    echo
    echo "The web pages were not built: they need Node 20 or newer, which Debian 12 does not have (nodejs.org does). With it, run make demo again."
    exit 0
fi
rm -rf "$folder"
mkdir -p "$folder"
folder=$(realpath "$folder")
port=$(free_port)
sed "s/@PORT@/$port/; s/@ADMIN@/$((port + 1))/; s/@SYSLOG@/$((port + 2))/; s|@LISTS@|$examples/lists|" "$examples/demo.toml" >"$folder/hinomi.toml"

echo "The recorded case: six hosts of an invented company, and a supplier's account that was used from an unknown network."
echo
"$program" ledger append --data "$folder/data" "$examples"/case/*/ >"$folder/append.log" 2>&1 ||
    { cat "$folder/append.log" >&2; exit 1; }
tail -1 "$folder/append.log"
"$program" serve --data "$folder/data" --config "$folder/hinomi.toml" >"$folder/serve.log" 2>&1 &
pid=$!
echo "$pid" >"$folder/pid"
until ! is_free "$port"; do
    kill -0 "$pid" 2>/dev/null || { cat "$folder/serve.log" >&2; exit 1; }
    sleep 0.1
done
link=$("$program" access first --data "$folder/data" | head -1)
cat <<TEXT

Open this link; it counts once, for the first administrator, who enrols a passkey, or a password with a generator of codes:

${link}

Lines that are sent to port $((port + 2)) (syslog over TCP) are received, for example
  logger --tcp --server 127.0.0.1 --port $((port + 2)) 'sudo: eve : TTY=pts/0 ; USER=root ; COMMAND=/bin/rm -f /var/log/auth.log'
What the server says stands in $folder/serve.log.
The same on the terminal: $program investigate $examples/case --tz Asia/Tokyo
TEXT
if [[ -t 1 ]]; then
    echo "Ctrl-C ends it."
    trap stop INT TERM
    wait "$pid" || true
else
    echo "'make demo-stop' ends it."
    disown "$pid"
fi
