/// Why a handler can't be made from its options.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The keys are wrong, or contradict each other.
    #[error("{0}")]
    Keys(String),
    /// The keys may be right, but it can't start.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for SetupError {
    fn from(problem: String) -> Self {
        Self::Failed(problem)
    }
}
