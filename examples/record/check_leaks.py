#!/usr/bin/env python3
"""Refuses a recording that holds a secret, or a trace of the machine that recorded it.

usage: check_leaks.py FOLDER --secrets DIR --own-host NAME [--own-path PATH]...

Looks for every generated secret, for addresses that are not documentation or loopback addresses, for the recording
machine's name as a host, for paths of the recording itself, and for audit records that belong to another host.
"""

import argparse
import gzip
import ipaddress
import re
import sys
from pathlib import Path

# Documentation networks, this host, nothing, and netmasks.
ALLOWED = [ipaddress.ip_network(net) for net in
           ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "127.0.0.0/8", "0.0.0.0/32", "255.0.0.0/8")]
ADDRESS = re.compile(rb"(?<![\w.-])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.-])")
# fs01 has no systemd: an audit record of it came from one of the other hosts.
OTHER_HOST = re.compile(rb'^type=SYSCALL .* exe="/usr/lib/systemd/', re.MULTILINE)


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def leaks(data: bytes, secrets: dict[str, bytes], own_host: str, own_paths: list[str]) -> list[str]:
    found = [f"secret {name}" for name, secret in secrets.items() if secret in data]
    for match in set(ADDRESS.findall(data)):
        text = match.decode()
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if not any(address in net for net in ALLOWED):
            found.append(f"address {text}")
    found += [f"path {path}" for path in own_paths if path.encode() in data]
    if OTHER_HOST.search(data):
        found.append("audit records of another host")
    host = re.escape(own_host.encode())
    if re.search(rb'(?:hostname=|_HOSTNAME":"|@|^\S+ |\d )' + host + rb'(?=[\s",:]|$)', data, re.MULTILINE):
        found.append(f"host name {own_host}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--secrets", type=Path, required=True)
    parser.add_argument("--own-host", required=True)
    parser.add_argument("--own-path", action="append", default=[])
    options = parser.parse_args()
    secrets = {path.name: path.read_bytes().strip() for path in options.secrets.iterdir()}
    failed = 0
    for path in sorted(p for p in options.folder.rglob("*") if p.is_file()):
        for leak in leaks(content(path), secrets, options.own_host, options.own_path):
            print(f"{path.relative_to(options.folder)}: {leak}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
