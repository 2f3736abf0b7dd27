//! The rule of an alert, and where its contents are in the packet.

use std::fmt::Write;

use axum::Json;
use axum::extract::{RawQuery, State};
use pigear_alert::{Alert, maps};
use serde::Serialize;
use utoipa::ToSchema;

use super::alerts::{Id, get};
use crate::rules::{FoundRule, Place, RuleSet};
use crate::web::parameters::{Parameters, StoreParameters};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::Shared;

/// The most places of contents that are given.
const MOST_MATCHES: usize = 1_000;

/// The rule of an alert.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct RuleAnswer {
    /// How many rules were read; 0 without `--rules`.
    rules: usize,
    /// The rule; absent if none of those has the alert's ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleObject>,
}

/// A rule.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct RuleObject {
    /// Its text, with its lines joined.
    text: String,
    /// The file that it is in.
    file: String,
    /// The line, counted from 1.
    line: usize,
    /// Its revision, which may be another than the alert's.
    #[serde(skip_serializing_if = "Option::is_none")]
    rev: Option<u32>,
    /// Whether it is no comment.
    enabled: bool,
    /// What its `metadata` says.
    metadata: Vec<Metadata>,
    /// Other rules with the same ids: each as `FILE:LINE`, at most twenty.
    others: Vec<String>,
    /// How many others there are besides these.
    more_others: usize,
    /// Where its contents are in `pkt`.
    matches: Vec<Match>,
}

/// A name and a value of a rule's metadata.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Metadata {
    /// The name.
    name: String,
    /// The value.
    value: String,
}

/// Where a content is in `pkt`.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Match {
    /// The content, as rules have it: `|0d 0a|Host`.
    content: String,
    /// Its first byte, counted from 0.
    start: usize,
    /// The byte behind its last.
    end: usize,
}

/// The rule of an alert
///
/// Rules are read from the files and directories of `--rules`.
#[utoipa::path(
    get, path = "/api/v1/alerts/{id}/rule", tag = "alerts",
    params(("id" = i64, Path, description = "The alert's id", minimum = 1), StoreParameters),
    responses(
        (status = 200, description = "The rule, if there is one", body = RuleAnswer),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn rule(
    State(site): State<Shared>,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<Json<RuleAnswer>, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let (id, rules) = (id, site.rules.current());
    let answer = site.queries.run_in(of, move |reader, _| {
        let alert = get(reader, id)?;
        Ok(RuleAnswer {
            rules: rules.as_deref().map_or(0, RuleSet::len),
            rule: rules.and_then(|rules| rules.of(&alert)).map(|found| object(&found, &alert)),
        })
    });
    answer.await.map(Json)
}

fn object(found: &FoundRule, alert: &Alert) -> RuleObject {
    let text = |bytes: &[u8]| maps::text(bytes).into_owned();
    let metadata = found.rule.metadata.iter();
    RuleObject {
        text: text(&found.text),
        file: found.place.file.display().to_string(),
        line: found.place.line,
        rev: found.rule.rev,
        enabled: found.is_enabled,
        metadata: metadata
            .map(|(name, value)| Metadata { name: text(name), value: text(value) })
            .collect(),
        others: found.others.iter().map(|other| place(&other.place)).collect(),
        more_others: found.more_others,
        matches: if alert.message.has_packet() { matches(found, alert) } else { Vec::new() },
    }
}

fn place(place: &Place) -> String {
    place.to_string()
}

fn matches(found: &FoundRule, alert: &Alert) -> Vec<Match> {
    let all = found.rule.find_in(alert);
    let all = all.iter().flat_map(|matches| {
        let content = found.rule.contents.get(matches.content);
        let content = content.map(|content| written(&content.bytes)).unwrap_or_default();
        matches.ranges.iter().map(move |range| Match {
            content: content.clone(),
            start: range.start,
            end: range.end,
        })
    });
    all.take(MOST_MATCHES).collect()
}

/// Bytes as a rule has them: what isn't printable in ASCII is hexadecimal between bars.
fn written(bytes: &[u8]) -> String {
    let is_plain = |byte: &u8| matches!(byte, 0x20..=0x7e) && !b"|\"\\;:".contains(byte);
    let mut text = String::new();
    for part in bytes.chunk_by(|a, b| is_plain(a) == is_plain(b)) {
        if part.first().is_some_and(is_plain) {
            text.extend(part.iter().copied().map(char::from));
        } else {
            let digits: Vec<_> = part.iter().map(|byte| format!("{byte:02X}")).collect();
            let _ = write!(text, "|{}|", digits.join(" "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn bytes_are_written_as_in_rules() {
        assert_eq!(written(b"GET /\r\n\"x|"), "GET /|0D 0A 22|x|7C|");
        assert_eq!(written(b""), "");
    }
}
