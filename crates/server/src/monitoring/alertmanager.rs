//! The routes and times of alerts: the configuration of Alertmanager (0.25 and later).

use provision::Text;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::receiver::names;
use super::settings::Monitoring;

/// The alert that always fires, so that its absence shows that alerts do not arrive.
pub const WATCHDOG: &str = "Watchdog";

/// The alert that is sent only to test the delivery.
pub const TEST_ALERT: &str = "TestAlert";

/// The receiver that notifies nobody.
const NOBODY: &str = "nobody";
const HEARTBEAT: &str = "heartbeat";

/// The whole configuration in JSON, which is also YAML.
pub(super) fn config(watch: &Monitoring) -> Text {
    Text::rendered(|reveal| render(watch, reveal))
}

fn render(watch: &Monitoring, reveal: &mut dyn FnMut(&SecretString) -> String) -> String {
    let names = names(&watch.receivers);
    // Each receiver has a route of its own, so that one failing receiver does not affect the others, and Alertmanager
    // counts them separately.
    let everyone: Vec<Value> = names
        .iter()
        .map(|name| json!({"receiver": name, "continue": true}))
        .collect();
    let only = |alert: &str| json!([format!("alertname=\"{alert}\"")]);
    let heartbeat = if watch.heartbeat.is_some() {
        HEARTBEAT
    } else {
        NOBODY
    };
    let mut receivers = vec![json!({"name": NOBODY})];
    for (name, receiver) in names.iter().zip(&watch.receivers) {
        let mut config = receiver.config(reveal);
        config["name"] = json!(name);
        receivers.push(config);
    }
    if let Some(url) = &watch.heartbeat {
        // Only its arrival counts, so its end is not sent.
        let webhook = json!([{"url": reveal(url), "send_resolved": false}]);
        receivers.push(json!({"name": HEARTBEAT, "webhook_configs": webhook}));
    }
    let config = json!({
        "route": {
            "receiver": NOBODY,
            "group_by": ["alertname", "host"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [
                {
                    "matchers": only(WATCHDOG), "receiver": heartbeat,
                    "group_wait": "0s", "group_interval": "1m", "repeat_interval": "4m",
                },
                {
                    "matchers": only(TEST_ALERT), "receiver": NOBODY, "group_by": ["..."],
                    "group_wait": "0s", "routes": everyone,
                },
                {"receiver": NOBODY, "routes": everyone},
            ],
        },
        // Consequences of an alert that is firing are not sent as well.
        "inhibit_rules": [{
            "source_matchers": ["severity=\"critical\"", "about!=\"\""],
            "target_matchers": ["severity=\"warning\"", "about!=\"\""],
            "equal": ["about", "host"],
        }],
        "receivers": receivers,
    });
    format!("# Written by aztec-kit; changes here are undone by its next run.\n{config:#}\n")
}
