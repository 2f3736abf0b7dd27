//! `pigear web`: the page over a store, without receiving alerts; and its users.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use anyhow::{Context, anyhow};

use super::args::{UserCommand, WebArgs, WebCommand};
use super::failure::{Failure, create_hint};
use super::host::Host;
use super::listen::say;
use super::settings::{explained_by, read_file};
use super::store_path::{configured_path, store_path};
use super::{seen_secrets, signals};
use crate::config::HandlerConfig;
use crate::keys::SetupError;
use crate::listen::{Reload, directories};
use crate::output_file::dir;
use crate::registry::Registry;
use crate::rules::{Rules, SharedRules};
use crate::store::Reader;
use crate::web::users::{self, Role};
use crate::web::{Options, Running, Server, Token};

/// The longest password that is read, in bytes.
const MAX_PASSWORD: u64 = 4_096;

/// Fewer characters than these are warned about.
const LEAST_PASSWORD: usize = 12;

pub(super) fn run(args: WebArgs, registry: &Registry, host: &dyn Host) -> Result<(), Failure> {
    match args.command {
        Some(WebCommand::User { command: UserCommand::Add { name, users, read_only } }) => {
            let role = if read_only { Role::ReadOnly } else { Role::Full };
            add_user(&users, &name, role)
        }
        None => serve_store(args, registry, host),
    }
}

fn serve_store(args: WebArgs, registry: &Registry, host: &dyn Host) -> Result<(), Failure> {
    let file = args.store.config.as_deref();
    let config = file.map(|file| read_file(file, registry)).transpose()?.unwrap_or_default();
    let configured = configured(config.handlers).map_err(|failure| match file {
        Some(file) => explained_by(failure, file, registry),
        None => failure,
    })?;
    let path = match (&args.store.store, &configured.store, file) {
        (None, Some(path), _) => path.clone(),
        // It was read above; a pipe can be read only once.
        (None, None, Some(file)) => configured_path(config.store.path, file)?,
        _ => store_path(&args.store, registry)?,
    };
    // A store that can't be read is an error now, and a problem of single requests later.
    drop(Reader::open(&path)?);
    let rules = SharedRules::default();
    let paths = if args.rules.is_empty() { config.rules } else { args.rules.clone() };
    if !paths.is_empty() {
        let read = Rules::open(&paths).map_err(anyhow::Error::from)?;
        rules.set(Some(Arc::new(read)));
    }
    let watched = rules.watch().context("cannot watch the rules")?;
    let options = options(args, configured, path);
    let Serving { running, stopped } = serve(options, rules, host)?;
    // An error is that the switch is gone.
    let _ = stopped.recv();
    running.stop();
    drop(watched);
    Ok(())
}

/// A page that is served, until something comes from `stopped`.
pub(super) struct Serving {
    pub(super) running: Running,
    pub(super) stopped: Receiver<()>,
}

/// Serves a page; a signal ends it.
pub(super) fn serve(
    options: Options,
    rules: SharedRules,
    host: &dyn Host,
) -> Result<Serving, Failure> {
    let interrupt = signals::listen(host, Reload::default()).context("cannot listen to signals")?;
    let server = Server::bind(options, rules).map_err(|problem| match problem {
        SetupError::Keys(_) => Failure::usage(anyhow!(problem)),
        SetupError::Failed(_) => anyhow!(problem).into(),
    })?;
    let running = server.start(None).context("cannot start a thread")?;
    let (stop, stopped) = channel();
    interrupt.stop().on_request(move || {
        // The receiver is gone once the server ends.
        let _ = stop.send(());
    });
    Ok(Serving { running, stopped })
}

/// The keys of the configuration, if one is given; options take precedence.
fn options(args: WebArgs, mut options: Options, store: PathBuf) -> Options {
    options.store = Some(store);
    options.listen = args.listen.unwrap_or(options.listen);
    if args.token.is_some() {
        seen_secrets::warn_of_one("--token", "--token-file FILE");
    }
    if args.token.is_some() || args.token_file.is_some() {
        options.token = args.token.as_deref().map(Token::new);
        options.token_file = args.token_file;
    }
    if args.tls_cert.is_some() {
        options.tls_key = None;
    }
    options.path = args.path.or(options.path);
    options.users = args.users.or(options.users);
    options.tls_cert = args.tls_cert.or(options.tls_cert);
    options.tls_key = args.tls_key.or(options.tls_key);
    options.hosts = args.hosts.or(options.hosts);
    options.trusted_proxies = args.trusted_proxies.or(options.trusted_proxies);
    options
}

fn configured(handlers: Vec<HandlerConfig>) -> Result<Options, Failure> {
    let Some(web) = handlers.into_iter().find(|handler| handler.kind == "web") else {
        return Ok(Options::default());
    };
    let place = web.place.unwrap_or_default();
    web.keys.options().map_err(|problem| Failure::usage(anyhow!("{place}: {problem}")))
}

fn add_user(path: &Path, name: &str, role: Role) -> Result<(), Failure> {
    if directories::is_missing(path) {
        let dir = dir(path);
        let error: Failure = anyhow!("no such directory: {}", dir.display()).into();
        return Err(error.with_hint(create_hint(std::iter::once(dir))));
    }
    let password = password(name)?;
    let was_there = users::add(path, name, &password, role).map_err(|problem| anyhow!(problem))?;
    let did = if was_there { "has a new password" } else { "was added" };
    say(&format!("{name} {did} in {}", path.display()));
    if password.chars().count() < LEAST_PASSWORD {
        say(&format!(
            "this password has fewer than {LEAST_PASSWORD} characters, so it could be guessed; the same command \
             sets a better one"
        ));
    }
    Ok(())
}

/// Reads a password: from the terminal twice, without showing it, or the first line of standard input.
fn password(name: &str) -> Result<String, Failure> {
    let unreadable = "cannot read the password";
    if io::stdin().is_terminal() {
        let password =
            rpassword::prompt_password(format!("Password of {name}: ")).context(unreadable)?;
        let again = rpassword::prompt_password("Again: ").context(unreadable)?;
        if password != again {
            return Err(anyhow!("the passwords differ; nothing was changed").into());
        }
        return Ok(password);
    }
    let mut line = String::new();
    let stdin = io::Read::take(io::stdin().lock(), MAX_PASSWORD);
    io::BufReader::new(stdin).read_line(&mut line).context(unreadable)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
