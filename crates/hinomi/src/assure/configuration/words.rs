//! Reasons of judgements as sentences, and what pages keep to themselves.

use hinomi_assure::Bilingual;
use hinomi_assure::declared::Disagreement;
use hinomi_assure::posture::{Because, Place};

use super::model::{ConfigurationClaim, ConfigurationReport, JudgementEntry};
use crate::args::Lang;
use crate::assure::sentence::{self, both};

/// One reason. Places of the document `own`, which is named beside the subject, are pointers alone.
pub(super) fn because(because: &Because, own: &str) -> Bilingual {
    let name = |document: &str| if document == own { String::new() } else { document.to_owned() };
    let at = |place: &Place| format!("{}#{}", name(&place.document), place.pointer);
    // `document: ` in front of what is said of it as a whole.
    let of = |document: &str| if document == own { String::new() } else { format!("{document}: ") };
    match because {
        Because::Found { place, expected, .. } => both(
            format!("{} is {} (asked for: {expected})", at(place), place.shown),
            format!("{} の値は {}(要件: {expected})", at(place), place.shown),
        ),
        Because::Absent { document, pointer, expected } => both(
            format!("{}#{pointer} is not in the export (asked for: {expected})", name(document)),
            format!("{}#{pointer} がエクスポートにありません(要件: {expected})", name(document)),
        ),
        Because::Undecidable { place, expected } => both(
            format!("{} is {}, which cannot be compared (asked for: {expected})", at(place), place.shown),
            format!("{} の値 {} は比較できません(要件: {expected})", at(place), place.shown),
        ),
        Because::Member { document, member, expected, .. } => both(
            format!("{}{member} (asked for: {expected})", of(document)),
            format!("{}{member}(要件: {expected})", of(document)),
        ),
        Because::Counted { document, what, from, to, expected, .. } => {
            let count = if from == to { from.to_string() } else { format!("{from}–{to}") };
            both(
                format!("{}{count} of {what} (asked for: {expected})", of(document)),
                format!("{}{what} は {count} 件(要件: {expected})", of(document)),
            )
        }
        Because::NothingIn { expected, .. } => {
            both(format!("nothing in {expected}"), format!("{expected} に該当するものがありません"))
        }
        Because::NotCollected { document, part } => both(
            format!("{}the export says that {part} could not be collected", of(document)),
            format!("{}{part} を取得できなかったとの記録があります", of(document)),
        ),
        Because::NoDocument { part } => {
            both(format!("no export holds {part}"), format!("{part} を含むエクスポートがありません"))
        }
        Because::Ambiguous { part } => both(
            format!("several exports hold {part}, and nothing says which belongs here"),
            format!("{part} を含むエクスポートが複数あり、対応を決められません"),
        ),
        Because::Exempted { scope, value, ended, .. } => {
            let (en, ja) = if *ended { (", which has ended", "(期限切れ)") } else { ("", "") };
            both(
                format!("the register excepts {scope} {value}{en}"),
                format!("例外の台帳に {scope} {value} があります{ja}"),
            )
        }
        Because::TooMuchWork => {
            both("the document is too large to be judged", "文書が大きすぎるため判定できません")
        }
        Because::More { left_out } => both(format!("and {left_out} more"), format!("ほか {left_out} 件")),
    }
}

/// What is declared and what is shown, in one sentence that names nobody.
pub(super) fn disagreement(found: &Disagreement) -> Bilingual {
    both(
        format!("{}; the logs show otherwise: {}.", found.declares.en, found.shows.en),
        format!("{}。しかしログでは、{}。", found.declares.ja, found.shows.ja),
    )
}

/// Hides names of accounts in what configuration says, unless they were asked for.
#[derive(Clone, Copy)]
pub(in crate::assure) struct Mask {
    /// Names were asked for.
    pub show_names: bool,
}

impl Mask {
    /// Text in which words that look like the id or address of an account are covered.
    pub(in crate::assure) fn text(self, text: &str) -> String {
        if self.show_names {
            return text.to_owned();
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '@' | '-' | '.' | '_' | '+');
        let mut out = String::new();
        let mut word = String::new();
        for c in text.chars().chain(std::iter::once('\n')) {
            if is_part(c) {
                word.push(c);
                continue;
            }
            out.push_str(if names_account(&word) { "●●●" } else { &word });
            word.clear();
            out.push(c);
        }
        out.pop();
        out
    }

    /// What a subject is called.
    pub(in crate::assure) fn subject(self, claim: &ConfigurationClaim, number: usize, lang: Lang) -> String {
        let label = claim.judgements.get(number).map_or("", |j| j.subject.label.as_str());
        match (self.show_names || !claim.about_accounts, lang) {
            (true, _) => self.text(label),
            (false, Lang::En) => format!("account {} of this claim", number + 1),
            (false, Lang::Ja) => format!("この要件のアカウント {}", number + 1),
        }
    }

    /// Whether values of a claim are shown: those that judge accounts say who they are.
    pub(in crate::assure) fn shows_values(self, claim: &ConfigurationClaim) -> bool {
        self.show_names || !claim.about_accounts
    }
}

/// An address with `@`, or a GUID.
fn names_account(word: &str) -> bool {
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    let is_guid = groups == [8, 4, 4, 4, 12] && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    is_guid || word.find('@').is_some_and(|at| at > 0 && at + 1 < word.len())
}

/// A row per judgement for spreadsheets, in the order of the table's columns.
pub(in crate::assure) fn rows(
    report: &ConfigurationReport,
    lang: Lang,
    mask: Mask,
) -> impl Iterator<Item = [String; 9]> {
    let pick = move |text: &Bilingual| if lang == Lang::Ja { text.ja.clone() } else { text.en.clone() };
    let row = move |claim: &ConfigurationClaim, (number, judgement): (usize, &JudgementEntry)| {
        let shown = mask.shows_values(claim);
        let reasons: Vec<String> = judgement.because.iter().map(|b| mask.text(&pick(&b.text))).collect();
        let place = format!("{}#{}", judgement.subject.document, judgement.subject.pointer);
        [
            claim.id.clone(),
            pick(&claim.title),
            mask.subject(claim, number, lang),
            pick(&sentence::declared_outcome(judgement.outcome)),
            String::new(),
            if shown { reasons.join("; ") } else { String::new() },
            if judgement.subject.document.is_empty() { String::new() } else { place },
            String::new(),
            "configuration".to_owned(),
        ]
    };
    let of_claim = move |claim: &ConfigurationClaim| {
        let rows: Vec<[String; 9]> = claim.judgements.iter().enumerate().map(|j| row(claim, j)).collect();
        rows
    };
    report.claims.iter().flat_map(of_claim).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_addresses_of_accounts_are_covered() {
        let mask = Mask { show_names: false };
        let text = r#"["6f1c5d1e-0000-4b2a-9c11-0123456789ab", "mika@example.jp", "All"] @ a-b-c"#;
        assert_eq!(mask.text(text), r#"["●●●", "●●●", "All"] @ a-b-c"#);
        assert_eq!(Mask { show_names: true }.text(text), text);
    }
}
