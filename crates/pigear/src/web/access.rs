//! Who may see the page.

mod limiter;
mod sessions;
pub(crate) mod users;

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;
use tracing::warn;

use self::limiter::{Limiter, Origin};
pub(super) use self::sessions::{LIFETIME, Session};
use self::sessions::{Sessions, secret};
use self::users::{Role, Users};
use super::ends::Client;
use super::options::{LEAST_TOKEN, Options, Token};
use super::problem::Problem;
use super::visitor::Party;
use crate::keys::SetupError;

/// How the name of the cookie with the session begins.
const SESSION_COOKIE: &str = "pigear_session";

/// How many passwords are checked at the same time; each takes memory and time.
const MOST_CHECKS: usize = 2;

/// Who may see the page.
pub(super) struct Access {
    token: Option<Token>,
    users: Option<Users>,
    sessions: Sessions,
    limiter: Limiter,
    checks: Semaphore,
    /// The token against forged requests, where no login is needed.
    csrf: String,
    /// The name of the cookie with the session.
    cookie: String,
}

/// Who makes a request.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    /// No login is needed.
    Anyone,
    /// Has the token.
    Token,
    /// Has logged in.
    User(Session),
}

impl Identity {
    /// What limits count a login by, if there is one.
    pub(super) fn party(&self) -> Option<Party> {
        match self {
            Self::User(session) => Some(match &session.user {
                Some(name) => Party::User(name.as_str().into()),
                None => Party::Session(session.key()),
            }),
            Self::Anyone | Self::Token => None,
        }
    }
}

impl Access {
    /// Reads the files of options that are checked.
    pub(super) fn new(options: &Options) -> Result<Self, SetupError> {
        let token = options.secret()?;
        let users = options.users.as_deref().map(Users::open).transpose()?;
        let address = options.listen.0;
        if !address.ip().is_loopback() && token.as_ref().is_some_and(Token::is_short) {
            warn!(
                "others can reach {address}, and the token has fewer than {LEAST_TOKEN} characters, so it could \
                be guessed; `openssl rand -hex 16` makes a better one"
            );
        }
        Ok(Self {
            token,
            users,
            sessions: Sessions::default(),
            limiter: Limiter::default(),
            checks: Semaphore::new(MOST_CHECKS),
            csrf: secret()?,
            cookie: SESSION_COOKIE.to_owned(),
        })
    }

    /// A browser sends a machine's cookies to all its ports, so each page has a name of its own for them.
    pub(super) fn at(mut self, port: u16, prefix: &str) -> Self {
        self.cookie = format!("{SESSION_COOKIE}_{port}{}", prefix.replace('/', "_"));
        self
    }

    /// The name of the cookie with the session.
    pub(super) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// The ways to log in; none if no login is needed.
    pub(super) fn ways(&self) -> Vec<&'static str> {
        let ways = [("password", self.users.is_some()), ("token", self.token.is_some())];
        ways.into_iter().filter(|(_, there)| *there).map(|(way, _)| way).collect()
    }

    /// Who makes a request.
    pub(super) fn identify(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Identity, Problem> {
        if self.ways().is_empty() {
            return Ok(Identity::Anyone);
        }
        if let Some(given) = bearer(headers) {
            return self.check_token(given, peer);
        }
        let found = cookies(headers, &self.cookie).find_map(|id| self.sessions.find(id));
        let user = found.filter(|session| self.is_still(session)).map(Identity::User);
        user.ok_or_else(|| self.please("log in first"))
    }

    /// Whether someone who was let in still may be.
    pub(super) fn still_allows(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Anyone | Identity::Token => true,
            Identity::User(session) => self.sessions.has(session) && self.is_still(session),
        }
    }

    fn is_still(&self, session: &Session) -> bool {
        match &session.user {
            Some(name) => self.users.as_ref().is_some_and(|users| {
                users.role(name) == Some(session.role)
                    && users.password_mark(name) == session.password
            }),
            None => self.token.is_some(),
        }
    }

    fn please(&self, detail: &str) -> Problem {
        Problem::login(self.ways(), detail)
    }

    fn check_token(&self, given: &str, peer: IpAddr) -> Result<Identity, Problem> {
        // The right one is not limited: who is behind the same address must not lock it out. It is too long to
        // be guessed.
        if self.token.as_ref().is_some_and(|token| token.is(given)) {
            return Ok(Identity::Token);
        }
        let peer = Origin { peer, user: None };
        self.limit(peer)?;
        self.limiter.failed(peer);
        self.limiter.log(peer);
        Err(self.please("the token is wrong"))
    }

    fn limit(&self, peer: Origin) -> Result<(), Problem> {
        match self.limiter.wait(peer) {
            None => Ok(()),
            Some(seconds) => {
                let from = if peer.user.is_some() { "with this name" } else { "from this address" };
                let detail = format!("too many wrong logins came {from}");
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "logins", detail);
                Err(problem.retry_after(seconds))
            }
        }
    }

    /// Begins a session of a user.
    pub(super) async fn log_in(
        &self,
        name: &str,
        password: String,
        client: Client,
    ) -> Result<(String, Session), Problem> {
        let peer = Origin { peer: client.address, user: client.is_shared.then_some(name) };
        self.limit(peer)?;
        let Some(users) = &self.users else {
            return Err(self.please("there are no users; log in with the token"));
        };
        // Counted first, so that many at the same time don't get past.
        self.limiter.failed(peer);
        let check = users.check(name.to_owned(), password);
        let role = {
            let _permit = self.checks.acquire().await.map_err(|_| Problem::internal())?;
            tokio::task::spawn_blocking(check).await.map_err(|_| Problem::internal())?
        };
        let Some(role) = role else {
            self.limiter.log(peer);
            return Err(self.please("the name or the password is wrong"));
        };
        self.limiter.succeeded(peer);
        let password = users.password_mark(name);
        self.sessions.begin(Some(name.to_owned()), role, password).map_err(|_| Problem::internal())
    }

    /// Begins a session of someone who has the token.
    pub(super) fn log_in_with(
        &self,
        token: &str,
        peer: IpAddr,
    ) -> Result<(String, Session), Problem> {
        self.check_token(token, peer)?;
        self.sessions.begin(None, Role::Full, None).map_err(|_| Problem::internal())
    }

    /// Ends a session.
    pub(super) fn log_out(&self, session: &Session) {
        self.sessions.end(session);
    }

    /// The token that a request must have that changes something; `None` if it needs none, because it has a
    /// secret that no other page's request has.
    pub(super) fn csrf<'a>(&'a self, identity: &'a Identity) -> Option<&'a str> {
        match identity {
            Identity::Anyone => Some(&self.csrf),
            Identity::Token => None,
            Identity::User(session) => Some(&session.csrf),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let texts = headers.get_all(COOKIE).into_iter().filter_map(|header| header.to_str().ok());
    let pairs =
        texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(given, _)| *given == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn the_right_token_is_let_in_after_wrong_ones_from_the_same_address() {
        let options = Options { token: Some(Token::new("right")), ..Options::default() };
        let access = Access::new(&options).unwrap();
        let peer = IpAddr::from([127, 0, 0, 1]);
        let status = |token| {
            let problem = access.log_in_with(token, peer).err();
            problem.map(|problem| problem.into_response().status())
        };
        for _ in 0..5 {
            assert_eq!(status("wrong"), Some(StatusCode::UNAUTHORIZED));
        }
        assert_eq!(status("wrong"), Some(StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(status("right"), None);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, "Bearer right".parse().unwrap())]);
        assert!(access.identify(&headers, peer).is_ok());
    }
}
