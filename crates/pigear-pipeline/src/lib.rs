//! How alerts *move*: from sources, through lanes, to handlers.
//!
//! ```text
//! Snort ─datagram─▶ Source ──────────────▶ Fanout ──Arc<Alert>──┬──────────┬──────────┐
//!                   its own thread:        │                   ▤ Lane     ▤ Lane     ▤ Lane
//!                   receive, decode,       ▼                   │          │          │
//!                   stamp; never waits   Stats               Handler    Handler    Handler
//! ```
//!
//! Snort sends with a call that blocks, from the thread that inspects packets. So the one rule of
//! this crate is that **a source never waits for a handler**: each handler has a [`lane`] of
//! its own, a thread and a bounded queue, and what doesn't fit there is counted and dropped, unless
//! the lane was told to wait.
//!
//! Snort's own log knows more than its socket: [`complete`] puts both together.
//!
//! A [`Pipeline`] owns the lanes; [`Pipeline::run`] takes the sources and a [`Stop`], and returns
//! when the sources have ended, enough alerts were seen, something failed, or somebody asked it to
//! stop. Then the sources end first, the lanes work off what they have, and each handler is
//! finished.
//!
//! ```
//! use std::sync::Arc;
//! use pigear_alert::Alert;
//! use pigear_pipeline::{Handler, HandlerError, LaneSettings, Pipeline, Stop};
//!
//! struct Count(usize);
//!
//! impl Handler for Count {
//!     fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
//!         self.0 += alerts.len();
//!         Ok(())
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

mod alert_factory;
mod backlog;
mod backoff;
pub mod complete;
mod deadline;
mod durable;
mod fanout;
mod filter;
mod handler;
pub mod input;
mod journal;
pub mod lane;
mod lane_filter;
mod missed;
mod pipeline;
mod queue;
pub mod recording;
pub mod source;
mod stats;
mod stop;
#[cfg(test)]
mod test_alerts;

pub use alert_factory::{AlertFactory, NamesCell};
pub use backlog::Backlog;
pub use backoff::Backoff;
pub use deadline::{Deadline, Slept};
pub use fanout::{Fanout, Flow, Intake, OnError};
pub use filter::{Filter, FilterError};
pub use handler::{Cause, Gather, Handler, HandlerError};
pub use journal::{Journal, Next, Outcome};
pub use lane::{LaneSettings, WhenFull};
pub use pipeline::{Pipeline, PipelineError};
pub use source::{Source, SourceError};
pub use stats::{LaneSnapshot, Snapshot, Stats};
pub use stop::Stop;
