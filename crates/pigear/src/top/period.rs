/// The period whose alerts are counted, by when they were received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Period {
    Minutes,
    #[default]
    Hour,
    Day,
    Everything,
}

/// All periods, the shortest first.
const ALL: [Period; 4] = [Period::Minutes, Period::Hour, Period::Day, Period::Everything];

impl Period {
    /// The next longer one; after the longest, the shortest.
    pub(super) fn longer(self) -> Self {
        let next = ALL.iter().skip_while(|period| **period != self).nth(1);
        next.copied().unwrap_or(Self::Minutes)
    }

    /// The next shorter one; after the shortest, the longest.
    pub(super) fn shorter(self) -> Self {
        let before = ALL.iter().take_while(|period| **period != self).last();
        before.copied().unwrap_or(Self::Everything)
    }

    /// Its length in seconds, if it ends now.
    pub(super) fn seconds(self) -> Option<i64> {
        match self {
            Self::Minutes => Some(5 * 60),
            Self::Hour => Some(60 * 60),
            Self::Day => Some(24 * 60 * 60),
            Self::Everything => None,
        }
    }

    /// Its name, as in `top signatures, last hour`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Minutes => "last 5 minutes",
            Self::Hour => "last hour",
            Self::Day => "last 24 hours",
            Self::Everything => "whole store",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_period_is_reached_in_both_directions() {
        for period in ALL {
            assert_eq!(period.longer().shorter(), period);
            assert_eq!(period.shorter().longer(), period);
        }
    }
}
