//! A handler's thread and queue.
//!
//! The lane takes alerts from its [`Queue`], applies its filters and limits, groups alerts if configured,
//! has the handler process them, and settles each alert once: in its [account](crate::account) and with
//! the queue.

mod call;
mod handle;
mod pending;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;

use crate::account::Account;
use crate::deadline::Deadline;
use crate::filter::Filter;
use crate::handler::Handler;
use crate::lane_filter::LaneFilter;
use crate::policy::LaneSettings;
use crate::queue::{Bounds, MemoryQueue, Queue};

pub(crate) use handle::{Lane, LaneEnd};
use pending::Pending;
pub(crate) use worker::Worker;

/// The parts of a lane.
pub(crate) struct LaneParts {
    pub(crate) settings: LaneSettings,
    /// The filters that its alerts must pass.
    pub(crate) filters: Vec<Box<dyn Filter>>,
    /// Its queue; `None` for a queue in memory.
    pub(crate) queue: Option<Arc<dyn Queue>>,
}

/// Creates a lane and the worker of its thread. `register` takes its account, and returns its name.
pub(crate) fn open(
    parts: LaneParts,
    handler: Box<dyn Handler>,
    register: impl FnOnce(Arc<Account>) -> String,
) -> Worker {
    let LaneParts { mut settings, filters, queue } = parts;
    let needs = handler.needs();
    settings.per_minute = settings.per_minute.or(needs.per_minute);
    let (queue, memory) = if let Some(queue) = queue {
        (queue, None)
    } else {
        let bounds = Bounds { alerts: settings.max_alerts, bytes: settings.max_bytes };
        let memory = Arc::new(MemoryQueue::new(bounds, settings.when_full));
        (Arc::clone(&memory) as Arc<dyn Queue>, Some(memory))
    };
    let (filtered, limited) = (!filters.is_empty(), settings.limit.is_some());
    let account = Arc::new(Account::new(Arc::clone(&queue), filtered, limited));
    let name = register(Arc::clone(&account));
    let filter = LaneFilter::new(&name, filters, &account);
    let lane = Arc::new(Lane {
        name,
        queue,
        memory,
        account,
        settings,
        needs,
        before: 0,
        reader_gone: Arc::default(),
        stopped_settling: Arc::default(),
        sources_resume: Arc::default(),
        deadline: Deadline::default(),
        renewal: Pending::default(),
    });
    Worker::new(lane, handler, filter)
}
