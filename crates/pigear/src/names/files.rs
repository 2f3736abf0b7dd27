use std::io;
use std::path::{Path, PathBuf};

use pigear_alert::maps::{Classes, ReferenceSystems};
use serde::Deserialize;

use crate::input_file::MAX_CONFIG;
use crate::keys::one_or_several;
use crate::snort_conf::Included;

/// The files with names for an alert's numbers. Without a file, the built-in data is used: Snort's 38
/// classes and its usual reference systems, and no rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "command", derive(clap::Args))]
#[cfg_attr(feature = "command", command(next_help_heading = "Names for an alert's numbers"))]
pub struct NameFiles {
    /// The classes: Snort 2's classification.config or snort.conf, or Snort 3's snort.lua
    ///
    /// Files that it includes are read too, and `snort_defaults.lua` beside `snort.lua`.
    #[cfg_attr(feature = "command", arg(long, value_name = "FILE"))]
    pub class_config: Option<PathBuf>,
    /// How addresses of references begin: Snort 2's reference.config or snort.conf, or Snort 3's
    /// snort.lua
    #[cfg_attr(feature = "command", arg(long, value_name = "FILE"))]
    pub reference_config: Option<PathBuf>,
    /// Messages and references of the rules: sid-msg.map, version 1 or 2; may be repeated
    ///
    /// Where two files have the same rule, the later one's is used.
    #[serde(deserialize_with = "one_or_several")]
    #[cfg_attr(feature = "command", arg(long, value_name = "FILE"))]
    pub sid_msg_map: Vec<PathBuf>,
    /// Messages of decoders and preprocessors: gen-msg.map
    #[cfg_attr(feature = "command", arg(long, value_name = "FILE"))]
    pub gen_msg_map: Option<PathBuf>,
}

/// A file can't be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct NameFileError {
    /// The file.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
}

impl NameFiles {
    /// Adds the files that are in a directory under their usual names, where none was configured.
    ///
    /// The lists of Snort 3's `snort.lua` are used if those of Snort 2 are not there. Debian's map of the
    /// community rules comes before `sid-msg.map`.
    #[must_use]
    pub fn or_in(mut self, dir: &Path) -> Self {
        let first =
            |names: &[&str]| names.iter().map(|name| dir.join(name)).find(|path| path.is_file());
        self.class_config = self.class_config.or_else(|| first(&["classification.config"]));
        self.reference_config = self.reference_config.or_else(|| first(&["reference.config"]));
        if (self.class_config.is_none() || self.reference_config.is_none())
            && let Some(lua) = first(&["snort.lua", "snort_defaults.lua"])
            && let Ok(included) = Included::read(&lua, MAX_CONFIG)
        {
            self = self.or_of(&lua, &included.text);
        }
        self.gen_msg_map = self.gen_msg_map.or_else(|| first(&["gen-msg.map"]));
        if self.sid_msg_map.is_empty() {
            let maps = ["community-sid-msg.map", "sid-msg.map"].into_iter();
            self.sid_msg_map = maps.filter_map(|name| first(&[name])).collect();
        }
        self
    }

    /// Adds Snort's own configuration, where no file was configured, for the lists that it has.
    #[must_use]
    pub fn or_of(mut self, path: &Path, text: &str) -> Self {
        if self.class_config.is_none() && has_classes(text) {
            self.class_config = Some(path.to_owned());
        }
        if self.reference_config.is_none() && has_references(text) {
            self.reference_config = Some(path.to_owned());
        }
        self
    }
}

fn has_classes(text: &str) -> bool {
    !Classes::parse(text).value.is_empty()
}

fn has_references(text: &str) -> bool {
    !ReferenceSystems::parse(text).value.is_empty()
}
