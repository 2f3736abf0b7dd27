use std::str::FromStr;

/// Which alerts wait for their event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completed {
    /// Those that lack something: the packet, addresses, or a sound event. Others are completed only if
    /// their event comes first.
    #[default]
    Lacking,
    /// All of them: every alert that was logged then has the log's action.
    All,
}

/// A text that doesn't say which alerts wait.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither `lacking` nor `all`")]
pub struct UnknownCompleted(String);

impl FromStr for Completed {
    type Err = UnknownCompleted;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "lacking" => Ok(Self::Lacking),
            "all" => Ok(Self::All),
            _ => Err(UnknownCompleted(text.to_owned())),
        }
    }
}
