//! The bytes of a file of a log, which may be compressed: what rotates logs compresses them too.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::place::Head;

/// The maximum compression ratio: each event has its own time, at least.
const MAX_RATIO: u64 = 10_000;
/// The size up to which any ratio is allowed, in bytes.
const UNCHECKED_SIZE: u64 = 64 << 20;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// The compression of a file, told by its first bytes.
    fn of(file: &File) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        At { file, at: 0 }.take(4).read_to_end(&mut head)?;
        Ok(match &*head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Self::Zstd),
            _ => None,
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// A file, and how it is compressed.
pub(super) struct Bytes {
    file: Arc<File>,
    compression: Option<Compression>,
}

impl Bytes {
    pub(super) fn of(file: File) -> io::Result<Self> {
        let compression = Compression::of(&file)?;
        Ok(Self { file: Arc::new(file), compression })
    }

    pub(super) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// The first bytes, at most so many.
    pub(super) fn head(&self, max: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        match self.compression {
            None => At { file: &*self.file, at: 0 }.take(max as u64).read_to_end(&mut head)?,
            Some(_) => self.decoder()?.take(max as u64).read_to_end(&mut head)?,
        };
        Ok(head)
    }

    /// Reads the decompressed bytes.
    pub(super) fn decoder(&self) -> io::Result<Decoder> {
        let read = Arc::<AtomicU64>::default();
        let file = At { file: Arc::clone(&self.file), at: 0 };
        let input = BufReader::new(Counted { input: file, read: Arc::clone(&read) });
        let output: Box<dyn Read + Send> = match self.compression {
            Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(input)),
            Some(Compression::Zstd) => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
            None => Box::new(input),
        };
        Ok(Decoder { output, is_compressed: self.compression.is_some(), read, bytes: 0 })
    }
}

/// Decompresses a file as it is read; only the decoder's window is in memory.
pub(super) struct Decoder {
    output: Box<dyn Read + Send>,
    is_compressed: bool,
    /// Bytes of the file that were read.
    read: Arc<AtomicU64>,
    /// Bytes after decompression.
    bytes: u64,
}

impl Decoder {
    /// Skips so many bytes, or to the end, and gives how many there were.
    pub(super) fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        io::copy(&mut self.by_ref().take(bytes), &mut io::sink())
    }

    /// Bytes of the file that were read.
    pub(super) fn consumed(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.output.read(buffer).map_err(|error| match error.raw_os_error() {
            // The system's own errors are about reading.
            None if self.is_compressed && error.kind() != io::ErrorKind::Interrupted => {
                io::Error::new(error.kind(), Undecodable(error.to_string()))
            }
            _ => error,
        })?;
        self.bytes += read as u64;
        let consumed = self.consumed();
        if self.bytes > UNCHECKED_SIZE && self.bytes / MAX_RATIO > consumed {
            let problem =
                format!("not a log: {consumed} bytes decompress to {} and more", self.bytes);
            return Err(io::Error::new(io::ErrorKind::InvalidData, Undecodable(problem)));
        }
        Ok(read)
    }
}

/// What is in a file can't be decompressed; the file itself can be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Undecodable(String);

/// Reads a file from a position of its own.
struct At<F> {
    file: F,
    at: u64,
}

impl<F: std::borrow::Borrow<File>> Read for At<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.borrow().read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Counts bytes that are read.
struct Counted<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The first bytes of a file, up to `offset`, decompressed if it is compressed; and whether it is.
pub(super) fn head(file: &File, offset: u64) -> io::Result<(Head, bool)> {
    let bytes = Bytes::of(file.try_clone()?)?;
    if bytes.compression.is_none() {
        return Ok((Head::of(file, offset)?, false));
    }
    Ok((Head::from(&*bytes.head(Head::MAX)?).up_to(offset), true))
}

/// Whether this is an error of a decompressor, and not of reading.
pub(super) fn is_damaged(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Undecodable>)
}

/// Whether compressed data ends too early: the file is cut, or still being compressed.
pub(super) fn is_cut(error: &io::Error) -> bool {
    is_damaged(error) && error.kind() == io::ErrorKind::UnexpectedEof
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_grows_out_of_nothing_is_refused() {
        let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        let zeros = vec![0; 1 << 20];
        (0..128).for_each(|_| bomb.write_all(&zeros).unwrap());
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bomb.finish().unwrap()).unwrap();
        let mut decoder = Bytes::of(file).unwrap().decoder().unwrap();
        let error = decoder.skip(u64::MAX).unwrap_err();
        assert!(error.to_string().starts_with("not a log: "), "{error}");
    }
}
