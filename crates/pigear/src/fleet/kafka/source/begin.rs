//! Where the reading of each partition begins, and what was removed before it.

use pigear_pipeline::Source;
use tracing::{info, warn};

use super::super::session::{Opened, Partition};
use super::super::source_options::Begin;
use super::{KafkaSource, Run, place_name};

impl KafkaSource {
    /// Finds where to begin each partition, and saves that.
    pub(super) fn begin(&mut self, run: Run<'_>, opened: &Opened) -> Result<(), String> {
        let mut kept = Vec::with_capacity(opened.partitions.len());
        for Partition { number, .. } in &opened.partitions {
            let place = match (self.places.next(*number), &self.archive) {
                (Some(next), _) => Some(next),
                (None, Some(archive)) => archive.place(&place_name(&self.reading.name, *number))?,
                (None, None) => None,
            };
            kept.push(place);
        }
        let is_first = kept.iter().all(Option::is_none);
        let each = opened.partitions.iter().zip(kept);
        let begins: Vec<_> = each
            .map(|(partition, kept)| match kept {
                Some(next) if self.has(partition, next) => (partition.number, next, kept),
                None if is_first && self.begins_now() => (partition.number, partition.end, kept),
                _ => (partition.number, partition.oldest, kept),
            })
            .collect();
        let moved = begins.iter().filter(|(_, next, kept)| *kept != Some(*next));
        if !self.save_all(&moved.map(|(number, next, _)| (*number, *next)).collect::<Vec<_>>()) {
            return Err("cannot save where to begin".to_owned());
        }
        // What couldn't be saved is tried again, and would be counted again.
        for (number, next, kept) in &begins {
            if let Some(kept) = kept.filter(|kept| kept != next) {
                self.count_removed(run, *number, kept, *next);
            }
        }
        if is_first && self.archive.is_none() && self.reading.begin.is_none() {
            warn!(
                "source {}: without a store, reading begins with the next message, whenever this Pigear starts; \
                give --store PATH, or choose with ?begin=start or ?begin=now",
                self.name()
            );
        }
        self.say_begins(begins.iter().filter(|(.., kept)| kept.is_none()));
        self.out_of_range.clear();
        for (number, next, kept) in begins {
            if self.places.next(number) != Some(next) {
                self.places.begin(number, next, kept.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Says with which message reading begins, of partitions that weren't read before.
    fn say_begins<'a>(&self, begins: impl Iterator<Item = &'a (i32, i64, Option<i64>)>) {
        let each: Vec<_> = begins.map(|(number, next, _)| format!("{number}: {next}")).collect();
        if !each.is_empty() {
            let each = each.join(", ");
            info!("source {}: reading begins with message (partition: number) {each}", self.name());
        }
    }

    /// Whether to begin with the next message, if nothing is known of an earlier run. Without a store nothing ever is.
    /// All that a topic has that wasn't there is new.
    fn begins_now(&self) -> bool {
        match self.reading.begin {
            _ if self.was_missing => false,
            Some(begin) => begin == Begin::Now,
            None => self.archive.is_none(),
        }
    }

    /// Whether a partition has the message to read next, or that one is still to come. Only the broker's answer to who
    /// asks for it says whether it comes next.
    fn has(&self, partition: &Partition, next: i64) -> bool {
        next >= partition.oldest && !self.out_of_range.contains(&partition.number)
    }

    /// Counts and says that a partition doesn't have the message to read next, so that its oldest one is.
    fn count_removed(&self, run: Run<'_>, number: i32, next: i64, oldest: i64) {
        let name = self.name();
        if next < oldest {
            let removed = oldest.abs_diff(next);
            run.intake.missed(removed);
            warn!(
                "source {name}: partition {number}: {removed} messages were removed before they were read (retention)"
            );
        } else {
            warn!(
                "source {name}: partition {number} ends before message {next}, the next to read: the topic was \
                created anew, or lost messages; reading begins with its oldest"
            );
        }
    }
}
