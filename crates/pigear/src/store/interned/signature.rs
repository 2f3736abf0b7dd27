//! Signatures.

use std::borrow::Cow;
use std::sync::Arc;

use pigear_alert::maps::{Class, Looked, Names};
use pigear_alert::wire::{Decoded, Dialect};
use pigear_alert::{Alert, AlertMessage};
use rusqlite::{Connection, Row, params};

use super::provenance::{self, OWN_DIALECT};
use super::row::{InternedRow, InternedTable, WantedRow};
use crate::store::criteria::SignatureFields;
use crate::store::damage::Damage;
use crate::store::digest::Digest;
use crate::store::error::StoreProblem;

/// For each way in which a dialect tells the class and the priority, one dialect. Snort 2 has no class for some
/// alerts of its decoder, and the last sends no priority, which Snort's log may add.
const EXAMPLES: [Dialect; 3] = [Dialect::Snort3, Dialect::Snort29, Dialect::Snort297AppId];

/// The example dialects for the alerts of a store.
pub(in crate::store) fn example_dialects(
    connection: &Connection,
    damage: &Damage,
) -> Result<Vec<Dialect>, StoreProblem> {
    damage.or(stored_examples(connection), || EXAMPLES.to_vec())
}

fn stored_examples(connection: &Connection) -> rusqlite::Result<Vec<Dialect>> {
    let mut select = connection.prepare_cached("SELECT DISTINCT dialect FROM origin")?;
    let mut rows = select.query([])?;
    let mut stored = Vec::new();
    while let Some(row) = rows.next()? {
        // Alerts of an origin that can't be decoded can't be either.
        let dialect = row.get_ref(0)?.as_str().ok().and_then(|word| provenance::parse(word).ok());
        stored.extend(dialect.map(|dialect| dialect.unwrap_or(OWN_DIALECT)));
    }
    let is_stored = |example: &Dialect| {
        stored.iter().any(|dialect| match example {
            Dialect::Snort3 => dialect.is_snort3(),
            Dialect::Snort297AppId => !dialect.sends_whole_event(),
            _ => !dialect.is_snort3(),
        })
    };
    Ok(EXAMPLES.into_iter().filter(is_stored).collect())
}

/// A rule as its alerts have it, with its names at that time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(in crate::store) gid: u32,
    pub(in crate::store) sid: u32,
    /// The revision of its alerts whose records have none, and of the first of all others.
    rev: u32,
    classification: u32,
    pub(in crate::store) priority: u32,
    sent: Box<[u8]>,
    pub(crate) names: Arc<Names>,
}

impl Signature {
    /// A signature by generator, signature id, class and priority, with the message as Snort sent it and the
    /// names.
    #[cfg(feature = "nats")]
    pub(crate) fn new(numbers: [u32; 4], sent: &[u8], names: Names) -> Self {
        let [gid, sid, classification, priority] = numbers;
        let names = Arc::new(names);
        Self { gid, sid, rev: 0, classification, priority, sent: sent.into(), names }
    }

    /// The rule's message, as bytes.
    pub(in crate::store) fn message(&self) -> &[u8] {
        self.names.looked.as_ref().map_or(&self.sent, |looked| &looked.message)
    }

    /// What of it is a criterion.
    pub(in crate::store) fn fields(&self) -> SignatureFields<'_> {
        SignatureFields {
            gid: self.gid,
            sid: self.sid,
            priority: self.priority,
            class: self.class(),
            message: self.message().into(),
        }
    }

    /// The class.
    pub(in crate::store) fn class(&self) -> Option<&Class> {
        self.names.class(self.classification)
    }

    /// Alerts with only this signature. What else of them depends on it depends on the dialect, too: an alert of
    /// this signature has the same class and priority as one of those of all [example dialects](EXAMPLES).
    pub(in crate::store) fn examples(&self, dialects: &[Dialect]) -> impl Iterator<Item = Alert> {
        dialects.iter().map(|dialect| {
            let mut message = AlertMessage::default();
            self.put_into(&mut message);
            Alert::new(Decoded::new(message, *dialect), Arc::default(), self.names.clone())
        })
    }

    pub(in crate::store) fn put_into(&self, message: &mut AlertMessage) {
        message.sig_generator = self.gid;
        message.sig_id = self.sid;
        message.sig_rev = self.rev;
        message.classification = self.classification;
        message.priority = self.priority;
        message.msg.clone_from(&self.sent);
    }
}

/// The columns of a signature, borrowed from an alert.
pub(in crate::store) struct WantedSignature<'a> {
    /// Generator, signature id, class, priority.
    numbers: [u32; 4],
    /// Each alert has its own, so it is not in the digest: whoever invents revisions adds no rows.
    rev: u32,
    sent: &'a [u8],
    message: Cow<'a, [u8]>,
    class: Option<&'a Class>,
    references: String,
}

impl<'a> WantedSignature<'a> {
    pub(in crate::store) fn of(alert: &'a Alert) -> Self {
        let message = &alert.message;
        Self {
            numbers: [
                message.sig_generator,
                message.sig_id,
                message.classification,
                message.priority,
            ],
            rev: message.sig_rev,
            sent: &message.msg,
            message: alert.msg(),
            class: alert.class(),
            references: alert.references().collect::<Vec<_>>().join("\n"),
        }
    }
}

impl InternedTable for Signature {
    const TABLE: &'static str = "signature";
}

impl InternedTable for WantedSignature<'_> {
    const TABLE: &'static str = Signature::TABLE;
}

impl InternedRow for Signature {
    const COLUMNS: &'static str = "id, gid, sid, rev, classification, priority, sent, msg, class, \
        class_description, class_priority, refs";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let class = |name: String| -> rusqlite::Result<Class> {
            let description: Option<String> = row.get(9)?;
            Ok(Class {
                name: name.into(),
                description: description.unwrap_or_default().into(),
                priority: row.get::<_, Option<u32>>(10)?.unwrap_or_default(),
            })
        };
        let refs: String = row.get(11)?;
        let looked = Looked {
            message: row.get::<_, Vec<u8>>(7)?.into(),
            class: row.get::<_, Option<String>>(8)?.map(class).transpose()?,
            references: refs.lines().map(str::to_owned).collect(),
        };
        Ok(Self {
            gid: row.get(1)?,
            sid: row.get(2)?,
            rev: row.get(3)?,
            classification: row.get(4)?,
            priority: row.get(5)?,
            sent: row.get::<_, Vec<u8>>(6)?.into(),
            names: Arc::new(Names::from(looked)),
        })
    }

    fn stored_digest(&self) -> [u8; 16] {
        let looked = self.names.looked.as_deref();
        let wanted = WantedSignature {
            numbers: [self.gid, self.sid, self.classification, self.priority],
            rev: self.rev,
            sent: &self.sent,
            message: looked.map_or(&[][..], |looked| &looked.message).into(),
            class: looked.and_then(|looked| looked.class.as_ref()),
            references: looked.map(|looked| looked.references.join("\n")).unwrap_or_default(),
        };
        wanted.digest()
    }
}

impl WantedRow for WantedSignature<'_> {
    fn digest(&self) -> [u8; 16] {
        let Self { numbers, sent, message, class, references, rev: _ } = self;
        let mut digest = Digest::default();
        for number in numbers {
            digest.number(Some((*number).into()));
        }
        digest.bytes(Some(sent));
        digest.bytes(Some(message));
        digest.bytes(class.map(|class| class.name.as_bytes()));
        digest.bytes(class.map(|class| class.description.as_bytes()));
        digest.number(class.map(|class| class.priority.into()));
        digest.bytes(Some(references.as_bytes()));
        digest.finish()
    }

    fn insert(
        &self,
        digest: &[u8; 16],
        until: i64,
        connection: &Connection,
    ) -> rusqlite::Result<usize> {
        let Self { numbers: [gid, sid, classification, priority], rev, sent, message, .. } = self;
        let (class, references) = (self.class, &self.references);
        connection
            .prepare_cached(
                "INSERT INTO signature (gid, sid, rev, classification, priority, sent, msg, class, \
                class_description, class_priority, refs, digest, until) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
                ON CONFLICT (digest) DO NOTHING",
            )?
            .execute(params![
                gid,
                sid,
                rev,
                classification,
                priority,
                sent,
                &**message,
                class.map(|class| &*class.name),
                class.map(|class| &*class.description),
                class.map(|class| class.priority),
                references,
                digest,
                until,
            ])
    }
}
