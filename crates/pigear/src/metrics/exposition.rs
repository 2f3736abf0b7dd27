//! Writes metrics as text: OpenMetrics, or the older form of Prometheus.

use std::fmt::{Display, Write};

use pigear_pipeline::Latency;

/// The form of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// OpenMetrics 1.0: a family of counters is named without `_total`, families have units, and the text ends with a mark.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Text,
}

/// Text that is being written.
pub(super) struct Exposition {
    text: String,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FamilyKind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// The samples of one metric. The lines about the metric are written with its first sample.
pub(super) struct Family<'a> {
    exposition: &'a mut Exposition,
    name: &'a str,
    help: &'a str,
    kind: FamilyKind,
    has_begun: bool,
}

/// The labels of a sample.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Exposition {
    pub(super) fn new(form: Form) -> Self {
        Self { text: String::with_capacity(16 << 10), form }
    }

    /// A counter, named without `_total`.
    pub(super) fn counter<'a>(&'a mut self, name: &'a str, help: &'a str) -> Family<'a> {
        self.family(name, help, FamilyKind::Counter)
    }

    pub(super) fn gauge<'a>(&'a mut self, name: &'a str, help: &'a str) -> Family<'a> {
        self.family(name, help, FamilyKind::Gauge)
    }

    pub(super) fn histogram<'a>(&'a mut self, name: &'a str, help: &'a str) -> Family<'a> {
        self.family(name, help, FamilyKind::Histogram)
    }

    /// What doesn't change, as labels; named without `_info`.
    pub(super) fn info<'a>(&'a mut self, name: &'a str, help: &'a str) -> Family<'a> {
        self.family(name, help, FamilyKind::Info)
    }

    fn family<'a>(&'a mut self, name: &'a str, help: &'a str, kind: FamilyKind) -> Family<'a> {
        Family { exposition: self, name, help, kind, has_begun: false }
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a `String` can't fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn labels(&mut self, labels: Labels<'_>, le: Option<&str>) {
        let mut before = '{';
        for (name, value) in labels.iter().copied().chain(le.map(|le| ("le", le))) {
            // Writing to a `String` can't fail.
            let _ = write!(self.text, "{before}{name}=\"");
            escape(&mut self.text, value);
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
    }
}

/// Text from elsewhere stays within its quotes.
fn escape(text: &mut String, value: &str) {
    for letter in value.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            _ => text.push(letter),
        }
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Display) -> &mut Self {
        let suffix = match self.kind {
            FamilyKind::Counter => "_total",
            FamilyKind::Info => "_info",
            FamilyKind::Gauge | FamilyKind::Histogram => "",
        };
        self.write(suffix, labels, None, value);
        self
    }

    /// Adds a sample, if there is a value.
    pub(super) fn maybe(&mut self, labels: Labels<'_>, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.sample(labels, value);
        }
        self
    }

    /// Adds a histogram.
    pub(super) fn latency(&mut self, labels: Labels<'_>, latency: &Latency) {
        let mut count = 0;
        for (bound, more) in &latency.buckets {
            count += more;
            self.write("_bucket", labels, Some(&format!("{bound:?}")), count);
        }
        count += latency.above;
        self.write("_bucket", labels, Some("+Inf"), count);
        self.write("_sum", labels, None, latency.sum);
        self.write("_count", labels, None, count);
    }

    fn write(&mut self, suffix: &str, labels: Labels<'_>, le: Option<&str>, value: impl Display) {
        self.begin();
        let (exposition, name) = (&mut *self.exposition, self.name);
        exposition.text.push_str(name);
        exposition.text.push_str(suffix);
        exposition.labels(labels, le);
        exposition.line(format_args!(" {value}"));
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let (form, name) = (self.exposition.form, self.name);
        let (suffix, kind) = match (form, self.kind) {
            (Form::OpenMetrics, FamilyKind::Info) => ("", "info"),
            (Form::Text, FamilyKind::Info) => ("_info", "gauge"),
            (Form::OpenMetrics, FamilyKind::Counter) => ("", "counter"),
            (Form::Text, FamilyKind::Counter) => ("_total", "counter"),
            (_, FamilyKind::Gauge) => ("", "gauge"),
            (_, FamilyKind::Histogram) => ("", "histogram"),
        };
        self.exposition.line(format_args!("# HELP {name}{suffix} {}", self.help));
        self.exposition.line(format_args!("# TYPE {name}{suffix} {kind}"));
        let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(unit));
        if let Some(unit) = unit.filter(|_| form == Form::OpenMetrics) {
            self.exposition.line(format_args!("# UNIT {name} {unit}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form) -> String {
        let mut all = Exposition::new(form);
        all.info("pigear_build", "The program.").sample(&[("version", "1")], 1);
        all.counter("pigear_received", "Alerts.").sample(&[], 7);
        all.gauge("pigear_nothing", "No sample, no lines.").maybe(&[], None::<u64>);
        all.gauge("pigear_lag_seconds", "Lag.").sample(&[("handler", "a\"\\\nb")], 0.5);
        let mut latency = Latency::default();
        (latency.buckets, latency.above, latency.sum) = (vec![(0.1, 2), (1.0, 0)], 1, 3.5);
        all.histogram("pigear_delay_seconds", "Delay.").latency(&[("handler", "x")], &latency);
        all.finish()
    }

    #[test]
    fn open_metrics_has_units_and_an_end() {
        let expected = r#"# HELP pigear_build The program.
# TYPE pigear_build info
pigear_build_info{version="1"} 1
# HELP pigear_received Alerts.
# TYPE pigear_received counter
pigear_received_total 7
# HELP pigear_lag_seconds Lag.
# TYPE pigear_lag_seconds gauge
# UNIT pigear_lag_seconds seconds
pigear_lag_seconds{handler="a\"\\\nb"} 0.5
# HELP pigear_delay_seconds Delay.
# TYPE pigear_delay_seconds histogram
# UNIT pigear_delay_seconds seconds
pigear_delay_seconds_bucket{handler="x",le="0.1"} 2
pigear_delay_seconds_bucket{handler="x",le="1.0"} 2
pigear_delay_seconds_bucket{handler="x",le="+Inf"} 3
pigear_delay_seconds_sum{handler="x"} 3.5
pigear_delay_seconds_count{handler="x"} 3
# EOF
"#;
        assert_eq!(written(Form::OpenMetrics), expected);
    }

    #[test]
    fn the_older_form_names_counters_as_their_samples() {
        let text = written(Form::Text);
        for line in [
            "# TYPE pigear_build_info gauge\n",
            "# HELP pigear_received_total Alerts.\n# TYPE pigear_received_total counter\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains("UNIT") && !text.contains("EOF"), "{text}");
    }
}
