//! Reads the configuration again while it is run.

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use pigear_pipeline::{ChangedLane, LaneChange, LaneChanger, NewLane, Queue, Stop};
use tracing::warn;

use super::ListenError;
use super::check::check;
use super::difference::{Difference, name_of};
use super::files::written_by_both;
use super::housekeeping::Chore;
use super::in_force::InForce;
use super::lanes::{self, BuiltLane};
use super::open_store::OpenStore;
use crate::config::{Config, HandlerConfig};
use crate::input_file;
use crate::names::Watched;
use crate::registry::Registry;
use crate::rules::Rules;

/// How long a handler that was removed may take until another one has its name: a little longer than it has to end
/// in order.
const END_TIMEOUT: Duration = Duration::from_secs(6);
const END_CHECK: Duration = Duration::from_millis(5);

/// What a reload needs.
pub struct Reloading<'a> {
    /// The handlers.
    pub registry: &'a Registry,
    /// Reads the configuration again.
    pub read: &'a (dyn Fn() -> Result<Config, String> + Sync),
    /// Gets each step.
    pub told: &'a (dyn Fn(ReloadStep<'_>) + Sync),
}

/// A step of a reload.
#[derive(Clone, Copy, Debug)]
pub enum ReloadStep<'a> {
    /// It has begun.
    Begun,
    /// The new configuration is in force: what it changed.
    Done(&'a str),
    /// The old configuration stays in force.
    Refused(&'a str),
}

/// The rules after a reload.
enum NextRules {
    /// Of the same paths.
    Same,
    None,
    Others(Arc<Rules>),
}

/// Reloads when asked to.
pub(super) struct Reloader<'a> {
    pub(super) reloading: &'a Reloading<'a>,
    pub(super) in_force: InForce,
    pub(super) store: &'a mut OpenStore,
    pub(super) changer: LaneChanger,
    pub(super) chores: Sender<Chore>,
    /// Ends a reload that has not yet changed anything.
    pub(super) stop: Stop,
    /// Handlers that reloads removed, and that may not have ended yet.
    pub(super) removed: Vec<HandlerConfig>,
}

impl Reloader<'_> {
    /// Works until there can be no more requests.
    pub(super) fn run(mut self, requests: &Receiver<()>) {
        if let Err(error) = input_file::abandoned_on(&self.stop) {
            warn!("the end may wait for a reload: {error}");
        }
        while requests.recv().is_ok() && !self.stop.is_requested() {
            // One reload is enough for all that were asked for until now.
            while requests.try_recv().is_ok() {}
            (self.reloading.told)(ReloadStep::Begun);
            match self.reload() {
                Ok(what) => (self.reloading.told)(ReloadStep::Done(&what)),
                // The program ends.
                Err(_) if self.stop.is_requested() => return,
                Err(problem) => (self.reloading.told)(ReloadStep::Refused(&problem)),
            }
        }
    }

    fn reload(&mut self) -> Result<String, String> {
        let mut config = (self.reloading.read)()?;
        let registry = self.reloading.registry;
        let (_, names) = check(&mut config, registry).map_err(|error| explained(&error))?;
        needs_no_restart(&self.in_force.config, &config)?;
        let keeps_others = config.store != self.in_force.config.store;
        if keeps_others && config.store.path.is_none() {
            return Err("retention needs a store, and a store needs a restart".to_owned());
        }
        let difference = Difference::of(&self.in_force.config, &config)?;
        self.check_changes(&difference)?;
        for added in &difference.added {
            self.wait_for_end(name_of(added))?;
            self.ending_writers(added).iter().try_for_each(|name| self.wait_for_end(name))?;
        }
        let mut what = difference.to_string();
        let removed = difference.removed.iter();
        let removed = removed.filter_map(|name| {
            self.in_force.config.handlers.iter().find(|it| name_of(it) == name).cloned()
        });
        let removed: Vec<_> = removed.collect();
        let watched = if names == self.in_force.names {
            None
        } else {
            Some(Watched::load(names.clone()).map_err(|error| explained(&error))?)
        };
        let rules = self.rules(&config)?;
        self.go_on()?;
        self.change_lanes(&config, &difference)?;
        self.removed.retain(|it| self.changer.is_ending(name_of(it)));
        self.removed.extend(removed);
        if keeps_others {
            match self.store.start(&config.store) {
                Ok(()) => what += "; what the store keeps changed",
                Err(error) => {
                    // The next reload tries again.
                    warn!("cannot change what the store keeps: {}", explained(&error));
                    config.store = self.in_force.config.store.clone();
                }
            }
        }
        match rules {
            NextRules::Same => {}
            NextRules::None => self.set_rules(None),
            NextRules::Others(rules) => self.set_rules(Some(rules)),
        }
        match watched {
            Some(watched) => self.tell(Chore::Names(Box::new(watched))),
            None => self.read_again(),
        }
        self.in_force = InForce { config, names };
        Ok(what)
    }

    /// An error if the program is to end.
    fn go_on(&self) -> Result<(), String> {
        if self.stop.is_requested() { Err("the program ends".to_owned()) } else { Ok(()) }
    }

    /// The rules of this configuration.
    fn rules(&self, config: &Config) -> Result<NextRules, String> {
        if config.rules == self.in_force.config.rules {
            return Ok(NextRules::Same);
        }
        if config.rules.is_empty() {
            return Ok(NextRules::None);
        }
        let rules = Rules::open(&config.rules).map_err(|error| explained(&error))?;
        Ok(NextRules::Others(Arc::new(rules)))
    }

    fn set_rules(&self, rules: Option<Arc<Rules>>) {
        self.reloading.registry.rules().set(rules.clone());
        self.tell(Chore::Rules(rules));
    }

    /// Has names and rules read again, and waits for it.
    fn read_again(&self) {
        let (done, is_done) = channel::<()>();
        self.tell(Chore::Reload(Some(done)));
        // It ends with what is dropped.
        while is_done.recv_timeout(END_CHECK) == Err(RecvTimeoutError::Timeout) {
            if self.stop.is_requested() {
                return;
            }
        }
    }

    fn tell(&self, chore: Chore) {
        // The housekeeper ends after the last reload.
        let _ = self.chores.send(chore);
    }

    /// Waits until a handler of this name has ended that an earlier reload removed.
    fn wait_for_end(&self, name: &str) -> Result<(), String> {
        let begin = Instant::now();
        while self.changer.is_ending(name) {
            self.go_on()?;
            if begin.elapsed() > END_TIMEOUT {
                return Err(format!("the last handler {name} has not ended yet; try again"));
            }
            thread::sleep(END_CHECK);
        }
        Ok(())
    }

    /// Some handlers can't have a successor, and no file has a writer in each of two lanes.
    fn check_changes(&self, difference: &Difference<'_>) -> Result<(), String> {
        for handler in &difference.changed {
            let name = name_of(handler);
            let before = self.in_force.config.handlers.iter().find(|it| name_of(it) == name);
            let Some(before) = before else { continue };
            if matches!(&*handler.kind, "shell" | "web") && before.kind == handler.kind {
                let keys = before.keys.different(&handler.keys).join(" and ");
                let kind = &handler.kind;
                return Err(format!(
                    "handler {name}: {keys} changed, and there can't be two of {kind}: that needs a restart"
                ));
            }
        }
        self.check_writers(difference)
    }

    fn check_writers(&self, difference: &Difference<'_>) -> Result<(), String> {
        let ends = |it: &&HandlerConfig| {
            let changed = difference.changed.iter().map(|it| name_of(it));
            let mut ending = changed.chain(difference.removed.iter().map(String::as_str));
            ending.any(|name| name == name_of(it))
        };
        let ending: Vec<_> = self.in_force.config.handlers.iter().filter(ends).collect();
        for handler in difference.changed.iter().chain(&difference.added) {
            let name = name_of(handler);
            for other in ending.iter().filter(|it| name_of(it) != name) {
                let Some(path) = written_by_both(handler, other, self.reloading.registry) else {
                    continue;
                };
                let (path, other) = (path.display(), name_of(other));
                return Err(format!(
                    "handler {name} would write {path}, which handler {other} has open until it has ended; \
                     reload once without handler {name}"
                ));
            }
        }
        Ok(())
    }

    /// The handlers that were removed and write one of the files of a new one.
    fn ending_writers(&self, added: &HandlerConfig) -> Vec<String> {
        let registry = self.reloading.registry;
        let writers = self.removed.iter();
        let writers = writers.filter(|it| written_by_both(added, it, registry).is_some());
        writers.map(|it| name_of(it).to_owned()).collect()
    }

    fn change_lanes(&mut self, config: &Config, difference: &Difference<'_>) -> Result<(), String> {
        let registry = self.reloading.registry;
        let failed = |error: ListenError| explained(&error);
        // First everything that can fail and leaves nothing behind.
        let changed = built(config, &difference.changed, registry).map_err(failed)?;
        let added = built(config, &difference.added, registry).map_err(failed)?;
        let mut targets = Vec::new();
        for lane in &changed {
            let name = &lane.name;
            let is_durable = lane.is_durable(self.store).map_err(failed)?;
            if is_durable != self.store.has_lane(name) {
                return Err(format!("handler {name}: to be durable or not needs a restart"));
            }
            if is_durable {
                targets.push((name.clone(), lane.handler.needs().target));
            }
        }
        for lane in &added {
            lane.is_durable(self.store).map_err(failed)?;
        }
        let mut change =
            LaneChange { removed: difference.removed.clone(), ..LaneChange::default() };
        for handler in &difference.filtered {
            let filters = lanes::filters(config, handler).map_err(failed)?;
            let settings = handler.lane(lanes::when_full(config));
            let name = name_of(handler).to_owned();
            change.changed.push(ChangedLane { name, handler: None, filters, settings });
        }
        change.changed.extend(changed.into_iter().map(|lane| {
            let BuiltLane { name, handler, filters, settings, .. } = lane;
            ChangedLane { name, handler: Some(handler), filters, settings }
        }));
        let mut queues = Vec::new();
        let changing = self.open_lanes(added, &mut queues).and_then(|added| {
            change.added = added;
            self.changer.change(change).map_err(|error| explained(&error))
        });
        if let Err(problem) = changing {
            for (name, queue) in queues {
                self.store.undo_lane(&name);
                queue.abandon();
            }
            return Err(problem);
        }
        difference.removed.iter().for_each(|name| self.store.forget_lane(name));
        for (name, target) in targets {
            self.store.set_target(&name, target.as_deref());
        }
        Ok(())
    }

    /// Opens lanes. Queues are those that were opened, also if not all could be.
    fn open_lanes(
        &mut self,
        lanes: Vec<BuiltLane<'_>>,
        queues: &mut Vec<(String, Arc<dyn Queue>)>,
    ) -> Result<Vec<NewLane>, String> {
        let mut opened = Vec::new();
        for lane in lanes {
            let lane = lane.open(self.store).map_err(|error| explained(&error))?;
            queues.extend(lane.config.queue.clone().map(|queue| (lane.name.clone(), queue)));
            opened.push(lane);
        }
        Ok(opened)
    }
}

fn built<'a>(
    config: &Config,
    handlers: &[&'a HandlerConfig],
    registry: &Registry,
) -> Result<Vec<BuiltLane<'a>>, ListenError> {
    handlers.iter().map(|handler| BuiltLane::new(config, handler, registry)).collect()
}

/// Checks that nothing changed that only a restart changes.
fn needs_no_restart(before: &Config, next: &Config) -> Result<(), String> {
    let parts = [
        ("[[source]]", before.sources == next.sources),
        ("[store]", before.store.path == next.store.path),
        ("serve_forever", before.on_error == next.on_error),
        ("user or sandbox", before.privileges == next.privileges),
        ("count", before.count == next.count),
        ("stats", before.stats == next.stats),
        ("metrics", before.metrics == next.metrics),
    ];
    let changed: Vec<_> = parts.iter().filter(|(_, same)| !same).map(|(part, _)| *part).collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(format!("{} changed: that needs a restart", changed.join(" and ")))
}

/// An error with its causes.
fn explained(error: &dyn Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
