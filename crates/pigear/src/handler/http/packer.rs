//! Packing alerts into parcels.

use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::format::{Colour, Format, FormatName};
use reqwest::Url;

use super::form;
use super::id::Id;
use super::options::{Encoding, Escape, Options};
use super::parcel::{Framing, Parcel};
use super::presets::Preset;
use super::template::{Message, Rules, Template, sample};

/// Packs alerts into parcels.
pub(super) struct Packer {
    url: Target,
    content: Content,
    encoding: Encoding,
    framing: Framing,
    /// How many alerts go into a parcel, at most.
    pub(super) batch: usize,
    batch_bytes: usize,
    /// Whether a message may stand for several alerts, and says so by itself.
    says_count: bool,
}

/// Where parcels go.
enum Target {
    Fixed(Box<Url>),
    /// The URL that it must resemble: an alert chooses neither server nor scheme.
    Template(Box<Template>, Box<Url>),
}

/// How an alert is written.
enum Content {
    Format(Box<dyn Format>),
    Template(Box<Template>),
}

const BATCH: usize = 500;

impl Packer {
    pub(super) fn new(
        options: &Options,
        url: &str,
        template: Option<Template>,
    ) -> Result<Self, String> {
        let preset = options.preset();
        let encoding = options.encoding();
        let single = matches!(encoding, Encoding::Json | Encoding::Form);
        let batch = match options.batch {
            Some(0) => return Err("batch=0: expected at least 1".to_owned()),
            Some(n) if single && n > 1 => {
                return Err(format!("batch={n} needs encoding=ndjson or encoding=array"));
            }
            Some(n) => n,
            None if single => 1,
            None => BATCH,
        };
        if encoding == Encoding::Array && template.is_none() && !is_json(options.format()) {
            return Err(format!(
                "encoding=array needs JSON, which format={} is not",
                options.format()
            ));
        }
        let grouped = options.group().is_some() || options.per_minute().is_some();
        let says_count = grouped && template.is_none() && is_json(options.format());
        let content = match template {
            Some(template) => Content::Template(Box::new(template)),
            None => Content::Format(options.format().format(Colour::Never)),
        };
        Ok(Self {
            url: Target::new(url, options)?,
            content,
            encoding,
            framing: preset.and_then(Preset::framing).unwrap_or(Framing::of(encoding)),
            batch,
            batch_bytes: usize::try_from(options.batch_bytes.as_u64()).unwrap_or(usize::MAX),
            says_count,
        })
    }

    /// The URL without what is only known of an alert.
    pub(super) fn url(&self) -> &Url {
        match &self.url {
            Target::Fixed(url) | Target::Template(_, url) => url,
        }
    }

    /// Packs the first of the messages, as many as go into one parcel.
    ///
    /// # Errors
    /// If the first can't be written.
    pub(super) fn pack<'a>(
        &self,
        messages: impl IntoIterator<Item = Message<'a>>,
    ) -> Result<Parcel, String> {
        let mut parcel: Option<Parcel> = None;
        for message in messages {
            let (url, text) = match (self.url.of(&message), self.write(&message)) {
                (Ok(url), Ok(text)) => (url, text),
                // It comes again, and is the first then.
                (Err(error), _) | (_, Err(error)) => {
                    return parcel.ok_or(error);
                }
            };
            let parcel = parcel.get_or_insert_with(|| Parcel::new(url.clone(), self.framing));
            let fits = parcel.url == url && parcel.bytes_with(text.len()) <= self.batch_bytes;
            if parcel.len() > 0 && !fits {
                break;
            }
            parcel.push(message.id, &text);
            if parcel.len() >= self.batch {
                break;
            }
        }
        parcel.ok_or_else(|| "nothing to send".to_owned())
    }

    fn write(&self, message: &Message) -> Result<Vec<u8>, String> {
        let text = match &self.content {
            Content::Template(template) => template.render(message)?.into_bytes(),
            Content::Format(format) => {
                let mut text = Vec::new();
                format.write(message.alert, &mut text);
                text.truncate(text.trim_ascii_end().len());
                if self.says_count {
                    with_count(&mut text, message.count);
                }
                text
            }
        };
        Ok(if self.encoding == Encoding::Form { form::encoded(&text) } else { text })
    }
}

impl Target {
    fn new(url: &str, options: &Options) -> Result<Self, String> {
        if !url.contains("{{") && !url.contains("{%") {
            return valid(url).map(|url| Self::Fixed(Box::new(url)));
        }
        let rules = Rules {
            escape: Escape::Url,
            format: options.format(),
            lines: false,
            params: options.params(),
        };
        let template = Template::new("url", url, rules)?;
        let url = sample(|sample| template.render(sample))??;
        Ok(Self::Template(Box::new(template), Box::new(valid(&url)?)))
    }

    fn of(&self, message: &Message) -> Result<Url, String> {
        match self {
            Self::Fixed(url) => Ok(Url::clone(url)),
            Self::Template(template, like) => {
                let url = valid(&template.render(message)?)?;
                if url.origin() == like.origin() {
                    Ok(url)
                } else {
                    Err("url: the server must not depend on the alert".to_owned())
                }
            }
        }
    }
}

/// A URL that can be posted to. It is not shown: it may be a secret.
fn valid(url: &str) -> Result<Url, String> {
    let url = Url::parse(url).map_err(|error| format!("url: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("url: expected http:// or https://, not {}:", url.scheme()));
    }
    Ok(url)
}

/// Whether a format writes a JSON object a line.
pub(super) fn is_json(format: FormatName) -> bool {
    !matches!(format.name(), "fast" | "full" | "cef")
}

/// Adds a field `count` to a JSON object.
fn with_count(object: &mut Vec<u8>, count: u64) {
    if object.pop_if(|last| *last == b'}').is_some() {
        object.extend_from_slice(format!(",\"count\":{count}}}").as_bytes());
    }
}

/// An alert as a message for itself.
pub(super) fn single(alert: &Arc<Alert>) -> Message<'_> {
    Message { alert, count: 1, id: Id::of(alert) }
}
