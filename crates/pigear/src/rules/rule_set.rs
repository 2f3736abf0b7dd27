use std::collections::HashMap;

use pigear_alert::Alert;

use super::problem::{Place, Problem, RuleProblem};
use super::rule::Rule;

/// The most problems that are kept.
const MAX_PROBLEMS: usize = 1_000;
/// The most other rules with the same ids that are named.
const MAX_OTHERS: usize = 20;

/// The rules of some files, by generator and signature id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    /// In the order in which they were read.
    rules: HashMap<(u32, u32), Vec<Stored>>,
    problems: Vec<Problem>,
    more_problems: usize,
    files: usize,
}

/// A rule, which is taken apart again when it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    text: Box<[u8]>,
    place: Place,
    rev: Option<u32>,
    is_enabled: bool,
}

/// A rule that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundRule {
    /// The rule, taken apart.
    pub rule: Rule,
    /// The rule as it is in the file, without a comment's `#` and with its lines joined.
    pub text: Vec<u8>,
    /// Where it stands.
    pub place: Place,
    /// Whether it is no comment.
    pub is_enabled: bool,
    /// The other rules with the same ids, in the order in which they were read: the first twenty of them.
    pub others: Vec<OtherRule>,
    /// How many there are besides [`others`](Self::others).
    pub more_others: usize,
}

/// A rule with the same ids as one that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherRule {
    /// Where it stands.
    pub place: Place,
    /// Its revision.
    pub rev: Option<u32>,
    /// Whether it is no comment.
    pub is_enabled: bool,
}

impl RuleSet {
    /// The rule with these ids.
    ///
    /// If there are several, it is the last one that is not a comment, or else the last one.
    #[must_use]
    pub fn get(&self, gid: u32, sid: u32) -> Option<FoundRule> {
        let all = self.rules.get(&(gid, sid))?;
        let last = all.iter().rposition(|rule| rule.is_enabled).or(all.len().checked_sub(1))?;
        let found = all.get(last)?;
        let others = all.iter().enumerate().filter(|(index, _)| *index != last);
        let others = others.map(|(_, Stored { place, rev, is_enabled, .. })| OtherRule {
            place: place.clone(),
            rev: *rev,
            is_enabled: *is_enabled,
        });
        Some(FoundRule {
            rule: Rule::parse(&found.text).ok()?,
            text: found.text.to_vec(),
            place: found.place.clone(),
            is_enabled: found.is_enabled,
            others: others.take(MAX_OTHERS).collect(),
            more_others: all.len().saturating_sub(1 + MAX_OTHERS),
        })
    }

    /// The rule that raised an alert, as far as its ids tell; see [`FoundRule::other_rev`].
    #[must_use]
    pub fn of(&self, alert: &Alert) -> Option<FoundRule> {
        self.get(alert.message.sig_generator, alert.message.sig_id)
    }

    /// How many signatures have a rule.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many files were read.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files
    }

    /// What could not be used, in the order in which it was read: the first thousand of it.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many problems there are besides [`problems`](Self::problems).
    #[must_use]
    pub fn more_problems(&self) -> usize {
        self.more_problems
    }

    /// Adds a rule.
    pub(super) fn add(&mut self, text: Vec<u8>, place: Place, is_enabled: bool) {
        match Rule::parse(&text) {
            Ok(rule) => {
                let stored = Stored { text: text.into(), place, rev: rule.rev, is_enabled };
                self.rules.entry((rule.gid, rule.sid)).or_default().push(stored);
            }
            Err(problem) if is_enabled => self.report(place, problem),
            // A comment.
            Err(_) => {}
        }
    }

    /// Adds a problem.
    pub(super) fn report(&mut self, place: Place, problem: RuleProblem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { place, problem });
        } else {
            self.more_problems += 1;
        }
    }

    /// Counts a file.
    pub(super) fn count_file(&mut self) {
        self.files += 1;
    }
}

impl FoundRule {
    /// The revision in the file, if the alert has another one: the rule that raised the alert may have been a
    /// different one. A rule without `rev` has the revision 0.
    #[must_use]
    pub fn other_rev(&self, alert: &Alert) -> Option<u32> {
        let rev = self.rule.rev.unwrap_or_default();
        (rev != alert.message.sig_rev).then_some(rev)
    }
}
