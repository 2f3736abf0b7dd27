//! Classes that filters name and no list has.

use pigear_alert::maps::Classes;
use tracing::warn;

use crate::config::{Config, FilterConfig};
use crate::script::Filter;
use crate::similar::nearest;

/// Warns of classes in filters that aren't in the list: no alert has them. The list may get them later.
pub(super) fn warn_of_unknown(config: &Config, classes: &Classes) {
    let own = config.handlers.iter().filter_map(|handler| handler.filter.as_ref());
    for FilterConfig { script, place } in config.filter.iter().chain(own) {
        // Compiling succeeded before.
        let Ok(filter) = Filter::compile(script) else { continue };
        for name in filter.classes() {
            let mut known = classes.iter().map(|(_, class)| &*class.name);
            if !known.any(|known| known.eq_ignore_ascii_case(name)) {
                let known = classes.iter().map(|(_, class)| &*class.name);
                let hint = nearest(name, known).map(|near| format!("; did you mean {near}?"));
                let hint = hint.unwrap_or_default();
                warn!("{place}: no class in the list is named {name:?}{hint}");
            }
        }
    }
}
