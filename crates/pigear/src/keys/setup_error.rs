use std::path::Path;

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

impl SetupError {
    /// # Errors
    /// If the value of the key `path` is empty.
    pub(crate) fn refuse_empty(path: &Path) -> Result<(), Self> {
        if path.as_os_str().is_empty() {
            return Err(Self::Keys("path: expected a file".to_owned()));
        }
        Ok(())
    }
}

impl From<String> for SetupError {
    fn from(problem: String) -> Self {
        Self::Failed(problem)
    }
}
