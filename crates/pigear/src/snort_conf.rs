//! The log directory in Snort 2's configuration.

use std::path::PathBuf;

/// The directory of the last `config logdir: DIR` line.
#[must_use]
pub fn log_dir(snort_conf: &str) -> Option<PathBuf> {
    snort_conf.lines().filter_map(log_dir_of_line).next_back()
}

fn log_dir_of_line(line: &str) -> Option<PathBuf> {
    let rest = line.trim_start().strip_prefix("config")?;
    let rest = rest.strip_prefix(char::is_whitespace)?.trim_start().strip_prefix("logdir")?;
    let dir = rest.trim_start().strip_prefix(':')?.split('#').next()?.trim();
    Some(dir.trim_matches('"')).filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_line_is_found_among_others() {
        let text = "# config logdir: /no\nvar X 1\n  config logdir:  /var/log/snort two # here\n";
        assert_eq!(log_dir(text).as_deref(), Some(Path::new("/var/log/snort two")));
    }

    #[test]
    fn lines_that_only_look_like_it_are_passed_over() {
        let text = "config logdir:\nconfig logdirectory: /a\nconfiglogdir: /b\nlogdir: /c\n";
        assert_eq!(log_dir(text), None);
    }
}
