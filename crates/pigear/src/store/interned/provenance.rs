//! Where alerts came from.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use pigear_alert::packet::LinkType;
use pigear_alert::wire::Dialect;
use pigear_alert::{Alert, Origin, Sender};
use rusqlite::{Connection, Row, params};

use super::row::{InternedRow, InternedTable, WantedRow};
use crate::store::digest::Digest;

/// Where an alert came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Provenance {
    pub(crate) origin: Arc<Origin>,
    pub(crate) sender: Option<Sender>,
    pub(crate) dialect: Dialect,
}

impl Default for Provenance {
    fn default() -> Self {
        Self { origin: Arc::default(), sender: None, dialect: Dialect::Snort29 }
    }
}

impl Provenance {
    pub(in crate::store) fn of(alert: &Alert) -> Self {
        let Alert { ref origin, sender, dialect, .. } = *alert;
        Self { origin: Arc::clone(origin), sender, dialect }
    }
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
            dialect: dialect.parse().map_err(|_| rusqlite::Error::InvalidQuery)?,
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
        digest.bytes(Some(self.dialect.name().as_bytes()));
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
                self.dialect.name(),
                digest,
                until,
            ])
    }
}
