//! Checks what handlers and the store need of each other, without making either.
//!
//! A start and `pigear config check` both call this, so they refuse the same in the same words.

use super::ListenError;
use crate::config::{HandlerConfig, StoreConfig};
use crate::registry::Requirements;

/// The name of the lane that stores alerts.
pub(super) const STORE: &str = "store";

/// # Errors
/// If there is no store, but settings of one.
pub(crate) fn check_store(config: &StoreConfig) -> Result<(), ListenError> {
    let wrong = |problem: &str| Err(ListenError::StoreSettings(problem.to_owned()));
    if *config == StoreConfig::default() {
        Ok(())
    } else if cfg!(not(feature = "store")) {
        wrong("this program was built without a store")
    } else if config.path.is_none() {
        wrong("retention needs a store; give one with --store PATH")
    } else {
        Ok(())
    }
}

/// A setting of a handler that the store, or having none, contradicts.
pub(super) struct LaneProblem {
    /// The key of the setting, or none.
    pub(super) key: &'static str,
    pub(super) error: ListenError,
}

/// What is wrong with a handler's settings about the store, as far as it is known what the handler requires; its name
/// is the one in counters.
pub(super) fn check_lane(
    config: &HandlerConfig,
    name: &str,
    has_store: bool,
    requirements: Option<Requirements>,
) -> Result<(), LaneProblem> {
    if has_store && name == STORE {
        return Err(wrong(
            name,
            "name",
            "the store itself has this name in counters; give the handler another one",
        ));
    }
    if config.durable == Some(true) && !has_store {
        let problem = "durable=true needs a store; give one with --store PATH";
        return Err(wrong(name, "durable", problem));
    }
    match requirements {
        Some(requirements) => is_durable(config, name, has_store, requirements).map(drop),
        None if config.begin.is_some() && (config.durable == Some(false) || !has_store) => {
            Err(begins_without_store(name))
        }
        None => Ok(()),
    }
}

/// Whether the alerts of a handler wait in the store.
pub(super) fn is_durable(
    config: &HandlerConfig,
    name: &str,
    has_store: bool,
    requirements: Requirements,
) -> Result<bool, LaneProblem> {
    let durable = config.durable.unwrap_or(has_store && requirements.delivers);
    if durable && config.is_numbered {
        let kind = &config.kind;
        let problem = format!(
            "the store must know it by a name of its own, since the next configuration may give this one to \
            another receiver; write --data-handler NAME={kind}, or name = \"NAME\" in a configuration file"
        );
        return Err(wrong(name, "", &problem));
    }
    if durable && requirements.datagram {
        return Err(wrong(name, "durable", "it cannot be durable: datagrams are not stored"));
    }
    if config.begin.is_some() && !durable {
        return Err(begins_without_store(name));
    }
    Ok(durable)
}

fn begins_without_store(name: &str) -> LaneProblem {
    wrong(name, "from", "from=… is for handlers that get their alerts from a store")
}

fn wrong(name: &str, key: &'static str, problem: &str) -> LaneProblem {
    LaneProblem { key, error: ListenError::StoreSettings(format!("handler {name}: {problem}")) }
}
