//! Appending to an existing file.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use pigear_alert::packet::LinkType;

use crate::input_file;

use super::blocks::{BYTE_ORDER, INTERFACE, LARGEST, SECTION, WRITER_NAME, section};

/// The contents of a file of this handler.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its interfaces, in order.
    pub(super) interfaces: Vec<LinkType>,
    /// The end of its last complete block.
    pub(super) end: u64,
}

/// Why a file can't be appended to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResumeError {
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    #[error(
        "it exists and is not a pcapng file that pigear wrote on this system; nothing is appended to it"
    )]
    Foreign,
    #[error("damaged at byte {0}; move it away, and a new one is begun")]
    Damaged(u64),
}

/// Reads through a file's blocks. Only less than the longest block may be missing behind the last whole one:
/// more was not being written when the power failed.
pub(super) fn resume(path: &Path) -> Result<Found, ResumeError> {
    let file = input_file::open(path)?;
    let len = file.metadata()?.len();
    let mut blocks = Blocks { file: BufReader::new(file), at: 0, len };
    if !begins_as_ours(&mut blocks)? {
        return Err(ResumeError::Foreign);
    }
    let mut interfaces = Vec::new();
    while let Some(block) = blocks.next()? {
        match block.kind {
            SECTION => return Err(ResumeError::Foreign),
            INTERFACE => {
                let [low, high, ..] = block.start;
                interfaces.push(LinkType(u16::from_ne_bytes([low, high])));
            }
            _ => {}
        }
    }
    if blocks.len - blocks.at >= LARGEST {
        return Err(ResumeError::Damaged(blocks.at));
    }
    Ok(Found { interfaces, end: blocks.at })
}

/// Looks only whether a file begins as this handler's do.
#[cfg(feature = "command")]
pub(super) fn look(path: &Path) -> Result<(), ResumeError> {
    let file = input_file::open(path)?;
    let len = file.metadata()?.len();
    let mut blocks = Blocks { file: BufReader::new(file), at: 0, len };
    if begins_as_ours(&mut blocks)? { Ok(()) } else { Err(ResumeError::Foreign) }
}

fn begins_as_ours(blocks: &mut Blocks) -> io::Result<bool> {
    let Some(first) = blocks.next()? else { return Ok(false) };
    let ours = section();
    let same_order = first.start == BYTE_ORDER.to_ne_bytes();
    if first.kind != SECTION || !same_order || blocks.at != ours.len() as u64 {
        return Ok(false);
    }
    let mut begin = vec![0; ours.len()];
    blocks.file.rewind()?;
    blocks.file.read_exact(&mut begin)?;
    Ok(begin.windows(WRITER_NAME.len()).any(|part| part == WRITER_NAME))
}

/// A block's type, and the first bytes of its body.
struct Block {
    kind: u32,
    start: [u8; 4],
}

struct Blocks {
    file: BufReader<File>,
    /// The offset of the next block.
    at: u64,
    len: u64,
}

impl Blocks {
    /// The next complete block. A file that was being written to at a power failure ends with an incomplete
    /// one.
    fn next(&mut self) -> io::Result<Option<Block>> {
        if self.at + 16 > self.len {
            return Ok(None);
        }
        self.file.seek(SeekFrom::Start(self.at))?;
        let [kind, len] = [self.word()?, self.word()?].map(u32::from_ne_bytes);
        let start = self.word()?;
        let end = self.at + u64::from(len);
        if len < 16 || len % 4 != 0 || end > self.len {
            return Ok(None);
        }
        self.file.seek_relative(i64::from(len) - 16)?;
        if self.word()? != len.to_ne_bytes() {
            return Ok(None);
        }
        self.at = end;
        Ok(Some(Block { kind, start }))
    }

    fn word(&mut self) -> io::Result<[u8; 4]> {
        let mut word = [0; 4];
        self.file.read_exact(&mut word).map(|()| word)
    }
}
