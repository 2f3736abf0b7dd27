//! A handler of your own: counts the alerts of each source address.
//!
//! `cargo run --example handler -- recording.gz`

use std::collections::BTreeMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_pipeline::source::Play;
use pigear_pipeline::{
    AlertFactory, Failure, Handler, LaneSettings, Pipeline, Progress, Stop, WhenFull,
};

#[derive(Default)]
struct TopTalkers(BTreeMap<Option<IpAddr>, u64>);

impl Handler for TopTalkers {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        for alert in alerts {
            *self.0.entry(alert.src_ip()).or_default() += 1;
        }
        Ok(Progress::All)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        for (address, alerts) in &self.0 {
            eprintln!("{alerts:>6} {}", address.map_or("?".to_owned(), |ip| ip.to_string()));
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let recording = std::env::args_os().nth(1).ok_or("usage: handler RECORDING")?;
    let source = Play::open(recording.into(), AlertFactory::default())?;
    let mut pipeline = Pipeline::default();
    let settings = LaneSettings { when_full: WhenFull::Wait, ..LaneSettings::default() };
    pipeline.add("top-talkers", Box::new(TopTalkers::default()), settings);
    pipeline.run(vec![Box::new(source)], &Stop::default())?;
    Ok(())
}
