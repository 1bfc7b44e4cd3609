"""The benign twin: the same hosts, accounts and tools on an ordinary working day.

The contractor has a second factor here and comes from the supplier's network, as agreed.
"""

import time

import office
from truth import Truth, seen
from world import Shell, World

GATE = "gw01/var/log/auth.log"
AUDIT = "fs01/var/log/audit/audit.log"
FLOWS = "gw01/var/log/ulog/flows.json"
GATEWAY = "192.0.2.1"


def play(world: World, truth: Truth) -> None:
    office.staff_sign_ins(world, truth, "N")
    office.backups(world, truth, "N", 4)
    office.clerk_day(world, truth, "N")
    office.admin_chores(world, truth, "N")
    with world.sign_in("s.aoki", "home", "gw01") as gateway:
        inventory(truth, gateway)
    with world.sign_in("s.aoki", "home", "fs01") as server:
        directory_work(world, truth, server)
        report_archive(world, truth, server)
    contractor_maintenance(world, truth)
    retention(world, truth)
    with world.sign_in("s.aoki", "home", "bk01") as backup_server:
        backup_review(truth, backup_server)
    time.sleep(12)  # connection tracking reports a flow only once it has timed out


def inventory(truth: Truth, shell: Shell) -> None:
    with truth.step("N08", "routine", "gw01", "s.aoki", office.HOME,
                    what="Monthly inventory scan of the server network",
                    what_ja="月次の資産棚卸しとしてサーバ用ネットワークを走査",
                    traces=[seen(FLOWS, '"src_ip": "192.0.2.1"', '"dest_ip": "192.0.2.30"', '"orig.l4.dport": 22')]):
        shell.run("nmap -n -sT --open -p 22,80,389,445,3128,3389 192.0.2.10 192.0.2.20 192.0.2.30 192.0.2.40")


def directory_work(world: World, truth: Truth, shell: Shell) -> None:
    search = "ldapsearch -Q -LLL -Y GSSAPI -H ldap://dc01.corp.example.jp -b dc=corp,dc=example,dc=jp"
    tool = "samba-tool {} -H ldap://dc01.corp.example.jp --use-kerberos=required"
    with truth.step("N09", "routine", "dc01", "s.aoki", "192.0.2.20",
                    what="Creates the account of a new employee and adds it to the sales group",
                    what_ja="新入社員のアカウントを作成し、営業グループに追加",
                    traces=[seen("dc01/var/log/samba/dsdb_json.log", '"operation": "Add"', "n.wada"),
                            seen("dc01/var/log/samba/dsdb_json.log", "groupChange", "n.wada"),
                            seen(AUDIT, "type=EXECVE", 'a0="ldapsearch"')]):
        shell.run("kinit s.aoki", answers={"Password for [^\r\n]*: ?$": world.secret("s.aoki")})
        shell.run(f"{search} '(sAMAccountName=n.wada)' sAMAccountName")
        shell.run(tool.format("group add Sales"))
        shell.run(tool.format("user create n.wada --random-password"))
        shell.run(tool.format("group addmembers Sales n.wada"))


def report_archive(world: World, truth: Truth, shell: Shell) -> None:
    with truth.step("N10", "routine", "fs01", "s.aoki", GATEWAY,
                    what="Packs last month's reports with 7z, without a password",
                    what_ja="先月の帳票を 7z でパスワードなしに圧縮",
                    traces=[seen(AUDIT, "type=EXECVE", 'a1="/usr/bin/7z"', 'a2="a"', "reports-03.7z")]):
        shell.run("7z a reports-03.7z /srv/share/reports/monthly-03.csv")
    obscured = world.obscured("storage")
    shell.run("mkdir -p .config/rclone")
    shell.type("cat > .config/rclone/rclone.conf")
    time.sleep(0.5)
    for line in ("[company]", "type = webdav", "url = https://storage.example.jp", "vendor = other",
                 "user = storage", f"pass = {obscured}"):
        shell.type(line)
    shell.run("\x04")
    with truth.step("N11", "routine", "fs01", "s.aoki", "192.0.2.20",
                    what="Copies the archive with rclone to the company's own storage",
                    what_ja="rclone で自社のストレージへ書庫をコピー",
                    traces=[seen(AUDIT, "type=EXECVE", 'a0="rclone"', "company:reports"),
                            seen("fs01/var/log/rclone-reports.log", "Copied (new)"),
                            seen("px01/var/log/squid/access.log", "CONNECT storage.example.jp:443")]):
        shell.run("sudo install -o s.aoki -m 644 /dev/null /var/log/rclone-reports.log")
        shell.run(f"export https_proxy={office.PROXY}")
        shell.run("rclone copy -v --log-file /var/log/rclone-reports.log reports-03.7z company:reports")
        shell.run("rm reports-03.7z")


def contractor_maintenance(world: World, truth: Truth) -> None:
    with truth.step("N12", "routine", "fs01", "ctr-adm01", office.SUPPLIER,
                    what="Contractor signs in with key and one-time code for planned maintenance",
                    what_ja="委託先が公開鍵とワンタイムコードで計画保守のためサインイン",
                    traces=[seen(GATE, "Accepted keyboard-interactive/pam for ctr-adm01", office.SUPPLIER),
                            seen("fs01/var/log/auth.log.1", "Accepted publickey for ctr-adm01")]):
        shell = world.sign_in("ctr-adm01", "supplier", "fs01")
        shell.run("df -h /srv")
    with truth.step("N13", "routine", "fs01", "ctr-adm01", GATEWAY,
                    what="Restarts the audit daemon after a rule update, as in the change plan",
                    what_ja="変更計画に沿って監査ルール更新後に監査デーモンを再起動",
                    note="The sensor stops and starts again within seconds.",
                    traces=[seen(AUDIT, "type=DAEMON_END"),
                            seen("fs01/var/log/auth.log.1", "COMMAND=/usr/sbin/service auditd restart")]):
        shell.run("sudo service auditd restart")
    with truth.step("N14", "routine", "fs01", "ctr-adm01", GATEWAY,
                    what="Rotates the logs and removes an own temporary folder",
                    what_ja="ログをローテートし、自分の一時フォルダを削除",
                    traces=[seen("fs01/var/log/auth.log.1", "COMMAND=/usr/sbin/logrotate"),
                            seen(AUDIT, "type=EXECVE", 'a0="rm"', 'a1="-r"')]):
        shell.run("mkdir -p tmp; touch tmp/notes")
        shell.run("sudo logrotate --force /etc/logrotate.d/rsyslog")
        shell.run("rm -r tmp")
        shell.close()


def retention(world: World, truth: Truth) -> None:
    with truth.step("N15", "routine", "bk01", "backup-svc", "192.0.2.30",
                    what="The scheduled retention job forgets and prunes snapshots beyond the policy",
                    what_ja="定期の保持ジョブが規定を超えた世代を forget/prune",
                    traces=[seen("bk01/journal.json.gz", "restic-retention.service", "snapshots")]):
        world.at("bk01", ["systemctl", "start", "restic-retention.service"])


def backup_review(truth: Truth, shell: Shell) -> None:
    with truth.step("N16", "routine", "bk01", "s.aoki", GATEWAY,
                    what="Administrator checks the backups and keeps the journal to thirty days",
                    what_ja="管理者がバックアップを確認し、journal を 30 日分に整理",
                    traces=[seen("bk01/journal.json.gz", "COMMAND=/usr/bin/journalctl --vacuum-time=30d"),
                            seen("bk01/var/log/auth.log", "COMMAND=/usr/bin/restic")]):
        shell.run("sudo restic -r /srv/restic --password-file /etc/restic/password --no-cache snapshots")
        shell.run("sudo journalctl --vacuum-time=30d")
