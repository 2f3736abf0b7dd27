use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::args::StoreArgs;
use super::failure::Failure;
use crate::config::{Config, ConfigError};
use crate::shell_word::quoted;

/// The configuration file that says where the store is if nothing else does.
const USUAL_CONFIG: &str = "/etc/pigear/pigear.toml";

/// The store's path: from the command line, the configuration file, or the environment.
pub(super) fn store_path(args: &StoreArgs) -> Result<PathBuf, Failure> {
    if let Some(path) = &args.store {
        return Ok(path.clone());
    }
    let of_file = |file: &Path| {
        let path = read_config(file)?.store.path;
        Ok::<_, Failure>(path.filter(|path| !path.as_os_str().is_empty()))
    };
    if let Some(file) = &args.config {
        let none = || Failure::usage(anyhow!("{} has no [store] with a path", file.display()));
        return of_file(file)?.ok_or_else(none);
    }
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

/// The configuration in a file, of which only a part is needed. So only its first mistake is said.
pub(super) fn read_config(file: &Path) -> Result<Config, Failure> {
    Config::read(file).map_err(|error| match error {
        ConfigError::Broken { .. } => {
            let hint = format!("pigear config check {} prints all mistakes", quoted(file));
            Failure::from(error).with_hint(hint)
        }
        ConfigError::Unreadable { .. } => error.into(),
    })
}
