//! Visitors: whom limits tell apart.

use std::net::IpAddr;

tokio::task_local! {
    /// Who makes the request that this task answers. Queries ask for it, so that no handler has to pass it on.
    static VISITOR: Visitor;
}

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visitor {
    address: IpAddr,
    /// Whether the address may be that of many people: loopback, where a server in between is not known.
    is_shared: bool,
    session: Option<u64>,
}

/// What a limit counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Party {
    /// An address, or the network of one.
    Address(IpAddr),
    /// A session.
    Session(u64),
}

impl Visitor {
    pub(super) fn new(address: IpAddr, is_shared: bool) -> Self {
        Self { address: network(address), is_shared, session: None }
    }

    /// The same, with the key of a session.
    pub(super) fn with(self, session: Option<u64>) -> Self {
        Self { session, ..self }
    }

    /// Runs a future for this visitor.
    pub(super) async fn scope<F: Future>(self, future: F) -> F::Output {
        VISITOR.scope(self, future).await
    }

    /// The visitor whose request this task answers.
    pub(super) fn current() -> Self {
        let unknown = Self::new(IpAddr::from([0; 4]), false);
        VISITOR.try_with(|visitor| *visitor).unwrap_or(unknown)
    }

    /// The session, or the address if there is none.
    pub(super) fn party(self) -> Party {
        self.session.map_or(Party::Address(self.address), Party::Session)
    }

    /// The address, unless it is that of many people.
    pub(super) fn address(self) -> Option<Party> {
        (!self.is_shared).then_some(Party::Address(self.address))
    }

    /// The session, if there is one.
    pub(super) fn session(self) -> Option<Party> {
        self.session.map(Party::Session)
    }

    /// Whether it may be many people.
    pub(super) fn is_many(self) -> bool {
        self.is_shared && self.session.is_none()
    }
}

/// What stands for an address: of IPv6 its network, because each client has a whole one.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
        ip => ip,
    }
}
