//! One thread's share of a scan.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hinomi_columns::{Batch, FieldId, LayoutId, Projection, Store, ValueId, well_known};
use hinomi_detect::completeness::Window;
use hinomi_detect::story::Census;
use hinomi_detect::{Depth, Engine, Evaluator, Fields, FilterId, KnownNames, RawEncoding, RuleIndex};
use hinomi_ingest::intake::Format;
use hinomi_ingest::{AnyDecoder, Unit, is_plain_entry};
use hinomi_model::{Diagnostics, Digest, LogKind};

use super::hit::{Event, Hit};
use super::piece::{Around, Pieces, chunk_around};
use super::subject::{Subjects, text_of, whole_text_of};
use super::{Digests, Findings, Limits, Sampled, ScanProgress};

/// Longest value kept with a hit; the evidence reference leads to the rest.
const LONGEST_VALUE: usize = 2048;

/// Which events count.
pub(super) struct Filter {
    pub(super) window: Window,
    pub(super) hosts: Vec<String>,
}

impl Filter {
    fn wants_host(&self, host: &str) -> bool {
        // An event that names no host may be of any: unknown is not outside.
        self.hosts.is_empty() || host.is_empty() || self.hosts.iter().any(|wanted| is_host(host, wanted))
    }
}

/// Whether two names are of one host, as far as they say: one of them may lack the domain.
pub(crate) fn is_host(name: &str, wanted: &str) -> bool {
    let address =
        |text: &str| text.trim_matches(['[', ']']).split('%').next().and_then(|t| t.parse::<IpAddr>().ok());
    if let Some(one) = address(name).or_else(|| address(wanted)) {
        return address(name) == Some(one) && address(wanted) == Some(one);
    }
    let (short, long) = if name.len() <= wanted.len() { (name, wanted) } else { (wanted, name) };
    let rest = long.get(short.len()..).unwrap_or_default();
    let starts = long.get(..short.len()).is_some_and(|start| start.eq_ignore_ascii_case(short));
    let is_label = !short.contains('.');
    !short.is_empty() && starts && (rest.is_empty() || rest.starts_with('.') && (is_label || short == wanted))
}

pub(super) struct Worker<'e> {
    engine: &'e Engine,
    subjects: &'e Subjects,
    filter: Filter,
    sampling: Sampling<'e>,
    limits: Limits,
    progress: &'e ScanProgress,
    named: Pass<'e>,
    /// Made when a unit first needs every field.
    keywords: Option<Pass<'e>>,
    /// Fields kept with every hit.
    telling: HashSet<&'e str>,
    /// How many meet at a host, account or address.
    census: Option<Census<'e>>,
    /// What to cite of files instead of all of them.
    pieces: Option<Pieces>,
    room: UnitRoom,
    findings: Findings,
}

/// What was kept so far. Rules that raise something and those that only feed correlations are counted apart, so that
/// the second, which match ordinary work by the million, never take the place of the first.
#[derive(Default)]
pub(super) struct Room {
    alerts: u64,
    blocks: u64,
}

impl Room {
    /// Whether one more match fits.
    pub(super) fn take(&mut self, alerts: bool, limits: &Limits) -> bool {
        let kept = self.kept(alerts);
        let fits = *kept < limits.most(alerts);
        *kept += u64::from(fits);
        fits
    }

    fn kept(&mut self, alerts: bool) -> &mut u64 {
        if alerts { &mut self.alerts } else { &mut self.blocks }
    }
}

/// Room for whole units: matches of one unit do not come in the order of the input, in which the first are kept. So a unit
/// keeps all of its own or none.
#[derive(Default)]
struct UnitRoom {
    kept: Room,
    alerts_full: bool,
    blocks_full: bool,
}

impl UnitRoom {
    fn begin_unit(&mut self, limits: &Limits) {
        self.alerts_full = self.kept.alerts >= limits.most(true);
        self.blocks_full = self.kept.blocks >= limits.most(false);
    }

    /// Whether one more match of the unit fits.
    fn take(&mut self, alerts: bool) -> bool {
        let fits = if alerts { !self.alerts_full } else { !self.blocks_full };
        *self.kept.kept(alerts) += u64::from(fits);
        fits
    }

    /// Returns what was taken for a match that is not kept after all.
    fn put_back(&mut self, alerts: bool) {
        let kept = self.kept.kept(alerts);
        *kept = kept.saturating_sub(1);
    }
}

/// Which matches only repeat what was matched in the same span.
pub(super) struct Sampling<'e> {
    rules: &'e BTreeMap<RuleIndex, Sampled>,
    /// Digests of rule, span and values.
    seen: HashSet<u64>,
}

/// Most remembered; beyond it a match may be kept twice.
const MOST_SAMPLES: usize = 4 << 20;

impl<'e> Sampling<'e> {
    pub(super) fn new(rules: &'e BTreeMap<RuleIndex, Sampled>) -> Self {
        Self { rules, seen: HashSet::new() }
    }

    fn is_fresh(&mut self, rule: RuleIndex, store: &Store, batch: &Batch, row: usize) -> bool {
        let Some(sampled) = self.rules.get(&rule) else { return true };
        // An event without time is never a repetition.
        let Some(time) = batch.rows().get(row).and_then(|r| r.time) else { return true };
        let mut key = DefaultHasher::new();
        (rule, time.as_nanos().div_euclid(sampled.span_ns.max(1))).hash(&mut key);
        for field in sampled.fields.iter().filter_map(|name| store.fields().known(name)) {
            text_of(store, batch, row, field).hash(&mut key);
        }
        if self.seen.len() >= MOST_SAMPLES {
            self.seen.clear();
        }
        self.seen.insert(key.finish())
    }
}

/// What to keep of an event for one rule that matched it, beyond what is kept with every hit.
struct Kept {
    /// Fields that the rule or a correlation of it reads.
    names: Vec<String>,
    /// Their ids in the store; looked up while the store knew `known_fields`.
    fields: Vec<FieldId>,
    known_fields: usize,
    /// Names that correlations expect, with those of the event.
    aliases: Vec<(String, String)>,
}

impl Kept {
    fn new(engine: &Engine, rule: RuleIndex) -> Self {
        let (names, aliases) = (engine.fields_of(rule), engine.aliases_of(rule));
        Self { names, fields: Vec::new(), known_fields: 0, aliases }
    }

    /// Looks the names up again when the store has learned new ones.
    fn look_up(&mut self, store: &Store) {
        let table = store.fields();
        if self.known_fields == table.len() {
            return;
        }
        self.known_fields = table.len();
        self.fields = self.names.iter().filter_map(|name| table.known(name)).collect();
    }
}

/// The columns of a layout that are kept with every hit, in order of the fields' names.
type Columns = Box<[(u32, FieldId)]>;

/// What to keep of the events of one store.
#[derive(Default)]
struct Keeping {
    rules: HashMap<RuleIndex, Kept>,
    columns: HashMap<LayoutId, Columns>,
    names: KnownNames,
    /// Layouts have other numbers in each.
    epoch: u32,
}

impl Keeping {
    /// Prepares for an event of this batch that these rules matched.
    fn prepare(
        &mut self,
        (engine, telling): (&Engine, &HashSet<&str>),
        rules: &[RuleIndex],
        (store, batch): (&Store, &Batch),
    ) {
        if self.epoch != store.epoch() {
            self.epoch = store.epoch();
            self.columns.clear();
        }
        for rule in rules {
            self.rules.entry(*rule).or_insert_with(|| Kept::new(engine, *rule)).look_up(store);
        }
        self.columns.entry(batch.shape().layout).or_insert_with(|| {
            let name = |field: &FieldId| store.fields().name(*field);
            let fixed = [well_known::PROVIDER, well_known::EVENT_ID];
            let fields = (0..).zip(batch.fields().iter().copied());
            let kept = fields.filter(|(_, field)| fixed.contains(field) || telling.contains(name(field)));
            let mut kept: Vec<(u32, FieldId)> = kept.collect();
            kept.sort_unstable_by_key(|(_, field)| name(field));
            kept.into()
        });
    }
}

/// Decoder, columns and evaluator that belong together.
struct Pass<'e> {
    decoder: AnyDecoder,
    store: Store,
    evaluator: Evaluator<'e>,
    keeping: Keeping,
}

impl<'e> Pass<'e> {
    fn new(engine: &'e Engine, projection: &Projection, depth: Depth) -> Self {
        Self {
            decoder: AnyDecoder::default(),
            store: Store::new(projection),
            evaluator: Evaluator::new(engine, depth),
            keeping: Keeping::default(),
        }
    }

    fn decode(&mut self, format: Format, unit: &Unit, limit: usize, diagnostics: &mut Diagnostics) {
        self.store.drop_rows();
        if self.store.bytes() > limit {
            self.store.reset();
        }
        self.decoder.decode(format, unit, &mut self.store, diagnostics);
    }
}

impl<'e> Worker<'e> {
    pub(super) fn new(
        engine: &'e Engine,
        subjects: &'e Subjects,
        filter: Filter,
        sampling: Sampling<'e>,
        (limits, digests): (Limits, Digests),
        progress: &'e ScanProgress,
    ) -> Self {
        Self {
            engine,
            subjects,
            filter,
            sampling,
            limits,
            progress,
            named: Pass::new(engine, engine.projection(), Depth::Named),
            keywords: None,
            telling: subjects.details().iter().chain(subjects.links()).map(String::as_str).collect(),
            census: subjects.census(),
            pieces: (digests == Digests::Pieces).then(Pieces::default),
            room: UnitRoom::default(),
            findings: Findings::default(),
        }
    }

    pub(super) fn finish(mut self) -> Findings {
        self.findings.prevalence = self.census.map(Census::finish).unwrap_or_default();
        self.findings
    }

    /// What was found since the beginning or the last call.
    pub(super) fn take_findings(&mut self) -> Findings {
        std::mem::take(&mut self.findings)
    }

    /// What the events of the next units say about their source is wanted.
    pub(super) fn outline(&mut self) {
        self.findings.outline.get_or_insert_default();
    }

    pub(super) fn process(&mut self, format: Format, unit: &Unit) {
        let limit = self.limits.store_bytes;
        self.named.decode(format, unit, limit, &mut self.findings.diagnostics);
        self.findings.sources.begin_unit();
        self.room.begin_unit(&self.limits);
        let mut matches = Vec::new();
        let mut candidates = Candidates::default();
        let Pass { decoder, store, evaluator, .. } = &mut self.named;
        for (number, batch) in store.batches().enumerate() {
            self.findings.events += batch.rows().len() as u64;
            self.progress.events.fetch_add(batch.rows().len() as u64, Ordering::Relaxed);
            self.findings.sources.add(store, batch, &self.filter.window);
            if let Some(census) = &mut self.census {
                census.add(store, batch);
            }
            if let Some(outline) = &mut self.findings.outline {
                outline.add(self.subjects, store, batch);
            }
            evaluator.evaluate(store, batch, |rule, row| matches.push((number, row, rule)));
            if let Some(filter) = evaluator.keywords(store, batch) {
                candidates.add(evaluator, filter, format, unit, batch);
            }
        }
        let narrow = decoder.holds_narrow_text();
        let encoding = if narrow { RawEncoding::Mixed } else { RawEncoding::Utf16 };
        candidates.look_at_chunks(evaluator, unit, encoding);
        self.keep(Around { format, whole: unit, part: unit }, &matches, Depth::Named);
        for (from, to) in candidates.ranges {
            self.search_keywords(format, unit, from, to);
        }
    }

    /// Decodes a part of the unit once more with all fields, for rules that search every value.
    fn search_keywords(&mut self, format: Format, unit: &Unit, from: usize, to: usize) {
        let engine = self.engine;
        let pass = self.keywords.get_or_insert_with(|| {
            let projection = engine.projection().clone().and_all_others();
            Pass::new(engine, &projection, Depth::Keywords)
        });
        let part = Unit {
            offset: unit.offset + from as u64,
            bytes: unit.bytes.get(from..to).unwrap_or_default().to_vec(),
            ..unit.without_bytes()
        };
        // The first pass reported the losses already.
        pass.decode(format, &part, self.limits.store_bytes, &mut Diagnostics::default());
        let mut matches = Vec::new();
        let Pass { store, evaluator, .. } = pass;
        for (number, batch) in store.batches().enumerate() {
            evaluator.evaluate(store, batch, |rule, row| matches.push((number, row, rule)));
        }
        self.keep(Around { format, whole: unit, part: &part }, &matches, Depth::Keywords);
    }

    /// Turns (batch, row, rule) triples, grouped by row, into hits.
    fn keep(&mut self, around: Around<'_>, matches: &[(usize, usize, RuleIndex)], depth: Depth) {
        let unit = around.part;
        let pass = match depth {
            Depth::Named => Some(&mut self.named),
            Depth::Keywords => self.keywords.as_mut(),
        };
        let Some(Pass { store, keeping, .. }) = pass else { return };
        let store = &*store;
        let batches: Vec<&Batch> = store.batches().collect();
        for group in matches.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let Some(&(number, row, _)) = group.first() else { continue };
            let Some(batch) = batches.get(number) else { continue };
            let engine = self.engine;
            let alerts = |r: &RuleIndex| engine.rule(*r).is_some_and(|r| r.alerts);
            let room = &mut self.room;
            let full = |r: &RuleIndex| !room.take(alerts(r));
            let sampling = &mut self.sampling;
            let fresh = group.iter().map(|m| m.2).filter(|r| sampling.is_fresh(*r, store, batch, row));
            let (beyond, rules): (Vec<RuleIndex>, Vec<RuleIndex>) = fresh.partition(full);
            beyond.iter().for_each(|r| *self.findings.uncounted.entry(*r).or_default() += 1);
            if rules.is_empty() {
                continue;
            }
            // Of all that matched: what an event tells must not depend on which matches found room.
            let fired: Vec<RuleIndex> = group.iter().map(|m| m.2).collect();
            keeping.prepare((engine, &self.telling), &fired, (store, batch));
            let Keeping { rules: known, columns, names, .. } = keeping;
            let kept = || fired.iter().filter_map(|r| known.get(r));
            let columns = columns.get(&batch.shape().layout).map(AsRef::as_ref).unwrap_or_default();
            let scene = Scene { store, batch, row, unit, subjects: self.subjects };
            let own = kept().flat_map(|k| k.fields.iter().copied());
            let Some(mut event) = scene.event(&self.filter, (columns, own), names) else {
                rules.iter().for_each(|r| self.room.put_back(alerts(r)));
                continue;
            };
            event.add_aliases(kept().flat_map(|k| &k.aliases), names);
            event.piece = self.pieces.as_mut().and_then(|pieces| pieces.around(&around, &event));
            if event.piece.is_none() {
                self.progress.cited.fetch_max(unit.member.file.saturating_add(1), Ordering::Relaxed);
            }
            let event = Arc::new(event);
            self.progress.hits.fetch_add(rules.len() as u64, Ordering::Relaxed);
            let ordinal = unit.ordinal;
            let hits = rules.into_iter().map(|rule| Hit { rule, ordinal, event: Arc::clone(&event) });
            self.findings.hits.extend(hits);
        }
    }
}

/// Ranges of a unit that must be decoded in full because an event in them may hold a keyword.
#[derive(Default)]
struct Candidates {
    ranges: BTreeSet<(usize, usize)>,
    /// Chunks and the filters that the records in them need: each is looked at once.
    chunks: BTreeMap<(usize, usize), BTreeSet<FilterId>>,
}

impl Candidates {
    fn add(&mut self, evaluator: &Evaluator<'_>, id: FilterId, format: Format, unit: &Unit, batch: &Batch) {
        let Some(filter) = evaluator.filter(id) else { return };
        for row in batch.rows() {
            let own = (row.offset as usize, row.offset as usize + row.length as usize);
            let decode = match format {
                // Bytes that are not plain text are read as numbers, which a search of the bytes does not find.
                Format::Journal if !unit.bytes.get(own.0..own.1).is_some_and(is_plain_entry) => {
                    self.ranges.insert(own);
                    continue;
                }
                Format::Json | Format::Journal => own,
                Format::Evtx => {
                    self.chunks.entry(chunk_around(unit, own)).or_default().insert(id);
                    continue;
                }
                // Lines lean on their neighbours and on headers, flows on templates: one candidate takes the whole unit along.
                Format::Text | Format::Flow => (0, unit.bytes.len()),
            };
            if self.ranges.contains(&decode) {
                continue;
            }
            if unit.bytes.get(own.0..own.1).is_some_and(|bytes| filter.may_match(bytes, RawEncoding::Utf8)) {
                self.ranges.insert(decode);
            }
        }
    }

    fn look_at_chunks(&mut self, evaluator: &mut Evaluator<'_>, unit: &Unit, encoding: RawEncoding) {
        for (chunk, ids) in std::mem::take(&mut self.chunks) {
            let ids: Vec<FilterId> = ids.into_iter().collect();
            let filter = evaluator.joined(&ids).and_then(|id| evaluator.filter(id));
            let bytes = unit.bytes.get(chunk.0..chunk.1).unwrap_or_default();
            if filter.is_some_and(|filter| filter.may_match(bytes, encoding)) {
                self.ranges.insert(chunk);
            }
        }
    }
}

/// A row and everything needed to describe it.
struct Scene<'s> {
    store: &'s Store,
    batch: &'s Batch,
    row: usize,
    unit: &'s Unit,
    subjects: &'s Subjects,
}

impl Scene<'_> {
    /// The event with the values of some columns, which are in order of name, and of further fields; `None` when the filter
    /// leaves it out.
    fn event(
        &self,
        filter: &Filter,
        fields: (&[(u32, FieldId)], impl Iterator<Item = FieldId>),
        names: &mut KnownNames,
    ) -> Option<Event> {
        let header = *self.batch.rows().get(self.row)?;
        let host = self.subjects.host(self.store, self.batch, self.row);
        if !filter.window.contains(header.time) || !filter.wants_host(&host) {
            return None;
        }
        let shape = self.batch.shape();
        let channel = match self.store.text(well_known::CHANNEL, shape.channel) {
            "" => self.store.kinds().kind(shape.kind).map(LogKind::name).unwrap_or_default(),
            channel => channel.to_owned(),
        };
        let from = header.offset as usize;
        let bytes = self.unit.bytes.get(from..from + header.length as usize).unwrap_or_default();
        Some(Event {
            time: header.time,
            member: Arc::clone(&self.unit.member),
            offset: self.unit.offset + header.offset,
            length: header.length,
            sub: header.sub,
            sequence: header.sequence,
            digest: Digest::of(bytes),
            piece: None,
            host,
            channel,
            account: self.subjects.account(self.store, self.batch, self.row),
            fields: self.fields(fields, names),
        })
    }

    fn fields(
        &self,
        (columns, own): (&[(u32, FieldId)], impl Iterator<Item = FieldId>),
        names: &mut KnownNames,
    ) -> Fields {
        let further = own.filter(|field| columns.iter().all(|(_, known)| known != field));
        let further = further.filter_map(|field| Some((self.batch.position(field)? as u32, field)));
        let mut further: Vec<(u32, FieldId)> = further.collect();
        further.sort_unstable();
        further.dedup();
        let mut fields: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(columns.len() + further.len());
        for &(position, field) in columns.iter().chain(&further) {
            let value = self.batch.column(position as usize).get(self.row).copied();
            if let Some(text) = value.and_then(|value| self.value(field, value)) {
                fields.push((self.store.fields().name(field), text));
            }
        }
        if !further.is_empty() {
            fields.sort_unstable();
        }
        Fields::of_ordered(fields.iter().map(|(name, value)| (*name, value.as_ref())), names)
    }

    /// The text of a value, which may be cut; `None` when it is absent or null.
    fn value(&self, field: FieldId, value: ValueId) -> Option<Cow<'_, str>> {
        let cut = |text: &str| text.floor_char_boundary(LONGEST_VALUE);
        Some(match whole_text_of(self.store, field, value)? {
            Cow::Borrowed(text) => text.get(..cut(text)).unwrap_or_default().into(),
            Cow::Owned(mut text) => {
                text.truncate(cut(&text));
                text.into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_with_and_without_its_domain() {
        for (name, wanted, is) in [
            ("PC1.example.jp", "pc1", true),
            ("pc1", "PC1.example.jp", true),
            ("pc1", "pc1", true),
            ("pc10", "pc1", false),
            ("pc1.example.jp", "pc1.example.com", false),
            ("pc1.example.jp", "pc1.example", true),
            ("pc1.example", "pc1.example.jp", false),
            ("10", "10.0.0.5", false),
            ("10.1.2.3", "10", false),
            ("10.1.2.3", "10.1.2", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1", true),
            ("fe80::1", "fe80::1%eth0", true),
            ("2001:db8::1", "[2001:db8::1]", true),
            ("", "pc1", false),
            ("火の見", "火の見.example.jp", true),
        ] {
            assert_eq!(is_host(name, wanted), is, "{name} {wanted}");
        }
    }
}
