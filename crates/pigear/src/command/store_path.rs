use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::args::StoreArgs;
use super::environment;
use super::failure::Failure;
use super::settings::read_file;
use crate::registry::Registry;

/// The configuration file that says where the store is if nothing else does.
const USUAL_CONFIG: &str = "/etc/pigear/pigear.toml";

/// The store's path: from the command line, the configuration file, or the environment.
pub(super) fn store_path(args: &StoreArgs, registry: &Registry) -> Result<PathBuf, Failure> {
    if let Some(path) = &args.store {
        return Ok(path.clone());
    }
    let of_file = |file: &Path| Ok::<_, Failure>(given(read_file(file, registry)?.store.path));
    if let Some(file) = &args.config {
        return configured_path(of_file(file)?, file);
    }
    environment::warn_of_nearly(&["PIGEAR_STORE", "PIGEAR_CONFIG"], registry);
    let variable = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty());
    if let Some(path) = variable("PIGEAR_STORE") {
        return Ok(path.into());
    }
    if let Some(path) =
        variable("PIGEAR_CONFIG").and_then(|file| of_file(file.as_ref()).transpose())
    {
        return path;
    }
    let usual = Path::new(USUAL_CONFIG);
    let usual = if usual.exists() { of_file(usual)? } else { None };
    usual.ok_or_else(|| {
        Failure::usage(anyhow!(
            "no store given; use --store PATH, --config FILE with [store], or PIGEAR_STORE=PATH"
        ))
    })
}

/// The path that a configuration file must have.
pub(super) fn configured_path(path: Option<PathBuf>, file: &Path) -> Result<PathBuf, Failure> {
    let none = || Failure::usage(anyhow!("{} has no [store] with a path", file.display()));
    given(path).ok_or_else(none)
}

fn given(path: Option<PathBuf>) -> Option<PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty())
}
