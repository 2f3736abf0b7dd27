//! How alerts *move*: from sources, through lanes, to handlers.
//!
//! ```text
//! Snort ─datagram─▶ Source ──────────────▶ Fanout ──Arc<Alert>──┬──────────┬──────────┐
//!                   its own thread:        │                   ▤ Lane     ▤ Lane     ▤ Lane
//!                   receive, decode,       ▼                   │          │          │
//!                   stamp; never waits   Stats               Handler    Handler    Handler
//! ```
//!
//! Snort sends with a blocking call, from the thread that inspects packets. So the one rule of this
//! crate is that **a source never waits for a handler**: each handler has its own *lane*, a thread
//! and a bounded queue. Alerts that don't fit are counted and dropped, unless the lane is configured
//! to wait.
//!
//! Snort's log has more data than its socket: [`complete`] joins both.
//!
//! A [`Pipeline`] owns the lanes. [`Pipeline::run`] takes the sources and a [`Stop`], and returns
//! when the sources have ended, the limit of alerts is reached, something failed, or a stop is
//! requested. The sources end first, then the lanes process their queues, and each handler is
//! finished.
//!
//! ```
//! use std::sync::Arc;
//! use pigear_alert::Alert;
//! use pigear_pipeline::{Failure, Handler, LaneSettings, Pipeline, Progress, Stop};
//!
//! struct Count(usize);
//!
//! impl Handler for Count {
//!     fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
//!         self.0 += alerts.len();
//!         Ok(Progress::All)
//!     }
//! }
//!
//! let mut pipeline = Pipeline::default();
//! pipeline.add("count", Box::new(Count(0)), LaneSettings::default());
//! let stats = pipeline.stats();
//! pipeline.run(Vec::new(), &Stop::default())?;
//! assert_eq!(stats.snapshot().received, 0);
//! # Ok::<(), pigear_pipeline::PipelineError>(())
//! ```

mod account;
mod alert_factory;
mod backlog;
mod backoff;
pub mod complete;
mod connection;
mod deadline;
mod event_counter;
mod fanout;
mod file_kind;
mod filter;
mod grouping;
mod handler;
pub mod input;
mod lane;
mod lane_filter;
mod lane_times;
mod latency;
mod missed;
mod notice;
mod pipeline;
mod policy;
mod pulse;
mod queue;
mod rate_limiter;
pub mod recording;
pub mod source;
mod source_error;
mod stats;
mod stop;
#[cfg(test)]
mod test_alerts;
mod totals;
mod tracker;
mod wakers;

pub use alert_factory::{AlertFactory, NamesCell};
pub use backlog::Backlog;
pub use backoff::{Backoff, BackoffPolicy, Jitter};
pub use connection::SourceConnection;
pub use deadline::{Deadline, EndCause, Slept};
pub use event_counter::EventCounter;
pub use fanout::{Fanout, Flow, Intake};
pub use file_kind::file_kind;
pub use filter::{Filter, FilterError};
pub use handler::{Context, Failure, Handler, Needs, Progress, Refusal, Verdict};
pub use lane_times::{LanePhase, LaneTiming, Retries};
pub use latency::Latency;
pub use notice::NOTICE;
pub use pipeline::{
    ChangeError, ChangedLane, LaneChange, LaneChanger, LaneConfig, NewLane, Pipeline, PipelineError,
};
pub use policy::{BatchPolicy, LaneSettings, MAX_BATCH, OnError, UnknownPolicy, WhenFull};
pub use pulse::{CutOff, Motion, Pulse};
pub use queue::{Batch, Queue, Refused, Settlement, Taken};
pub use rate_limiter::{RateLimiter, RecentEvents};
pub use source::{Activity, Source};
pub use source_error::SourceError;
pub use stats::{LaneSnapshot, Snapshot, Stats};
pub use stop::Stop;
pub use totals::Totals;
