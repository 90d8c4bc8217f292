//! One push: the metrics of a process at one moment.
//!
//! The shape is that of OTLP 1.x in JSON (opentelemetry-proto, `metrics.proto`, and its JSON mapping: 64-bit
//! integers may be strings). Exponential histograms and summaries are left out: Aztec has none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::error::Error;
use std::fmt;

use exposition::Kind;
use serde::Deserialize;
use serde_json::Value;

use crate::names::{self, Nature};

/// The most bytes of one push as text. A busy node was seen to push 135 kB. A few bytes of a push can become many, because
/// each line repeats the name of the metric and of the process.
pub(crate) const LARGEST: usize = 8 << 20;
/// The bytes of memory that a line or a name takes in addition to its text.
const OVERHEAD: usize = 64;

/// The metrics of one process, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The name of the process: `service.namespace/service.name`. `service.instance.id` is not used: Aztec generates a new one
    /// at every start, whatever its configuration says, and each would be another series. Each process needs its own name.
    pub(crate) job: String,
    /// The metrics, by name.
    pub(crate) families: BTreeMap<String, Family>,
    /// Its approximate size in memory, in bytes.
    pub(crate) size: usize,
}

/// The reason why a push is refused.
#[derive(Debug)]
pub enum Refused {
    /// It is not an OTLP metrics request in JSON.
    Unread(serde_json::Error),
    /// It is larger than [`LARGEST`] as text.
    TooLarge,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(error) => error.fmt(f),
            Self::TooLarge => write!(f, "the push is larger than {} MiB as text", LARGEST >> 20),
        }
    }
}

impl Error for Refused {}

/// The rest of [`LARGEST`].
struct Room(usize);

impl Room {
    /// Takes the room of a text.
    fn take(&mut self, text: String) -> Result<String, Refused> {
        let left = self.0.checked_sub(text.len() + OVERHEAD);
        self.0 = left.ok_or(Refused::TooLarge)?;
        Ok(text)
    }
}

/// All samples of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    pub kind: Kind,
    /// The lines before the samples, as whole lines.
    pub head: String,
    /// The samples, as whole lines.
    pub samples: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    resource_metrics: Vec<ResourceMetrics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceMetrics {
    #[serde(default)]
    resource: ResourceOf,
    #[serde(default)]
    scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Default, Deserialize)]
struct ResourceOf {
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct ScopeMetrics {
    #[serde(default)]
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
struct Metric {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    unit: String,
    gauge: Option<Numbers>,
    sum: Option<Numbers>,
    histogram: Option<Histograms>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Numbers {
    #[serde(default)]
    data_points: Vec<Number>,
    #[serde(default)]
    is_monotonic: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Number {
    #[serde(default)]
    attributes: Vec<Attribute>,
    as_int: Option<Value>,
    as_double: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Histograms {
    #[serde(default)]
    data_points: Vec<Histogram>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Histogram {
    #[serde(default)]
    attributes: Vec<Attribute>,
    #[serde(default)]
    count: Value,
    #[serde(default)]
    sum: Value,
    #[serde(default)]
    bucket_counts: Vec<Value>,
    #[serde(default)]
    explicit_bounds: Vec<f64>,
}

#[derive(Deserialize)]
struct Attribute {
    key: String,
    #[serde(default)]
    value: Value,
}

impl Push {
    /// Reads the body of one push. Returns a list, because one process may push for several.
    ///
    /// # Errors
    ///
    /// If it is not an OTLP metrics request in JSON, or is too large as text.
    pub fn read(body: &[u8]) -> Result<Vec<Self>, Refused> {
        let request: Request = serde_json::from_slice(body).map_err(Refused::Unread)?;
        let mut room = Room(LARGEST);
        let all = request.resource_metrics.into_iter();
        all.map(|metrics| push(metrics, &mut room)).collect()
    }
}

fn push(metrics: ResourceMetrics, room: &mut Room) -> Result<Push, Refused> {
    let before = room.0;
    let named = |key: &str| {
        let attributes = metrics.resource.attributes.iter();
        let mut found = attributes.filter(|attribute| attribute.key == key);
        found.next().map(text_of).unwrap_or_default()
    };
    let (space, name) = (named("service.namespace"), named("service.name"));
    let job = if space.is_empty() {
        name
    } else {
        format!("{space}/{name}")
    };
    let job = room.take(job)?;
    let own = vec![("job".to_owned(), job.clone())];
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let scopes = metrics.scope_metrics.into_iter();
    for metric in scopes.flat_map(|scope| scope.metrics) {
        let (kind, nature) = match (&metric.gauge, &metric.sum, &metric.histogram) {
            (None, Some(sum), None) if sum.is_monotonic => (Kind::Counter, Nature::Counter),
            (None, None, Some(_)) => (Kind::Histogram, Nature::Other),
            (None, None, None) => continue,
            // A sum that may shrink is a value like any other.
            _ => (Kind::Gauge, Nature::Gauge),
        };
        let Some(name) = names::metric(&metric.name, &metric.unit, nature) else {
            continue;
        };
        let family = match families.entry(room.take(name.clone())?) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(Family {
                kind,
                head: room.take(exposition::head(&name, &metric.description, kind))?,
                samples: Vec::new(),
            }),
        };
        // Two metrics may have the same name after the translation. The first one counts.
        if family.kind != kind {
            continue;
        }
        for numbers in [&metric.gauge, &metric.sum].into_iter().flatten() {
            for point in &numbers.data_points {
                let value = point.as_double.as_ref().or(point.as_int.as_ref());
                let labels = labels(&own, &point.attributes);
                if let Some(line) = sample(&name, &labels, value) {
                    family.samples.push(room.take(line)?);
                }
            }
        }
        for point in metric.histogram.iter().flat_map(|all| &all.data_points) {
            let lines = histogram(&name, &own, point, room)?;
            family.samples.extend(lines);
        }
    }
    Ok(Push {
        job,
        families,
        size: before - room.0,
    })
}

fn histogram(
    name: &str,
    own: &[(String, String)],
    point: &Histogram,
    room: &mut Room,
) -> Result<Vec<String>, Refused> {
    let mut labels = labels(own, &point.attributes);
    // The bucket has its own label of this name, below. A label that occurs twice makes Prometheus reject the scrape.
    labels.retain(|(name, _)| name != BUCKET);
    let mut samples = Vec::new();
    let mut below = 0.0;
    let bounds = point.explicit_bounds.iter().map(|bound| Some(*bound));
    for (count, bound) in point.bucket_counts.iter().zip(bounds.chain([None])) {
        below += number(count).unwrap_or(0.0);
        let le = bound.map_or("+Inf".to_owned(), |bound| bound.to_string());
        let mut labels = labels.clone();
        labels.push((BUCKET.into(), le));
        samples.push(room.take(exposition::sample(
            &format!("{name}_bucket"),
            &labels,
            below,
        ))?);
    }
    let total = number(&point.count).unwrap_or(below);
    if point.bucket_counts.is_empty() {
        let mut labels = labels.clone();
        labels.push((BUCKET.into(), "+Inf".into()));
        samples.push(room.take(exposition::sample(
            &format!("{name}_bucket"),
            &labels,
            total,
        ))?);
    }
    let sum = sample(&format!("{name}_sum"), &labels, Some(&point.sum));
    let count = exposition::sample(&format!("{name}_count"), &labels, total);
    for line in sum.into_iter().chain([count]) {
        samples.push(room.take(line)?);
    }
    Ok(samples)
}

/// The label that distinguishes the buckets of a histogram.
const BUCKET: &str = "le";

/// The labels of a sample: first the process, then the attributes. Prometheus rejects a label that occurs twice or has no
/// name.
fn labels(own: &[(String, String)], attributes: &[Attribute]) -> Vec<(String, String)> {
    let mut labels = own.to_vec();
    for attribute in attributes {
        let Some(name) = names::label(&attribute.key) else {
            continue;
        };
        if !labels.iter().any(|(known, _)| *known == name) {
            labels.push((name, text_of(attribute)));
        }
    }
    labels
}

/// The value of an attribute: `{"stringValue": "x"}`, `{"intValue": 1}`, …
fn text_of(attribute: &Attribute) -> String {
    let value = attribute
        .value
        .as_object()
        .and_then(|of| of.values().next());
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// A number, which may be written as a string.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

/// A line, unless there is no number to show.
fn sample(name: &str, labels: &[(String, String)], value: Option<&Value>) -> Option<String> {
    Some(exposition::sample(name, labels, number(value?)?))
}
