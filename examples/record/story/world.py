"""What the story can do in the recorded world: sign in as somebody from somewhere, and type."""

import base64
import hmac
import os
import pty
import re
import select
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07]*\x07")
PROMPT = re.compile(rb"[\w.-]+@\w+:[^\r\n]*[$#] $")
SIGN_IN_PROMPTS = {
    "password": re.compile(rb"[Pp]assword[^\r\n]*: ?$"),
    "code": re.compile(rb"Verification code: ?$"),
    "shell": PROMPT,
    "refused": re.compile(rb"Permission denied|Connection closed"),
}


class StoryError(Exception):
    """The recorded world did not answer as the story needs."""


def totp(seed_base32: str) -> str:
    """RFC 6238 with its defaults: SHA-1, 30 seconds, six digits."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.digest(base64.b32decode(seed_base32), counter, "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, start)[0] & 0x7FFFFFFF) % 10**6:06}"


class Shell:
    """An interactive shell on a terminal of its own, typed into one command at a time."""

    def __init__(self, argv: list[str]):
        self.buffer = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="vt100", LC_ALL="C.UTF-8")
            os.execvp(argv[0], argv)

    def read(self, deadline: float) -> bool:
        """Reads what is there; false when the other side has gone."""
        ready, _, _ = select.select([self.terminal], [], [], max(0.0, min(1.0, deadline - time.time())))
        if not ready:
            return True
        try:
            chunk = os.read(self.terminal, 65536)
        except OSError:
            return False
        self.buffer = ESCAPES.sub(b"", self.buffer + chunk)
        return bool(chunk)

    def expect(self, patterns: dict[str, re.Pattern], timeout_s: float = 60) -> str:
        deadline = time.time() + timeout_s
        alive = True
        while True:
            for name, pattern in patterns.items():
                if pattern.search(self.buffer):
                    return name
            if not alive or time.time() > deadline:
                raise StoryError(f"expected {sorted(patterns)}, got: {self.buffer[-400:]!r}")
            alive = self.read(deadline)

    def type(self, text: str) -> None:
        self.buffer = b""
        os.write(self.terminal, text.encode() + b"\n")

    def run(self, command: str, timeout_s: float = 400, answers: dict[str, str] | None = None) -> str:
        """Types a command, answers its questions, returns what it printed once the prompt is back."""
        self.type(command)
        time.sleep(0.3)  # the echo of the command must not be taken for the next prompt
        patterns = {question: re.compile(question.encode()) for question in answers or {}} | {"prompt": PROMPT}
        while (found := self.expect(patterns, timeout_s)) != "prompt":
            self.type((answers or {})[found])
        return self.buffer.decode(errors="replace")

    def close(self) -> None:
        """Leaves the shell as a person does, and waits for the connection to end."""
        try:
            self.type("exit")
            deadline = time.time() + 15
            while time.time() < deadline and self.read(deadline):
                pass
        except OSError:
            pass
        os.close(self.terminal)
        os.waitpid(self.pid, 0)

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_exc) -> None:
        self.close()


class World:
    """The running hosts, seen from the machine that records them."""

    def __init__(self, run: Path):
        self.run = run

    def secret(self, name: str) -> str:
        return (self.run / "secrets" / name).read_text().strip()

    def obscured(self, name: str) -> str:
        """A secret in the form rclone keeps in its configuration file."""
        return subprocess.run(["chroot", os.environ["BASE"], "rclone", "obscure", "-"], input=self.secret(name),
                              check=True, capture_output=True, text=True).stdout.strip()

    def outside_argv(self, place: str, command: list[str]) -> list[str]:
        as_host = str(Path(__file__).parent.parent / "lib" / "as-host.sh")
        root = str(self.run / "hosts" / "outside" / "root")
        return ["ip", "netns", "exec", f"hr-{place}", "unshare", "--uts", "--mount", "--", "sh", as_host, "laptop", root,
                *command]

    def sign_in(self, account: str, place: str, host: str, *, key: bool = True, wrong_code: bool = False,
                wrong_password: bool = False) -> Shell:
        """Signs in over ssh through the gateway and returns the shell, or raises if the host refuses."""
        config = "world.conf" if key else "password-only.conf"
        shell = Shell(self.outside_argv(place, ["ssh", "-F", f"/etc/ssh/{config}", f"{account}@{host}"]))
        while True:
            found = shell.expect(SIGN_IN_PROMPTS)
            if found == "shell":
                return shell
            if found == "refused":
                shell.close()
                raise StoryError(f"{account} from {place} was refused by {host}")
            if found == "code":
                shell.type("000000" if wrong_code else totp(self.secret(f"{account}.totp")))
            else:
                shell.type("Wrong-guess-1" if wrong_password else self.secret(account))

    def refused(self, account: str, place: str, host: str, **how) -> None:
        """A sign-in that the story needs to fail."""
        try:
            self.sign_in(account, place, host, **how).close()
        except StoryError:
            return
        raise StoryError(f"{account} should have been refused by {host}")

    @contextmanager
    def vpn(self, account: str, place: str, *, code: bool):
        """A tunnel through the gateway; yields the address it was given inside. A code is typed after the password."""
        secret = self.secret(account) + (totp(self.secret(f"{account}.totp")) if code else "")
        file = self.private_file(f"vpn-{account}", f"{account}\n{secret}\n")
        client = subprocess.Popen(
            self.outside_argv(place, ["openvpn", "--config", "/etc/openvpn/client.conf", "--auth-user-pass", file]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            yield self.tunnel_address(client)
        finally:
            client.terminate()
            client.communicate(timeout=20)

    @staticmethod
    def tunnel_address(client: subprocess.Popen) -> str:
        """Reads what the client says until the tunnel is up. The client gives up by itself if it is refused."""
        said, address = [], ""
        for line in client.stdout:
            said.append(line)
            if found := re.search(r"net_addr_v4_add: ([\d.]+)/", line):
                address = found[1]
            if "Initialization Sequence Completed" in line:
                return address
        raise StoryError(f"no tunnel: {said[-5:]}")

    def private_file(self, name: str, text: str) -> str:
        """A file that only the people outside can read; its path as they see it."""
        path = self.run / "hosts" / "outside" / "root" / "root" / name
        path.touch(mode=0o600)
        path.write_text(text)
        return f"/root/{name}"

    def elsewhere(self, place: str, command: list[str]) -> str:
        """Runs a program on the computer of somebody outside."""
        done = subprocess.run(self.outside_argv(place, command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=180, check=False)
        return done.stdout

    def share_client(self, account: str, place: str, arguments: list[str]) -> str:
        """smbclient on somebody's own computer, with the password in a file instead of an argument."""
        file = self.private_file(f"smb-{account}",
                                 f"username = {account}\npassword = {self.secret(account)}\ndomain = CORP\n")
        return self.elsewhere(place, ["smbclient", "-A", file, *arguments])

    def at(self, host: str, command: list[str]) -> str:
        """Runs a scheduled job on a host, as its own scheduler would."""
        leader = (self.run / "hosts" / host / "leader").read_text().strip()
        spaces = ["-m", "-u", "-i", "-n", "-r", "-w"] + ([] if host == "fs01" else ["-p", "-C"])
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
                       "HOME": "/root"}
        done = subprocess.run(["/usr/bin/nsenter", "-t", leader, *spaces, "--", *command], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.stdout
