//! Templates that come with Pigear: what well-known receivers want.

use std::num::NonZeroU32;
use std::str::FromStr;

use pigear_alert::format::FormatName;
use reqwest::Url;

use super::encoding::{Encoding, Framing};

/// A template that comes with Pigear. The files are in `crates/pigear/presets`; each begins with the
/// address of the documentation that it follows.
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

/// What a success says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Success {
    /// That everything was taken.
    Whole,
    /// Of each alert, whether it was taken, as Elasticsearch says it.
    Each,
}

/// No preset has this name.
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

    /// As much as the receiver takes: people's channels refuse floods.
    pub(super) fn per_minute(self) -> Option<NonZeroU32> {
        let per_minute = match self {
            // One a second for Slack, 20 a minute for a group in Telegram. Discord wants no number to
            // be relied on and says when to come again; this one is for those who read.
            Self::Slack => 60,
            Self::Discord => 30,
            Self::Telegram => 20,
            Self::Elasticsearch | Self::SplunkHec | Self::Loki => return None,
        };
        NonZeroU32::new(per_minute)
    }

    /// What a success says.
    pub(super) fn success(self) -> Success {
        if self == Self::Elasticsearch { Success::Each } else { Success::Whole }
    }

    /// Adds to a URL what the receiver needs in it. Without `wait`, Discord says that it has a message
    /// before it keeps it, and doesn't tell if it won't.
    pub(super) fn complete(self, url: &mut Url) {
        if self == Self::Discord && url.query_pairs().all(|(name, _)| name != "wait") {
            url.query_pairs_mut().append_pair("wait", "true");
        }
    }

    /// The parameters that the template can't do without, and what they are.
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
