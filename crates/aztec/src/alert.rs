//! The test alert: it shows which receivers an alert reaches.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use l1::http_probe;
use provision::Fault;
use serde::Serialize;
use serde_json::{Value, json};
use server::monitoring::{TEST_ALERT, integration, receiver_names};

use crate::names::port;
use crate::settings::Settings;

/// Whether the alert arrived at one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// The receiver accepted it.
    Taken,
    /// The receiver refused it, or could not be reached.
    Failed,
    /// Nothing was sent in time.
    Silent,
}

/// One receiver, and whether the alert arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delivery {
    /// Type and place in the list, for example `telegram-1`.
    pub receiver: String,
    /// Whether it arrived.
    pub result: Arrival,
}

/// How long to wait for Alertmanager. It sends at once, but the receiver may be slow.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(500);
/// How long Alertmanager itself may take to answer.
const CALL: Duration = Duration::from_secs(10);
/// The longest answer, bytes. The metrics are some hundred kilobytes.
const LONGEST: usize = 8 << 20;

/// Sends the alert, and waits until it has arrived at every receiver or failed.
pub fn test(settings: &Settings) -> Result<Vec<Delivery>, Fault> {
    let Some(monitoring) = &settings.monitoring else {
        return Err(
            Fault::new("kit.toml: monitoring.enabled: this host has no monitoring")
                .fix("Run `aztec-kit setup --with-monitoring` first."),
        );
    };
    let names = receiver_names(&monitoring.receivers);
    if names.is_empty() {
        return Err(
            Fault::new("kit.toml: monitoring.receivers: the list is empty")
                .fix("Name at least one receiver, then run `aztec-kit apply`."),
        );
    }
    let port = settings.port(&port::ALERTMANAGER);
    let before = Counts::ask(port)?;
    if let Some(unknown) = names.iter().find(|name| !before.knows(name)) {
        return Err(
            Fault::new(format!("Alertmanager does not know {unknown} yet"))
                .fix("Run `aztec-kit apply`."),
        );
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let sent = now.unwrap_or_default().as_millis().to_string();
    let alert = json!([{
        // Alertmanager would not send the same alert again for hours.
        "labels": {"alertname": TEST_ALERT, "severity": "none", "sent": sent},
        "annotations": {"summary": "aztec-kit tries its receivers: nothing is wrong"},
    }]);
    ask(port, "api/v2/alerts", Some(&alert))?;
    let started = Instant::now();
    loop {
        let now = Counts::ask(port)?;
        let deliveries = now.since(&before, &names);
        let settled = deliveries
            .iter()
            .all(|delivery| delivery.result != Arrival::Silent);
        if settled || started.elapsed() > PATIENCE {
            return Ok(deliveries);
        }
        std::thread::sleep(POLL);
    }
}

/// Counts of requests, and of failed requests: by receiver, or by integration if Alertmanager
/// (before 0.26) does not name receivers.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    of: BTreeMap<String, (f64, f64)>,
    /// By receiver.
    named: bool,
}

/// The value of a label in a line of metrics.
fn label<'t>(line: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = line.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

impl Counts {
    fn ask(port: u16) -> Result<Self, Fault> {
        Ok(Self::parse(&ask(port, "metrics", None)?))
    }

    /// Reads the counts from the metrics of Alertmanager.
    pub(crate) fn parse(text: &str) -> Self {
        let mut counts = Self::default();
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("alertmanager_notification_requests_") else {
                continue;
            };
            let receiver = label(rest, "receiver_name");
            counts.named |= receiver.is_some();
            let name = receiver.or_else(|| label(rest, "integration"));
            let value = rest
                .rsplit_once(' ')
                .and_then(|(_, value)| value.parse().ok());
            let (Some(name), Some(value)) = (name, value) else {
                continue;
            };
            let count = counts.of.entry(name.to_owned()).or_default();
            if rest.starts_with("failed_total") {
                count.1 = value;
            } else {
                count.0 = value;
            }
        }
        counts
    }

    /// The name that a receiver is counted under.
    fn key<'n>(&self, name: &'n str) -> &'n str {
        if self.named { name } else { integration(name) }
    }

    /// Whether Alertmanager would count this receiver. Not every integration is listed before its first request.
    fn knows(&self, name: &str) -> bool {
        self.of.contains_key(name) || !self.named && !self.of.is_empty()
    }

    /// Whether one alert arrived at each receiver. For receivers that are counted together, all got it or none did.
    pub(crate) fn since(&self, before: &Self, names: &[String]) -> Vec<Delivery> {
        let of = |counts: &Self, key: &str| counts.of.get(key).copied().unwrap_or_default();
        let delivery = |name: &String| {
            let key = self.key(name);
            let together = names.iter().filter(|name| self.key(name) == key).count();
            let ((made, failed), (made_before, failed_before)) = (of(self, key), of(before, key));
            let (made, failed) = (made - made_before, failed - failed_before);
            #[expect(clippy::cast_precision_loss, reason = "a few receivers")]
            let result = if made - failed >= together as f64 {
                Arrival::Taken
            } else if failed > 0.0 {
                Arrival::Failed
            } else {
                Arrival::Silent
            };
            Delivery {
                receiver: name.clone(),
                result,
            }
        };
        names.iter().map(delivery).collect()
    }
}

/// One request to Alertmanager. A document is sent to the path; without one the path is read.
fn ask(port: u16, path: &str, document: Option<&Value>) -> Result<String, Fault> {
    const FIX: &str = "Run `aztec-kit apply`. If that does not help, read `systemctl status prometheus-alertmanager`.";
    let url = format!("http://127.0.0.1:{port}");
    let answer = http_probe::text(&url, path, document, CALL, LONGEST);
    let (status, text) = answer.map_err(|error| {
        Fault::new("Alertmanager does not answer")
            .fix(FIX)
            .because(error)
    })?;
    match status {
        200 => Ok(text),
        _ => Err(Fault::new(format!(
            "Alertmanager answered /{path} with {status}: {text}"
        ))
        .fix(FIX)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn the_delivery_follows_from_the_counts() {
        let metrics = |slack: u32, slack_failed: u32, mail: u32| {
            Counts::parse(&format!(
                "# TYPE alertmanager_notification_requests_total counter\n\
                 alertmanager_notification_requests_total{{integration=\"slack\",receiver_name=\"slack-1\"}} {slack}\n\
                 alertmanager_notification_requests_failed_total{{integration=\"slack\",receiver_name=\"slack-1\"}} {slack_failed}\n\
                 alertmanager_notification_requests_total{{integration=\"email\",receiver_name=\"email-2\"}} {mail}\n\
                 alertmanager_notifications_total{{integration=\"email\",receiver_name=\"email-2\"}} 99\n"
            ))
        };
        let before = metrics(5, 2, 1);
        let result = |now: &Counts, name: &str| now.since(&before, &[name.to_owned()])[0].result;
        let now = metrics(7, 4, 1);
        assert_eq!(result(&now, "slack-1"), Arrival::Failed);
        assert_eq!(result(&now, "email-2"), Arrival::Silent);
        // The second try succeeded.
        assert_eq!(result(&metrics(8, 4, 1), "slack-1"), Arrival::Taken);
    }

    #[test]
    fn an_endless_answer_and_one_without_a_body_are_refused() {
        let served = |answer: &'static [u8], again: usize| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]);
                for _ in 0..again {
                    // The other side has enough.
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
            ask(port, "metrics", None).map_err(|fault| fault.chain())
        };
        let endless = served(b"HTTP/1.0 200 OK\r\n\r\n12345678901", 1 << 20);
        let endless = endless.unwrap_err();
        assert!(endless.contains("longer than"), "{endless}");
        let refused = served(b"HTTP/1.0 503 Busy\r\n\r\nlater", 1).unwrap_err();
        assert!(refused.contains("/metrics with 503: later"), "{refused}");
        assert!(served(b"HTTP/1.0 200 OK\r\n", 1).is_err());
        assert_eq!(served(b"HTTP/1.0 200 OK\r\n\r\na", 1).unwrap(), "a");
    }

    #[test]
    fn receivers_that_are_counted_together_share_one_result() {
        // Alertmanager 0.25.
        let metrics = |made: u32, failed: u32| {
            Counts::parse(&format!(
                "alertmanager_notification_requests_total{{integration=\"webhook\"}} {made}\n\
                 alertmanager_notification_requests_failed_total{{integration=\"webhook\"}} {failed}\n"
            ))
        };
        let names = ["ntfy-1", "webhook-2"].map(String::from);
        let results = |now: Counts| {
            let deliveries = now.since(&metrics(3, 0), &names);
            deliveries
                .into_iter()
                .map(|delivery| delivery.result)
                .collect::<Vec<_>>()
        };
        assert_eq!(results(metrics(4, 0)), [Arrival::Silent; 2]);
        assert_eq!(results(metrics(5, 1)), [Arrival::Failed; 2]);
        assert_eq!(results(metrics(5, 0)), [Arrival::Taken; 2]);
    }
}
