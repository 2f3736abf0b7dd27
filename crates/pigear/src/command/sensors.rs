//! `pigear sensors`: the sensors of a fleet.

use std::fmt::Write;

use anyhow::anyhow;
use jiff::Timestamp;
use pigear_alert::plural;

use super::args::SensorsArgs;
use super::failure::Failure;
use super::listen::say;
use super::output::write_out;
use super::seen_secrets;
use crate::fleet::nats::SensorList;
use crate::sensors::SensorReport;
use crate::visible::visible;

pub(super) fn run(args: &SensorsArgs) -> Result<(), Failure> {
    seen_secrets::warn_of_servers(&args.from);
    let list = SensorList::new(&args.from).map_err(|problem| Failure::usage(anyhow!(problem)))?;
    if let Some(name) = &args.forget {
        return forget(&list, name);
    }
    // They are read once: a moment later there may be others.
    let all = list.read().map_err(|problem| anyhow!(problem))?;
    let (sensors, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| list.wants(one));
    if sensors.is_empty() {
        if !others.is_empty() {
            return Err(none_of(list.wanted(), &others));
        }
        say("no sensor has sent a heartbeat yet");
    }
    let mut text = String::new();
    if args.json {
        for sensor in &sensors {
            text += &serde_json::to_string(sensor).map_err(anyhow::Error::from)?;
            text.push('\n');
        }
    } else if !sensors.is_empty() {
        text = table(&sensors, Timestamp::now());
    }
    write_out(text.as_bytes())
}

fn forget(list: &SensorList, name: &str) -> Result<(), Failure> {
    if list.forget(name).map_err(|problem| anyhow!(problem))? {
        say(&format!("{name} is forgotten, until its next heartbeat"));
        return Ok(());
    }
    let sensors = list.read().map_err(|problem| anyhow!(problem))?;
    Err(none_of(&[name.to_owned()], &sensors))
}

/// That there is no sensor of these names, and which there are.
fn none_of(names: &[String], sensors: &[SensorReport]) -> Failure {
    let wanted: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    let names: Vec<_> = sensors.iter().map(name_of).collect();
    let wanted = wanted.join(" or ");
    anyhow!("no sensor has the name {wanted}; sensors are: {}", names.join(", ")).into()
}

fn name_of(sensor: &SensorReport) -> String {
    sensor.sensor.as_ref().map_or_else(|| "-".to_owned(), |name| visible(name.as_bytes()))
}

fn table(sensors: &[SensorReport], now: Timestamp) -> String {
    let widest = sensors.iter().map(|sensor| name_of(sensor).chars().count()).max();
    let width = widest.unwrap_or_default().clamp(12, 40);
    let mut text = format!(
        "{:<width$} {:<8} {:>9} {:>12} {:>9} {:>9} {:>9} {:>9} {:>9}  version\n",
        "sensor", "state", "last seen", "received", "lag", "dropped", "failed", "missed", "clock"
    );
    for sensor in sensors {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "{:<width$} {:<8} {:>9} {:>12} {:>9} {:>9} {:>9} {:>9} {:>9}  {}",
            name_of(sensor),
            sensor.state,
            age(now.duration_since(sensor.last_seen).as_secs()),
            sensor.received,
            sensor.lag,
            sensor.dropped,
            sensor.failed,
            sensor.missed,
            clock(sensor.clock_offset),
            visible(sensor.version.as_bytes()),
        );
        for problem in &sensor.problems {
            let _ = writeln!(text, "  {}", visible(problem.as_bytes()));
        }
    }
    let all = plural::count(sensors.len() as u64, "sensor");
    let states = ["silent", "stopped"]
        .map(|state| (sensors.iter().filter(|sensor| sensor.state == state).count(), state));
    let told: Vec<_> = states
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, state)| format!("{number} of {all} {state}"))
        .collect();
    if !told.is_empty() {
        let _ = writeln!(text, "{}", told.join(", "));
    }
    text
}

/// How far a clock is ahead, without a sign of what is rounded to nothing.
fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() + 0.0;
    format!("{:+.1} s", tenths / 10.0)
}

/// A time ago, in one unit.
fn age(seconds: i64) -> String {
    // Clocks differ a little.
    let seconds = seconds.max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_right_has_no_sign_of_being_behind() {
        let shown = [-0.04, 0.04, -0.06, 1.25].map(clock);
        assert_eq!(shown, ["+0.0 s", "+0.0 s", "-0.1 s", "+1.3 s"]);
    }
}
