//! Who connects, as the URLs of the servers say.

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;

use crate::secret::Secret;

/// How to prove to a server who connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    None,
    User(String, Secret),
    Token(Secret),
    /// The seed of an nkey.
    Nkey(Secret),
    /// The text of a credentials file.
    Creds(Secret),
}

/// The user and password, or the token, in URLs of servers. Those that have none get those of the others.
///
/// # Errors
/// If there are several.
pub(super) fn in_urls(servers: &[ServerAddr], name: &str) -> Result<Credentials, String> {
    let mut found = Credentials::None;
    for server in servers {
        let Some(user) = server.username().filter(|user| !user.is_empty()) else {
            if server.password().is_some() {
                return Err(format!("{name} has a password without a user"));
            }
            continue;
        };
        let user = decoded(user, name)?;
        let one = match server.password() {
            Some(password) => Credentials::User(user, decoded(password, name)?.into()),
            None => Credentials::Token(user.into()),
        };
        if found != Credentials::None && found != one {
            return Err(format!("{name} has several users; give all servers the same one"));
        }
        found = one;
    }
    Ok(found)
}

fn decoded(text: &str, name: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| format!("{name}: the user or password is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(urls: &[&str]) -> Result<Credentials, String> {
        in_urls(&urls.iter().map(|url| url.parse().unwrap()).collect::<Vec<_>>(), "url")
    }

    #[test]
    fn a_user_and_a_token_are_decoded() {
        let user = Credentials::User("m@e".to_owned(), "p:/ss w\u{f6}rd".to_owned().into());
        assert_eq!(of(&["nats://m%40e:p%3A%2Fss%20w%C3%B6rd@a", "nats://b"]), Ok(user));
        assert_eq!(of(&["tls://t%2Bk@a"]), Ok(Credentials::Token("t+k".to_owned().into())));
        assert_eq!(of(&["nats://a"]), Ok(Credentials::None));
    }

    #[test]
    fn what_contradicts_is_refused_without_being_shown() {
        for urls in
            [&["nats://me:a1@a", "nats://me:b1@b"][..], &["nats://:b1@a"], &["nats://%FF:b1@a"]]
        {
            let error = of(urls).unwrap_err();
            assert!(error.starts_with("url") && !error.contains("b1"), "{error}");
        }
    }
}
