use std::sync::Arc;

use pigear_alert::maps::{GenMsgMap, Names, SidMsgMap};

use crate::recordings::{ALL, list};

#[test]
fn messages_are_as_logged_as_far_as_they_were_sent() {
    for recorded in &*ALL {
        let logged = recorded.logged_msg();
        let sent = &*recorded.alert.message.msg;
        if recorded.is_msg_cut() {
            assert!(logged.starts_with(sent) && sent.len() >= 254, "{}", recorded.place);
        } else {
            assert_eq!(sent, logged, "{}", recorded.place);
        }
    }
}

#[test]
fn maps_give_back_what_was_cut_from_messages() {
    let names = Arc::new(Names {
        rules: SidMsgMap::parse(&list("sid-msg.map")).value,
        generators: GenMsgMap::parse(&list("gen-msg.map")).value,
        ..Names::default()
    });
    let of_snort_3 = ALL.iter().filter(|recorded| recorded.build == "v3122");
    let cut: Vec<_> = of_snort_3.filter(|recorded| recorded.is_msg_cut()).collect();
    assert_eq!(cut.len(), 5);
    for recorded in cut {
        let whole = recorded.named(&names).msg().into_owned();
        assert_eq!(whole, recorded.logged_msg(), "{}", recorded.place);
    }
}
