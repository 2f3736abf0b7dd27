//! `pcap`: each alert's packet in a pcapng file, with the alert as its comment.
//!
//! Wireshark shows the comments, and can search them: `frame.comment contains "1:384:"`. Packets with
//! different link types go to different interfaces of the same file. The file is rotated as by
//! [`file`](mod@super::file); each is complete by itself.

mod blocks;
mod resume;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use pigear_alert::packet::LinkType;
use pigear_alert::plural;
use pigear_alert::{Alert, AlertMessage};
use pigear_pipeline::{Context, EventCounter, Failure, Handler, Needs, Progress};
use serde::Deserialize;
use tracing::warn;

use self::resume::{Found, ResumeError, resume};
use super::compress::Compress;
use super::rotate::{ReaderWait, Ready, RotatedFile, Rotation, cannot_open, warn_of_no_room};
use super::writer::{Records, Written};
use crate::description::{Description, FileUse};
use crate::keys::{FileMode, SetupError, parsed};
use crate::output_file::has_no_room;
use crate::visible::{cut, visible};

pub(crate) const DESCRIPTION: Description = Description {
    about: "each alert's packet in a pcapng file for Wireshark; path=FILE \
    rotate=SIZE,TIME keep=N compress=gzip|zstd|none mode=0640",
    files: &[("path", FileUse::Writes)],
};

/// The keys of `pcap`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The file. If it exists, packets are appended to it, but only if this handler created it.
    pub path: PathBuf,
    /// When to start a new file: as for `file`. Never, by default.
    #[serde(default, deserialize_with = "parsed")]
    pub rotate: Rotation,
    /// How many rotated files to keep; the oldest are removed. All, by default.
    #[serde(default, deserialize_with = "crate::keys::parsed_option")]
    pub keep: Option<usize>,
    /// How to compress rotated files: `gzip` (which Wireshark reads as it is), `zstd` or `none`, the
    /// default.
    #[serde(default, deserialize_with = "parsed")]
    pub compress: Compress,
    /// Permissions of new files, in octal, including rotated and compressed ones: `0640` by default, as far
    /// as the umask allows. An existing file keeps its own.
    pub mode: Option<FileMode>,
}

impl Options {
    /// Checks what can be checked without opening the file.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        SetupError::refuse_empty(&self.path)
    }
}

/// Writes each alert's packet to a pcapng file.
pub struct Pcap {
    file: RotatedFile,
    reader: ReaderWait,
    records: Records,
    interfaces: Interfaces,
    /// How many alerts had no packet.
    without: EventCounter,
    /// What the file had when it was opened, until the handler begins to write.
    opened: Option<Found>,
    /// Whether the file begins as it should, and its interfaces are known.
    has_begun: bool,
}

/// The interfaces of the current file, in order, each with the number of the record that it was written
/// with, while it is not certain that this is on the disk.
#[derive(Default)]
struct Interfaces(Vec<(LinkType, Option<usize>)>);

impl Pcap {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// If the file can't be opened for writing, or was not created by this handler.
    pub fn new(options: Options) -> Result<Self, SetupError> {
        options.check()?;
        let Options { path, rotate, keep, compress, mode } = options;
        let file = RotatedFile::open(path.clone(), mode, rotate, keep, compress);
        let file = file.map_err(|error| cannot_open(&path, &error))?;
        // Another handler may still write the file: it is only looked at.
        let opened = if file.is_open() && file.len() > 0 {
            let found = resume(&path);
            Some(found.map_err(|error| cannot_append(&path, &error))?)
        } else {
            None
        };
        let (records, interfaces) = (Records::default(), Interfaces::default());
        Ok(Self {
            file,
            reader: ReaderWait::default(),
            records,
            interfaces,
            without: EventCounter::default(),
            opened,
            has_begun: false,
        })
    }

    /// Looks at what its start would refuse, without making anything, and without reading a long file to its end.
    #[cfg(feature = "command")]
    pub(crate) fn look(options: &Options) -> Result<(), SetupError> {
        let path = &options.path;
        let has_something = RotatedFile::look(path, options.rotate);
        if !has_something.map_err(|error| cannot_open(path, &error))? {
            return Ok(());
        }
        match resume::look(path) {
            // Another user may be allowed to.
            Err(ResumeError::Unreadable(error))
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                Ok(())
            }
            looked => looked.map_err(|error| cannot_append(path, &error).into()),
        }
    }

    /// Sees to it that the file begins as it should, and learns what it has.
    fn begin(&mut self) -> io::Result<()> {
        // A long file is read only once, unless another handler wrote meanwhile.
        let opened = self.opened.take().filter(|found| found.end == self.file.len());
        self.has_begun = false;
        self.interfaces = Interfaces::default();
        if self.file.is_open() {
            self.continue_file(opened)?;
            self.has_begun = true;
        }
        Ok(())
    }

    fn continue_file(&mut self, opened: Option<Found>) -> io::Result<()> {
        if self.file.len() == 0 {
            return self.file.begin(&blocks::section());
        }
        let found = match opened.map_or_else(|| resume(self.file.path()), Ok) {
            Err(ResumeError::Damaged(at)) => {
                self.file.put_aside(Timestamp::now())?;
                let path = self.file.path().display();
                warn!("{path} was damaged at byte {at}: it was put aside, and a new one begun");
                return self.file.begin(&blocks::section());
            }
            found => found.map_err(io::Error::other)?,
        };
        if found.end < self.file.len() {
            let surplus = self.file.len() - found.end;
            warn!(
                "{} ended with an incomplete block; {} removed",
                self.file.path().display(),
                plural::count(surplus, "byte")
            );
            self.file.cut(found.end)?;
        }
        self.interfaces = Interfaces(found.interfaces.into_iter().map(|it| (it, None)).collect());
        Ok(())
    }

    /// Writes as many packets as fit before the next rotation. On an error, reports how many were written
    /// completely.
    fn write_some(&mut self, alerts: &[Arc<Alert>]) -> Result<Written, (Written, io::Error)> {
        self.make_ready().map_err(|error| (Written::default(), error))?;
        let (interfaces, mut number) = (&mut self.interfaces, 0);
        self.records.fill(alerts, self.file.enough(), |alert, out| {
            put(alert, interfaces, number, out);
            number += 1;
        });
        let result = self.file.write(&self.records);
        let (Ok(written) | Err((written, _))) = &result;
        self.interfaces.keep(written.records);
        result
    }

    fn make_ready(&mut self) -> io::Result<()> {
        let ready = self.file.make_ready(Timestamp::now())?;
        // The header of an empty file could not be written, or another program truncated the file.
        if ready == Ready::Another {
            self.opened = None;
        }
        if ready == Ready::Another || self.file.len() == 0 || !self.has_begun {
            self.begin()
        } else {
            Ok(())
        }
    }

    /// Counts the alerts that have no packet.
    fn count(&mut self, alerts: &[Arc<Alert>]) {
        for _ in alerts.iter().filter(|alert| !alert.message.has_packet()) {
            if let Some(count) = self.without.add(1) {
                let path = self.file.path().display();
                let alerts = plural::count(count, "alert");
                warn!("{path}: {alerts} without a packet so far");
            }
        }
    }
}

fn cannot_append(path: &Path, error: &ResumeError) -> String {
    format!("cannot write to {}: {error}", path.display())
}

/// Appends an alert's packets, if it has any.
fn put(alert: &Alert, interfaces: &mut Interfaces, record: usize, out: &mut Vec<u8>) {
    let message = &alert.message;
    if !message.has_packet() {
        return;
    }
    // An unknown link type is taken for Ethernet, which nearly all packets are.
    let link_type = alert.dissection().link_type.map_or(LinkType::ETHERNET, capture_link_type);
    let interface = interfaces.number(link_type, record, out);
    let comment = comment(alert);
    let first = (alert.timestamp(), &*message.pkt, message.pktlen);
    let further = alert.further_packets().iter();
    let further = further.map(|packet| (packet.timestamp(), &*packet.data, 0));
    for (seen, captured, original) in std::iter::once(first).chain(further) {
        let packet = blocks::Packet {
            interface,
            time: u64::try_from(seen.as_microsecond()).unwrap_or_default(),
            captured,
            original_len: original.max(u32::try_from(captured.len()).unwrap_or(u32::MAX)),
            comment: &comment,
        };
        blocks::packet(out, &packet);
    }
}

/// Packets in memory, as in a file that `pcap` writes.
#[cfg(feature = "web")]
#[derive(Default)]
pub(crate) struct Capture(Interfaces);

#[cfg(feature = "web")]
impl Capture {
    /// The header, which comes before the first packet.
    pub(crate) fn header() -> Vec<u8> {
        blocks::section()
    }

    /// Appends an alert's packets, if it has any.
    pub(crate) fn put(&mut self, alert: &Alert, out: &mut Vec<u8>) {
        put(alert, &mut self.0, 0, out);
    }
}

/// In a file, raw IP is 101 only; 12 and 14 are values that systems use in memory.
fn capture_link_type(link_type: LinkType) -> LinkType {
    if matches!(link_type.0, 12 | 14) { LinkType::RAW } else { link_type }
}

/// `[1:384:8] ICMP PING`
fn comment(alert: &Alert) -> String {
    let AlertMessage { sig_generator, sig_id, sig_rev, .. } = alert.message;
    let text = format!("[{sig_generator}:{sig_id}:{sig_rev}] {}", visible(&alert.msg()));
    cut(text.trim_end(), blocks::MAX_COMMENT).to_owned()
}

impl Interfaces {
    /// The number of the interface with this link type. Appends a new one, if there is none yet.
    fn number(&mut self, link_type: LinkType, record: usize, out: &mut Vec<u8>) -> u32 {
        let found = self.0.iter().position(|(known, _)| *known == link_type);
        let number = found.unwrap_or_else(|| {
            blocks::interface(out, link_type);
            self.0.push((link_type, Some(record)));
            self.0.len() - 1
        });
        u32::try_from(number).unwrap_or_default()
    }

    /// Forgets the interfaces that came with records after the first `written`.
    fn keep(&mut self, written: usize) {
        self.0.retain(|(_, record)| record.is_none_or(|record| record < written));
        self.0.iter_mut().for_each(|(_, record)| *record = None);
    }
}

impl Handler for Pcap {
    fn needs(&self) -> Needs {
        let target = self.file.path().display().to_string();
        Needs { target: Some(target), ..Needs::default() }
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.reader.start(context);
        self.file.start();
        // What fails is tried again, and reported, with the first alert.
        if self.file.is_open()
            && let Err(error) = self.make_ready()
            && has_no_room(&error)
        {
            warn_of_no_room(self.file.path(), &error);
        }
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let mut done = 0;
        while let Some(left) = alerts.get(done..)
            && !left.is_empty()
        {
            let result = self.write_some(left);
            let (Ok(written) | Err((written, _))) = &result;
            self.count(left.get(..written.records).unwrap_or_default());
            done += written.records;
            match result {
                Ok(_) => self.reader.wrote(),
                Err((_, error)) => {
                    let waited = self.reader.after(self.file.path(), &error);
                    waited.map_err(|failure| failure.after(done))?;
                }
            }
        }
        Ok(Progress::All)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.file.finish();
        Ok(())
    }
}
