//! The language of filters and of the shell.
//!
//! The language is [Rhai](https://rhai.rs). A script has two variables: `msg`, Snort's own fields
//! ([`fields::MSG`]), and `alert`, all other fields ([`fields::ALERT`]); and functions for both
//! ([`functions::FUNCTIONS`]). Completion and help use the same tables.
//!
//! An unknown field is `()`. It equals no other value, and is neither less nor greater than any:
//! `alert.src_port < 1024` is false for an alert without a port.
//!
//! Scripts have no access to files, the network, other programs or modules, and their run time and memory
//! are limited; see [`engine`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use pigear::script::Filter;
//! use pigear_alert::{Alert, AlertMessage, wire};
//!
//! let mut message = AlertMessage::default();
//! message.priority = 2;
//! let datagram = wire::encode(&message, wire::Dialect::Snort3);
//! let decoded = wire::Decoder::default().decode(&datagram)?;
//! let alert = Arc::new(Alert::new(decoded, Arc::default(), Arc::default()));
//!
//! assert!(Filter::compile("msg.priority <= 2")?.passes(&alert)?);
//! assert!(!Filter::compile("alert.src_port < 1024")?.passes(&alert)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod caseless;
mod check;
mod engine;
pub mod fields;
mod filter;
pub mod functions;
mod hint;
mod kind;
mod layers;
mod native;
mod problem;
mod run_time;
#[cfg(test)]
pub(crate) mod tests;
mod unknown;

#[cfg(feature = "shell")]
pub(crate) use caseless::Word;
pub use engine::engine;
pub use fields::{AlertFields, SnortMessage};
pub use filter::{Advice, Filter, FilterFailure};
#[cfg(all(feature = "command", feature = "store"))]
pub(crate) use layers::tree;
#[cfg(feature = "web")]
pub(crate) use layers::{JsonLayer, json as layers_json};
pub use problem::ScriptProblem;
