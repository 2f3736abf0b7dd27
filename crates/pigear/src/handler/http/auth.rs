//! Authentication.

use std::env;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::HeaderValue;

use super::options::Options;
use super::secret::Secret;
use crate::keys::SetupError;

const EXPECTED: &str = "expected basic:USER:PASS, bearer:TOKEN, splunk:TOKEN or apikey:KEY";

/// The header `Authorization`, if it is configured.
pub(super) fn header(options: &Options) -> Result<Option<HeaderValue>, SetupError> {
    let Some(auth) = given(options)? else { return Ok(None) };
    value_of(auth.reveal()).map(Some).map_err(|error| SetupError::Keys(format!("auth: {error}")))
}

/// Checks what can be checked without reading a file or the environment.
pub(super) fn check(options: &Options) -> Result<(), SetupError> {
    let is_twice = options.auth_file.is_some() && options.auth_env.is_some();
    // Its errors.
    if options.auth.is_some() || is_twice { header(options).map(drop) } else { Ok(()) }
}

/// The credentials, from one of the options for them.
pub(super) fn given(options: &Options) -> Result<Option<Secret>, SetupError> {
    match (&options.auth, &options.auth_file, &options.auth_env) {
        (None, None, None) => Ok(None),
        (Some(auth), None, None) => Ok(Some(auth.clone())),
        (None, Some(path), None) => Ok(Some(Secret::read(path)?)),
        (None, None, Some(name)) => {
            #[cfg(feature = "exec")]
            crate::secret_variables::add(name);
            env::var(name)
                .map(|value| Some(value.into()))
                .map_err(|error| SetupError::Keys(format!("auth_env={name}: {error}")))
        }
        _ => Err(SetupError::Keys("give only one of auth, auth_file and auth_env".to_owned())),
    }
}

fn value_of(auth: &str) -> Result<HeaderValue, &'static str> {
    let (kind, secret) = auth.split_once(':').ok_or(EXPECTED)?;
    let text = match kind {
        "basic" if secret.contains(':') => format!("Basic {}", BASE64.encode(secret)),
        "bearer" => format!("Bearer {secret}"),
        "splunk" => format!("Splunk {secret}"),
        "apikey" => format!("ApiKey {secret}"),
        _ => return Err(EXPECTED),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| "has characters that are not allowed in a header")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_become_headers_that_are_not_shown() {
        let value = value_of("basic:Aladdin:open sesame").unwrap();
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(format!("{value:?}"), "Sensitive");
        assert_eq!(value_of("bearer:abc").unwrap(), "Bearer abc");
        assert_eq!(value_of("splunk:abc").unwrap(), "Splunk abc");
        assert_eq!(value_of("apikey:abc").unwrap(), "ApiKey abc");
    }

    #[test]
    fn what_is_no_scheme_is_refused_without_being_shown() {
        for wrong in ["s3cret", "basic:s3cret", "digest:a:s3cret"] {
            assert_eq!(value_of(wrong), Err(EXPECTED));
        }
        assert_eq!(
            value_of("bearer:s3\ncret"),
            Err("has characters that are not allowed in a header")
        );
    }
}
