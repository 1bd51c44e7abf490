//! Samples of one name, and the families that they make. A family without a sample is left out.

use flexcore_engine::vitals::latency::{BOUNDS_US, Latencies};
use prometheus::{
    TextEncoder,
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

/// Names and values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// All that is told.
#[derive(Default)]
pub(super) struct Families {
    all: Vec<MetricFamily>,
}

/// The samples of one name, while they are gathered.
pub(super) struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    samples: Vec<Metric>,
}

impl Family {
    /// A value that only grows while the process lives. The name ends in `_total`.
    pub(super) fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: MetricType::COUNTER, samples: Vec::new() }
    }

    /// A value of this moment.
    pub(super) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: MetricType::GAUGE, samples: Vec::new() }
    }

    /// How long things took, in seconds.
    pub(super) fn histogram(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: MetricType::HISTOGRAM, samples: Vec::new() }
    }

    /// Adds a sample of a counter or gauge.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: f64) {
        let mut metric = Metric::from_label(labels.iter().map(label).collect());
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.samples.push(metric);
    }

    /// With one sample more.
    pub(super) fn with(mut self, labels: Labels<'_>, value: f64) -> Self {
        self.sample(labels, value);
        self
    }

    /// Adds a sample of a histogram.
    pub(super) fn latencies(&mut self, labels: Labels<'_>, took: &Latencies) {
        let mut metric = Metric::from_label(labels.iter().map(label).collect());
        let mut seen = 0;
        let buckets = BOUNDS_US.iter().zip(took.counts).map(|(bound, count)| {
            seen += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound as f64 / 1e6);
            bucket.set_cumulative_count(seen);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(took.count());
        histogram.set_sample_sum(took.sum_ns as f64 / 1e9);
        metric.set_histogram(histogram);
        self.samples.push(metric);
    }
}

fn label((name, value): &(&str, &str)) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name((*name).to_owned());
    pair.set_value((*value).to_owned());
    pair
}

impl Families {
    pub(super) fn add(&mut self, family: Family) {
        if family.samples.is_empty() {
            return;
        }
        let mut told = MetricFamily::default();
        told.set_name(family.name.to_owned());
        told.set_help(family.help.to_owned());
        told.set_field_type(family.kind);
        told.set_metric(family.samples);
        self.all.push(told);
    }

    /// A counter without labels.
    pub(super) fn counter(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.add(Family::counter(name, help).with(&[], value as f64));
    }

    /// A gauge without labels.
    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.add(Family::gauge(name, help).with(&[], value));
    }

    pub(super) fn text(&self) -> String {
        let text = TextEncoder::new().encode_to_string(&self.all);
        text.expect("families without samples are left out, and every family has a name")
    }
}
