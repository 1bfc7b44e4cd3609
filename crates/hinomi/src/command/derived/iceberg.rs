//! `hinomi iceberg`.

use hinomi_query::iceberg::publish;
use serde_json::json;

use super::failure;
use super::opening::{Opened, open};
use crate::args::{IcebergArgs, Lang};
use crate::clock;
use crate::command::investigate::language;
use crate::command::print;
use crate::exit::{Exit, Failure};

pub(crate) fn iceberg(args: &IcebergArgs) -> Result<Exit, Failure> {
    let Opened { archive, notes } = open(&args.at)?;
    let made = publish(&archive, args.location.as_deref(), clock::now()).map_err(failure)?;
    if args.json {
        let document = json!({"schema_version": "1.0", "metadata": made.metadata, "columns": made.columns,
            "files": made.files, "rows": made.rows, "notes": notes});
        return print(format!("{document:#}\n").as_bytes());
    }
    let path = made.metadata.display();
    let mut text = match args.at.lang.unwrap_or_else(language) {
        Lang::En => format!(
            "{path}\n  {} rows in {} files, {} columns; made for where these files stand now: publish again after derive or reindex\n",
            made.rows, made.files, made.columns
        ),
        Lang::Ja => format!(
            "{path}\n  {} ファイル {} 行 {} 列。現時点のファイルに対するものです（derive / reindex 後は再発行してください）\n",
            made.files, made.rows, made.columns
        ),
    };
    notes.iter().for_each(|note| text.push_str(&format!("  {note}\n")));
    print(text.as_bytes())
}
