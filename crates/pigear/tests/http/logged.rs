//! What the handler logs.

use std::io;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::harness::until;

/// What all tests of this process have logged so far.
static LOG: LazyLock<Mutex<String>> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Appends).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    Mutex::default()
});

struct Appends;

impl io::Write for Appends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to keep what is logged.
pub(crate) fn keep() {
    LazyLock::force(&LOG);
}

/// Waits until a line is logged that has all of these texts.
pub(crate) fn is(texts: &[&str]) {
    let holds = |line: &str| texts.iter().all(|text| line.contains(text));
    until(&format!("{texts:?} is logged"), || {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).lines().any(holds)
    });
}
