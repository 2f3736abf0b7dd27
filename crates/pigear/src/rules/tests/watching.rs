use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::rules::Rules;

fn write(dir: &Path, name: &str, revs: &[u32]) {
    let rule = |rev| format!("alert tcp any any -> any any (sid:7; rev:{rev};)\n");
    fs::write(dir.join(name), revs.iter().map(rule).collect::<String>()).unwrap();
}

fn rev(rules: &Rules) -> Option<u32> {
    rules.current().get(1, 7)?.rule.rev
}

#[test]
fn what_changes_is_read_again() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "b.rules", &[1]);
    let rules = Rules::open(&[dir.path().to_owned()]).unwrap();
    let before = rules.current();
    assert!(!rules.reload(true), "nothing changed");
    // In the same moment, with the same length.
    write(dir.path(), "b.rules", &[2]);
    assert!(rules.reload(false));
    assert_eq!(rev(&rules), Some(2));
    write(dir.path(), "c.rules", &[3]);
    assert!(rules.reload(false), "a new file");
    assert_eq!(rev(&rules), Some(3));
    fs::remove_file(dir.path().join("c.rules")).unwrap();
    assert!(rules.reload(false), "a file less");
    assert_eq!(rev(&rules), Some(2));
    assert_eq!(before.get(1, 7).unwrap().rule.rev, Some(1), "a snapshot stays");
}

#[test]
fn an_included_file_that_comes_later_is_read() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("snort.conf");
    fs::write(&file, "include a.rules\n").unwrap();
    let rules = Rules::open(&[file]).unwrap();
    assert_eq!((rev(&rules), rules.current().problems().len()), (None, 1));
    write(dir.path(), "a.rules", &[1]);
    assert!(rules.reload(false));
    assert_eq!((rev(&rules), rules.current().problems().len()), (Some(1), 0));
}

#[test]
fn rules_stay_while_a_named_file_is_away() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "a.rules", &[1]);
    let rules = Rules::open(&[dir.path().join("a.rules")]).unwrap();
    fs::remove_file(dir.path().join("a.rules")).unwrap();
    assert!(!rules.reload(false));
    assert_eq!(rev(&rules), Some(1));
    write(dir.path(), "a.rules", &[2]);
    assert!(rules.reload(false));
    assert_eq!(rev(&rules), Some(2));
}

#[test]
fn a_watch_reads_what_changes() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "a.rules", &[1]);
    let rules = Arc::new(Rules::open(&[dir.path().to_owned()]).unwrap());
    let watch = rules.watch().unwrap();
    write(dir.path(), "a.rules", &[2]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while rev(&rules) != Some(2) {
        assert!(Instant::now() < deadline, "the change was not noticed");
        std::thread::yield_now();
    }
    drop(watch);
    while Arc::strong_count(&rules) > 1 {
        assert!(Instant::now() < deadline, "the thread did not end");
        std::thread::yield_now();
    }
}
