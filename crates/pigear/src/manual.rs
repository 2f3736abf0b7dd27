//! Where the manual is. Not every package has its pages, so the program names them by their address.

/// The address of a page, which is in the repository as `docs/PAGE.md`.
macro_rules! manual {
    ($page:literal) => {
        concat!("https://github.com/beezz/pigear/blob/HEAD/docs/", $page, ".md")
    };
}

pub(crate) use manual;

/// A text for users, in which pages are named as they are in the repository: with their addresses instead.
#[cfg(feature = "command")]
pub(crate) fn with_addresses(text: &str) -> String {
    let (before, after) = const { AROUND_PAGE };
    let address = |word: &str| {
        let path = word.strip_prefix("docs/")?;
        let (page, rest) = path.split_once(".md")?;
        Some(format!("{before}{page}{after}{rest}"))
    };
    // A word, and what separates it from the next.
    let words = text.split_inclusive(|c: char| c.is_whitespace() || c == '(');
    words.map(|word| address(word).unwrap_or_else(|| word.to_owned())).collect()
}

/// What is before and behind the page's name in an address.
#[cfg(feature = "command")]
const AROUND_PAGE: (&str, &str) = {
    let whole = manual!("");
    let (before, after) = whole.as_bytes().split_at(whole.len() - ".md".len());
    match (str::from_utf8(before), str::from_utf8(after)) {
        (Ok(before), Ok(after)) => (before, after),
        _ => ("", ""),
    }
};

#[cfg(all(test, feature = "command"))]
mod tests {
    use super::*;

    #[test]
    fn pages_have_their_addresses() {
        let text = "See docs/a-b.md.\n(docs/c.md), docs/d.md\nmydocs/e.md docs/";
        let at = "https://github.com/beezz/pigear/blob/HEAD/docs";
        let expected = format!("See {at}/a-b.md.\n({at}/c.md), {at}/d.md\nmydocs/e.md docs/");
        assert_eq!(with_addresses(text), expected);
        assert_eq!(with_addresses("docs/fleet.md has"), format!("{} has", manual!("fleet")));
    }
}
