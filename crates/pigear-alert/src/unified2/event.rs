use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::fields::Fields;
use super::{EventKey, RecordType};
use crate::message::{AppName, carried};
use crate::packet::{Flow, IpProtocol};

/// What all events of Snort 2 begin with; the addresses follow.
const HEAD_LEN: usize = 36;
/// Ports, protocol, and what became of the packet.
const FLOW_LEN: usize = 8;
/// MPLS label, VLAN and policy.
const LABELS_LEN: usize = 8;

pub(super) const IPV4_LEN: usize = HEAD_LEN + 2 * 4 + FLOW_LEN;
pub(super) const IPV6_LEN: usize = HEAD_LEN + 2 * 16 + FLOW_LEN;
/// As far as anything is read that Snort 3 fills: up to the application's name.
pub(super) const SNORT3_LEN: usize = 96 + AppName::MAX_LEN;

/// An alert as Snort logged it.
///
/// Snort 2 has the struct in `Unified2_common.h`, Snort 3 in `u2_structs.h`, neither with the rule's
/// message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What packets and extra data call it.
    pub key: EventKey,
    /// When: microseconds after `key.second`.
    pub microsecond: u32,
    /// Generator: the part of Snort that raised the alert.
    pub generator: u32,
    /// Signature id: the rule, within its generator.
    pub signature: u32,
    /// Revision of the rule.
    pub revision: u32,
    /// Class: position in `classification.config`, counted from 1; 0 for none.
    pub classification: u32,
    /// Priority: 1 is the most severe; 0 for none.
    pub priority: u32,
    /// Source and destination; none where the packet has no IP.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Source port; for ICMP the type. 0 also where Snort read none.
    pub source_port: u16,
    /// Destination port; for ICMP the code. 0 also where Snort read none.
    pub destination_port: u16,
    /// What the innermost IP header carries; none where the packet has no IP.
    pub protocol: Option<IpProtocol>,
    /// The MPLS label; none for 0, which stands for none too.
    pub mpls_label: Option<u32>,
    /// The VLAN; none for 0, which stands for none too.
    pub vlan: Option<u16>,
    /// The application, where Snort knows it.
    pub app_name: Option<AppName>,
    /// What became of the packet.
    pub verdict: Verdict,
    /// Whether it has the form of Snort 3. A Snort 3 that was asked for the old forms can't be told
    /// from Snort 2.
    pub is_snort3: bool,
}

/// What became of the packet that raised an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It went on.
    #[default]
    Allowed,
    /// It was dropped.
    Blocked,
    /// It would have been dropped, had Snort been inline.
    WouldBlock,
    /// It was held back; the log doesn't say what became of it.
    Held,
    /// It should have been dropped, but Snort could not.
    CannotBlock,
}

impl Event {
    /// When: seconds since 1970, and microseconds below 1,000,000. A damaged capture may have more of them.
    #[must_use]
    pub fn time(&self) -> (u32, u32) {
        carried(self.key.second, self.microsecond)
    }

    /// What it says of addresses, ports and protocol. 0 and 0 are no ports here, but stand for none.
    /// Snort 3 also logs ports where it set no protocol (255): for parts of files in SMB.
    pub(crate) fn flow(&self) -> Option<Flow> {
        let (source, destination) = self.addresses?;
        let protocol = self.protocol?;
        let ports = (self.source_port, self.destination_port);
        let is_unset = self.is_snort3 && protocol == IpProtocol::RESERVED;
        let has_ports = (protocol.has_ports() || is_unset) && ports != (0, 0);
        Some(Flow { source, destination, protocol, ports: Some(ports).filter(|_| has_ports) })
    }

    /// `None` if the type is no event, or the body is shorter than such an event is.
    pub(super) fn parse(record_type: RecordType, body: &[u8]) -> Option<Self> {
        match record_type {
            RecordType::EVENT_SNORT3 => Self::snort3(body),
            RecordType::EVENT_IPV4 | RecordType::EVENT_IPV4_V2 | RecordType::EVENT_IPV4_APPID => {
                Self::snort2::<4>(body)
            }
            RecordType::EVENT_IPV6 | RecordType::EVENT_IPV6_V2 | RecordType::EVENT_IPV6_APPID => {
                Self::snort2::<16>(body)
            }
            _ => None,
        }
    }

    /// The forms of Snort 2 differ in the addresses' width, and in what follows.
    fn snort2<const WIDTH: usize>(body: &[u8]) -> Option<Self>
    where
        IpAddr: From<[u8; WIDTH]>,
    {
        let (head, body) = body.split_first_chunk::<HEAD_LEN>()?;
        let (source, body) = body.split_first_chunk::<WIDTH>()?;
        let (destination, body) = body.split_first_chunk::<WIDTH>()?;
        let (flow, body) = body.split_first_chunk::<FLOW_LEN>()?;
        let (head, flow) = (Fields(head), Fields(flow));
        let [protocol, _impact_flag, _impact, blocked] = flow.bytes_at::<4, 4>();
        let addresses = (IpAddr::from(*source), IpAddr::from(*destination));
        // So Snort 2 writes an event without IP, as one of IPv6.
        let is_ip = protocol != 0 || addresses != (UNSPECIFIED, UNSPECIFIED);
        let event = Self {
            key: EventKey {
                sensor_id: head.u32_at::<0>(),
                event_id: head.u32_at::<4>(),
                second: head.u32_at::<8>(),
            },
            microsecond: head.u32_at::<12>(),
            signature: head.u32_at::<16>(),
            generator: head.u32_at::<20>(),
            revision: head.u32_at::<24>(),
            classification: head.u32_at::<28>(),
            priority: head.u32_at::<32>(),
            addresses: Some(addresses).filter(|_| is_ip),
            source_port: flow.u16_at::<0>(),
            destination_port: flow.u16_at::<2>(),
            protocol: Some(IpProtocol(protocol)).filter(|_| is_ip),
            verdict: Verdict::of_snort2(blocked),
            ..Self::default()
        };
        Some(event.with_labels(body))
    }

    /// Adds what later forms have behind the first one's fields.
    fn with_labels(self, rest: &[u8]) -> Self {
        let Some((labels, rest)) = rest.split_first_chunk::<LABELS_LEN>() else { return self };
        let labels = Fields(labels);
        Self {
            mpls_label: Some(labels.u32_at::<0>()).filter(|&label| label > 0),
            vlan: Some(labels.u16_at::<4>()).filter(|&vlan| vlan > 0),
            app_name: rest
                .first_chunk::<{ AppName::MAX_LEN }>()
                .and_then(|name| AppName::new(name)),
            ..self
        }
    }

    fn snort3(body: &[u8]) -> Option<Self> {
        let body = Fields(body.first_chunk::<SNORT3_LEN>()?);
        let [versions, protocol, status, action] = body.bytes_at::<92, 4>();
        let source = snort3_address(versions >> 4, body.bytes_at::<48, 16>());
        let destination = snort3_address(versions & 0xf, body.bytes_at::<64, 16>());
        let addresses = source.zip(destination);
        Some(Self {
            key: EventKey {
                sensor_id: body.u32_at::<0>(),
                event_id: body.u32_at::<4>(),
                second: body.u32_at::<8>(),
            },
            microsecond: body.u32_at::<12>(),
            generator: body.u32_at::<16>(),
            signature: body.u32_at::<20>(),
            revision: body.u32_at::<24>(),
            classification: body.u32_at::<28>(),
            priority: body.u32_at::<32>(),
            addresses,
            source_port: body.u16_at::<84>(),
            destination_port: body.u16_at::<86>(),
            protocol: addresses.map(|_| IpProtocol(protocol)),
            mpls_label: Some(body.u32_at::<80>()).filter(|&label| label > 0),
            vlan: Some(body.u16_at::<88>()).filter(|&vlan| vlan > 0),
            app_name: AppName::new(&body.bytes_at::<96, { AppName::MAX_LEN }>()),
            verdict: Verdict::of_snort3(action, status),
            is_snort3: true,
        })
    }
}

const UNSPECIFIED: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// An address whose IP version stands elsewhere: 0 for none, 4 for IPv4 in the last four bytes.
fn snort3_address(version: u8, bytes: [u8; 16]) -> Option<IpAddr> {
    match version {
        0 => None,
        4 => bytes.last_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes).into()),
        _ => Some(Ipv6Addr::from(bytes).into()),
    }
}

impl Verdict {
    /// `allowed`, `blocked`, `would_block`, `cannot_block` or `held`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::WouldBlock => "would_block",
            Self::CannotBlock => "cannot_block",
            Self::Held => "held",
        }
    }

    /// `blocked` of Snort 2 (`U2_BLOCKED_FLAG_…`).
    fn of_snort2(blocked: u8) -> Self {
        match blocked {
            1 => Self::Blocked,
            2 => Self::WouldBlock,
            3 => Self::CannotBlock,
            _ => Self::Allowed,
        }
    }

    /// Action and status of Snort 3 (`ActiveActionType` and `ActiveStatus`): what should be done, and
    /// whether it could be. The actions are trust, allow, hold, retry, rewrite, drop, block, reset.
    fn of_snort3(action: u8, status: u8) -> Self {
        const HOLD: u8 = 2;
        const DROP: u8 = 5;
        match status {
            _ if action == HOLD => Self::Held,
            _ if action < DROP => Self::Allowed,
            1 => Self::CannotBlock,
            2 => Self::WouldBlock,
            _ => Self::Blocked,
        }
    }
}
