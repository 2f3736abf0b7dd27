use std::ops::Range;

use crate::rules::Rule;

/// Where each content that is looked for begins and ends, by its index.
fn found(options: &str, packet: &[u8], payload: Range<usize>) -> Vec<(usize, Vec<[usize; 2]>)> {
    let text = format!("alert tcp any any -> any any ({options} sid:1;)");
    let found = Rule::parse(text.as_bytes()).unwrap().find(packet, payload);
    let ends = |ranges: Vec<Range<usize>>| ranges.into_iter().map(|range| [range.start, range.end]);
    found.into_iter().map(|found| (found.content, ends(found.ranges).collect())).collect()
}

/// The beginnings of the matches of each content, in the whole packet.
fn starts(options: &str, packet: &[u8]) -> Vec<Vec<usize>> {
    let found = found(options, packet, 0..packet.len());
    found.into_iter().map(|(_, ranges)| ranges.iter().map(|range| range[0]).collect()).collect()
}

#[test]
fn all_places_in_the_payload_are_found() {
    let packet = b"ab--ab-AB-abab";
    assert_eq!(found(r#"content:"ab";"#, packet, 2..13), [(0, vec![[4, 6], [10, 12]])]);
    assert_eq!(
        found(r#"content:"ab"; nocase;"#, packet, 2..14),
        [(0, vec![[4, 6], [7, 9], [10, 12], [12, 14]])]
    );
    assert_eq!(starts(r#"content:"|2d 2D|";"#, packet), [[2]]);
    assert_eq!(starts(r#"content:"aa";"#, b"aaaa"), [[0, 1, 2]]);
    assert_eq!(found(r#"content:"zz";"#, packet, 0..14), [(0, vec![])]);
}

#[test]
fn empty_and_negated_contents_have_no_place() {
    let options = r#"content:""; content:!"a"; content:"b";"#;
    assert_eq!(found(options, b"ab", 0..2), [(2, vec![[1, 2]])]);
}

#[test]
fn a_payload_outside_of_the_packet_is_cut() {
    assert_eq!(found(r#"content:"a";"#, b"aa", 1..99), [(0, vec![[1, 2]])]);
    assert_eq!(found(r#"content:"a";"#, b"aa", 50..99), [(0, vec![])]);
    #[expect(clippy::reversed_empty_ranges, reason = "it is the case that is tested")]
    let reversed = 2..1;
    assert_eq!(found(r#"content:"a";"#, b"aa", reversed), [(0, vec![])]);
}

#[test]
fn offset_and_depth_count_from_the_payload() {
    let packet = b"a-a-a-a-a";
    assert_eq!(
        found(r#"content:"a"; offset:2; depth:3;"#, packet, 2..9),
        [(0, vec![[4, 5], [6, 7]])]
    );
    assert_eq!(starts(r#"content:"a",depth 3,offset 4;"#, packet), [[4, 6]]);
    assert_eq!(starts(r#"content:"a"; depth:2;"#, packet), [[0]]);
    assert_eq!(starts(r#"content:"a-"; depth:3;"#, packet), [[0]]);
    assert_eq!(starts(r#"content:"a"; offset:-3; depth:4;"#, packet), [[0]]);
    assert_eq!(starts(r#"content:"a"; offset:where; depth:1;"#, packet), [[0, 2, 4, 6, 8]]);
    assert_eq!(starts(r#"content:"a"; offset:6; depth:where;"#, packet), [[6, 8]]);
    assert_eq!(starts(r#"content:"a"; offset:2147483647; depth:2147483647;"#, packet), [[0; 0]]);
}

#[test]
fn distance_and_within_count_from_the_match_before() {
    let packet = b"key=1;key=22;value";
    let both = |options: &str| starts(&format!(r#"content:"key="; {options}"#), packet);
    assert_eq!(both(r#"content:";"; distance:1; within:1;"#), [[0], [5]]);
    assert_eq!(both(r#"content:";"; distance:2; within:1;"#), [[6], [12]]);
    assert_eq!(both(r#"content:";"; within:2;"#), [[0], [5]]);
    assert_eq!(both(r#"content:"value"; distance:0;"#), [vec![0, 6], vec![13]]);
    assert_eq!(both(r#"content:"ey"; distance:-3; within:2;"#), [vec![0, 6], vec![1, 7]]);
    // One that isn't there leaves those before it.
    assert_eq!(both(r#"content:"no"; distance:0;"#), [vec![0, 6], vec![]]);
    assert_eq!(both(r#"content:"key"; distance:9;"#), [vec![0, 6], vec![]]);
}

#[test]
fn a_chain_is_followed_from_end_to_beginning() {
    let packet = b"a1 a2b a3bc";
    let options =
        r#"content:"a"; content:"b"; distance:1; within:1; content:"c"; distance:0; within:1;"#;
    assert_eq!(starts(options, packet), [[7], [9], [10]]);
}

#[test]
fn without_a_match_before_distance_counts_from_the_payload() {
    assert_eq!(starts(r#"content:"a"; distance:1; within:2;"#, b"aaaa"), [[1, 2]]);
    let negated = r#"content:"b"; content:!"x"; distance:0; content:"a"; distance:0; within:1;"#;
    assert_eq!(starts(negated, b"a-ba"), [[2], [3]]);
}

#[test]
fn what_only_snort_knows_does_not_count() {
    let between = |option: &str| {
        starts(&format!(r#"content:"b"; {option}; content:"a"; distance:0; within:1;"#), b"a-b-a")
    };
    for option in [r#"pcre:"/x/R""#, "byte_jump:2,0", "byte_extract:1,0,n"] {
        assert_eq!(between(option), [vec![2], vec![0, 4]], "{option}");
    }
    assert_eq!(between("byte_test:1,>,0,0"), [vec![2], vec![]]);
    assert_eq!(starts(r#"content:"b"; content:"a"; distance:n;"#, b"a-b-a"), [vec![2], vec![0, 4]]);
}

#[test]
fn another_buffer_is_looked_for_in_the_whole_payload() {
    let packet = b"GET /a?a HTTP/1.1";
    assert_eq!(starts(r#"content:"a"; depth:1; http_uri;"#, packet), [[5, 7]]);
    assert_eq!(
        starts(r#"http_uri; content:"a",depth 1; pkt_data; content:"G",depth 1;"#, packet),
        [vec![5, 7], vec![0]]
    );
    // The payload's beginning counts after another buffer.
    let after = r#"http_uri; content:"a",depth 1; pkt_data; content:"E",distance 1,within 1;"#;
    assert_eq!(starts(after, packet), [vec![5, 7], vec![1]]);
}

#[test]
fn the_number_of_ranges_is_bounded() {
    let packet = vec![b'a'; 65_535];
    let rule = Rule::parse(b"alert tcp (content:\"a\"; content:\"b\"; sid:1;)").unwrap();
    let found = rule.find(&packet, 0..packet.len());
    assert_eq!((found[0].ranges.len(), found[0].has_more), (1_000, true));
    assert_eq!((found[1].ranges.len(), found[1].has_more), (0, false));
}
