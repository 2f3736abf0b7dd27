use std::collections::{BTreeMap, VecDeque};

use super::entry::Entry;
use crate::store::Marks;

/// How many alerts are looked for at once, and how many the list has while it follows the newest.
pub(super) const MAX_ENTRIES: usize = 1_000;

/// How many alerts the list has at most, with the older ones that are added while the user moves down.
pub(super) const MAX_LISTED: usize = 100_000;

/// The newest alerts, newest first, with one that is selected.
///
/// While the first is selected, the list follows: it moves as alerts come. If another one is selected, it stays
/// where it is on the screen.
#[derive(Debug, Default)]
pub(super) struct List {
    entries: VecDeque<Entry>,
    /// What came since the list was paused, newest first.
    held: VecDeque<Entry>,
    is_paused: bool,
    selected: usize,
    /// The first that is on the screen.
    top: usize,
    /// How many fit on the screen.
    height: usize,
    /// How many came that weren't on the screen.
    unseen: u64,
    /// There are no older alerts than those of the list.
    has_oldest: bool,
}

/// Where to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

impl Step {
    /// Where this leads to, with so many places and so many on a page.
    pub(super) fn from(self, place: usize, places: usize, page: usize) -> usize {
        let page = page.saturating_sub(1).max(1);
        let place = match self {
            Self::Up => place.saturating_sub(1),
            Self::Down => place + 1,
            Self::PageUp => place.saturating_sub(page),
            Self::PageDown => place + page,
            Self::First => 0,
            Self::Last => usize::MAX,
        };
        place.min(places.saturating_sub(1))
    }
}

impl List {
    /// Forgets all alerts, for others.
    pub(super) fn clear(&mut self) {
        let Self { is_paused, height, .. } = *self;
        *self = Self { is_paused, height, ..Self::default() };
    }

    /// Adds new alerts, newest first, of which there may have been more.
    pub(super) fn add(&mut self, entries: Vec<Entry>, count: u64) {
        if self.is_paused {
            self.unseen += count;
            prepend(&mut self.held, entries);
            self.held.truncate(MAX_ENTRIES);
            return;
        }
        if count > u64::try_from(entries.len()).unwrap_or(u64::MAX) {
            // Those between are not here: the list goes on with what is older than the new ones.
            self.entries.clear();
            self.has_oldest = false;
        }
        if self.selected > 0 {
            let added = usize::try_from(count).unwrap_or(usize::MAX);
            self.unseen += count;
            self.selected = self.selected.saturating_add(added);
            self.top = self.top.saturating_add(added);
        }
        prepend(&mut self.entries, entries);
        self.shorten();
        self.settle();
    }

    /// Adds alerts that are older than all others, newest first; after them there may be no more.
    pub(super) fn add_older(&mut self, entries: Vec<Entry>, are_last: bool) {
        self.entries.extend(entries);
        self.has_oldest = are_last;
        self.shorten();
    }

    /// Before which alert older ones are to be looked for, since the selected one is near the end.
    pub(super) fn wants_before(&self) -> Option<i64> {
        let is_near = self.selected + 2 * self.height.max(1) >= self.entries.len();
        let wants = is_near && !self.has_oldest && self.entries.len() < MAX_LISTED;
        self.entries.back().filter(|_| wants).map(|entry| entry.id)
    }

    /// Whether there may be older alerts, which the list has no room for.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= MAX_LISTED && !self.has_oldest
    }

    /// Sets what was said about alerts. Those that are not wanted any more are removed.
    pub(super) fn mark(&mut self, marks: &BTreeMap<i64, Marks>, wants: impl Fn(Marks) -> bool) {
        for entry in self.entries.iter_mut().chain(&mut self.held) {
            if let Some(marks) = marks.get(&entry.id) {
                entry.marks = *marks;
            }
        }
        let is_wanted = |entry: &Entry| !marks.contains_key(&entry.id) || wants(entry.marks);
        let before = self.entries.iter().take(self.selected);
        let removed = before.filter(|entry| !is_wanted(entry)).count();
        self.selected -= removed;
        self.entries.retain(is_wanted);
        self.held.retain(is_wanted);
        self.settle();
    }

    /// Pauses, or goes on with what came meanwhile.
    pub(super) fn pause(&mut self) {
        self.is_paused = !self.is_paused;
        if !self.is_paused {
            let held = std::mem::take(&mut self.held);
            let count = std::mem::take(&mut self.unseen);
            self.add(held.into(), count);
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        self.selected = step.from(self.selected, self.entries.len(), self.height);
        if self.selected == 0 && !self.is_paused {
            self.unseen = 0;
        }
        self.shorten();
        self.settle();
    }

    /// The list has this height on the screen.
    pub(super) fn set_height(&mut self, height: usize) {
        self.height = height;
        self.settle();
    }

    /// What is on the screen, each with whether it is selected.
    pub(super) fn visible(&self) -> impl Iterator<Item = (&Entry, bool)> {
        let places = self.entries.iter().enumerate().skip(self.top).take(self.height);
        places.map(|(place, entry)| (entry, place == self.selected))
    }

    pub(super) fn selected(&self) -> Option<&Entry> {
        self.entries.get(self.selected)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    pub(super) fn unseen(&self) -> u64 {
        self.unseen
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets older alerts, which can be looked for again.
    fn shorten(&mut self) {
        let most = if self.selected == 0 { MAX_ENTRIES } else { MAX_LISTED };
        if self.entries.len() > most {
            self.entries.truncate(most);
            self.has_oldest = false;
        }
    }

    /// Keeps the selected alert in the list, and on the screen.
    fn settle(&mut self) {
        self.selected = self.selected.min(self.entries.len().saturating_sub(1));
        let lowest = self.selected.saturating_sub(self.height.saturating_sub(1));
        let last_top = self.entries.len().saturating_sub(self.height);
        self.top = self.top.clamp(lowest, self.selected.max(lowest)).min(last_top);
    }
}

fn prepend(list: &mut VecDeque<Entry>, entries: Vec<Entry>) {
    entries.into_iter().rev().for_each(|entry| list.push_front(entry));
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn entries(ids: impl DoubleEndedIterator<Item = i64>) -> Vec<Entry> {
        let entry = |id| Entry {
            id,
            time: Timestamp::UNIX_EPOCH,
            priority: None,
            rule: String::new(),
            message: String::new(),
            src: (None, None),
            dst: (None, None),
            count: None,
            marks: Marks::default(),
        };
        ids.rev().map(entry).collect()
    }

    fn list() -> List {
        let mut list = List::default();
        list.set_height(5);
        list.add_older(entries(11..=20), false);
        list.add_older(entries(1..=10), true);
        list
    }

    fn shown(list: &List) -> Vec<i64> {
        list.visible().map(|(entry, _)| entry.id).collect()
    }

    fn selected(list: &List) -> i64 {
        list.selected().unwrap().id
    }

    #[test]
    fn it_follows_while_the_newest_is_selected() {
        let mut list = list();
        list.add(entries(21..=22), 2);
        assert_eq!(
            (shown(&list), selected(&list), list.unseen()),
            (vec![22, 21, 20, 19, 18], 22, 0)
        );
    }

    #[test]
    fn another_one_stays_selected_and_in_its_place() {
        let mut list = list();
        list.step(Step::Down);
        list.add(entries(21..=22), 2);
        assert_eq!(
            (shown(&list), selected(&list), list.unseen()),
            (vec![20, 19, 18, 17, 16], 19, 2)
        );
        list.step(Step::First);
        assert_eq!((shown(&list), list.unseen()), (vec![22, 21, 20, 19, 18], 0));
    }

    #[test]
    fn a_paused_list_stays_and_counts() {
        let mut list = list();
        list.pause();
        list.add(entries(21..=21), 1);
        list.add(entries(22..=23), 2_000);
        assert_eq!((shown(&list)[0], list.unseen()), (20, 2_001));
        list.pause();
        assert_eq!((shown(&list)[0], list.unseen(), list.is_paused()), (23, 0, false));
    }

    #[test]
    fn every_step_stays_within_the_list() {
        let mut list = list();
        for (step, expected) in [
            (Step::Up, 20),
            (Step::PageDown, 16),
            (Step::Last, 1),
            (Step::Down, 1),
            (Step::PageUp, 5),
            (Step::First, 20),
        ] {
            list.step(step);
            assert_eq!(selected(&list), expected, "{step:?}");
            assert!(shown(&list).contains(&expected), "{step:?}");
            assert_eq!(shown(&list).len(), 5, "{step:?}");
        }
        list.clear();
        list.step(Step::Last);
        assert!(list.selected().is_none());
    }

    #[test]
    fn while_it_follows_it_keeps_the_newest_and_no_more() {
        let mut list = list();
        list.step(Step::Down);
        list.add(entries(21..=5_000), 4_980);
        assert_eq!((list.entries.len(), selected(&list)), (5_000, 19), "it has what is looked at");
        list.step(Step::First);
        assert_eq!((list.entries.len(), list.has_oldest), (MAX_ENTRIES, false));
        list.step(Step::Last);
        assert_eq!(list.wants_before(), Some(4_001));
    }

    #[test]
    fn there_is_no_gap_after_a_flood() {
        let mut list = list();
        list.step(Step::Last);
        list.add(entries(5_001..=6_000), 5_980);
        assert_eq!((list.entries.len(), selected(&list)), (1_000, 5_001));
        list.step(Step::Last);
        assert_eq!(list.wants_before(), Some(5_001), "those between are looked for");
    }

    #[test]
    fn older_ones_are_looked_for_near_the_end_until_there_are_no_more() {
        let mut list = List::default();
        list.set_height(5);
        list.add_older(entries(1_001..=1_100), false);
        assert_eq!(list.wants_before(), None);
        list.step(Step::Last);
        assert_eq!(list.wants_before(), Some(1_001));
        list.add_older(entries(901..=1_000), false);
        assert_eq!((list.wants_before(), selected(&list)), (None, 1_001));
        list.step(Step::Last);
        list.add_older(Vec::new(), true);
        assert_eq!(list.wants_before(), None);
    }

    #[test]
    fn what_is_not_wanted_any_more_is_removed_and_another_one_selected() {
        let mut list = list();
        list.step(Step::Down);
        list.step(Step::Down);
        let marks = Marks { is_acknowledged: true, ..Marks::default() };
        let changed = [20, 18].map(|id| (id, marks)).into();
        list.mark(&changed, |_| true);
        assert!(list.selected().unwrap().marks.is_acknowledged);
        list.mark(&changed, |marks| !marks.is_acknowledged);
        assert_eq!((shown(&list), selected(&list)), (vec![19, 17, 16, 15, 14], 17));
    }

    #[test]
    fn a_higher_screen_shows_more() {
        let mut list = list();
        list.step(Step::Last);
        list.set_height(30);
        assert_eq!(shown(&list).len(), 20);
    }
}
