//! The ports and lengths of a segment's alerts.

use pigear_alert::Alert;

use super::key::KeyKind;
use super::postings::Occurrence;

/// The numbers of each kind, each with its block in the lowest bits: such are sorted much quicker than keys.
#[derive(Debug, Default)]
pub(super) struct Numbers([Vec<u64>; KeyKind::NUMBERS.len()]);

/// The bits that a block has.
const BLOCK_BITS: u32 = u8::BITS;

impl Numbers {
    pub(super) fn add(&mut self, block: u8, alert: &Alert) {
        let message = &alert.message;
        let wire = Some(message.pktlen).filter(|length| *length != message.caplen);
        let ports = [alert.src_port(), alert.dst_port()].map(|port| port.map(u32::from));
        let numbers = [ports[0], ports[1], Some(message.caplen), wire];
        for (all, number) in self.0.iter_mut().zip(numbers) {
            all.extend(number.map(|number| u64::from(number) << BLOCK_BITS | u64::from(block)));
        }
    }

    /// All of them, in the order of kinds, numbers and blocks.
    pub(super) fn sorted(self) -> impl Iterator<Item = Occurrence> {
        KeyKind::NUMBERS.into_iter().zip(self.0).flat_map(|(kind, mut all)| {
            all.sort_unstable();
            all.into_iter().filter_map(move |packed| {
                let number = u32::try_from(packed >> BLOCK_BITS).ok()?;
                let [block, ..] = packed.to_le_bytes();
                Some(Occurrence { kind, key: kind.key(number)?, block })
            })
        })
    }
}
