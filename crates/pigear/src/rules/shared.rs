use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use super::rule_set::RuleSet;
use super::watched::{Rules, RulesWatch};

/// A place for the [`Rules`] of a configuration, which handlers share: they are created before the rules are
/// read.
#[derive(Clone, Debug, Default)]
pub struct SharedRules(Arc<RwLock<Option<Arc<Rules>>>>);

impl SharedRules {
    /// The rules that were read last; `None` if none are configured.
    #[must_use]
    pub fn current(&self) -> Option<Arc<RuleSet>> {
        let rules = self.0.read().unwrap_or_else(PoisonError::into_inner);
        rules.as_ref().map(|rules| rules.current())
    }

    /// Reads the rules again when they change, until the result is dropped; `None` if none are configured.
    ///
    /// # Errors
    /// If the system allows no more threads.
    pub fn watch(&self) -> io::Result<Option<RulesWatch>> {
        let rules = self.0.read().unwrap_or_else(PoisonError::into_inner);
        rules.as_ref().map(Rules::watch).transpose()
    }

    /// Sets the rules.
    pub fn set(&self, rules: Option<Arc<Rules>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }
}
