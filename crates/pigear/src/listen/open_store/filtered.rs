use pigear_pipeline::{Filter, Handler};

/// A handler with the filters that its alerts must pass.
pub(in crate::listen) struct Filtered {
    pub(in crate::listen) handler: Box<dyn Handler>,
    pub(in crate::listen) filters: Vec<Box<dyn Filter>>,
}
