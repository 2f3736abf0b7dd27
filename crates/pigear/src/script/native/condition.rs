//! Conditions, and whether an alert meets one.

use pigear_alert::Alert;

use super::leaf::Leaf;
use crate::script::unknown::UnknownField;

/// A condition, or a part of one.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    Always(bool),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Leaf(Leaf),
}

impl Condition {
    pub(super) fn is_met(&self, alert: &Alert) -> bool {
        match self {
            Self::Always(is_met) => *is_met,
            Self::All(parts) => parts.iter().all(|part| part.is_met(alert)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met(alert)),
            Self::Not(part) => !part.is_met(alert),
            Self::Leaf(leaf) => leaf.is_met(alert),
        }
    }

    /// Whether the condition is met, if that is known, and the first field that wasn't.
    pub(super) fn truth(&self, alert: &Alert, needed: &mut Option<UnknownField>) -> Option<bool> {
        match self {
            Self::Always(is_met) => Some(*is_met),
            Self::All(parts) => one_of(parts, false, alert, needed),
            Self::Any(parts) => one_of(parts, true, alert, needed),
            Self::Not(part) => part.truth(alert, needed).map(|is_met| !is_met),
            Self::Leaf(leaf) => match leaf.unknown(alert) {
                Some(field) => {
                    needed.get_or_insert(field);
                    None
                }
                None => Some(leaf.is_met(alert)),
            },
        }
    }

    pub(super) fn each_leaf(&self, visit: &mut dyn FnMut(&Leaf)) {
        match self {
            Self::Always(_) => {}
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.each_leaf(visit);
                }
            }
            Self::Not(part) => part.each_leaf(visit),
            Self::Leaf(leaf) => visit(leaf),
        }
    }
}

/// The truth of several parts, of which one with this truth decides.
fn one_of(
    parts: &[Condition],
    deciding: bool,
    alert: &Alert,
    needed: &mut Option<UnknownField>,
) -> Option<bool> {
    let mut all = Some(!deciding);
    for part in parts {
        match part.truth(alert, needed) {
            Some(truth) if truth == deciding => return Some(deciding),
            Some(_) => {}
            None => all = None,
        }
    }
    all
}
