//! What the benchmarks of all decoders share: processor time, units, and decoding them into columns.
#![allow(dead_code, reason = "each benchmark uses its part")]

use std::sync::Arc;

use hinomi_columns::{Projection, Store};
use hinomi_ingest::{Decode, Unit};
use hinomi_model::Diagnostics;

/// Names that rules for Windows commonly read.
pub const WINDOWS_FIELDS: &str = "AccessList AccessMask AccountName Application ApplicationPath AttributeLDAPDisplayName \
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

/// Least time of several rounds, and what they counted.
pub fn best(rounds: usize, mut work: impl FnMut() -> usize) -> (u64, usize) {
    let rounds = (0..rounds).map(|_| {
        let before = processor_nanos();
        let counted = work();
        (processor_nanos() - before, counted)
    });
    rounds.min().unwrap()
}

/// Time this thread spent on a processor; a busy machine does not count.
pub fn processor_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// Decodes units into columns; the number of rows.
pub fn columns(decoder: &mut impl Decode, units: &[Unit], projection: &Projection) -> usize {
    let mut store = Store::new(projection);
    let mut diagnostics = Diagnostics::default();
    let mut rows = 0;
    for unit in units {
        decoder.decode(unit, &mut store, &mut diagnostics);
        rows += store.row_count();
        store.drop_rows();
        if store.bytes() > 64 << 20 {
            store.reset();
        }
    }
    rows
}

/// The units of a log. `cut` says how many bytes of a block belong to the next one; its second argument is whether the
/// block ends the log.
pub fn units(log: &Unit, unit_bytes: usize, mut cut: impl FnMut(&[u8], bool) -> usize) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut rest = log.bytes.as_slice();
    while !rest.is_empty() {
        let held = rest.get(..unit_bytes).unwrap_or(rest);
        let (piece, after) = rest.split_at(cut(held, held.len() == rest.len()).min(rest.len()));
        let mut unit = log.without_bytes();
        unit.ordinal = units.len() as u64;
        unit.offset = (log.bytes.len() - rest.len()) as u64;
        unit.bytes = piece.to_vec();
        unit.preamble = Arc::clone(&log.preamble);
        units.push(unit);
        rest = after;
    }
    units
}
