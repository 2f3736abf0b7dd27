//! A filter finds the same whether the index narrows the search or not.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::querying::{finds, several};
use super::search::Search;
use super::*;
use crate::script::Filter;

/// Alerts of several segments, from sockets and from logs.
fn all_alerts() -> Vec<Arc<Alert>> {
    let mut all = several();
    all.extend(logged());
    all
}

pub(super) fn criteria(filter: &str) -> Criteria {
    let mut selection = Selection::default();
    assert_eq!(selection.set("filter", filter), Ok(true));
    selection.criteria(|| TimeZone::UTC).unwrap()
}

/// The blocks that are read for these criteria, and all blocks.
fn blocks(reader: &Reader, criteria: &Criteria) -> (usize, usize) {
    let blocks = |criteria: &Criteria| {
        let search = Search::new(criteria, &reader.connection).unwrap();
        search.blocks(&reader.connection, search.segments()).unwrap().len()
    };
    (blocks(criteria), blocks(&Criteria::default()))
}

/// Filters that pass some alerts, and whether the index narrows them.
const FILTERS: [(&str, bool); 46] = [
    ("msg.sig_id == 434", true),
    ("434 == msg.sig_id && alert.src_ip != ()", true),
    ("msg.sig_id in [434, 384] || msg.sig_id == 1000130", true),
    ("msg.sig_id == 434 || alert.src_ip == \"192.168.10.21\"", true),
    ("msg.sig_id == 434 || alert.dst_port == 80", true),
    ("msg.sig_id == 434 || alert.proto == \"udp\"", false),
    ("alert.dst_port == 80", true),
    ("alert.src_port in [53, 5060]", true),
    ("!(alert.dst_port == 80)", false),
    ("alert.dst_port in 5000..=6000 && msg.priority != 0", true),
    ("msg.caplen > 900", true),
    ("!(msg.caplen <= 900) || alert.dst_port == 5060", true),
    ("msg.pktlen >= 1200 && msg.pktlen < 100000", true),
    ("msg.caplen != 74", false),
    ("!(msg.sig_id != 434)", true),
    ("!(msg.sig_id == 434)", false),
    ("msg.sig_generator == 116", true),
    ("msg.sig_generator > 1 && msg.caplen > 60", true),
    ("alert.priority == 1", false),
    ("alert.priority != 2", false),
    ("msg.priority == ()", false),
    ("!(alert.priority >= 2)", false),
    ("alert.priority <= 2 && msg.priority == alert.priority", false),
    ("alert.class == \"Web-Application-Attack\"", true),
    ("alert.class == ()", true),
    ("alert.class != () && !(alert.class in [\"misc-activity\", \"icmp-event\"])", true),
    ("alert.class_description.contains(\"Web\")", true),
    ("msg.msg.contains(\"PING\")", true),
    ("!msg.msg.contains(\"e\")", true),
    ("alert.src_ip == \"192.168.10.21\"", true),
    ("alert.dst_ip == \"192.168.10.21\"", true),
    ("alert.dst_ip != \"192.168.10.21\"", false),
    ("!(alert.src_ip != \"192.168.10.21\" || alert.dst_port != 80)", true),
    ("alert.src_ip in [\"192.168.10.21\", \"192.168.10.20\"]", true),
    ("ip_in(alert.src_ip, \"2001:db8::/32\")", true),
    ("!ip_in(alert.src_ip, \"192.168.10.0/24\")", false),
    ("ip_in(alert.dst_ip, [\"192.168.10.0/28\", \"2001:db8::/32\"])", true),
    ("ip_in(alert.src_ip, \"2001:db8::/32\") && msg.sig_generator == 1", true),
    ("(msg.sig_id == 434 && alert.src_ip == \"192.168.10.20\") || msg.sig_generator == 116", true),
    ("alert.timestamp >= \"2025-06-15T18\" && alert.timestamp < \"2025-06-16\"", false),
    ("alert.proto == \"udp\"", false),
    ("alert.payload.contains(\"GET\") && msg.sig_generator == 1", true),
    ("alert.payload.contains(\"GET\") || msg.pkt.contains(\"SIP\")", false),
    ("(alert.dst_port ?? 0) == 80 && msg.sig_id != 0", false),
    ("alert.message.sig_id == 434", true),
    ("true && msg.sig_rev == 1", false),
];

#[test]
fn a_filter_finds_what_the_engine_finds_in_all_alerts() {
    let all = all_alerts();
    let (place, _store) = Place::with(&all);
    let reader = &mut place.reader();
    let mut wide = Vec::new();
    for (script, is_narrow) in FILTERS {
        println!("{script}");
        let filter = RefCell::new(Filter::compile(script).unwrap().by_engine());
        // Most alerts are there several times.
        let known = RefCell::new(HashMap::new());
        let passes = |alert: &Alert| {
            let engine = || filter.borrow_mut().passes(&Arc::new(alert.clone())).unwrap();
            *known.borrow_mut().entry(std::ptr::from_ref(alert)).or_insert_with(engine)
        };
        let criteria = criteria(script);
        finds(reader, &all, &criteria, passes);
        let (read, total) = blocks(reader, &criteria);
        if is_narrow && read == total {
            wide.push(script);
        }
        let everything = Criteria { native: None, ..self::criteria(script) };
        assert_eq!(blocks(reader, &everything).0, total);
        let counted = reader.count(&criteria, CountBy::Src).unwrap();
        assert_eq!(counted, reader.count(&everything, CountBy::Src).unwrap());
    }
    assert_eq!(wide, [""; 0], "all blocks are read");
}

#[test]
fn a_filter_narrows_as_the_criterion_does() {
    let all = all_alerts();
    let (place, _store) = Place::with(&all);
    let reader = &mut place.reader();
    let ip: Option<Network> = "192.168.10.21".parse().ok();
    let mut times: Vec<_> = all.iter().map(|alert| alert.timestamp()).collect();
    times.sort_unstable();
    let since = times[times.len() / 2];
    for (filter, set) in [
        ("msg.sig_id == 434", Criteria { sid: vec![434], ..Criteria::default() }),
        ("msg.sig_generator == 116", Criteria { gid: vec![116], ..Criteria::default() }),
        ("alert.src_ip == \"192.168.10.21\"", Criteria { src: ip, ..Criteria::default() }),
        ("ip_in(alert.dst_ip, \"192.168.10.21\")", Criteria { dst: ip, ..Criteria::default() }),
        (
            &format!("alert.timestamp >= \"{since:.6}\""),
            Criteria { since: Some(since), ..Criteria::default() },
        ),
        (
            &format!("!(alert.timestamp >= \"{since:.6}\")"),
            Criteria { until: Some(since), ..Criteria::default() },
        ),
    ] {
        let (read, total) = blocks(reader, &criteria(filter));
        assert_eq!(read, blocks(reader, &set).0, "{filter}");
        assert!(read < total, "{filter}");
        assert_eq!(found(reader, &criteria(filter)), found(reader, &set), "{filter}");
    }
}

#[test]
fn a_filter_comes_together_with_criteria() {
    let all = all_alerts();
    let (place, _store) = Place::with(&all);
    let reader = &mut place.reader();
    let with = Criteria {
        gid: vec![1],
        dst: "192.168.10.0/24".parse().ok(),
        ..criteria("msg.priority <= 2 && ip_in(alert.src_ip, \"203.0.113.0/24\")")
    };
    let within = |ip: Option<std::net::IpAddr>, begin: &str| {
        ip.is_some_and(|ip| ip.to_string().starts_with(begin))
    };
    finds(reader, &all, &with, |alert| {
        alert.message.sig_generator == 1
            && alert.has_whole_event()
            && alert.message.priority <= 2
            && within(alert.dst_ip(), "192.168.10.")
            && within(alert.src_ip(), "203.0.113.")
    });
    let nothing = Criteria { sid: vec![384], ..criteria("msg.sig_id == 434") };
    assert_eq!(found(reader, &nothing), [0; 0]);
    assert_eq!(blocks(reader, &nothing).0, 0);
}

/// Of several filters, some may need the engine.
#[test]
fn several_filters_narrow_together() {
    let all = all_alerts();
    let (place, _store) = Place::with(&all);
    let reader = &mut place.reader();
    let native =
        ["msg.sig_generator == 1", "ip_in(alert.src_ip, \"2001:db8::/32\")", "msg.priority > 1"];
    let engine = "let id = msg.sig_id; id != 434";
    for filters in
        [&[native[0], native[1]][..], &[engine, native[1]], &[native[1], engine, native[2]]]
    {
        let mut selection = Selection::default();
        for filter in filters {
            assert_eq!(selection.set("filter", filter), Ok(true));
        }
        let criteria = selection.criteria(|| TimeZone::UTC).unwrap();
        let mut compiled: Vec<_> =
            filters.iter().map(|it| Filter::compile(it).unwrap().by_engine()).collect();
        let expected = (1_i64..)
            .zip(&all)
            .filter(|(_, alert)| compiled.iter_mut().all(|filter| filter.passes(alert).unwrap()));
        let mut expected: Vec<_> = expected.map(|(id, _)| id).collect();
        expected.reverse();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{filters:?}");
        assert_eq!(found(reader, &criteria), expected, "{filters:?}");
        let (read, total) = blocks(reader, &criteria);
        assert!(read < total, "{filters:?}");
        let counted = reader.count(&criteria, CountBy::Src).unwrap();
        let everything = Criteria { native: None, ..criteria };
        assert_eq!(counted, reader.count(&everything, CountBy::Src).unwrap());
    }
}
