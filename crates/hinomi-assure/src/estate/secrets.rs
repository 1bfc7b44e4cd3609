//! Lists of stored secrets: which host holds what, and which account that opens.
//!
//! # Not here
//! Secrets that sign-ins leave behind ([`super::Estate`] makes them from observations).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::inventory::{Place, TableRow, table_rows};

const BUNDLED: &str = include_str!("../../../../mappings/secrets.yaml");

/// Columns of lists of stored secrets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretTable {
    /// Version of the file.
    pub version: u32,
    columns: BTreeMap<String, Vec<String>>,
    /// Words for yes.
    words: Vec<String>,
}

/// A secret that a host holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct StoredSecret {
    /// The host, as written.
    pub host: String,
    /// What it is; never the secret itself.
    pub secret: String,
    /// The account that it opens, as written; empty of a decoy.
    pub account: String,
    /// Kind of the account, as the catalogue of the graph names it.
    pub account_kind: String,
    /// Who says so.
    pub source: String,
    /// When.
    pub date: String,
    /// It opens nothing: it is there to be noticed.
    pub is_decoy: bool,
    /// Where it stands.
    pub place: Place,
}

/// A table of columns cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretTableError {
    /// Not in the form of `mappings/secrets.yaml`.
    #[error("secrets.yaml: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
}

impl SecretTable {
    /// The table of this program.
    ///
    /// # Errors
    /// When it does not parse, which a test excludes.
    pub fn bundled() -> Result<Self, SecretTableError> {
        Ok(serde_yaml_ng::from_str(BUNDLED)?)
    }

    /// The secrets of a list and the lines that lack something; `None` for a list of something else.
    pub fn read(&self, document: &str, text: &str) -> Option<(Vec<StoredSecret>, Vec<u64>)> {
        let rows = table_rows(text);
        let (header, rows) = rows.split_first()?;
        let names: Vec<String> = header.cells.iter().map(|c| normal(c)).collect();
        let column = |attribute: &str| {
            let known = self.columns.get(attribute)?;
            known.iter().find_map(|name| names.iter().position(|n| *n == normal(name)))
        };
        let (host, secret, account) = (column("host")?, column("secret")?, column("account")?);
        let others = ["account_kind", "source", "date", "decoy"].map(column);
        let (mut found, mut lacking) = (Vec::new(), Vec::new());
        for row in rows {
            let place = Place { document: document.to_owned(), line: row.line };
            match self.secret(row, [host, secret, account], others, place) {
                Some(secret) => found.push(secret),
                None => lacking.push(row.line),
            }
        }
        Some((found, lacking))
    }

    fn secret(
        &self,
        row: &TableRow,
        [host, secret, account]: [usize; 3],
        [kind, source, date, decoy]: [Option<usize>; 4],
        place: Place,
    ) -> Option<StoredSecret> {
        let cell = |at: usize| row.cells.get(at).map_or("", |c| c.trim()).to_owned();
        let optional = |at: Option<usize>| at.map(cell).unwrap_or_default();
        let is_decoy = self.words.iter().any(|w| w.eq_ignore_ascii_case(&optional(decoy)));
        let (host, secret, account) = (cell(host), cell(secret), cell(account));
        let lacks = host.is_empty() || secret.is_empty() || (account.is_empty() && !is_decoy);
        (!lacks).then(|| StoredSecret {
            host,
            secret,
            account,
            account_kind: optional(kind),
            source: optional(source),
            date: optional(date),
            is_decoy,
            place,
        })
    }
}

/// A header without case, spaces and signs.
fn normal(header: &str) -> String {
    header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_both_languages_and_what_lacks_is_said() {
        let table = SecretTable::bundled().unwrap();
        let text = "Host,Secret,Opens,Kind,Found by,Date,Honeytoken\n\
                    app1,key in /srv/.env,ops-role,cloud-account,scan,2026-11-01,\n\
                    app1,spare key,,,,,yes\n\
                    ,lost,x,,,,\n";
        let (found, lacking) = table.read("s.csv", text).unwrap();
        assert_eq!((found.len(), lacking), (2, vec![4]));
        assert_eq!(
            (found[0].account.as_str(), found[0].is_decoy, found[0].place.line),
            ("ops-role", false, 2)
        );
        assert!(found[1].is_decoy);
        let (found, _) =
            table.read("s.csv", "保存場所,秘密情報,開くもの\nfs01,設定ファイルの鍵,ops\n").unwrap();
        assert_eq!(found[0].secret, "設定ファイルの鍵");
        assert!(table.read("s.csv", "host,owner\nfs01,IT\n").is_none());
    }
}
