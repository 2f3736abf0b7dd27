//! Compression of rotated files and requests.

use std::io::{self, Read, Write};
use std::str::FromStr;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A compression format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compress {
    /// None.
    #[default]
    None,
    /// gzip; the file name ends in `.gz`.
    Gzip,
    /// zstd; the file name ends in `.zst`.
    Zstd,
}

/// The compression is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown compression; known are gzip, zstd, none")]
pub struct UnknownCompression;

impl FromStr for Compress {
    type Err = UnknownCompression;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "none" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(UnknownCompression),
        }
    }
}

impl Compress {
    /// The suffix of a file's name.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// Copies everything, with a high compression level for files.
    pub(super) fn copy<W: Write>(self, input: &mut impl Read, mut output: W) -> io::Result<W> {
        match self {
            Self::None => io::copy(input, &mut output).map(|_| output),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(output, Compression::default());
                io::copy(input, &mut encoder)?;
                encoder.finish()
            }
            Self::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(output, 0)?;
                io::copy(input, &mut encoder)?;
                encoder.finish()
            }
        }
    }

    /// The value of `Content-Encoding`.
    #[cfg(feature = "http")]
    pub(super) fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// Compresses a request body.
    #[cfg(feature = "http")]
    pub(super) fn compress(self, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(bytes),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&bytes)?;
                encoder.finish()
            }
            Self::Zstd => zstd::bulk::compress(&bytes, 0),
        }
    }
}
