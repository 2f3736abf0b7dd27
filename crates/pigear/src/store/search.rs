//! Finds the blocks that may have wanted alerts.

mod narrowed;

use std::iter;
use std::ops::{Range, RangeInclusive};

use jiff::Timestamp;
use pigear_alert::Alert;
use rusqlite::{Connection, OptionalExtension};

use super::criteria::{Criteria, RowTest};
use super::damage::Damage;
use super::error::StoreProblem;
use super::id_hash::IdSet;
use super::interned;
use super::layout::{SEGMENT, SEGMENT_BLOCKS};
use super::meta::last_id;
use super::narrowing::{IndexedNumber, Narrowing, NativeTest};
use super::record::{self, microseconds};
use super::segment_index::{Blocks, IndexReader, KeyKind};
use super::triage::{self, TriageReader};
use narrowed::{Narrowed, SignatureSet, span, with_addresses, with_numbers};

/// So few blocks of a segment are read without looking up whether they have one of many signatures: nearly all have,
/// and a look-up takes as long as reading a block.
const FEW_BLOCKS: u32 = 2;
const MANY_SIGNATURES: usize = 64;

/// Criteria, resolved for this store.
pub(super) struct Search<'a> {
    criteria: &'a Criteria,
    /// The wanted signatures; `None` for all.
    signatures: Option<SignatureSet>,
    /// What else the index can tell of the further condition.
    narrowed: Narrowed,
    /// Whether an alert's signature and times decide whether it is wanted.
    is_decided: bool,
    /// The wanted time, in microseconds since 1970.
    span: Range<i64>,
    /// The oldest block that may have wanted alerts.
    oldest: i64,
    /// The first of the blocks whose alerts were all received in the wanted time.
    whole: i64,
    /// The current segment, which is not indexed yet.
    open: i64,
    /// What people said about alerts.
    pub(super) triage: TriageReader,
    /// Whether damage was met in what makes the search quick.
    pub(super) damage: Damage,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        criteria: &'a Criteria,
        connection: &Connection,
    ) -> Result<Self, StoreProblem> {
        let damage = Damage::default();
        // The end first: what the earlier alerts refer to is there.
        let last = last_id(connection)?;
        let text = criteria.text.as_ref().map(|text| text.to_lowercase());
        let mut signatures = criteria
            .names_signatures()
            .then(|| {
                let of_rules = criteria.rule.iter().map(|(_, sid)| *sid);
                let sids: Vec<_> = criteria.sid.iter().copied().chain(of_rules).collect();
                interned::signatures(connection, &damage, &sids, |signature| {
                    criteria.wants(text.as_deref(), &signature.fields())
                })
            })
            .transpose()?;
        let (mut narrowed, mut is_decided) = (Narrowed::Anything, criteria.also.is_none());
        if let Some(native) = &criteria.native {
            let dialects = interned::example_dialects(connection, &damage)?;
            let looking = IndexReader { connection, damage: &damage };
            narrowed = Narrowed::of(&native.narrowing, &dialects, looking)?;
            is_decided = narrowed::is_decided(native, &dialects, looking)?;
            signatures = match (signatures, narrowed.take_signatures()) {
                (Some(one), Some(other)) => Some(one.intersection(&other).copied().collect()),
                (one, other) => one.or(other),
            };
        }
        let span = wanted_span(criteria);
        let oldest = damage.or(oldest(connection, span.start), || Some(0))?;
        let received = criteria.received.map(|since| first_received(connection, since));
        let (received, whole) = match damage.or(received.transpose().map(Some), || None)? {
            Some(block) => (block, block.map_or(i64::MIN, |block| block.saturating_add(1))),
            // Any block may have such alerts, and others.
            None => (None, i64::MAX),
        };
        Ok(Self {
            criteria,
            signatures: signatures.map(SignatureSet::new),
            narrowed,
            is_decided: is_decided && !criteria.names_contents(),
            span,
            oldest: oldest.unwrap_or(i64::MAX).max(received.unwrap_or(i64::MIN)),
            whole,
            open: last / SEGMENT,
            triage: TriageReader::new(connection)?,
            damage,
        })
    }

    /// The oldest block that may have wanted alerts.
    pub(super) fn oldest(&self) -> i64 {
        self.oldest
    }

    /// The first of the blocks whose alerts were all received in the wanted time.
    pub(super) fn first_whole(&self) -> i64 {
        self.whole
    }

    /// Whether an alert's signature and times decide whether it is wanted.
    pub(super) fn is_decided(&self) -> bool {
        self.is_decided
    }

    /// The wanted time, in microseconds since 1970.
    pub(super) fn span(&self) -> Range<i64> {
        self.span.clone()
    }

    /// Whether only alerts of some signatures are wanted.
    pub(super) fn names_signatures(&self) -> bool {
        self.signatures.is_some()
    }

    /// Whether alerts of this signature may be wanted.
    pub(super) fn may_be(&self, signature: i64) -> bool {
        self.signatures.as_ref().is_none_or(|wanted| wanted.ids.contains(&signature))
    }

    /// What any thread can check; `None` if some of it can be checked on one thread only.
    pub(super) fn row_filter(&self) -> Option<RowFilter<'_>> {
        Some(RowFilter {
            signatures: self.signatures.as_ref().map(|wanted| &wanted.ids),
            test: self.criteria.row_test(),
            native: self.criteria.native_test().ok()?,
            bytes: self
                .criteria
                .native
                .as_ref()
                .map(|native| &native.narrowing)
                .filter(|it| it.is_of_bytes()),
        })
    }

    /// Whether alerts are wanted for what people said about them.
    pub(super) fn is_about_triage(&self) -> bool {
        self.criteria.is_about_triage()
    }

    /// Whether an alert of a wanted signature is wanted.
    pub(super) fn accepts(&self, alert: &Alert) -> bool {
        self.criteria.accepts(alert)
    }

    /// Whether a condition is checked that may take long for an alert.
    pub(super) fn has_test(&self) -> bool {
        self.criteria.also.is_some()
    }

    /// The current segment, which is not indexed yet.
    pub(super) fn open_segment(&self) -> i64 {
        self.open
    }

    /// Ranges of segments to search one after the other, newest first, from that of an alert on. They grow:
    /// a search for a few alerts usually finds them among the newest.
    pub(super) fn windows(&self, newest: i64) -> impl Iterator<Item = RangeInclusive<i64>> + use<> {
        let oldest = self.oldest / SEGMENT_BLOCKS;
        let (mut to, mut size) = (self.open.min(newest.div_euclid(SEGMENT)), 1);
        iter::from_fn(move || {
            let from = to.saturating_sub(size - 1).max(oldest);
            let window = (to >= oldest).then_some(from..=to);
            to = from - 1;
            size = size.saturating_mul(2);
            window
        })
    }

    /// All segments that may have wanted alerts.
    pub(super) fn segments(&self) -> RangeInclusive<i64> {
        self.oldest / SEGMENT_BLOCKS..=self.open
    }

    /// The blocks of some segments that may have wanted alerts, newest first.
    pub(super) fn blocks(
        &self,
        connection: &Connection,
        segments: RangeInclusive<i64>,
    ) -> Result<Vec<i64>, StoreProblem> {
        self.blocks_without(connection, segments, |_| Blocks::default())
    }

    /// The same, but of each segment without some blocks. Of a segment without others, nothing is looked up.
    pub(super) fn blocks_without(
        &self,
        connection: &Connection,
        segments: RangeInclusive<i64>,
        excluded: impl Fn(i64) -> Blocks,
    ) -> Result<Vec<i64>, StoreProblem> {
        if self.signatures.as_ref().is_some_and(|wanted| wanted.ids.is_empty()) {
            return Ok(Vec::new());
        }
        // In one transaction: one for each look-up would take longer than the look-ups.
        let looking = connection.unchecked_transaction()?;
        let mut found = Vec::new();
        for segment in segments.rev() {
            let mut blocks = self.not_before_oldest(segment).without(excluded(segment));
            if blocks.is_empty() {
                continue;
            }
            let of_time = self.of_time(&looking, segment);
            blocks &= self.damage.or(of_time, || Blocks::ALL)?;
            if self.criteria.wants_triage() {
                blocks &= triage::blocks(&looking, self.criteria, segment)?;
            }
            if segment < self.open && !self.is_read_at_once(blocks) {
                let index = IndexReader { connection: &looking, damage: &self.damage };
                blocks &= self.posting(index, segment)?;
            }
            found.extend(blocks.newest_first(segment));
        }
        looking.finish()?;
        Ok(found)
    }

    /// Whether looking up these blocks of a segment would take longer than reading them.
    fn is_read_at_once(&self, blocks: Blocks) -> bool {
        let are_many = |wanted: &SignatureSet| wanted.ids.len() >= MANY_SIGNATURES;
        blocks.len() <= FEW_BLOCKS && self.signatures.as_ref().is_some_and(are_many)
    }

    /// The blocks of a segment that overlap the wanted time.
    fn of_time(&self, connection: &Connection, segment: i64) -> rusqlite::Result<Blocks> {
        let Range { start: since, end: until } = self.span;
        if (since, until) == (i64::MIN, i64::MAX) {
            return Ok(Blocks::ALL);
        }
        let mut select = connection.prepare_cached(
            "SELECT id FROM block NOT INDEXED \
            WHERE id BETWEEN ?2 * ?1 AND ?2 * ?1 + ?1 - 1 AND last >= ?3 AND first < ?4",
        )?;
        let mut rows = select.query([SEGMENT_BLOCKS, segment, since, until])?;
        let mut blocks = Blocks::default();
        while let Some(row) = rows.next()? {
            blocks.add(row.get(0)?);
        }
        Ok(blocks)
    }

    /// The blocks of a segment from the oldest on that may have wanted alerts.
    fn not_before_oldest(&self, segment: i64) -> Blocks {
        let first = segment * SEGMENT_BLOCKS;
        if self.oldest <= first {
            return Blocks::ALL;
        }
        let mut blocks = Blocks::default();
        (self.oldest..first + SEGMENT_BLOCKS).for_each(|block| blocks.add(block));
        blocks
    }

    /// The blocks of a segment with wanted keys in the index.
    fn posting(&self, index: IndexReader<'_>, segment: i64) -> Result<Blocks, StoreProblem> {
        let mut blocks = self.narrowed.blocks(index, segment)?;
        if let Some(wanted) = &self.signatures {
            blocks &= wanted.blocks(index, segment)?;
        }
        let Criteria { src, dst, host, .. } = self.criteria;
        for (network, kinds) in [
            (src, &[KeyKind::Source][..]),
            (dst, &[KeyKind::Destination]),
            (host, &[KeyKind::Source, KeyKind::Destination]),
        ] {
            let Some(network) = network else { continue };
            let mut of_network = Blocks::default();
            for kind in kinds {
                let networks = std::slice::from_ref(network);
                of_network |= with_addresses(index, *kind, segment, networks)?;
            }
            blocks &= of_network;
        }
        if let Some(port) = self.criteria.port.map(u32::from) {
            let mut of_port = Blocks::default();
            for end in [IndexedNumber::SourcePort, IndexedNumber::DestinationPort] {
                of_port |= with_numbers(index, end, segment, &[port..=port])?;
            }
            blocks &= of_port;
        }
        Ok(blocks)
    }
}

/// What of a search any thread can check.
#[derive(Clone, Copy)]
pub(super) struct RowFilter<'a> {
    signatures: Option<&'a IdSet>,
    test: RowTest<'a>,
    native: Option<&'a NativeTest>,
    /// What says which bytes a wanted alert must have.
    bytes: Option<&'a Narrowing>,
}

impl RowFilter<'_> {
    /// Whether alerts of this signature may be wanted. One whose id can't be read may be.
    pub(super) fn may_be(&self, signature: impl FnOnce() -> Option<i64>) -> bool {
        let Some(wanted) = self.signatures else { return true };
        signature().is_none_or(|id| wanted.contains(&id))
    }

    /// Whether an alert with this record may be wanted, by its bytes. One that can't be decoded may be.
    pub(super) fn may_have<'r>(&self, record: impl FnOnce() -> &'r [u8]) -> bool {
        let Some(bytes) = self.bytes else { return true };
        record::may_have(record(), |record| bytes.may_have(record))
    }

    /// Whether an alert of a wanted signature is wanted; `None` if that is to be checked on the first thread.
    pub(super) fn accepts(&self, alert: &Alert) -> Option<bool> {
        if !self.test.accepts(alert) {
            return Some(false);
        }
        self.native.map_or(Some(true), |passes| passes(alert))
    }
}

/// The oldest block that may have alerts from this time on, in microseconds since 1970.
fn oldest(connection: &Connection, since: i64) -> rusqlite::Result<Option<i64>> {
    if since == i64::MIN {
        return connection.query_row("SELECT min(id) FROM block", [], |row| row.get(0));
    }
    let sql = "SELECT min(id) FROM block INDEXED BY block_by_last WHERE last >= ?1";
    connection.prepare_cached(sql)?.query_row([since], |row| row.get(0))
}

/// The first of the newest blocks that have alerts received at this time or later. It may have some that were
/// received before.
fn first_received(connection: &Connection, since: Timestamp) -> rusqlite::Result<i64> {
    let before: Option<i64> = connection
        .prepare_cached("SELECT id FROM block WHERE received < ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([since.as_second()], |row| row.get(0))
        .optional()?;
    Ok(before.map_or(i64::MIN, |before| before + 1))
}

/// The wanted time, in microseconds since 1970.
fn wanted_span(criteria: &Criteria) -> Range<i64> {
    let narrowed = criteria.native.as_ref().map_or(i64::MIN..i64::MAX, |it| span(&it.narrowing));
    let since = criteria.since.map_or(i64::MIN, microseconds);
    let until = criteria.until.map_or(i64::MAX, microseconds);
    narrowed.start.max(since)..narrowed.end.min(until)
}
