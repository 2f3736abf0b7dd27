//! One attempt to publish messages.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use rskafka::client::partition::Compression;
use tokio::time::timeout;

use super::connection::Connection;
use super::outgoing::{Outgoing, batches};
use super::partitioner::partition;
use super::trouble::Trouble;
use crate::fleet::outcome::Outcome;

/// How to publish.
#[derive(Clone, Copy)]
pub(super) struct Publishing {
    pub(super) compression: Compression,
    /// The most bytes of a batch.
    pub(super) batch_bytes: usize,
    /// How many batches of a partition may wait for acknowledgement.
    pub(super) in_flight: usize,
    /// How long an acknowledgement may take.
    pub(super) timeout: Duration,
    /// Whether the alerts may have been published before.
    pub(super) is_retry: bool,
}

/// One attempt. What is acknowledged is noted at once: time may be up before all is.
pub(super) struct Attempt<'a> {
    connection: &'a Connection,
    messages: &'a [Outgoing],
    outcomes: RefCell<&'a mut [Outcome]>,
    publishing: Publishing,
    /// The first trouble.
    trouble: RefCell<Option<Trouble>>,
    /// Half the bytes of the smallest batch that was too large.
    too_large: Cell<Option<usize>>,
    /// The same, of those that were refused for whatever reason.
    smaller: Cell<Option<usize>>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        messages: &'a [Outgoing],
        outcomes: &'a mut [Outcome],
        publishing: Publishing,
    ) -> Self {
        Self {
            connection,
            messages,
            outcomes: RefCell::new(outcomes),
            publishing,
            trouble: RefCell::default(),
            too_large: Cell::default(),
            smaller: Cell::default(),
        }
    }

    /// Publishes what is open, each partition in order. Returns how large batches may be from now on, for good and
    /// for these messages, if that is less.
    pub(super) async fn run(self) -> Result<(Option<usize>, Option<usize>), Trouble> {
        let each = self.open().into_iter();
        join_all(each.map(|(number, indexes)| self.publish(number, indexes))).await;
        match self.trouble.into_inner() {
            Some(trouble) => Err(trouble),
            None => Ok((self.too_large.get(), self.smaller.get())),
        }
    }

    /// The messages that are open, by partition.
    fn open(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut open: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let outcomes = self.outcomes.borrow();
        let all = self.messages.iter().zip(outcomes.iter()).enumerate();
        for (index, (message, _)) in all.filter(|(_, (_, outcome))| **outcome == Outcome::Open) {
            let number = partition(&message.key, self.connection.partitions());
            open.entry(number).or_default().push(index);
        }
        open
    }

    /// Publishes messages to one partition. After the first trouble no more are sent, but those in flight are
    /// waited for.
    async fn publish(&self, number: usize, indexes: Vec<usize>) {
        let Publishing { batch_bytes, in_flight, timeout: limit, .. } = self.publishing;
        let has_failed = Cell::new(false);
        let batches = batches(self.messages, &indexes, batch_bytes).into_iter();
        let sent = stream::iter(batches.take_while(|_| !has_failed.get())).map(|batch| {
            let has_failed = &has_failed;
            async move {
                let produced = timeout(limit, self.produce(number, &batch)).await;
                let result = produced.unwrap_or_else(|_| {
                    Err(Trouble::Later("the broker doesn't acknowledge".to_owned()))
                });
                has_failed.set(has_failed.get() || result.is_err());
                self.note(&batch, result);
            }
        });
        sent.buffered(in_flight).collect::<Vec<()>>().await;
    }

    async fn produce(&self, number: usize, batch: &[usize]) -> Result<(), Trouble> {
        let partition = self.connection.partition(number).await?;
        let messages = batch.iter().filter_map(|index| self.messages.get(*index));
        let records = messages.map(|message| message.record(self.publishing.is_retry)).collect();
        partition.produce(records, self.publishing.compression).await?;
        Ok(())
    }

    /// Notes what became of a batch. Of a batch that is refused, smaller ones find out which message it is.
    fn note(&self, batch: &[usize], result: Result<(), Trouble>) {
        let is_one = batch.len() == 1;
        match result {
            Ok(()) => self.settle(batch, &Outcome::Acknowledged),
            Err(Trouble::Refused(reason)) if is_one => {
                self.settle(batch, &Outcome::Refused(reason));
            }
            Err(Trouble::TooLarge) if is_one => {
                let reason = "longer than the broker accepts (max.message.bytes)".to_owned();
                self.settle(batch, &Outcome::Refused(reason));
            }
            Err(trouble @ (Trouble::TooLarge | Trouble::Refused(_))) => {
                let messages = batch.iter().filter_map(|index| self.messages.get(*index));
                let half = messages.map(Outgoing::size).sum::<usize>() / 2;
                least(&self.smaller, half);
                if trouble == Trouble::TooLarge {
                    least(&self.too_large, half);
                }
            }
            Err(trouble) => {
                self.trouble.borrow_mut().get_or_insert(trouble);
            }
        }
    }

    fn settle(&self, batch: &[usize], what: &Outcome) {
        let mut outcomes = self.outcomes.borrow_mut();
        for index in batch {
            if let Some(outcome) = outcomes.get_mut(*index) {
                outcome.clone_from(what);
            }
        }
    }
}

fn least(cell: &Cell<Option<usize>>, value: usize) {
    cell.set(Some(cell.get().map_or(value, |least| least.min(value))));
}
