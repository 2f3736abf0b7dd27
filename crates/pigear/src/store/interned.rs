//! What many alerts have in common, kept once: signatures and where alerts came from.

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

/// So many of each are remembered; an attacker may invent more.
const MOST: usize = 20_000;

/// So many messages of one rule.
const MOST_MESSAGES: usize = 64;

/// A rule as alerts have it, with the names that belonged to it.
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
    fn of(alert: &Alert) -> Self {
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

    /// Its id in the store, which has it from now on.
    fn intern(&self, connection: &Connection) -> rusqlite::Result<i64> {
        let mut alike = connection
            .prepare_cached("SELECT * FROM signature WHERE sid = ?1 AND gid = ?2 ORDER BY id")?;
        let mut rows = alike.query(params![self.sid, self.gid])?;
        while let Some(row) = rows.next()? {
            if Self::from_row(row)? == *self {
                return row.get("id");
            }
        }
        let Looked { message, class, references } = self.looked();
        let class = class.as_ref();
        connection
            .prepare_cached(
                "INSERT INTO signature (gid, sid, rev, classification, priority, sent, msg, class, \
                class_description, class_priority, refs) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
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
            ])
    }
}

impl Provenance {
    fn of(alert: &Alert) -> Self {
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

    /// Its id in the store, which has it from now on.
    fn intern(&self, connection: &Connection) -> rusqlite::Result<i64> {
        let Origin { sensor, socket, thread, link_type } = &*self.origin;
        let fields = params![
            sensor,
            socket.as_deref().map(|path| path.as_os_str().as_bytes()),
            thread,
            link_type.map(|link_type| link_type.0),
            self.sender.map(|sender| sender.pid),
            self.sender.map(|sender| sender.uid),
            self.dialect.name(),
        ];
        let known = connection
            .prepare_cached(
                "SELECT id FROM origin WHERE sensor IS ?1 AND socket IS ?2 AND thread IS ?3 \
                AND link_type IS ?4 AND pid IS ?5 AND uid IS ?6 AND dialect = ?7",
            )?
            .query_row(fields, |row| row.get(0))
            .optional()?;
        match known {
            Some(id) => Ok(id),
            None => connection
                .prepare_cached(
                    "INSERT INTO origin (sensor, socket, thread, link_type, pid, uid, dialect) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .insert(fields),
        }
    }
}

/// The ids of what alerts have in common, for who writes.
#[derive(Default)]
pub(super) struct Ids {
    /// Those of alerts with these names.
    names: Arc<Names>,
    signatures: HashMap<Numbers, Vec<(Sent, i64)>>,
    origins: HashMap<Provenance, i64>,
}

/// A message as Snort sent it.
type Sent = Box<[u8]>;

/// What a signature's names follow from, with the message.
type Numbers = (u32, u32, u32, u32, u32, bool);

impl Ids {
    /// The ids of an alert's signature and origin, which the store has from now on.
    pub(super) fn of(
        &mut self,
        alert: &Alert,
        connection: &Connection,
    ) -> rusqlite::Result<(i64, i64)> {
        Ok((self.signature(alert, connection)?, self.origin(alert, connection)?))
    }

    fn signature(&mut self, alert: &Alert, connection: &Connection) -> rusqlite::Result<i64> {
        if !Arc::ptr_eq(&self.names, alert.names()) || self.signatures.len() > MOST {
            self.names = Arc::clone(alert.names());
            self.signatures.clear();
        }
        let message = &alert.message;
        let numbers = (
            message.sig_generator,
            message.sig_id,
            message.sig_rev,
            message.classification,
            message.priority,
            alert.dialect.is_snort3(),
        );
        let known = self.signatures.entry(numbers).or_default();
        if let Some((_, id)) = known.iter().find(|(msg, _)| *msg == message.msg) {
            return Ok(*id);
        }
        if known.len() > MOST_MESSAGES {
            known.clear();
        }
        let id = Signature::of(alert).intern(connection)?;
        known.push((message.msg.clone(), id));
        Ok(id)
    }

    fn origin(&mut self, alert: &Alert, connection: &Connection) -> rusqlite::Result<i64> {
        let provenance = Provenance::of(alert);
        if let Some(id) = self.origins.get(&provenance) {
            return Ok(*id);
        }
        if self.origins.len() > MOST {
            self.origins.clear();
        }
        let id = provenance.intern(connection)?;
        self.origins.insert(provenance, id);
        Ok(id)
    }
}

/// What alerts have in common, by its id, for who reads.
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
    if known.len() > MOST {
        known.clear();
    }
    let side = Arc::new(read()?);
    known.insert(id, Arc::clone(&side));
    Ok(side)
}

/// The ids of the signatures that meet a condition, of those with one of these signature ids, or of all
/// if there are none.
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
        if meets(&Signature::from_row(row)?) {
            ids.insert(row.get("id")?);
        }
    }
    Ok(ids)
}
