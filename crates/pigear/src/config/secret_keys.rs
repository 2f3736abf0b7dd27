//! Which values of a configuration are secrets, and what may be shown of them.
//!
//! This is the only place that knows: what `config show` hides, which values all users should not be able to read,
//! and which files have secrets.

use std::iter;

/// What may be shown of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Disclosure {
    Whole,
    /// This instead.
    Partly(String),
    Nothing,
}

/// What is shown in place of a secret.
pub(crate) const HIDDEN: &str = "(hidden)";

/// Words in names of headers, parameters and keys whose values are secrets.
const WORDS: [&str; 7] = ["auth", "key", "token", "cookie", "secret", "pass", "cred"];

/// Words in paths of URLs that permit something to those who know them, and in queries.
const PATHS: [&str; 10] = [
    "password=",
    "passwd=",
    "token=",
    "key=",
    "secret=",
    "sig=",
    "/services/",
    "/webhook",
    "/hooks/",
    "/bot",
];

/// What the value of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Secret,
    /// A file with a secret.
    SecretFile,
    /// A file with certificates, in which their key may be, too.
    Certificates,
    /// An environment variable with a secret.
    SecretVariable,
    /// URLs that may have a login, a query, or a path that permits something.
    Url,
    /// Where a source reads, with Pigear's own options behind `?`.
    Source,
    /// A program and its arguments.
    Command,
    /// An expression.
    Expression,
}

/// All keys of Pigear's own that have to do with secrets, in whatever table. A test holds that a key is either here,
/// or among those that it calls plain.
const KEYS: [(&str, ValueKind); 22] = [
    ("auth", ValueKind::Secret),
    ("auth_env", ValueKind::SecretVariable),
    ("auth_file", ValueKind::SecretFile),
    ("cert", ValueKind::Certificates),
    ("command", ValueKind::Command),
    ("complete_from", ValueKind::Source),
    ("creds", ValueKind::SecretFile),
    ("filter", ValueKind::Expression),
    ("from", ValueKind::Source),
    ("key", ValueKind::SecretFile),
    ("nkey", ValueKind::SecretFile),
    ("password", ValueKind::Secret),
    ("password_file", ValueKind::SecretFile),
    ("proxy", ValueKind::Url),
    ("target", ValueKind::Url),
    ("tls_cert", ValueKind::Certificates),
    ("tls_key", ValueKind::SecretFile),
    ("token", ValueKind::Secret),
    ("token_file", ValueKind::SecretFile),
    ("url", ValueKind::Url),
    ("url_file", ValueKind::SecretFile),
    ("users", ValueKind::SecretFile),
];

/// Hosts whose paths permit something to those who know them.
const HOOK_HOSTS: [&str; 14] = [
    "ntfy.sh",
    "hooks.slack.com",
    "discord.com",
    "discordapp.com",
    "api.telegram.org",
    "chat.googleapis.com",
    "office.com",
    "logic.azure.com",
    "hooks.zapier.com",
    "maker.ifttt.com",
    "hc-ping.com",
    "webhook.site",
    "pipedream.net",
    "make.com",
];

/// Pigear's own options behind the `?` of a source, which are no secrets.
const SOURCE_OPTIONS: [&str; 21] = [
    "begin",
    "bucket",
    "ca",
    "cert",
    "consumer",
    "creds",
    "key",
    "mechanism",
    "name",
    "nkey",
    "partitions",
    "password_file",
    "priority",
    "sensor",
    "silent",
    "stream",
    "subject",
    "tls",
    "token_file",
    "topic",
    "user",
];

/// What the URLs of servers begin with whose options are Pigear's own.
const SERVER_SCHEMES: [&str; 3] = ["nats://", "tls://", "kafka://"];

/// Headers that nobody needs to hide.
const PLAIN_HEADERS: [&str; 6] =
    ["accept", "accept-encoding", "content-encoding", "content-type", "host", "user-agent"];

/// What the value of one of Pigear's own keys is; `None` if it has nothing to do with secrets, or is not known.
pub(crate) fn value_kind(key: &str) -> Option<ValueKind> {
    KEYS.iter().find(|(name, _)| *name == key).map(|(_, kind)| *kind)
}

/// The options of a source that name files with secrets, with these files.
pub(crate) fn secret_files_of_source(from: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = from.split_once('?').map_or("", |(_, query)| query);
    let options = query.split('&').filter_map(|option| option.split_once('='));
    options.filter(|(name, _)| value_kind(name) == Some(ValueKind::SecretFile))
}

/// Whether the value of a key has a secret in it: then a file with it is not for all to read.
pub(crate) fn is_secret(parent: &str, key: &str, value: &str) -> bool {
    let is_own = !matches!(parent, "header" | "param");
    if is_own && value_kind(key) == Some(ValueKind::Command) {
        // Not each argument that isn't shown has a secret.
        return has_secret_arguments(value);
    }
    !value.is_empty() && disclosure(parent, key, value) != Disclosure::Whole
}

/// What may be shown of the value of a key. Rather too little than too much.
pub(crate) fn disclosure(parent: &str, key: &str, value: &str) -> Disclosure {
    match parent {
        "header" => return of_header(key, value),
        "param" => return of_named(key, value),
        _ => {}
    }
    match value_kind(key) {
        Some(ValueKind::Secret) => Disclosure::Nothing,
        Some(
            ValueKind::SecretFile
            | ValueKind::Certificates
            | ValueKind::SecretVariable
            | ValueKind::Expression,
        ) => Disclosure::Whole,
        Some(ValueKind::Url) => of_url(key, value),
        Some(ValueKind::Source) if value.contains('?') => of_url(key, value),
        Some(ValueKind::Source) => of_value(key, value),
        Some(ValueKind::Command) => of_command(value),
        None if key.ends_with("_file") || key.ends_with("_env") => Disclosure::Whole,
        None => of_named(key, value),
    }
}

fn of_header(name: &str, value: &str) -> Disclosure {
    let is_plain = PLAIN_HEADERS.iter().any(|plain| name.eq_ignore_ascii_case(plain));
    if is_plain { of_value(name, value) } else { Disclosure::Nothing }
}

/// Someone else's key: a value of a template, or a key of a handler that isn't Pigear's. Its name is all that is
/// known.
fn of_named(name: &str, value: &str) -> Disclosure {
    if has_word(name) { Disclosure::Nothing } else { of_value(name, value) }
}

fn of_value(key: &str, value: &str) -> Disclosure {
    if value.contains("://") { of_url(key, value) } else { of_text(value) }
}

fn has_word(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// Whether a URL has a secret path, as those of chats have.
fn has_secret_path(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let path = rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or_default();
    let lower = path.to_ascii_lowercase();
    PATHS.iter().any(|word| lower.contains(word))
}

/// Whether a part of a path looks like a token.
fn has_token(path: &str) -> bool {
    let is_token = |part: &str| {
        part.len() >= 16
            && part.bytes().any(|byte| byte.is_ascii_digit())
            && part.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    path.split(['/', '?', '&', '=', '#']).any(is_token)
}

/// A URL, or those of several servers with commas between them.
fn of_url(key: &str, urls: &str) -> Disclosure {
    let shown: Vec<_> = servers(urls).into_iter().map(|url| shown_of_url(key, url)).collect();
    let shown = shown.join(",");
    if shown == urls { Disclosure::Whole } else { Disclosure::Partly(shown) }
}

/// The URLs of a list. A password may have a comma, but hardly one with a URL behind it.
fn servers(urls: &str) -> Vec<&str> {
    let is_next = |rest: &str| SERVER_SCHEMES.iter().any(|scheme| rest.starts_with(scheme));
    let commas = urls.match_indices(',').map(|(at, _)| at);
    let ends: Vec<_> = commas.filter(|at| is_next(&urls[at + 1..])).collect();
    let begins = iter::once(0).chain(ends.iter().map(|at| at + 1));
    begins.zip(ends.iter().copied().chain([urls.len()])).map(|(from, to)| &urls[from..to]).collect()
}

/// Where the options of a source begin.
fn own_options(url: &str) -> Option<usize> {
    let mut marks = url.match_indices('?').map(|(at, _)| at);
    marks.find(|at| {
        url[at + 1..].split_once('=').is_some_and(|(name, _)| SOURCE_OPTIONS.contains(&name))
    })
}

fn shown_of_url(key: &str, url: &str) -> String {
    let (scheme, rest) = url.split_at(url.find("://").map_or(0, |at| at + "://".len()));
    let has_options = key == "from" || SERVER_SCHEMES.contains(&scheme);
    // A password may have any character.
    let before_options = own_options(rest).filter(|_| has_options).unwrap_or(rest.len());
    let (login, rest) = match rest[..before_options].rfind('@') {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => ("", rest),
    };
    if login.contains(['?', '#']) {
        return format!("{scheme}{HIDDEN}");
    }
    let login = if login.is_empty() { String::new() } else { format!("{HIDDEN}@") };
    let (place, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (server, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let is_secret = has_secret_path(&format!("x://x{path}"))
        || has_token(path)
        || (path.len() > 1 && is_hook_host(server));
    let path = if is_secret { format!("/{HIDDEN}") } else { path.to_owned() };
    format!("{scheme}{login}{server}{path}{}", of_query(query, has_options))
}

/// A query and what follows it, without values. Those of Pigear's own options are shown.
fn of_query(query: &str, has_options: bool) -> String {
    let Some(query) = query.strip_prefix('?') else {
        return if query.len() > 1 { format!("#{HIDDEN}") } else { query.to_owned() };
    };
    let (query, fragment) = query.split_at(query.find('#').unwrap_or(query.len()));
    let shown = |part: &str| match part.split_once('=') {
        Some((name, _)) if has_options && SOURCE_OPTIONS.contains(&name) => part.to_owned(),
        Some((name, _)) if !has_token(name) => format!("{name}={HIDDEN}"),
        None if part.is_empty() => String::new(),
        _ => HIDDEN.to_owned(),
    };
    let parts: Vec<_> = query.split('&').map(shown).collect();
    let fragment = if fragment.len() > 1 { format!("#{HIDDEN}") } else { fragment.to_owned() };
    format!("?{}{fragment}", parts.join("&"))
}

/// Whether a server is one of those that take messages for whoever knows a path, as that of a topic of ntfy.
fn is_hook_host(server: &str) -> bool {
    let host = server.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let is_of = |known: &&str| {
        host.strip_suffix(*known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    host.starts_with("ntfy.") || HOOK_HOSTS.iter().any(is_of)
}

/// A template's value, a proxy without a scheme, and the like.
fn of_text(text: &str) -> Disclosure {
    match text.rsplit_once('@') {
        Some((login, server)) if login.contains(':') => {
            Disclosure::Partly(format!("{HIDDEN}@{server}"))
        }
        _ => Disclosure::Whole,
    }
}

/// A program, and arguments that may have secrets.
fn of_command(command: &str) -> Disclosure {
    let (program, arguments) = command.split_once(' ').unwrap_or((command, ""));
    let is_bare = |word: &str| !matches!(word, "-u" | "-p") && !word.contains(['@', ':']);
    if program.contains('=') {
        Disclosure::Nothing
    } else if has_secret_arguments(command)
        || has_token(&arguments.replace(' ', "/"))
        || !arguments.split(' ').all(is_bare)
    {
        Disclosure::Partly(format!("{program} {HIDDEN}"))
    } else {
        Disclosure::Whole
    }
}

/// Whether there is something in the arguments of a program that is a secret as a rule.
fn has_secret_arguments(command: &str) -> bool {
    let (program, arguments) = command.split_once(' ').unwrap_or((command, ""));
    let words = || command.split(' ').map(|word| word.trim_matches(['"', '\'', '[', ']', ',']));
    let is_url_with_secret =
        |word: &str| word.contains("://") && of_url("", word) != Disclosure::Whole;
    // Code has brackets and the like.
    let is_token = |word: &str| {
        let is_of_tokens = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+=~/".contains(&byte);
        has_token(word) && is_mixed(word) && word.bytes().all(is_of_tokens)
    };
    has_word(arguments)
        || arguments.to_ascii_lowercase().contains("bearer")
        || words().skip(1).any(is_token)
        || words().any(is_url_with_secret)
        || program.split_once('=').is_some_and(|(name, _)| has_word(name))
}

/// Whether letters and digits follow each other more than once, as hardly in names such as `central-server-12`.
fn is_mixed(word: &str) -> bool {
    let bytes: Vec<_> = word.bytes().filter(u8::is_ascii_alphanumeric).collect();
    bytes.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_number_are_no_tokens() {
        for command in
            ["ip netns exec pigear-firewall-2977 block", "/opt/scripts/notify-everybody-2 x"]
        {
            assert!(!is_secret("", "command", command), "{command}");
        }
    }

    #[test]
    fn code_is_no_token() {
        let code = "python3 -c import sys; open('got', 'w').write(sys.argv[1]) two words";
        for parent in ["", "handler"] {
            assert!(!is_secret(parent, "command", code));
            assert!(is_secret(parent, "command", "notify a1b2c3d4e5f6a7b8c9d0"));
        }
    }

    #[test]
    fn secrets_are_not_disclosed() {
        for (parent, key, value) in [
            ("", "auth", "basic:me:s3cret"),
            ("", "token", "s3cret"),
            ("", "password", "s3cret"),
            ("", "api_key", "s3cret"),
            ("header", "X-Splunk-Request-Channel", "s3cret"),
            ("header", "Authorization", "s3cret"),
            ("param", "routing_key", "s3cret"),
            ("param", "server", "https://me:s3cret@host/"),
            ("", "url", "https://me:s3cret@host/path"),
            ("", "url", "https://me:s3c/ret,s3cret@host/path"),
            ("", "url", "nats://one,nats://me:s3cret@two"),
            ("", "url", "nats://me:s3cret@one,nats://me:s3c,ret@two"),
            ("", "url", "nats://me:s3cret?@one"),
            ("", "url", "https://hooks.slack.com/services/s3cret"),
            ("", "url", "https://host/api?sig=s3cret"),
            ("", "url", "https://host/s3cret0123456789abcdef"),
            ("", "from", "nats://host?stream=x&password=s3cret"),
            ("", "url", "https://host/api?access=s3cret&pw=s3cret"),
            ("", "url", "https://host/api?s3cret#s3cret"),
            ("", "url", "https://host/api?mail=me@host&pw=s3cret"),
            ("", "url", "host/api?access=s3cret"),
            ("", "url", "host:9/services/s3cret#s3cret"),
            ("", "url", "https://ntfy.sh/s3cret"),
            ("", "url", "https://NTFY.sh:443/s3cret/json"),
            ("", "url", "https://ntfy.example/s3cret"),
            ("", "proxy", "http://proxy:3128/?access=s3cret"),
            ("param", "server", "https://host/?access=s3cret"),
            ("", "from", "nats://host?stream=x&pasword=s3cret"),
            ("", "from", "host?stream=x&token=s3cret"),
            ("", "proxy", "me:s3cret@proxy:3128"),
            ("", "command", "curl -u me s3cret"),
            ("", "command", "curl -H 'Authorization: Bearer s3cret'"),
            ("", "command", "curl https://me:s3cret@host"),
            ("", "command", "TOKEN=s3cret curl"),
        ] {
            let shown = match disclosure(parent, key, value) {
                Disclosure::Whole => value.to_owned(),
                Disclosure::Partly(text) => text,
                Disclosure::Nothing => String::new(),
            };
            assert!(!shown.contains("s3c"), "{key}: {shown}");
        }
    }

    #[test]
    fn servers_and_options_are_no_secrets() {
        for value in [
            "nats://10.0.0.1:4222,nats://10.0.0.2:4222,nats://10.0.0.3:4222",
            "nats://central-server-1:4222,nats://central-server-2:4222?stream=ALERTS",
            "tls://central-server-1.example:4222,tls://central-server-2.example:4222",
            "kafka://10.0.0.1:9092,10.0.0.2:9092,10.0.0.3:9092/alerts",
            "nats://central:4222?sensor=office@lyon",
        ] {
            for key in ["url", "from"] {
                assert_eq!(disclosure("", key, value), Disclosure::Whole, "{key}={value}");
            }
        }
        let shown =
            "nats://one:4222,nats://(hidden)@two:4222,nats://three:4222?stream=A&password=(hidden)";
        let given =
            "nats://one:4222,nats://me:s3cret@two:4222,nats://three:4222?stream=A&password=s3cret";
        assert_eq!(disclosure("", "from", given), Disclosure::Partly(shown.to_owned()));
    }

    #[test]
    fn keys_are_sorted() {
        assert!(KEYS.is_sorted_by_key(|(key, _)| key));
    }

    #[test]
    fn files_with_secrets_are_found_in_the_options_of_a_source() {
        let from = "nats://host?stream=x&creds=/a&token_file=/b&ca=/c&key=/d";
        let found: Vec<_> = secret_files_of_source(from).collect();
        assert_eq!(found, [("creds", "/a"), ("token_file", "/b"), ("key", "/d")]);
    }

    #[test]
    fn what_is_hidden_is_a_secret_unless_it_is_an_argument_that_only_may_be_one() {
        for (parent, key, value) in [
            ("", "url", "http://host/?access=s3cret"),
            ("", "url", "me@host"),
            ("", "target", "tls://me@host:6514"),
            ("header", "X-Request", "s3cret"),
            ("", "command", "curl https://host/?access=s3cret"),
            ("", "command", "curl -H 'X-Token: s3cret'"),
        ] {
            assert!(is_secret(parent, key, value), "{key} {value}");
        }
        for (parent, key, value) in [
            ("", "token", ""),
            ("", "command", "notify-send -u critical"),
            ("", "command", "curl http://host:8080/alerts"),
            ("", "token_file", "/etc/pigear/token"),
            ("header", "Accept", "text/plain"),
        ] {
            assert!(!is_secret(parent, key, value), "{key} {value}");
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for (parent, key, value) in [
            ("", "url", "https://host:8088/path/alerts"),
            ("", "auth_file", "credential:siem"),
            ("", "auth_env", "SIEM"),
            ("", "key", "/etc/pigear/key.pem"),
            ("", "nkey", "/etc/pigear/seed.nk"),
            ("", "target", "tls://host:6514"),
            ("", "path", "/var/log/pigear/alerts.json"),
            ("", "command", "/usr/bin/notify --level 3"),
            ("header", "Content-Type", "text/plain"),
            ("param", "channel", "#alerts"),
        ] {
            assert_eq!(disclosure(parent, key, value), Disclosure::Whole, "{key} {value}");
        }
        let partly = |value| disclosure("", "url", value);
        let login = Disclosure::Partly("nats://(hidden)@host:4222".to_owned());
        assert_eq!(partly("nats://me:pw@host:4222"), login);
        let path = Disclosure::Partly("https://hooks.slack.com/(hidden)".to_owned());
        assert_eq!(partly("https://hooks.slack.com/services/T0"), path);
        for (url, shown) in [
            ("https://h/a?access=S&pw=S&x", "https://h/a?access=(hidden)&pw=(hidden)&(hidden)"),
            ("https://ntfy.sh/topic?auth=S", "https://ntfy.sh/(hidden)?auth=(hidden)"),
            ("nats://h?stream=X&password=S", "nats://h?stream=X&password=(hidden)"),
        ] {
            assert_eq!(partly(url), Disclosure::Partly(shown.to_owned()));
        }
        let source = "kafka://h:9092?topic=x&user=me&password_file=/etc/pigear/pw";
        assert_eq!(disclosure("", "from", source), Disclosure::Whole);
    }
}
