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
    let options = Options { path: path.to_owned(), mode: None, rotate, keep: None, compress };
    Pcap::new(options).map_err(|error| error.to_string())
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

/// A file of ours with more behind the first packet than a block has, and where that packet begins.
fn long_file(path: &Path) -> (Vec<u8>, usize) {
    let all = alerts("v2919/icmp_ping");
    let mut pcap = open(path).unwrap();
    while fs::metadata(path).unwrap().len() < 2 * blocks::LARGEST {
        pcap.handle(&all).unwrap();
    }
    (fs::read(path).unwrap(), blocks::section().len() + 20)
}

#[test]
fn a_spoiled_block_in_the_middle_is_refused_and_nothing_is_taken_away() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts.pcapng");
    let (mut bytes, first) = long_file(&path);
    for spoiled in [4, 5, 7] {
        bytes[first + spoiled] ^= 0x41;
        fs::write(&path, &bytes).unwrap();
        let error = open(&path).err().unwrap();
        assert!(error.contains(&format!("damaged at byte {first}; move it away")), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
        bytes[first + spoiled] ^= 0x41;
    }
}

#[test]
fn a_spoiled_file_that_comes_later_is_put_aside() {
    let dir = TempDir::new().unwrap();
    let (path, other) = (dir.path().join("alerts.pcapng"), dir.path().join("other"));
    let (mut bytes, first) = long_file(&other);
    bytes[first + 4] ^= 0x41;
    fs::write(&other, &bytes).unwrap();
    let all = alerts("v2919/icmp_ping");
    let mut pcap = open(&path).unwrap();
    pcap.handle(&all).unwrap();
    let good = fs::read(&path).unwrap();
    fs::rename(&other, &path).unwrap();
    pcap.handle(&all).unwrap();
    assert_eq!(fs::read(&path).unwrap(), good);
    let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> = names.filter(|name| *name != path).collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(fs::read(&aside[0]).unwrap(), bytes);
}

#[test]
fn a_file_that_somebody_emptied_is_begun_again() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts.pcapng");
    let all = alerts("v2919/icmp_ping");
    let mut pcap = open(&path).unwrap();
    pcap.handle(&all).unwrap();
    let once = fs::read(&path).unwrap();
    fs::write(&path, "").unwrap();
    pcap.handle(&all).unwrap();
    assert_eq!(fs::read(&path).unwrap(), once);
}
