//! Snort, played by the test: what it sent when it was recorded, sent in the same way.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use pigear_pipeline::recording::Reader;
use serde_json::Value;

use crate::harness::{DEADLINE, until};

/// What `print` writes of [`ping`].
pub(crate) const PING: &str = "2025-06-15T18:06:40.999998Z [**] [1:1000134:1] ICMP Echo Request \
    [**] [Priority: 3] {ICMP} 192.168.10.21 -> 198.51.100.1\n";

/// The directory of recordings.
pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pigear-alert/tests/data")
}

/// The recording of a case, such as `v2919/icmp_ping`.
pub(crate) fn recording(case: &str) -> PathBuf {
    data().join(case).join("alerts.dgrams.gz")
}

/// What was sent in a case.
pub(crate) fn sent(case: &str) -> Vec<Vec<u8>> {
    datagrams(&recording(case))
}

pub(crate) fn datagrams(recording: &Path) -> Vec<Vec<u8>> {
    let mut reader = Reader::open(recording).unwrap();
    let mut all = Vec::new();
    let mut datagram = Vec::new();
    while reader.read(&mut datagram).unwrap() {
        all.push(datagram.clone());
    }
    all
}

/// What Snort's logs say of a case, an object an alert.
pub(crate) fn expected(case: &str) -> Vec<Value> {
    objects(&fs::read_to_string(data().join(case).join("expected.jsonl")).unwrap())
}

/// A JSON object a line.
pub(crate) fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// An alert of Snort 2.9.19.
pub(crate) fn ping() -> Vec<u8> {
    static PING: LazyLock<Vec<u8>> = LazyLock::new(|| sent("v2919/icmp_ping").swap_remove(0));
    PING.clone()
}

/// Sends as Snort does, once the socket is there.
pub(crate) fn send(socket: &Path, datagram: &[u8]) {
    until("the socket is there", || can_send(socket));
    let snort = UnixDatagram::unbound().unwrap();
    snort.set_write_timeout(Some(DEADLINE)).unwrap();
    snort.send_to(datagram, socket).unwrap();
}

/// Whether somebody listens there, and has given the socket its permissions.
pub(crate) fn can_send(socket: &Path) -> bool {
    let opened_up = |metadata: fs::Metadata| metadata.permissions().mode() & 0o777 != 0o200;
    fs::metadata(socket).is_ok_and(opened_up)
        && UnixDatagram::unbound().unwrap().connect(socket).is_ok()
}

/// The same bytes every time, that look random.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    });
    next.take(len).collect()
}

/// All of a compressed file.
pub(crate) fn unpacked(path: &Path) -> String {
    let file = fs::File::open(path).unwrap();
    let mut text = String::new();
    match path.extension().and_then(|deadline| deadline.to_str()) {
        Some("gz") => flate2::read::GzDecoder::new(file).read_to_string(&mut text),
        Some("zst") => zstd::stream::read::Decoder::new(file).unwrap().read_to_string(&mut text),
        _ => { file }.read_to_string(&mut text),
    }
    .unwrap();
    text
}
