//! Pigear from Python: a list of what is exported.
//!
//! | module | what |
//! |---|---|
//! | `alert`, `layer` | alerts and the layers of their packets, as Python objects |
//! | `listener`, `batch_channel` | `pigear.listen`: batches of alerts for a loop |
//! | `command`, `main_thread` | the command line, while Python's main thread serves it |
//! | `resolver`, `handler`, `socket_handler` | handlers and sources that are Python classes |
//! | `binding`, `receiver` | the parts of `pigear.core.SocketHandler` in Rust |
//! | `log` | log lines from Rust, in Python's log |
//! | `error` | errors, as Python exceptions |
//!
//! Receiving and everything else that Snort waits for happens on threads that never touch Python,
//! and so never wait for its lock.

mod alert;
mod batch_channel;
mod binding;
mod command;
mod error;
mod handler;
mod layer;
mod listener;
mod log;
mod main_thread;
mod receiver;
mod resolver;
mod socket_handler;

use pyo3::pymodule;

/// The part of Pigear that is written in Rust.
#[pymodule]
mod _pigear {
    #[pymodule_export]
    use crate::alert::{Alert, Sender, decode};
    #[pymodule_export]
    use crate::binding::Binding;
    #[pymodule_export]
    use crate::command::main;
    #[pymodule_export]
    use crate::error::{Absent, DecodeError, Quit};
    #[pymodule_export]
    use crate::handler::Backlog;
    #[pymodule_export]
    use crate::layer::Layer;
    #[pymodule_export]
    use crate::listener::Alerts;
    #[pymodule_export]
    use crate::receiver::{Receiver, logdir_of};
    #[pymodule_export]
    use crate::socket_handler::Feed;
}
