//! Which known name a user may have meant.

/// Whether a name may be meant by a misspelt one.
#[cfg(any(feature = "command", feature = "web"))]
pub(crate) fn is_near(misspelt: &str, known: &str) -> bool {
    nearest(misspelt, [known]).is_some()
}

/// The known name that is nearest to a misspelt one, if one is near enough.
pub(crate) fn nearest<'a>(
    misspelt: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let misspelt: Vec<char> = misspelt.to_lowercase().chars().take(MAX_LETTERS).collect();
    let allowed = match misspelt.len() {
        0 | 1 => return None,
        2..=4 => 1,
        _ => 2,
    };
    let distances = known.into_iter().map(|name| {
        let letters: Vec<char> = name.to_lowercase().chars().collect();
        (distance(&misspelt, &letters), name)
    });
    let nearest = distances.min_by_key(|(distance, _)| *distance);
    nearest.filter(|(distance, _)| *distance <= allowed).map(|(_, name)| name)
}

/// More letters than any name has.
const MAX_LETTERS: usize = 64;

/// How many letters must be inserted, removed, replaced, or swapped with the next.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, with) in other.iter().enumerate() {
            let replaced = last[j] + usize::from(letter != with);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == other[j - 1] && one[i - 1] == *with {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        (before, last) = (last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_no_far_one() {
        let known = ["src_ip", "src_port", "dst_ip", "dst_port", "msg"];
        for (misspelt, meant) in [
            ("src_prt", Some("src_port")),
            ("srcip", Some("src_ip")),
            ("dstport", Some("dst_port")),
            ("mgs", Some("msg")),
            ("MSG", Some("msg")),
            ("drc_ip", Some("src_ip")),
            ("payload", None),
            ("m", None),
            ("", None),
        ] {
            assert_eq!(nearest(misspelt, known), meant, "{misspelt}");
        }
    }
    #[cfg(feature = "command")]
    #[test]
    fn an_option_is_near_if_at_most_two_letters_differ() {
        assert!(is_near("--log-dir", "--logdir") && is_near("--stat", "--stats"));
        assert!(is_near("--sotre", "--store") && is_near("--store", "--store"));
        assert!(!is_near("--format", "--from") && !is_near("--check", "--config"));
    }
}
