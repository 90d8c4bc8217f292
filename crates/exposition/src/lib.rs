//! The text format of Prometheus, 0.0.4: its lines, and how text in them is escaped
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! One line that Prometheus does not understand ends a whole scrape. Help and label values may be any text here; the
//! caller chooses names of letters, digits and `_`.

use std::fmt::Write;

/// The type of the samples of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value that only grows.
    Counter,
    /// A value that rises and falls.
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

/// Text as it may appear in a line, without characters that control a terminal or end a text for a parser.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests;
