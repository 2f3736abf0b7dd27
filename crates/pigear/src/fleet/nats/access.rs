//! Which servers, and by which credentials.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::{ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use serde::{Deserialize, Deserializer};

use super::login::{self, Credentials};
use super::rights::MissingRights;
use crate::input_file::{self, MAX_SMALL};
use crate::keys::YesNo;
use crate::pem;
use crate::secret::Secret;

/// How long connecting to one server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server may take to answer a request, where the user doesn't say.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that answers no ping for twice this long is left.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// How long to wait between two attempts to connect again, at most.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(4);

/// The keys about servers and credentials, as they are given.
#[derive(Clone, Debug, Default)]
pub(super) struct AccessKeys {
    pub(super) url: Vec<Secret>,
    /// What the user calls the servers: the key or the option.
    pub(super) url_name: &'static str,
    pub(super) creds: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) token: Option<Secret>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) nkey: Option<PathBuf>,
    pub(super) tls: Option<YesNo>,
    pub(super) ca: Option<PathBuf>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

/// Servers and credentials, checked.
#[derive(Clone)]
pub(super) struct Access {
    servers: Vec<ServerAddr>,
    /// The servers without credentials, for messages.
    shown: String,
    credentials: Credentials,
    tls: Tls,
    /// How long the server may take to answer a request.
    request_timeout: Duration,
}

#[derive(Clone, Default)]
struct Tls {
    required: bool,
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

/// One URL or several, with commas between or as an array. They may have a password.
pub(super) fn urls<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<Secret>, D::Error> {
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
    let each = all.iter().flat_map(|urls| urls.split(','));
    Ok(each.map(|url| Secret::from(url.trim().to_owned())).collect())
}

impl AccessKeys {
    /// Checks what can be checked without reading a file.
    ///
    /// # Errors
    /// If a server is invalid, or keys contradict each other.
    pub(super) fn check(&self) -> Result<(), String> {
        let name = self.url_name;
        let servers = servers(&self.url, name)?;
        let identity = pem::identity_files(self.cert.as_deref(), self.key.as_deref())?;
        if self.tls == Some(YesNo::No) && (self.ca.is_some() || identity.is_some()) {
            return Err("ca, cert and key are for TLS; leave out tls=no".to_owned());
        }
        let has_password =
            has_one_of("password", self.password.is_some(), self.password_file.is_some())?;
        let has_token = has_one_of("token", self.token.is_some(), self.token_file.is_some())?;
        let ways = [self.creds.is_some(), self.user.is_some(), has_token, self.nkey.is_some()];
        let given = ways.into_iter().filter(|given| *given).count();
        if given > 1 {
            return Err("give only one of creds, nkey, token, and user with password".to_owned());
        }
        match (&self.user, has_password) {
            (Some(_), false) => {
                return Err("user needs password or password_file".to_owned());
            }
            (None, true) => return Err("password needs user".to_owned()),
            _ => {}
        }
        let in_urls = login::in_urls(&servers, name)?;
        if given > 0 && in_urls != Credentials::None {
            return Err(format!("{name} has a user; remove it, or the other credentials"));
        }
        Ok(())
    }
}

/// Whether a secret is given: as itself, or in a file.
fn has_one_of(name: &str, is_given: bool, is_in_file: bool) -> Result<bool, String> {
    if is_given && is_in_file {
        return Err(format!("give only one of {name} and {name}_file"));
    }
    Ok(is_given || is_in_file)
}

impl Access {
    /// Checks the keys, and reads the files.
    ///
    /// # Errors
    /// If keys contradict each other, or a file can't be read.
    pub(super) fn new(keys: AccessKeys) -> Result<Self, String> {
        keys.check()?;
        let servers = servers(&keys.url, keys.url_name)?;
        let each: Vec<_> = servers.iter().map(shown).collect();
        let shown = each.join(",");
        let tls = Tls::of(&keys)?;
        let in_urls = login::in_urls(&servers, keys.url_name)?;
        let credentials = match Credentials::of(keys)? {
            Credentials::None => in_urls,
            credentials => credentials,
        };
        // From here on, no server has a secret.
        let servers = each.iter().map(|server| server.parse());
        let servers = servers.collect::<Result<_, _>>().map_err(|_| WRONG_SERVER.to_owned())?;
        Ok(Self { servers, shown, credentials, tls, request_timeout: REQUEST_TIMEOUT })
    }

    /// With how long the server may take to answer a request.
    pub(super) fn with_request_timeout(self, request_timeout: Duration) -> Self {
        Self { request_timeout, ..self }
    }

    /// The servers, without credentials.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Connects to one of the servers. Later the connection is made again by itself, without end.
    ///
    /// # Errors
    /// What is wrong, in words for a user.
    pub(super) async fn connect(
        &self,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<async_nats::Client, String> {
        let rights = Mutex::new(MissingRights::new(self.shown.clone()));
        let mut options = self.options()?.event_callback(move |event| {
            rights.lock().unwrap_or_else(PoisonError::into_inner).note(&event);
            on_event(event);
            async {}
        });
        options = options
            .name(concat!("pigear/", env!("CARGO_PKG_VERSION")))
            .connection_timeout(CONNECT_TIMEOUT)
            .request_timeout(Some(self.request_timeout))
            .ping_interval(PING_INTERVAL)
            // `Presence` asks whether others are there.
            .no_echo()
            .reconnect_delay_callback(|attempts| {
                let factor =
                    1_u32.checked_shl(attempts.min(8).try_into().unwrap_or(8)).unwrap_or(1);
                (Duration::from_millis(25) * factor).min(MAX_RECONNECT_DELAY)
            });
        options.connect(&*self.servers).await.map_err(|error| self.in_words(&error))
    }

    fn options(&self) -> Result<ConnectOptions, String> {
        let mut options = match &self.credentials {
            Credentials::None => ConnectOptions::new(),
            Credentials::User(user, password) => {
                ConnectOptions::with_user_and_password(user.clone(), password.reveal().to_owned())
            }
            Credentials::Token(token) => ConnectOptions::with_token(token.reveal().to_owned()),
            Credentials::Nkey(seed) => ConnectOptions::with_nkey(seed.reveal().to_owned()),
            Credentials::Creds(text) => ConnectOptions::with_credentials(text.reveal())
                .map_err(|_| "creds: not a credentials file".to_owned())?,
        };
        options = options.require_tls(self.tls.required);
        if let Some(ca) = &self.tls.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((cert, key)) = &self.tls.identity {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        Ok(options)
    }

    /// Why connecting failed. The library's own text may have what the server sent, which isn't shown.
    fn in_words(&self, error: &async_nats::ConnectError) -> String {
        let cause = std::error::Error::source(error).map(|cause| format!(" ({cause})"));
        let cause = cause.unwrap_or_default();
        if cause.contains("InvalidContentType") {
            return "the server doesn't speak TLS; write nats://, and leave out tls, ca, cert and key"
                .to_owned();
        }
        match error.kind() {
            ConnectErrorKind::AuthorizationViolation => match self.credentials {
                Credentials::None => {
                    "the server wants credentials; give user and password, token, nkey or creds"
                        .into()
                }
                _ => "the server refuses the credentials".to_owned(),
            },
            ConnectErrorKind::Authentication => {
                "the server's challenge can't be signed; is the nkey or creds file whole?"
                    .to_owned()
            }
            ConnectErrorKind::TimedOut => "the server doesn't answer".to_owned(),
            ConnectErrorKind::Tls => format!("TLS failed{cause}{}", self.remedy(&cause)),
            ConnectErrorKind::Dns => format!("the host's address can't be found{cause}"),
            _ => format!("cannot connect{cause}{}", self.remedy(&cause)),
        }
    }

    /// What helps if the server's certificate isn't trusted.
    fn remedy(&self, cause: &str) -> &'static str {
        match self.tls.ca {
            _ if !cause.contains("UnknownIssuer") => "",
            Some(_) => "; ca has not the certificate of who signed the server's",
            None => "; give ca=FILE with the certificate of who signed the server's",
        }
    }
}

impl Tls {
    /// The keys are checked.
    fn of(keys: &AccessKeys) -> Result<Self, String> {
        let identity = pem::identity_files(keys.cert.as_deref(), keys.key.as_deref())?;
        let identity = identity.map(|(cert, key)| (cert.to_owned(), key.to_owned()));
        let named = identity.iter().flat_map(|(cert, key)| [cert, key]).chain(&keys.ca);
        for path in named {
            read(path)?;
        }
        let has_files = keys.ca.is_some() || identity.is_some();
        let required = keys.tls == Some(YesNo::Yes) || has_files;
        Ok(Self { required, ca: keys.ca.clone(), identity })
    }
}

impl Credentials {
    /// The keys are checked: there is one way at most.
    fn of(keys: AccessKeys) -> Result<Self, String> {
        let AccessKeys { creds, user, password, password_file, token, token_file, nkey, .. } = keys;
        let password = of_either(password, password_file)?;
        let token = of_either(token, token_file)?;
        if let Some(path) = creds {
            // The library wants a newline behind the last line.
            let text = Secret::from(format!("{}\n", Secret::read(&path)?.reveal()));
            let checked = ConnectOptions::with_credentials(text.reveal());
            return match checked {
                Ok(_) => Ok(Self::Creds(text)),
                Err(_) => Err(format!("{} is not a credentials file", path.display())),
            };
        }
        match (user, password, token, nkey) {
            (Some(user), Some(password), ..) => Ok(Self::User(user, password)),
            (.., Some(token), _) => Ok(Self::Token(token)),
            (.., Some(path)) => seed(&path),
            _ => Ok(Self::None),
        }
    }
}

/// The seed in a file: the first line that begins with `SU`, as `nk -gen user` writes it.
fn seed(path: &std::path::Path) -> Result<Credentials, String> {
    let text = Secret::read(path)?;
    let found = text.reveal().lines().map(str::trim).find(|line| line.starts_with("SU"));
    match found {
        Some(seed) => Ok(Credentials::Nkey(seed.to_owned().into())),
        None => Err(format!("{} has no seed of a user's nkey (a line SU…)", path.display())),
    }
}

fn of_either(given: Option<Secret>, file: Option<PathBuf>) -> Result<Option<Secret>, String> {
    match file {
        Some(path) => Secret::read(&path).map(Some),
        None => Ok(given),
    }
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, String> {
    input_file::read(path, MAX_SMALL)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}

const WRONG_SERVER: &str =
    "expected nats://HOST:PORT or tls://HOST:PORT, and several with commas between";

/// The servers of URLs. The name is what the user calls them.
pub(super) fn servers(urls: &[Secret], name: &str) -> Result<Vec<ServerAddr>, String> {
    if urls.is_empty() {
        return Err("url is missing: give url=nats://HOST:PORT".to_owned());
    }
    urls.iter().map(|url| server(url, name)).collect()
}

/// The server of a URL. The name is what the user calls it.
fn server(url: &Secret, name: &str) -> Result<ServerAddr, String> {
    let wrong = || format!("{name}: {WRONG_SERVER}");
    let text = url.reveal();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, None | Some("nats" | "tls")) {
        return Err(wrong());
    }
    let server: ServerAddr = text.parse().map_err(|_| wrong())?;
    if server.host().is_empty() { Err(wrong()) } else { Ok(server) }
}

/// A server without credentials.
fn shown(server: &ServerAddr) -> String {
    let scheme = if server.tls_required() { "tls" } else { "nats" };
    let host = server.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!("{scheme}://{host}:{}", server.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(url: &str) -> Result<Access, String> {
        let url = url.split(',').map(|url| url.to_owned().into()).collect();
        Access::new(AccessKeys { url, url_name: "url", ..AccessKeys::default() })
    }

    #[test]
    fn servers_are_shown_without_credentials() {
        let access = access("nats://me:s3cret@a:4223,tls://b").unwrap();
        assert_eq!(access.shown(), "nats://a:4223,tls://b:4222");
    }

    #[test]
    fn what_is_no_server_is_refused_without_being_shown() {
        for url in ["", "http://s3cret@a", "nats://", "nats://me:s3cret@"] {
            let error = access(url).err().unwrap();
            assert!(error.starts_with("url") && !error.contains("s3cret"), "{url}: {error}");
        }
    }

    #[test]
    fn keys_that_contradict_each_other_are_refused() {
        let url = || vec!["a".to_owned().into()];
        let keys = || AccessKeys { url: url(), url_name: "url", ..AccessKeys::default() };
        let secret = |text: &str| Some(Secret::from(text.to_owned()));
        let error = |keys| Access::new(keys).err().unwrap();
        let problem = error(AccessKeys { user: Some("me".into()), ..keys() });
        assert_eq!(problem, "user needs password or password_file");
        let problem = error(AccessKeys { password: secret("s"), ..keys() });
        assert_eq!(problem, "password needs user");
        let problem = error(AccessKeys { token: secret("s"), nkey: Some("x".into()), ..keys() });
        assert_eq!(problem, "give only one of creds, nkey, token, and user with password");
        let problem = error(AccessKeys { key: Some("x".into()), ..keys() });
        assert_eq!(problem, "key needs its certificate; give cert");
        let mut user = AccessKeys { user: Some("me".into()), password: secret("s"), ..keys() };
        user.url = vec!["nats://me:s@a".to_owned().into()];
        assert_eq!(error(user), "url has a user; remove it, or the other credentials");
    }
}
