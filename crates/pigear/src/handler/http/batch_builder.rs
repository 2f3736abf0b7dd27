//! Builds requests from alerts.

use pigear_alert::format::{Colour, Format, FormatName};
use reqwest::Url;

use super::encoding::{Encoding, Framing};
use super::form;
use super::message::Message;
use super::options::{Options, TemplateName};
use super::presets::Preset;
use super::request_body::RequestBody;
use super::target::Target;
use super::template::Template;
use crate::keys::SetupError;

/// Builds requests from alerts.
pub(super) struct BatchBuilder {
    target: Target,
    content: Content,
    encoding: Encoding,
    framing: Framing,
    /// The most alerts in a request.
    batch: usize,
    /// Whether the format writes a JSON object without a count of the alerts that it stands for.
    says_count: bool,
}

/// The format of an alert.
enum Content {
    Format(Box<dyn Format>),
    Template(Box<Template>),
}

const BATCH: usize = 500;

const PARAM_WITHOUT_TEMPLATE: &str = "param needs a template, of the body or the URL";

impl BatchBuilder {
    /// Checks what can be checked without reading a file.
    pub(super) fn check(options: &Options) -> Result<(), SetupError> {
        let wrong = |problem| Err(SetupError::Keys(problem));
        let encoding = options.encoding();
        if let Some(preset) = options.preset()
            && encoding != preset.encoding()
        {
            return wrong(format!("preset:{} has its own encoding; leave it out", preset.name()));
        }
        // Also where a template uses it.
        options.format_keys().build(Colour::Never).map_err(SetupError::Keys)?;
        let target = if options.url.is_some() { Some(Target::new(options)?) } else { None };
        let has_template = match options.template {
            Some(TemplateName::File(_)) => true,
            Some(TemplateName::Preset(_)) | None => Template::of(options)?.is_some(),
        };
        let may_have_template = has_template || target.is_none_or(|target| target.is_template());
        if !may_have_template && !options.param.is_empty() {
            return wrong(PARAM_WITHOUT_TEMPLATE.to_owned());
        }
        if encoding == Encoding::Array && !has_template && !options.format().is_json() {
            let format = options.format();
            return wrong(format!("encoding=array needs JSON, which format={format} is not"));
        }
        batch(options).map(drop).map_err(SetupError::Keys)
    }

    /// For options that are checked.
    pub(super) fn new(options: &Options) -> Result<Self, SetupError> {
        let encoding = options.encoding();
        let format = options.format_keys().build(Colour::Never).map_err(SetupError::Keys)?;
        let target = Target::new(options)?;
        let template = Template::of(options)?;
        let json = options.format().is_json();
        // A URL in a file may be a template.
        if template.is_none() && !target.is_template() && !options.param.is_empty() {
            return Err(SetupError::Keys(PARAM_WITHOUT_TEMPLATE.to_owned()));
        }
        let framing = options.preset().and_then(Preset::framing);
        Ok(Self {
            target,
            encoding,
            framing: framing.unwrap_or(Framing::of(encoding)),
            batch: batch(options).map_err(SetupError::Keys)?,
            says_count: json
                && !matches!(options.format(), FormatName::Json | FormatName::AlertJson),
            content: match template {
                Some(template) => Content::Template(Box::new(template)),
                None => Content::Format(format),
            },
        })
    }

    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    /// The URL, without parts that depend on an alert.
    pub(super) fn url(&self) -> &Url {
        self.target.url()
    }

    /// Builds a request from the first of the messages: as many as fit into this many bytes, but at least
    /// one.
    ///
    /// # Errors
    /// If the first can't be formatted.
    pub(super) fn build(
        &self,
        messages: &[Message],
        most_bytes: usize,
    ) -> Result<RequestBody, String> {
        let mut request_body: Option<RequestBody> = None;
        for message in messages {
            let (url, text) = match (self.target.of(message), self.write(message)) {
                (Ok(url), Ok(text)) => (url, text),
                // It is passed again as the first one, and reported then.
                (Err(error), _) | (_, Err(error)) => {
                    return request_body.ok_or(error);
                }
            };
            let request_body =
                request_body.get_or_insert_with(|| RequestBody::new(url.clone(), self.framing));
            let fits = request_body.url == url && request_body.bytes_with(text.len()) <= most_bytes;
            if request_body.len() > 0 && !fits {
                break;
            }
            request_body.push(message.id.of_sending(message.alert), &text);
            if request_body.len() >= self.batch {
                break;
            }
        }
        request_body.ok_or_else(|| "nothing to send".to_owned())
    }

    fn write(&self, message: &Message) -> Result<Vec<u8>, String> {
        let text = match &self.content {
            Content::Template(template) => template.render(message)?.into_bytes(),
            Content::Format(format) => {
                let mut text = Vec::new();
                format.write(message.alert, &mut text);
                text.truncate(text.trim_ascii_end().len());
                if self.says_count
                    && let Some(count) = message.alert.count
                {
                    with_count(&mut text, count.get());
                }
                text
            }
        };
        Ok(if self.encoding == Encoding::Form { form::encoded(&text) } else { text })
    }
}

/// The most alerts in a request.
fn batch(options: &Options) -> Result<usize, String> {
    let single = matches!(options.encoding(), Encoding::Json | Encoding::Form);
    match options.batch {
        Some(0) => Err("batch=0: expected at least 1".to_owned()),
        Some(n) if single && n > 1 => {
            Err(format!("batch={n} needs encoding=ndjson or encoding=array"))
        }
        Some(n) => Ok(n),
        None if single => Ok(1),
        None => Ok(BATCH),
    }
}

/// Adds a field `count` to a JSON object.
fn with_count(object: &mut Vec<u8>, count: u64) {
    if object.pop_if(|last| *last == b'}').is_some() {
        object.extend_from_slice(format!(",\"count\":{count}}}").as_bytes());
    }
}
