use std::env;

use listenfd::ListenFd;
use pigear_pipeline::source::unix::{BindError, Binding};

use crate::listen::{HeldSockets, ListenError};

/// The sockets that systemd passed to this process (`LISTEN_FDS`). Call it before there are threads.
///
/// # Errors
/// If one isn't a Unix datagram socket.
pub(in crate::command) fn passed_sockets() -> Result<HeldSockets, ListenError> {
    // What takes the descriptors leaves these.
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let (mut passed, mut held) = (ListenFd::from_env(), HeldSockets::default());
    for index in 0..passed.len() {
        let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned();
        let taken = passed.take_unix_datagram(index).map_err(|_| BindError::NoDatagramSocket);
        let bound =
            taken.and_then(|socket| Binding::passed(socket.ok_or(BindError::NoDatagramSocket)?));
        match bound {
            Ok(binding) => held.add(name, binding),
            Err(source) => {
                let number = index + FIRST_DESCRIPTOR;
                return Err(ListenError::Descriptor { number, name, source });
            }
        }
    }
    Ok(held)
}

/// `SD_LISTEN_FDS_START`
const FIRST_DESCRIPTOR: usize = 3;
