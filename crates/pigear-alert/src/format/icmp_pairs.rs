//! ICMP requests and replies that the Community ID counts as one flow.

const V4: [[u8; 2]; 5] = [
    [8, 0],   // echo
    [10, 9],  // router solicitation, advertisement
    [13, 14], // timestamp
    [15, 16], // information
    [17, 18], // address mask
];

const V6: [[u8; 2]; 6] = [
    [128, 129], // echo
    [130, 131], // multicast listener query, report
    [133, 134], // router solicitation, advertisement
    [135, 136], // neighbour solicitation, advertisement
    [139, 140], // node information
    [144, 145], // home agent address discovery
];

/// The type of the reply to an ICMP type, or of its request.
pub(super) fn answer_v4(icmp_type: u8) -> Option<u8> {
    answer(&V4, icmp_type)
}

/// The same for `ICMPv6`.
pub(super) fn answer_v6(icmp_type: u8) -> Option<u8> {
    answer(&V6, icmp_type)
}

fn answer(pairs: &[[u8; 2]], icmp_type: u8) -> Option<u8> {
    pairs.iter().find_map(|&[request, answer]| match icmp_type {
        _ if icmp_type == request => Some(answer),
        _ if icmp_type == answer => Some(request),
        _ => None,
    })
}
