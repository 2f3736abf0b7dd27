//! Who comes next: work that waits for a place, in turn by visitor, so that nobody who asks for much holds up others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::visitor::{Party, Visitor};

/// Places for work.
pub(super) struct Turns {
    /// How many there are.
    places: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    taken: usize,
    lines: HashMap<Party, Line>,
    /// Those whose work waits, the next first.
    order: VecDeque<Party>,
}

/// The work of a party.
#[derive(Default)]
struct Line {
    taken: usize,
    /// How many places it may have.
    most: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// A place, which is free again once this is dropped.
pub(super) struct Turn {
    /// `None` once the place was given back.
    turns: Option<Arc<Turns>>,
    party: Party,
}

impl Turns {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { places, inner: Mutex::default() })
    }

    /// Waits for a place. A visitor has at most half of them, unless it may be many people.
    pub(super) async fn wait(self: &Arc<Self>, visitor: &Visitor) -> Option<Turn> {
        let (sender, receiver) = oneshot::channel();
        let most = if visitor.is_many() { self.places } else { self.places.div_ceil(2) };
        {
            let (party, mut inner) = (visitor.party(), self.inner());
            let line = inner.lines.entry(party.clone()).or_default();
            line.most = most;
            line.waiting.retain(|sender| !sender.is_closed());
            line.waiting.push_back(sender);
            if !inner.order.contains(&party) {
                inner.order.push_back(party);
            }
            self.fill(&mut inner);
        }
        receiver.await.ok()
    }

    /// Gives the free places to those who are next.
    fn fill(self: &Arc<Self>, inner: &mut Inner) {
        // Those in the order that were passed over, because they have all that they may have.
        let mut passed = 0;
        while inner.taken < self.places && passed < inner.order.len() {
            let Some(party) = inner.order.remove(passed) else { return };
            let Some(line) = inner.lines.get_mut(&party) else { continue };
            if line.taken >= line.most {
                inner.order.insert(passed, party);
                passed += 1;
                continue;
            }
            if let Some(sender) = line.waiting.pop_front() {
                let turn = Turn { turns: Some(Arc::clone(self)), party: party.clone() };
                match sender.send(turn) {
                    Ok(()) => (line.taken, inner.taken) = (line.taken + 1, inner.taken + 1),
                    // It doesn't wait any more.
                    Err(mut turn) => turn.turns = None,
                }
            }
            if !line.waiting.is_empty() {
                inner.order.push_back(party);
            } else if line.taken == 0 {
                inner.lines.remove(&party);
            }
        }
    }

    fn give_back(self: &Arc<Self>, party: &Party) {
        let mut inner = self.inner();
        inner.taken -= 1;
        if let Some(line) = inner.lines.get_mut(party) {
            line.taken -= 1;
            if line.taken == 0 && line.waiting.is_empty() {
                inner.lines.remove(party);
            }
        }
        self.fill(&mut inner);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.give_back(&self.party);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    type Waiting = Pin<Box<dyn Future<Output = Option<Turn>>>>;

    fn visitor(last: u8) -> Visitor {
        Visitor::new(IpAddr::from([192, 0, 2, last]), false)
    }

    /// What waits, after it has begun to.
    fn wait(turns: &Arc<Turns>, visitor: Visitor) -> Waiting {
        let turns = Arc::clone(turns);
        let mut waiting: Waiting = Box::pin(async move { turns.wait(&visitor).await });
        if let Some(turn) = poll(&mut waiting) {
            return Box::pin(async move { Some(turn) });
        }
        waiting
    }

    fn poll(waiting: &mut Waiting) -> Option<Turn> {
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_visitor_has_half_of_the_places_and_another_is_not_held_up() {
        let turns = Turns::new(4);
        let mut first: Vec<_> = (0..10).map(|_| wait(&turns, visitor(1))).collect();
        let running: Vec<_> = first.iter_mut().filter_map(poll).collect();
        assert_eq!(running.len(), 2);
        let other = poll(&mut wait(&turns, visitor(2)));
        assert!(other.is_some());
        drop(running);
        let next: Vec<_> = first[2..].iter_mut().filter_map(poll).collect();
        assert_eq!(next.len(), 2);
    }

    #[test]
    fn all_sessions_of_a_user_are_one_visitor_and_those_with_a_token_of_one_address_are_too() {
        let local = Visitor::new(IpAddr::from([127, 0, 0, 1]), true);
        let user = |name: &str, visitor: Visitor| visitor.with(Some(Party::User(name.into())));
        let session = |key, visitor: Visitor| visitor.with(Some(Party::Session(key)));
        for (visitors, most) in [
            ([1, 2, 3, 4].map(|last| user("ann", visitor(last))), 2),
            ([1, 2, 3, 4].map(|_| user("ann", local.clone())), 2),
            ([1, 2, 3, 4].map(|key| session(key, visitor(1))), 2),
            ([1, 2, 3, 4].map(|key| session(key, local.clone())), 4),
            (["ann", "ann", "ann", "bob"].map(|name| user(name, visitor(1))), 3),
        ] {
            let turns = Turns::new(4);
            let mut all = visitors.map(|visitor| wait(&turns, visitor));
            assert_eq!(all.iter_mut().filter_map(poll).collect::<Vec<_>>().len(), most);
        }
    }

    #[test]
    fn places_go_round_by_visitor() {
        let turns = Turns::new(1);
        let running = poll(&mut wait(&turns, visitor(1)));
        let mut all: Vec<_> = [1, 1, 1, 2, 3].map(|who| (who, wait(&turns, visitor(who)))).into();
        drop(running);
        let mut order = Vec::new();
        while !all.is_empty() {
            let found = all
                .iter_mut()
                .enumerate()
                .find_map(|(n, (who, waiting))| poll(waiting).map(|turn| (n, *who, turn)));
            let (n, who, turn) = found.unwrap();
            drop(all.remove(n));
            order.push(who);
            drop(turn);
        }
        assert_eq!(order, [1, 2, 3, 1, 1]);
        assert!(turns.inner().lines.is_empty());
    }

    #[test]
    fn many_people_behind_one_address_may_have_all_places() {
        let turns = Turns::new(4);
        let local = Visitor::new(IpAddr::from([127, 0, 0, 1]), true);
        let mut all: Vec<_> = (0..5).map(|_| wait(&turns, local.clone())).collect();
        assert_eq!(all.iter_mut().filter_map(poll).collect::<Vec<_>>().len(), 4);
    }

    #[test]
    fn who_stops_waiting_takes_no_place_and_a_place_that_was_not_fetched_is_free_again() {
        let turns = Turns::new(1);
        let running = poll(&mut wait(&turns, visitor(1)));
        let (gone, unfetched) = (wait(&turns, visitor(2)), wait(&turns, visitor(3)));
        let mut last = wait(&turns, visitor(4));
        drop(gone);
        drop(running);
        assert!(poll(&mut last).is_none());
        drop(unfetched);
        assert!(poll(&mut last).is_some());
        assert_eq!(turns.inner().taken, 0);
        assert!(turns.inner().lines.is_empty() && turns.inner().order.is_empty());
    }
}
