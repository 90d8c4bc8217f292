//! The last push of each process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use exposition::Kind;

use crate::Push;
use crate::push::Family;

/// How long a push counts if no other follows, as in the official setup (`metric_expiration: 5m`, docs
/// v5.2.0, monitoring).
pub const EXPIRES: Duration = Duration::from_secs(300);

/// The metric that shows that a process is silent.
const AGE: &str = "otlp_last_push_age_seconds";

/// The most processes that are remembered. A host has a dozen.
const SOURCES: usize = 256;

/// The most bytes of memory for all of them: many times the pushes of a small host.
pub const HELD: usize = 32 << 20;

/// The last push of each process. A process always pushes all its metrics, so the last push is complete.
#[derive(Debug, Default)]
pub struct Store {
    last: BTreeMap<String, (Instant, Push)>,
}

impl Store {
    /// Stores a push if there is room for it, and returns whether there was. Expired pushes make room.
    pub fn take(&mut self, push: Push, now: Instant) -> bool {
        if !self.fits(&push) {
            self.last
                .retain(|_, (at, _)| now.duration_since(*at) < EXPIRES);
            if !self.fits(&push) {
                return false;
            }
        }
        self.last.insert(push.job.clone(), (now, push));
        true
    }

    /// Whether there is room for a push, which replaces the last one of its process.
    fn fits(&self, push: &Push) -> bool {
        let others = self.last.iter().filter(|(job, _)| **job != push.job);
        let (count, size) = others.fold((0, 0), |(count, size), (_, (_, other))| {
            (count + 1, size + other.size)
        });
        count < SOURCES && size + push.size <= HELD
    }

    /// All metrics that count at a moment, in the text format of Prometheus (0.0.4). The age of the last push is shown
    /// even if the push has expired, so that the silence of a process is visible.
    pub fn show(&self, now: Instant) -> String {
        let mut families: BTreeMap<&str, Vec<&Family>> = BTreeMap::new();
        let mut text = exposition::head(AGE, "How long ago a process pushed.", Kind::Gauge);
        for (job, (at, push)) in &self.last {
            let age = now.duration_since(*at);
            text.push_str(&exposition::sample(AGE, &[("job", job)], age.as_secs_f64()));
            if age < EXPIRES {
                let others = push.families.iter().filter(|(name, _)| *name != AGE);
                for (name, family) in others {
                    families.entry(name).or_default().push(family);
                }
            }
        }
        for of in families.into_values() {
            let first = of[0];
            text.push_str(&first.head);
            // Processes of different releases may use one name for different types. The first one counts.
            for family in of.iter().filter(|family| family.kind == first.kind) {
                text.extend(family.samples.iter().map(String::as_str));
            }
        }
        text
    }
}
