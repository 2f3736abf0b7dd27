use std::fmt;
use std::io;

use super::input::{Bytes, Compression};

/// The bytes of a file that tell what it is.
const HEAD: usize = 512;

/// What a file is that is not a log in unified2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind {
    compression: Option<Compression>,
    kind: &'static str,
}

impl FileKind {
    /// What a file is, if it is something else than a log, plain or compressed. `None` for a log, and for
    /// what isn't known.
    pub(super) fn of(file: &std::fs::File) -> io::Result<Option<Self>> {
        let bytes = Bytes::of(file.try_clone()?)?;
        let compression = bytes.compression();
        let head = match bytes.head(HEAD) {
            // It is still being compressed, or it is damaged: reading it says so.
            Err(_) if compression.is_some() => Vec::new(),
            head => head?,
        };
        Ok(kind(&head).map(|kind| Self { compression, kind }))
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        match self.compression {
            Some(compression) => write!(f, ", compressed with {compression}"),
            None => Ok(()),
        }
    }
}

/// What begins with these bytes, as far as no record of unified2 does: a record begins with a zero.
fn kind(head: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 16] = [
        (b"\xd4\xc3\xb2\xa1", PCAP),
        (b"\xa1\xb2\xc3\xd4", PCAP),
        (b"\x4d\x3c\xb2\xa1", PCAP),
        (b"\xa1\xb2\x3c\x4d", PCAP),
        (b"\x0a\x0d\x0d\x0a", "a pcapng capture"),
        (b"\x37\x41\xad\xde", UNIFIED1),
        (b"\xde\xad\x41\x37", UNIFIED1),
        (b"\x80\x10\xad\xde", UNIFIED1),
        (b"\xde\xad\x10\x80", UNIFIED1),
        (b"\x81\x10\xad\xde", UNIFIED1),
        (b"\xde\xad\x10\x81", UNIFIED1),
        (b"\x1f\x8b", "a file compressed with gzip"),
        (b"\x28\xb5\x2f\xfd", "a file compressed with zstd"),
        (b"BZh", "a file compressed with bzip2"),
        (b"\xfd7zXZ\0", "a file compressed with xz"),
        (b"PK\x03\x04", "a zip archive"),
    ];
    let known = KINDS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, kind)| *kind);
    known.or_else(|| is_text(head).then_some("a text file"))
}

const PCAP: &str = "a tcpdump capture (pcap), as `log_tcpdump` writes it";
const UNIFIED1: &str =
    "a log in unified1, as `alert_unified` and `log_unified` of old Snorts write it";

fn is_text(head: &[u8]) -> bool {
    let is_printable = |&byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b | b' '..);
    !head.is_empty() && head.iter().all(is_printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_none_of_these() {
        for log in [&[0, 0, 0, 7, 0, 0, 0, 52][..], &[0, 0, 0, 114, b'a'], &[0; 32], &[]] {
            assert_eq!(kind(log), None, "{log:?}");
        }
        assert_eq!(kind(b"[**] [1:7:1] a [**]\n\xe9"), Some("a text file"));
        assert_eq!(kind(b"text\0"), None);
    }
}
