//! Makes a configuration from the arguments.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use pigear_pipeline::OnError;
use tracing::warn;

use super::args::{Given, GivenName, ListenArgs};
use super::failure::{Failure, Said};
use super::{log, mistakes};
use crate::config::{
    Accounts, Config, Exposure, FilterConfig, HandlerConfig, Mistake, SourceConfig, StoreConfig,
    name_handlers,
};
use crate::input_file::{self, MAX_OWN_CONFIG};
use crate::listen;
use crate::registry::Registry;
use crate::shell_word::quoted;
use crate::visible::visible;

/// The configuration from a file and the command line.
pub(super) fn config(args: ListenArgs, registry: &Registry) -> Result<Config, Failure> {
    let read = args.config.as_deref().map(|file| read_file(file, registry)).transpose();
    let config = read?.unwrap_or_default();
    let of_config = args.config.as_deref().and_then(exposure);
    let config = merged(config, args, registry)?;
    for exposure in of_config.into_iter().chain(Exposure::of_files(&config)) {
        warn!("{}", exposure.read_by(config.privileges.user.as_deref()));
    }
    Ok(config)
}

/// No more mistakes than this are printed where others than `pigear config check` find them.
const MAX_SHOWN: usize = 10;

/// Reads a configuration file. If it can't be understood, all its mistakes are printed, in the words of
/// `pigear config check`.
pub(super) fn read_file(file: &Path, registry: &Registry) -> Result<Config, Failure> {
    // A pipe can be read only once.
    let text = Config::read_text(file)?;
    Config::parse(&text, file).map_err(|error| {
        with_mistakes(error.into(), &Config::mistakes(&text, file, registry), file)
    })
}

/// Why a start fails, in the words of `pigear config check`, if the configuration file has mistakes: all are printed.
pub(super) fn explained(failure: Failure, args: &ListenArgs, registry: &Registry) -> Failure {
    let found = mistakes_of_file(args, registry, Accounts::LookUp);
    match args.config.as_deref() {
        Some(file) => with_mistakes(failure, &found, file),
        None => failure,
    }
}

/// The failure, or the mistakes in the file that it comes from.
fn with_mistakes(failure: Failure, found: &[Mistake], file: &Path) -> Failure {
    match found {
        [] => failure,
        // The hint is about this one.
        [mistake] => failure.saying(anyhow!(mistakes::text(mistake, file))),
        all => {
            let shown = Failure::wrong(mistakes::print(all, file, MAX_SHOWN));
            if all.len() <= MAX_SHOWN {
                return shown;
            }
            shown.with_hint(format!("pigear config check {} prints all", quoted(file)))
        }
    }
}

/// The same of a command that has no other settings than those of the file.
pub(super) fn explained_by(failure: Failure, file: &Path, registry: &Registry) -> Failure {
    let text = text_again(file).unwrap_or_default();
    with_mistakes(failure, &Config::mistakes(&text, file, registry), file)
}

/// The first mistake of the configuration file that is read again, if it has any, for one line.
pub(super) fn first_mistake(args: &ListenArgs, registry: &Registry) -> Option<String> {
    let found = mistakes_of_file(args, registry, Accounts::Known);
    let (first, file) = (found.first()?, args.config.as_deref()?);
    let text = mistakes::text(first, file);
    Some(match found.len() {
        1 => text,
        all => format!("{text}; pigear config check {} prints all {all} mistakes", quoted(file)),
    })
}

/// The mistakes in the configuration file. What the command line replaces is none.
pub(super) fn mistakes_of_file(
    args: &ListenArgs,
    registry: &Registry,
    accounts: Accounts,
) -> Vec<Mistake> {
    let Some(file) = args.config.as_deref() else { return Vec::new() };
    let Some(text) = text_again(file) else { return Vec::new() };
    let replaces_nothing = args.keys.is_empty()
        && args.filter.is_none()
        && args.store == StoreConfig::default()
        && args.privileges.user.is_none();
    let is_whole = || Config::parse(&text, Path::new("")).is_ok();
    if !replaces_nothing && is_whole() {
        return Vec::new();
    }
    Config::mistakes_with(&text, file, registry, accounts)
}

/// The text of a configuration file that was read before. A pipe can't be read again.
fn text_again(file: &Path) -> Option<String> {
    String::from_utf8(input_file::read_regular(file, MAX_OWN_CONFIG).ok()?).ok()
}

/// The configuration of a file, with what the command line says.
pub(super) fn merged(
    mut config: Config,
    args: ListenArgs,
    registry: &Registry,
) -> Result<Config, Failure> {
    add_source(&mut config, args.source, &args.given)?;
    let option = args.given.name_of("data-handler");
    add_handlers(&mut config, &args.data_handler, &option, registry).map_err(Failure::usage)?;
    apply_all(&mut config, &args.keys).map_err(Failure::usage)?;
    config.store = args.store.or(config.store);
    config.privileges = args.privileges.or(config.privileges);
    config.names.class_config = args.names.class_config.or(config.names.class_config);
    config.names.reference_config = args.names.reference_config.or(config.names.reference_config);
    if !args.names.sid_msg_map.is_empty() {
        config.names.sid_msg_map = args.names.sid_msg_map;
    }
    config.names.gen_msg_map = args.names.gen_msg_map.or(config.names.gen_msg_map);
    if !args.rules.is_empty() {
        config.rules = args.rules;
    }
    if args.serve_forever {
        config.on_error = OnError::GoOn;
    }
    config.count = args.count.or(config.count);
    config.stats = args.stats.or(config.stats);
    config.metrics = args.metrics.or(config.metrics);
    let place = args.given.name_of("filter").to_string();
    let typed = args.filter.map(|script| FilterConfig { script, place });
    config.filter = typed.or(config.filter);
    Ok(config)
}

/// Refuses what options and variables say wrong: all of it.
pub(super) fn refuse_mistakes(config: &Config, args: &ListenArgs) -> Result<(), Failure> {
    let said = Said::of(&args.source, args.given.of_source(), config);
    let found = listen::mistakes(config).into_iter();
    let mut found: Vec<_> = found.map(|error| Failure::of_start(error, &said)).collect();
    match found.pop() {
        None => Ok(()),
        Some(only) if found.is_empty() => Err(only),
        Some(last) => {
            found.push(last);
            for failure in &found {
                log::say(&format!("error: {}", failure.text()));
            }
            let all = found.len();
            Err(Failure::wrong(anyhow!("options and variables have {all} mistakes")))
        }
    }
}

/// A secret in a configuration file that all users can read.
fn exposure(path: &Path) -> Option<Exposure> {
    // A pipe can't be read again, and isn't a file that others read.
    let text = input_file::read_regular(path, MAX_OWN_CONFIG).ok()?;
    Exposure::of(path, std::str::from_utf8(&text).ok()?)
}

fn add_source(config: &mut Config, typed: SourceConfig, given: &Given) -> Result<(), Failure> {
    if config.sources.is_empty() {
        config.sources.push(typed);
        return Ok(());
    }
    if typed == SourceConfig::default() {
        return Ok(());
    }
    let given = given.of_source();
    let names: Vec<_> = given.iter().map(ToString::to_string).collect();
    let (names, file) = (names.join(", "), config.file.as_deref().unwrap_or(Path::new("")));
    let file = file.display();
    let error = anyhow!("{names} can't be used with {file}, which has sources of its own");
    let place = if config.sources.len() == 1 { "its [[source]]" } else { "one of its [[source]]" };
    let hint = format!("write it into {place}, and {}", left_out(&given));
    Err(Failure::usage(error).with_hint(hint))
}

/// What to do about options that are too much: `unset PIGEAR_LOGDIR`
fn left_out(given: &[GivenName]) -> String {
    let of_kind = |verb: &str, is_variable| {
        let names = given.iter().filter(|name| name.is_variable == is_variable);
        let names: Vec<_> = names.map(ToString::to_string).collect();
        (!names.is_empty()).then(|| format!("{verb} {}", names.join(" ")))
    };
    let both = [of_kind("leave out", false), of_kind("unset", true)];
    both.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// Adds the handlers of the command line, as `KIND` or `NAME=KIND`, and gives each handler a unique name
/// for its keys: its kind, or for the second of a kind `file-2`.
fn add_handlers(
    config: &mut Config,
    typed: &[String],
    option: &GivenName,
    registry: &Registry,
) -> anyhow::Result<()> {
    for typed in typed {
        let handler = handler(typed, option)?;
        if handler.name.is_some() && config.handlers.iter().any(|it| it.name == handler.name) {
            bail!("{option} {typed}: another handler has this name; give it one of its own");
        }
        config.handlers.push(handler);
    }
    if config.handlers.is_empty() {
        config.handlers.push(HandlerConfig::new("print"));
    }
    name_handlers(&mut config.handlers, registry);
    Ok(())
}

/// A handler from `KIND` or `NAME=KIND`.
fn handler(typed: &str, option: &GivenName) -> anyhow::Result<HandlerConfig> {
    let Some((name, kind)) = typed.split_once('=') else { return Ok(HandlerConfig::new(typed)) };
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if name.is_empty() || !name.chars().all(is_plain) {
        bail!("{option} {typed}: a handler's name has letters, digits, - and _ only");
    }
    Ok(HandlerConfig { name: Some(name.to_owned()), ..HandlerConfig::new(kind) })
}

/// Sets all keys. `NAME.KEY` takes precedence over `KEY`, in any order.
fn apply_all(config: &mut Config, keys: &[(String, String)]) -> anyhow::Result<()> {
    let mut seen = Vec::new();
    for (key, _) in keys {
        if seen.contains(&key) {
            bail!("{}= is given twice; leave one out", visible(key.as_bytes()));
        }
        seen.push(key);
    }
    let is_named =
        |key: &str| config.handlers.iter().any(|handler| addressed(handler, key).is_some());
    let (named, general): (Vec<_>, Vec<_>) = keys.iter().partition(|(key, _)| is_named(key));
    general.into_iter().chain(named).try_for_each(|(key, value)| apply(config, key, value))
}

/// Sets `key` (or `NAME.key`) of a handler, or of all sources.
fn apply(config: &mut Config, key: &str, value: &str) -> anyhow::Result<()> {
    let mut sources = config.sources.iter_mut();
    match key {
        "dialect" => sources.try_for_each(|source| set(&mut source.dialect, key, value)),
        "linktype" => sources.try_for_each(|source| set(&mut source.linktype, key, value)),
        _ => apply_to_handler(&mut config.handlers, key, value),
    }
}

fn set<T: FromStr<Err: Display>>(
    field: &mut Option<T>,
    key: &str,
    value: &str,
) -> anyhow::Result<()> {
    *field = Some(value.parse().map_err(|error| anyhow!("{key}={value}: {error}"))?);
    Ok(())
}

/// The `KEY` of `NAME.KEY`, if that names this handler.
fn addressed(handler: &HandlerConfig, key: &str) -> Option<String> {
    let name = handler.name.as_deref();
    name.and_then(|name| key_of(name, key)).or_else(|| key_of(&handler.kind, key))
}

/// The `KEY` of `NAME.KEY`, if it has this name.
fn key_of(name: &str, key: &str) -> Option<String> {
    key.strip_prefix(name)?.strip_prefix('.').map(str::to_owned)
}

/// The handler that a key is for, and the key without the handler's name.
pub(super) fn meant(handlers: &[HandlerConfig], key: &str) -> Option<(usize, String)> {
    // The name of one may be the kind of another.
    let mut each = handlers.iter().enumerate();
    let named = each.find_map(|(at, it)| Some((at, key_of(it.name.as_deref()?, key)?)));
    let mut each = handlers.iter().enumerate();
    let named = named.or_else(|| each.find_map(|(at, it)| Some((at, key_of(&it.kind, key)?))));
    named.or_else(|| (handlers.len() == 1).then(|| (0, key.to_owned())))
}

fn apply_to_handler(handlers: &mut [HandlerConfig], key: &str, value: &str) -> anyhow::Result<()> {
    if let Some((at, key)) = meant(handlers, key)
        && let Some(handler) = handlers.get_mut(at)
    {
        return set_key(handler, &key, value);
    }
    let names = handlers.iter().filter_map(|handler| handler.name.as_deref());
    let names = names.collect::<Vec<_>>().join(", ");
    Err(anyhow!("with several handlers, write NAME.KEY=VALUE; their names are {names}"))
        .with_context(|| visible(format!("{key}={value}").as_bytes()))
}

/// The keys that every handler has (filter, queue, grouping, limits) are set here; the other keys are
/// the handler's own.
fn set_key(handler: &mut HandlerConfig, key: &str, value: &str) -> anyhow::Result<()> {
    match key {
        "durable" => set(&mut handler.durable, key, value),
        "from" => set(&mut handler.begin, key, value),
        "group" => set(&mut handler.group, key, value),
        "per_minute" => set(&mut handler.per_minute, key, value),
        "limit" => set(&mut handler.limit, key, value),
        "filter" => {
            let name = handler.name.as_deref().unwrap_or(&handler.kind);
            let place = format!("{name}.filter");
            handler.filter = Some(FilterConfig { script: value.to_owned(), place });
            Ok(())
        }
        _ => {
            handler.keys.set(key, value);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use pigear_alert::wire::Dialect;

    use super::*;
    use crate::keys::Keys;

    fn config_of(kinds: &[&str], keys: &[(&str, &str)]) -> anyhow::Result<Config> {
        let mut config = Config { sources: vec![SourceConfig::default()], ..Config::default() };
        let kinds: Vec<_> = kinds.iter().map(ToString::to_string).collect();
        let option = Given::default().name_of("data-handler");
        add_handlers(&mut config, &kinds, &option, &Registry::builtin())?;
        let keys: Vec<_> =
            keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        apply_all(&mut config, &keys)?;
        Ok(config)
    }

    fn keys(pairs: &[(&str, &str)]) -> Keys {
        let mut keys = Keys::default();
        for (key, value) in pairs {
            keys.set(key, value);
        }
        keys
    }

    #[test]
    fn keys_go_to_the_only_handler() {
        let config = config_of(&[], &[("format", "json")]).unwrap();
        assert_eq!(config.handlers[0].keys, keys(&[("format", "json")]));
        let config = config_of(&["file"], &[("header.X", "1")]).unwrap();
        assert_eq!(config.handlers[0].keys, keys(&[("header.X", "1")]));
    }

    #[test]
    fn keys_go_to_the_handler_that_they_name() {
        let kinds = ["pigear.core.DataHandler", "file", "file"];
        let typed = [("file.path", "a"), ("file-2.path", "b"), ("print.format", "full")];
        let config = config_of(&kinds, &typed).unwrap();
        let names: Vec<_> = config.handlers.iter().filter_map(|h| h.name.as_deref()).collect();
        assert_eq!(names, ["print", "file", "file-2"]);
        assert_eq!(config.handlers[0].keys, keys(&[("format", "full")]));
        assert_eq!(config.handlers[1].keys, keys(&[("path", "a")]));
        assert_eq!(config.handlers[2].keys, keys(&[("path", "b")]));
    }

    #[test]
    fn a_handler_may_be_given_a_name() {
        let config = config_of(&["siem=http", "http", "http"], &[("siem.url", "x")]).unwrap();
        let handlers: Vec<_> = config
            .handlers
            .iter()
            .map(|h| (h.kind.as_str(), h.name.as_deref().unwrap(), h.is_numbered))
            .collect();
        let expected = [("http", "siem", false), ("http", "http", false), ("http", "http-2", true)];
        assert_eq!(handlers, expected);
        assert_eq!(config.handlers[0].keys, keys(&[("url", "x")]));
        let error = config_of(&["a=http", "a=file"], &[]).unwrap_err().to_string();
        assert!(
            error.starts_with("--data-handler a=file: another handler has this name"),
            "{error}"
        );
        let error = config_of(&["a b=http"], &[]).unwrap_err().to_string();
        assert!(error.starts_with("--data-handler a b=http: a handler's name has"), "{error}");
    }

    #[test]
    fn every_handler_has_a_filter() {
        let config = config_of(&["print", "file"], &[("file.filter", "true")]).unwrap();
        let expected = FilterConfig { script: "true".to_owned(), place: "file.filter".to_owned() };
        assert_eq!(
            (&config.handlers[0].filter, &config.handlers[1].filter),
            (&None, &Some(expected))
        );
        let config = config_of(&[], &[("filter", "x")]).unwrap();
        assert_eq!(config.handlers[0].filter.as_ref().unwrap().place, "print.filter");
        assert_eq!(config.handlers[0].keys, Keys::default());
    }

    #[test]
    fn the_key_with_a_name_takes_precedence_in_any_order() {
        for typed in [[("a.limit", "1"), ("limit", "2")], [("limit", "2"), ("a.limit", "1")]] {
            let config = config_of(&["a=print"], &typed).unwrap();
            assert_eq!(config.handlers[0].limit.unwrap().0.get(), 1, "{typed:?}");
        }
        let config =
            config_of(&["print"], &[("print.format", "full"), ("format", "json")]).unwrap();
        assert_eq!(config.handlers[0].keys, keys(&[("format", "full")]));
    }

    #[test]
    fn a_key_that_could_be_for_several_handlers_is_refused() {
        let error = config_of(&["print", "file"], &[("format", "json")]).unwrap_err();
        let expected = "format=json: with several handlers, write NAME.KEY=VALUE; their names are \
            print, file";
        assert_eq!(format!("{error:#}"), expected);
    }

    #[test]
    fn dialect_is_the_sources() {
        let config = config_of(&["print", "file"], &[("dialect", "barnyard2")]).unwrap();
        assert_eq!(config.sources[0].dialect, Some(Dialect::Barnyard2));
        let error = config_of(&[], &[("dialect", "snort4")]).unwrap_err();
        assert!(error.to_string().starts_with("dialect=snort4: unknown dialect"), "{error}");
    }
}
