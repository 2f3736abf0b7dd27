use std::sync::Arc;

use crate::filter::Filter;
use crate::policy::LaneSettings;
use crate::queue::Queue;

/// The settings of a lane, its filters, and its queue.
#[derive(Default)]
pub struct LaneConfig {
    /// Size limits, batching and grouping.
    pub settings: LaneSettings,
    /// The filters that its alerts must pass.
    pub filters: Vec<Box<dyn Filter>>,
    /// Its queue, if that outlives the process. Sources don't push to it; another part of the program
    /// fills it.
    pub queue: Option<Arc<dyn Queue>>,
}

impl From<LaneSettings> for LaneConfig {
    fn from(settings: LaneSettings) -> Self {
        Self { settings, ..Self::default() }
    }
}
