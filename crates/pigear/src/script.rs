//! The language of filters and of the shell: what scripts see, and what they may do.
//!
//! The language is [Rhai](https://rhai.rs). A script sees two variables: `msg`, what Snort said
//! ([`fields::MSG`]), and `alert`, what is known besides ([`fields::ALERT`]); and functions for both
//! ([`functions::FUNCTIONS`]). These tables are all there is: completion and help read them too.
//!
//! What isn't known is `()`. It equals nothing else, and is neither less nor greater than anything:
//! `alert.src_port < 1024` is false for an alert without a port.
//!
//! Scripts reach no file, no network, no other program and no module, and can neither run nor grow
//! without end; see [`engine`].
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

mod check;
mod engine;
pub mod fields;
mod filter;
pub mod functions;
mod layers;
mod problem;
#[cfg(test)]
mod tests;

pub use engine::engine;
pub use fields::{AlertFields, SnortMessage};
pub use filter::{Filter, FilterFailure};
#[cfg(all(feature = "command", feature = "store"))]
pub(crate) use layers::tree;
pub use problem::ScriptProblem;
