use std::sync::{Arc, PoisonError, RwLock};

use super::rule_set::RuleSet;
use super::watched::Rules;

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

    /// Sets the rules.
    pub fn set(&self, rules: Option<Arc<Rules>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }
}
