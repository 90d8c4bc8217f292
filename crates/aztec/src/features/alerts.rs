//! The alerts of an Aztec host: data, read from `data/monitoring/alerts.toml`.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

/// The file, without the fields that only its tests need.
#[derive(Debug, Deserialize)]
struct Alerts {
    alert: Vec<Alert>,
}

/// One alert.
#[derive(Debug, Deserialize)]
struct Alert {
    name: String,
    about: Option<String>,
    severity: String,
    #[serde(rename = "for")]
    lasts: Option<String>,
    expr: String,
    summary: String,
    runbook: String,
}

static ALERTS: LazyLock<Alerts> = LazyLock::new(|| {
    toml::from_str(include_str!("../../data/monitoring/alerts.toml"))
        .expect("data/monitoring/alerts.toml is tested")
});

/// The rule file for Prometheus, in JSON, which is also valid YAML.
pub(crate) fn rules() -> String {
    let rules: Vec<Value> = ALERTS.alert.iter().map(rule).collect();
    let file = json!({"groups": [{"name": "aztec-kit", "rules": rules}]});
    format!("# Written by aztec-kit; changes here are undone by its next run.\n{file:#}\n")
}

fn rule(alert: &Alert) -> Value {
    let mut rule = json!({
        "alert": alert.name,
        "expr": alert.expr,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "runbook": alert.runbook},
    });
    if let Some(lasts) = &alert.lasts {
        rule["for"] = json!(lasts);
    }
    if let Some(about) = &alert.about {
        rule["labels"]["about"] = json!(about);
    }
    rule
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_alert_has_its_own_name_and_an_action() {
        let names: BTreeSet<_> = ALERTS.alert.iter().map(|alert| &alert.name).collect();
        assert_eq!(names.len(), ALERTS.alert.len(), "two alerts of one name");
        assert!(names.len() > 30, "only {} alerts", names.len());
        for alert in &ALERTS.alert {
            let name = &alert.name;
            let known = ["none", "warning", "critical"];
            assert!(known.contains(&alert.severity.as_str()), "{name}");
            assert!(
                alert.runbook.len() > 40 && alert.runbook.ends_with(['.', '?']),
                "{name}"
            );
            assert!(!alert.summary.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn every_alert_has_a_case_that_fires_and_one_that_does_not() {
        let text = include_str!("../../data/monitoring/alerts.toml");
        let data: toml::Table = toml::from_str(text).unwrap();
        for alert in data["alert"].as_array().unwrap() {
            let name = alert["name"].as_str().unwrap();
            let has = |key: &str| {
                alert
                    .get(key)
                    .is_some_and(|series| !series.as_array().unwrap().is_empty())
            };
            assert!(has("fires"), "{name}");
            // The alert that always fires has no other case.
            assert!(
                has("quiet") || name == server::monitoring::WATCHDOG,
                "{name}"
            );
        }
    }

    #[test]
    fn each_alert_has_a_section_in_the_runbook() {
        let book = include_str!("../../../../docs/runbooks/alerts.md");
        for alert in &ALERTS.alert {
            let (name, what) = (&alert.name, &alert.runbook);
            let section = format!("### {name}\n");
            assert!(
                book.contains(&section),
                "docs/runbooks/alerts.md lacks {name}"
            );
            assert!(
                book.contains(what),
                "docs/runbooks/alerts.md has another text for {name}"
            );
        }
    }
}
