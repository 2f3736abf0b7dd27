//! What a client wants to have: the form, and whether it is compressed.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, AsHeaderName};

use super::exposition::Form;

/// What a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) form: Form,
    pub(super) gzip: bool,
}

impl Wanted {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let encodings = weighed(headers, ACCEPT_ENCODING);
        let gzip = encodings.iter().find(|(name, _)| name == "gzip");
        let gzip = gzip.or_else(|| encodings.iter().find(|(name, _)| name == "*"));
        Self { form: form(headers), gzip: gzip.is_some_and(|(_, weight)| *weight > 0.0) }
    }
}

/// The form with the highest weight. A client that doesn't ask for OpenMetrics gets what all understand.
fn form(headers: &HeaderMap) -> Form {
    let ranges = weighed(headers, ACCEPT);
    let best = |names: &[&str]| {
        let weights = ranges.iter().filter(|(name, _)| names.contains(&name.as_str()));
        weights.map(|(_, weight)| *weight).fold(0.0, f64::max)
    };
    let open = best(&["application/openmetrics-text"]);
    let text = best(&["text/plain", "text/*"]);
    if open > 0.0 && open >= text { Form::OpenMetrics } else { Form::Text }
}

/// The values of a header with their weights.
fn weighed(headers: &HeaderMap, name: impl AsHeaderName) -> Vec<(String, f64)> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let values = values.flat_map(|value| value.split(',')).filter_map(|value| {
        let mut parts = value.split(';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let weight = weight.map_or(Some(1.0), |weight| weight.parse().ok())?;
        Some((name, weight))
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn wanted(accept: &'static str, encoding: &'static str) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        Wanted::of(&headers)
    }

    #[test]
    fn prometheus_gets_open_metrics() {
        // As Prometheus 2.42 asks.
        let accept = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;\
            q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let expected = Wanted { form: Form::OpenMetrics, gzip: true };
        assert_eq!(wanted(accept, "gzip"), expected);
    }

    #[test]
    fn others_get_plain_text() {
        let plain = Wanted { form: Form::Text, gzip: false };
        assert_eq!(Wanted::of(&HeaderMap::new()), plain);
        for accept in
            ["*/*", "text/html", "text/plain, application/openmetrics-text;q=0.5", "", ";;,q=,"]
        {
            assert_eq!(wanted(accept, "gzip;q=0, br"), plain, "{accept}");
        }
    }

    #[test]
    fn any_encoding_may_be_gzip() {
        assert!(wanted("*/*", "br, *").gzip && wanted("*/*", "br;q=1.0, gzip;q=0.8").gzip);
        assert!(!wanted("*/*", "*;q=0").gzip && !wanted("*/*", "identity").gzip);
    }
}
