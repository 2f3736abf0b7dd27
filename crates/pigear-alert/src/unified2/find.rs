use super::record::{HEADER_LEN, Record, header, min_len};

/// This many records in a row are no coincidence.
const IN_A_ROW: usize = 3;

/// Where the next record begins, after something that is none: at the first place from which on
/// records of known types follow one another, to the end of `bytes` or for a while. Without such a
/// place: what may be given up, all but the last few bytes, which may begin a header.
///
/// # Errors
/// With how many bytes hold no record.
pub fn find(bytes: &[u8]) -> Result<usize, usize> {
    let places = bytes.len().saturating_sub(HEADER_LEN - 1);
    (0..places).find(|&place| begins_records(&bytes[place..])).ok_or(places)
}

fn begins_records(mut bytes: &[u8]) -> bool {
    for seen in 0..IN_A_ROW {
        // A header that isn't whole proves nothing, once there was one that is.
        if seen > 0 && bytes.len() < HEADER_LEN {
            return true;
        }
        let Ok(Some((record_type, length))) = header(bytes) else { return false };
        if min_len(record_type).is_none() {
            return false;
        }
        match bytes.get(HEADER_LEN..HEADER_LEN + length) {
            Some(body) if Record::parse(record_type, body).is_err() => return false,
            Some(_) => bytes = bytes.get(HEADER_LEN + length..).unwrap_or_default(),
            // Still being written, or chance.
            None => return true,
        }
    }
    true
}
