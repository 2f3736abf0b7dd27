use super::super::event_id::event_id;
use super::*;
use crate::Origin;

#[test]
fn an_event_id_stays_the_same_for_ever() {
    let mut alert = alert(ping());
    assert_eq!(event_id(&alert), "2d4dd5ac8bf2422d0b2e38ed37782882");
    alert.origin = Arc::new(Origin { sensor: Some("dmz".to_owned()), ..Origin::default() });
    assert_eq!(event_id(&alert), "ddfc49c72cde8506a9296d243b591a21");
}

#[test]
fn whatever_tells_alerts_apart_gives_another_event_id() {
    let others = [
        AlertMessage { event_id: 8, ..ping() },
        AlertMessage { ts_sec: 8, ..ping() },
        AlertMessage { ts_usec: 8, ..ping() },
        AlertMessage { sig_generator: 8, ..ping() },
        AlertMessage { sig_id: 8, ..ping() },
    ];
    let ids = others.into_iter().chain([ping()]).map(|message| event_id(&alert(message)));
    assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), 6);
}
