//! Error texts that are safe to show.

use std::error::Error;

use crate::visible::{cut, visible};

/// The most bytes of foreign text that are shown.
const MAX_SHOWN: usize = 200;

/// An error and its cause, without the URL, which may be secret.
pub(super) fn text(error: &reqwest::Error) -> String {
    if error.is_timeout() && !error.is_connect() {
        return "no answer in time".to_owned();
    }
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    causes.dedup();
    match causes.last() {
        // The error itself would show the URL.
        None => "the request failed".to_owned(),
        // The layers around the innermost error add nothing.
        Some(innermost) if without_tls(innermost).is_some() => {
            without_tls(innermost).unwrap_or_default().to_owned()
        }
        Some(innermost) if error.is_connect() => format!("cannot connect: {}", shown(innermost)),
        Some(_) => {
            // The outermost layers say only that a client failed.
            let begin = causes.iter().position(|cause| !cause.starts_with("client error"));
            shown(&causes.split_off(begin.unwrap_or_default()).join(": "))
        }
    }
}

/// What is said where a TLS handshake failed because the server probably doesn't speak TLS.
pub(super) fn without_tls(error: &str) -> Option<&'static str> {
    if error.contains("received corrupt message of type InvalidContentType") {
        return Some(
            "the server doesn't speak TLS on this port; write http:// instead of https://?",
        );
    }
    error.contains("tls handshake eof").then_some(
        "the server closed the connection in the TLS handshake; write http:// instead of \
        https://, if it doesn't speak TLS",
    )
}

/// The beginning of a foreign text, on one line and safe for a terminal.
pub(super) fn shown(text: &str) -> String {
    let text = text.trim();
    let beginning = cut(text, MAX_SHOWN);
    let more = if beginning.len() < text.len() { "…" } else { "" };
    visible(beginning.as_bytes()) + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_cut_and_escaped() {
        assert_eq!(shown("no\n\u{1b}[31mway\u{202e} "), "no\\x0a\\x1b[31mway\\u{202e}");
        assert_eq!(shown(&"é".repeat(300)), format!("{}…", "é".repeat(100)));
    }
}
