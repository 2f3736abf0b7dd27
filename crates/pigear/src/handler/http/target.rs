//! The target of requests.

use reqwest::Url;
use ring::digest::{SHA256, digest};

use super::answer::server_of;
use super::encoding::Escape;
use super::message::Message;
use super::options::Options;
use super::presets::Preset;
use super::template::{Rules, Template, sample};
use crate::keys::SetupError;

/// The target of requests: always the same server, whatever an alert contains.
pub(super) struct Target {
    /// The URL, without parts that depend on an alert.
    url: Url,
    template: Option<Template>,
    preset: Option<Preset>,
}

impl Target {
    pub(super) fn new(options: &Options) -> Result<Self, SetupError> {
        let given = options.url()?;
        let given = given.reveal();
        Self::of_text(given, options).map_err(SetupError::Keys)
    }

    fn of_text(given: &str, options: &Options) -> Result<Self, String> {
        let preset = options.preset();
        if !is_template_text(given) {
            return Ok(Self { url: valid(given, preset)?, template: None, preset });
        }
        let rules = Rules {
            escape: Escape::Url,
            is_url: true,
            format: options.format_keys(),
            lines: false,
            params: options.params(),
        };
        let template = Template::new("url", given, rules)?;
        let url = valid(&sample(|sample| template.render(sample))??, preset)?;
        Ok(Self { url, template: Some(template), preset })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether the URL depends on the alert.
    pub(super) fn is_template(&self) -> bool {
        self.template.is_some()
    }

    /// The URL for this message.
    pub(super) fn of(&self, message: &Message) -> Result<Url, String> {
        let Some(template) = &self.template else { return Ok(self.url.clone()) };
        let url = valid(&template.render(message)?, self.preset)?;
        if url.origin() == self.url.origin() {
            Ok(url)
        } else {
            Err("url: the server must not depend on the alert".to_owned())
        }
    }
}

fn is_template_text(url: &str) -> bool {
    url.contains("{{") || url.contains("{%")
}

/// A name for a receiver: its server, and a digest that tells its URL from others of the server without
/// revealing it.
pub(super) fn name_of(url: &Url) -> String {
    let digest = digest(&SHA256, url.as_str().as_bytes());
    let start = digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}"));
    format!("{} (URL {})", server_of(url), start.collect::<String>())
}

/// A URL for posting. It is not shown, because it may be secret.
fn valid(url: &str, preset: Option<Preset>) -> Result<Url, String> {
    let mut url = Url::parse(url)
        .map_err(|error| format!("url: {error}; expected http://SERVER/… or https://SERVER/…"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("url: expected http:// or https://, not {}:", url.scheme()));
    }
    if let Some(preset) = preset {
        preset.complete(&mut url);
    }
    Ok(url)
}
