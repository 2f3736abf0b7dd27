//! The recordings: what was sent, and beside it what was logged.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use flate2::read::GzDecoder;
use pigear_alert::Alert;
use pigear_alert::maps::{Classes, Names, ReferenceSystems};
use pigear_alert::wire::{Decoded, Decoder, Dialect};
use serde_json::Value;

/// The builds of Snort, the dialect that each sends, and how many alerts there are of each, so that
/// none is passed over.
pub(crate) const BUILDS: [(&str, Dialect, usize); 8] = [
    ("v220", Dialect::Snort22, 64),
    ("v2852", Dialect::Snort27, 65),
    ("v2923", Dialect::Snort29, 82),
    ("v2973", Dialect::Snort29, 135),
    ("v2973appid", Dialect::Snort297AppId, 68),
    ("v2919noappid", Dialect::Snort29, 196),
    ("v2919", Dialect::Snort29AppId, 237),
    ("v3122", Dialect::Snort3, 251),
];

/// One alert, with what Snort's logs say of it.
pub(crate) struct Recorded {
    pub(crate) build: &'static str,
    /// The recording and the alert's number in it.
    pub(crate) place: String,
    pub(crate) decoded: Decoded,
    /// Named by the lists of classes and reference systems that Snort read.
    pub(crate) alert: Alert,
    /// The line of `expected.jsonl`.
    pub(crate) expected: Value,
    /// The line of `alert.fast`.
    pub(crate) fast: String,
}

/// All alerts, build by build.
pub(crate) static ALL: LazyLock<Vec<Recorded>> = LazyLock::new(|| {
    let names = Arc::new(Names {
        classes: Classes::parse(&list("classification.config")).value,
        references: ReferenceSystems::parse(&list("reference.config")).value,
        ..Names::default()
    });
    let mut all = Vec::new();
    for (build, _, count) in BUILDS {
        let recordings = recordings(build);
        let before = all.len();
        all.extend(recordings.iter().flat_map(|path| alerts(build, path, &names)));
        assert_eq!(all.len() - before, count, "{build}");
    }
    all
});

impl Recorded {
    /// The alert with other names.
    pub(crate) fn named(&self, names: &Arc<Names>) -> Alert {
        Alert::new(self.decoded.clone(), Arc::default(), Arc::clone(names))
    }

    /// Whether this Snort's datagrams have the microseconds where the packet's length belongs.
    pub(crate) fn is_garbled(&self) -> bool {
        matches!(self.build, "v2923" | "v2973" | "v2973appid")
    }
}

/// One of the lists and maps that Snort read.
pub(crate) fn list(name: &str) -> String {
    let bytes = fs::read(data().join("etc").join(name)).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

pub(crate) fn recordings(build: &str) -> Vec<PathBuf> {
    let entries =
        |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let cases = entries(data().join(build)).filter(|path| path.is_dir());
    let mut files: Vec<_> = cases.flat_map(entries).collect();
    files.retain(|path| path.to_str().unwrap().ends_with("alerts.dgrams.gz"));
    files.sort();
    files
}

fn alerts(build: &'static str, path: &Path, names: &Arc<Names>) -> Vec<Recorded> {
    let beside = |name: &str| path.to_str().unwrap().replace("alerts.dgrams.gz", name);
    let expected = fs::read_to_string(beside("expected.jsonl")).unwrap();
    let fast = String::from_utf8_lossy(&fs::read(beside("alert.fast")).unwrap()).into_owned();
    let bytes = unpacked(path);
    let datagrams = datagrams(&bytes);
    let counts = [datagrams.len(), fast.lines().count()];
    assert_eq!(counts, [expected.lines().count(); 2], "{}", path.display());
    let logged = expected.lines().zip(fast.lines());
    let alerts = datagrams.into_iter().zip(logged).enumerate();
    let recorded = alerts.map(|(n, (datagram, (expected, fast)))| {
        let decoded = Decoder::default().decode(datagram).unwrap();
        Recorded {
            build,
            place: format!("{} alert {n}", path.display()),
            alert: Alert::new(decoded.clone(), Arc::default(), Arc::clone(names)),
            decoded,
            expected: serde_json::from_str(expected).unwrap(),
            fast: fast.to_owned(),
        }
    });
    recorded.collect()
}

pub(crate) fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn datagrams(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (datagram, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        all.push(datagram);
        bytes = rest;
    }
    all
}
