//! Words of a line that is typed into a shell.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::visible::visible;

/// A path as a word that no command takes for an option. What isn't text, or isn't seen as it is when it is shown, is
/// written with `printf`.
pub(crate) fn quoted(path: &Path) -> String {
    let begin = if path.as_os_str().as_bytes().starts_with(b"-") { "./" } else { "" };
    match path.to_str() {
        Some(text) => word(&format!("{begin}{text}")),
        None => format!("\"$(printf -- '{begin}{}')\"", octal(path.as_os_str().as_bytes())),
    }
}

/// A text as a word.
pub(crate) fn word(text: &str) -> String {
    // A report escapes such characters: another text would be typed.
    if visible(text.as_bytes()) != text {
        return format!("\"$(printf -- '{}')\"", octal(text.as_bytes()));
    }
    // Only a text with a 0 in it can't be quoted, and no path or argument has one.
    shlex::try_quote(text).map_or_else(|_| String::new(), std::borrow::Cow::into_owned)
}

/// The format of `printf` that gives these bytes.
fn octal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut format, byte| {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            format.push(char::from(*byte));
        } else {
            let _ = write!(format, "\\{byte:03o}");
        }
        format
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::process::Command;

    use super::*;

    #[test]
    fn every_path_is_one_word() {
        for path in [
            &b"/a b"[..],
            b"-rf",
            b"/x'$(id)%s\\",
            b"/\xff'%s\n\\\x80 $x",
            b"-\xff",
            b"/a\nb\x1b[31m",
            b"-\r",
        ] {
            let shown = quoted(Path::new(OsStr::from_bytes(path)));
            assert_eq!(visible(shown.as_bytes()), shown);
            let line = format!("printf '<%s>' {shown}");
            let output = Command::new("sh").args(["-c", &line]).output().unwrap();
            let begin = if path.starts_with(b"-") { "<./" } else { "<" };
            assert_eq!(output.stdout, [begin.as_bytes(), path, b">"].concat(), "{shown}");
        }
    }
}
