//! Sessions: who has logged in.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};

use super::users::Role;
use crate::web::options::Token;

/// How long a session lasts.
pub(in crate::web) const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// The most sessions of a user; the one of theirs that was not used for longest ends.
const MOST_OF_USER: usize = 20;

/// The same for all who have the token.
const MOST_WITH_TOKEN: usize = 200;

/// A session.
#[derive(Clone, Debug)]
pub(in crate::web) struct Session {
    /// The user; `None` for someone with the token.
    pub(in crate::web) user: Option<String>,
    pub(in crate::web) role: Role,
    /// Changes when the user's password does.
    pub(super) password: Option<[u8; 32]>,
    /// What a request of this session has that changes something.
    pub(in crate::web) csrf: String,
    /// Identifies it.
    key: u64,
}

impl Session {
    /// Identifies it.
    pub(in crate::web) fn key(&self) -> u64 {
        self.key
    }
}

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    next: u64,
    /// By the first bytes of their digest, to find them without comparing secrets.
    by_id: HashMap<u64, Entry>,
}

struct Entry {
    id: Token,
    session: Session,
    begun: Instant,
    used: Instant,
}

impl Entry {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) >= LIFETIME
    }
}

impl Sessions {
    /// Begins a session, and returns its id.
    pub(super) fn begin(
        &self,
        user: Option<String>,
        role: Role,
        password: Option<[u8; 32]>,
    ) -> Result<(String, Session), String> {
        let (id, csrf) = (secret()?, secret()?);
        let mut inner = self.inner();
        inner.next += 1;
        let session = Session { user, role, password, csrf, key: inner.next };
        let most = if session.user.is_some() { MOST_OF_USER } else { MOST_WITH_TOKEN };
        let theirs = inner.by_id.iter().filter(|(_, entry)| entry.session.user == session.user);
        if theirs.clone().count() >= most {
            let oldest = theirs.min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key);
            oldest.and_then(|key| inner.by_id.remove(&key));
        }
        let begun = Instant::now();
        let entry = Entry { id: Token::new(&id), session: session.clone(), begun, used: begun };
        inner.by_id.insert(session.key, entry);
        Ok((format!("{}.{id}", session.key), session))
    }

    /// The session with an id.
    pub(super) fn find(&self, id: &str) -> Option<Session> {
        self.find_at(id, Instant::now())
    }

    fn find_at(&self, id: &str, now: Instant) -> Option<Session> {
        let (key, secret) = id.split_once('.')?;
        let mut inner = self.inner();
        inner.by_id.retain(|_, entry| !entry.is_over(now));
        let entry = inner.by_id.get_mut(&key.parse().ok()?)?;
        entry.id.is(secret).then(|| {
            entry.used = now;
            entry.session.clone()
        })
    }

    /// Whether a session goes on.
    pub(super) fn has(&self, session: &Session) -> bool {
        self.has_at(session, Instant::now())
    }

    fn has_at(&self, session: &Session, now: Instant) -> bool {
        self.inner().by_id.get(&session.key).is_some_and(|entry| !entry.is_over(now))
    }

    /// Ends a session.
    pub(super) fn end(&self, session: &Session) {
        self.inner().by_id.remove(&session.key);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text that can't be guessed.
pub(super) fn secret() -> Result<String, String> {
    let mut bytes = [0; 32];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| "the system has no random numbers".to_owned())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_by_its_id_only_until_it_ends() {
        let sessions = Sessions::default();
        let (id, session) = sessions.begin(Some("ann".to_owned()), Role::Full, None).unwrap();
        assert_eq!(sessions.find(&id).unwrap().user.as_deref(), Some("ann"));
        for wrong in ["", "1", "1.", &id[2..], &format!("{id}x"), &format!("2{}", &id[1..])] {
            assert!(sessions.find(wrong).is_none(), "{wrong}");
        }
        sessions.end(&session);
        assert!(sessions.find(&id).is_none() && !sessions.has(&session));
    }

    #[test]
    fn a_session_ends_at_its_time_however_much_it_is_used() {
        let sessions = Sessions::default();
        let (id, session) = sessions.begin(None, Role::Full, None).unwrap();
        let begun = Instant::now();
        for now in [begun + LIFETIME / 2, begun + LIFETIME / 10 * 9] {
            assert!(sessions.find_at(&id, now).is_some() && sessions.has_at(&session, now));
        }
        // What is open longer, such as a stream, isn't asked for again.
        assert!(!sessions.has_at(&session, begun + LIFETIME));
        assert!(sessions.find_at(&id, begun + LIFETIME).is_none());
    }

    #[test]
    fn a_user_ends_only_sessions_of_their_own() {
        let sessions = Sessions::default();
        let begin = |user: Option<&str>| {
            sessions.begin(user.map(str::to_owned), Role::Full, None).unwrap().0
        };
        let (ann, bob, token) = (begin(Some("ann")), begin(Some("bob")), begin(None));
        let last: Vec<_> = (0..1_500).map(|_| begin(Some("bob"))).collect();
        assert!(sessions.find(&bob).is_none());
        assert!([ann, token.clone()].iter().all(|id| sessions.find(id).is_some()));
        assert!(last[1_500 - MOST_OF_USER..].iter().all(|id| sessions.find(id).is_some()));
        assert_eq!(sessions.inner().by_id.len(), MOST_OF_USER + 2);
        (0..MOST_WITH_TOKEN).for_each(|_| drop(begin(None)));
        assert!(sessions.find(&token).is_none());
    }
}
