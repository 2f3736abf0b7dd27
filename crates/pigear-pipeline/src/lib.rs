//! How alerts *move*: from sources, through lanes, to handlers.
