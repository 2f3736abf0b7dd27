//! Which brokers, and by which credentials.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rskafka::BackoffConfig;
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use rustls::ClientConfig;
use serde::{Deserialize, Deserializer};
use tokio::time::timeout;

use super::trouble;
use crate::crypto;
use crate::keys::YesNo;
use crate::pem;
use crate::secret::Secret;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The port of brokers.
const PORT: u16 = 9_092;

named! {
    /// How the client proves who it is.
    pub Mechanism: "plain, scram-sha-256 or scram-sha-512" {
        /// The password itself is sent.
        Plain = "plain",
        /// The password isn't sent.
        ScramSha256 = "scram-sha-256",
        /// The password isn't sent.
        ScramSha512 = "scram-sha-512",
    }
}

/// The keys about brokers and credentials, as they are given.
#[derive(Clone, Debug, Default)]
pub(super) struct AccessKeys {
    pub(super) url: Vec<String>,
    /// What the user calls the brokers: the key or the option.
    pub(super) url_name: &'static str,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) mechanism: Option<Mechanism>,
    pub(super) tls: Option<YesNo>,
    pub(super) ca: Option<PathBuf>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

/// Brokers and credentials, checked.
#[derive(Clone)]
pub(super) struct Access {
    brokers: Vec<String>,
    sasl: Option<SaslConfig>,
    tls: Option<Arc<ClientConfig>>,
}

/// One URL or several, with commas between or as an array.
pub(super) fn urls<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a URL, or an array of URLs")]
    enum Urls {
        One(String),
        Several(Vec<String>),
    }
    let all = match Urls::deserialize(value)? {
        Urls::One(url) => vec![url],
        Urls::Several(urls) => urls,
    };
    Ok(all.iter().flat_map(|urls| urls.split(',')).map(|url| url.trim().to_owned()).collect())
}

impl AccessKeys {
    /// Checks what can be checked without reading a file.
    ///
    /// # Errors
    /// If a broker is invalid, or keys contradict each other.
    pub(super) fn check(&self) -> Result<(), String> {
        brokers(&self.url, self.url_name)?;
        let identity = pem::identity_files(self.cert.as_deref(), self.key.as_deref())?;
        if self.tls == Some(YesNo::No) && (self.ca.is_some() || identity.is_some()) {
            return Err("ca, cert and key are for TLS; leave out tls=no".to_owned());
        }
        let wrong = |problem: &str| Err(problem.to_owned());
        match (&self.user, self.password.is_some(), self.password_file.is_some()) {
            (_, true, true) => wrong("give only one of password and password_file"),
            (None, false, false) if self.mechanism.is_some() => {
                wrong("mechanism needs user and password")
            }
            (Some(_), false, false) => wrong("user needs password or password_file"),
            (None, true, _) | (None, _, true) => wrong("password needs user"),
            _ => Ok(()),
        }
    }
}

impl Access {
    /// Checks the keys, and reads the files.
    ///
    /// # Errors
    /// If keys contradict each other, or a file can't be read.
    pub(super) fn new(keys: AccessKeys) -> Result<Self, String> {
        keys.check()?;
        let brokers = brokers(&keys.url, keys.url_name)?;
        let tls = tls(&keys)?;
        Ok(Self { brokers, tls, sasl: sasl(keys)? })
    }

    /// The brokers, for messages.
    pub(super) fn shown(&self) -> String {
        format!("kafka://{}", self.brokers.join(","))
    }

    /// Whether the password is sent as it is over a connection that anyone in between can read.
    pub(super) fn shows_password(&self) -> bool {
        self.tls.is_none() && matches!(self.sasl, Some(SaslConfig::Plain(_)))
    }

    /// Connects to one of the brokers. Nothing is tried again by itself.
    ///
    /// # Errors
    /// What is wrong, in words for a user.
    pub(super) async fn connect(&self) -> Result<Client, String> {
        // The library's own attempts would reorder batches, and would say nothing meanwhile.
        let once = BackoffConfig { deadline: Some(Duration::ZERO), ..BackoffConfig::default() };
        let mut builder = ClientBuilder::new(self.brokers.clone())
            .client_id(concat!("pigear/", env!("CARGO_PKG_VERSION")))
            .backoff_config(once);
        if let Some(tls) = &self.tls {
            builder = builder.tls_config(Arc::clone(tls));
        }
        if let Some(sasl) = &self.sasl {
            builder = builder.sasl_config(sasl.clone());
        }
        match timeout(CONNECT_TIMEOUT, builder.build()).await {
            Ok(built) => {
                built.map_err(|error| trouble::of_connecting(&error, self.tls.is_some()))
            }
            Err(_) => Err(
                "the broker doesn't answer; does it want TLS (tls=yes), or credentials (user=NAME)?"
                    .to_owned(),
            ),
        }
    }
}

/// The brokers of URLs. The name is what the user calls them.
pub(super) fn brokers(urls: &[String], name: &str) -> Result<Vec<String>, String> {
    if urls.is_empty() {
        return Err("url is missing: give url=kafka://HOST:PORT".to_owned());
    }
    urls.iter().map(|url| broker(url, name)).collect()
}

/// A broker's host and port. The name is what the user calls the URL.
fn broker(url: &str, name: &str) -> Result<String, String> {
    let wrong = format!("{name}: expected kafka://HOST:PORT, and several with commas between");
    let address = match url.split_once("://") {
        None => url,
        Some(("kafka", address)) => address,
        Some(_) => return Err(wrong),
    };
    let address = address.trim_end_matches('/');
    if address.contains('@') {
        return Err(format!("{name}: give credentials as user and password_file"));
    }
    let is_wrong = |c: char| c.is_whitespace() || c.is_control() || "/?#".contains(c);
    let bracket = address.rfind(']').unwrap_or(0);
    let (host, port) = match address.rfind(':').filter(|colon| *colon > bracket) {
        Some(colon) => {
            let (host, port) = address.split_at(colon);
            (host, port.trim_start_matches(':').parse().map_err(|_| wrong.clone())?)
        }
        None => (address, PORT),
    };
    if host.is_empty() || port == 0 || address.contains(is_wrong) {
        return Err(wrong);
    }
    Ok(format!("{host}:{port}"))
}

/// The keys are checked: user and password are both given, or neither is.
fn sasl(keys: AccessKeys) -> Result<Option<SaslConfig>, String> {
    let password = match keys.password_file {
        Some(path) => Some(Secret::read(&path)?),
        None => keys.password,
    };
    let (Some(user), Some(password)) = (keys.user, password) else { return Ok(None) };
    let credentials = Credentials::new(user, password.reveal().to_owned());
    Ok(Some(match keys.mechanism.unwrap_or(Mechanism::ScramSha512) {
        Mechanism::Plain => SaslConfig::Plain(credentials),
        Mechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
        Mechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
    }))
}

fn tls(keys: &AccessKeys) -> Result<Option<Arc<ClientConfig>>, String> {
    let identity = pem::identity_files(keys.cert.as_deref(), keys.key.as_deref())?;
    let has_files = keys.ca.is_some() || identity.is_some();
    match keys.tls {
        Some(YesNo::No) => return Ok(None),
        None if !has_files => return Ok(None),
        Some(YesNo::Yes) | None => {}
    }
    let builder = ClientConfig::builder_with_provider(crypto::provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(pem::roots(keys.ca.as_deref())?);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let (chain, read) = pem::identity(cert, key)?;
            let built = builder.with_client_auth_cert(chain, read);
            built.map_err(|error| pem::not_its_key(cert, key, error))?
        }
    };
    Ok(Some(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(keys: AccessKeys) -> String {
        Access::new(keys).err().unwrap()
    }

    fn keys(url: &str) -> AccessKeys {
        AccessKeys { url: vec![url.to_owned()], url_name: "url", ..AccessKeys::default() }
    }

    #[test]
    fn a_broker_is_a_host_and_a_port() {
        for (url, expected) in [
            ("kafka://a:9093/", "a:9093"),
            ("a", "a:9092"),
            ("[::1]", "[::1]:9092"),
            ("kafka://[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(broker(url, "url").as_deref(), Ok(expected), "{url}");
        }
        for url in
            ["", "http://s3cret", "kafka://", "me:s3cret@a", "a:", "a:x", "a:0", "a b", "a/s3cret"]
        {
            let error = error(keys(url));
            assert!(error.starts_with("url") && !error.contains("s3cret"), "{url}: {error}");
        }
    }

    #[test]
    fn keys_that_contradict_each_other_are_refused() {
        let secret = || Some(Secret::from("s3cret".to_owned()));
        let user = Some("me".to_owned());
        assert_eq!(error(AccessKeys { user, ..keys("a") }), "user needs password or password_file");
        assert_eq!(error(AccessKeys { password: secret(), ..keys("a") }), "password needs user");
        let mechanism = Some(Mechanism::Plain);
        let problem = error(AccessKeys { mechanism, ..keys("a") });
        assert_eq!(problem, "mechanism needs user and password");
        let problem = error(AccessKeys { tls: Some(YesNo::No), ca: Some("x".into()), ..keys("a") });
        assert_eq!(problem, "ca, cert and key are for TLS; leave out tls=no");
        let problem = error(AccessKeys { ca: Some("/nowhere".into()), ..keys("a") });
        assert!(problem.starts_with("cannot read /nowhere"), "{problem}");
    }
}
