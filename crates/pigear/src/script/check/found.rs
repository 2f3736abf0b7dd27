use rhai::Position;

/// What is wrong, and where.
pub(super) struct Found {
    pub(super) what: String,
    pub(super) position: Position,
}

impl Found {
    pub(super) fn new(what: impl Into<String>, position: Position) -> Self {
        Self { what: what.into(), position }
    }
}
