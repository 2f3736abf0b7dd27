//! The packet of an alert, layer by layer.
//!
//! [`Dissector`] takes the bytes Snort sent and returns a [`Dissection`]: the headers as far as they could
//! be parsed, the rest as payload, and, if it ended early, a [`Stop`] with the position and the reason.
//! There are no errors: packets in alerts are often truncated, mostly unusual and sometimes hostile, and
//! the parsed headers are useful in any case.
//!
//! ```
//! use pigear_alert::packet::{Dissector, Header};
//!
//! let packet = [
//!     2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, // Ethernet, IPv4 follows
//!     0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 9, // IPv4, UDP follows
//!     0x9c, 0x40, 0, 53, 0, 12, 0, 0, // UDP from 40000 to 53
//!     1, 2, 3, 4,
//! ];
//! let dissection = Dissector::default().dissect(&packet);
//! assert_eq!(dissection.src_ip(), Some([192, 0, 2, 1].into()));
//! assert_eq!(dissection.dst_port(), Some(53));
//! assert_eq!(dissection.payload, 42..46);
//! assert_eq!(dissection.stopped, None);
//!
//! let names: Vec<_> = dissection.layers.iter().map(|layer| layer.header.name()).collect();
//! assert_eq!(names, ["Ethernet", "IPv4", "UDP"]);
//!
//! let cut = Dissector::default().dissect(&packet[..38]);
//! assert_eq!(cut.src_ip(), Some([192, 0, 2, 1].into()));
//! assert_eq!(cut.stopped.map(|stop| stop.to_string()).as_deref(),
//!     Some("UDP at byte 34: needs 8 bytes, but 4 are left"));
//! ```
//!
//! # Protocols
//!
//! | after | come |
//! |---|---|
//! | link | Ethernet (with LLC and SNAP), Linux cooked capture, raw IP, BSD loopback, PPP, FDDI, Cisco HDLC ([`LinkType`]) |
//! | tags | VLAN (0x8100, 0x88a8, 0x9100, 0x9200, 0x8200), MPLS, PPPoE sessions, PPP, `FabricPath`, Cisco metadata, VN-Tag, PBB |
//! | network | ARP, IPv4, IPv6 with extension headers (also IPv4's authentication header) |
//! | transport | TCP, UDP, SCTP, ICMP, `ICMPv6` |
//! | tunnels | IP in IP (4, 41), GRE of both versions, ERSPAN II and III, Teredo, VXLAN, Geneve, GTP ([`SnortVersion`]) |
//!
//! As Snort does, it follows tunnels to the innermost IP header, and doesn't follow the packets
//! quoted in ICMP errors. The contents of a fragment are not dissected, not even the first's.
//!
//! What Snort [states](Stated) of a packet wins: the addresses in its log, and else the IP header that its
//! datagram names (`nethdr`). Only where it states neither, the dissection alone decides, and it
//! enters no tunnel that this [Snort](SnortVersion) doesn't enter: whoever sends a packet chooses what is inside.
//!
//! Offsets in a [`Dissection`] count from the packet's first byte. All numbers are in host byte order.

mod detect;
mod dissection;
mod dissector;
mod ether_type;
mod flow;
mod frame;
mod header;
mod headers;
mod ip_protocol;
mod layer;
mod link;
mod link_type;
mod network;
mod snort_version;
mod stated;
mod step;
mod stop;
mod tag;
mod transport;
mod tunnel;
mod udp_tunnel;
mod walk;

#[cfg(test)]
pub(crate) mod tests;

pub use self::dissection::Dissection;
pub use self::dissector::{Dissector, frame_length};
pub use self::ether_type::EtherType;
pub use self::flow::{Flow, FlowSource};
pub use self::frame::{CiscoHdlc, Fddi, Loopback};
pub use self::header::Header;
pub use self::ip_protocol::IpProtocol;
pub use self::layer::Layer;
pub use self::link::{Ethernet, LinuxCooked, Mpls, Ppp, Pppoe, Vlan};
pub use self::link_type::{LinkType, UnknownLinkType};
pub use self::network::{Arp, Extension, Ipv4, Ipv6, Ipv6Fragment};
pub use self::snort_version::SnortVersion;
pub use self::stated::Stated;
pub use self::stop::{Stop, StopReason};
pub use self::tag::{BackboneTag, CiscoMetadata, FabricPath, Llc, VnTag};
pub use self::transport::{Echo, Icmp, Sctp, Tcp, Udp};
pub use self::tunnel::{Erspan, Gre};
pub use self::udp_tunnel::{Geneve, Gtp, Teredo, Vxlan};
pub use self::walk::MAX_LAYERS;
