use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

/// One path, or an array of paths.
pub(crate) fn one_or_several<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a path, or an array of paths")]
    enum Paths {
        One(PathBuf),
        Several(Vec<PathBuf>),
    }
    Ok(match Paths::deserialize(value)? {
        Paths::One(path) => vec![path],
        Paths::Several(paths) => paths,
    })
}
