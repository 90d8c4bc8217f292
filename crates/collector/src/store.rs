//! The last push of each process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use exposition::Kind;

use crate::Push;
use crate::push::Family;

/// How long a push counts when no other follows: as in the official setup (`metric_expiration: 5m`, docs
/// v5.2.0, monitoring).
pub const EXPIRES: Duration = Duration::from_secs(300);

/// Tells the silence of a process.
const AGE: &str = "otlp_last_push_age_seconds";

/// How many processes are remembered: a host has a dozen.
const SOURCES: usize = 256;

/// What all of them may take in memory: what is pushed on a small host, many times over.
pub const HELD: usize = 32 << 20;

/// What was pushed, by process. A process always pushes all that it has, so the last push says it all.
#[derive(Debug, Default)]
pub struct Store {
    last: BTreeMap<String, (Instant, Push)>,
}

impl Store {
    /// Takes a push where there is room for it, and says whether there was. What counts no more makes room.
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

    /// Whether there is room for a push, in the place of the last one of its process.
    fn fits(&self, push: &Push) -> bool {
        let others = self.last.iter().filter(|(job, _)| **job != push.job);
        let (count, size) = others.fold((0, 0), |(count, size), (_, (_, other))| {
            (count + 1, size + other.size)
        });
        count < SOURCES && size + push.size <= HELD
    }

    /// All that counts at a moment, in the text format of Prometheus (0.0.4). How long ago a process pushed is
    /// told even when what it said counts no more: that is how its silence is seen.
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
            // Processes of different releases may disagree on what a name is: the first one counts.
            for family in of.iter().filter(|family| family.kind == first.kind) {
                text.extend(family.samples.iter().map(String::as_str));
            }
        }
        text
    }
}
