use pigear_pipeline::LaneSettings;

use crate::config::Begin;

/// A durable lane, to be registered in the store.
#[derive(Clone, Debug)]
pub struct DurableLane {
    /// Its name: that of its handler.
    pub name: String,
    /// Where it begins if it is new.
    pub begin: Begin,
    /// Its limits.
    pub settings: LaneSettings,
    /// The receiver that its handler delivers to.
    pub target: Option<String>,
}
