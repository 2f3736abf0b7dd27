use pigear_alert::Sender;

use super::*;
use crate::test_alerts::alert;

#[test]
fn numbers_in_a_row_miss_nothing() {
    assert_eq!(gap(1, 2), 0);
    assert_eq!(gap(u16::MAX, 0), 0);
}

#[test]
fn a_gap_is_what_lies_between() {
    assert_eq!(gap(1, 5), 3);
    assert_eq!(gap(u16::MAX - 1, 1), 2);
}

#[test]
fn a_snort_that_started_over_missed_nothing() {
    assert_eq!(gap(500, 1), 0);
    assert_eq!(gap(500, 500), 0);
}

#[test]
fn the_high_half_is_the_thread() {
    assert_eq!(halves(0x0001_0002), [1, 2]);
}

fn sent_by(pid: i32, event_id: u32) -> Alert {
    let mut alert = Alert::clone(&alert(event_id));
    alert.sender = Some(Sender { pid, uid: 0 });
    alert
}

#[test]
fn each_process_and_thread_has_numbers_of_its_own() {
    let mut gaps = Gaps::default();
    let before = |gaps: &mut Gaps, pid, id| gaps.before(&sent_by(pid, id));
    assert_eq!(before(&mut gaps, 7, 1), 0);
    assert_eq!(before(&mut gaps, 8, 100), 0);
    assert_eq!(before(&mut gaps, 7, 0x1_0050), 0);
    assert_eq!(before(&mut gaps, 7, 4), 2);
    assert_eq!(before(&mut gaps, 8, 101), 0);
    assert_eq!(before(&mut gaps, 7, 0x1_0052), 1);
}

#[test]
fn an_alert_whose_event_may_be_forged_says_nothing() {
    let mut gaps = Gaps::default();
    let mut forged = sent_by(7, 1_000);
    forged.untrusted = true;
    assert_eq!(gaps.before(&sent_by(7, 1)), 0);
    assert_eq!(gaps.before(&forged), 0);
    assert_eq!(gaps.before(&sent_by(7, 2)), 0);
}

#[test]
fn no_more_than_so_many_threads_are_remembered() {
    let mut gaps = Gaps::default();
    for pid in 0..=1_024 {
        assert_eq!(gaps.before(&sent_by(pid, 1)), 0);
        assert!(gaps.last.len() <= MAX_THREADS);
    }
    assert_eq!(gaps.before(&sent_by(1_024, 3)), 1);
}
