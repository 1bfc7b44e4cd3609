//! How common a run of bytes is in log values: used to choose which part of a literal to index and which
//! predicate of a rule to wait for. Only speed depends on it, never a result.

use std::sync::LazyLock;

use hashbrown::HashMap;

/// Text made of what fills most values of most logs. Weights are powers of two by line: the first line is the
/// most common.
const TYPICAL: [&str; 4] = [
    "c:\\windows\\system32\\ c:\\windows\\ .exe .dll \\device\\harddiskvolume nt authority\\system \
     {00000000-0000-0000-0000-000000000000} true false 0x0 0x00000000 c:\\program files\\ 2019-2020-2021-2024-2025- \
     00:00:00.000 127.0.0.1 10.0.0. 192.168. -  s-1-5-18 s-1-5-21- windows 1000 0000",
    "c:\\program files (x86)\\ c:\\programdata\\ c:\\users\\ \\appdata\\local\\temp\\ \\appdata\\roaming\\ microsoft \
     \\svchost.exe \\explorer.exe \\lsass.exe \\services.exe \\registry\\machine\\ hklm\\system\\currentcontrolset\\services\\ \
     hklm\\software\\microsoft\\windows\\currentversion\\ hku\\ hkcu\\ system local service network service .sys \
     microsoft-windows-",
    "\\powershell.exe \\cmd.exe /c start \\rundll32.exe \\wmiprvse.exe \\conhost.exe \\taskhostw.exe \\msiexec.exe \
     \\syswow64\\ \\drivers\\ \\winevt\\logs\\ -namespace -command -executionpolicy bypass -noprofile microsoft corporation \
     operating system sedebugprivilege sebackupprivilege seloaddriverprivilege kernel32.dll ntdll.dll user32.dll \
     /usr/bin/ /usr/sbin/ /var/log/ /etc/ http:// https:// .com",
    "-windowstyle hidden -encodedcommand iex new-object system.net.webclient downloadstring invoke- get- set- \
     \\regsvr32.exe \\mshta.exe \\wscript.exe \\cscript.exe \\schtasks.exe \\net.exe \\reg.exe .ps1 .vbs .bat .txt .log .tmp \
     administrator domain password",
];

static COMMON: LazyLock<HashMap<[u8; 4], u32, foldhash::fast::RandomState>> = LazyLock::new(|| {
    let mut table: HashMap<[u8; 4], u32, foldhash::fast::RandomState> = HashMap::default();
    for (line, weight) in TYPICAL.iter().zip([64, 32, 16, 8]) {
        for run in line.as_bytes().windows(4).filter_map(|w| w.first_chunk::<4>()) {
            *table.entry(*run).or_default() += weight;
        }
    }
    table
});

/// A weight: 0 for a run that typical values do not hold.
pub(crate) fn gram_commonness(run: &[u8]) -> u32 {
    run.first_chunk::<4>().and_then(|r| COMMON.get(r)).copied().unwrap_or(0)
}

/// Estimated share of values that hold `literal` somewhere, for choosing between predicates.
pub(crate) fn literal_share(literal: &[u8]) -> f64 {
    let rarest = literal.windows(4).map(gram_commonness).min();
    match rarest {
        None => 0.5_f64.powi(literal.len() as i32 + 1),
        Some(0) => 0.5_f64.powi(literal.len().min(16) as i32 + 4),
        Some(weight) => 0.002 * f64::from(weight.min(128)),
    }
}
