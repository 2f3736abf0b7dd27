//! JSON objects, written field by field.

use std::fmt::Display;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::ser::Formatter;

/// Appends an object and a newline.
pub(super) fn write_line(out: &mut Vec<u8>, fields: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fields(&mut Object { out, is_empty: true });
    out.extend_from_slice(b"}\n");
}

/// An object that is being written: fields appear in the order of the calls.
///
/// Unknown values are left out: a `None`, an empty string, an empty list, an object without fields. Field
/// names are written unescaped, so they must need no escapes.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl Object<'_> {
    pub(super) fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        let mut serializer = serde_json::Serializer::with_formatter(&mut *self.out, TerminalSafe);
        // Writing to a `Vec` can't fail, and there are no maps whose keys are not strings.
        let _ = value.serialize(&mut serializer);
    }

    pub(super) fn put_known(&mut self, name: &str, value: Option<impl Serialize>) {
        if let Some(value) = value {
            self.put(name, &value);
        }
    }

    /// Adds the output of `Display`, as a string.
    pub(super) fn put_shown(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.put(name, &format_args!("{value}"));
        }
    }

    /// Adds text; bytes that are not UTF-8 become U+FFFD.
    pub(super) fn put_text(&mut self, name: &str, text: &[u8]) {
        if !text.is_empty() {
            self.put(name, &String::from_utf8_lossy(text));
        }
    }

    /// Adds bytes in base64, even if there are none.
    pub(super) fn put_base64(&mut self, name: &str, bytes: &[u8]) {
        self.name(name);
        self.out.push(b'"');
        let start = self.out.len();
        self.out.resize(start + bytes.len().div_ceil(3) * 4, 0);
        // There is room for all.
        let _ = self.out.get_mut(start..).map(|room| BASE64.encode_slice(bytes, room));
        self.out.push(b'"');
    }

    pub(super) fn put_list(&mut self, name: &str, values: impl Iterator<Item: Serialize>) {
        let values: Vec<_> = values.collect();
        if !values.is_empty() {
            self.put(name, &values);
        }
    }

    pub(super) fn put_object(&mut self, name: &str, fields: impl FnOnce(&mut Object<'_>)) {
        self.enclose(name, ["{", "}"], fields);
    }

    /// Adds a list of one object.
    pub(super) fn put_list_of_one(&mut self, name: &str, fields: impl FnOnce(&mut Object<'_>)) {
        self.enclose(name, ["[{", "}]"], fields);
    }

    fn enclose(&mut self, name: &str, [open, close]: [&str; 2], fields: impl FnOnce(&mut Object)) {
        let (len_before, was_empty) = (self.out.len(), self.is_empty);
        self.name(name);
        self.out.extend_from_slice(open.as_bytes());
        let mut object = Object { out: &mut *self.out, is_empty: true };
        fields(&mut object);
        if object.is_empty {
            self.out.truncate(len_before);
            self.is_empty = was_empty;
        } else {
            self.out.extend_from_slice(close.as_bytes());
        }
    }

    fn name(&mut self, name: &str) {
        let before: &[u8] = if self.is_empty { b"\"" } else { b",\"" };
        self.is_empty = false;
        self.out.extend_from_slice(before);
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// Appends text as a JSON string.
pub(super) fn put_string(text: &str, out: &mut Vec<u8>) {
    let mut serializer = serde_json::Serializer::with_formatter(out, TerminalSafe);
    // Writing to a `Vec` can't fail.
    let _ = text.serialize(&mut serializer);
}

/// Whether a character is a control character, breaks lines, or changes the writing direction. None is
/// above U+FFFF.
pub(super) fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// Compact JSON that also escapes what JSON permits: DEL, the control characters above ASCII, and those
/// that change the writing direction.
struct TerminalSafe;

impl Formatter for TerminalSafe {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        const DEL: u8 = 0x7f;
        // The greatest byte is found faster than the first that is great.
        if fragment.bytes().max() < Some(DEL) {
            return writer.write_all(fragment.as_bytes());
        }
        for piece in fragment.split_inclusive(is_unsafe) {
            let safe = piece.strip_suffix(is_unsafe).unwrap_or(piece);
            writer.write_all(safe.as_bytes())?;
            if let Some(letter) = piece.strip_prefix(safe).and_then(|rest| rest.chars().next()) {
                write!(writer, "\\u{:04x}", u32::from(letter))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fields: impl FnOnce(&mut Object<'_>)) -> String {
        let mut out = Vec::new();
        write_line(&mut out, fields);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fields_stand_in_the_order_in_which_they_are_put() {
        let line = line(|object| {
            object.put("z", &1);
            object.put_object("a", |inner| inner.put("b", "c"));
            object.put_list_of_one("d", |inner| inner.put("e", &true));
            object.put_base64("f", &[0xff; 4]);
            object.put_list("g", [1, 2].iter());
        });
        let expected = r#"{"z":1,"a":{"b":"c"},"d":[{"e":true}],"f":"/////w==","g":[1,2]}"#;
        assert_eq!(line.trim_end(), expected);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let line = line(|object| {
            object.put_object("a", |inner| inner.put_known("b", None::<u8>));
            object.put_shown("c", None::<u8>);
            object.put_text("d", b"");
            object.put_list("e", [0; 0].iter());
            object.put_list_of_one("f", |_| ());
            object.put("g", "");
        });
        assert_eq!(line, "{\"g\":\"\"}\n");
    }
}
