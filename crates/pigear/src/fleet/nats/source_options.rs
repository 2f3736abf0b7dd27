//! Where the source reads: servers, and the rest as a query behind them.

use std::path::PathBuf;

use serde::Deserialize;

use super::access::AccessKeys;
use super::bucket::{self, BUCKET};
use super::consumer::ConsumerSettings;
use super::options::check_stream_name;
use crate::fleet::SubjectTemplate;
use crate::fleet::source_keys::source_keys;
use crate::keys::{YesNo, parsed, parsed_option};
use crate::secret::Secret;

/// The default of `silent`.
const SILENT: u32 = 3;

/// What `--from nats://HOST:PORT?KEY=VALUE&…` may have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SourceOptions {
    stream: String,
    consumer: String,
    #[serde(deserialize_with = "parsed")]
    subject: SubjectTemplate,
    /// Sensors, with commas between; all, if not given.
    sensor: String,
    /// Priorities, with commas between; all, if not given.
    priority: String,
    /// The bucket of the heartbeats.
    bucket: String,
    /// A sensor is silent after this many heartbeats that didn't come; 0: never.
    #[serde(deserialize_with = "parsed")]
    silent: u32,
    creds: Option<PathBuf>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    nkey: Option<PathBuf>,
    #[serde(deserialize_with = "parsed_option")]
    tls: Option<YesNo>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    #[serde(skip)]
    url: Vec<Secret>,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            stream: "PIGEAR".to_owned(),
            consumer: "pigear".to_owned(),
            subject: SubjectTemplate::default(),
            sensor: String::new(),
            priority: String::new(),
            bucket: BUCKET.to_owned(),
            silent: SILENT,
            creds: None,
            user: None,
            password_file: None,
            token_file: None,
            nkey: None,
            tls: None,
            ca: None,
            cert: None,
            key: None,
            url: Vec::new(),
        }
    }
}

impl SourceOptions {
    /// Parses what `--from` says.
    pub(super) fn parse(from: &str) -> Result<Self, String> {
        let (servers, query) = from.split_once('?').unwrap_or((from, ""));
        let keys = source_keys(query)?;
        let mut options: Self = keys.options().map_err(|error| error.to_string())?;
        let each = servers.split(',').map(|server| server.trim_end_matches('/').to_owned());
        options.url = each.map(Secret::from).collect();
        check_stream_name(&options.stream)?;
        check_stream_name(&options.consumer)?;
        Ok(options)
    }

    /// The same, with everything checked that can be without reading a file.
    pub(super) fn checked(from: &str) -> Result<Self, String> {
        let options = Self::parse(from)?;
        options.settings()?;
        options.bucket()?;
        options.access().check()?;
        Ok(options)
    }

    pub(super) fn bucket(&self) -> Result<String, String> {
        bucket::check_name(&self.bucket).map_err(|problem| format!("bucket: {problem}"))?;
        Ok(self.bucket.clone())
    }

    pub(super) fn silent(&self) -> u32 {
        self.silent
    }

    pub(super) fn sensors(&self) -> Vec<String> {
        let names = self.sensor.split(',').filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    pub(super) fn settings(&self) -> Result<ConsumerSettings, String> {
        let listed = |text: &str| -> Vec<String> {
            text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let priority = |text: String| {
            text.parse().map_err(|_| format!("priority: {text:?} is not a whole number"))
        };
        Ok(ConsumerSettings {
            stream: self.stream.clone(),
            name: self.consumer.clone(),
            subject: self.subject.clone(),
            sensors: self.sensors(),
            priorities: listed(&self.priority)
                .into_iter()
                .map(priority)
                .collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn access(&self) -> AccessKeys {
        AccessKeys {
            url: self.url.clone(),
            url_name: "--from",
            creds: self.creds.clone(),
            user: self.user.clone(),
            password: None,
            password_file: self.password_file.clone(),
            token: None,
            token_file: self.token_file.clone(),
            nkey: self.nkey.clone(),
            tls: self.tls,
            ca: self.ca.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
        }
    }
}

/// Checks what `--from` says, without reading a file.
pub(crate) fn check_source(from: &str) -> Result<(), String> {
    SourceOptions::checked(from).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_each_sensor_with_each_priority() {
        let from = "nats://a:4222,nats://b?sensor=web.1,db&priority=1,2&stream=S&consumer=c";
        let options = SourceOptions::parse(from).unwrap();
        let settings = options.settings().unwrap();
        assert_eq!((&*settings.stream, &*settings.name), ("S", "c"));
        let filters =
            ["db.1", "db.2", "web%2E1.1", "web%2E1.2"].map(|end| format!("pigear.alerts.{end}"));
        assert_eq!(settings.filters(), filters);
        assert!(settings.wants("pigear.alerts.db.2") && !settings.wants("pigear.alerts.db.3"));
        assert_eq!(options.access().url.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |query: &str| {
            let options = SourceOptions::parse(&format!("nats://a?{query}"));
            options.and_then(|options| options.settings()).unwrap_err()
        };
        assert!(error("streem=a").starts_with("unknown key `streem`"), "{}", error("streem=a"));
        assert_eq!(error("stream=a&stream=b"), "stream is given twice");
        assert_eq!(error("priority=high"), "priority: \"high\" is not a whole number");
        assert!(error("consumer=a.b").contains("is not a name"));
    }
}
