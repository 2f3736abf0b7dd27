use std::fmt;

use crate::config::{Config, FilterConfig, HandlerConfig};

/// The lanes of two configurations: which come, go and change.
#[derive(Default)]
pub(super) struct Difference<'a> {
    pub(super) added: Vec<&'a HandlerConfig>,
    /// Only the filter or the limit is another one.
    pub(super) filtered: Vec<&'a HandlerConfig>,
    /// The handler is another one.
    pub(super) changed: Vec<&'a HandlerConfig>,
    pub(super) removed: Vec<String>,
}

pub(super) fn name_of(handler: &HandlerConfig) -> &str {
    handler.name.as_deref().unwrap_or(&handler.kind)
}

fn same_script(one: Option<&FilterConfig>, other: Option<&FilterConfig>) -> bool {
    one.map(|filter| &filter.script) == other.map(|filter| &filter.script)
}

impl<'a> Difference<'a> {
    /// What is different; an error if it can't be changed while the lanes run.
    pub(super) fn of(before: &Config, next: &'a Config) -> Result<Self, String> {
        let same_filter = same_script(before.filter.as_ref(), next.filter.as_ref());
        let mut difference = Self::default();
        for handler in &next.handlers {
            let name = name_of(handler);
            if next.handlers.iter().filter(|it| name_of(it) == name).count() > 1 {
                return Err(format!("two handlers are named {name}; rename one"));
            }
            let Some(old) = before.handlers.iter().find(|it| name_of(it) == name) else {
                difference.added.push(handler);
                continue;
            };
            if let Some(key) = fixed_key(old, handler) {
                return Err(format!("handler {name}: {key} changed: that needs a restart"));
            }
            if (&old.kind, &old.keys) != (&handler.kind, &handler.keys) {
                difference.changed.push(handler);
            } else if !same_filter
                || !same_script(old.filter.as_ref(), handler.filter.as_ref())
                || old.limit != handler.limit
            {
                difference.filtered.push(handler);
            }
        }
        let stays =
            |old: &&HandlerConfig| next.handlers.iter().any(|it| name_of(it) == name_of(old));
        let removed = before.handlers.iter().filter(|old| !stays(old));
        difference.removed = removed.map(|old| name_of(old).to_owned()).collect();
        Ok(difference)
    }
}

/// A setting of a lane's queue or its groups that is another one.
fn fixed_key(before: &HandlerConfig, next: &HandlerConfig) -> Option<&'static str> {
    let keys = [
        ("queue", before.queue == next.queue),
        ("queue_bytes", before.queue_bytes == next.queue_bytes),
        ("when_full", before.when_full == next.when_full),
        ("group", before.group == next.group),
        ("per_minute", before.per_minute == next.per_minute),
        ("durable", before.durable == next.durable),
    ];
    keys.into_iter().find(|(_, same)| !same).map(|(key, _)| key)
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |handlers: &[&HandlerConfig]| {
            handlers.iter().map(|handler| name_of(handler).to_owned()).collect::<Vec<_>>()
        };
        let changed = [names(&self.changed), names(&self.filtered)].concat();
        let parts = [
            ("added", names(&self.added)),
            ("changed", changed),
            ("removed", self.removed.clone()),
        ];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        let parts: Vec<_> =
            parts.map(|(what, names)| format!("{what} {}", names.join(", "))).collect();
        if parts.is_empty() {
            f.write_str("no handler changed")
        } else {
            f.write_str(&parts.join("; "))
        }
    }
}
