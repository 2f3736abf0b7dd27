//! The stream: creating it, and comparing it with what was asked for.

use std::fmt;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::{
    ContextBuilder, CreateStreamError, CreateStreamErrorKind, GetStreamErrorKind, RequestErrorKind,
};
use async_nats::jetstream::stream::{
    Compression, Config, DiscardPolicy, Info, RetentionPolicy, StorageType,
};
use async_nats::jetstream::{Context, ErrorCode};
use serde::Serialize;
use serde_json::Value;

use crate::fleet::subject::covers;

/// The default of `max_age`.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The default of `duplicate_window`, which is also JetStream's.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// JetStream by this connection, where each answer may take this long.
pub(super) fn jetstream(client: &Client, timeout: Duration) -> Context {
    ContextBuilder::new().timeout(timeout).build(client.clone())
}

/// What is asked of the stream.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamSettings {
    pub(super) name: String,
    /// Whether a missing stream is created.
    pub(super) create: bool,
    /// The subjects that it must have.
    pub(super) subject: String,
    pub(super) replicas: Option<usize>,
    pub(super) retention: Option<RetentionPolicy>,
    pub(super) max_age: Option<Duration>,
    pub(super) max_bytes: Option<i64>,
    pub(super) discard: Option<DiscardPolicy>,
    pub(super) duplicate_window: Option<Duration>,
    pub(super) compression: Option<Compression>,
    pub(super) storage: Option<StorageType>,
}

/// A stream that can be used, though it may not be as asked.
pub(super) struct Checked {
    /// Whether it was created now.
    pub(super) is_new: bool,
    /// In what it differs, a phrase each.
    pub(super) differences: Vec<String>,
}

impl StreamSettings {
    /// Whether a server of this version may pass over alerts that it has acknowledged: 2.9 does so with a work queue
    /// that was full.
    pub(super) fn is_unsafe_on(&self, version: &str) -> bool {
        let is_queue = self.retention == Some(RetentionPolicy::WorkQueue);
        is_queue && self.discard == Some(DiscardPolicy::New) && version.starts_with("2.9.")
    }

    /// Looks for the stream, and creates it if it is missing and that is allowed.
    ///
    /// # Errors
    /// Why it can't be used, in words for a user.
    pub(super) async fn check(&self, jetstream: &Context) -> Result<Checked, String> {
        match info(jetstream, &self.name).await {
            Ok(info) => self.checked(&info, false),
            Err(Unavailable::Missing) if self.create => self.create(jetstream).await,
            Err(problem) => Err(self.in_words(&problem)),
        }
    }

    fn in_words(&self, problem: &Unavailable) -> String {
        let name = &self.name;
        match problem {
            Unavailable::Missing => format!(
                "there is no stream {name}; create=true creates it, and so does \
                `nats stream add {name} --subjects '{}'`",
                self.subject
            ),
            problem => format!("stream {name}: {problem}"),
        }
    }

    async fn create(&self, jetstream: &Context) -> Result<Checked, String> {
        match jetstream.create_stream(self.config()).await {
            Ok(stream) => self.checked(stream.cached_info(), true),
            // Another sensor was faster.
            Err(error) if code(&error) == Some(ErrorCode::STREAM_NAME_EXIST) => {
                let found = info(jetstream, &self.name).await;
                found
                    .map_err(|problem| self.in_words(&problem))
                    .and_then(|info| self.checked(&info, false))
            }
            Err(error) => Err(self.cannot_create(&error)),
        }
    }

    fn config(&self) -> Config {
        Config {
            name: self.name.clone(),
            subjects: vec![self.subject.clone()],
            num_replicas: self.replicas.unwrap_or(1),
            retention: self.retention.unwrap_or(RetentionPolicy::Limits),
            max_age: self.max_age.unwrap_or(MAX_AGE),
            max_bytes: self.max_bytes.unwrap_or(-1),
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            discard: self.discard.unwrap_or(DiscardPolicy::Old),
            duplicate_window: self.duplicate_window.unwrap_or(self.longest_window()),
            compression: Some(self.compression.clone().unwrap_or(Compression::S2)),
            storage: self.storage.unwrap_or(StorageType::File),
            description: Some("alerts of Snort, from Pigear".to_owned()),
            ..Config::default()
        }
    }

    /// JetStream refuses one that is longer than alerts are kept.
    fn longest_window(&self) -> Duration {
        match self.max_age {
            Some(age) if !age.is_zero() => DUPLICATE_WINDOW.min(age),
            _ => DUPLICATE_WINDOW,
        }
    }

    /// Why a stream can't be created, and what helps.
    fn cannot_create(&self, error: &CreateStreamError) -> String {
        let help = match code(error) {
            Some(ErrorCode::STREAM_SUBJECT_OVERLAP) => format!(
                "; another stream has alerts of {}: choose others with subject=, or that stream with stream=",
                self.subject
            ),
            _ if self.has_long_window() => {
                "; duplicate_window= must not exceed max_age=".to_owned()
            }
            _ => String::new(),
        };
        format!("cannot create the stream {}: {error}{help}", self.name)
    }

    fn has_long_window(&self) -> bool {
        let Config { max_age, duplicate_window, .. } = self.config();
        !max_age.is_zero() && duplicate_window > max_age
    }

    /// A stream without our subject can't be used; other differences are reported.
    fn checked(&self, info: &Info, is_new: bool) -> Result<Checked, String> {
        let found = &info.config;
        if !found.subjects.iter().any(|subjects| covers(subjects, &self.subject)) {
            return Err(format!(
                "stream {} has the subjects {}, and not {}; add them with `nats stream edit {}`, or set \
                subject",
                self.name,
                found.subjects.join(", "),
                self.subject,
                self.name
            ));
        }
        Ok(Checked { is_new, differences: self.differences(found) })
    }

    /// Where the stream isn't as asked. Servers don't refuse settings that they don't know: they leave them out.
    fn differences(&self, found: &Config) -> Vec<String> {
        let compression = found.compression.clone().unwrap_or(Compression::None);
        let time = |time: &Duration| format!("{time:?}");
        let all = [
            difference("replicas", self.replicas.as_ref(), &found.num_replicas, text),
            difference("retention", self.retention.as_ref(), &found.retention, text),
            difference("max_age", self.max_age.as_ref(), &found.max_age, time),
            difference("max_size", self.max_bytes.as_ref(), &found.max_bytes, text),
            difference("discard", self.discard.as_ref(), &found.discard, text),
            difference(
                "duplicate_window",
                self.duplicate_window.as_ref(),
                &found.duplicate_window,
                time,
            ),
            difference("compression", self.compression.as_ref(), &compression, text),
            difference("storage", self.storage.as_ref(), &found.storage, text),
        ];
        all.into_iter().flatten().collect()
    }
}

/// How a setting differs from what was asked, if it was and does.
fn difference<T: PartialEq>(
    name: &str,
    asked: Option<&T>,
    has: &T,
    text: impl Fn(&T) -> String,
) -> Option<String> {
    let asked = asked.filter(|asked| *asked != has)?;
    Some(format!("{name} is {} instead of {}", text(has), text(asked)))
}

/// A number, or the name that JetStream has for a value.
fn text<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Why a stream can't be used now.
pub(super) enum Unavailable {
    /// It doesn't exist.
    Missing,
    /// The server has no JetStream, or none for this account.
    NoJetStream,
    /// No server answers about it, or it has no leader.
    NoLeader,
    /// The account may not do that, or something else.
    Other(String),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "it doesn't exist",
            Self::NoJetStream => {
                "the server has no JetStream, or not for this account; start it with -js, or set \
                jetstream in its configuration"
            }
            Self::NoLeader => {
                "it has no leader, or the server doesn't answer; does the cluster have its quorum?"
            }
            Self::Other(text) => text,
        })
    }
}

/// What a server knows of a stream.
pub(super) async fn info(jetstream: &Context, name: &str) -> Result<Info, Unavailable> {
    let error = match jetstream.get_stream(name).await {
        Ok(stream) => {
            let info = stream.cached_info().clone();
            let has_leader = info.cluster.as_ref().is_none_or(|cluster| {
                // A single server has a cluster without a name.
                cluster.leader.as_ref().is_some_and(|leader| !leader.is_empty())
            });
            return if has_leader { Ok(info) } else { Err(Unavailable::NoLeader) };
        }
        Err(error) => error,
    };
    Err(match error.kind() {
        GetStreamErrorKind::JetStream(error) => match error.error_code() {
            ErrorCode::STREAM_NOT_FOUND => Unavailable::Missing,
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                Unavailable::NoJetStream
            }
            ErrorCode::CLUSTER_NOT_AVAILABLE | ErrorCode::CLUSTER_NOT_LEADER => {
                Unavailable::NoLeader
            }
            _ => Unavailable::Other(error.to_string()),
        },
        GetStreamErrorKind::Request => {
            let source = std::error::Error::source(&error);
            let kind = source
                .and_then(|source| {
                    source.downcast_ref::<async_nats::jetstream::context::RequestError>()
                })
                .map(async_nats::error::Error::kind);
            match kind {
                Some(RequestErrorKind::NoResponders) => Unavailable::NoJetStream,
                Some(RequestErrorKind::TimedOut) => Unavailable::NoLeader,
                _ => Unavailable::Other(error.to_string()),
            }
        }
        _ => Unavailable::Other(error.to_string()),
    })
}

fn code(error: &CreateStreamError) -> Option<ErrorCode> {
    match error.kind() {
        CreateStreamErrorKind::JetStream(error) => Some(error.error_code()),
        _ => None,
    }
}
