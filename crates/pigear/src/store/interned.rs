//! Rows that many alerts share: signatures and origins, each stored once.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use pigear_alert::maps::{Class, Looked, Names};
use pigear_alert::packet::LinkType;
use pigear_alert::wire::Dialect;
use pigear_alert::{Alert, AlertMessage, Origin, Sender};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::digest::Digest;

/// The most of each that are cached; an attacker may invent more.
const MAX_CACHED: usize = 20_000;

/// An interned row, for the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interned {
    pub(super) id: i64,
    /// Alerts of blocks up to this one may use it. For later blocks it must be interned again: when the
    /// oldest block is a later one, the row may be removed.
    pub(super) until: i64,
}

/// A rule as its alerts have it, with its names at that time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) gid: u32,
    pub(super) sid: u32,
    rev: u32,
    classification: u32,
    pub(super) priority: u32,
    sent: Box<[u8]>,
    pub(super) names: Arc<Names>,
}

/// Where an alert came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Provenance {
    pub(super) origin: Arc<Origin>,
    pub(super) sender: Option<Sender>,
    pub(super) dialect: Dialect,
}

impl Default for Provenance {
    fn default() -> Self {
        Self { origin: Arc::default(), sender: None, dialect: Dialect::Snort29 }
    }
}

impl Signature {
    pub(super) fn of(alert: &Alert) -> Self {
        let message = &alert.message;
        let looked = Looked {
            message: alert.msg().into(),
            class: alert.class().cloned(),
            references: alert.references().collect(),
        };
        Self {
            gid: message.sig_generator,
            sid: message.sig_id,
            rev: message.sig_rev,
            classification: message.classification,
            priority: message.priority,
            sent: Box::clone(&message.msg),
            names: Arc::new(Names::from(looked)),
        }
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let class = |name: String| -> rusqlite::Result<Class> {
            let description: Option<String> = row.get("class_description")?;
            Ok(Class {
                name: name.into(),
                description: description.unwrap_or_default().into(),
                priority: row.get::<_, Option<u32>>("class_priority")?.unwrap_or_default(),
            })
        };
        let refs: String = row.get("refs")?;
        let looked = Looked {
            message: row.get::<_, Vec<u8>>("msg")?.into(),
            class: row.get::<_, Option<String>>("class")?.map(class).transpose()?,
            references: refs.lines().map(str::to_owned).collect(),
        };
        Ok(Self {
            gid: row.get("gid")?,
            sid: row.get("sid")?,
            rev: row.get("rev")?,
            classification: row.get("classification")?,
            priority: row.get("priority")?,
            sent: row.get::<_, Vec<u8>>("sent")?.into(),
            names: Arc::new(Names::from(looked)),
        })
    }

    fn looked(&self) -> Looked {
        self.names.looked.as_deref().cloned().unwrap_or_default()
    }

    /// The rule's message, as bytes.
    pub(super) fn message(&self) -> &[u8] {
        self.names.looked.as_ref().map_or(&self.sent, |looked| &looked.message)
    }

    /// Whether the message contains a text in lower case.
    pub(super) fn contains(&self, text: &str) -> bool {
        String::from_utf8_lossy(self.message()).to_lowercase().contains(text)
    }

    /// The class's short name.
    pub(super) fn class(&self) -> Option<&str> {
        self.names.class(self.classification).map(|class| &*class.name)
    }

    pub(super) fn put_into(&self, message: &mut AlertMessage) {
        message.sig_generator = self.gid;
        message.sig_id = self.sid;
        message.sig_rev = self.rev;
        message.classification = self.classification;
        message.priority = self.priority;
        message.msg.clone_from(&self.sent);
    }

    /// Equal for equal signatures only.
    fn digest(&self) -> [u8; 16] {
        let Looked { message, class, references } = self.looked();
        let mut digest = Digest::default();
        for number in [self.gid, self.sid, self.rev, self.classification, self.priority] {
            digest.number(Some(number.into()));
        }
        digest.bytes(Some(&self.sent));
        digest.bytes(Some(&message));
        let class = class.as_ref();
        digest.bytes(class.map(|class| class.name.as_bytes()));
        digest.bytes(class.map(|class| class.description.as_bytes()));
        digest.number(class.map(|class| class.priority.into()));
        digest.bytes(Some(references.join("\n").as_bytes()));
        digest.finish()
    }

    /// Its id in the store, where it is added if it is new, and kept until the blocks after `until`.
    pub(super) fn intern(
        &self,
        connection: &Connection,
        block: i64,
        until: i64,
    ) -> rusqlite::Result<Interned> {
        let digest = self.digest();
        if let Some(known) = known("signature", &digest, connection, block, until)? {
            return Ok(known);
        }
        let Looked { message, class, references } = self.looked();
        let class = class.as_ref();
        let id = connection
            .prepare_cached(
                "INSERT INTO signature (gid, sid, rev, classification, priority, sent, msg, class, \
                class_description, class_priority, refs, digest, until) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .insert(params![
                self.gid,
                self.sid,
                self.rev,
                self.classification,
                self.priority,
                &*self.sent,
                &*message,
                class.map(|class| &*class.name),
                class.map(|class| &*class.description),
                class.map(|class| class.priority),
                references.join("\n"),
                digest,
                until,
            ])?;
        Ok(Interned { id, until })
    }
}

impl Provenance {
    pub(super) fn of(alert: &Alert) -> Self {
        let Alert { ref origin, sender, dialect, .. } = *alert;
        Self { origin: Arc::clone(origin), sender, dialect }
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let socket: Option<Vec<u8>> = row.get("socket")?;
        let pid: Option<i32> = row.get("pid")?;
        let uid: Option<u32> = row.get("uid")?;
        let dialect: String = row.get("dialect")?;
        let origin = Origin {
            sensor: row.get("sensor")?,
            socket: socket.map(|path| PathBuf::from(OsString::from_vec(path))),
            thread: row.get("thread")?,
            link_type: row.get::<_, Option<u16>>("link_type")?.map(LinkType),
        };
        Ok(Self {
            origin: Arc::new(origin),
            sender: pid.zip(uid).map(|(pid, uid)| Sender { pid, uid }),
            dialect: dialect.parse().map_err(|_| rusqlite::Error::InvalidQuery)?,
        })
    }

    /// Equal for equal origins only.
    fn digest(&self) -> [u8; 16] {
        let Origin { sensor, socket, thread, link_type } = &*self.origin;
        let mut digest = Digest::default();
        digest.bytes(sensor.as_ref().map(String::as_bytes));
        digest.bytes(socket.as_deref().map(|path| path.as_os_str().as_bytes()));
        digest.number(thread.map(Into::into));
        digest.number(link_type.map(|link_type| link_type.0.into()));
        digest.number(self.sender.map(|sender| sender.pid.into()));
        digest.number(self.sender.map(|sender| sender.uid.into()));
        digest.bytes(Some(self.dialect.name().as_bytes()));
        digest.finish()
    }

    /// Its id in the store, where it is added if it is new, and kept until the blocks after `until`.
    pub(super) fn intern(
        &self,
        connection: &Connection,
        block: i64,
        until: i64,
    ) -> rusqlite::Result<Interned> {
        let digest = self.digest();
        if let Some(known) = known("origin", &digest, connection, block, until)? {
            return Ok(known);
        }
        let Origin { sensor, socket, thread, link_type } = &*self.origin;
        let id = connection
            .prepare_cached(
                "INSERT INTO origin \
                (sensor, socket, thread, link_type, pid, uid, dialect, digest, until) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .insert(params![
                sensor,
                socket.as_deref().map(|path| path.as_os_str().as_bytes()),
                thread,
                link_type.map(|link_type| link_type.0),
                self.sender.map(|sender| sender.pid),
                self.sender.map(|sender| sender.uid),
                self.dialect.name(),
                digest,
                until,
            ])?;
        Ok(Interned { id, until })
    }
}

/// The row of a table with a digest. It is kept until the blocks after `until`, unless it is already kept for
/// this block.
fn known(
    table: &str,
    digest: &[u8; 16],
    connection: &Connection,
    block: i64,
    until: i64,
) -> rusqlite::Result<Option<Interned>> {
    let known = connection
        .prepare_cached(&format!("SELECT id, until FROM {table} WHERE digest = ?1"))?
        .query_row([digest], |row| Ok(Interned { id: row.get(0)?, until: row.get(1)? }))
        .optional()?;
    let Some(known) = known.filter(|known| known.until < block) else { return Ok(known) };
    connection
        .prepare_cached(&format!("UPDATE {table} SET until = ?2 WHERE id = ?1"))?
        .execute([known.id, until])?;
    Ok(Some(Interned { until, ..known }))
}

/// Adds digests to the rows, which have none in version 1. Of equal rows only one gets a digest.
pub(super) fn add_digests(connection: &Connection) -> rusqlite::Result<()> {
    let signature = |row: &Row<'_>| Ok(Signature::from_row(row)?.digest());
    let origin = |row: &Row<'_>| Ok(Provenance::from_row(row)?.digest());
    add_digests_to("signature", signature, connection)?;
    add_digests_to("origin", origin, connection)
}

fn add_digests_to(
    table: &str,
    digest: impl Fn(&Row<'_>) -> rusqlite::Result<[u8; 16]>,
    connection: &Connection,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare(&format!("SELECT * FROM {table} ORDER BY id"))?;
    let mut update =
        connection.prepare(&format!("UPDATE OR IGNORE {table} SET digest = ?2 WHERE id = ?1"))?;
    let mut digests = Vec::new();
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        // A row that can't be decoded is never found, and is reported when its alerts are read.
        if let Ok(digest) = digest(row) {
            digests.push((row.get::<_, i64>("id")?, digest));
        }
    }
    for (id, digest) in digests {
        update.execute(params![id, digest])?;
    }
    Ok(())
}

/// Interned rows by id, for readers.
#[derive(Default)]
pub(super) struct InternedRows {
    signatures: HashMap<i64, Arc<Signature>>,
    origins: HashMap<i64, Arc<Provenance>>,
}

impl InternedRows {
    pub(super) fn signature(
        &mut self,
        id: i64,
        connection: &Connection,
    ) -> rusqlite::Result<Arc<Signature>> {
        remembered(&mut self.signatures, id, || {
            let mut select = connection.prepare_cached("SELECT * FROM signature WHERE id = ?1")?;
            select.query_row([id], Signature::from_row)
        })
    }

    pub(super) fn origin(
        &mut self,
        id: i64,
        connection: &Connection,
    ) -> rusqlite::Result<Arc<Provenance>> {
        remembered(&mut self.origins, id, || {
            let mut select = connection.prepare_cached("SELECT * FROM origin WHERE id = ?1")?;
            select.query_row([id], Provenance::from_row)
        })
    }
}

fn remembered<T>(
    known: &mut HashMap<i64, Arc<T>>,
    id: i64,
    read: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<Arc<T>> {
    if let Some(side) = known.get(&id) {
        return Ok(Arc::clone(side));
    }
    if known.len() > MAX_CACHED {
        known.clear();
    }
    let side = Arc::new(read()?);
    known.insert(id, Arc::clone(&side));
    Ok(side)
}

/// The ids of the signatures that meet a condition, among those with one of these signature ids, or among
/// all if there are none.
pub(super) fn signatures(
    connection: &Connection,
    sids: &[u32],
    meets: impl Fn(&Signature) -> bool,
) -> rusqlite::Result<HashSet<i64>> {
    let list: Vec<_> = sids.iter().map(ToString::to_string).collect();
    let among = match &*list {
        [] => String::new(),
        list => format!("WHERE sid IN ({})", list.join(",")),
    };
    let mut select = connection.prepare(&format!("SELECT * FROM signature {among}"))?;
    let mut rows = select.query([])?;
    let mut ids = HashSet::new();
    while let Some(row) = rows.next()? {
        // Alerts of a signature that can't be decoded are read, and found to be damaged.
        if Signature::from_row(row).map_or(true, |signature| meets(&signature)) {
            ids.insert(row.get("id")?);
        }
    }
    Ok(ids)
}
