//! The table that is printed, and what belongs in it.

use crate::program::say;

/// One line.
pub(crate) struct Row<'a> {
    pub(crate) what: &'a str,
    pub(crate) measured: String,
    pub(crate) yardstick: String,
    pub(crate) ratio: Option<f64>,
    pub(crate) target: &'a str,
    /// Whether the target is met; `None` if there is none.
    pub(crate) ok: Option<bool>,
}

impl Row<'_> {
    /// Prints it at once, since the next measurement takes long.
    pub(crate) fn print(&self) {
        let ratio = self.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let ok = match self.ok {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        line([self.what, &self.measured, &self.yardstick, &ratio, self.target, ok]);
    }
}

/// Prints what stands above the rows.
pub(crate) fn print_head() {
    line(["what", "measured", "yardstick", "ratio", "target", "ok"]);
    line(["----", "--------", "---------", "-----", "------", "--"]);
}

fn line([what, measured, yardstick, ratio, target, ok]: [&str; 6]) {
    say(&format!(
        "{what:<50} | {measured:>22} | {yardstick:>20} | {ratio:>5} | {target:<22} | {ok}"
    ));
}

/// The middle one; of an even number, the upper of the two.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Measurements of a thing and of its yardstick, taken by turns.
pub(crate) struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    pub(crate) fn measured(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.0))
    }

    pub(crate) fn yardstick(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.1))
    }

    /// The median of the pairs' ratios: what slows a pair down slows both of it.
    pub(crate) fn ratio(&self) -> f64 {
        median(self.0.iter().map(|(measured, yardstick)| measured / yardstick))
    }
}

impl FromIterator<(f64, f64)> for Pairs {
    fn from_iter<T: IntoIterator<Item = (f64, f64)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}
