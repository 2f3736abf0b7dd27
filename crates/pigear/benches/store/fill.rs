//! A large store: alerts of 2,000 signatures, some frequent and most rare, from and to 100,000 addresses, over 90
//! days.

use std::path::Path;
use std::sync::Arc;

use pigear::store::{Store, Unstorable};
use pigear_alert::wire::{Decoded, Dialect};
use pigear_alert::{Alert, AlertMessage};
use pigear_pipeline::Handler;

/// Numbers that look random, and are the same in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    fn next(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u32::try_from((self.0 >> 33) % u64::from(below)).unwrap_or_default()
    }

    /// Small ones are frequent.
    fn skewed(&mut self, below: u32) -> u32 {
        let among = self.next(below) + 1;
        self.next(among)
    }
}

/// Fills a store, and returns how many bytes the packets have.
pub(crate) fn fill(path: &Path, alerts: u32) -> anyhow::Result<u64> {
    const NINETY_DAYS: u64 = 90 * 24 * 60 * 60;
    let store = Store::open(path)?;
    let (mut handler, mut numbers, mut packets) =
        (store.handler(Unstorable::HandOn), Numbers(1), 0);
    let now = u64::try_from(jiff::Timestamp::now().as_second())?;
    let names = Arc::default();
    let mut batch = Vec::new();
    for n in 0..alerts {
        let age = NINETY_DAYS - NINETY_DAYS * u64::from(n) / u64::from(alerts);
        let message = message(&mut numbers, u32::try_from(now - age)?, n);
        packets += message.pkt.len() as u64;
        let decoded = Decoded::new(message, Dialect::Snort29);
        batch.push(Arc::new(Alert::new(decoded, Arc::default(), Arc::clone(&names))));
        if batch.len() == 2_000 || n + 1 == alerts {
            handler.handle(&batch)?;
            batch.clear();
        }
    }
    handler.finish()?;
    store.close();
    Ok(packets)
}

/// An alert of one of 2,000 signatures.
pub(crate) fn message(numbers: &mut Numbers, second: u32, n: u32) -> AlertMessage {
    let sid = 1_000 + numbers.skewed(2_000);
    let mut message = AlertMessage::default();
    message.msg = format!("SERVER-WEBAPP attempt by rule {sid}").into_bytes().into();
    (message.ts_sec, message.ts_usec) = (second, numbers.next(1_000_000));
    message.pkt = packet(numbers).into();
    message.caplen = u32::try_from(message.pkt.len()).unwrap_or_default();
    message.pktlen = message.caplen;
    (message.nethdr, message.transhdr, message.data) = (14, 34, 54);
    (message.sig_generator, message.sig_id, message.sig_rev) = (1, sid, 7);
    (message.classification, message.priority) = (sid % 38 + 1, sid % 3 + 1);
    (message.event_id, message.event_reference) = (n + 1, n + 1);
    (message.tv_sec, message.tv_usec) = (message.ts_sec, message.ts_usec);
    message
}

/// Ethernet, IPv4, TCP, and something: 300 bytes on average. Clients have any port, servers one of a few hundred.
fn packet(numbers: &mut Numbers) -> Vec<u8> {
    let len = 60 + u16::try_from(numbers.next(481)).unwrap_or_default();
    let mut packet = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45, 0];
    packet.extend((len - 14).to_be_bytes());
    packet.extend([0x12, 0x34, 0x40, 0, 64, 6, 0, 0]);
    packet.extend((0x0a00_0000 + numbers.skewed(100_000)).to_be_bytes());
    packet.extend((0xc0a8_0000 + numbers.skewed(1_000)).to_be_bytes());
    let (client, server) = (1_024 + numbers.next(64_512), 80 + 2 * numbers.skewed(500));
    for port in [client, server] {
        packet.extend(u16::try_from(port).unwrap_or_default().to_be_bytes());
    }
    packet.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
    packet.resize(len.into(), b'x');
    packet
}
