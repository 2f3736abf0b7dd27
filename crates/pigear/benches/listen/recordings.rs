//! What is played.

use std::io;
use std::path::{Path, PathBuf};

use pigear_alert::AlertMessage;
use pigear_alert::wire::{Dialect, encode};
use pigear_pipeline::recording::Writer;

/// Few enough to stay in the processor's cache: Snort sends from one struct, which does too.
const DATAGRAMS: u32 = 16;

pub(crate) struct Recordings {
    /// Packets of 300 bytes.
    pub(crate) typical: PathBuf,
    /// The largest packets that there can be.
    pub(crate) largest: PathBuf,
}

impl Recordings {
    pub(crate) fn make(dir: &Path) -> io::Result<Self> {
        Ok(Self {
            typical: record(&dir.join("typical"), 300)?,
            largest: record(&dir.join("largest"), 65_535)?,
        })
    }
}

fn record(path: &Path, packet_len: usize) -> io::Result<PathBuf> {
    let mut writer = Writer::create_new(path)?;
    for event_id in 1..=DATAGRAMS {
        writer.write(&encode(&message(event_id, packet_len), Dialect::Snort3))?;
    }
    writer.finish()?;
    Ok(path.to_owned())
}

fn message(event_id: u32, packet_len: usize) -> AlertMessage {
    let pkt = packet(packet_len);
    let len = u32::try_from(pkt.len()).unwrap_or(u32::MAX);
    let mut message = AlertMessage::default();
    message.msg = b"SERVER-WEBAPP admin.php access".as_slice().into();
    (message.ts_sec, message.ts_usec) = (1_700_000_000, 123_456);
    (message.caplen, message.pktlen) = (len, len);
    (message.nethdr, message.transhdr, message.data) = (14, 34, 54);
    message.pkt = pkt.into();
    (message.sig_generator, message.sig_id, message.sig_rev) = (1, 2_100_498, 7);
    (message.classification, message.priority) = (3, 2);
    (message.event_id, message.event_reference) = (event_id, event_id);
    (message.tv_sec, message.tv_usec) = (message.ts_sec, message.ts_usec);
    message
}

/// Ethernet, IPv4, TCP, and a request.
fn packet(len: usize) -> Vec<u8> {
    let total = u16::try_from(len - 14).unwrap_or(u16::MAX).to_be_bytes();
    let mut packet = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00];
    packet.extend([0x45, 0, total[0], total[1], 0x12, 0x34, 0x40, 0, 64, 6, 0, 0]);
    packet.extend([192, 0, 2, 1, 198, 51, 100, 2]);
    packet.extend([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
    let request = b"GET /admin.php?id=1 HTTP/1.1\r\nHost: example.org\r\n";
    let payload = request.iter().copied().cycle().take(len.saturating_sub(packet.len()));
    packet.extend(payload.collect::<Vec<_>>());
    packet
}
