//! Values of alerts in the path of a URL.
//!
//! Escaping keeps a value within its path segment, except in two cases. A segment of dots, `.` or `..`,
//! is resolved by clients and servers, and escaping the dots doesn't help: `%2e%2e` is the same by the URL
//! standard. And some servers drop an empty segment. Either would send the alert to another path. So in
//! a segment made only of such values, each dot becomes `_`, and so does an empty value.

/// Marks a value that may need this treatment. U+FDD0 is a noncharacter for programs' internal use, so no
/// text has it.
const MARK: char = '\u{fdd0}';

/// The value as a part of a URL, with a mark if it may need treatment.
pub(super) fn marked(value: &str, escape: impl Fn(&str) -> String) -> String {
    let value = value.replace(MARK, "");
    let needs_care = value.split(['/', '\\']).any(|piece| piece.is_empty() || is_dots(piece));
    if needs_care { format!("{MARK}{}", escape(&value)) } else { escape(&value) }
}

/// The URL with marked values treated, and without marks.
pub(super) fn without_marks(url: &str) -> String {
    let path = url.find("://").map_or(0, |scheme| scheme + 3);
    let is_slash = |letter: char| matches!(letter, '/' | '\\');
    let begin = url.get(path..).and_then(|rest| rest.find(is_slash));
    let begin = begin.map_or(url.len(), |begin| path + begin);
    let (server, rest) = url.split_at(begin);
    let (path, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let path: String = path.split_inclusive(is_slash).map(segment).collect();
    format!("{server}{path}{query}").replace(MARK, "")
}

/// A path segment, with the slash after it.
fn segment(text: &str) -> String {
    if !text.contains(MARK) {
        return text.to_owned();
    }
    let plain = text.replace(MARK, "");
    let (plain, slash) = plain.split_at(plain.find(['/', '\\']).unwrap_or(plain.len()));
    if plain.is_empty() {
        return format!("_{slash}");
    }
    let mut safe = String::new();
    let mut rest = plain;
    while let Some(at) = escaped_slash(rest) {
        let (piece, next) = rest.split_at(at);
        let (slash, next) = next.split_at(3);
        safe.push_str(&without_dots(piece));
        safe.push_str(slash);
        rest = next;
    }
    safe.push_str(&without_dots(rest));
    safe.push_str(slash);
    safe
}

/// The position of the first escaped slash. Some servers decode it to a slash.
fn escaped_slash(text: &str) -> Option<usize> {
    let text = text.to_ascii_lowercase();
    text.find("%2f").into_iter().chain(text.find("%5c")).min()
}

fn without_dots(piece: &str) -> String {
    let plain = piece.to_ascii_lowercase().replace("%2e", ".");
    if is_dots(&plain) { plain.replace('.', "_") } else { piece.to_owned() }
}

fn is_dots(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::super::form::url_part;
    use super::*;

    /// The URL with a value at the place of `{}`.
    fn url(template: &str, value: &str) -> String {
        without_marks(&template.replace("{}", &marked(value, url_part)))
    }

    #[test]
    fn a_value_never_changes_the_path_around_it() {
        for (value, segment) in [
            ("", "_"),
            (".", "_"),
            ("..", "__"),
            ("...", "___"),
            ("%2e%2e", "%252e%252e"),
            ("%2E.", "%252E."),
            ("/", "%2F"),
            ("\\", "%5C"),
            ("?", "%3F"),
            ("#", "%23"),
            ("../..", "__%2F__"),
            ("..\\admin", "__%5Cadmin"),
            ("a/../b", "a%2F__%2Fb"),
            ("..;", "..%3B"),
            ("1.2", "1.2"),
            ("\u{fdd0}..", "__"),
        ] {
            let whole = url("https://x/a/{}/b?q={}", value);
            let expected =
                format!("https://x/a/{segment}/b?q={}", url_part(&value.replace(MARK, "")));
            assert_eq!(whole, expected, "{value:?}");
            let parsed = reqwest::Url::parse(&whole).unwrap();
            let segments: Vec<_> = parsed.path_segments().unwrap().collect();
            assert_eq!(segments, ["a", segment, "b"], "{value:?}");
            assert_eq!(url("https://x/a/{}", value), format!("https://x/a/{segment}"));
        }
    }

    #[test]
    fn dots_of_a_value_and_of_the_template_are_no_dots_together() {
        assert_eq!(url("http://x/.{}/b", "."), "http://x/__/b");
        assert_eq!(url("http://x/%2e{}/b", "."), "http://x/__/b");
        assert_eq!(url("http://x/..{}", ""), "http://x/__");
        assert_eq!(url("http://x/a{}", ""), "http://x/a");
        assert_eq!(url("http://x/{}.json", ".."), "http://x/...json");
    }

    #[test]
    fn what_the_template_says_itself_stays() {
        assert_eq!(url("http://x/a//b/../{}/", "c"), "http://x/a//b/../c/");
        assert_eq!(url("http://x?q={}", ".."), "http://x?q=..");
        assert_eq!(url("http://x/#{}", ""), "http://x/#");
    }
}
