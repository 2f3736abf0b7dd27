//! Names that differ little.

/// Whether two names differ in two letters at most.
#[cfg(feature = "command")]
pub(crate) fn is_similar(one: &str, other: &str) -> bool {
    distance(one, other) <= 2
}

/// The name that is the most similar, if one is.
#[cfg(feature = "http")]
pub(crate) fn most_similar<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let distances = known.into_iter().map(|known| (distance(name, known), known));
    distances.filter(|(distance, _)| *distance <= 2).min().map(|(_, known)| known)
}

/// How many letters must be added, removed or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<_> = other.chars().collect();
    let mut distances: Vec<usize> = (0..=other.len()).collect();
    for (n, letter) in one.chars().enumerate() {
        let (mut diagonal, mut left) = (n, n + 1);
        for (distance, letter_of_other) in distances.iter_mut().skip(1).zip(&other) {
            let replaced = diagonal + usize::from(letter != *letter_of_other);
            diagonal = *distance;
            left = replaced.min(diagonal + 1).min(left + 1);
            *distance = left;
        }
        if let Some(first) = distances.first_mut() {
            *first = n + 1;
        }
    }
    distances.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_similar_if_at_most_two_letters_differ() {
        assert!(is_similar("--log-dir", "--logdir") && is_similar("--stat", "--stats"));
        assert!(is_similar("--sotre", "--store") && is_similar("--store", "--store"));
        assert!(!is_similar("--format", "--from") && !is_similar("--check", "--config"));
        assert_eq!([("", "ab"), ("kitten", "sitting")].map(|(a, b)| distance(a, b)), [2, 3]);
    }
}
