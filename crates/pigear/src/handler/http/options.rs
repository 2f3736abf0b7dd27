//! The keys of `http`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use pigear_alert::format::FormatName;
use serde::Deserialize;

use super::encoding::{Encoding, Escape};
use super::presets::{Preset, UnknownPreset};
use super::secret::Secret;
use crate::handler::compress::Compress;
use crate::keys::{FormatKeys, Time, parsed, parsed_option};

/// The keys of `http`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Where to send: `http://` or `https://`. May be a template. A user name and password in it are for
    /// basic authentication.
    pub url: Option<Secret>,
    /// A file with the URL, for a URL that is secret.
    pub url_file: Option<PathBuf>,
    /// How alerts are put into a request.
    #[serde(default, deserialize_with = "parsed_option")]
    pub encoding: Option<Encoding>,
    /// The format of an alert: `json`, unless a preset says otherwise.
    #[serde(default)]
    pub format: FormatKeys,
    /// The most alerts in a request; 500 by default, 1 with an encoding for single alerts.
    #[serde(default, deserialize_with = "parsed_option")]
    pub batch: Option<usize>,
    /// The most bytes in a request, before compression; 1 MiB by default. An alert that is larger
    /// is sent alone.
    #[serde(default = "one_mebibyte", deserialize_with = "parsed")]
    pub batch_bytes: ByteSize,
    /// How long an alert waits for others to fill its request; one second by default, zero with an
    /// encoding for single alerts.
    #[serde(default, deserialize_with = "parsed_option")]
    pub delay: Option<Time>,
    /// The most requests in flight. With more than one they may arrive in another order.
    #[serde(default = "one", deserialize_with = "parsed")]
    pub in_flight: usize,
    /// How to compress requests: `gzip`, `zstd` or `none`, the default.
    #[serde(default, deserialize_with = "parsed")]
    pub compress: Compress,
    /// Headers to send.
    #[serde(default)]
    pub header: BTreeMap<String, Secret>,
    /// `basic:USER:PASS`, `bearer:TOKEN`, `splunk:TOKEN` or `apikey:KEY`. On a command line it is visible
    /// in the list of processes.
    pub auth: Option<Secret>,
    /// A file with the same.
    pub auth_file: Option<PathBuf>,
    /// The environment variable with the same.
    pub auth_env: Option<String>,
    /// The proxy to use.
    pub proxy: Option<Secret>,
    /// A file of certificates (PEM) to trust, instead of the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate (PEM).
    pub cert: Option<PathBuf>,
    /// The key of the certificate (PEM).
    pub key: Option<PathBuf>,
    /// The timeout of a request, including its response.
    #[serde(default = "half_a_minute", deserialize_with = "parsed")]
    pub timeout: Time,
    /// The timeout of connecting.
    #[serde(default = "ten_seconds", deserialize_with = "parsed")]
    pub connect_timeout: Time,
    /// A template for the body of an alert: a file, or `preset:NAME`.
    #[serde(default, deserialize_with = "parsed_option")]
    pub template: Option<TemplateName>,
    /// What a template's values are escaped for: `json` (the default), `url` or `none`.
    #[serde(default, deserialize_with = "parsed_option")]
    pub escape: Option<Escape>,
    /// Values that the template gets as `param.NAME`.
    #[serde(default)]
    pub param: BTreeMap<String, Secret>,
}

impl Options {
    /// Checks what can be checked without reading a file.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.in_flight == 0 {
            return Err("in_flight=0: expected at least 1".to_owned());
        }
        for (key, time) in [("timeout", self.timeout), ("connect_timeout", self.connect_timeout)] {
            if time.0.is_zero() {
                return Err(format!("{key}=0: must be greater than 0"));
            }
        }
        match (&self.url, &self.url_file) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            // Its errors.
            _ => self.url().map(drop),
        }
    }

    /// The URL, from one of the options for it.
    pub(super) fn url(&self) -> Result<Secret, String> {
        match (&self.url, &self.url_file) {
            (Some(url), None) => Ok(url.clone()),
            (None, Some(path)) => Secret::read(path),
            (None, None) => Err("give url or url_file".to_owned()),
            (Some(_), Some(_)) => Err("give only one of url and url_file".to_owned()),
        }
    }

    /// The preset, if a built-in template is configured.
    pub(super) fn preset(&self) -> Option<Preset> {
        match self.template {
            Some(TemplateName::Preset(preset)) => Some(preset),
            _ => None,
        }
    }

    pub(super) fn format(&self) -> FormatName {
        let usual = || self.preset().map_or(FormatName::Json, Preset::format);
        self.format.format.unwrap_or_else(usual)
    }

    /// The keys about the format, with the format that is meant if none is given.
    pub(super) fn format_keys(&self) -> FormatKeys {
        self.format.clone().or(self.format())
    }

    pub(super) fn encoding(&self) -> Encoding {
        let usual = || self.preset().map(Preset::encoding).unwrap_or_default();
        self.encoding.unwrap_or_else(usual)
    }

    pub(super) fn params(&self) -> BTreeMap<String, String> {
        let text = |(name, value): (&String, &Secret)| (name.clone(), value.reveal().to_owned());
        self.param.iter().map(text).collect()
    }

    /// The content type of the body.
    pub(super) fn content_type(&self) -> &'static str {
        let text = self.template.is_none() && !self.format().is_json();
        let plain = text || self.escape.is_some_and(|escape| escape != Escape::Json);
        let usual = match self.encoding() {
            Encoding::Form => "application/x-www-form-urlencoded",
            _ if plain => "text/plain; charset=utf-8",
            Encoding::Ndjson => "application/x-ndjson",
            Encoding::Json | Encoding::Array => "application/json",
        };
        self.preset().and_then(Preset::content_type).unwrap_or(usual)
    }
}

fn one() -> usize {
    1
}

fn one_mebibyte() -> ByteSize {
    ByteSize::mib(1)
}

fn half_a_minute() -> Time {
    Time(Duration::from_secs(30))
}

fn ten_seconds() -> Time {
    Time(Duration::from_secs(10))
}

/// The source of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateName {
    /// A file.
    File(PathBuf),
    /// A built-in one.
    Preset(Preset),
}

impl FromStr for TemplateName {
    type Err = UnknownPreset;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("preset:") {
            Some(name) => name.parse().map(Self::Preset),
            None => Ok(Self::File(text.into())),
        }
    }
}
