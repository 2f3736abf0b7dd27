//! Recorded datagrams.
//!
//! A recording is a sequence of datagrams, each as its length (u32, little-endian) and its bytes. It
//! may be compressed with gzip or zstd. Nothing else is stored: neither when they were sent nor by
//! which process.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Crc;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::statfs::{FsType, fstatfs};

/// The maximum length of a datagram, in bytes. A larger one means that the file is not a recording.
const MAX_DATAGRAM: usize = 1 << 20;

/// The maximum compression ratio: each alert has its own time, at least.
const MAX_RATIO: u64 = 10_000;
/// The size up to which any ratio is allowed, in bytes.
const UNCHECKED_SIZE: u64 = 64 << 20;

/// Why a recording can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file can't be read, or its compressed data is damaged.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file ends within a datagram.
    #[error("datagram {number} is truncated: {actual} of {needed} bytes")]
    Truncated {
        /// The datagram's number, counted from 1.
        number: u64,
        /// Bytes that are there.
        actual: usize,
        /// Bytes that its length field states.
        needed: usize,
    },
    /// A length field is invalid: the file is not a recording.
    #[error(
        "not a recording: datagram {number} would have {claimed} bytes, but the limit is {MAX_DATAGRAM}"
    )]
    NotARecording {
        /// The datagram's number, counted from 1.
        number: u64,
        /// The value of the length field.
        claimed: usize,
    },
    /// The compression ratio is impossible for a recording.
    #[error("not a recording: {compressed} bytes decompress to more than {bytes}")]
    TooWellCompressed {
        /// Compressed bytes that were read.
        compressed: u64,
        /// Bytes after decompression.
        bytes: u64,
    },
    /// None of the datagrams is an alert.
    #[error("not a recording of alerts: none of datagrams {first} to {last} is an alert")]
    NoAlerts {
        /// The number of the first datagram, counted from 1.
        first: u64,
        /// The number of the last one.
        last: u64,
    },
}

/// Reads the datagrams of a recording.
///
/// ```
/// use pigear_pipeline::recording::Reader;
///
/// let mut reader = Reader::new(&b"\x05\0\0\0hello"[..])?;
/// let mut datagram = Vec::new();
/// assert!(reader.read(&mut datagram)?);
/// assert_eq!(datagram, b"hello");
/// assert!(!reader.read(&mut datagram)?);
/// # Ok::<(), pigear_pipeline::recording::RecordingError>(())
/// ```
pub struct Reader<'a> {
    input: Box<dyn Read + Send + 'a>,
    number: u64,
    /// Bytes that were read from the file.
    compressed: Arc<AtomicU64>,
    /// Bytes after decompression.
    bytes: u64,
}

impl Reader<'static> {
    /// Opens a file, or a pipe such as `/dev/stdin`. A FIFO with a name is refused: opening it would
    /// block until there is a writer.
    ///
    /// # Errors
    /// If the file can't be opened, or is a device or a FIFO.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
        if is_pipe(&file)? {
            // Reading may block, as with any pipe.
            fcntl(&file, FcntlArg::F_SETFL(OFlag::empty())).map_err(io::Error::from)?;
        } else if !file.metadata()?.is_file() {
            let problem = "it is neither a regular file nor a pipe";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem).into());
        }
        Self::new(file)
    }
}

/// Whether it is an anonymous pipe.
fn is_pipe(file: &File) -> io::Result<bool> {
    const PIPEFS: FsType = FsType(0x5049_5045);
    Ok(fstatfs(file).map_err(io::Error::from)?.filesystem_type() == PIPEFS)
}

impl<'a> Reader<'a> {
    /// Reads from any reader, compressed or not.
    ///
    /// # Errors
    /// If the first bytes can't be read.
    pub fn new(input: impl Read + Send + 'a) -> Result<Self, RecordingError> {
        let compressed = Arc::<AtomicU64>::default();
        let mut input = BufReader::new(Counted { input, read: Arc::clone(&compressed) });
        let input: Box<dyn Read + Send + 'a> = match input.fill_buf()? {
            [0x1f, 0x8b, ..] => Box::new(BufReader::new(MultiGzDecoder::new(input))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(input)?))
            }
            _ => Box::new(input),
        };
        Ok(Self { input, number: 0, compressed, bytes: 0 })
    }

    /// Reads the next datagram, replacing the contents of `datagram`; false at the end.
    ///
    /// # Errors
    /// If the file can't be read, or is damaged.
    pub fn read(&mut self, datagram: &mut Vec<u8>) -> Result<bool, RecordingError> {
        self.number += 1;
        let number = self.number;
        self.check_compression()?;
        self.fill(datagram, 4)?;
        if datagram.is_empty() {
            return Ok(false);
        }
        let Some(length) = datagram.first_chunk() else {
            return Err(RecordingError::Truncated { number, actual: datagram.len(), needed: 4 });
        };
        let needed = u32::from_le_bytes(*length) as usize;
        if needed > MAX_DATAGRAM {
            return Err(RecordingError::NotARecording { number, claimed: needed });
        }
        self.fill(datagram, needed)?;
        if datagram.len() < needed {
            return Err(RecordingError::Truncated { number, actual: datagram.len(), needed });
        }
        Ok(true)
    }

    /// Reads this many bytes, or fewer at the end.
    fn fill(&mut self, bytes: &mut Vec<u8>, len: usize) -> io::Result<()> {
        bytes.clear();
        self.bytes += self.input.by_ref().take(len as u64).read_to_end(bytes)? as u64;
        Ok(())
    }

    /// Whether the compression ratio is impossible.
    fn check_compression(&self) -> Result<(), RecordingError> {
        if self.bytes <= UNCHECKED_SIZE {
            return Ok(());
        }
        let (compressed, bytes) = (self.compressed.load(Ordering::Relaxed), self.bytes);
        if bytes / MAX_RATIO <= compressed {
            return Ok(());
        }
        Err(RecordingError::TooWellCompressed { compressed, bytes })
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

/// Writes a recording.
pub struct Writer(Output);

enum Output {
    Plain(BufWriter<File>),
    /// With the checksum of the uncompressed data, which a gzip trailer needs.
    Gzip(GzEncoder<BufWriter<File>>, Crc),
    Zstd(zstd::stream::write::Encoder<'static, BufWriter<File>>),
}

impl Writer {
    /// Creates a file; compressed if its name ends in `.gz` or `.zst`.
    ///
    /// # Errors
    /// If the file exists, or can't be created.
    pub fn create_new(path: &Path) -> io::Result<Self> {
        // Packets are not for everyone.
        let file = File::options().write(true).create_new(true).mode(0o640).open(path)?;
        Self::new(file, path)
    }

    /// Writes to a file from its position, compressed if its name ends in `.gz` or `.zst`. Data before it
    /// must have ended with [`finish`](Self::finish) or [`ending`](Self::ending).
    ///
    /// # Errors
    /// If there is no memory for the compressor.
    pub fn new(file: File, name: &Path) -> io::Result<Self> {
        let file = BufWriter::new(file);
        Ok(Self(match name.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => {
                Output::Gzip(GzEncoder::new(file, flate2::Compression::default()), Crc::new())
            }
            Some("zst") => Output::Zstd(zstd::stream::write::Encoder::new(file, 0)?),
            _ => Output::Plain(file),
        }))
    }

    /// Adds a datagram.
    ///
    /// # Errors
    /// If it can't be written, or has 4 GiB or more.
    pub fn write(&mut self, datagram: &[u8]) -> io::Result<()> {
        let length = u32::try_from(datagram.len()).map_err(io::Error::other)?;
        let output: &mut dyn Write = match &mut self.0 {
            Output::Plain(file) => file,
            Output::Gzip(encoder, crc) => {
                crc.update(&length.to_le_bytes());
                crc.update(datagram);
                encoder
            }
            Output::Zstd(encoder) => encoder,
        };
        output.write_all(&length.to_le_bytes())?;
        output.write_all(datagram)
    }

    /// Writes buffered data, so that the file can be read up to here.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Output::Plain(file) => file.flush(),
            Output::Gzip(encoder, _) => encoder.flush(),
            Output::Zstd(encoder) => encoder.flush(),
        }
    }

    /// The bytes that make the file complete if they are appended where it was last
    /// [flushed](Self::flush): another writer can then continue behind them.
    #[must_use]
    pub fn ending(&self) -> Vec<u8> {
        match &self.0 {
            Output::Plain(_) => Vec::new(),
            // RFC 1952: an empty last block, the checksum, and the length.
            Output::Gzip(_, crc) => {
                let trailer = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()];
                [&[3, 0][..], trailer.as_flattened()].concat()
            }
            // RFC 8878: an empty last block. Frames have no checksum unless it is asked for.
            Output::Zstd(_) => vec![1, 0, 0],
        }
    }

    /// Finishes the file.
    ///
    /// # Errors
    /// If its last bytes can't be written.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Output::Plain(mut file) => file.flush(),
            Output::Gzip(encoder, _) => encoder.finish()?.flush(),
            Output::Zstd(encoder) => encoder.finish()?.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(path: &Path) -> Result<Vec<Vec<u8>>, RecordingError> {
        let mut reader = Reader::open(path)?;
        let mut datagram = Vec::new();
        let mut all = Vec::new();
        while reader.read(&mut datagram)? {
            all.push(datagram.clone());
        }
        Ok(all)
    }

    #[test]
    fn what_is_written_is_read_compressed_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let datagrams = [b"one".to_vec(), Vec::new(), vec![7; 65_864]];
        for name in ["plain", "small.gz", "small.zst"] {
            let path = dir.path().join(name);
            let mut writer = Writer::create_new(&path).unwrap();
            for datagram in &datagrams {
                writer.write(datagram).unwrap();
            }
            writer.flush().unwrap();
            writer.finish().unwrap();
            assert_eq!(read_all(&path).unwrap(), datagrams, "{name}");
        }
    }

    #[test]
    fn a_recording_that_was_cut_where_it_was_flushed_is_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["plain", "cut.gz", "cut.zst"] {
            let path = dir.path().join(name);
            let mut writer = Writer::create_new(&path).unwrap();
            writer.write(&[7; 1_000]).unwrap();
            writer.flush().unwrap();
            let (ending, len) = (writer.ending(), std::fs::metadata(&path).unwrap().len());
            writer.write(b"lost").unwrap();
            drop(writer);
            let file = File::options().append(true).open(&path).unwrap();
            file.set_len(len).unwrap();
            (&file).write_all(&ending).unwrap();
            assert_eq!(read_all(&path).unwrap(), [vec![7; 1_000]], "{name}");
            let mut writer = Writer::new(file, &path).unwrap();
            writer.write(b"again").unwrap();
            writer.finish().unwrap();
            assert_eq!(read_all(&path).unwrap(), [vec![7; 1_000], b"again".to_vec()], "{name}");
        }
    }

    #[test]
    fn a_cut_recording_is_read_to_the_cut() {
        let mut reader = Reader::new(&b"\x01\0\0\0a\x05\0\0\0bc"[..]).unwrap();
        let mut datagram = Vec::new();
        assert!(reader.read(&mut datagram).unwrap());
        let error = reader.read(&mut datagram).unwrap_err();
        assert_eq!(error.to_string(), "datagram 2 is truncated: 2 of 5 bytes");
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let mut reader = Reader::new(&b"#!/bin/sh\n"[..]).unwrap();
        let error = reader.read(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().starts_with("not a recording: datagram 1 would have 1647255843"));
    }

    #[test]
    fn what_grows_out_of_nothing_is_refused() {
        let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        let zeros = vec![0; 1 << 20];
        (0..128).for_each(|_| bomb.write_all(&zeros).unwrap());
        let bomb = bomb.finish().unwrap();
        let (mut reader, mut datagram) = (Reader::new(&*bomb).unwrap(), Vec::new());
        let error = loop {
            match reader.read(&mut datagram) {
                Ok(more) => assert!(more),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, RecordingError::TooWellCompressed { .. }), "{error}");
    }
}
