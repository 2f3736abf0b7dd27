use std::path::Path;

/// A path as a word of a shell's line: what is advised is typed, often as root.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    // Only a path with a 0 in it can't be quoted, and there is none.
    shlex::try_quote(&text).map_or_else(|_| String::new(), std::borrow::Cow::into_owned)
}
