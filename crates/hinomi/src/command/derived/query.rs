//! `hinomi query`: the question is answered by a process of its own, whose memory and time the kernel bounds.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hinomi_model::{Digest, Timestamp};
use hinomi_query::sql::{JsonRow, Limits, Question, Rows, Views, ask, base_tables, cells, json_rows, names};
use hinomi_query::{Archive, Coverage, DerivedFile, Input, Manifest, QueryError, Run, coverage};
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::judging;
use super::opening::{Opened, open};
use super::{answer, failure};
use crate::args::{Lang, QueryArgs, RowShape};
use crate::command::investigate::{language, zone};
use crate::command::print;
use crate::exit::{Exit, Failure};
use crate::render::{csv_row, harmless, style};

/// Widest column of a table.
const WIDEST: usize = 80;
/// The verb of the process that answers.
const VERB: &str = "answer-query";
/// Address space besides what a question may take: program, stacks, and what the allocator reserves.
const BESIDES: u64 = 1 << 30;
/// Most of what the answering process says of what went wrong.
const MOST_SAID: u64 = 1 << 16;
/// Longest question from standard input.
const LONGEST: u64 = 1 << 20;

/// What the answering process gets.
#[derive(Serialize, Deserialize)]
struct Task {
    folder: PathBuf,
    sql: String,
    memory: u64,
    seconds: u64,
    rows: usize,
    output: RowShape,
    lang: Lang,
    zone: String,
    notes: Vec<String>,
    reports: Vec<Value>,
    /// What stands beside derived data and belongs to it.
    beside: Vec<(Run, Vec<DerivedFile>)>,
    /// Rows without names of columns, for pages.
    bare: bool,
}

/// A question of somebody who waits for a page.
pub(crate) struct Apart<'q> {
    /// Where derived data stands.
    pub(crate) folder: &'q Path,
    /// What stands beside it.
    pub(crate) beside: &'q [(Run, Vec<DerivedFile>)],
    /// The question.
    pub(crate) sql: String,
    /// Most rows.
    pub(crate) rows: usize,
    /// Bytes that the engine may hold.
    pub(crate) memory: u64,
    /// Time for it.
    pub(crate) seconds: u64,
    /// Most bytes of an answer.
    pub(crate) bytes: u64,
}

/// Has another process answer, and hands over what it printed: JSON.
pub(crate) fn ask_apart(apart: Apart<'_>) -> Result<Vec<u8>, Failure> {
    let internal = |e: std::io::Error| Failure::new(Exit::Internal, format!("the answering process: {e}"));
    let most = apart.bytes;
    let task = Task {
        folder: apart.folder.to_owned(),
        sql: apart.sql,
        memory: apart.memory,
        seconds: apart.seconds,
        rows: apart.rows,
        output: RowShape::Json,
        lang: Lang::En,
        zone: "UTC".to_owned(),
        notes: Vec::new(),
        reports: Vec::new(),
        beside: apart.beside.to_vec(),
        bare: true,
    };
    let mut child =
        begin(&task, |command| command.stdout(Stdio::piped()).stderr(Stdio::piped())).map_err(internal)?;
    let mut answer = Vec::new();
    let read = child.stdout.take().map(|out| out.take(most + 1).read_to_end(&mut answer));
    if answer.len() as u64 > most {
        child.kill().and_then(|()| child.wait()).map_err(internal)?;
        let text = format!("the answer is larger than {} MiB", most >> 20);
        return Err(Failure::new(Exit::Unreadable, text).hint("ask for fewer rows or columns"));
    }
    read.transpose().map_err(internal)?;
    let mut said = String::new();
    if let Some(errors) = child.stderr.take() {
        // What cannot be read is not told; the status says that it failed.
        let _ = errors.take(MOST_SAID).read_to_string(&mut said);
    }
    match outcome(child.wait().map_err(internal)?, &task)? {
        Exit::Clean => Ok(answer),
        exit => {
            Err(Failure::new(exit, said.trim().trim_start_matches("hinomi: ").replace("\n  hint: ", "; ")))
        }
    }
}

/// `hinomi query`.
pub(crate) fn query(args: &QueryArgs) -> Result<Exit, Failure> {
    let lang = args.at.lang.unwrap_or_else(language);
    if args.tables {
        return tables();
    }
    let (zone, _) = zone(args.at.tz.as_deref(), lang)?;
    let sql = match args.sql.as_deref().unwrap_or_default() {
        "-" => read_question()?,
        sql => sql.to_owned(),
    };
    let Opened { archive, notes } = open(&args.at)?;
    let mut reports = judging::read(&args.report)?;
    if args.judge {
        reports.extend(judging::judge(&archive, &args.at, &sql)?);
    }
    let task = Task {
        folder: archive.folder().to_owned(),
        sql,
        memory: args.memory.saturating_mul(1 << 20),
        seconds: args.timeout,
        rows: args.max_rows,
        output: args.output,
        lang,
        zone,
        notes,
        reports,
        beside: Vec::new(),
        bare: false,
    };
    hand_over(&task)
}

fn read_question() -> Result<String, Failure> {
    let mut sql = String::new();
    let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut sql);
    read.map_err(|e| Failure::new(Exit::Usage, format!("standard input: {e}")))?;
    Ok(sql)
}

/// Has another process answer; what it prints is the output.
fn hand_over(task: &Task) -> Result<Exit, Failure> {
    let internal = |e: std::io::Error| Failure::new(Exit::Internal, format!("the answering process: {e}"));
    let mut child = begin(task, |command| command).map_err(internal)?;
    outcome(child.wait().map_err(internal)?, task)
}

/// Starts the process and gives it its task.
fn begin(task: &Task, set: impl FnOnce(&mut Command) -> &mut Command) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    // The allocator reserves address space ahead in pieces of this many KiB; the usual gigabyte would be the whole bound.
    command.arg(VERB).env("MIMALLOC_ARENA_RESERVE", "65536").stdin(Stdio::piped());
    let mut child = set(&mut command).spawn()?;
    let text = serde_json::to_vec(task).map_err(std::io::Error::other)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A process that ended early says why by its status.
        let _ = stdin.write_all(&text);
    }
    Ok(child)
}

fn outcome(status: ExitStatus, task: &Task) -> Result<Exit, Failure> {
    let bound = |text: String, hint: &str| Err(Failure::new(Exit::Unreadable, text).hint(hint));
    match (status.code(), status.signal()) {
        (Some(code), _) => Ok(Exit::of_code(code)),
        (None, Some(signal)) if signal == Signal::XCPU.as_raw() || signal == Signal::KILL.as_raw() => {
            bound(format!("no answer within {} s", task.seconds), "ask for less, or give --timeout SECONDS")
        }
        _ => bound(
            format!("the answer needs more memory than {} MiB", task.memory >> 20),
            "ask for less, or give --memory MIB",
        ),
    }
}

/// The process that answers: reads a task, lets the kernel bound it, answers.
pub(crate) fn answer_query() -> Result<Exit, Failure> {
    let task: Task = serde_json::from_reader(std::io::stdin().lock()).map_err(|_| {
        Failure::new(Exit::Usage, "this verb is for hinomi query only").hint("use hinomi query")
    })?;
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    confine(&task, threads).map_err(|e| Failure::new(Exit::Internal, e))?;
    let (_, zone) = zone(Some(&task.zone), task.lang)?;
    let archive = Arc::new(opened(&task.folder, task.beside).map_err(failure)?);
    let limits = Limits {
        memory: usize::try_from(task.memory).unwrap_or(usize::MAX),
        time: Duration::from_secs(task.seconds),
        rows: task.rows,
        threads,
    };
    let question = Question { sql: task.sql, reports: task.reports, limits };
    let rows = ask(&archive, &question).map_err(failure)?;
    let at = |micros: Option<i64>, more: i64| {
        micros.map(|t| Timestamp::from_nanos(t.saturating_add(more).saturating_mul(1000)))
    };
    let coverage = coverage(archive.manifest(), at(rows.since, 0), at(rows.until, 1));
    let (notes, lang, bare) = (&task.notes, task.lang, task.bare);
    let view = View { rows: &rows, coverage: &coverage, notes, lang, zone, bare };
    print(view.text(task.output)?.as_bytes())?;
    if task.output != RowShape::Json {
        // What a program reads holds rows alone; what they could not hold is said beside them.
        eprint!("{}", view.footer());
    }
    Ok(Exit::Clean)
}

/// Derived data, with what stands beside it.
fn opened(folder: &Path, beside: Vec<(Run, Vec<DerivedFile>)>) -> Result<Archive, QueryError> {
    let (mut manifest, digest) = match Manifest::read(folder) {
        Err(QueryError::Nothing { .. }) if !beside.is_empty() => {
            let input = Input::Paths { paths: Vec::new(), zone: "UTC".to_owned() };
            (Manifest::new(1, input), Digest::of(b""))
        }
        read => read?,
    };
    beside.into_iter().for_each(|(run, files)| manifest.add(run, files));
    Archive::of(folder, manifest, digest, None)
}

/// No more address space and processor time than the task may take, no core dumps of evidence, no life beyond the asking
/// process.
fn confine(task: &Task, threads: usize) -> Result<(), rustix::io::Errno> {
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, limit(task.memory.saturating_mul(2).saturating_add(BESIDES)))?;
    setrlimit(Resource::Cpu, limit(task.seconds.saturating_add(5).saturating_mul(threads as u64)))?;
    setrlimit(Resource::Core, limit(0))?;
    set_parent_process_death_signal(Some(Signal::KILL))
}

/// What `--output json` prints.
#[derive(Serialize)]
struct Document<'d> {
    schema_version: &'static str,
    columns: Vec<String>,
    is_cut: bool,
    rows: Vec<JsonRow>,
    files_read: Option<usize>,
    files: Option<usize>,
    coverage: &'d Coverage,
    notes: &'d [String],
}

/// As pages want it.
#[derive(Serialize)]
struct Bare<'d> {
    columns: Vec<String>,
    is_cut: bool,
    rows: Vec<Vec<Value>>,
    /// None where no event was asked for.
    coverage: Option<&'d Coverage>,
}

struct View<'v> {
    rows: &'v Rows,
    coverage: &'v Coverage,
    notes: &'v [String],
    lang: Lang,
    zone: jiff::tz::TimeZone,
    bare: bool,
}

impl View<'_> {
    fn text(&self, shape: RowShape) -> Result<String, Failure> {
        let rows = self.rows;
        let names = names(&rows.schema);
        let cells = || cells(&rows.batches, &self.zone).map_err(failure);
        let objects = || json_rows(&rows.batches).map_err(failure);
        let internal = |e: serde_json::Error| Failure::new(Exit::Internal, e);
        Ok(match shape {
            RowShape::Table => table(&names, &cells()?),
            RowShape::Csv => {
                let lines = cells()?.into_iter().map(|row| csv_row(row.into_iter()));
                std::iter::once(csv_row(names.iter().cloned())).chain(lines).collect()
            }
            RowShape::Jsonl => {
                let lines = objects()?.into_iter().map(|row| Ok(serde_json::to_string(&row)? + "\n"));
                lines.collect::<Result<_, serde_json::Error>>().map_err(internal)?
            }
            RowShape::Json if self.bare => {
                let rows: Vec<Vec<Value>> = objects()?.into_iter().map(JsonRow::into_values).collect();
                let coverage = self.rows.files.is_some().then_some(self.coverage);
                let is_cut = self.rows.is_cut;
                let document = Bare { columns: names, is_cut, rows, coverage };
                serde_json::to_string(&document).map_err(internal)?
            }
            RowShape::Json => {
                let (read, all) = rows.files.unzip();
                let document = Document {
                    schema_version: "1.0",
                    columns: names,
                    is_cut: rows.is_cut,
                    rows: objects()?,
                    files_read: read,
                    files: all,
                    coverage: self.coverage,
                    notes: self.notes,
                };
                serde_json::to_string_pretty(&document).map_err(internal)? + "\n"
            }
        })
    }

    fn footer(&self) -> String {
        let count = self.rows.count();
        let mut text = match (self.lang, self.rows.is_cut) {
            (Lang::En, false) => format!("{count} rows"),
            (Lang::En, true) => format!("the first {count} rows, there are more (--max-rows)"),
            (Lang::Ja, false) => format!("{count} 行"),
            (Lang::Ja, true) => format!("先頭の {count} 行のみ表示、続きあり（--max-rows）"),
        };
        if let Some((read, all)) = self.rows.files {
            text.push_str(&match self.lang {
                Lang::En => format!("; {read} of {all} files could hold events of the answer"),
                Lang::Ja => format!("（{all} ファイル中 {read} ファイルが対象）"),
            });
        }
        text.push('\n');
        text.push_str(&answer::coverage(self.coverage, self.notes, self.lang));
        text
    }
}

fn table(names: &[String], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| harmless(cell)).collect()).collect();
    let names: Vec<String> = names.iter().map(|n| harmless(n)).collect();
    let widest = |at: usize| {
        let cells = rows.iter().filter_map(|r| r.get(at)).chain(names.get(at));
        cells.map(|c| style::width(c)).max().unwrap_or_default().min(WIDEST)
    };
    let widths: Vec<usize> = (0..names.len()).map(widest).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| style::pad(cell, *width));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let rule: Vec<String> = widths.iter().map(|w| "-".repeat(*w)).collect();
    [line(&names), line(&rule)].into_iter().chain(rows.iter().map(|row| line(row))).collect()
}

/// `--tables`: what can be asked.
fn tables() -> Result<Exit, Failure> {
    let mut text = String::new();
    let mut add = |name: &str, about: &str, columns: &mut dyn Iterator<Item = (String, String)>| {
        text.push_str(&format!("{name}: {about}\n"));
        columns.for_each(|(name, form)| text.push_str(&format!("    {name:<16} {form}\n")));
    };
    for table in base_tables().map_err(failure)? {
        add(table.name, table.about, &mut table.columns.into_iter());
    }
    for view in Views::bundled().map_err(failure)?.tables {
        let columns = view.columns.iter().map(|c| (c.name.clone(), c.type_name().to_owned()));
        add(&view.name, &view.about, &mut columns.into_iter());
    }
    print(text.as_bytes())?;
    Ok(Exit::Clean)
}
