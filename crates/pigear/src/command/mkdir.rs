use std::path::Path;

/// The command that creates directories.
pub(super) fn mkdir<'a>(paths: impl IntoIterator<Item = &'a Path>) -> String {
    let mut words: Vec<String> = Vec::new();
    for path in paths {
        let word = quoted(&path.to_string_lossy());
        if !words.contains(&word) {
            words.push(word);
        }
    }
    format!("mkdir -p {}", words.join(" "))
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+,:@%".contains(letter);
    let dashed = if word.starts_with('-') { "./" } else { "" };
    if word.chars().all(is_plain) {
        format!("{dashed}{word}")
    } else {
        format!("'{dashed}{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_quoted_and_names_each_directory_once() {
        let paths = ["a b", "out", "out", "it's", "-x"].map(Path::new);
        assert_eq!(mkdir(paths), r"mkdir -p 'a b' out 'it'\''s' ./-x");
    }
}
