//! Reasons as sentences. English and Japanese are made from the same typed reason.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use hinomi_assure::assess::{Reason, Unseen};
use hinomi_assure::{Bilingual, FactorReason, Outcome};

use super::model::{UNKNOWN_CLAIM, day_name};

/// Words for attributes, as claims name them.
fn attribute_words() -> &'static BTreeMap<String, Bilingual> {
    static WORDS: OnceLock<BTreeMap<String, Bilingual>> = OnceLock::new();
    // A test parses the table; a missing word falls back to the attribute's own name.
    WORDS.get_or_init(|| {
        serde_yaml_ng::from_str(include_str!("../../../../mappings/attributes.yaml")).unwrap_or_default()
    })
}

pub(super) fn both(en: impl Into<String>, ja: impl Into<String>) -> Bilingual {
    Bilingual { en: en.into(), ja: ja.into() }
}

/// What an attribute is called.
pub(super) fn attribute(name: &str) -> Bilingual {
    attribute_words().get(name).cloned().unwrap_or_else(|| both(name, name))
}

/// What an exception lacks, in words.
pub(crate) fn lack(code: &str) -> Bilingual {
    match code {
        "claim" => both("claim", "対象の主張"),
        "entity" => both("what it is for", "対象"),
        "owner" => both("owner", "責任者"),
        "reason" => both("reason", "理由"),
        "valid_until" => both("end", "期限"),
        other => match other.strip_prefix(UNKNOWN_CLAIM) {
            Some(claim) => both(
                format!("a claim that exists ({claim} does not)"),
                format!("存在する主張（{claim} はありません）"),
            ),
            None => both(other, other),
        },
    }
}

/// All that it lacks, in one language.
pub(super) fn lacks(codes: &[String], lang: crate::args::Lang) -> String {
    let words = codes.iter().map(|code| lack(code));
    match lang {
        crate::args::Lang::En => words.map(|word| word.en).collect::<Vec<_>>().join(", "),
        crate::args::Lang::Ja => words.map(|word| word.ja).collect::<Vec<_>>().join("、"),
    }
}

/// One reason.
pub(super) fn reason(reason: &Reason) -> Bilingual {
    match reason {
        Reason::Factor(factor) => factor_sentence(factor),
        Reason::Unbegun => unbegun(),
        Reason::Attribute(name, value) => {
            let word = attribute(name);
            match value.as_deref() {
                None => both(format!("{}: not known", word.en), format!("{}: 不明", word.ja)),
                Some(moment) if name == "time" => weekday(&word, moment),
                Some("") => both(format!("{}: none", word.en), format!("{}: なし", word.ja)),
                Some(value) => {
                    let translated = value.split(", ").map(|v| attribute_words().get(&format!("value.{v}")));
                    let words: Option<Vec<&Bilingual>> = translated.collect();
                    let pick = |of: fn(&Bilingual) -> &str, joiner: &str| match &words {
                        Some(words) => words.iter().map(|w| of(w)).collect::<Vec<_>>().join(joiner),
                        None => value.to_owned(),
                    };
                    both(
                        format!("{}: {}", word.en, pick(|w| &w.en, ", ")),
                        format!("{}: {}", word.ja, pick(|w| &w.ja, "、")),
                    )
                }
            }
        }
    }
}

/// A time of day as conditions compare it, `3 09:30` with 0 for Monday.
fn weekday(word: &Bilingual, moment: &str) -> Bilingual {
    const DAYS: [(&str, &str); 7] = [
        ("Mon", "月"),
        ("Tue", "火"),
        ("Wed", "水"),
        ("Thu", "木"),
        ("Fri", "金"),
        ("Sat", "土"),
        ("Sun", "日"),
    ];
    let (day, time) = moment.split_once(' ').unwrap_or(("", moment));
    let (en, ja) = day.parse::<usize>().ok().and_then(|d| DAYS.get(d)).copied().unwrap_or_default();
    both(format!("{}: {en} {time}", word.en), format!("{}: {ja} {time}", word.ja))
}

fn unbegun() -> Bilingual {
    both(
        "only the end of this session is in the logs that were read; how it began is not known",
        "読み込んだログには、このセッションの終わりだけがあり、始まりの記録がありません",
    )
}

fn factor_sentence(factor: &FactorReason) -> Bilingual {
    match factor {
        FactorReason::Stated(true) => {
            both("the log says that more than one factor was used", "複数要素の使用がログに明記されています")
        }
        FactorReason::Stated(false) => {
            both("the log says that one factor was used", "単一要素であることがログに明記されています")
        }
        FactorReason::Named(factors) => {
            let list = factors.join(" + ");
            both(format!("the log names these factors: {list}"), format!("ログに記録された要素: {list}"))
        }
        FactorReason::Checked(_) => {
            both("the check of a second factor is in the logs", "二要素目の確認がログに残っています")
        }
        FactorReason::Only(factor) => both(
            format!("the log lists every factor, and there was one: {factor}"),
            format!("ログは全要素を記録しており、使われたのは 1 つだけです: {factor}"),
        ),
        FactorReason::NotInLog(_) => both(
            "the log that names the checks of other sign-ins to the same service goes on before and after, and names none for this one",
            "同じサービスへの他のサインインでは二要素目の確認を記録しているログが前後も続いていますが、このサインインの確認はありません",
        ),
        FactorReason::Unbegun => unbegun(),
        FactorReason::Unsaid(logs) if logs.is_empty() => {
            both("no log says which factors were used", "使われた要素を示すログがありません")
        }
        FactorReason::Unsaid(logs) => {
            let list =
                |text: fn(&Bilingual) -> &str, joiner| logs.iter().map(text).collect::<Vec<_>>().join(joiner);
            both(
                format!(
                    "no log says which factors were used; it would be settled by: {}",
                    list(|b| &b.en, "; or ")
                ),
                format!(
                    "使われた要素を示すログがありません。確定できるログ: {}",
                    list(|b| &b.ja, "、または ")
                ),
            )
        }
    }
}

/// What is missing for a claim.
pub(super) fn unseen(unseen: &Unseen) -> Bilingual {
    let need = attribute(&format!("need.{}", unseen.need));
    if unseen.missing.is_empty() {
        return both(
            format!("no log that was read shows {}", need.en),
            format!("読み込んだログに{}を示すものがありません", need.ja),
        );
    }
    let listed = |joiner: &str| {
        let one = |(source, days): &(String, Vec<i32>)| {
            let shown: Vec<String> = days.iter().take(3).map(|d| day_name(*d)).collect();
            let more = days.len().saturating_sub(shown.len());
            let more = if more > 0 { format!(" +{more}") } else { String::new() };
            format!("{source} ({}{more})", shown.join(", "))
        };
        unseen.missing.iter().map(one).collect::<Vec<_>>().join(joiner)
    };
    both(
        format!("logs of {} did not come: {}", need.en, listed("; ")),
        format!("{}のログが届いていません: {}", need.ja, listed("、")),
    )
}

/// The name of an outcome.
pub(super) fn outcome(outcome: Outcome) -> Bilingual {
    match outcome {
        Outcome::Contradicted => both("contradicted", "反証あり"),
        Outcome::ExpiredException => both("exception expired", "例外期限切れ"),
        Outcome::Unknown => both("unknown", "不明"),
        Outcome::Excepted => both("excepted", "例外"),
        Outcome::Supported => both("supported", "裏付けあり"),
    }
}

/// The name of an outcome of a claim about configuration, which shows nothing and only says.
pub(super) fn declared_outcome(declared: Outcome) -> Bilingual {
    match declared {
        Outcome::Contradicted => both("set otherwise", "要件に反する設定"),
        Outcome::Supported => both("set as claimed", "要件どおりの設定"),
        other => outcome(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_of_a_bundled_claim_has_words() {
        let words: BTreeMap<String, Bilingual> =
            serde_yaml_ng::from_str(include_str!("../../../../mappings/attributes.yaml")).unwrap();
        let content = super::super::Content::load(&[], &[]).unwrap();
        for claim in &content.claims {
            let needs = claim.needs.iter().map(|n| format!("need.{n}"));
            let read = claim.holds.attributes().into_iter().map(str::to_owned);
            for name in needs.chain(read).chain([claim.about.clone()]) {
                assert!(words.contains_key(&name), "{}: {name} has no words", claim.id);
            }
        }
    }
}
