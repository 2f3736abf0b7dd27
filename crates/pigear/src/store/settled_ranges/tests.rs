use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn file(path: &str) -> FileId {
    FileId::of(path.as_ref()).unwrap().unwrap()
}

fn tables() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    crate::store::schema::create(&mut connection).unwrap();
    connection
}

fn settled(ranges: &[IdRange]) -> SettledRanges {
    let mut settled = SettledRanges::default();
    for (first, last) in ranges {
        settled.settle(*first, *last);
    }
    settled
}

#[test]
fn ranges_are_merged_with_each_other_and_with_the_mark() {
    let mut settled = settled(&[(5, 6), (9, 9), (7, 8), (2, 3)]);
    assert_eq!((settled.done(), settled.ranges.len()), (0, 2));
    assert_eq!(settled.gaps((1, 12)), [(1, 1), (4, 4), (10, 12)]);
    assert_eq!((settled.count_behind(4), settled.skip(4), settled.skip(9)), (5, 9, 9));
    settled.settle(1, 1);
    assert_eq!((settled.done(), settled.ranges.len()), (3, 1));
    settled.settle(4, 4);
    assert_eq!((settled.done(), settled.ranges.len()), (9, 0));
    assert_eq!(settled.gaps((4, 9)), []);
}

#[test]
fn what_is_stored_is_cut_to_what_can_be_right() {
    let connection = tables();
    put(&connection, "a", &[(1, 4), (6, 7), (8, 9), (19, 30), (40, 50)]).unwrap();
    let file = file("/");
    let mut settled = SettledRanges::load(&connection, "a", (3, 20), file).unwrap();
    assert_eq!((settled.done(), settled.gaps((1, 25))), (4, vec![(5, 5), (10, 18), (21, 25)]));
    settled.write(&connection, "a", file, false).unwrap();
    settled.written(file);
    assert_eq!(rows(&connection, "a").unwrap(), [(6, 9), (19, 20)]);
    assert!(SettledRanges::load(&connection, "a", (4, 20), file).unwrap().is_written());
}

#[test]
fn another_file_gets_everything_and_so_does_a_lane_that_was_removed() {
    let (connection, [one, other]) = (tables(), [file("/"), file("/dev/null")]);
    let mut settled = settled(&[(2, 3), (7, 9)]);
    settled.write(&connection, "a", one, false).unwrap();
    settled.written(one);
    put(&connection, "b", &[(1, 1)]).unwrap();
    put(&connection, "a", &[(100, 200)]).unwrap();
    settled.settle(10, 10);
    settled.write(&connection, "a", other, false).unwrap();
    assert_eq!(rows(&connection, "a").unwrap(), [(2, 3), (7, 10)]);
    remove(&connection, "a").unwrap();
    settled.write(&connection, "a", one, true).unwrap();
    assert_eq!(rows(&connection, "a").unwrap(), [(2, 3), (7, 10)]);
    assert_eq!(rows(&connection, "b").unwrap(), [(1, 1)]);
}

#[test]
fn ranges_are_bounded_once_all_between_them_was_read() {
    let most = i64::try_from(MAX_RANGES).unwrap();
    let mut settled = SettledRanges::default();
    (1..=most).for_each(|n| settled.settle(2 * n, 2 * n));
    assert!(!settled.are_too_many(2 * most));
    settled.settle(2 * most + 2, 2 * most + 2);
    assert!(settled.are_too_many(2 * most + 2));
    assert!(!settled.are_too_many(2 * most), "the lane has not read all that is between them");
    settled.settle(3, 3);
    assert!(!settled.are_too_many(2 * most + 2));
}

proptest! {
    /// What is written piece by piece is what is there, whatever the order.
    #[test]
    fn what_is_read_is_what_was_settled(
        steps in vec((1..60_i64, 0..6_i64, any::<bool>()), 0..60),
    ) {
        let (connection, file) = (tables(), file("/"));
        let mut expected = [false; 80];
        let mut settled = SettledRanges { file: Some(file), ..SettledRanges::default() };
        for (first, more, is_written) in steps {
            settled.settle(first, first + more);
            (first..=first + more).for_each(|id| expected[usize::try_from(id).unwrap()] = true);
            if is_written {
                settled.write(&connection, "a", file, false).unwrap();
                settled.written(file);
            }
        }
        settled.write(&connection, "a", file, false).unwrap();
        let marks = (settled.done(), 1_000);
        let loaded = SettledRanges::load(&connection, "a", marks, file).unwrap();
        prop_assert!(loaded.is_written());
        prop_assert_eq!(&loaded.ranges, &settled.ranges);
        let ids = || (1_i64..).zip(&expected[1..]);
        let gaps = loaded.gaps((1, 79));
        for (id, is_settled) in ids() {
            let in_gap = gaps.iter().any(|(from, to)| (*from..=*to).contains(&id));
            prop_assert_eq!(in_gap, !is_settled, "{}", id);
        }
        let behind = ids().filter(|(id, is_settled)| *id > settled.done() && **is_settled);
        let counted = usize::try_from(settled.count_behind(settled.done())).unwrap();
        prop_assert_eq!(counted, behind.count());
    }
}
