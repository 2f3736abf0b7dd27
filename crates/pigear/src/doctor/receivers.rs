//! Whether the receivers of handlers can be reached. No alert is sent.

use std::thread;

use super::check::Check;
use super::finding::Finding;
use super::subject::Subject;
use crate::config::HandlerConfig;
use crate::registry::Registry;

pub(super) struct Receivers;

impl Check for Receivers {
    fn name(&self) -> &'static str {
        "receivers"
    }

    /// All at the same time: each waits for its network.
    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let (handlers, registry) = (&subject.config.handlers, subject.registry);
        thread::scope(|scope| {
            let begin = |handler| scope.spawn(move || of_handler(handler, registry));
            let begun: Vec<_> = handlers.iter().map(begin).collect();
            begun.into_iter().filter_map(|probe| probe.join().ok().flatten()).collect()
        })
    }
}

fn of_handler(handler: &HandlerConfig, registry: &Registry) -> Option<Finding> {
    let name = handler.name.as_deref().unwrap_or(&handler.kind);
    let why = "Its alerts wait, or are dropped when its queue is full.";
    Some(match registry.probe(&handler.kind, handler.keys.clone())? {
        Err(problem) => {
            Finding::wrong(format!("handler {name}: {problem}"), "Pigear doesn't start.")
        }
        Ok(probed) => match probed.result {
            Ok(how) => Finding::ok(format!("handler {name}: {} {how}", probed.receiver)),
            Err(problem) => {
                let found = format!("handler {name}: {}: {problem}", probed.receiver);
                Finding::wrong(found, why)
                    .advise("start the receiver, or correct the handler's keys")
            }
        },
    })
}
