//! How soon there is a socket.

use crate::Bench;
use crate::children::Receiver;
use crate::table::{Pairs, Row};

const PAIRS: usize = 15;
const TARGET_MS: f64 = 50.0;

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<()> {
    let dir = bench.dir.path();
    let milliseconds = |receiver: Receiver| receiver.bound_after.as_secs_f64() * 1e3;
    let pair = |_| {
        let ours = milliseconds(Receiver::pigear(dir, &[])?);
        Ok((ours, milliseconds(Receiver::yardstick(dir, 1)?)))
    };
    let pairs = (0..PAIRS).map(pair).collect::<anyhow::Result<Pairs>>()?;
    Row {
        what: "from start to a bound socket",
        measured: format!("{:.1} ms", pairs.measured()),
        yardstick: format!("{:.1} ms", pairs.yardstick()),
        ratio: None,
        target: "< 50 ms",
        ok: Some(pairs.measured() < TARGET_MS),
    }
    .print();
    Ok(())
}
