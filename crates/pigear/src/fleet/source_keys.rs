//! The keys of a source, from what `--from` says behind a `?`.

use form_urlencoded::parse;

use crate::keys::Keys;
use crate::visible::visible;

/// The keys of a query, each of which may be given once.
pub(super) fn source_keys(query: &str) -> Result<Keys, String> {
    let mut keys = Keys::default();
    for (key, value) in parse(query.as_bytes()) {
        if keys.text(&key).is_some() {
            return Err(format!("{} is given twice", visible(key.as_bytes())));
        }
        keys.set(&key, &value);
    }
    Ok(keys)
}
