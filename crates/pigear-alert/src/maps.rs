//! Names for the numbers of an alert: classes, references and full messages.
//!
//! A datagram says "class 21, rule 1:1000106" and has a message truncated at 255 bytes. Text files beside
//! Snort have the meaning of these:
//!
//! | file | type | from Snort |
//! |---|---|---|
//! | `classification.config`, `snort.lua` | [`Classes`] | 2 and 3 |
//! | `reference.config`, `snort.lua` | [`ReferenceSystems`] | 2 and 3 |
//! | `sid-msg.map` | [`SidMsgMap`] | rule updaters, `snort --dump-msg-map` |
//! | `gen-msg.map` | [`GenMsgMap`] | 2 |
//!
//! Each has a `parse` that takes the text and opens no file. The files may have any bytes (old rules have
//! Latin-1 messages): decode them with [`text`]. A byte order mark and `\r\n` are
//! accepted. An invalid line is reported in [`Parsed::problems`], and the others are used. [`Names`]
//! combines the four.
//!
//! ```
//! use pigear_alert::maps::{Names, SidMsgMap};
//!
//! let parsed = SidMsgMap::parse("1000106 || WEB-IIS cmd.exe access || bugtraq,1806\nnonsense\n");
//! assert_eq!(parsed.problems[0].to_string(), "line 2: sid is \"nonsense\", not a number up to 4294967295");
//!
//! let names = Names { rules: parsed.value, ..Names::default() };
//! assert_eq!(names.class(21).map(|class| &*class.name), Some("trojan-activity"));
//! assert_eq!(*names.message(1, 1_000_106, b"WEB-IIS cmd"), *b"WEB-IIS cmd.exe access");
//! assert!(names.references(1, 1_000_106).eq(["http://www.securityfocus.com/bid/1806"]));
//! ```

mod classes;
mod encoding;
mod gen_msg;
mod lines;
mod lua;
mod names;
mod problem;
mod references;
mod sid_msg;
#[cfg(test)]
mod tests;

pub use classes::{Class, Classes};
pub use encoding::text;
pub use gen_msg::GenMsgMap;
pub use lines::{config_argument, statements};
pub use names::{Looked, Names};
pub use problem::{LineProblem, MapProblem, Parsed};
pub use references::{Reference, ReferenceSystems};
pub use sid_msg::{Rule, SidMsgMap};
