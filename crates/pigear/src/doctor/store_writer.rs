//! Who writes to a store.

use std::path::Path;

use super::bound_sockets::BoundSocket;
use super::finding::Finding;
use super::lines::ended;
use super::process::Process;
use super::running::running;
use super::subject::Subject;
use crate::store::Inspection;

/// What is found about the process that has the store; none if no process has it.
pub(super) fn of_writer(path: &Path, subject: &Subject<'_>) -> Option<Finding> {
    let id = Inspection::writer(path)?;
    if running(subject).is_some_and(|pigear| pigear.id == id) {
        return Some(Finding::ok(if subject.socket_sources().next().is_some() {
            format!("process {id} writes to it, which has the socket, too")
        } else {
            format!("process {id} writes to it, which is the Pigear that runs")
        }));
    }
    let process = Process::numbered(&subject.proc, id);
    let sockets = process.as_ref().map(|it| BoundSocket::all_of(it, &subject.proc));
    let sockets = sockets.unwrap_or_default();
    let paths: Vec<_> = sockets.iter().map(|socket| socket.path.display().to_string()).collect();
    let paths = paths.join(", ");
    let name = process.as_ref().map_or("", |it| &it.name);
    let why = "Only one Pigear can write to a store, so another one doesn't start.";
    let has_lost_all = !sockets.is_empty() && sockets.iter().all(|socket| socket.is_lost);
    if has_lost_all && process.as_ref().is_some_and(Process::is_pigear) {
        let found = format!(
            "{name} (process {id}) has it locked, and has lost its socket: {paths} was removed"
        );
        let finding = Finding::wrong(found, why);
        return Some(finding.advise("end it, or give each its own store").typed(ended(id)));
    }
    let receives =
        if paths.is_empty() { String::new() } else { format!(", which receives at {paths},") };
    let found = format!("{name} (process {id}){receives} has it locked");
    Some(Finding::wrong(found, why).advise(format!(
        "give this one another path (path = in [store], or --store); or end process {id}, if it isn't needed"
    )))
}
