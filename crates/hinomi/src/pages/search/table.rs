//! Rows of a `SELECT`, answered by a process of its own.

use hinomi_query::Coverage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{Asked, Refused};
use super::standing::{Unsearched, View};
use super::{CoverageShown, Since};
use crate::command::derived::{Apart, ask_apart};
use crate::exit::{Exit, Failure};

/// Bytes that the engine may hold, and time for an answer.
const MEMORY: u64 = 512 << 20;
const SECONDS: u64 = 10;
/// Bytes of an answer.
const MOST_BYTES: u64 = 16 << 20;
/// Rows, unless asked for and at most.
const USUAL: usize = 1_000;
const MOST: usize = 10_000;
/// Longest question, in characters.
const LONGEST: usize = 65_536;
/// The column that holds names of accounts.
const ACCOUNT: &str = "account";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    sql: String,
    #[serde(default)]
    max_rows: Option<usize>,
}

/// What the other process printed.
#[derive(Debug, Deserialize)]
struct Printed {
    columns: Vec<String>,
    is_cut: bool,
    rows: Vec<Vec<Value>>,
    coverage: Option<Coverage>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    is_cut: bool,
    coverage: Option<CoverageShown>,
    unsearched: Unsearched,
    took_ms: u64,
}

fn refused(failure: Failure) -> Refused {
    match failure.exit {
        Exit::Internal | Exit::Failed => Refused::Failed(failure.message),
        _ => {
            let hint = failure.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            Refused::Senseless(failure.message + &hint)
        }
    }
}

pub(super) fn table(view: &View, asked: &Asked<'_>, since: Since) -> Result<Table, Refused> {
    let wanted: Result<Wanted, _> = serde_json::from_slice(asked.body);
    let Ok(Wanted { sql, max_rows }) = wanted else {
        return Err(Refused::Senseless("the body is {\"sql\": …, \"max_rows\": …}".to_owned()));
    };
    let rows = max_rows.unwrap_or(USUAL);
    if rows > MOST || sql.is_empty() || sql.chars().count() > LONGEST {
        return Err(Refused::Senseless(format!(
            "a question has 1 to {LONGEST} characters, an answer {MOST} rows"
        )));
    }
    let apart = Apart {
        folder: view.archive.folder(),
        beside: &view.beside,
        sql,
        rows,
        memory: MEMORY,
        seconds: SECONDS,
        bytes: MOST_BYTES,
    };
    let printed = ask_apart(apart).map_err(refused)?;
    let printed: Printed = serde_json::from_slice(&printed).map_err(|e| Refused::Failed(e.to_string()))?;
    let Printed { columns, is_cut, mut rows, coverage } = printed;
    mask(&columns, &mut rows, asked);
    Ok(Table {
        columns,
        rows,
        is_cut,
        coverage: coverage.as_ref().map(CoverageShown::from),
        unsearched: view.unsearched.clone(),
        took_ms: since.ms(),
    })
}

/// Names of accounts, each as this person may see it. What a question makes of them otherwise stands as it is recorded.
fn mask(columns: &[String], rows: &mut [Vec<Value>], asked: &Asked<'_>) {
    let is_account = |name: &str| {
        name.eq_ignore_ascii_case(ACCOUNT)
            || name.to_ascii_lowercase().strip_prefix("account_").is_some_and(|n| n.parse::<u32>().is_ok())
    };
    let masked: Vec<usize> =
        columns.iter().enumerate().filter(|(_, name)| is_account(name)).map(|(at, _)| at).collect();
    for row in rows {
        for at in &masked {
            if let Some(Value::String(name)) = row.get_mut(*at) {
                *name = asked.names.account(name, None);
            }
        }
    }
}
