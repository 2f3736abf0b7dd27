use crate::keys::Keys;

/// What came of an attempt to reach a receiver, without handing it any alert.
pub(crate) struct Probed {
    /// Its name, without secrets.
    pub(crate) receiver: String,
    /// What was seen of it, or why it can't be reached.
    pub(crate) result: Result<&'static str, String>,
}

/// Tries to reach the receiver of a handler with these keys. An error is about the keys.
pub(crate) type Probe = Box<dyn Fn(Keys) -> Result<Probed, String> + Send + Sync>;

/// What is looked at of addresses to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// Whether they are free. They are bound for a moment.
    MustBeFree,
    /// Nothing: the running Pigear has them.
    AreOwn,
}
