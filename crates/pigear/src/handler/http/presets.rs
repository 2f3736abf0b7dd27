//! Built-in templates for well-known receivers.

use std::num::NonZeroU32;
use std::str::FromStr;

use pigear_alert::format::FormatName;
use reqwest::Url;

use super::encoding::{Encoding, Framing};

/// A built-in template. The files are in `crates/pigear/presets`; each begins with the address of the
/// documentation that it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// Slack, incoming webhooks.
    Slack,
    /// Discord, webhooks.
    Discord,
    /// Telegram, a bot's `sendMessage`.
    Telegram,
    /// Elasticsearch, the bulk API, into a data stream.
    Elasticsearch,
    /// Splunk, the HTTP event collector.
    SplunkHec,
    /// Grafana Loki, its push API.
    Loki,
}

/// What a success response means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Success {
    /// Everything was accepted.
    Whole,
    /// The response has a result per alert, as with Elasticsearch.
    Each,
}

/// The preset is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown preset; known are {}", Preset::ALL.map(Preset::name).join(", "))]
pub struct UnknownPreset;

impl Preset {
    /// All presets.
    pub const ALL: [Self; 6] = [
        Self::Slack,
        Self::Discord,
        Self::Telegram,
        Self::Elasticsearch,
        Self::SplunkHec,
        Self::Loki,
    ];

    /// The name, as settings have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Telegram => "telegram",
            Self::Elasticsearch => "elasticsearch",
            Self::SplunkHec => "splunk-hec",
            Self::Loki => "loki",
        }
    }

    /// The template.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Slack => include_str!("../../../presets/slack.json.j2"),
            Self::Discord => include_str!("../../../presets/discord.json.j2"),
            Self::Telegram => include_str!("../../../presets/telegram.json.j2"),
            Self::Elasticsearch => include_str!("../../../presets/elasticsearch.ndjson.j2"),
            Self::SplunkHec => include_str!("../../../presets/splunk-hec.json.j2"),
            Self::Loki => include_str!("../../../presets/loki.json.j2"),
        }
    }

    pub(super) fn encoding(self) -> Encoding {
        match self {
            Self::Slack | Self::Discord | Self::Telegram => Encoding::Json,
            Self::Elasticsearch | Self::SplunkHec => Encoding::Ndjson,
            Self::Loki => Encoding::Array,
        }
    }

    pub(super) fn format(self) -> FormatName {
        if self == Self::Elasticsearch { FormatName::Ecs } else { FormatName::Json }
    }

    pub(super) fn framing(self) -> Option<Framing> {
        (self == Self::Loki).then_some(Framing {
            before: r#"{"streams":["#,
            between: ",",
            after: "]}",
        })
    }

    /// The receiver's rate limit: chat channels reject floods.
    pub(super) fn per_minute(self) -> Option<NonZeroU32> {
        let per_minute = match self {
            // One a second for Slack, 20 a minute for a group in Telegram. Discord has no fixed
            // number and sends `Retry-After`; this limit is for the channel's readers.
            Self::Slack => 60,
            Self::Discord => 30,
            Self::Telegram => 20,
            Self::Elasticsearch | Self::SplunkHec | Self::Loki => return None,
        };
        NonZeroU32::new(per_minute)
    }

    /// What a success response means.
    pub(super) fn success(self) -> Success {
        if self == Self::Elasticsearch { Success::Each } else { Success::Whole }
    }

    /// Adds query parameters to a URL that the receiver needs. Without `wait`, Discord confirms a message
    /// before storing it, and reports no later error.
    pub(super) fn complete(self, url: &mut Url) {
        if self == Self::Discord && url.query_pairs().all(|(name, _)| name != "wait") {
            url.query_pairs_mut().append_pair("wait", "true");
        }
    }

    /// The parameters that the template requires, with their descriptions.
    pub(super) fn needs(self) -> &'static [(&'static str, &'static str)] {
        if self == Self::Telegram { &[("chat_id", "where to send")] } else { &[] }
    }

    pub(super) fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Elasticsearch => Some("application/x-ndjson"),
            Self::SplunkHec => Some("application/json"),
            _ => None,
        }
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or(UnknownPreset)
    }
}
