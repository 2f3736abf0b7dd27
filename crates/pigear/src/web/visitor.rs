//! Visitors: whom limits tell apart.

use std::net::IpAddr;
use std::sync::Arc;

tokio::task_local! {
    /// Who makes the request that this task answers. Queries ask for it, so that no handler has to pass it on.
    static VISITOR: Visitor;
}

/// Who makes a request.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    address: IpAddr,
    /// Whether the address may be that of many people: loopback, where a server in between is not known.
    is_shared: bool,
    login: Option<Party>,
}

/// What a limit counts by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Party {
    /// An address, or the network of one.
    Address(IpAddr),
    /// A user, with all sessions.
    User(Arc<str>),
    /// A session of someone who has the token, which many people may have.
    Session(u64),
}

impl Visitor {
    pub(super) fn new(address: IpAddr, is_shared: bool) -> Self {
        Self { address: network(address), is_shared, login: None }
    }

    /// The same, with a login.
    pub(super) fn with(self, login: Option<Party>) -> Self {
        Self { login, ..self }
    }

    /// Runs a future for this visitor.
    pub(super) async fn scope<F: Future>(self, future: F) -> F::Output {
        VISITOR.scope(self, future).await
    }

    /// The visitor whose request this task answers.
    pub(super) fn current() -> Self {
        let unknown = Self::new(IpAddr::from([0; 4]), false);
        VISITOR.try_with(Self::clone).unwrap_or(unknown)
    }

    /// The user. Without one the address, or the session where the address is that of many people.
    pub(super) fn party(&self) -> Party {
        match &self.login {
            Some(login @ Party::User(_)) => login.clone(),
            Some(login) if self.is_shared => login.clone(),
            _ => Party::Address(self.address),
        }
    }

    /// The address, unless it is that of many people.
    pub(super) fn address(&self) -> Option<Party> {
        (!self.is_shared).then_some(Party::Address(self.address))
    }

    /// The user, or the session of someone with the token.
    pub(super) fn login(&self) -> Option<Party> {
        self.login.clone()
    }

    /// Whether it may be many people.
    pub(super) fn is_many(&self) -> bool {
        self.is_shared && self.login.is_none()
    }
}

/// What stands for an address: of IPv6 its network, because each client has a whole one.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
        ip => ip,
    }
}
