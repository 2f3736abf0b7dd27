//! Running under systemd: its sockets, and what it is told.

mod sockets;
mod status;

pub(super) use sockets::passed_sockets;
pub(super) use status::{Service, Watched};
