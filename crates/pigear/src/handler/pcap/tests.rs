use std::fs;
use std::path::Path;

use pigear_alert::wire::Decoder;
use pigear_alert::{Origin, maps::Names};
use pigear_pipeline::recording::Reader;
use tempfile::TempDir;

use super::*;

/// The alerts of a recording.
fn alerts(case: &str) -> Vec<Arc<Alert>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pigear-alert/tests/data");
    let mut reader = Reader::open(&data.join(case).join("alerts.dgrams.gz")).unwrap();
    let (mut all, mut datagram) = (Vec::new(), Vec::new());
    while reader.read(&mut datagram).unwrap() {
        let decoded = Decoder::default().decode(&datagram).unwrap();
        let (origin, names) = (Arc::<Origin>::default(), Arc::<Names>::default());
        all.push(Arc::new(Alert::new(decoded, origin, names)));
    }
    all
}

fn open(path: &Path) -> Result<Pcap, String> {
    let (rotate, compress) = (Rotation::default(), Compress::None);
    Pcap::new(Options { path: path.to_owned(), mode: None, rotate, keep: None, compress })
}

#[test]
fn a_file_of_ours_is_gone_on_with() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts.pcapng");
    let all = alerts("v2919/icmp_ping");
    open(&path).unwrap().handle(&all).unwrap();
    let once = fs::read(&path).unwrap();
    let begin = blocks::section().len() + 20;
    let mut again = open(&path).unwrap();
    again.handle(&all).unwrap();
    let twice = [once.as_slice(), once.get(begin..).unwrap()].concat();
    assert_eq!(fs::read(&path).unwrap(), twice);
}

#[test]
fn half_a_block_is_taken_away() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts.pcapng");
    let all = alerts("v2919/icmp_ping");
    open(&path).unwrap().handle(&all).unwrap();
    let once = fs::read(&path).unwrap();
    for cut in [1, 4, 7, 12, 40] {
        fs::write(&path, once.get(..once.len() - cut).unwrap()).unwrap();
        open(&path).unwrap().handle(all.get(all.len() - 1..).unwrap()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), once, "{cut} bytes missing");
    }
}

#[test]
fn a_file_of_others_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts.pcapng");
    let mut other = blocks::section();
    let at = other.windows(6).position(|part| part == b"pigear").unwrap();
    other.splice(at..at + 6, *b"editor");
    for text in [b"text".as_slice(), &[0; 100], &other, other.get(..20).unwrap()] {
        fs::write(&path, text).unwrap();
        let error = open(&path).err().unwrap();
        assert!(error.contains("is not a pcapng file that pigear wrote"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), text);
    }
}

#[test]
fn an_interface_that_was_not_written_comes_again() {
    let (mut interfaces, mut out) = (Interfaces::default(), Vec::new());
    assert_eq!(interfaces.number(LinkType::ETHERNET, 0, &mut out), 0);
    assert_eq!(interfaces.number(LinkType::RAW, 3, &mut out), 1);
    interfaces.keep(3);
    out.clear();
    assert_eq!(interfaces.number(LinkType::ETHERNET, 0, &mut out), 0);
    assert!(out.is_empty());
    assert_eq!(interfaces.number(LinkType::RAW, 0, &mut out), 1);
    assert!(!out.is_empty());
}
