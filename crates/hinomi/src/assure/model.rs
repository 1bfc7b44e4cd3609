//! What an assessment found, as plain data.

use std::collections::BTreeMap;

use hinomi_assure::assess::{
    Assessment, Day, ExceptionProblem, FactorTally, Ground, Local, Reason, SourceLog, Verdict,
};
use hinomi_assure::claim::Question;
use hinomi_assure::declared::{Declaration, disagreements};
use hinomi_assure::inventory::{EntityKind, Inventory};
use hinomi_assure::{Bilingual, FactorReason, Outcome, Session, Truth};
use hinomi_model::Timestamp;
use serde::{Serialize, Serializer};

use super::configuration::{self, ConfigurationReport, CoverageEntry, DisagreementEntry, Standards};
use super::content::ListRead;
use super::gather::Gathered;
use super::{Content, sentence};
use crate::reach::ReachPart;
use crate::report::Citations;
use crate::scan::Event;

/// Version of the JSON document; it only ever gains fields.
pub const SCHEMA_VERSION: u32 = 1;

/// The whole.
#[derive(Debug, Serialize)]
pub struct AssureReport {
    /// Version of the document.
    pub schema_version: u32,
    /// Name of the zone in which days begin.
    pub zone: String,
    /// First and last day, `null` when nothing was observed.
    pub days: Option<(String, String)>,
    /// Events read.
    pub events: u64,
    /// Facts observed in them.
    pub observations: u64,
    /// Selected events without a time, which support nothing.
    pub without_time: u64,
    /// Lists that were read.
    pub lists: Vec<ListEntry>,
    /// Sign-ins by access and what is known of a second factor.
    pub sessions: BTreeMap<&'static str, FactorTally>,
    /// The latest of them, in order of time, as many as were asked for.
    pub listed_sessions: Vec<SessionEntry>,
    /// Claims in order of name.
    pub claims: Vec<ClaimEntry>,
    /// Suppliers, those with most open first.
    pub suppliers: Vec<SupplierEntry>,
    /// Backup copies, and when one was last restored from as far as a list says.
    pub copies: Vec<CopyEntry>,
    /// Exceptions and what they hide.
    pub exceptions: Vec<ExceptionEntry>,
    /// Where what is declared and what evidence shows disagree.
    pub disagreements: Vec<DisagreementEntry>,
    /// What configuration says; it changes no verdict of a claim above.
    pub configuration: ConfigurationReport,
    /// What claims of either sort say about the categories of frameworks.
    pub coverage: Vec<CoverageEntry>,
    /// What suppliers, and accounts that evidence contradicts a claim about, reach in fact and can reach.
    pub reach: Option<ReachPart>,
    /// What could not be read.
    pub diagnostics: Vec<String>,
    /// Ledgers that were read, and how far.
    pub ledgers: Vec<LedgerEntry>,
    /// Logs by host, and the days on which they have events.
    pub logs: Vec<LogEntry>,
}

/// A ledger as it was read.
#[derive(Debug, Serialize)]
pub struct LedgerEntry {
    /// Its name.
    pub origin: String,
    /// Leaves of the checkpoint that it was read up to.
    pub leaves: u64,
}

/// A log of a host.
#[derive(Debug, Serialize)]
pub struct LogEntry {
    /// The host as its events state it; empty when they state none.
    pub host: String,
    /// Channel, or kind of log.
    pub channel: String,
    /// Kind of log.
    pub kind: String,
    /// Spans of days with an event, first and last.
    pub days: Vec<(String, String)>,
}

impl LogEntry {
    fn of(log: &SourceLog, local: &dyn Fn(Timestamp) -> Local) -> Self {
        let mut spans: Vec<(Day, Day)> = Vec::new();
        for day in log.days(local).into_keys() {
            match spans.last_mut() {
                Some((_, last)) if last.saturating_add(1) == day => *last = day,
                _ => spans.push((day, day)),
            }
        }
        let days = spans.into_iter().map(|(first, last)| (day_name(first), day_name(last))).collect();
        Self { host: log.host.clone(), channel: log.channel.clone(), kind: log.kind.clone(), days }
    }
}

/// A list.
#[derive(Debug, Serialize)]
pub struct ListEntry {
    /// The file.
    pub document: String,
    /// What most of its rows are of; `null` for a file that is no list.
    pub kind: Option<&'static str>,
    /// CSV, JSON, LDIF or XML.
    pub form: Option<&'static str>,
    /// Which lists or exports it holds.
    pub lists: Vec<String>,
    /// Rows that are used.
    pub rows: u64,
    /// Rows by what they are of.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Groups, which say who administers.
    pub groups: u64,
    /// Records of kinds that are known and no entities.
    pub passed_over: u64,
    /// Records that could not be used.
    pub refused: u64,
    /// Since when it can be known, as it states or as follows from the latest moment that it speaks of.
    #[serde(serialize_with = "time")]
    pub known_from: Option<Timestamp>,
    /// Problems with their lines.
    pub problems: Vec<String>,
    /// Problems beyond those.
    pub more_problems: u64,
}

impl From<ListRead> for ListEntry {
    fn from(list: ListRead) -> Self {
        let mut entry = Self {
            document: list.document,
            kind: None,
            form: None,
            lists: Vec::new(),
            rows: 0,
            kinds: BTreeMap::new(),
            groups: 0,
            passed_over: 0,
            refused: 0,
            known_from: None,
            problems: Vec::new(),
            more_problems: 0,
        };
        let imported = match list.imported {
            Ok(imported) => imported,
            Err(error) => {
                entry.problems.push(error.to_string());
                return entry;
            }
        };
        let most = imported.rows.iter().max_by_key(|(kind, rows)| (**rows, std::cmp::Reverse(**kind)));
        entry.kind = Some(most.map_or("group", |(kind, _)| kind.name()));
        entry.form = Some(imported.form.name());
        entry.rows = imported.rows.values().sum();
        entry.kinds = imported.rows.iter().map(|(kind, rows)| (kind.name(), *rows)).collect();
        entry.lists = imported.lists.into_iter().collect();
        entry.groups = imported.groups;
        entry.passed_over = imported.passed_over;
        entry.refused = imported.refused;
        entry.known_from = imported.known_from;
        entry.problems =
            imported.problems.into_iter().map(|(line, text)| format!("{line}: {text}")).collect();
        entry.more_problems = imported.more_problems;
        entry
    }
}

/// A claim and what it comes to.
#[derive(Debug, Serialize)]
pub struct ClaimEntry {
    /// Its name.
    pub id: String,
    /// Version of its meaning.
    pub version: u32,
    /// The attribute that names the entities.
    pub about: String,
    /// What is claimed.
    pub title: Bilingual,
    /// What goes wrong where it does not hold.
    pub why: Bilingual,
    /// What to do.
    pub remedy: Bilingual,
    /// Framework → controls.
    pub controls: BTreeMap<String, Vec<String>>,
    /// Questions that it helps to answer.
    pub questions: Vec<Question>,
    /// What needs attention most; `null` when there was nothing that the claim applies to.
    pub outcome: Option<Outcome>,
    /// Entities by outcome.
    pub entities: BTreeMap<Outcome, u64>,
    /// Rows (sign-ins, accounts, days of hosts or logs) by outcome.
    pub rows: BTreeMap<Outcome, u64>,
    /// Logs that the claim needs and that were not there.
    pub unseen: Vec<Bilingual>,
    /// Lists that the claim reads and that were not given.
    pub unlisted: Vec<&'static str>,
    /// Per entity, what needs attention first.
    pub verdicts: Vec<VerdictEntry>,
}

/// What a claim comes to for one entity.
#[derive(Debug, Serialize)]
pub struct VerdictEntry {
    /// The entity; empty when the events name none.
    pub entity: String,
    /// What needs attention most.
    pub outcome: Outcome,
    /// Exceptions that cover it or did.
    pub exceptions: Vec<String>,
    /// Days; one without day for claims about the whole span.
    pub days: Vec<DayEntry>,
    /// Why.
    pub grounds: Vec<GroundEntry>,
}

/// One day.
#[derive(Debug, Serialize)]
pub struct DayEntry {
    /// The day.
    pub day: Option<String>,
    /// What needs attention most.
    pub outcome: Outcome,
    /// Rows by outcome.
    pub rows: BTreeMap<Outcome, u64>,
}

/// Why one row came to what it came to.
#[derive(Debug, Serialize)]
pub struct GroundEntry {
    /// To what.
    pub outcome: Outcome,
    /// When.
    #[serde(serialize_with = "time")]
    pub time: Option<Timestamp>,
    /// Reasons.
    pub reasons: Vec<ReasonEntry>,
    /// Events that show it.
    pub evidence: Vec<EvidenceEntry>,
    /// The list's entry that is spoken of: file and line.
    pub list: Option<(String, u64)>,
}

/// A reason, typed and as a sentence.
#[derive(Debug, Serialize)]
pub struct ReasonEntry {
    /// Attribute that decided.
    pub attribute: String,
    /// Its value; `null` when not known.
    pub value: Option<String>,
    /// As a sentence.
    pub text: Bilingual,
}

impl ReasonEntry {
    /// Whether its value is a name of accounts.
    pub fn names_accounts(&self) -> bool {
        ["account", "host.administrators"].contains(&self.attribute.as_str())
    }
}

/// A sign-in as rebuilt from all logs.
#[derive(Debug, Serialize)]
pub struct SessionEntry {
    /// When.
    #[serde(serialize_with = "time")]
    pub time: Option<Timestamp>,
    /// Whose credentials were used.
    pub account: Option<String>,
    /// What it opens.
    pub access: &'static str,
    /// Product or protocol.
    pub service: String,
    /// Hosts that were entered or let in.
    pub hosts: Vec<String>,
    /// Where it came from.
    pub address: Option<String>,
    /// Computer it came from.
    pub origin: Option<String>,
    /// `proven`, `disproven` or `unknown`.
    pub second_factor: &'static str,
    /// How that is known; `null` when it is not.
    pub because: Option<&'static str>,
    /// Events that state it.
    pub evidence: Vec<EvidenceEntry>,
}

/// A cited event.
#[derive(Debug, Serialize)]
pub struct EvidenceEntry {
    /// Evidence reference; `null` when the file could not be hashed.
    pub reference: Option<String>,
    /// File, or member of an archive.
    pub place: String,
    /// Byte offset in it.
    pub offset: u64,
    /// Stated time.
    #[serde(serialize_with = "time")]
    pub time: Option<Timestamp>,
}

/// A supplier and what its accounts come to.
#[derive(Debug, Serialize)]
pub struct SupplierEntry {
    /// Its name, as accounts give it.
    pub name: String,
    /// Whether a list of suppliers has it.
    pub registered: bool,
    /// Who answers for it in the house.
    pub owner: Option<String>,
    /// Contract.
    pub contract: Option<String>,
    /// How to reach it otherwise.
    pub contact: Option<String>,
    /// Last moment of the contract.
    #[serde(serialize_with = "time")]
    pub until: Option<Timestamp>,
    /// Its registered accounts.
    pub accounts: Vec<String>,
    /// Their sign-ins by what is known of a second factor.
    pub sessions: FactorTally,
    /// Claims about them: name and what it comes to for these accounts.
    pub claims: Vec<(String, Outcome)>,
    /// Days on which something was observed of them, with what needs attention most.
    pub days: BTreeMap<String, Outcome>,
}

/// A backup copy.
#[derive(Debug, Serialize)]
pub struct CopyEntry {
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When something was last restored from it, as a list says; not known without.
    pub last_restore: Option<String>,
}

/// An exception.
#[derive(Debug, Serialize)]
pub struct ExceptionEntry {
    /// Its name.
    pub id: String,
    /// The claim.
    pub claim: String,
    /// The entity, or `*`.
    pub entity: String,
    /// Who answers for it; empty when nobody is named.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// What is done instead.
    pub compensation: String,
    /// Its last moment.
    #[serde(serialize_with = "time")]
    pub until: Option<Timestamp>,
    /// Whether it has ended.
    pub ended: bool,
    /// Contradictions that it covers.
    pub covers: u64,
    /// Contradictions after its end.
    pub after_end: u64,
    /// What it lacks to cover anything: `claim`, `entity`, `owner`, `reason`, `valid_until`, or `unknown_claim:` and the
    /// claim that does not exist.
    pub lacks: Vec<String>,
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
pub(super) fn time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

/// A day as `2026-01-31`.
pub(super) fn day_name(day: Day) -> String {
    let start = Timestamp::from_nanos(i64::from(day) * 86_400 * hinomi_model::NANOS_PER_SECOND);
    let ((year, month, day), _, _) = start.to_civil();
    format!("{year:04}-{month:02}-{day:02}")
}

/// The last moment of what ends before a time: lists name the last day, and so do pages.
fn last_moment(end: Timestamp) -> Timestamp {
    Timestamp::from_nanos(end.as_nanos().saturating_sub(hinomi_model::NANOS_PER_SECOND))
}

/// What surrounds an assessment.
pub struct Surroundings<'s> {
    /// Rules and claims.
    pub content: &'s Content,
    /// Facts and events.
    pub gathered: &'s Gathered,
    /// Lists.
    pub lists: Vec<ListRead>,
    /// What they say.
    pub inventory: &'s Inventory,
    /// The present, or the time as of which lists are read.
    pub now: Timestamp,
    /// Events read.
    pub events: u64,
    /// Name of the zone.
    pub zone: String,
    /// Day and minute in it.
    pub local: &'s dyn Fn(Timestamp) -> Local,
    /// Ledgers among what was read.
    pub ledgers: Vec<LedgerEntry>,
    /// Claims about configuration, frameworks, links.
    pub standards: &'s Standards,
    /// What configuration says.
    pub declaration: Declaration,
    /// What could not be read.
    pub diagnostics: Vec<String>,
}

/// Puts an assessment into the form of the report, and cites what it names.
pub fn build(assessment: &Assessment, around: Surroundings<'_>, citations: &mut Citations) -> AssureReport {
    let claims = claim_entries(assessment, &around, citations);
    let listed = assessment.sessions.iter().map(|s| session_entry(s, around.gathered, citations));
    let listed_sessions = listed.collect();
    let configuration = configuration::report(&around.standards.pack, &around.declaration);
    let disagreements = disagreements(
        &around.standards.links,
        &around.declaration.judged,
        assessment,
        around.inventory,
        around.now,
    );
    let disagreements = configuration::disagreement_entries(disagreements, &claims, |found| {
        let evidence = evidence(&found.events, around.gathered, citations);
        (found.reasons.iter().map(reason_entry).collect(), evidence)
    });
    let coverage = configuration::coverage(&around.standards.frameworks, &claims, &configuration.claims);
    let suppliers = suppliers(assessment, &claims, around.inventory, around.now);
    let copies = around.inventory.all(EntityKind::Copy, around.now, around.now).map(|copy| CopyEntry {
        name: copy.id.clone(),
        owner: copy.value("owner").map(str::to_owned),
        last_restore: copy.value("last_restore").map(str::to_owned),
    });
    let copies = copies.collect();
    let logs = around.gathered.logs.iter().map(|log| LogEntry::of(log, around.local)).collect();
    AssureReport {
        schema_version: SCHEMA_VERSION,
        zone: around.zone,
        days: assessment.days.map(|(first, last)| (day_name(first), day_name(last))),
        events: around.events,
        observations: around.gathered.observations.len() as u64,
        without_time: around.gathered.without_time,
        lists: around.lists.into_iter().map(ListEntry::from).collect(),
        sessions: assessment.sign_ins.clone(),
        listed_sessions,
        claims,
        suppliers,
        copies,
        exceptions: exceptions(assessment, &around.declaration),
        disagreements,
        configuration,
        coverage,
        reach: None,
        diagnostics: around.diagnostics,
        ledgers: around.ledgers,
        logs,
    }
}

fn session_entry(session: &Session, gathered: &Gathered, citations: &mut Citations) -> SessionEntry {
    SessionEntry {
        time: Some(session.time),
        account: session.account.as_ref().map(|a| a.id.to_string()),
        access: session.access.name(),
        service: session.service.to_string(),
        hosts: session.devices.iter().map(|d| d.id.to_string()).collect(),
        address: session.address.clone(),
        origin: session.origin.clone(),
        second_factor: match session.second_factor {
            Truth::True => "proven",
            Truth::False => "disproven",
            Truth::Unknown => "unknown",
        },
        because: factor_word(&session.because),
        evidence: evidence(&session.events, gathered, citations),
    }
}

/// Every claim with what it comes to.
fn claim_entries(
    assessment: &Assessment,
    around: &Surroundings<'_>,
    citations: &mut Citations,
) -> Vec<ClaimEntry> {
    let mut by_claim: BTreeMap<&str, Vec<&Verdict>> = BTreeMap::new();
    for verdict in &assessment.verdicts {
        by_claim.entry(verdict.claim.as_str()).or_default().push(verdict);
    }
    let mut claims = Vec::new();
    for claim in &around.content.claims {
        let verdicts = by_claim.remove(claim.id.as_str()).unwrap_or_default();
        let unseen: Vec<Bilingual> =
            assessment.unseen.iter().filter(|u| u.claim == claim.id).map(sentence::unseen).collect();
        let tally = assessment.tallies.get(&claim.id).cloned().unwrap_or_default();
        let unlisted: Vec<&'static str> =
            assessment.unlisted.get(&claim.id).into_iter().flatten().map(|kind| kind.name()).collect();
        let nothing = (!unseen.is_empty() || !unlisted.is_empty()).then_some(Outcome::Unknown);
        let outcome = verdicts.iter().map(|v| v.outcome).reduce(Outcome::and).or(nothing);
        claims.push(ClaimEntry {
            id: claim.id.clone(),
            version: claim.version,
            about: claim.about.clone(),
            title: claim.title.clone(),
            why: claim.why.clone(),
            remedy: claim.remedy.clone(),
            controls: claim.controls.clone(),
            questions: claim.questions.clone(),
            outcome,
            entities: tally.entities,
            rows: tally.rows,
            unseen,
            unlisted,
            verdicts: verdicts.into_iter().map(|v| verdict_entry(v, around.gathered, citations)).collect(),
        });
    }
    claims
}

/// Every supplier that a list or an account names.
fn suppliers(
    assessment: &Assessment,
    claims: &[ClaimEntry],
    inventory: &Inventory,
    now: Timestamp,
) -> Vec<SupplierEntry> {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for supplier in inventory.all(EntityKind::Supplier, now, now) {
        by_name.entry(supplier.id.clone()).or_default();
    }
    for account in inventory.all(EntityKind::Account, now, now) {
        if let Some(name) = account.value("supplier") {
            let known = inventory.believed(EntityKind::Supplier, name, now, now).map(|s| s.id.clone());
            by_name.entry(known.unwrap_or_else(|| name.to_owned())).or_default().push(account.id.clone());
        }
    }
    let entry = |(name, accounts): (String, Vec<String>)| {
        let listed = inventory.believed(EntityKind::Supplier, &name, now, now);
        let said = |attribute: &str| listed.and_then(|s| s.value(attribute)).map(str::to_owned);
        let own = |id: &str| accounts.iter().any(|a| a == id);
        let mut judged = Vec::new();
        let mut days: BTreeMap<String, Outcome> = BTreeMap::new();
        for claim in claims {
            let verdicts: Vec<&VerdictEntry> = claim.verdicts.iter().filter(|v| own(&v.entity)).collect();
            if let Some(outcome) = verdicts.iter().map(|v| v.outcome).reduce(Outcome::and) {
                judged.push((claim.id.clone(), outcome));
            }
            for day in verdicts.iter().flat_map(|v| &v.days) {
                if let Some(name) = &day.day {
                    let known = days.entry(name.clone()).or_insert(day.outcome);
                    *known = known.and(day.outcome);
                }
            }
        }
        let sessions = accounts.iter().filter_map(|a| assessment.sign_ins_of_suppliers.get(a)).copied();
        SupplierEntry {
            registered: listed.is_some(),
            owner: said("owner"),
            contract: said("contract"),
            contact: said("contact"),
            until: listed.and_then(|s| s.valid.until).map(last_moment),
            sessions: sessions.fold(FactorTally::default(), FactorTally::and),
            claims: judged,
            days,
            accounts,
            name,
        }
    };
    let mut suppliers: Vec<SupplierEntry> = by_name.into_iter().map(entry).collect();
    let open = |s: &SupplierEntry| s.claims.iter().filter(|(_, o)| o.is_open()).count();
    suppliers.sort_by_key(|s| std::cmp::Reverse(open(s)));
    suppliers
}

/// Before the name of a claim that does not exist.
pub(super) const UNKNOWN_CLAIM: &str = "unknown_claim:";

fn exceptions(assessment: &Assessment, declaration: &Declaration) -> Vec<ExceptionEntry> {
    let used = assessment.exceptions.iter().chain(&declaration.exceptions).map(|e| ExceptionEntry {
        id: e.id.clone(),
        claim: e.claim.clone(),
        entity: e.entity.clone(),
        owner: e.owner.clone(),
        reason: e.reason.clone(),
        compensation: e.compensation.clone(),
        until: Some(last_moment(e.until)),
        ended: e.ended,
        covers: e.covers,
        after_end: e.after_end,
        lacks: Vec::new(),
    });
    // Exceptions from claims about configuration are no concern of the assessment, which does not know these claims.
    let is_declared = |e: &&ExceptionProblem| {
        let of_declaration = declaration.exceptions.iter().map(|u| &u.place);
        of_declaration.chain(declaration.problems.iter().map(|p| &p.place)).any(|place| *place == e.place)
    };
    let problems = assessment.exception_problems.iter().filter(|e| !is_declared(e));
    let unusable = problems.chain(&declaration.problems).map(|e| {
        let mut lacks: Vec<String> = e.lacks.iter().map(|l| (*l).to_owned()).collect();
        lacks.extend(e.unknown_claim.iter().map(|claim| format!("{UNKNOWN_CLAIM}{claim}")));
        ExceptionEntry {
            id: e.id.clone(),
            claim: e.claim.clone(),
            entity: e.entity.clone(),
            owner: e.owner.clone(),
            reason: e.reason.clone(),
            compensation: e.compensation.clone(),
            until: e.until.map(last_moment),
            ended: false,
            covers: 0,
            after_end: 0,
            lacks,
        }
    });
    used.chain(unusable).collect()
}

fn verdict_entry(verdict: &Verdict, gathered: &Gathered, citations: &mut Citations) -> VerdictEntry {
    let days = verdict.days.iter().map(|d| DayEntry {
        day: d.day.map(day_name),
        outcome: d.outcome,
        rows: d.counts.clone(),
    });
    VerdictEntry {
        entity: verdict.entity.clone(),
        outcome: verdict.outcome,
        exceptions: verdict.exceptions.clone(),
        days: days.collect(),
        grounds: verdict.grounds.iter().map(|g| ground_entry(g, gathered, citations)).collect(),
    }
}

fn ground_entry(ground: &Ground, gathered: &Gathered, citations: &mut Citations) -> GroundEntry {
    GroundEntry {
        outcome: ground.outcome,
        time: ground.time,
        reasons: ground.reasons.iter().map(reason_entry).collect(),
        evidence: evidence(&ground.events, gathered, citations),
        list: ground.place.as_ref().map(|p| (p.document.clone(), p.line)),
    }
}

/// Events cited once each, in their order.
fn evidence(events: &[usize], gathered: &Gathered, citations: &mut Citations) -> Vec<EvidenceEntry> {
    let mut events: Vec<usize> = events.to_vec();
    events.sort_unstable();
    events.dedup();
    events.iter().filter_map(|e| gathered.events.get(*e)).map(|e| cite(e, citations)).collect()
}

fn cite(event: &Event, citations: &mut Citations) -> EvidenceEntry {
    EvidenceEntry {
        reference: citations.cite(event).map(|r| r.to_string()),
        place: event.member.place(),
        offset: event.offset,
        time: event.time,
    }
}

/// Why a second factor is proven or disproven.
fn factor_word(factor: &FactorReason) -> Option<&'static str> {
    match factor {
        FactorReason::Unsaid(_) => None,
        FactorReason::Unbegun => Some("beginning-not-read"),
        FactorReason::Stated(yes) => Some(if *yes { "stated" } else { "stated-single" }),
        FactorReason::Named(_) => Some("named"),
        FactorReason::Checked(_) => Some("checked"),
        FactorReason::Only(_) => Some("only-one"),
        FactorReason::NotInLog(_) => Some("not-in-log"),
    }
}

fn reason_entry(reason: &Reason) -> ReasonEntry {
    let (attribute, value) = match reason {
        Reason::Attribute(name, value) => (name.clone(), value.clone()),
        Reason::Unbegun => ("session".to_owned(), Some("beginning-not-read".to_owned())),
        Reason::Factor(factor) => ("second_factor".to_owned(), factor_word(factor).map(str::to_owned)),
    };
    ReasonEntry { attribute, value, text: sentence::reason(reason) }
}
