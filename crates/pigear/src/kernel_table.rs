//! Tables in /proc that the kernel makes while they are read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How much is asked for at once. The kernel gives a page of it, in which nothing is missing.
const PIECE: usize = 64 << 10;

/// How often a table of several pages is read before something is said not to be there.
const TIMES: usize = 10;

/// What `find` finds in a table.
///
/// Between two pages the kernel goes on by the number of the entry: if an earlier one has gone meanwhile, one that was
/// there all the time is left out. So a table of several pages in which nothing is found is read again.
pub(crate) fn look<T>(path: &Path, find: impl Fn(&str) -> Option<T>) -> io::Result<Option<T>> {
    for _ in 0..TIMES {
        let (table, pieces) = read(path)?;
        let found = find(&String::from_utf8_lossy(&table));
        if found.is_some() || pieces <= 1 {
            return Ok(found);
        }
    }
    Ok(None)
}

/// A table, and in how many pieces it came.
fn read(path: &Path) -> io::Result<(Vec<u8>, usize)> {
    let mut file = File::open(path)?;
    let (mut table, mut piece) = (Vec::new(), vec![0; PIECE]);
    for pieces in 0.. {
        match file.read(&mut piece) {
            Ok(0) => return Ok((table, pieces)),
            Ok(length) => table.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("a table has an end")
}
