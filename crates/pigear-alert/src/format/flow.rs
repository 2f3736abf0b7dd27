//! Ids of flows: the same in both directions and in every program.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest, Sha1};

use super::icmp_pairs;
use crate::packet::{Dissection, Header, IpProtocol};

/// The flow's Community ID, version 1 with seed 0
/// ([specification](https://github.com/corelight/community-id-spec)).
///
/// `None` if the protocol has ports that the packet doesn't show: in fragments, or if it is truncated.
#[must_use]
pub fn community_id(packet: &Dissection) -> Option<String> {
    const SEED: [u8; 2] = [0, 0];
    let ports = Ports::of(packet)?;
    let mut ends = ends(packet, ports)?;
    if !matches!(ports, Ports::OneWay(_)) {
        ends.sort_unstable();
    }
    let mut hash = Sha1::new_with_prefix(SEED);
    for (ip, _) in ends {
        add_address(&mut hash, ip);
    }
    hash.update([packet.protocol()?.0, 0]);
    if !matches!(ports, Ports::None) {
        for (_, port) in ends {
            hash.update(port.to_be_bytes());
        }
    }
    Some(format!("1:{}", BASE64.encode(hash.finalize())))
}

/// A number of 51 bits for the flow: the same for the same addresses, ports (not those that the
/// Community ID derives from ICMP types), protocol and VLANs.
pub(super) fn id(packet: &Dissection) -> Option<u64> {
    const BITS: u32 = 51;
    let ports = Ports::of(packet)?;
    let ports = if matches!(ports, Ports::Real(_)) { ports } else { Ports::None };
    let mut ends = ends(packet, ports)?;
    ends.sort_unstable();
    let mut hash = Sha1::new();
    for (ip, port) in ends {
        hash.update([u8::from(ip.is_ipv6())]);
        add_address(&mut hash, ip);
        hash.update(port.to_be_bytes());
    }
    hash.update([packet.protocol()?.0]);
    packet.vlans().for_each(|vlan| hash.update(vlan.to_be_bytes()));
    let digest: [u8; 20] = hash.finalize().into();
    Some(u64::from_be_bytes(*digest.first_chunk()?) >> (u64::BITS - BITS))
}

/// Source and destination.
fn ends(packet: &Dissection, ports: Ports) -> Option<[(IpAddr, u16); 2]> {
    let [src_port, dst_port] = match ports {
        Ports::None => [0, 0],
        Ports::Real(ports) | Ports::OneWay(ports) | Ports::Paired(ports) => ports,
    };
    Some([(packet.src_ip()?, src_port), (packet.dst_ip()?, dst_port)])
}

fn add_address(hash: &mut Sha1, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => hash.update(ip.octets()),
        IpAddr::V6(ip) => hash.update(ip.octets()),
    }
}

/// The ports of a packet, or the Community ID's substitute for them; source first.
#[derive(Clone, Copy)]
enum Ports {
    /// The protocol has none.
    None,
    /// Those of TCP, UDP or SCTP.
    Real([u16; 2]),
    /// An ICMP type and that of its reply.
    Paired([u16; 2]),
    /// An ICMP type without a reply, and its code.
    OneWay([u16; 2]),
}

impl Ports {
    /// `None` if the protocol has ports, but the packet doesn't show them.
    fn of(packet: &Dissection) -> Option<Self> {
        use IpProtocol as P;
        let (icmp, answer) = match packet.transport() {
            Some(Header::Icmpv4(icmp)) => (icmp, icmp_pairs::answer_v4(icmp.icmp_type)),
            Some(Header::Icmpv6(icmp)) => (icmp, icmp_pairs::answer_v6(icmp.icmp_type)),
            _ => {
                let protocol = packet.protocol()?;
                let ports = packet.src_port().zip(packet.dst_port());
                return match ports {
                    Some((src, dst)) => Some(Self::Real([src, dst])),
                    None if protocol.has_ports() => None,
                    None => (![P::ICMP, P::ICMPV6].contains(&protocol)).then_some(Self::None),
                };
            }
        };
        let icmp_type = u16::from(icmp.icmp_type);
        Some(match answer {
            Some(answer) => Self::Paired([icmp_type, answer.into()]),
            None => Self::OneWay([icmp_type, icmp.code.into()]),
        })
    }
}
