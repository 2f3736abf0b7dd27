//! Snort's own configuration: its log directory, and the files that it includes.

mod included;
mod variables;

use std::path::{Path, PathBuf};

use pigear_alert::maps::{config_argument, statements};

pub(crate) use included::Included;
pub(crate) use variables::{MAX_VALUE, MAX_VALUES, Variables};

/// Snort's log directory by default.
pub(crate) const LOG_DIR: &str = "/var/log/snort";

/// Snort's log directory in a `snort.conf`: that of the last `config logdir: DIR`.
///
/// With `config chroot: ROOT`, it is the directory as seen from outside: Snort wants it below ROOT, so a
/// directory that isn't is taken as one within.
#[must_use]
pub fn log_dir(snort_conf: &str) -> Option<PathBuf> {
    let (mut variables, mut log_dir, mut chroot) = (Variables::default(), None, None);
    for (_, statement) in statements(snort_conf) {
        variables.define(&statement);
        log_dir = directory(&statement, "logdir", &variables).or(log_dir);
        chroot = directory(&statement, "chroot", &variables).or(chroot);
    }
    match (log_dir, chroot) {
        (Some(log_dir), Some(chroot)) => Some(within(&chroot, &log_dir)),
        (None, Some(chroot)) => Some(within(&chroot, Path::new(LOG_DIR))),
        (log_dir, None) => log_dir,
    }
}

/// The directory of a `config KEYWORD: DIR` statement.
fn directory(statement: &str, keyword: &'static str, variables: &Variables) -> Option<PathBuf> {
    let dir = config_argument(statement, keyword)?.ok()?.split('#').next()?.trim();
    let dir = variables.expand(dir.trim_matches('"'))?;
    Some(dir).filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

fn within(chroot: &Path, dir: &Path) -> PathBuf {
    if dir.starts_with(chroot) {
        return dir.to_owned();
    }
    chroot.join(dir.strip_prefix("/").unwrap_or(dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        log_dir(text).map(|dir| dir.to_string_lossy().into_owned())
    }

    #[test]
    fn the_line_is_found_among_others() {
        let text = "# config logdir: /no\nvar X 1\n  config logdir:  /var/log/snort two # here\n";
        assert_eq!(of(text).as_deref(), Some("/var/log/snort two"));
    }

    #[test]
    fn lines_that_only_look_like_it_are_passed_over() {
        let text = "config logdir:\nconfig logdirectory: /a\nconfiglogdir: /b\nlogdir: /c\n; config logdir: /d\n";
        assert_eq!(of(text), None);
    }

    #[test]
    fn keywords_have_no_case_and_lines_may_be_continued() {
        assert_eq!(of("\u{feff}CONFIG LOGDIR : /a").as_deref(), Some("/a"));
        assert_eq!(of("config \\\n  LogDir: \\\n /a/\\\n b").as_deref(), Some("/a/b"));
    }

    #[test]
    fn variables_are_expanded() {
        let text = "var BASE /var\nvar LOGS $BASE/log\nconfig logdir: $(LOGS)/snort";
        assert_eq!(of(text).as_deref(), Some("/var/log/snort"));
        assert_eq!(of("config logdir: $(LOGS:-/a)/$B").as_deref(), None);
        assert_eq!(of("config logdir: $(LOGS:-/a)/b").as_deref(), Some("/a/b"));
    }

    #[test]
    fn a_chroot_comes_before_it() {
        assert_eq!(of("config chroot: /jail\nconfig logdir: /log").as_deref(), Some("/jail/log"));
        assert_eq!(
            of("config logdir: /jail/log\nconfig chroot: /jail").as_deref(),
            Some("/jail/log")
        );
        assert_eq!(of("config chroot: /jail").as_deref(), Some("/jail/var/log/snort"));
    }
}
