//! Exports of identity providers, sensors, clouds, backups and asset registers, written by hand after their documentation.

use hinomi_assure::inventory::EntityKind;

use super::*;

/// The rows of one document as `id: attribute=value …`, for the attributes asked for.
fn check(text: &str, kind: EntityKind, attributes: &[&str], expected: &[&str]) {
    let (inventory, imported) = read(&[("export", text)]);
    let shown = |e: &Entity| {
        let said = attributes.iter().filter(|name| !e.values(name).is_empty());
        let said: Vec<String> = said.map(|name| format!("{name}={}", value(e, name))).collect();
        format!("{}: {}", e.id, said.join(" "))
    };
    let found: Vec<String> = inventory.versions(kind).map(shown).collect();
    assert_eq!(found, expected, "{:?}", problems(&imported[0]));
    assert!(inventory.versions(kind).all(|e| e.list.is_register == e.is_registered));
}

#[test]
fn users_of_entra() {
    let text = r#"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users","value":[
      {"id":"87d349ed-44d7-43e1-9a83-5f2406dee5bd","userPrincipalName":"mika@example.jp","displayName":"Mika","accountEnabled":true,"userType":"Member",
       "onPremisesSecurityIdentifier":"S-1-5-21-1-2-3-1102","lastPasswordChangeDateTime":"2025-10-01T00:00:00Z","manager":{"userPrincipalName":"boss@example.jp"},
       "signInActivity":{"lastSignInDateTime":"2026-01-10T09:00:00Z","lastNonInteractiveSignInDateTime":"2026-01-12T09:00:00Z"}},
      {"id":"97d349ed-44d7-43e1-9a83-5f2406dee5bd","userPrincipalName":"x_partner.example_EXT_@t.example","accountEnabled":false,"userType":"Guest","companyName":"Partner",
       "signInActivity":{"lastSignInDateTime":"0001-01-01T00:00:00Z"}}],"@odata.nextLink":null}"#;
    check(
        text,
        EntityKind::Account,
        &["enabled", "kind", "supplier", "owner", "last_seen", "password_changed"],
        &[
            "mika@example.jp: enabled=yes owner=boss@example.jp last_seen=2026-01-12T09:00:00Z password_changed=2025-10-01T00:00:00Z",
            "x_partner.example_EXT_@t.example: enabled=no kind=guest supplier=Partner",
        ],
    );
    let lines = "{\"id\":\"1\",\"userPrincipalName\":\"a@example.jp\",\"isMfaRegistered\":false,\"isAdmin\":true,\"methodsRegistered\":[]}\n\
        {\"id\":\"2\",\"userPrincipalName\":\"b@example.jp\",\"isMfaRegistered\":true,\"isAdmin\":false,\"methodsRegistered\":[\"fido2\",\"mobilePhone\"]}\n";
    check(
        lines,
        EntityKind::Account,
        &["second_factor", "privileged", "factors"],
        &[
            "a@example.jp: second_factor=no privileged=yes",
            "b@example.jp: second_factor=yes privileged=no factors=fido2; mobilePhone",
        ],
    );
}

#[test]
fn devices_and_service_principals_of_entra() {
    let devices = r#"{"value":[{"id":"o1","deviceId":"d1","displayName":"PC-07","accountEnabled":true,"operatingSystem":"Windows","operatingSystemVersion":"10.0.22631",
        "isManaged":false,"approximateLastSignInDateTime":"2026-01-20T00:00:00Z","registeredOwners":[{"userPrincipalName":"mika@example.jp"}]}]}"#;
    check(
        devices,
        EntityKind::Host,
        &["enabled", "os", "owner", "managed", "last_seen"],
        &["PC-07: enabled=yes os=Windows owner=mika@example.jp managed=no last_seen=2026-01-20T00:00:00Z"],
    );
    let apps = r#"{"value":[{"id":"o2","appId":"11111111-2222-3333-4444-555555555555","servicePrincipalType":"Application","displayName":"Backup","accountEnabled":true,
        "publisherName":"Kitano","owners":[{"displayName":"IT"}]}]}"#;
    check(
        apps,
        EntityKind::Account,
        &["kind", "enabled", "owner", "supplier", "name"],
        &[
            "11111111-2222-3333-4444-555555555555: kind=service enabled=yes owner=IT supplier=Kitano name=Backup",
        ],
    );
}

#[test]
fn users_of_workspace_and_okta() {
    let workspace = r#"{"kind":"admin#directory#users","users":[
      {"id":"1","primaryEmail":"mika@example.jp","isAdmin":false,"isDelegatedAdmin":true,"suspended":false,"isEnrolledIn2Sv":true,"lastLoginTime":"2026-01-15T01:02:03.000Z",
       "relations":[{"type":"assistant","value":"no@example.jp"},{"type":"manager","value":"boss@example.jp"}],"aliases":["m@example.jp"]},
      {"id":"2","primaryEmail":"old@example.jp","isAdmin":false,"isDelegatedAdmin":false,"suspended":true,"isEnrolledIn2Sv":false,"lastLoginTime":"1970-01-01T00:00:00.000Z"}]}"#;
    check(
        workspace,
        EntityKind::Account,
        &["enabled", "privileged", "second_factor", "owner", "last_seen"],
        &[
            "mika@example.jp: enabled=yes privileged=yes second_factor=yes owner=boss@example.jp last_seen=2026-01-15T01:02:03Z",
            "old@example.jp: enabled=no privileged=no second_factor=no",
        ],
    );
    let okta = r#"[{"id":"00u1","status":"ACTIVE","lastLogin":"2026-01-16T00:00:00.000Z","passwordChanged":"2025-05-05T00:00:00.000Z",
        "profile":{"login":"mika@example.jp","email":"mika@example.jp","manager":"boss"},"_embedded":{"factors":[{"factorType":"push","status":"ACTIVE"},{"factorType":"sms","status":"INACTIVE"}]}},
      {"id":"00u2","status":"DEPROVISIONED","lastLogin":null,"profile":{"login":"gone@example.jp"},"_embedded":{"factors":[{"factorType":"sms","status":"PENDING_ACTIVATION"}]}},
      {"id":"00u3","status":"ACTIVE","profile":{"login":"unsaid@example.jp"}}]"#;
    check(
        okta,
        EntityKind::Account,
        &["enabled", "state", "second_factor", "factors", "owner", "last_seen"],
        &[
            "gone@example.jp: enabled=no state=ended second_factor=no factors=sms",
            "mika@example.jp: enabled=yes second_factor=yes factors=push; sms owner=boss last_seen=2026-01-16T00:00:00Z",
            "unsaid@example.jp: enabled=yes",
        ],
    );
}

#[test]
fn consoles_of_sensors() {
    let defender = r#"{"value":[
      {"id":"m1","computerDnsName":"fs01.corp.example.jp","healthStatus":"Active","onboardingStatus":"Onboarded","osPlatform":"WindowsServer2022","lastIpAddress":"192.0.2.20","lastSeen":"2026-01-22T00:00:00Z"},
      {"id":"m2","computerDnsName":"nas","healthStatus":"Inactive","onboardingStatus":"CanBeOnboarded","lastSeen":"2026-01-21T00:00:00Z"}]}"#;
    check(
        defender,
        EntityKind::Host,
        &["sensor_reported", "sensor_seen", "last_seen", "addresses"],
        &[
            "fs01.corp.example.jp: sensor_reported=yes sensor_seen=2026-01-22T00:00:00Z last_seen=2026-01-22T00:00:00Z addresses=192.0.2.20",
            "nas: sensor_reported=no last_seen=2026-01-21T00:00:00Z",
        ],
    );
    let falcon = r#"{"meta":{"query_time":0.1},"resources":[{"device_id":"0123456789abcdef0123456789abcdef","hostname":"FS01","agent_version":"7.10.0","local_ip":"192.0.2.20",
        "platform_name":"Windows","os_version":"Windows Server 2022","product_type_desc":"Server","machine_domain":"corp.example.jp","reduced_functionality_mode":"no","last_seen":"2026-01-22T03:04:05Z"}],"errors":[]}"#;
    check(
        falcon,
        EntityKind::Host,
        &["role", "sensor_reported", "sensor_seen"],
        &["FS01: role=server sensor_reported=yes sensor_seen=2026-01-22T03:04:05Z"],
    );
    let table = "Hostname,Last Seen,First Seen,Platform,OS Version,Host ID,Local IP\nFS01,2026-01-22T03:04:05Z,2025-01-01T00:00:00Z,Windows,Windows Server 2022,abc,192.0.2.20\n";
    check(
        table,
        EntityKind::Host,
        &["sensor_reported", "sensor_seen", "os", "addresses"],
        &[
            "FS01: sensor_reported=yes sensor_seen=2026-01-22T03:04:05Z os=Windows Server 2022 addresses=192.0.2.20",
        ],
    );
    let wazuh = r#"{"data":{"affected_items":[
      {"id":"000","name":"manager","status":"active","registerIP":"127.0.0.1","ip":"127.0.0.1","lastKeepAlive":"9999-12-31T23:59:59Z"},
      {"id":"001","name":"bk01","status":"disconnected","registerIP":"any","ip":"192.0.2.30","lastKeepAlive":"2026-01-02T00:00:00+00:00","os":{"name":"Debian","version":"12"}},
      {"id":"009","name":"px01","status":"never_connected","registerIP":"any","ip":"any"}],"total_affected_items":3},"message":"x","error":0}"#;
    check(
        wazuh,
        EntityKind::Host,
        &["sensor_reported", "sensor_seen", "os", "addresses"],
        &[
            "bk01: sensor_reported=yes sensor_seen=2026-01-02T00:00:00Z os=Debian addresses=192.0.2.30",
            "manager: sensor_reported=yes addresses=127.0.0.1",
            "px01: sensor_reported=no addresses=any",
        ],
    );
}

#[test]
fn machines_of_clouds() {
    let aws = r#"{"Reservations":[{"OwnerId":"123456789012","Instances":[
      {"InstanceId":"i-0123456789abcdef0","PrivateDnsName":"ip-10-0-0-5.internal","PrivateIpAddress":"10.0.0.5","PublicIpAddress":"203.0.113.9","LaunchTime":"2025-12-01T00:00:00+00:00",
       "State":{"Name":"running"},"PlatformDetails":"Linux/UNIX","Tags":[{"Key":"Name","Value":"web01"},{"Key":"Owner","Value":"sales"}]},
      {"InstanceId":"i-1","State":{"Name":"terminated"}}]}]}"#;
    check(
        aws,
        EntityKind::Host,
        &["addresses", "public_addresses", "owner", "running", "os"],
        &["web01: addresses=10.0.0.5 public_addresses=203.0.113.9 owner=sales running=yes os=Linux/UNIX"],
    );
    let azure = r#"[{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/db01","name":"db01","type":"Microsoft.Compute/virtualMachines","resourceGroup":"g","tags":{"owner":"it"}},
      {"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/st","name":"st","type":"Microsoft.Storage/storageAccounts","resourceGroup":"g","tags":null}]"#;
    check(azure, EntityKind::Host, &["owner"], &["db01: owner=it"]);
    let google = r#"[{"id":"7","name":"app01","machineType":"zones/z/machineTypes/e2-small","status":"TERMINATED","networkInterfaces":[{"networkIP":"10.1.0.2","accessConfigs":[{"natIP":"203.0.113.10"}]}],"labels":{"owner":"dev"}}]"#;
    check(
        google,
        EntityKind::Host,
        &["addresses", "public_addresses", "owner", "running"],
        &["app01: addresses=10.1.0.2 public_addresses=203.0.113.10 owner=dev running=no"],
    );
}

#[test]
fn backups_and_a_configuration_database() {
    let vaults = r#"{"BackupVaultList":[{"BackupVaultName":"daily","BackupVaultArn":"arn:aws:backup:ap-northeast-1:1:backup-vault:daily","Locked":true,"MinRetentionDays":30},
        {"BackupVaultName":"open","BackupVaultArn":"arn:aws:backup:ap-northeast-1:1:backup-vault:open","Locked":false}]}"#;
    check(
        vaults,
        EntityKind::Copy,
        &["locked", "retention_days"],
        &["daily: locked=yes retention_days=30", "open: locked=no"],
    );
    let restic = r#"[{"time":"2026-01-22T02:00:00.123+09:00","tree":"t","paths":["/srv"],"hostname":"fs01","username":"root","id":"abc"}]"#;
    check(
        restic,
        EntityKind::Copy,
        &["last_copy", "sources"],
        &["fs01:/srv: last_copy=2026-01-21T17:00:00.123000000Z sources=fs01"],
    );
    let cmdb = "name,sys_class_name,install_status,fqdn,ip_address,owned_by,os\nFS01,cmdb_ci_win_server,1,fs01.corp.example.jp,192.0.2.20,IT,Windows\nOLD,cmdb_ci_linux_server,7,,,,\n";
    check(
        cmdb,
        EntityKind::Host,
        &["owner", "role", "state"],
        &["FS01: owner=IT role=server", "OLD: role=server state=ended"],
    );
}

/// Six documents name one account and one host in their own ways; all of them together are one account and one host.
#[test]
fn every_document_speaks_of_the_same_two() {
    let directory = "dn: CN=Mika,DC=corp,DC=example,DC=jp\nobjectClass: user\nsAMAccountName: mika\nobjectSid:: AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAATgQAAA==\n\
        userAccountControl: 512\nmsDS-PrincipalName: KAISHA\\mika\n\n\
        dn: CN=FS01,DC=corp,DC=example,DC=jp\nobjectClass: computer\nsAMAccountName: FS01$\ndNSHostName: fs01.corp.example.jp\nuserAccountControl: 4096\n";
    let entra = r#"{"value":[{"id":"e1","userPrincipalName":"mika@example.jp","accountEnabled":true,"onPremisesSecurityIdentifier":"S-1-5-21-1-2-3-1102"}]}"#;
    let sensors = r#"{"value":[{"id":"m1","computerDnsName":"FS01","healthStatus":"Active","onboardingStatus":"Onboarded","lastIpAddress":"192.0.2.20","lastSeen":"2026-01-22T00:00:00Z"}]}"#;
    let scan =
        r#"<nmaprun><host><status state="up"/><address addr="192.0.2.20" addrtype="ipv4"/></host></nmaprun>"#;
    let accounts = "account,owner\nKAISHA\\mika,sales\n";
    let hosts = "host,owner\nfs01.corp.example.jp,it\n";
    let documents = [
        ("ad", directory),
        ("entra", entra),
        ("edr", sensors),
        ("scan", scan),
        ("accounts", accounts),
        ("hosts", hosts),
    ];
    // In any order.
    for turn in 0..documents.len() {
        let mut documents = documents;
        documents.rotate_left(turn);
        let formats = Formats::bundled().unwrap();
        let joined = read(&documents).0.joined(formats.merge_rules(), present());
        let all = |kind| joined.versions(kind).collect::<Vec<_>>();
        let (accounts, hosts) = (all(EntityKind::Account), all(EntityKind::Host));
        assert_eq!((accounts.len(), hosts.len()), (1, 1), "{turn}: {accounts:#?} {hosts:#?}");
        assert_eq!(
            (accounts[0].id.as_str(), value(accounts[0], "lists")),
            ("KAISHA\\mika", "directory-users; entra-users; register".to_owned())
        );
        assert_eq!(
            (value(accounts[0], "owner"), value(accounts[0], "enabled")),
            ("sales".into(), "yes".into())
        );
        assert_eq!(
            (hosts[0].id.as_str(), hosts[0].seen_in.len(), hosts[0].is_registered),
            ("fs01.corp.example.jp", 3, true)
        );
    }
}

/// What could be either stays apart: two accounts of one name in two domains, and one name of neither.
#[test]
fn what_is_ambiguous_stays_apart() {
    let entra = r#"{"value":[{"id":"1","userPrincipalName":"yu@a.example"},{"id":"2","userPrincipalName":"yu@b.example"}]}"#;
    let formats = Formats::bundled().unwrap();
    let joined =
        read(&[("e", entra), ("r", "account,owner\nyu,it\n")]).0.joined(formats.merge_rules(), present());
    assert_eq!(ids(&joined, EntityKind::Account), ["yu", "yu@a.example", "yu@b.example"]);
    // Two computers had one address, one after the other.
    let sensors = r#"{"value":[{"id":"1","computerDnsName":"pc1","healthStatus":"Active","lastIpAddress":"192.0.2.50"},
        {"id":"2","computerDnsName":"pc2","healthStatus":"Active","lastIpAddress":"192.0.2.50"}]}"#;
    let joined = read(&[("s", sensors)]).0.joined(formats.merge_rules(), present());
    assert_eq!(ids(&joined, EntityKind::Host), ["pc1", "pc2"]);
}

/// What was known on a day is what the lists of that day said.
#[test]
fn lists_are_read_as_they_were_known() {
    let registers = "host,owner,role,known from\nfs01,sales,server,2026-01-01\nfs01,it,server,2026-01-20\n";
    let sensors = r#"{"value":[{"id":"m1","computerDnsName":"fs01","healthStatus":"Active","onboardingStatus":"Onboarded","lastSeen":"2026-01-15T00:00:00Z"}]}"#;
    let formats = Formats::bundled().unwrap();
    let inventory = read(&[("r", registers), ("s", sensors)]).0;
    let known = |day: &str| {
        let at: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
        let joined = inventory.joined(formats.merge_rules(), at);
        joined.believed(EntityKind::Host, "fs01", at, at).map(|e| (value(e, "owner"), e.seen_in.len()))
    };
    assert_eq!(known("2025-12-31"), None);
    assert_eq!(known("2026-01-10"), Some(("sales".to_owned(), 0)));
    assert_eq!(known("2026-01-16"), Some(("sales".to_owned(), 1)));
    assert_eq!(known("2026-01-21"), Some(("it".to_owned(), 1)));
}
