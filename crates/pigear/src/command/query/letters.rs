//! What `format=json` says of a dead letter besides its alert.

use serde_json::json;

use crate::store::DeadLetter;

/// Adds the handler, the reason and the time to the object that was written last.
pub(super) fn add_keys(letter: &DeadLetter, out: &mut Vec<u8>) {
    let DeadLetter { lane, reason, refused, .. } = letter;
    let keys = json!({ "handler": lane, "reason": reason, "refused": refused.to_string() });
    if out.ends_with(b"}\n") {
        out.truncate(out.len() - 2);
        out.extend_from_slice(keys.to_string().replacen('{', ",", 1).as_bytes());
        out.push(b'\n');
    }
}
