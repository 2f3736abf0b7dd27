//! What changes of the lanes of a running pipeline.

use std::io;

use super::lane_config::LaneConfig;
use crate::filter::Filter;
use crate::handler::Handler;
use crate::policy::LaneSettings;

/// What changes. All other lanes are untouched, with all that waits in them.
#[derive(Default)]
pub struct LaneChange {
    /// Lanes that come. They get the alerts that are received from now on.
    pub added: Vec<NewLane>,
    /// Lanes that go on with something else.
    pub changed: Vec<ChangedLane>,
    /// Lanes that go. What waits in a store stays there; otherwise they process what they have, within the time of [`Pipeline::drain`](super::Pipeline::drain).
    pub removed: Vec<String>,
}

/// A lane that comes.
pub struct NewLane {
    /// Its name.
    pub name: String,
    /// Its handler.
    pub handler: Box<dyn Handler>,
    /// Its settings, filters and queue.
    pub config: LaneConfig,
}

/// A lane that goes on with something else: its queue, what waits in it, and its counters stay.
pub struct ChangedLane {
    /// Its name.
    pub name: String,
    /// The handler with which it goes on, after the last one has finished; `None` if that one stays.
    pub handler: Option<Box<dyn Handler>>,
    /// Its filters from now on.
    pub filters: Vec<Box<dyn Filter>>,
    /// Its settings, of which only `limit` takes effect.
    pub settings: LaneSettings,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The pipeline has ended.
    #[error("the run has ended")]
    Ended,
    /// A lane has this name already.
    #[error("a handler {name} is still there")]
    Taken {
        /// The name.
        name: String,
    },
    /// A lane of this name doesn't run, or not any more.
    #[error("the handler {name} has ended")]
    Gone {
        /// The name.
        name: String,
    },
    /// A new lane can't be started; the others were.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}
