mod detect;
mod link;
mod network;
mod properties;
pub(crate) mod samples;
mod stated;
mod transport;
mod tunnel;

use super::{Dissection, Dissector, IpProtocol, LinkType, SnortVersion};

/// Dissects an Ethernet frame, VXLAN included.
fn dissect(frame: &[u8]) -> Dissection {
    let link_type = Some(LinkType::ETHERNET);
    Dissector { link_type, snort: SnortVersion::V3 }.dissect(frame)
}

fn names(dissection: &Dissection) -> Vec<&'static str> {
    dissection.layers.iter().map(|layer| layer.header.name()).collect()
}

/// Why the dissection ended early, as a phrase.
fn stopped(dissection: &Dissection) -> String {
    dissection.stopped.map(|stop| stop.to_string()).unwrap_or_default()
}

fn source(dissection: &Dissection) -> String {
    dissection.src_ip().map(|ip| ip.to_string()).unwrap_or_default()
}

#[test]
fn protocols_print_their_name_or_number() {
    let texts = [6, 17, 1, 58, 0, 132, 145, 253].map(|number| IpProtocol(number).to_string());
    assert_eq!(texts, ["TCP", "UDP", "ICMP", "ICMPv6", "HOPOPT", "SCTP", "NSH", "253"]);
}

#[test]
fn every_protocol_keeps_its_own_name() {
    let named = (0..=u8::MAX).filter_map(|number| Some((number, IpProtocol(number).keyword()?)));
    let named: Vec<_> = named.collect();
    assert_eq!(named.len(), 141);
    let mut names: Vec<_> = named.iter().map(|(_, name)| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), named.len());
}
