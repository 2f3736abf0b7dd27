use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::unified2::{Assembler, Logged, read};
use pigear_alert::wire::{Dialect, encode};
use pigear_alert::{Alert, AlertMessage};

use super::Completed;
use super::join::{Join, Joined, LateAlert};
use crate::alert_factory::AlertFactory;

pub(super) const WAIT: Duration = Duration::from_millis(500);

#[derive(Clone, Copy)]
pub(super) struct AlertSpec {
    pub(super) event_id: u32,
    pub(super) second: u32,
    pub(super) sid: u32,
    pub(super) dialect: Dialect,
    pub(super) has_packet: bool,
}

pub(super) const BARE: AlertSpec =
    AlertSpec { event_id: 7, second: 5, sid: 9, dialect: Dialect::Snort3, has_packet: false };

impl AlertSpec {
    pub(super) fn alert(self) -> Arc<Alert> {
        let mut message = AlertMessage::default();
        (message.sig_generator, message.sig_id, message.sig_rev) = (1, self.sid, 1);
        (message.event_id, message.ts_sec, message.ts_usec) = (self.event_id, self.second, 6);
        if self.has_packet {
            let ether_type = [8, 0];
            let ip = [0x45, 0, 0, 46, 0, 0, 0, 0, 64, 253, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
            message.pkt = [&[0xee; 12][..], &ether_type, &ip, &[0xee; 26]].concat().into();
            (message.caplen, message.pktlen) = (60, 60);
        }
        let datagram = encode(&message, self.dialect);
        AlertFactory::default().take(&datagram, None, false).unwrap()
    }

    /// The same in the log, from 192.0.2.1.
    pub(super) fn event(self) -> Logged {
        let words = [7, 52, 0, self.event_id, self.second, 6, self.sid, 1, 1, 1, 1];
        let flow = [0xc000_0201, 0xc000_0202, 0x0050_0051, 6 << 24];
        let log: Vec<_> = words.into_iter().chain(flow).flat_map(u32::to_be_bytes).collect();
        let (record, _) = read(&log).unwrap().unwrap();
        let mut assembler = Assembler::default();
        assert_eq!(assembler.take(&record).count(), 0);
        assembler.finish().next().unwrap()
    }
}

fn join() -> (Join, Instant) {
    (Join::new(WAIT, Completed::Lacking), Instant::now())
}

fn source(alert: &Alert) -> Option<String> {
    alert.src_ip().map(|ip| ip.to_string())
}

/// Brings an event to which there is no alert; false if its alert was handed on already.
fn hold(join: &mut Join, spec: AlertSpec, now: Instant) -> bool {
    match join.event(spec.event(), LateAlert::Possible, now) {
        Joined::Delivered => false,
        Joined::Waiting => true,
        other => panic!("{other:?}"),
    }
}

fn completed(join: &mut Join, spec: AlertSpec) -> Arc<Alert> {
    match join.event(spec.event(), LateAlert::Impossible, Instant::now()) {
        Joined::Completed(alert) => alert,
        other => panic!("{other:?}"),
    }
}

fn expired(join: &mut Join, now: Instant) -> [usize; 2] {
    let mut all = [0, 0];
    loop {
        let expired = join.expired(now);
        all = [all[0] + expired.alerts.len(), all[1] + expired.events.len()];
        if !expired.may_be_more {
            return all;
        }
    }
}

#[test]
fn an_alert_without_a_packet_waits_for_its_event() {
    let (mut join, now) = join();
    assert!(join.alert(BARE.alert(), now).is_none());
    let other = AlertSpec { event_id: 8, ..BARE };
    assert!(hold(&mut join, other, now));
    let completed = completed(&mut join, BARE);
    assert_eq!(source(&completed).as_deref(), Some("192.0.2.1"));
    assert_eq!(completed.src_port(), Some(80));
    assert_eq!(expired(&mut join, now + WAIT), [0, 1]);
    assert_eq!(join.due(), None);
}

#[test]
fn an_event_may_come_first() {
    let (mut join, now) = join();
    assert!(hold(&mut join, BARE, now));
    assert!(join.has_events());
    let completed = join.alert(BARE.alert(), now).unwrap();
    assert_eq!(source(&completed).as_deref(), Some("192.0.2.1"));
    assert!(!join.has_events());
    assert_eq!(expired(&mut join, now + WAIT), [0, 0]);
}

#[test]
fn an_alert_with_its_packet_goes_on_at_once_and_its_event_is_no_second_alert() {
    let (mut join, now) = join();
    let spec = AlertSpec { has_packet: true, ..BARE };
    let alert = join.alert(spec.alert(), now).unwrap();
    assert!(alert.log().is_none());
    assert!(!hold(&mut join, spec, now));
    assert_eq!(expired(&mut join, now + WAIT), [0, 0]);
}

#[test]
fn an_alert_without_addresses_waits_though_it_has_a_packet() {
    let (mut join, now) = join();
    let spec = AlertSpec { has_packet: true, ..BARE };
    let mut alert = spec.alert();
    Arc::get_mut(&mut alert).unwrap().message.pkt = vec![0xff; 60].into();
    assert!(join.alert(alert, now).is_none());
    assert_eq!(source(&completed(&mut join, spec)).as_deref(), Some("192.0.2.1"));
}

#[test]
fn every_alert_waits_where_all_shall_be_complete() {
    let (mut join, now) = (Join::new(WAIT, Completed::All), Instant::now());
    let spec = AlertSpec { has_packet: true, ..BARE };
    assert!(join.alert(spec.alert(), now).is_none());
    assert!(completed(&mut join, spec).verdict().is_some());
    assert!(join.alert(spec.alert(), now).is_none());
    assert_eq!(expired(&mut join, now + WAIT), [1, 0]);
}

#[test]
fn times_with_a_second_of_microseconds_are_the_same_on_both_sides() {
    let (mut join, now) = join();
    assert!(join.alert(BARE.alert(), now).is_none());
    let mut event = BARE.event();
    event.event.key.second -= 1;
    event.event.microsecond += 1_000_000;
    let joined = join.event(event, LateAlert::Impossible, now);
    assert!(matches!(joined, Joined::Completed(_)), "{joined:?}");
}

#[test]
fn an_alert_goes_on_as_it_is_when_time_is_up_and_its_late_event_is_no_second_alert() {
    let (mut join, now) = join();
    assert!(join.alert(BARE.alert(), now).is_none());
    assert_eq!(join.due(), Some(now + WAIT));
    assert_eq!(expired(&mut join, now + WAIT / 2), [0, 0]);
    assert_eq!(expired(&mut join, now + WAIT), [1, 0]);
    assert!(!hold(&mut join, BARE, now + WAIT));
    assert_eq!(expired(&mut join, now + 2 * WAIT), [0, 0]);
}

#[test]
fn an_event_whose_alert_never_came_is_an_alert_of_its_own() {
    let (mut join, now) = join();
    assert!(hold(&mut join, BARE, now));
    assert_eq!(expired(&mut join, now + WAIT), [0, 1]);
}

#[test]
fn the_same_alert_twice_has_two_events() {
    let (mut join, now) = join();
    let spec = AlertSpec { has_packet: true, ..BARE };
    assert!(join.alert(spec.alert(), now).is_some());
    assert!(join.alert(spec.alert(), now).is_some());
    assert_eq!([(); 3].map(|()| hold(&mut join, spec, now)), [false, false, true]);
    assert_eq!(expired(&mut join, now + WAIT), [0, 1]);
}

#[test]
fn alerts_are_forgotten_after_a_while() {
    let (mut join, now) = join();
    let spec = AlertSpec { has_packet: true, ..BARE };
    assert!(join.alert(spec.alert(), now).is_some());
    let later = now + Duration::from_secs(61);
    join.prune(later);
    assert!(hold(&mut join, spec, later));
    assert_eq!(expired(&mut join, later + WAIT), [0, 1]);
}

#[test]
fn alerts_are_remembered_until_the_log_was_read_to_its_end() {
    let (mut join, now) = join();
    let spec = AlertSpec { has_packet: true, ..BARE };
    assert!(join.alert(spec.alert(), now).is_some());
    let later = now + Duration::from_secs(61);
    assert_eq!(expired(&mut join, later), [0, 0]);
    assert!(!hold(&mut join, spec, later));
}

#[test]
fn an_alert_without_an_event_id_is_known_by_its_rule() {
    let (mut join, now) = join();
    let spec = AlertSpec { dialect: Dialect::Snort297AppId, has_packet: true, ..BARE };
    assert!(join.alert(spec.alert(), now).is_none());
    let other = AlertSpec { sid: 10, ..spec };
    assert!(hold(&mut join, other, now));
    let completed = completed(&mut join, spec);
    assert_eq!((completed.message.event_id, completed.has_whole_event()), (7, true));
}

#[test]
fn a_forged_alert_is_what_is_left_of_its_time() {
    let (mut join, now) = join();
    let mut forged = AlertSpec { sid: 666, event_id: 99, has_packet: true, ..BARE }.alert();
    Arc::get_mut(&mut forged).unwrap().untrusted = true;
    assert!(join.alert(forged, now).is_none());
    assert!(join.alert(BARE.alert(), now).is_none());
    let sound = completed(&mut join, BARE);
    assert!(!sound.message.has_packet());
    let true_one = AlertSpec { event_id: 8, sid: 445, ..BARE };
    let completed = completed(&mut join, true_one);
    assert_eq!((completed.message.sig_id, completed.untrusted), (445, false));
}

#[test]
fn what_waits_is_bounded_by_its_memory() {
    let (mut join, now) = join();
    let mut message = AlertMessage::default();
    message.pkt = vec![0xee; 60_000].into();
    (message.caplen, message.pktlen) = (60_000, 60_000);
    let datagram = encode(&message, Dialect::Snort297AppId);
    let size = AlertFactory::default().take(&datagram, None, false).unwrap().memory();
    let mut take = || {
        let alert = AlertFactory::default().take(&datagram, None, false).unwrap();
        join.alert(alert, now).is_none()
    };
    let waiting = (0..1_000).filter(|_| take()).count();
    assert_eq!(waiting, (32_usize << 20).div_ceil(size));
    let freed = expired(&mut join, now + WAIT)[0];
    assert_eq!(freed, waiting);
}

#[test]
fn nothing_waits_once_the_join_is_closed() {
    let (mut join, now) = join();
    assert!(join.alert(BARE.alert(), now).is_none());
    join.close();
    assert!(join.alert(BARE.alert(), now).is_some());
    let other = AlertSpec { event_id: 8, ..BARE };
    assert!(matches!(join.event(other.event(), LateAlert::Possible, now), Joined::Unmatched(_)));
    assert_eq!(expired(&mut join, now + WAIT), [1, 0]);
}

#[test]
fn an_event_whose_alert_cannot_come_does_not_wait() {
    let (mut join, now) = join();
    assert!(matches!(join.event(BARE.event(), LateAlert::Impossible, now), Joined::Unmatched(_)));
    assert!(!join.has_events());
}

#[test]
fn a_step_is_short_however_much_there_is_to_do() {
    const MANY: u32 = 1_000;
    let (mut join, now) = join();
    let spec = |second| AlertSpec { second, has_packet: true, ..BARE };
    for second in 0..MANY {
        assert!(join.alert(spec(second).alert(), now).is_some());
        assert!(join.alert(AlertSpec { second: MANY, ..BARE }.alert(), now).is_none());
    }
    let later = now + Duration::from_secs(61);
    let expired = join.expired(later);
    assert_eq!((expired.alerts.len(), expired.may_be_more), (256, true));
    join.prune(later);
    let forgotten = |join: &mut Join, second| hold(join, spec(second), later);
    assert_eq!([255, 256].map(|second| forgotten(&mut join, second)), [true, false]);
}
