//! Snort's rules: the one that raised an alert, and where its contents are in the packet.
//!
//! [`Rules::open`] takes files and directories. A directory stands for all files `*.rules` in it and in the
//! directories within it, in the order of their paths, except for hidden ones; links to directories are not
//! followed. Each file is read once. `include` is followed, relative to the file or else to the one that was
//! named, also from a `snort.conf` or Snort 3's `snort.lua`, whose variables (`$RULE_PATH`) are known in what
//! is read after it. A rule may be in the syntax of Snort 2 or 3. One that is commented out is kept, too, but
//! only found if no other has its ids.
//!
//! ```
//! use pigear::rules::{Rule, Rules};
//!
//! let rule = Rule::parse(br#"alert udp any any -> any 53 (msg:"A name"; content:"|07|example"; sid:1000001;)"#)?;
//! assert_eq!(rule.msg.as_deref(), Some(&b"A name"[..]));
//!
//! let packet = b"....\x07example\0";
//! let found = rule.find(packet, 4..packet.len());
//! assert_eq!(found[0].ranges, [4..12]);
//! # Ok::<_, pigear::rules::RuleProblem>(())
//! ```

mod content;
mod contents;
mod described;
mod lua;
mod matching;
mod parts;
mod problem;
mod quotes;
mod reading;
mod rule;
mod rule_set;
mod seen;
mod shared;
mod statements;
#[cfg(test)]
mod tests;
mod watched;

pub use content::{Content, Distance};
pub use matching::ContentMatches;
pub use problem::{Place, Problem, RuleProblem};
pub use reading::RulesError;
#[cfg(feature = "command")]
pub(crate) use reading::look;
pub use rule::{Rule, RuleOption};
pub use rule_set::{FoundRule, OtherRule, RuleSet};
pub use shared::SharedRules;
pub use watched::{Rules, RulesWatch};
