//! The targets, intervals and alert receivers of Prometheus.

use serde_json::{Value, json};

use super::settings::Monitoring;

/// The whole configuration in JSON, which is also YAML.
pub(super) fn config(watch: &Monitoring) -> String {
    let target = |port: u16| json!([{"targets": [format!("127.0.0.1:{port}")]}]);
    let own = [
        ("prometheus", watch.prometheus),
        ("alertmanager", watch.alertmanager),
        ("host", watch.node_exporter),
    ];
    let mut jobs: Vec<Value> = own
        .iter()
        .map(|(name, port)| json!({"job_name": name, "static_configs": target(*port)}))
        .collect();
    jobs.extend(watch.targets.iter().map(|(name, port)| {
        json!({"job_name": name, "honor_labels": true, "static_configs": target(*port)})
    }));
    let config = json!({
        "global": {
            "scrape_interval": "15s",
            "evaluation_interval": "15s",
            // A reader of a message wants to know its host. The unit sets the variable.
            "external_labels": {"host": "${HOST}"},
        },
        "rule_files": [watch.etc().join("rules.yml")],
        "alerting": {"alertmanagers": [{"static_configs": target(watch.alertmanager)}]},
        "scrape_configs": jobs,
    });
    format!("# Written by aztec-kit; changes here are undone by its next run.\n{config:#}\n")
}
