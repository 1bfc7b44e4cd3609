//! Decoding of JSON lines into columns, against parsing the same lines into trees, in one run.
//!
//! `cargo bench -p hinomi-ingest --bench json -- FILE.json …`; without a file nothing is measured. Figures are
//! processor time of this thread, the best of several rounds; reading the file is not included on either side.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints what it measured and stops at the first surprise"
)]

use std::sync::Arc;

use hinomi_columns::{Projection, Store};
use hinomi_ingest::{Clocks, Decode, JsonCut, JsonCutState, JsonDecoder, Member, Unit, json_cut};
use hinomi_model::{Diagnostics, Timestamp};

const ROUNDS: usize = 5;
const UNIT: usize = 1 << 20;

/// Names that rules for Windows commonly read.
const RULE_FIELDS: &str = "AccessList AccessMask AccountName Application ApplicationPath AttributeLDAPDisplayName \
    AttributeValue AuditPolicyChanges AuthenticationPackageName CallTrace CallerProcessName ClientAddress \
    ClientProcessId CommandLine Company ComputerName ContextInfo CurrentDirectory Data Description \
    DestinationHostname DestinationIp DestinationIsIpv6 DestinationPort Details DeviceDescription DeviceName \
    ErrorCode EventType FailureCode FileName FileVersion GrandParentImage GrantedAccess Hashes HostApplication \
    Image ImageLoaded ImagePath ImpersonationLevel Initiated IntegrityLevel IpAddress IpPort KeyLength Keywords \
    Level LogonId LogonProcessName LogonType Message ModifyingApplication NewName NewProcessName NewTargetUserName \
    NewUacValue NewValue ObjectClass ObjectDN ObjectName ObjectServer ObjectType ObjectValueName OldTargetUserName \
    OldUacValue OriginalFileName ParentCommandLine ParentImage ParentProcessId ParentUser PasswordLastSet Path \
    Payload PipeName PreAuthType PrivilegeList ProcessId ProcessName ProcessPath Product Properties Protocol Query \
    QueryName RelativeTargetName RemoteName SamAccountName ScriptBlockText SearchFilter ServerName Service \
    ServiceFileName ServiceName ServicePrincipalNames ServiceStartType ServiceType ShareLocalPath ShareName \
    SidHistory SidList Signature SignatureStatus Signed SourceAddress SourceHostname SourceImage SourceIp \
    SourceIsIpv6 SourceName SourcePort SourceUser StartAddress StartFunction StartModule State Status SubStatus \
    SubcategoryGuid SubjectDomainName SubjectLogonId SubjectUserName SubjectUserSid TargetFilename TargetImage \
    TargetInfo TargetLogonId TargetName TargetObject TargetOutboundUserName TargetServerName TargetSid \
    TargetUserName TargetUserSid TaskContent TaskContentNew TaskName TicketEncryptionType TicketOptions Type User \
    UserName Value Workstation WorkstationName param1 param2 param3";

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if files.is_empty() {
        println!("skipped: name a file of JSON lines");
    }
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let units = units(&bytes);
        let rules = Projection::of(RULE_FIELDS.split_whitespace());
        let everything = Projection::of([""; 0]).and_all_others();
        let nothing = Projection::of([""; 0]);
        println!("{file}: {} bytes, {} units", bytes.len(), units.len());
        let (trees, lines) = best(|| trees(&bytes));
        println!("  {lines:>8} events  {:>6.3} µs/event  trees", micros(trees, lines));
        for (name, projection) in
            [("routing fields", nothing), ("rule fields", rules), ("all fields", everything)]
        {
            let (ours, rows) = best(|| columns(&units, &projection));
            let micros = micros(ours, rows);
            let (ratio, rate) = (trees as f64 / ours as f64, 1e6 / micros);
            println!(
                "  {rows:>8} events  {micros:>6.3} µs/event  {rate:>9.0} events/s  columns, {name} (x{ratio:.1})"
            );
        }
        let (cutting, _) = best(|| self::units(&bytes).len());
        println!("  {:>6.3} µs/event  cutting and copying", micros(cutting, lines));
    }
}

fn micros(nanos: u64, records: usize) -> f64 {
    nanos as f64 / 1000.0 / records.max(1) as f64
}

/// Least time of several rounds, and what they counted.
fn best(mut work: impl FnMut() -> usize) -> (u64, usize) {
    let rounds = (0..ROUNDS).map(|_| {
        let before = processor_nanos();
        let counted = work();
        (processor_nanos() - before, counted)
    });
    rounds.min().unwrap()
}

/// Time this thread spent on a processor; a busy machine does not count.
fn processor_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

fn trees(bytes: &[u8]) -> usize {
    let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.filter(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok()).count()
}

fn columns(units: &[Unit], projection: &Projection) -> usize {
    let mut store = Store::new(projection);
    let mut decoder = JsonDecoder::new();
    let mut diagnostics = Diagnostics::default();
    let mut rows = 0;
    for unit in units {
        decoder.decode(unit, &mut store, &mut diagnostics);
        rows += store.row_count();
        store.drop_rows();
    }
    rows
}

fn units(bytes: &[u8]) -> Vec<Unit> {
    let member = Arc::new(Member { file: 0, path: "t.json".to_owned(), inner: String::new() });
    let clocks = Arc::new(Clocks { zone: jiff::tz::TimeZone::UTC, latest: Timestamp::from_nanos(0) });
    let mut units = Vec::new();
    let mut rest = bytes;
    let mut state = JsonCutState::default();
    while !rest.is_empty() {
        let held = rest.get(..UNIT).unwrap_or(rest);
        let cut = match json_cut(held, held.len() == rest.len(), &mut state) {
            JsonCut::Records(n) | JsonCut::Skip(n) => n,
            JsonCut::NeedMore => rest.len(),
        };
        let (piece, after) = rest.split_at(cut);
        units.push(Unit {
            member: Arc::clone(&member),
            ordinal: units.len() as u64,
            offset: (bytes.len() - rest.len()) as u64,
            lines_before: 0,
            bytes: piece.to_vec(),
            preamble: Arc::from([]),
            clocks: Arc::clone(&clocks),
        });
        rest = after;
    }
    units
}
