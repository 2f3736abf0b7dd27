//! Storing where the disk has little room.

use pigear_pipeline::Progress;

use super::delivery::numbered;
use super::*;

#[test]
fn what_fits_is_stored_when_a_batch_does_not_fit() {
    let place = Place::new();
    let store = place.open();
    let alerts = numbered(0..2_000);
    {
        let writer = store.0.writer.lock();
        let pages: i64 =
            writer.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        // The database says that the disk is full when it would grow beyond this.
        writer.connection.pragma_update(None, "max_page_count", pages + 20).unwrap();
    }
    let mut handler = store.handler(Unstorable::Wait);
    let mut stored = 0;
    while let Ok(progress) = handler.handle(&alerts[stored..]) {
        let Progress::First(some) = progress else { panic!("all {stored} are stored") };
        stored += some.get();
    }
    assert!(stored > 100, "{stored}");
    let count = found(&mut place.reader(), &Criteria::default()).len();
    assert_eq!(count, stored);
    // Not one more has room.
    assert!(handler.handle(&alerts[stored..=stored]).is_err());
    store.0.writer.lock().connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    assert!(matches!(handler.handle(&alerts[stored..]), Ok(Progress::All)));
    assert_eq!(found(&mut place.reader(), &Criteria::default()).len(), 2_000);
}
