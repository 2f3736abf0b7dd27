//! The recordings' logs in unified2, put together.

use std::path::Path;
use std::sync::Arc;

use pigear_alert::maps::Names;
use pigear_alert::unified2::{Assembler, InfoType, Logged, read};
use pigear_alert::{Alert, Medium};

use crate::recordings::{ALL, BUILDS, Recorded, data, recordings, unpacked};

/// All recordings with a whole log: what was sent, and what was logged.
pub(crate) fn runs() -> Vec<(Vec<&'static Recorded>, Vec<Logged>)> {
    let paths = BUILDS.iter().flat_map(|(build, _, _)| recordings(build));
    let runs = paths.filter_map(|path| {
        let path = path.to_str().unwrap().to_owned();
        let log = path.replace("alerts.dgrams.gz", "unified2.log.gz");
        // Of z2, Snort started the log anew in between.
        let usable = Path::new(&log).exists() && !path.contains("/z2/");
        let sent = ALL.iter().filter(|recorded| recorded.place.starts_with(&path)).collect();
        usable.then(|| (sent, assembled(&unpacked(Path::new(&log)))))
    });
    runs.collect()
}

pub(crate) fn assembled(mut log: &[u8]) -> Vec<Logged> {
    let mut assembler = Assembler::default();
    let mut all = Vec::new();
    while let Some((record, length)) = read(log).unwrap() {
        all.extend(assembler.take(&record));
        log = &log[length..];
    }
    all.extend(assembler.finish());
    assert_eq!((log.len(), assembler.strays()), (0, 0));
    all
}

/// Alerts of the logs, alone and together with the datagrams, some with several packets, and one that has every kind of extra
/// data.
pub(crate) fn alerts(names: &Arc<Names>) -> Vec<(String, Alert)> {
    let mut alerts = Vec::new();
    for (recorded, logged) in
        runs().into_iter().flat_map(|(sent, logged)| sent.into_iter().zip(logged))
    {
        let mut completed = recorded.with_origin(names);
        completed.complete(logged.clone());
        let alone = Alert::from_log(logged, Arc::clone(&completed.origin), Arc::clone(names));
        assert_eq!([completed.medium, alone.medium], [Medium::Datagram, Medium::Unified2]);
        alerts.extend([completed, alone].map(|alert| (recorded.place.clone(), alert)));
    }
    for logged in tagged().into_iter().chain(differing()).chain([full(), held()]) {
        let made = Alert::from_log(logged, Arc::default(), Arc::clone(names));
        alerts.push(("made".to_owned(), made));
    }
    alerts
}

/// Two events, of which the first has packets of a session that its rule tags.
fn tagged() -> Vec<Logged> {
    assembled(
        &std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tagged.u2")).unwrap(),
    )
}

/// An event whose addresses aren't those of its packet.
fn differing() -> Vec<Logged> {
    assembled(&std::fs::read(data().join("live/event-address-differs.u2")).unwrap())
}

/// An event of Snort 3 whose packet was held back: a part of a file in SMB, for which it sets no protocol.
pub(crate) fn held() -> Logged {
    let mut body: Vec<u8> =
        [0, 1, 2, 3, 133, 1, 1, 1, 1, 0, 0, 0_u32].map(u32::to_be_bytes).concat();
    for last in [1, 2] {
        body.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, last]);
    }
    body.extend([0, 0, 0, 0, 0xc3, 0x50, 1, 0xbd, 0, 70, 0, 0, 0x44, 255, 0, 2]);
    body.resize(1032, 0);
    let length = u32::try_from(body.len()).unwrap();
    assembled(&[&114_u32.to_be_bytes()[..], &length.to_be_bytes(), &body].concat()).remove(0)
}

/// A blocked event with every kind of extra data.
fn full() -> Logged {
    let mut log = Vec::new();
    let mut put = |record_type: u32, body: &[u32], rest: &[u8]| {
        let length = u32::try_from(4 * body.len() + rest.len()).unwrap();
        let numbers = [record_type, length].into_iter().chain(body.iter().copied());
        log.extend(numbers.flat_map(u32::to_be_bytes));
        log.extend(rest);
    };
    let head = [0, 1, 2, 3, 1_000_001, 1, 1, 1, 1];
    put(7, &head, &[192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 0, 80, 6, 0, 0, 1]);
    for info in InfoType::ALL {
        put(110, &[4, 48, 0, 1, 2, info.0, 1, 24], b"sixteen bytes \x1b\xff");
    }
    assembled(&log).remove(0)
}
