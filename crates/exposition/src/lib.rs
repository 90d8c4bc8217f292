//! The text format of Prometheus, 0.0.4: what it takes and how it is escaped
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! One line that Prometheus does not understand ends a whole scrape. Help and label values may be any text here; names are
//! the caller's to choose, from letters, digits and `_`.

use std::fmt::Write;

/// What the samples of a name are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What only grows.
    Counter,
    /// What comes and goes.
    Gauge,
    /// Buckets, with `_bucket`, `_sum` and `_count` behind the name of each sample.
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The two lines that come before all samples of a name.
pub fn head(name: &str, help: &str, kind: Kind) -> String {
    let (help, kind) = (escaped(help), kind.name());
    format!("# HELP {name} {help}\n# TYPE {name} {kind}\n")
}

/// The line of a sample, with its end.
pub fn sample<L: AsRef<str>, V: AsRef<str>>(name: &str, labels: &[(L, V)], value: f64) -> String {
    let mut text = format!("{name}{{");
    for (at, (label, value)) in labels.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let value = escaped(value.as_ref()).replace('"', "\\\"");
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{}=\"{value}\"", label.as_ref());
    }
    let _ = writeln!(text, "}} {value}");
    text
}

/// Text as it may stand in a line; what controls a terminal, or ends a text for a parser, is no part of it.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests;
