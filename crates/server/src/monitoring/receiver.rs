//! The receivers of alerts, and their formats.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::form_urlencoded;

/// A receiver of alerts. All of its fields are secret.
#[derive(Debug, Clone)]
pub enum Receiver {
    /// A chat with a bot of Telegram.
    Telegram {
        /// Token of the bot.
        token: SecretString,
        /// Number of the chat.
        chat: SecretString,
        /// Server of the bot API, unless it is Telegram's own.
        url: Option<SecretString>,
    },
    /// A webhook of Discord.
    Discord {
        /// The webhook.
        url: SecretString,
    },
    /// An incoming webhook of Slack.
    Slack {
        /// The webhook.
        url: SecretString,
    },
    /// A service of PagerDuty (Events API v2).
    PagerDuty {
        /// Its integration key.
        key: SecretString,
        /// The API, unless it is the one of the US region.
        url: Option<SecretString>,
    },
    /// A topic of ntfy.
    Ntfy {
        /// The topic.
        url: SecretString,
        /// Access token.
        token: Option<SecretString>,
    },
    /// Any server that accepts the JSON of Alertmanager.
    Webhook {
        /// Its URL.
        url: SecretString,
    },
    /// A mailbox.
    Email {
        /// Recipient.
        to: SecretString,
        /// Sender.
        from: SecretString,
        /// Mail server, `host:port`.
        server: SecretString,
        /// User and password.
        login: Option<(SecretString, SecretString)>,
    },
}

impl Receiver {
    /// Its type in kit.toml.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Telegram { .. } => "telegram",
            Self::Discord { .. } => "discord",
            Self::Slack { .. } => "slack",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Ntfy { .. } => "ntfy",
            Self::Webhook { .. } => "webhook",
            Self::Email { .. } => "email",
        }
    }

    /// Its entry in the configuration of Alertmanager (0.25 and later), without its name.
    pub(super) fn config(&self, reveal: &mut dyn FnMut(&SecretString) -> String) -> Value {
        match self {
            Self::Telegram { token, chat, url } => {
                let chat = reveal(chat);
                // A number, or its redacted form.
                let chat = serde_json::from_str(&chat).unwrap_or(Value::String(chat));
                let mut config = json!({"bot_token": reveal(token), "chat_id": chat});
                if let Some(url) = url {
                    config["api_url"] = json!(reveal(url));
                }
                json!({"telegram_configs": [config]})
            }
            Self::Discord { url } => json!({"discord_configs": [{"webhook_url": reveal(url)}]}),
            Self::Slack { url } => {
                json!({"slack_configs": [{"api_url": reveal(url), "send_resolved": true}]})
            }
            Self::PagerDuty { key, url } => {
                let mut config = json!({"routing_key": reveal(key)});
                if let Some(url) = url {
                    config["url"] = json!(reveal(url));
                }
                json!({"pagerduty_configs": [config]})
            }
            Self::Ntfy { url, token } => {
                let mut config = json!({"url": readable(url, reveal)});
                if let Some(token) = token {
                    config["http_config"] =
                        json!({"authorization": {"credentials": reveal(token)}});
                }
                json!({"webhook_configs": [config]})
            }
            Self::Webhook { url } => json!({"webhook_configs": [{"url": reveal(url)}]}),
            Self::Email {
                to,
                from,
                server,
                login,
            } => {
                let mut config = json!({
                    "to": reveal(to), "from": reveal(from), "smarthost": reveal(server),
                    "send_resolved": true,
                    // A relay on this host has no certificate and does not need one.
                    "require_tls": !on_this_host(server.expose_secret()),
                });
                if let Some((user, password)) = login {
                    config["auth_username"] = json!(reveal(user));
                    config["auth_password"] = json!(reveal(password));
                }
                json!({"email_configs": [config]})
            }
        }
    }
}

/// ntfy shows the raw JSON, unless the address of the topic selects the text (message templates, ntfy 2.10 and later:
/// docs.ntfy.sh/publish, "Message templating").
fn readable(topic: &SecretString, reveal: &mut dyn FnMut(&SecretString) -> String) -> String {
    let parameters = [
        ("tpl", "yes"),
        ("t", "{{.status}}: {{.commonLabels.alertname}}"),
        ("m", "{{range .alerts}}{{.annotations.summary}}\n{{end}}"),
    ];
    let parameters = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let joint = match topic.expose_secret().contains('?') {
        true => '&',
        false => '?',
    };
    format!("{}{joint}{parameters}", reveal(topic))
}

fn on_this_host(server: &str) -> bool {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// The names of the receivers: type and index, so that two of one type differ.
pub fn names(receivers: &[Receiver]) -> Vec<String> {
    let numbered = receivers.iter().enumerate();
    numbered
        .map(|(at, receiver)| format!("{}-{}", receiver.kind(), at + 1))
        .collect()
}

/// The integration of Alertmanager for a receiver of this name.
pub fn integration(name: &str) -> &str {
    match name.rsplit_once('-').map_or(name, |(kind, _)| kind) {
        "ntfy" => "webhook",
        kind => kind,
    }
}
