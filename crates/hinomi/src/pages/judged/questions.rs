//! The four questions: would we have noticed, could we have stopped it, can we restore, can we explain it.
//!
//! # Invariants
//! - What claims come to decides ([`super::weigh`]); the rest can only lower an answer.
//! - Noticing needs one step of an intruder to be seen: contradictions about some hosts are told beside it. Stopping, restoring
//!   and explaining are as good as the weakest claim.
//! - What was never tried here keeps an answer from being yes: responses, and restores whose time was measured.

use hinomi_assure::Outcome;
use hinomi_assure::claim::Question;
use serde::Serialize;

use super::super::incidents::{Fact, Story};
use super::super::ledger::{Exposure, Following};
use super::super::{Asked, Refused, Text, sources, time};
use super::Judged;
use super::claims::Unknown;
use super::coverage::{Figures, figures};
use super::entity::{Kind, Scope};
use super::weigh::Weighed;
use crate::clock;
use crate::judge::{Known, Report};

/// An answer.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct Answer {
    question: Question,
    answer: Grade,
    text: Text,
    facts: Vec<Fact>,
    unknown: Vec<Unknown>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    Yes,
    Partly,
    No,
    Unknown,
}

/// The page.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct Answers {
    as_of: String,
    judged: Option<Judged>,
    answers: Vec<Answer>,
}

/// What answers are made of.
pub(in crate::pages) struct Whole<'a> {
    pub(in crate::pages) known: &'a Known,
    pub(in crate::pages) story: Option<&'a Story>,
    pub(in crate::pages) sources: &'a sources::Counts,
    pub(in crate::pages) following: &'a Following,
    pub(in crate::pages) exposure: &'a Exposure,
}

const CONTRADICTED: [Outcome; 2] = [Outcome::Contradicted, Outcome::ExpiredException];

/// What the weakest claim makes of an answer.
fn grade(worst: Option<Outcome>) -> Grade {
    match worst {
        None | Some(Outcome::Unknown) => Grade::Unknown,
        Some(Outcome::Contradicted | Outcome::ExpiredException) => Grade::No,
        Some(Outcome::Excepted) => Grade::Partly,
        Some(Outcome::Supported) => Grade::Yes,
    }
}

/// The answer where nothing was tried, and of how many claims how many are contradicted, and how many open.
fn at_best_partly(weighed: &Weighed<'_>) -> (Grade, usize, usize, usize) {
    let answer = match grade(weighed.worst()) {
        Grade::Yes => Grade::Partly,
        other => other,
    };
    (answer, weighed.count(), weighed.with(&CONTRADICTED), weighed.with(&[Outcome::Unknown]))
}

fn fact(en: String, ja: String, link: &str) -> Fact {
    Fact { text: Text::new(en, ja), link: Some(link.to_owned()), evidence: Vec::new() }
}

fn lacking(what: Text, reason: &'static str, settled_by: Option<Text>) -> Unknown {
    Unknown { what, reason, settled_by }
}

/// One question about one scope, with everything at hand.
struct Asking<'a> {
    whole: &'a Whole<'a>,
    report: &'a Report,
    scope: &'a Scope,
    figures: Option<Figures>,
}

/// As asked: a day, an entity, both, or all.
pub(in crate::pages) fn answers(whole: &Whole<'_>, asked: &Asked<'_>) -> Result<Answers, Refused> {
    let report = whole.known.last.as_deref().map(|last| &last.report);
    let scope = Scope::of(asked, report)?;
    let answers = of_scope(whole, &scope);
    Ok(Answers { as_of: time(clock::now()), judged: Judged::of(whole.known), answers })
}

/// About everything.
pub(in crate::pages) fn of_whole(whole: &Whole<'_>) -> Vec<Answer> {
    of_scope(whole, &Scope::default())
}

fn of_scope(whole: &Whole<'_>, scope: &Scope) -> Vec<Answer> {
    let Some(last) = whole.known.last.as_deref() else {
        return Question::ALL.map(|q| unjudged(q, whole.known)).into();
    };
    let figures = figures(whole.known, whole.story);
    let asking = Asking { whole, report: &last.report, scope, figures };
    Question::ALL.map(|question| asking.answer(question)).into()
}

/// Until claims were judged, nothing is known.
fn unjudged(question: Question, known: &Known) -> Answer {
    let (text, reason) = match (&known.fault, known.never) {
        (_, true) => (
            Text::new(
                "Not known: claims are not judged here.",
                "不明です：このサーバーでは要件を判定していません。",
            ),
            "not-judged",
        ),
        (Some(_), _) => (
            Text::new("Not known: claims could not be judged.", "不明です：要件を判定できませんでした。"),
            "failed",
        ),
        (None, _) => (
            Text::new("This is being worked out for the first time.", "初回の判定を実行中です。"),
            "being-worked-out",
        ),
    };
    let why = known.fault.as_ref().map(|fault| Text::new(&fault.why, &fault.why));
    let unknown = vec![lacking(text.clone(), reason, why)];
    Answer { question, answer: Grade::Unknown, text, facts: Vec::new(), unknown }
}

impl Asking<'_> {
    fn answer(&self, question: Question) -> Answer {
        if let Some(outside) = self.outside() {
            let unknown = vec![lacking(outside.clone(), "outside", None)];
            return Answer { question, answer: Grade::Unknown, text: outside, facts: Vec::new(), unknown };
        }
        let weighed = Weighed::of(self.report, question, self.scope);
        let mut answer = match question {
            Question::Noticed => self.noticed(&weighed),
            Question::Stopped => Self::stopped(&weighed),
            Question::Restore => self.restore(&weighed),
            Question::Explain => self.explain(&weighed),
        };
        answer.facts.extend(weighed.facts());
        answer.unknown.extend(weighed.unknown());
        answer
    }

    /// Why nothing at all is known of what was asked about.
    fn outside(&self) -> Option<Text> {
        if self.scope.entity.as_ref().is_some_and(|entity| entity.name.is_none()) {
            return Some(Text::new(
                "Nothing that was read or judged is called so.",
                "読み取った記録・台帳に、その名前のものはありません。",
            ));
        }
        let day = self.scope.day.as_deref()?;
        let Some((first, last)) = &self.report.days else {
            return Some(Text::new("No evidence was read.", "証拠を読み取っていません。"));
        };
        let is_in = first.as_str() <= day && day <= last.as_str();
        (!is_in).then(|| {
            Text::new(
                format!("Evidence was read of {first} to {last} only."),
                format!("読み取った証拠は {first}〜{last} のものだけです。"),
            )
        })
    }

    fn no_log(&self) -> (Grade, Text, &'static str) {
        let text = match self.scope.entity.as_ref().map(|entity| entity.kind) {
            Some(Kind::Backup) => Text::new(
                "Not known: no log that is read here speaks of backup copies.",
                "不明です：バックアップについて語るログを読み取っていません。",
            ),
            Some(_) => Text::new(
                "Not known: no log of it came in this time.",
                "不明です：この期間に、対象のログが届いていません。",
            ),
            None => Text::new(
                "Not known: no log came in this time.",
                "不明です：この期間にログが届いていません。",
            ),
        };
        (Grade::Unknown, text, "no-log")
    }

    /// Why nothing is detected now, or nobody knows whether it is.
    fn deaf(&self) -> Text {
        match &self.whole.following.why {
            Some(why) => Text::new(format!("Not known: {}.", why.en), format!("不明です：{}。", why.ja)),
            None => Text::new(
                "Not known: detection does not follow what arrives.",
                "不明です：検知が受信に追いついていません。",
            ),
        }
    }

    fn noticed(&self, weighed: &Weighed<'_>) -> Answer {
        let own = self.scope.entity.is_some();
        let following = self.whole.following.state == "following";
        let contradicted = weighed.with(&CONTRADICTED) > 0;
        let (answer, text, reason) = match self.figures {
            _ if !following => (Grade::Unknown, self.deaf(), "not-following"),
            _ if !self.scope.is_seen(self.report) => self.no_log(),
            None => (
                Grade::Unknown,
                Text::new(
                    "Not known: no rules are in force yet.",
                    "不明です：有効なルールがまだありません。",
                ),
                "being-worked-out",
            ),
            Some(of) if of.detected == 0 => {
                let text = Text::new(
                    "No trial of an attack was detected.",
                    "攻撃の試験は一つも検知されていません。",
                );
                (Grade::No, text, "never-tried")
            }
            Some(of) => {
                // Of one entity, what contradicts is what would have been blind.
                let answer = if own && contradicted { Grade::No } else { Grade::Partly };
                (answer, noticed_text(of, own && contradicted), "missed")
            }
        };
        let mut unknown = Vec::new();
        if answer == Grade::Unknown {
            unknown.push(lacking(text.clone(), reason, None));
        }
        let mut facts = Vec::new();
        if let Some(of) = self.figures {
            facts.push(matrix(of));
            unknown.extend(untried(of));
        }
        if self.scope.is_whole() {
            unknown.extend(self.quiet());
        }
        Answer { question: Question::Noticed, answer, text, facts, unknown }
    }

    fn stopped(weighed: &Weighed<'_>) -> Answer {
        let (answer, all, bad, open) = at_best_partly(weighed);
        let text = match (answer, all) {
            (_, 0) => Text::new(
                "Not known: no claim about who gets in applies to it.",
                "不明です：侵入を防ぐ要件で、当てはまるものがありません。",
            ),
            (Grade::No, _) => Text::new(
                format!("Evidence contradicts {bad} of {all} claims about who gets in, and how far."),
                format!("侵入と拡大を防ぐ要件 {all} 件中 {bad} 件が、証拠と矛盾しています。"),
            ),
            (Grade::Unknown, _) => Text::new(
                format!(
                    "Not known: for {open} of {all} claims about who gets in, and how far, no evidence decides."
                ),
                format!("不明です：侵入と拡大を防ぐ要件 {all} 件中 {open} 件は、証拠では決まりません。"),
            ),
            _ => Text::new(
                format!(
                    "Evidence supports what is required of who gets in, and how far ({all} claims); no response was ever tried."
                ),
                format!(
                    "侵入と拡大を防ぐ要件 {all} 件は証拠で裏付けられています。対応の試行はまだありません。"
                ),
            ),
        };
        let what = Text::new("whether a response would hold", "対応が効くかどうか");
        let settled = Text::new("a response with a probe that proves it", "効果を確かめる試行");
        let unknown = vec![lacking(what, "never-tried", Some(settled))];
        Answer { question: Question::Stopped, answer, text, facts: Vec::new(), unknown }
    }

    fn restore(&self, weighed: &Weighed<'_>) -> Answer {
        let (answer, all, bad, open) = at_best_partly(weighed);
        let text = match (answer, all) {
            (_, 0) => Text::new(
                "Not known: nothing that was read speaks of backup copies of it.",
                "不明です：対象のバックアップについて語るものがありません。",
            ),
            (Grade::No, _) => Text::new(
                format!("Evidence contradicts {bad} of {all} claims about backup copies."),
                format!("バックアップの要件 {all} 件中 {bad} 件が、証拠と矛盾しています。"),
            ),
            (Grade::Unknown, _) => Text::new(
                format!("Not known: for {open} of {all} claims about backup copies nothing decides."),
                format!("不明です：バックアップの要件 {all} 件中 {open} 件は、決め手がありません。"),
            ),
            _ => Text::new(
                format!(
                    "What is required of backup copies is supported ({all} claims); how long a restore takes was never measured."
                ),
                format!(
                    "バックアップの要件 {all} 件は裏付けられています。復旧にかかる時間は計測されていません。"
                ),
            ),
        };
        let (facts, unknown) = self.copies();
        Answer { question: Question::Restore, answer, text, facts, unknown }
    }

    /// What is known of restores from each copy.
    fn copies(&self) -> (Vec<Fact>, Vec<Unknown>) {
        let own = |name: &str| match &self.scope.entity {
            None => true,
            Some(entity) => entity.kind == Kind::Backup && entity.name.as_deref() == Some(name),
        };
        let drill = || Some(Text::new("a restore drill with measured times", "時間を計測した復元訓練"));
        let mut facts = Vec::new();
        let mut unknown = Vec::new();
        for copy in self.report.copies.iter().filter(|copy| own(&copy.name)) {
            let name = &copy.name;
            let what = match &copy.last_restore {
                Some(day) => {
                    let (en, ja) = (
                        format!("A list says that {name} was restored from on {day}."),
                        format!("{name}：台帳では最終復元日 {day}。"),
                    );
                    facts.push(fact(en, ja, "/board"));
                    Text::new(
                        format!("how long a restore from {name} takes"),
                        format!("{name} の復元にかかる時間"),
                    )
                }
                None => Text::new(
                    format!("whether {name} can be restored, and how fast"),
                    format!("{name} を復元できるか、所要時間はどれほどか"),
                ),
            };
            unknown.push(lacking(what, "never-tried", drill()));
        }
        (facts, unknown)
    }

    fn explain(&self, weighed: &Weighed<'_>) -> Answer {
        let (all, bad) = (weighed.count(), weighed.with(&CONTRADICTED));
        let seen = self.scope.is_seen(self.report);
        let mut unknown = Vec::new();
        let (mut answer, text) = match grade(weighed.worst()) {
            _ if !seen => {
                let (answer, text, reason) = self.no_log();
                unknown.push(lacking(text.clone(), reason, None));
                (answer, text)
            }
            Grade::No => (
                Grade::No,
                Text::new(
                    format!("Evidence contradicts {bad} of {all} claims about logs being there."),
                    format!("ログに関する要件 {all} 件中 {bad} 件が、証拠と矛盾しています。"),
                ),
            ),
            Grade::Unknown if all == 0 => (
                Grade::Partly,
                Text::new(
                    "There are logs of it; what should be there was not listed.",
                    "ログはありますが、あるべきログの一覧がありません。",
                ),
            ),
            Grade::Unknown => (
                Grade::Unknown,
                Text::new(
                    "There are logs; whether they are all that should be there is not known.",
                    "ログはありますが、あるべきものが揃っているかは不明です。",
                ),
            ),
            other => {
                (other, Text::new("The logs that should be there are there.", "あるべきログが揃っています。"))
            }
        };
        let facts = if self.scope.is_whole() { self.kept(&mut unknown) } else { Vec::new() };
        if answer == Grade::Yes && !unknown.is_empty() {
            answer = Grade::Partly;
        }
        Answer { question: Question::Explain, answer, text, facts, unknown }
    }

    /// What the ledger itself says: what somebody with root could unmake, and which sources are quiet.
    fn kept(&self, unknown: &mut Vec<Unknown>) -> Vec<Fact> {
        if self.whole.exposure.records.is_none_or(|records| records > 0) {
            unknown.push(lacking(
                Text::new(
                    "whether somebody with root made another history of what nobody outside holds yet",
                    "外部に保管されていない部分が、root 権限で作り直されていないか",
                ),
                "no-anchor",
                Some(Text::new(
                    "a vault, a witness or a saved checkpoint",
                    "ボールト・立会人・保存したチェックポイント",
                )),
            ));
        }
        unknown.extend(self.quiet());
        let (events, leaves) =
            (self.report.events, self.report.ledgers.iter().map(|l| l.leaves).sum::<u64>());
        vec![fact(
            format!("{events} events in {leaves} leaves of the ledger were read."),
            format!("台帳 {leaves} リーフ、イベント {events} 件を読み取りました。"),
            "/ledger",
        )]
    }

    /// Sources that are silent, and those of which nobody knows whether they are.
    fn quiet(&self) -> Vec<Unknown> {
        let (silent, unjudged) = (self.whole.sources.silent, self.whole.sources.unjudged);
        let mut quiet = Vec::new();
        if silent > 0 {
            let what = Text::new(
                format!("what happened where {silent} sources are silent"),
                format!("沈黙している情報源 {silent} 件の状況"),
            );
            quiet.push(lacking(what, "silent", None));
        }
        if unjudged > 0 {
            let what = Text::new(
                format!("whether {unjudged} sources are complete that promise nothing"),
                format!("約束のない情報源 {unjudged} 件に欠けがないか"),
            );
            let settled = Text::new(
                "a promise in sources.yaml, or a week of habit",
                "sources.yaml の約束、または一週間分の実績",
            );
            quiet.push(lacking(what, "no-promise", Some(settled)));
        }
        quiet
    }
}

fn noticed_text(of: Figures, is_blind: bool) -> Text {
    let (executed, detected) = (of.executed, of.detected);
    if is_blind {
        return Text::new(
            "Evidence contradicts what is required for noticing there: its own logs or its sensor were not there.",
            "ここでは、気付くための要件が証拠と矛盾しています（ログまたはセンサーが欠けています）。",
        );
    }
    Text::new(
        format!("Of {executed} steps of attacks that trials ran, {detected} were detected."),
        format!("試験で実行した攻撃手順 {executed} のうち {detected} を検知しました。"),
    )
}

fn matrix(of: Figures) -> Fact {
    let (proven, blind, techniques) = (of.proven, of.blind, of.techniques);
    fact(
        format!("Of {techniques} techniques, {proven} are proven by a trial; {blind} are blind here."),
        format!("{techniques} 技法のうち、試験で実証 {proven}、見えないもの {blind}。"),
        "/coverage",
    )
}

/// What the figures do not say.
fn untried(of: Figures) -> Vec<Unknown> {
    let mut all = Vec::new();
    if of.present > 0 {
        let what = Text::new(
            format!("whether rules for {} techniques would fire: no trial ran", of.present),
            format!("試験していない {} 技法のルールが発火するか", of.present),
        );
        all.push(lacking(what, "never-tried", Some(Text::new("hinomi trial run", "hinomi trial run"))));
    }
    if !of.same_rules {
        let what = Text::new(
            "whether the figures hold: trials ran with other rules than are in force",
            "この数値が今も成り立つか（試験時と異なるルールが有効です）",
        );
        all.push(lacking(what, "other-rules", Some(Text::new("hinomi trial run", "hinomi trial run"))));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unknown_and_nothing_contradicted_is_ever_a_yes() {
        assert_eq!(grade(None), Grade::Unknown);
        for outcome in Outcome::ALL {
            assert_eq!(grade(Some(outcome)) == Grade::Yes, outcome == Outcome::Supported, "{outcome:?}");
        }
        assert_eq!(grade(Some(Outcome::ExpiredException)), Grade::No);
    }
}
