//! Which contents a rule has, and where Snort looks for each.

use super::content::{Content, Cursor};
use super::parts::Parts;
use super::problem::RuleProblem;

/// Options after which only Snort knows where the search goes on.
const MOVES: [&[u8]; 11] = [
    b"asn1",
    b"base64_decode",
    b"ber_data",
    b"ber_skip",
    b"byte_extract",
    b"byte_jump",
    b"byte_math",
    b"pcre",
    b"protected_content",
    b"regex",
    b"sd_pattern",
];

/// Buffers that are searched from where they are named on, in Snort 2 as well as in Snort 3.
const STICKY: [&[u8]; 13] = [
    b"base64_data",
    b"cip_data",
    b"cvs",
    b"dce_stub_data",
    b"dnp3_data",
    b"enip_data",
    b"file_data",
    b"js_data",
    b"modbus_data",
    b"s7commplus_content",
    b"sip_body",
    b"sip_header",
    b"vba_data",
];

/// Options that begin as the buffers of HTTP do, but are none.
const NO_BUFFERS: [&[u8]; 8] = [
    b"http_encode",
    b"http_header_test",
    b"http_max_header_line",
    b"http_max_trailer_line",
    b"http_num_cookies",
    b"http_num_headers",
    b"http_num_trailers",
    b"http_version_match",
];

/// What moves the place where the search goes on, in the rule's order.
enum Step {
    Content(usize),
    Start,
    Unknown,
}

/// The contents of a rule.
pub(super) fn contents(parts: &Parts<'_>) -> Result<Vec<Content>, RuleProblem> {
    let buffers_come_first = buffers_come_first(parts);
    let (mut contents, mut steps, mut buffer) = (Vec::<Content>::new(), Vec::new(), None);
    for &(name, value) in &parts.options {
        let value = value.unwrap_or_default();
        match name {
            b"content" | b"uricontent" => {
                steps.push(Step::Content(contents.len()));
                let buffer =
                    if name == b"content" { buffer.clone() } else { Some("http_uri".into()) };
                contents.push(Content { buffer, ..Content::parse(value)? });
            }
            b"pkt_data" | b"raw_data" => {
                buffer = None;
                steps.push(Step::Start);
            }
            _ if STICKY.contains(&name) || (buffers_come_first && is_buffer(name)) => {
                buffer = Some(text(name));
                steps.push(Step::Start);
            }
            _ if is_buffer(name) => {
                if let Some(content) = contents.last_mut() {
                    content.buffer = Some(text(name));
                }
            }
            _ if MOVES.contains(&name) => steps.push(Step::Unknown),
            _ => {
                if let Some(content) = contents.last_mut() {
                    content.modify(name, value);
                }
            }
        }
    }
    set_cursors(&mut contents, &steps);
    Ok(contents)
}

/// Whether the buffers of HTTP are named before the contents, as in Snort 3, and not after each.
fn buffers_come_first(parts: &Parts<'_>) -> bool {
    let mut options = parts.options.iter();
    let is_either = |name: &[u8]| is_buffer(name) || name == b"content" || name == b"uricontent";
    let first = options.find(|(name, _)| is_either(name));
    let has_modifiers = |value: Option<&[u8]>| value.is_some_and(Content::has_modifiers);
    parts.has_short_header()
        || first.is_some_and(|(name, _)| is_buffer(name))
        || parts.options.iter().any(|(name, value)| *name == b"content" && has_modifiers(*value))
}

fn is_buffer(name: &[u8]) -> bool {
    name.starts_with(b"http_") && !NO_BUFFERS.contains(&name)
}

fn text(name: &[u8]) -> Box<str> {
    String::from_utf8_lossy(name).into()
}

/// Sets what each content's distance counts from. Contents that must not be there move nothing.
fn set_cursors(contents: &mut [Content], steps: &[Step]) {
    let mut cursor = Cursor::Start;
    for step in steps {
        let Step::Content(index) = *step else {
            cursor = if matches!(step, Step::Start) { Cursor::Start } else { Cursor::Unknown };
            continue;
        };
        let buffer_of = |at: usize| contents.get(at).map(|content| &content.buffer);
        let is_same = match cursor {
            Cursor::After(before) => buffer_of(before) == buffer_of(index),
            Cursor::Start | Cursor::Unknown => true,
        };
        let Some(content) = contents.get_mut(index) else { continue };
        content.cursor = if is_same { cursor } else { Cursor::Start };
        if !content.is_negated {
            cursor = Cursor::After(index);
        }
    }
}
