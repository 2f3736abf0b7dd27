//! The version of a running Snort, from the text in its program's file. The program is not run for that: another
//! user may have made it.

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use super::process::Process;

/// How much of one program is read. The constants of a Snort 3 with debug information are in its first megabytes.
const MAX_PROGRAM: u64 = 64 << 20;

/// How much is read of all programs: any user can give processes the name `snort`.
const MAX_PROGRAMS: u64 = 256 << 20;

/// The longest text that is looked at.
const MAX_TEXT: usize = 4096;

/// What both Snorts write into their memory for core dumps: `"### Snort Version " VERSION " Build " BUILD "\n"` in
/// src/util.c of Snort 2.9 and src/utils/util.cc of Snort 3. A compiler may make instructions of its end.
const CORE_TEXT: (&str, &str) = ("### Snort Version ", " Build");

/// The banner of the two, by which a program is known as Snort, and how their versions begin. They are printed with
/// `%s`, so that a version is a text of its own.
const BANNERS: [(&str, &str); 2] = [("-*> Snort! <*-", "2."), ("-*> Snort++ <*-", "3.")];

/// Looks up versions of programs.
#[derive(Default)]
pub(super) struct Versions {
    read: u64,
    /// Programs that were read, by device and number of the file.
    known: Vec<((u64, u64), Option<String>)>,
}

impl Versions {
    /// The version of a process's program; `None` if its file doesn't say one, or was not read to its end.
    pub(super) fn of(&mut self, snort: &Process) -> io::Result<Option<String>> {
        let file = snort.program_file()?;
        let metadata = file.metadata()?;
        let key = (metadata.dev(), metadata.ino());
        if let Some((_, version)) = self.known.iter().find(|(known, _)| *known == key) {
            return Ok(version.clone());
        }
        let most = MAX_PROGRAM.min(MAX_PROGRAMS.saturating_sub(self.read));
        let mut file = file.take(most);
        let version = version_in(&mut file);
        self.read += most - file.limit();
        self.known.push((key, version.as_ref().ok().cloned().flatten()));
        version
    }
}

/// The version in a program's file.
fn version_in(mut file: impl Read) -> io::Result<Option<String>> {
    let mut texts = Texts::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = match file.read(&mut buffer) {
            Ok(0) => return Ok(texts.version()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for byte in buffer.get(..length).unwrap_or_default() {
            texts.add(*byte);
        }
        if texts.of_core.is_some() {
            return Ok(texts.of_core);
        }
    }
}

/// What the texts of a program say.
#[derive(Default)]
struct Texts {
    /// The text that is being read.
    text: Vec<u8>,
    /// Whether a NUL is before it.
    is_behind_nul: bool,
    of_core: Option<String>,
    /// For each banner, whether it was there.
    has_banner: [bool; BANNERS.len()],
    /// For each banner, the first version that may belong to it, and whether there was another one.
    found: [Option<String>; BANNERS.len()],
    is_ambiguous: [bool; BANNERS.len()],
}

impl Texts {
    fn add(&mut self, byte: u8) {
        if matches!(byte, b' '..=b'~') {
            if self.text.len() < MAX_TEXT {
                self.text.push(byte);
            }
            return;
        }
        // Most of a program is no text.
        if self.text.len() >= "2.9".len() {
            let text = std::mem::take(&mut self.text);
            let is_whole = self.is_behind_nul && byte == 0;
            self.examine(&String::from_utf8_lossy(&text), is_whole);
            self.text = text;
        }
        self.text.clear();
        self.is_behind_nul = byte == 0;
    }

    /// Looks at a text, which is whole if it is between NULs.
    fn examine(&mut self, text: &str, is_whole: bool) {
        let (before, behind) = CORE_TEXT;
        if let Some((_, rest)) = text.split_once(before)
            && let Some((version, _)) = rest.split_once(behind)
            && is_version(version)
        {
            self.of_core = Some(version.to_owned());
        }
        for (index, (banner, start)) in BANNERS.iter().enumerate() {
            self.has_banner[index] |= text.contains(banner);
            if is_whole && text.starts_with(start) && is_version(text) {
                let found = self.found[index].get_or_insert_with(|| text.to_owned());
                self.is_ambiguous[index] |= found != text;
            }
        }
    }

    /// The version, if only one can be meant.
    fn version(mut self) -> Option<String> {
        if self.of_core.is_some() {
            return self.of_core;
        }
        let [is_2, is_3] = self.has_banner;
        let index = usize::from(is_3);
        let is_clear = is_2 != is_3 && !self.is_ambiguous[index];
        self.found[index].take().filter(|_| is_clear)
    }
}

/// Whether this is a version of Snort: three or four numbers.
fn is_version(text: &str) -> bool {
    let is_number =
        |part: &str| matches!(part.len(), 1..=5) && part.bytes().all(|it| it.is_ascii_digit());
    matches!(text.split('.').count(), 3 | 4) && text.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn version(program: &[u8]) -> Option<String> {
        let mut program = program.to_vec();
        program.push(0);
        version_in(&*program).unwrap()
    }

    #[test]
    fn the_text_for_core_dumps_has_the_version() {
        let of = |text: &str| version(text.as_bytes());
        assert_eq!(of("ELF\0### Snort Version 2.9.20 Build 82\n\0").as_deref(), Some("2.9.20"));
        // A compiler made an instruction of the end.
        assert_eq!(of("\0\x07### Snort Version 3.1.58.0 Build ").as_deref(), Some("3.1.58.0"));
        assert_eq!(of("\0### Snort Version 2.9.2"), None);
        assert_eq!(of("\0### Snort Version 2.9.\x1b[31m Build 1"), None);
        assert_eq!(of("\0### Snort Version 2.9.$(id) Build 1"), None);
        assert_eq!(of("\0### Snort Version 2.9.123456 Build 1"), None);
    }

    #[test]
    fn a_program_with_the_banner_has_its_version_as_a_text() {
        let two = |texts: &str| version(format!("   ,,_     -*> Snort! <*-\n\0{texts}").as_bytes());
        assert_eq!(two("a\x002.9.20\0b").as_deref(), Some("2.9.20"));
        assert_eq!(two("a\x002.9.20\x003.4.5\x002.9.20").as_deref(), Some("2.9.20"));
        assert_eq!(two("a\x002.9.20\x002.9.7.0"), None);
        assert_eq!(two("a\0libdnet 2.9.20\0"), None);
        let three = "\0   ,,_     -*> Snort++ <*-\n\x003.1.58.0\x002.1.0";
        assert_eq!(version(three.as_bytes()).as_deref(), Some("3.1.58.0"));
        // Without the banner it may be anything's version.
        assert_eq!(version(b"\x002.9.20\0"), None);
        let both = "\x002.9.20\0-*> Snort! <*-\0-*> Snort++ <*-\x003.1.58.0";
        assert_eq!(version(both.as_bytes()), None);
    }

    #[test]
    fn a_text_may_be_across_what_is_read_at_once() {
        for begin in 65_500..65_540 {
            let mut program = vec![0; begin];
            program.extend_from_slice(b"### Snort Version 2.9.20 Build 82\n");
            assert_eq!(version(&program).as_deref(), Some("2.9.20"), "{begin}");
        }
    }

    #[test]
    fn what_has_no_end_is_not_read_to_its_end() {
        assert_eq!(version_in(io::repeat(b'x').take(1 << 22)).unwrap(), None);
        assert_eq!(version_in(io::repeat(0).take(1 << 22)).unwrap(), None);
    }

    #[test]
    fn a_program_that_is_not_snort_has_no_version() {
        let shell = File::open("/bin/sh").unwrap();
        assert_eq!(version_in(shell.take(MAX_PROGRAM)).unwrap(), None);
    }
}
