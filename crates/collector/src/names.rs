//! Translates names and units of OpenTelemetry to those of Prometheus.
//!
//! The rules are those of `pkg/translator/prometheus` of opentelemetry-collector-contrib (v0.115). Every
//! character except a letter, digit or `_` becomes `_`. The unit is appended, unless the name contains it already. A
//! counter ends in `_total`, and a gauge with the unit `1` in `_ratio`.

/// The type of a metric, as far as it matters for the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// A sum that only grows.
    Counter,
    /// A value, or a sum that may shrink.
    Gauge,
    /// Anything else.
    Other,
}

/// The units, as OpenTelemetry writes them (UCUM) and as Prometheus does.
const UNITS: &[(&str, &str)] = &[
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("%", "percent"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("J", "joules"),
    ("V", "volts"),
    ("W", "watts"),
    ("g", "grams"),
    ("m", "meters"),
];

/// The name of a metric. `None` if no character of it is valid in a name, because Prometheus rejects a whole scrape for one
/// line without a name.
pub(crate) fn metric(name: &str, unit: &str, nature: Nature) -> Option<String> {
    let mut words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(String::from)
        .collect();
    if words.is_empty() {
        return None;
    }
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let main = in_words(main);
    if !main.is_empty() && !words.contains(&main) {
        words.push(main);
    }
    let per = in_words(per);
    let per = per.strip_suffix('s').unwrap_or(&per).to_owned();
    if !per.is_empty() && !words.contains(&per) {
        words.extend(["per".to_owned(), per]);
    }
    if nature == Nature::Counter {
        words.retain(|word| word != "total");
        words.push("total".into());
    }
    if nature == Nature::Gauge && unit == "1" {
        words.push("ratio".into());
    }
    let joined = words.join("_");
    Some(match joined.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{joined}"),
        false => joined,
    })
}

/// The name of a metric that is neither a sum which only grows nor a ratio. Aztec pushes such metrics. A histogram
/// appends `_bucket`, `_sum` and `_count`. `None` if no character is valid in a name.
pub fn prometheus_name(name: &str, unit: &str) -> Option<String> {
    metric(name, unit, Nature::Other)
}

/// A unit as a part of a name. It is empty for `1` and for annotations such as `{requests}`.
fn in_words(unit: &str) -> String {
    if unit == "1" || unit.contains(['{', '}']) {
        return String::new();
    }
    let known = UNITS.iter().find(|(short, _)| *short == unit);
    let word = known.map_or(unit, |(_, word)| word);
    let words = word.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// The name of a label. `None` if it is empty or reserved by Prometheus, which rejects a scrape with either.
pub(crate) fn label(name: &str) -> Option<String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let text: String = name.chars().map(plain).collect();
    if text.is_empty() || text.starts_with("__") {
        return None;
    }
    Some(match text.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("key_{text}"),
        false => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_official_exporter() {
        use Nature::{Counter, Gauge, Other};
        // The first names are from Aztec's own alert rules and guide (docs v5.2.0, monitoring).
        let cases = [
            (
                "aztec.peer_manager.peer_count",
                "peers",
                Gauge,
                "aztec_peer_manager_peer_count_peers",
            ),
            ("aztec.l1.balance", "eth", Gauge, "aztec_l1_balance_eth"),
            (
                "nodejs.eventloop.delay.p90",
                "ns",
                Gauge,
                "nodejs_eventloop_delay_p90_nanoseconds",
            ),
            (
                "aztec.archiver.block.tx_count",
                "tx",
                Other,
                "aztec_archiver_block_tx_count",
            ),
            (
                "process.cpu.time",
                "s",
                Counter,
                "process_cpu_time_seconds_total",
            ),
            (
                "process.cpu.utilization",
                "",
                Gauge,
                "process_cpu_utilization",
            ),
            ("a.utilization", "1", Gauge, "a_utilization_ratio"),
            ("a.rate", "mana/s", Gauge, "a_rate_mana_per_second"),
            ("a.total.b", "{things}", Counter, "a_b_total"),
            ("1a", "", Gauge, "_1a"),
        ];
        for (name, unit, nature, expected) in cases {
            assert_eq!(metric(name, unit, nature).as_deref(), Some(expected));
        }
        assert_eq!(
            label("aztec.l1_tx.scope").as_deref(),
            Some("aztec_l1_tx_scope")
        );
        assert_eq!(label("9x").as_deref(), Some("key_9x"));
    }

    #[test]
    fn a_name_without_a_valid_character_is_dropped() {
        for name in ["", "…", "温度"] {
            for (unit, nature) in [
                ("s", Nature::Gauge),
                ("1", Nature::Gauge),
                ("", Nature::Counter),
            ] {
                assert_eq!(metric(name, unit, nature), None, "{name}");
            }
        }
        for name in ["", "__name__", ".é"] {
            assert_eq!(label(name), None, "{name}");
        }
        assert_eq!(label("é").as_deref(), Some("_"));
    }
}
