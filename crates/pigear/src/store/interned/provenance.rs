//! Where alerts came from.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use pigear_alert::packet::LinkType;
use pigear_alert::wire::{Dialect, UnknownDialect};
use pigear_alert::{Alert, Medium, Origin, Sender};
use rusqlite::{Connection, Row, params};

use super::row::{InternedRow, InternedTable, WantedRow};
use crate::store::digest::Digest;

/// Where an alert came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Provenance {
    pub(crate) origin: Arc<Origin>,
    pub(crate) sender: Option<Sender>,
    /// `None` for Pigear's own alerts.
    pub(crate) dialect: Option<Dialect>,
}

/// How Pigear's own alerts are written.
pub(super) const OWN_DIALECT: Dialect = Dialect::Snort3;

/// What origins of Pigear's own alerts have in place of a dialect.
pub(in crate::store) const OWN: &str = "pigear";

impl Default for Provenance {
    fn default() -> Self {
        Self { origin: Arc::default(), sender: None, dialect: Some(Dialect::Snort29) }
    }
}

impl Provenance {
    pub(in crate::store) fn of(alert: &Alert) -> Self {
        let Alert { ref origin, sender, dialect, medium, .. } = *alert;
        let dialect = Some(dialect).filter(|_| medium != Medium::Own);
        Self { origin: Arc::clone(origin), sender, dialect }
    }

    /// Says in an alert that was not received yet how it came, as far as this is known from its provenance.
    pub(crate) fn put_into(&self, alert: &mut Alert) {
        alert.sender = self.sender;
        if self.dialect.is_none() {
            alert.medium = Medium::Own;
        }
        alert.dialect = self.dialect.unwrap_or(OWN_DIALECT);
    }

    /// The name of the dialect, or what is in its place.
    fn word(&self) -> &'static str {
        self.dialect.map_or(OWN, Dialect::name)
    }
}

/// The dialect of this name; `None` for that of Pigear's own alerts.
pub(super) fn parse(word: &str) -> Result<Option<Dialect>, UnknownDialect> {
    if word == OWN { Ok(None) } else { word.parse().map(Some) }
}

impl InternedTable for Provenance {
    const TABLE: &'static str = "origin";
}

impl InternedRow for Provenance {
    const COLUMNS: &'static str = "id, sensor, socket, thread, link_type, pid, uid, dialect";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let socket: Option<Vec<u8>> = row.get(2)?;
        let pid: Option<i32> = row.get(5)?;
        let uid: Option<u32> = row.get(6)?;
        let dialect: String = row.get(7)?;
        let origin = Origin {
            sensor: row.get(1)?,
            socket: socket.map(|path| PathBuf::from(OsString::from_vec(path))),
            thread: row.get(3)?,
            link_type: row.get::<_, Option<u16>>(4)?.map(LinkType),
        };
        Ok(Self {
            origin: Arc::new(origin),
            sender: pid.zip(uid).map(|(pid, uid)| Sender { pid, uid }),
            dialect: parse(&dialect).map_err(|_| rusqlite::Error::InvalidQuery)?,
        })
    }

    fn stored_digest(&self) -> [u8; 16] {
        self.digest()
    }
}

impl WantedRow for Provenance {
    fn digest(&self) -> [u8; 16] {
        let Origin { sensor, socket, thread, link_type } = &*self.origin;
        let mut digest = Digest::default();
        digest.bytes(sensor.as_ref().map(String::as_bytes));
        digest.bytes(socket.as_deref().map(|path| path.as_os_str().as_bytes()));
        digest.number(thread.map(Into::into));
        digest.number(link_type.map(|link_type| link_type.0.into()));
        digest.number(self.sender.map(|sender| sender.pid.into()));
        digest.number(self.sender.map(|sender| sender.uid.into()));
        digest.bytes(Some(self.word().as_bytes()));
        digest.finish()
    }

    fn insert(
        &self,
        digest: &[u8; 16],
        until: i64,
        connection: &Connection,
    ) -> rusqlite::Result<usize> {
        let Origin { sensor, socket, thread, link_type } = &*self.origin;
        connection
            .prepare_cached(
                "INSERT INTO origin \
                (sensor, socket, thread, link_type, pid, uid, dialect, digest, until) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (digest) DO NOTHING",
            )?
            .execute(params![
                sensor,
                socket.as_deref().map(|path| path.as_os_str().as_bytes()),
                thread,
                link_type.map(|link_type| link_type.0),
                self.sender.map(|sender| sender.pid),
                self.sender.map(|sender| sender.uid),
                self.word(),
                digest,
                until,
            ])
    }
}
