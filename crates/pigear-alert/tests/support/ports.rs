//! Ports for programs that tests start, and that can't be asked which port they got.

use std::fs::{DirBuilder, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::sync::Mutex;

use nix::fcntl::{Flock, FlockArg};

/// The system gives clients only ports above these.
const FIRST: u16 = 10_000;
const COUNT: u32 = 20_000;

/// The files that say so.
static TAKEN: Mutex<Vec<Flock<File>>> = Mutex::new(Vec::new());

/// A port that no program has, and that no other test gets while this process lives.
///
/// A test that looks for a free port and then starts a server would lose it to another test that does the same
/// meanwhile. So each port has a file, which is locked; `fleet/ports.py` does the same.
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
pub(crate) fn free_port() -> u16 {
    let user = std::fs::metadata("/proc/self").unwrap().uid();
    let dir = std::env::temp_dir().join(format!("pigear-test-ports-{user}"));
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).unwrap();
    let first = std::process::id().wrapping_mul(97);
    let ports = (0..COUNT).map(|n| FIRST + u16::try_from(first.wrapping_add(n) % COUNT).unwrap());
    for port in ports {
        let file = File::create(dir.join(port.to_string())).unwrap();
        let here = (Ipv4Addr::LOCALHOST, port);
        if let Ok(taken) = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            && TcpListener::bind(here).is_ok()
            && UdpSocket::bind(here).is_ok()
        {
            TAKEN.lock().unwrap().push(taken);
            return port;
        }
    }
    panic!("no port is free");
}

/// The same as an address, where nothing listens.
#[allow(dead_code, reason = "not every test program needs it")]
pub(crate) fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}
