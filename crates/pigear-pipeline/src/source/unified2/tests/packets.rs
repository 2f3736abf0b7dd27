use std::time::Instant;

use super::*;

fn event(event_id: u32) -> Vec<u8> {
    record(event_id)[..60].to_vec()
}

/// A packet of an event, with a number of its own.
fn packet(event_id: u32, number: u32) -> Vec<u8> {
    let mut packet = record(event_id)[60..].to_vec();
    let place = packet.len() - 4;
    packet[place..].copy_from_slice(&number.to_be_bytes());
    packet
}

/// Keeps the packets of each event that it saw.
#[derive(Clone, Default)]
struct Packets(Arc<Mutex<Vec<Seen>>>);

/// An event's id, and the numbers of its packets.
type Seen = (u32, Vec<u32>);

impl Handler for Packets {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let number = |bytes: &[u8]| bytes.first_chunk().copied().map(u32::from_be_bytes);
        for alert in alerts {
            let further = alert.further_packets().iter().map(|packet| &*packet.data);
            let packets = std::iter::once(&*alert.message.pkt).chain(further);
            let packets = packets.filter_map(number).collect();
            self.0.lock().unwrap().push((alert.message.event_id, packets));
        }
        Ok(Progress::All)
    }
}

impl Packets {
    fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    /// What is seen of a log that is there.
    fn of(log: &Log) -> (Vec<Seen>, Snapshot) {
        let (packets, mut pipeline) = (Self::default(), Pipeline::default());
        pipeline.add("packets", Box::new(packets.clone()), LaneSettings::default());
        let stats = pipeline.stats();
        let source = log.open(Start::Beginning).until(Until::End);
        pipeline.run(vec![Box::new(source)], &Stop::default()).unwrap();
        (packets.seen(), stats.snapshot())
    }

    /// Follows a log while something is done.
    fn while_following(log: &Log, work: impl FnOnce(&Self)) -> Snapshot {
        let (packets, stop) = (Self::default(), Stop::default());
        let mut pipeline = Pipeline::default();
        pipeline.add("packets", Box::new(packets.clone()), LaneSettings::default());
        let (stats, source) = (pipeline.stats(), log.open(Start::Beginning));
        thread::scope(|scope| {
            let running = scope.spawn(|| pipeline.run(vec![Box::new(source)], &stop));
            work(&packets);
            stop.request();
            running.join().unwrap().unwrap();
        });
        stats.snapshot()
    }
}

/// Time passes, longer than it takes to hand on an event that nothing is missing of.
fn a_while_passes() {
    let begun = Instant::now();
    until("time has passed", || begun.elapsed() > Duration::from_millis(80));
}

#[test]
fn all_packets_of_an_event_are_its_own_also_behind_other_events() {
    let log = Log::new();
    let tagged = [event(1), packet(1, 10), event(2), packet(2, 20), packet(1, 11), packet(1, 12)];
    append(&log.path("u2.log"), &tagged.concat());
    let (seen, counters) = Packets::of(&log);
    assert_eq!(seen, [(1, vec![10, 11, 12]), (2, vec![20])]);
    assert_eq!((counters.received, counters.stray_packets), (2, 0));
}

#[test]
fn a_packet_that_comes_late_is_waited_for_and_so_is_half_of_one() {
    let log = Log::new();
    let path = log.path("u2.log");
    append(&path, &records([1]));
    let late = packet(2, 20);
    Packets::while_following(&log, |packets| {
        until("the first is seen", || packets.seen().len() == 1);
        append(&path, &event(2));
        a_while_passes();
        append(&path, &late[..30]);
        a_while_passes();
        assert_eq!(packets.seen().len(), 1);
        append(&path, &late[30..]);
        until("the second is seen", || packets.seen().len() == 2);
        assert_eq!(packets.seen()[1], (2, vec![20]));
    });
}

#[test]
fn an_event_whose_packet_never_comes_is_handed_on_nevertheless_and_the_packet_counted() {
    let log = Log::new();
    let path = log.path("u2.log");
    append(&path, &records([1]));
    let counters = Packets::while_following(&log, |packets| {
        append(&path, &event(2));
        until("it is seen without", || packets.seen().last() == Some(&(2, Vec::new())));
        append(&path, &packet(2, 20));
        append(&path, &records([3]));
        until("the next is seen", || packets.seen().len() == 3);
    });
    assert_eq!(counters.stray_packets, 1);
}

#[test]
fn a_log_without_packets_is_not_slowed_down() {
    let log = Log::new();
    let path = log.path("u2.log");
    append(&path, &[]);
    Packets::while_following(&log, |packets| {
        let begun = Instant::now();
        for event_id in 1..=5 {
            append(&path, &event(event_id));
            until("it is seen", || packets.seen().len() == event_id as usize);
        }
        assert!(begun.elapsed() < 5 * PACKET_WAIT / 2, "{:?}", begun.elapsed());
    });
}

#[test]
fn the_packet_of_a_files_last_event_may_be_in_the_next_file() {
    let log = Log::new();
    append(&log.path("u2.log.1750000001"), &[records([1]), event(2)].concat());
    append(&log.path("u2.log.1750000002"), &[packet(2, 20), packet(2, 21)].concat());
    let (seen, counters) = Packets::of(&log);
    assert_eq!(seen[1], (2, vec![20, 21]));
    assert_eq!(counters.stray_packets, 0);
}

#[test]
fn packets_of_no_event_are_counted() {
    let log = Log::new();
    append(&log.path("u2.log"), &[packet(7, 1), records([1]), packet(8, 2)].concat());
    let (seen, counters) = Packets::of(&log);
    assert_eq!((seen.len(), counters.stray_packets), (1, 2));
}
