use std::net::{IpAddr, SocketAddr};

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    pub(super) local: Option<SocketAddr>,
}

/// The address of the client, which is another than that of the peer if a trusted server is in between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) address: IpAddr,
    /// Whether it may be that of many people.
    pub(super) is_shared: bool,
}
