//! The sensors that a central Pigear hears of.

use std::collections::BTreeMap;

use super::exposition::{Exposition, Family};
use crate::sensors::SensorReport;

/// The most sensors that have metrics of their own: who publishes invents their names.
const MOST: usize = 1_000;

/// The longest name of a sensor, in bytes.
const LONGEST: usize = 255;

pub(super) fn write(to: &mut Exposition, sensors: &[SensorReport]) {
    to.gauge("pigear_sensors", "The sensors that sent a heartbeat.").sample(&[], sensors.len());
    let named = sensors.iter().map(|sensor| (name(sensor), sensor));
    // Two sources may hear of one sensor.
    let named: BTreeMap<&str, &SensorReport> = named.take(MOST).collect();
    let each = |mut family: Family<'_>, value: fn(&SensorReport) -> f64| {
        for (name, sensor) in &named {
            family.sample(&[("sensor", name)], value(sensor));
        }
    };
    let counter = |family: Family<'_>, value: fn(&SensorReport) -> u64| {
        let mut family = family;
        for (name, sensor) in &named {
            family.sample(&[("sensor", name)], value(sensor));
        }
    };
    let mut info = to.info("pigear_sensor", "A sensor's machine, and its version of Pigear.");
    for (name, sensor) in &named {
        let (host, version) = (cut(&sensor.host), cut(&sensor.version));
        info.sample(&[("sensor", name), ("host", host), ("version", version)], 1);
    }
    each(to.gauge("pigear_sensor_up", "1 if heartbeats of the sensor come."), |it| {
        f64::from(u8::from(it.state == "ok"))
    });
    each(to.gauge("pigear_sensor_stopped", "1 if the sensor said that it was stopped."), |it| {
        f64::from(u8::from(it.state == "stopped"))
    });
    each(to.gauge("pigear_sensor_last_seen_timestamp_seconds", "Its last heartbeat."), |it| {
        it.last_seen.as_duration().as_secs_f64()
    });
    each(to.gauge("pigear_sensor_start_time_seconds", "When it was started."), |it| {
        it.started.as_duration().as_secs_f64()
    });
    each(to.gauge("pigear_sensor_clock_offset_seconds", "How far its clock is ahead."), |it| {
        it.clock_offset
    });
    counter(to.gauge("pigear_sensor_waiting", "Alerts that wait to be published."), |it| it.lag);
    counter(to.gauge("pigear_sensor_problems", "What is wrong with its clock or name."), |it| {
        it.problems.len() as u64
    });
    counter(to.counter("pigear_sensor_received", "Alerts that it received."), |it| it.received);
    counter(to.counter("pigear_sensor_missed", "Alerts that never arrived there."), |it| it.missed);
    counter(to.counter("pigear_sensor_malformed", "Datagrams that are not alerts."), |it| {
        it.malformed
    });
    counter(to.counter("pigear_sensor_dropped", "Alerts that found no room there."), |it| {
        it.dropped
    });
    counter(to.counter("pigear_sensor_failed", "Alerts that its handlers refused."), |it| {
        it.failed
    });
}

fn name(sensor: &SensorReport) -> &str {
    cut(sensor.sensor.as_deref().unwrap_or_default())
}

fn cut(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::metrics::exposition::Form;

    fn sensor(name: &str) -> SensorReport {
        SensorReport {
            sensor: Some(name.to_owned()),
            state: "silent",
            last_seen: Timestamp::UNIX_EPOCH,
            started: Timestamp::UNIX_EPOCH,
            host: "h".to_owned(),
            version: "1".to_owned(),
            clock_offset: -1.5,
            received: 7,
            missed: 0,
            malformed: 0,
            dropped: 0,
            failed: 0,
            lag: 3,
            sockets: Vec::new(),
            threads: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn written(sensors: &[SensorReport]) -> String {
        let mut all = Exposition::new(Form::Text);
        write(&mut all, sensors);
        all.finish()
    }

    #[test]
    fn each_metric_of_a_sensor_is_in_the_manual() {
        let manual = include_str!("../../../../docs/metrics.md");
        let text = written(&[sensor("dmz")]);
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let names: Vec<_> = names.map(|(name, _)| name).collect();
        assert_eq!(names.len(), 14, "{names:?}");
        for name in names {
            assert!(manual.contains(&format!("`{name}`")), "{name} is not in docs/metrics.md");
        }
        assert!(text.contains("pigear_sensor_clock_offset_seconds{sensor=\"dmz\"} -1.5\n"));
        assert!(text.contains("pigear_sensor_up{sensor=\"dmz\"} 0\n"));
    }

    #[test]
    fn a_sensor_is_there_once_whatever_it_is_called() {
        let text = written(&[sensor("a\"b"), sensor("a\"b"), sensor(&"ä".repeat(200))]);
        let lines = text.lines().filter(|line| line.starts_with("pigear_sensor_up{")).count();
        assert_eq!(lines, 2, "{text}");
        assert!(text.contains("{sensor=\"a\\\"b\"}"), "{text}");
        let many: Vec<_> = (0..=MOST).map(|n| sensor(&n.to_string())).collect();
        let text = written(&many);
        assert!(text.contains("\npigear_sensors 1001\n"));
        let lines = text.lines().filter(|line| line.starts_with("pigear_sensor_up{")).count();
        assert_eq!(lines, MOST);
    }
}
