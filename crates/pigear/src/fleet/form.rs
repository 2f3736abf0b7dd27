//! The binary form of an alert: what the store keeps of it, in one piece.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | 0xA7: no text in UTF-8 begins with it |
//! | 1 | version: the major number in the upper four bits, the minor number in the lower four |
//! | varint | length of the head |
//! | | the head: rule, origin and names (`form/head.rs`) |
//! | to the end | the record, as the store has it (`store/record.rs`), with its own version and checksum |
//!
//! A newer minor version adds fields at the end of the head, where older decoders ignore them. Anything else
//! is a new major version, which older decoders refuse.

mod head;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use pigear_alert::Alert;

use crate::store::{self, varint};
use head::Head;

/// The first byte.
const MARK: u8 = 0xA7;

/// The version that is written.
const MAJOR: u8 = 1;
const MINOR: u8 = 0;

/// Why bytes are not an alert in the binary form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// They are something else: text, perhaps.
    #[error("not an alert in Pigear's binary form")]
    Foreign,
    /// A newer Pigear wrote them.
    #[error(
        "version {major}.{minor} of the binary form is newer than {MAJOR}.x; upgrade this Pigear first"
    )]
    Newer {
        /// The major version.
        major: u8,
        /// The minor version.
        minor: u8,
    },
    /// They end too early, or have values that no alert has.
    #[error("the head of the alert can't be decoded")]
    Head,
    /// The record is wrong.
    #[error("{0}")]
    Record(&'static str),
}

/// Appends an alert, with everything that the store keeps of it.
pub fn encode(alert: &Alert, out: &mut Vec<u8>) {
    let mut head = Vec::with_capacity(96);
    head::encode(alert, &mut head);
    out.extend([MARK, MAJOR << 4 | MINOR]);
    varint::put_bytes(out, &head);
    store::encode_record(alert, out);
}

/// Decodes an alert.
///
/// # Errors
/// If the bytes are not an alert in this form, or one of a newer major version.
pub fn decode(bytes: &[u8]) -> Result<Alert, FormError> {
    let (head, record) = parts(bytes)?;
    alert_of(&head::decode(head).ok_or(FormError::Head)?, record)
}

/// Decodes alerts of which many have the same head: these share what it says.
#[derive(Default)]
pub(super) struct Decoder {
    heads: HashMap<Box<[u8]>, Head>,
}

/// The most heads that are remembered; an attacker may invent more.
const MOST_HEADS: usize = 4_096;

/// A longer head is decoded each time.
const MOST_BYTES: usize = 1_024;

impl Decoder {
    /// Decodes an alert, as [`decode`] does.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Result<Alert, FormError> {
        let (head, record) = parts(bytes)?;
        if let Some(known) = self.heads.get(head) {
            return alert_of(known, record);
        }
        let decoded = head::decode(head).ok_or(FormError::Head)?;
        let alert = alert_of(&decoded, record)?;
        if head.len() <= MOST_BYTES {
            if self.heads.len() >= MOST_HEADS {
                self.heads.clear();
            }
            self.heads.insert(head.into(), decoded);
        }
        Ok(alert)
    }
}

/// The head and the record.
fn parts(bytes: &[u8]) -> Result<(&[u8], &[u8]), FormError> {
    let mut rest = bytes;
    let Some(&[MARK, version]) = rest.split_off(..2) else { return Err(FormError::Foreign) };
    let (major, minor) = (version >> 4, version & 0x0f);
    match major {
        MAJOR => {}
        0 => return Err(FormError::Foreign),
        _ => return Err(FormError::Newer { major, minor }),
    }
    let head = varint::take_bytes(&mut rest).ok_or(FormError::Head)?;
    Ok((head, rest))
}

fn alert_of(head: &Head, record: &[u8]) -> Result<Alert, FormError> {
    let Head { empty, signature, provenance, count } = head;
    let mut alert = empty.clone();
    store::decode_record(&mut alert, record, signature, provenance).map_err(FormError::Record)?;
    alert.count = *count;
    Ok(alert)
}
