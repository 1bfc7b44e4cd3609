//! `hinomi ledger append`.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::Path;

use hinomi_ingest::Member;
use hinomi_ingest::intake::{Members, Options as Reading, Root};
use hinomi_ledger::completeness::is_built_in;
use hinomi_ledger::retention::SECURITY_EVIDENCE;
use hinomi_ledger::{Identity, Ledger, LedgerError, Record, Recovery, Surroundings, Ticket};
use hinomi_model::{DiagnosticKind, Diagnostics};
use serde_json::json;

use super::declared::{self, Sources};
use super::numbers::{Numbers, Place};
use super::{create, failure, lang, opening, print, surroundings};
use crate::apart;
use crate::args::{Lang, LedgerAppend};
use crate::exit::{Exit, Failure};
use crate::framing;
use crate::render::harmless;

/// The longest name of a source.
const MAX_NAME: usize = hinomi_ledger::MAX_NAME;

pub(super) fn run(args: &LedgerAppend) -> Result<Exit, Failure> {
    for path in args.files.iter().filter(|p| p.as_os_str() != "-") {
        std::fs::metadata(path)
            .map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display())))?;
    }
    let around = surroundings();
    let vaults = opening::vaults(&args.at.data)?;
    let sources = declared::load(args.sources.as_deref(), &args.at.data)?;
    let numbers = Place::new(args.sequence_field.as_deref(), args.sequence_regex.as_deref())?;
    let is_new = create::make_if_missing(&args.at.data, &args.new)?;
    let (ledger, recovery) = opening::open_with(&args.at.data, &vaults)?;
    let mut kept = Kept::default();
    if let Some(sources) = &sources {
        kept.stated = ledger.declare(&sources.declared).map_err(failure)?.len();
    }
    let sources = sources.unwrap_or_default();
    let mut keeping = Keeping {
        ledger: &ledger,
        around: &around,
        args,
        sources: &sources,
        numbers: &numbers,
        kept,
        last: None,
    };
    for path in &args.files {
        keeping.path(path)?;
    }
    let kept = keeping.finish()?;
    ledger.tick().map_err(failure)?;
    let (size, _) = ledger.checkpoint();
    let identity = ledger.identity().clone();
    ledger.close().map_err(failure)?;
    let sealed_to: Vec<&str> = vaults.iter().map(|vault| vault.name.as_str()).collect();
    report(args, is_new, &identity, size, &kept, &recovery, &sealed_to)?;
    Ok(if kept.losses == 0 { Exit::Clean } else { Exit::Unreadable })
}

/// What was kept.
#[derive(Default)]
struct Kept {
    records: u64,
    bytes: u64,
    sources: u64,
    /// Things that could not be read, or not whole.
    losses: u64,
    /// Records with a number of their source.
    numbered: u64,
    /// Files whose chunks go back in their numbers.
    wrapped: Vec<String>,
    /// Leaves that state what sources promise.
    stated: usize,
}

/// Hands files to a ledger.
struct Keeping<'a> {
    ledger: &'a Ledger,
    around: &'a Surroundings,
    args: &'a LedgerAppend,
    sources: &'a Sources,
    /// Where the command line says that numbers are.
    numbers: &'a Place,
    kept: Kept,
    last: Option<Ticket>,
}

impl Keeping<'_> {
    /// Keeps a file, or everything in a folder or archive.
    fn path(&mut self, path: &Path) -> Result<(), Failure> {
        if self.args.as_is && path.as_os_str() != "-" && path.is_file() {
            return self.file(path, &file_name(path));
        }
        let root = if path.as_os_str() == "-" {
            Root::Stream { name: "stdin".to_owned(), reader: Box::new(io::stdin()) }
        } else {
            Root::Path(path.to_owned())
        };
        let folder = if path.is_dir() { path.parent() } else { None };
        let members = Members::new(vec![root], Reading::at(self.around.clock.now()));
        let keeping = RefCell::new(self);
        let take = |member: &Member, bytes: io::Result<Box<dyn Read>>| {
            let outer = Path::new(&member.path);
            let name = match folder.and_then(|folder| outer.strip_prefix(folder).ok()) {
                Some(inside) => inside.display().to_string(),
                None => file_name(outer),
            };
            let unreadable = |e| Failure::new(Exit::Unreadable, format!("{}: {e}", outer.display()));
            let bytes = bytes.map_err(unreadable)?;
            keeping.borrow_mut().stream(bytes, &apart::name(&name, &member.inner))
        };
        apart::each_log(members, take, |losses| keeping.borrow_mut().tell(losses))
    }

    fn file(&mut self, path: &Path, name: &str) -> Result<(), Failure> {
        let opened = File::open(path);
        let opened =
            opened.map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display())))?;
        self.stream(Box::new(opened), name)
    }

    fn stream(&mut self, input: Box<dyn Read>, name: &str) -> Result<(), Failure> {
        let source = self.args.source.as_deref().unwrap_or(name);
        if source.len() > MAX_NAME {
            let text = format!("{source}: a name of a source has at most {MAX_NAME} bytes");
            return Err(Failure::new(Exit::Usage, text).hint("give one with --source"));
        }
        if is_built_in(source) {
            let text = format!("{source}: names that begin with hinomi: are the ledger's own");
            return Err(Failure::new(Exit::Usage, text).hint("give another one with --source"));
        }
        let (ledger, around) = (self.ledger, self.around);
        let stated = self.sources.declared.get(source).and_then(|declared| declared.class.as_deref());
        let class = self.args.class.as_deref().or(stated).unwrap_or(SECURITY_EVIDENCE);
        let place = match self.numbers {
            Place::None => self.sources.numbers.get(source).unwrap_or(self.numbers),
            asked => asked,
        };
        let mut numbers = Numbers::new(place);
        let (kept, last) = (&mut self.kept, &mut self.last);
        let mut refused: Option<LedgerError> = None;
        kept.sources += 1;
        let done = framing::frames(input, |batch| {
            let received_ns = u64::try_from(around.clock.now().as_nanos()).unwrap_or(0);
            kept.records += batch.len() as u64;
            kept.bytes += batch.iter().map(|r| r.len() as u64).sum::<u64>();
            let record = |bytes: Vec<u8>| Record { received_ns, sequence: numbers.of(&bytes), bytes };
            let batch: Vec<Record> = batch.into_iter().map(record).collect();
            kept.numbered += batch.iter().filter(|r| r.sequence.is_some()).count() as u64;
            match ledger.append(source, class, batch) {
                Ok(ticket) => *last = Some(ticket),
                Err(error) => {
                    refused = Some(error);
                    return Err(io::ErrorKind::Other.into());
                }
            }
            progress(kept);
            Ok(())
        });
        if let Some(error) = refused {
            return Err(failure(error));
        }
        if numbers.wrapped {
            self.kept.wrapped.push(name.to_owned());
        }
        done.map_err(|e| Failure::new(Exit::Unreadable, format!("{name}: {e}")))
    }

    /// Says on standard error what was lost.
    fn tell(&mut self, losses: &Diagnostics) {
        for loss in losses.entries() {
            // That a file holds no known format matters to whoever reads it, not to whoever keeps it.
            if loss.kind != DiagnosticKind::Unrecognised {
                self.kept.losses += 1;
                let _ = writeln!(io::stderr(), "{}", harmless(&loss.to_string()));
            }
        }
    }

    /// Waits until everything is durable.
    fn finish(self) -> Result<Kept, Failure> {
        if let Some(ticket) = self.last {
            ticket.wait().map_err(failure)?;
        }
        if self.kept.bytes > 0 && io::stderr().is_terminal() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        Ok(self.kept)
    }
}

/// A line on a terminal that is written over; once per batch of some megabytes.
fn progress(kept: &Kept) {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\x1b[K{} records, {} MB", kept.records, kept.bytes / 1_000_000);
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    name.unwrap_or_else(|| path.display().to_string())
}

fn report(
    args: &LedgerAppend,
    is_new: bool,
    identity: &Identity,
    size: u64,
    kept: &Kept,
    recovery: &Recovery,
    sealed_to: &[&str],
) -> Result<Exit, Failure> {
    let Kept { records, bytes, sources, losses, numbered, wrapped, stated } = kept;
    let fingerprint = identity.signer.fingerprint();
    if args.at.json {
        let body = json!({"schema_version": "1.0", "created": is_new, "origin": identity.origin.as_str(),
            "verifier_key": identity.signer.to_string(), "fingerprint": fingerprint, "records": records, "bytes": bytes, "sources": sources, "losses": losses,
            "sealed_to": sealed_to, "numbered_records": numbered, "wrapped_files": wrapped, "stated_sources": stated,
            "leaves": size, "recovered_records": recovery.open_records, "dropped_bytes": recovery.dropped_bytes});
        return print(format!("{body:#}\n").as_bytes());
    }
    let mut text = String::new();
    if is_new {
        text.push_str(&create::introduction(identity, lang(&args.at)));
    }
    text.push_str(&remarks(kept, lang(&args.at)));
    if !sealed_to.is_empty() {
        let names = harmless(&sealed_to.join(", "));
        text.push_str(&match lang(&args.at) {
            Lang::En => format!("new keys are sealed to {names}\n"),
            Lang::Ja => format!("新しい鍵は {names} 向けに封緘されます\n"),
        });
    }
    text.push_str(&match lang(&args.at) {
        Lang::En => format!(
            "{records} records, {bytes} bytes are durable and committed ({numbered} with a number of their source); {size} leaves\n"
        ),
        Lang::Ja => format!(
            "{records} 件、{bytes} バイトを保存し署名しました（うち情報源の番号あり {numbered} 件、リーフ {size} 枚）\n"
        ),
    });
    print(text.as_bytes())
}

/// What has changed or could not be numbered.
fn remarks(kept: &Kept, lang: Lang) -> String {
    let mut text = String::new();
    if kept.stated > 0 {
        let stated = kept.stated;
        text.push_str(&match lang {
            Lang::En => format!("what {stated} sources promise has changed, and is recorded\n"),
            Lang::Ja => format!("情報源 {stated} 件の取り決めの変更を記録しました\n"),
        });
    }
    for name in &kept.wrapped {
        let name = harmless(name);
        text.push_str(&match lang {
            Lang::En => {
                format!("{name}: its chunks are not in order, so the rest of them counts as not numbered\n")
            }
            Lang::Ja => format!("{name}：チャンクの番号が途中で戻るため、以降は番号なしとして扱います\n"),
        });
    }
    text
}
