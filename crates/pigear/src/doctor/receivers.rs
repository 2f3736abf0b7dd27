//! Whether the receivers of handlers can be reached. No alert is sent.

use std::thread;

use nix::unistd::{AccessFlags, access};

use super::check::Check;
use super::finding::Finding;
use super::permissions::{
    Secrecy, closed_to_reader, credential_of, files_of, needs_credential, of_fifo, unreadable,
};
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
        let registry = subject.registry;
        let (mut findings, mut probed) = (Vec::new(), Vec::new());
        for handler in &subject.config.handlers {
            if needs_credential(handler, registry) {
                findings.extend(of_credential(handler, subject));
                continue;
            }
            let hidden = of_files(handler, subject);
            // It would say that the file can't be read.
            if hidden.is_empty() {
                probed.push(handler);
            }
            findings.extend(hidden);
        }
        thread::scope(|scope| {
            let begin = |handler| scope.spawn(move || of_handler(handler, registry));
            let begun: Vec<_> = probed.into_iter().map(begin).collect();
            findings.extend(begun.into_iter().filter_map(|probe| probe.join().ok().flatten()));
        });
        findings
    }
}

/// A credential that only the service gets.
fn of_credential(handler: &HandlerConfig, subject: &Subject<'_>) -> Option<Finding> {
    let (key, value) = credential_of(handler, subject.registry)?;
    let name = handler.name.as_deref().unwrap_or(&handler.kind);
    let credential = value.trim_start_matches("credential:");
    let found = format!("handler {name}: not looked at: only the service gets {key} = {value:?}");
    let why = "Systemd gives credentials to the service alone, so whether the receiver takes it can't be seen.";
    Some(Finding::note(found, why).advise(format!(
        "see that the unit has LoadCredential={credential}:FILE, and what Pigear logs: journalctl -u pigear"
    )))
}

/// Credentials and other files that a handler reads, and that may not be looked at, or can't be read by Pigear.
fn of_files(handler: &HandlerConfig, subject: &Subject<'_>) -> Vec<Finding> {
    let of_file = |path| match access(path, AccessFlags::R_OK) {
        Err(error) => unreadable(path, &error.into(), Secrecy::Secret, subject),
        Ok(()) => of_fifo(path).or_else(|| closed_to_reader(path, Secrecy::Secret, subject)),
    };
    files_of(handler, subject.registry).filter_map(of_file).collect()
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
