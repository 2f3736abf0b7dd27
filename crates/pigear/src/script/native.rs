//! Conditions that run without the engine.
//!
//! A filter of comparisons and the like of a field with literals is compiled to a tree, which is evaluated on the
//! alert itself: no values are made of its fields. Everything that could fail while it runs stays with the
//! engine, and so does what is less simple; both give the same.

mod compiling;
mod condition;
mod leaf;
mod moment;
#[cfg(feature = "store")]
mod narrowing;
mod operand;
mod text;

use pigear_alert::Alert;
use rhai::AST;

use self::condition::Condition;
use super::engine::MAX_LIST;
use super::unknown::{Missing, UnknownField};

/// A condition, compiled.
#[derive(Clone, Debug)]
pub(super) struct Native {
    condition: Condition,
    reads_bytes: bool,
    /// What an alert may lack for which fields are not known.
    missing: Vec<Missing>,
}

impl Native {
    /// The condition of a script that was checked and is not optimized; `None` if it needs the engine.
    pub(super) fn of(ast: &AST) -> Option<Self> {
        let condition = compiling::condition(ast)?;
        let (mut reads_bytes, mut missing) = (false, Vec::new());
        condition.each_leaf(&mut |leaf| {
            reads_bytes |= leaf.reads_bytes();
            missing.extend(leaf.fields().map(|field| field.missing));
        });
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|missing| *missing != Missing::Nothing);
        Some(Self { condition, reads_bytes, missing })
    }

    /// Whether the engine has no limit that this alert exceeds.
    pub(super) fn can_take(&self, alert: &Alert) -> bool {
        let longest = || alert.message.pkt.len().max(alert.inspected().map_or(0, <[u8]>::len));
        !self.reads_bytes || longest() <= MAX_LIST
    }

    /// Whether the alert meets the condition.
    pub(super) fn passes(&self, alert: &Alert) -> bool {
        self.condition.is_met(alert)
    }

    /// The field but for which the alert might meet the condition, if there is one.
    pub(super) fn undecided(&self, alert: &Alert) -> Option<UnknownField> {
        if !self.missing.iter().any(|missing| missing.is_true_of(alert)) {
            return None;
        }
        let mut needed = None;
        let truth = self.condition.truth(alert, &mut needed);
        needed.filter(|_| truth.is_none())
    }
}
