//! Checks what handlers and the store need of each other, without making either.
//!
//! A start and `pigear config check` both call this, so they refuse the same in the same words.

use super::ListenError;
use crate::config::{HandlerConfig, StoreConfig};

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

/// What is wrong with a handler's settings about the store; its name is the one in counters.
///
/// # Errors
/// What is wrong first.
pub(crate) fn check_lane(
    config: &HandlerConfig,
    name: &str,
    store: &StoreConfig,
) -> Result<(), ListenError> {
    let has_store = store.path.is_some();
    if has_store && name == STORE {
        return Err(wrong(
            name,
            "the store itself has this name in counters; give the handler another one",
        ));
    }
    if config.durable == Some(true) && !has_store {
        return Err(wrong(name, "durable=true needs a store; give one with --store PATH"));
    }
    if config.begin.is_some() && (config.durable == Some(false) || !has_store) {
        return Err(begins_without_store(name));
    }
    Ok(())
}

pub(super) fn begins_without_store(name: &str) -> ListenError {
    wrong(name, "from=… is for handlers that get their alerts from a store")
}

pub(super) fn wrong(name: &str, problem: &str) -> ListenError {
    ListenError::StoreSettings(format!("handler {name}: {problem}"))
}
