//! Prometheus' text format, read as strictly as its own parser does: every sample belongs to a family that was announced just
//! before, names and labels are well formed, no series comes twice, and a histogram adds up.

use std::collections::{BTreeMap, BTreeSet};

/// Series by name and labels, as written: `flexcore_pipelines{state="active"}`.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    pub(crate) samples: BTreeMap<String, f64>,
    /// The type of each family.
    pub(crate) families: BTreeMap<String, String>,
}

impl Exposition {
    /// Reads a text; panics at what a parser would refuse.
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has its end");
        let mut read = Self::default();
        let mut family = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty() && !read.families.contains_key(name), "{line}");
                name.clone_into(&mut family);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(name == family && matches!(kind, "counter" | "gauge" | "histogram"), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                read.families.insert(name.to_owned(), kind.to_owned());
            } else {
                read.sample(line, &family);
            }
        }
        read.histograms();
        read
    }

    fn sample(&mut self, line: &str, family: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').map_or((series, None), |(name, rest)| (name, Some(rest)));
        let kind = self.families.get(family).unwrap();
        let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(suffixes.iter().any(|suffix| name == format!("{family}{suffix}")), "{line} under {family}");
        let mut labels = labels.map_or_else(Vec::new, |labels| read_labels(labels, line));
        labels.sort();
        let value: f64 = value.parse().unwrap();
        assert!(value.is_finite() && (kind != "counter" || value >= 0.0), "{line}");
        let series = if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) };
        assert!(self.samples.insert(series, value).is_none(), "twice: {line}");
    }

    /// Buckets grow, and the last is the count.
    fn histograms(&self) {
        for (family, _) in self.families.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
            for (name, value) in &self.samples {
                let Some(labels) = name.strip_prefix(&format!("{family}_bucket{{")) else { continue };
                let (bound, others) = without_bound(labels.trim_end_matches('}'));
                series.entry(others).or_default().push((bound, *value));
            }
            assert!(!series.is_empty(), "{family} has no buckets");
            for (labels, mut buckets) in series {
                buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
                assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "{family} {buckets:?}");
                let count = if labels.is_empty() { format!("{family}_count") } else { format!("{family}_count{{{labels}}}") };
                assert_eq!(Some(&buckets.last().unwrap().1), self.samples.get(&count), "{count}");
            }
        }
    }

    /// A sample that must be there.
    pub(crate) fn get(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series} among {:#?}", self.samples.keys()))
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The bound of a bucket, and its other labels.
fn without_bound(labels: &str) -> (f64, String) {
    let (bounds, others): (Vec<&str>, Vec<&str>) = labels.split(',').partition(|label| label.starts_with("le=\""));
    let bound = bounds[0].trim_start_matches("le=\"").trim_end_matches('"');
    let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
    (bound, others.join(","))
}

/// Each label as written.
fn read_labels(labels: &str, line: &str) -> Vec<String> {
    let mut rest = labels;
    let mut names = BTreeSet::new();
    let mut read = Vec::new();
    loop {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        assert!(is_name(name) && names.insert(name.to_owned()), "{line}");
        let end = value_end(after).unwrap_or_else(|| panic!("{line}"));
        read.push(format!("{name}=\"{}\"", &after[..end]));
        match &after[end + 1..] {
            "}" => return read,
            more => rest = more.strip_prefix(',').unwrap_or_else(|| panic!("{line}")),
        }
    }
}

/// Where the quote is that ends a value.
fn value_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| match c {
        '"' if !escaped => Some(at),
        '\\' => {
            escaped = !escaped;
            None
        }
        _ => {
            escaped = false;
            None
        }
    })
}
