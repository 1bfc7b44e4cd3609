//! Decoding of an event log into columns, against printing it as JSON with the independent reader, in one run.
//!
//! `cargo bench -p hinomi-ingest --bench evtx -- FILE.evtx …`; without a file nothing is measured. Figures are
//! processor time of this thread, the best of several rounds, and include finding the chunks and their checksums;
//! reading the file is not included on either side.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints what it measured and stops at the first surprise"
)]

use std::io::Write as _;
use std::sync::Arc;

use hinomi_columns::{Projection, Store};
use hinomi_ingest::{Clocks, Decode, EvtxDecoder, Member, Unit, evtx_cut};
use hinomi_model::{Diagnostics, Timestamp};

const ROUNDS: usize = 7;
const UNIT: usize = 4 << 20;

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
        println!("skipped: name an EVTX file");
    }
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let units = units(&bytes);
        let rules = Projection::of(RULE_FIELDS.split_whitespace());
        let everything = Projection::of([""; 0]).and_all_others();
        let nothing = Projection::of([""; 0]);
        println!("{file}: {} bytes, {} units", bytes.len(), units.len());
        let (theirs, printed) = best(|| json(&bytes));
        println!(
            "  {printed:>8} records  {:>6.3} µs/record  independent reader, printing JSON",
            micros(theirs, printed)
        );
        for (name, projection) in
            [("routing fields", nothing), ("rule fields", rules), ("all fields", everything)]
        {
            let (ours, rows) = best(|| columns(&units, &projection));
            let ratio = theirs as f64 / ours as f64;
            println!(
                "  {rows:>8} records  {:>6.3} µs/record  columns, {name} (x{ratio:.1})",
                micros(ours, rows)
            );
        }
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

fn json(bytes: &[u8]) -> usize {
    let settings = evtx::ParserSettings::new().num_threads(1).indent(false);
    let mut parser = evtx::EvtxParser::from_buffer(bytes.to_vec()).unwrap().with_configuration(settings);
    let mut out = std::io::sink();
    let mut records = 0;
    for chunk in parser.chunks_json_bytes(false) {
        records += chunk.records().count();
        for (_, record) in chunk.records() {
            out.write_all(std::hint::black_box(record)).unwrap();
        }
    }
    records
}

fn columns(units: &[Unit], projection: &Projection) -> usize {
    let mut store = Store::new(projection);
    let mut decoder = EvtxDecoder::default();
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
    let member = Arc::new(Member { file: 0, path: "dense.evtx".to_owned(), inner: String::new() });
    let clocks = Arc::new(Clocks { zone: jiff::tz::TimeZone::UTC, latest: Timestamp::from_nanos(0) });
    let mut units = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let held = rest.get(..UNIT).unwrap_or(rest);
        let (piece, after) = rest.split_at(evtx_cut(held, held.len() == rest.len()));
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
