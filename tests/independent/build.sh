#!/usr/bin/env bash
# Builds the independent verifier with Debian's golang-golang-x-mod-dev; no network. Usage: build.sh OUTPUT
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
out="$(realpath -m "${1:?where to put the verifier}")"
command -v go >/dev/null || { echo "go is not installed (apt-get install golang-go golang-golang-x-mod-dev)" >&2; exit 77; }
[ -d /usr/share/gocode/src/golang.org/x/mod/sumdb/tlog ] ||
    { echo "golang-golang-x-mod-dev is not installed" >&2; exit 77; }
cd "$here"
GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' go build -o "$out" verify.go
