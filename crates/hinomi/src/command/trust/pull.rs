//! `hinomi vault pull`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hinomi_ledger::vault::{Alarm, DirectorySource, Policy, Pulled, Source, Trouble, Vault};
use hinomi_ledger::{FileDisk, LedgerError, Places, SystemClock};
use hinomi_server::publication::HttpSource;
use hinomi_server::witness::HttpWitness;
use serde_json::json;

use super::{client, ledger_failure, verifier_key, words};
use crate::args::{Lang, PullArgs};
use crate::command::investigate::language;
use crate::command::print;
use crate::exit::{Exit, Failure};

const SECOND: u64 = 1_000_000_000;

pub(super) fn run(args: &PullArgs) -> Result<Exit, Failure> {
    let policy = Policy {
        unreachable_ns: args.unreachable.saturating_mul(SECOND),
        silence_ns: args.silence.saturating_mul(SECOND),
        erasure_delay_ns: args.erasure_delay.saturating_mul(86_400 * SECOND),
        reserve_bytes: args.reserve.saturating_mul(1 << 20),
        accept_unsealed: args.accept_unsealed,
        ..Policy::default()
    };
    let mut vault =
        Vault::open(Arc::new(FileDisk), Arc::new(SystemClock), &args.dir, policy).map_err(ledger_failure)?;
    let mut source = source(args, &vault)?;
    let mut witness = witness(args)?;
    let lang = args.lang.unwrap_or_else(language);
    loop {
        let before = vault.status().opaque_blocks;
        let pulled = vault.pull(&mut *source).map_err(ledger_failure)?;
        let opaque = vault.status().opaque_blocks.saturating_sub(before);
        let mut exit = exit_of(&pulled);
        let mut news = pulled.news.clone();
        // What the witness says is asked for only about what is held, and its absence is no fault of the primary.
        let mut doubt = None;
        if let Some(witness) = &mut witness {
            match vault.compare(witness) {
                Ok(Some(alarm)) => {
                    exit = exit.and(Exit::Failed);
                    news.push(alarm);
                }
                Ok(None) => {}
                Err(LedgerError::Unreachable { peer, what }) => {
                    doubt = Some(format!("witness {peer}: {what}"));
                }
                Err(other) => return Err(ledger_failure(other)),
            }
        }
        show(args, lang, &pulled, &news, doubt.as_deref(), opaque)?;
        for alarm in &news {
            call(args, alarm);
        }
        let Some(seconds) = args.watch else { return Ok(exit) };
        thread::sleep(Duration::from_secs(seconds));
    }
}

fn source(args: &PullArgs, vault: &Vault) -> Result<Box<dyn Source>, Failure> {
    if args.from.starts_with("http://") || args.from.starts_with("https://") {
        let client = client(&args.from, args.ca.as_deref(), args.plain_http)?;
        let token = vault.token().map_err(ledger_failure)?;
        return Ok(Box::new(HttpSource::new(client, &token)));
    }
    let places = Places::in_data_dir(std::path::Path::new(&args.from), "evidence");
    Ok(Box::new(DirectorySource::new(Arc::new(FileDisk), places)))
}

fn witness(args: &PullArgs) -> Result<Option<HttpWitness>, Failure> {
    let (Some(url), Some(key)) = (&args.witness, &args.witness_key) else { return Ok(None) };
    let client = client(url, args.witness_ca.as_deref(), args.witness_plain_http)?;
    Ok(Some(HttpWitness::new(client, verifier_key(key)?)))
}

fn exit_of(pulled: &Pulled) -> Exit {
    let exit = |trouble: &Trouble| match trouble {
        Trouble::Unreachable { .. } => Exit::Unreadable,
        Trouble::ErasurePending { .. } => Exit::Clean,
        _ => Exit::Failed,
    };
    let troubles = pulled.troubles.iter().map(exit).fold(Exit::Clean, Exit::and);
    if pulled.shown.is_none() { troubles.and(Exit::Unreadable) } else { troubles }
}

fn show(
    args: &PullArgs,
    lang: Lang,
    pulled: &Pulled,
    news: &[Alarm],
    doubt: Option<&str>,
    opaque: u64,
) -> Result<Exit, Failure> {
    if args.json {
        let body = json!({
            "schema_version": "1.0", "before": pulled.before, "held": pulled.held, "shown": pulled.shown,
            "records": pulled.records, "bytes": pulled.bytes, "troubles": pulled.troubles, "news": news,
            "witness": doubt, "new_opaque_blocks": opaque,
        });
        return print(format!("{body}\n").as_bytes());
    }
    let mut text = String::new();
    let quiet = args.watch.is_some() && pulled.before == pulled.held;
    if !quiet {
        let (new, records, held) = (pulled.held - pulled.before, pulled.records, pulled.held);
        text.push_str(&match lang {
            Lang::En => {
                format!("{new} new leaves with {records} records checked and held; {held} leaves in all\n")
            }
            Lang::Ja => {
                format!("新しい {new} リーフ、{records} 件を検証して保管しました（計 {held} リーフ）\n")
            }
        });
    }
    if pulled.shown.is_none() && pulled.troubles.is_empty() {
        let seconds = args.unreachable;
        text.push_str(&match lang {
            Lang::En => {
                format!("the primary did not answer; if that lasts {seconds} s it becomes an alarm\n")
            }
            Lang::Ja => format!("本体から応答がありません。{seconds} 秒続くと警報になります\n"),
        });
    }
    text.push_str(&unread(opaque, lang));
    let known = pulled.troubles.iter().filter(|t| !news.iter().any(|a| a.trouble == **t));
    let known = known.filter(|_| args.watch.is_none());
    for trouble in news.iter().map(|a| &a.trouble).chain(known) {
        text.push_str(&format!("{}\n", words::trouble(trouble, lang)));
    }
    if let Some(doubt) = doubt {
        text.push_str(&format!("{doubt}\n"));
    }
    print(text.as_bytes())
}

/// What is held without having been checked.
fn unread(blocks: u64, lang: Lang) -> String {
    match (blocks, lang) {
        (0, _) => String::new(),
        (_, Lang::En) => format!(
            "{blocks} blocks are held as ciphertext that cannot be checked here: their keys were not sealed to this vault \
             (vaults.txt on the primary)\n"
        ),
        (_, Lang::Ja) => format!(
            "{blocks} ブロックは検証できない暗号文のまま保管しました：鍵がこのボールト向けに封緘されていません（本体の vaults.txt）\n"
        ),
    }
}

/// Tells the administrator's program. Its failure must not stop the vault.
fn call(args: &PullArgs, alarm: &Alarm) {
    let Some(program) = &args.on_alarm else { return };
    let child = Command::new(program).stdin(Stdio::piped()).spawn();
    let told = child.and_then(|mut child| {
        if let (Some(mut stdin), Ok(body)) = (child.stdin.take(), serde_json::to_string(alarm)) {
            stdin.write_all(body.as_bytes())?;
        }
        // It is waited for elsewhere, so that a program that hangs does not hold up the next pull.
        thread::Builder::new().name("alarm".to_owned()).spawn(move || child.wait()).map(drop)
    });
    if let Err(error) = told {
        let mut stderr = std::io::stderr().lock();
        let _ = writeln!(stderr, "hinomi: {}: {error}", program.display());
    }
}
