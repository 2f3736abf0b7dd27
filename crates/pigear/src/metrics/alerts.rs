//! The counters of the program, of its receiving threads and of its handlers.

use std::collections::BTreeMap;

use pigear_pipeline::{LanePhase, LaneSnapshot, LaneTiming, Snapshot, Stats};

use super::exposition::{Exposition, Family};

/// The counters of the pipeline at one moment.
pub(super) struct Counted {
    pub(super) counters: Snapshot,
    pub(super) timings: BTreeMap<String, LaneTiming>,
}

impl Counted {
    pub(super) fn of(stats: &Stats) -> Self {
        Self { counters: stats.snapshot(), timings: stats.timings() }
    }

    /// What is counted of all alerts.
    pub(super) fn write(&self, to: &mut Exposition, stats: &Stats) {
        let counters = &self.counters;
        to.counter("pigear_received", "Alerts received, from all sources.")
            .sample(&[], counters.received);
        to.counter(
            "pigear_rejected",
            "Datagrams that are not alerts, or damaged places of a log (malformed), and datagrams of users who may \
             not send (refused).",
        )
        .sample(&[("reason", "malformed")], counters.malformed)
        .sample(&[("reason", "refused")], counters.refused);
        for (name, help, count) in [
            (
                "pigear_missed",
                "Alerts that Snort numbered and that never arrived; an estimate.",
                counters.missed,
            ),
            (
                "pigear_receive_errors",
                "Errors of the system in place of a datagram.",
                counters.receive_errors,
            ),
            (
                "pigear_stray_packets",
                "Packets and other records of Snort's log without an event, or too late for theirs.",
                counters.stray_packets,
            ),
            (
                "pigear_completed",
                "Alerts that were completed from Snort's log.",
                counters.completed,
            ),
            (
                "pigear_incomplete",
                "Alerts that lack something and found nothing in Snort's log in time.",
                counters.incomplete,
            ),
        ] {
            to.counter(name, help).sample(&[], count);
        }
        to.histogram(
            "pigear_receive_delay_seconds",
            "From the time of the packet until its alert was received, over a socket.",
        )
        .latency(&[], &stats.receive_delay());
    }

    /// What is counted of each handler. `stored_lag` knows for how many seconds the oldest alert waits for a handler
    /// that gets its alerts from the store.
    pub(super) fn write_handlers(
        &self,
        to: &mut Exposition,
        stored_lag: impl Fn(&str) -> Option<f64>,
    ) {
        type Count = fn(&LaneSnapshot) -> Option<u64>;
        let counts: [(&str, &str, Count); 8] = [
            ("pigear_handler_received", "Alerts that came for the handler.", |it| {
                Some(it.received)
            }),
            ("pigear_handler_handled", "Alerts that the handler processed.", |it| Some(it.handled)),
            (
                "pigear_handler_dropped",
                "Alerts that found no room, or for which there was no time at the end.",
                |it| Some(it.dropped),
            ),
            ("pigear_handler_failed", "Alerts that were refused.", |it| Some(it.failed)),
            ("pigear_handler_filtered", "Alerts that the filter left out.", |it| it.filtered),
            (
                "pigear_handler_filtered_unknown",
                "Alerts that the filter left out only because a field wasn't known.",
                |it| it.filtered_unknown,
            ),
            ("pigear_handler_filter_failed", "Alerts for which the filter failed.", |it| {
                it.filter_failed
            }),
            ("pigear_handler_muted", "Alerts that the limit left out.", |it| it.muted),
        ];
        for (name, help, count) in counts {
            self.each(to.counter(name, help), |family, handler, lane| {
                family.maybe(&[("handler", handler)], count(lane));
            });
        }
        let waiting = "Alerts in the queue, with the handler, or in a group.";
        self.each(to.gauge("pigear_handler_waiting", waiting), |family, handler, lane| {
            family.sample(&[("handler", handler)], lane.waiting);
        });
        let lag = "For how long the oldest alert waits; 0 if none does.";
        self.each(to.gauge("pigear_handler_lag_seconds", lag), |family, handler, lane| {
            let lag = match lane.lag {
                Some(0) => Some(0.0),
                Some(_) => stored_lag(handler),
                None => Some(seconds(lane.oldest_ms.unwrap_or_default())),
            };
            family.maybe(&[("handler", handler)], lag);
        });
        self.write_timings(to);
    }

    fn each(&self, mut family: Family<'_>, write: impl Fn(&mut Family<'_>, &str, &LaneSnapshot)) {
        for (handler, lane) in &self.counters.handlers {
            write(&mut family, handler, lane);
        }
    }

    fn write_timings(&self, to: &mut Exposition) {
        let mut up = to.gauge("pigear_handler_up", "1 if the handler gets alerts.");
        // One that was removed is missed by nobody.
        let there = self.timings.iter().filter(|(_, it)| it.phase != LanePhase::Removed);
        for (handler, timing) in there {
            let is_open = timing.phase == LanePhase::Open;
            up.sample(&[("handler", handler)], u8::from(is_open));
        }
        let mut retries = to.counter(
            "pigear_handler_retries",
            "How often the handler failed and alerts were to be tried again.",
        );
        for (handler, timing) in &self.timings {
            retries.sample(&[("handler", handler)], timing.retries);
        }
        let mut handling = to.histogram(
            "pigear_handling_seconds",
            "From the receipt of an alert until the handler had processed it.",
        );
        for (handler, timing) in &self.timings {
            handling.latency(&[("handler", handler)], &timing.handling);
        }
        let mut delivery = to.histogram(
            "pigear_delivery_seconds",
            "How long each call of the handler took, with one alert or several.",
        );
        for (handler, timing) in &self.timings {
            delivery.latency(&[("handler", handler)], &timing.delivery);
        }
    }
}

fn seconds(millis: u64) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}
