use super::EventKey;
use super::fields::Fields;
use crate::packet::LinkType;

/// What comes before the packet itself.
pub(super) const HEAD_LEN: usize = 28;

/// A packet as Snort logged it (`Serial_Unified2Packet`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The event that it belongs to: for packets of a tagged session the one that tagged it.
    pub key: EventKey,
    /// When it was seen: seconds since 1970.
    pub second: u32,
    /// When it was seen: microseconds.
    pub microsecond: u32,
    /// What the packet begins with. Raw IP is 12 here.
    pub link_type: LinkType,
    /// The packet's bytes, as many as were captured.
    pub data: &'a [u8],
}

impl<'a> Packet<'a> {
    /// `None` if there are not even the head's bytes.
    ///
    /// # Errors
    /// With the length that the data claims to have, if the body is shorter.
    pub(super) fn parse(body: &'a [u8]) -> Result<Option<Self>, u32> {
        let Some((head, data)) = body.split_first_chunk::<HEAD_LEN>() else { return Ok(None) };
        let head = Fields(head);
        let claimed = head.u32_at::<24>();
        let length = usize::try_from(claimed).unwrap_or(usize::MAX);
        Ok(Some(Self {
            key: EventKey {
                sensor_id: head.u32_at::<0>(),
                event_id: head.u32_at::<4>(),
                second: head.u32_at::<8>(),
            },
            second: head.u32_at::<12>(),
            microsecond: head.u32_at::<16>(),
            // No link type has more bits.
            link_type: LinkType(u16::try_from(head.u32_at::<20>()).unwrap_or(u16::MAX)),
            data: data.get(..length).ok_or(claimed)?,
        }))
    }
}
