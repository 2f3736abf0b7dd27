//! Numbers of things, for messages.

use std::fmt::Display;

/// `1 alert`, `2 alerts`; `1 batch`, `2 batches`.
#[must_use]
pub fn count<N: Copy + Display + PartialEq + From<u8>>(n: N, what: &str) -> String {
    let end = match what {
        _ if n == N::from(1) => "",
        what if what.ends_with("ch") || what.ends_with('s') => "es",
        _ => "s",
    };
    format!("{n} {what}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!([0_u64, 1, 2].map(|n| count(n, "alert")), ["0 alerts", "1 alert", "2 alerts"]);
        assert_eq!(count(2_usize, "batch"), "2 batches");
    }
}
