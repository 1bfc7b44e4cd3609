"""Ordinary work that both stories contain: sign-ins with two factors, file use, browsing, backups."""

from contextlib import ExitStack

from truth import Truth, seen
from world import World

PROXY = "http://px01:3128"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0"
HOME, OFFICE, SUPPLIER = "198.51.100.20", "198.51.100.31", "198.51.100.140"


def staff_sign_ins(world: World, truth: Truth, prefix: str) -> None:
    with truth.step(f"{prefix}01", "routine", "gw01", "s.aoki", HOME,
                    what="Administrator signs in with key and one-time code",
                    what_ja="管理者が公開鍵とワンタイムコードでサインイン",
                    traces=[seen("gw01/var/log/auth.log", "Partial publickey for s.aoki", HOME),
                            seen("gw01/var/log/auth.log", "Accepted keyboard-interactive/pam for s.aoki", HOME)]):
        with world.sign_in("s.aoki", "home", "gw01") as shell:
            shell.run("uptime")
    with truth.step(f"{prefix}02", "routine", "gw01", "k.mori", OFFICE,
                    what="Clerk mistypes the one-time code, then signs in with key and code",
                    what_ja="事務担当者がコードを打ち間違え、続けて公開鍵とコードでサインイン",
                    traces=[seen("gw01/var/log/auth.log", "error: PAM: Authentication failure for k.mori", OFFICE),
                            seen("gw01/var/log/auth.log", "Accepted keyboard-interactive/pam for k.mori", OFFICE)]):
        world.refused("k.mori", "office", "gw01", wrong_code=True)
        world.sign_in("k.mori", "office", "gw01").close()


def clerk_day(world: World, truth: Truth, prefix: str) -> None:
    """Files over SMB and pages through the proxy, from the clerk's own computer over the VPN."""
    with ExitStack() as stack:
        with truth.step(f"{prefix}04", "routine", "gw01", "k.mori", OFFICE,
                        what="Clerk connects over the VPN with password and one-time code",
                        what_ja="事務担当者がパスワードとワンタイムコードで VPN に接続",
                        traces=[seen("gw01/var/log/syslog", "openvpn", OFFICE, "[k.mori] Peer Connection Initiated"),
                                seen("gw01/var/log/freeradius/radius.log", "Login OK: [k.mori]", OFFICE),
                                seen("gw01/var/log/auth.log", "Accepted google_authenticator for k.mori")]):
            address = stack.enter_context(world.vpn("k.mori", "office", code=True))
        with truth.step(f"{prefix}05", "routine", "fs01", "k.mori", address,
                        what="Clerk reads and saves files on the share over SMB",
                        what_ja="事務担当者が共有フォルダのファイルを SMB で読み書き",
                        traces=[seen("fs01/var/log/samba/audit.log", "k.mori", address, "monthly-04.csv"),
                                seen("fs01/var/log/samba/auth_json.log", "k.mori", address, "NT_STATUS_OK")]):
            world.share_client("k.mori", "office", ["//192.0.2.20/share", "-c", "cd reports; ls; "
                               "get monthly-04.csv /tmp/m.csv; put /tmp/m.csv monthly-04-checked.csv"])
        with truth.step(f"{prefix}06", "routine", "px01", "k.mori", address,
                        what="Clerk browses a public site and the intranet through the proxy",
                        what_ja="事務担当者がプロキシ経由で外部サイトと社内ページを閲覧",
                        traces=[seen("px01/var/log/squid/access.log", address, "GET http://www.example.com/"),
                                seen("px01/var/log/nginx/intra.access.log", address, "GET /forms/expenses.html")]):
            for path in ("", "bash/", "curl/copyright", "tar/copyright"):
                world.elsewhere("office", ["curl", "-s", "-o", "/dev/null", "-A", BROWSER, "-x", "http://192.0.2.40:3128",
                                           f"http://www.example.com/{path}"])
            world.elsewhere("office", ["curl", "-s", "-o", "/dev/null", "-A", BROWSER, "-H",
                                       "Host: intra.corp.example.jp", "http://192.0.2.40/forms/expenses.html"])


def backups(world: World, truth: Truth, prefix: str, count: int) -> None:
    with truth.step(f"{prefix}03", "routine", "fs01", "root", "192.0.2.20",
                    what=f"Scheduled backup of the share to bk01, {count} runs",
                    what_ja=f"共有フォルダの定期バックアップ（bk01 へ {count} 回）",
                    traces=[seen("fs01/var/log/restic.log", "snapshot", "saved")]):
        world.at("fs01", ["sh", "-c", "RESTIC_PASSWORD_FILE=/etc/restic/password restic -q "
                          "-r sftp:backup-svc@bk01:/srv/restic --cache-dir /var/cache/restic init"])
        for number in range(count):
            world.at("fs01", ["sh", "-c", f"echo {number} >>/srv/share/reports/counter.txt"])
            world.at("fs01", ["/usr/local/sbin/nightly-backup"])


def admin_chores(world: World, truth: Truth, prefix: str) -> None:
    with truth.step(f"{prefix}07", "routine", "fs01", "s.aoki", "192.0.2.1",
                    what="Administrator works on the file server with sudo",
                    what_ja="管理者が sudo でファイルサーバを保守",
                    traces=[seen("fs01/var/log/audit/audit.log", "type=EXECVE", 'a0="smbstatus"'),
                            seen("log01/var/log/remote/fs01.log", "s.aoki : ", "COMMAND=/usr/bin/smbstatus")]):
        with world.sign_in("s.aoki", "home", "fs01") as shell:
            for command in ("df -h /srv", "sudo smbstatus --shares", "sudo tail -n 2 /var/log/restic.log",
                            "sudo ls -l /var/log/samba"):
                shell.run(command)
