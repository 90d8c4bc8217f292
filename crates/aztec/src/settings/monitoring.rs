//! The monitoring of this host, and the receivers of its alerts.

use provision::Fault;
use secrecy::{ExposeSecret, SecretString};
use server::monitoring::Receiver;

use super::file::{MonitoringFile, ReceiverFile};
use super::mistake::suggestion;
use super::url::{Client, Endpoint, urls};
use super::values::{bad, mail_address};

/// The monitoring of this host.
#[derive(Debug, Clone)]
pub struct Monitoring {
    /// The form in which its programs run.
    pub stack: Stack,
    /// How many days of metrics are kept.
    pub retention_days: u16,
    /// The URL that gets a heartbeat. The service behind it raises the alarm when the heartbeat stops.
    pub heartbeat: Option<Endpoint>,
    /// The receivers of the alerts.
    pub receivers: Vec<Receiver>,
}

/// The form in which the programs of monitoring run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// The distribution's own packages.
    Native,
    /// Containers, with Grafana and Loki, which the distributions do not have.
    Compose,
}

/// The default of Prometheus, days.
const RETENTION_DAYS: u16 = 15;

/// Checks the table; `None` if monitoring is off.
pub(super) fn read(file: MonitoringFile) -> Result<Option<Monitoring>, Fault> {
    let stack = match file.runtime.as_deref() {
        None | Some("native") => Stack::Native,
        Some("compose") => Stack::Compose,
        Some(other) => {
            return Err(
                bad("monitoring.runtime", format!("`{other}` is not a runtime")).fix(
                    suggestion(other, &["native", "compose"])
                        .unwrap_or_else(|| "Known runtimes: native, compose.".into()),
                ),
            );
        }
    };
    let retention_days = file.retention_days.unwrap_or(RETENTION_DAYS);
    if retention_days == 0 {
        return Err(bad(
            "monitoring.retention_days",
            "metrics cannot be kept for 0 days",
        )
        .fix("Keep at least one day."));
    }
    let heartbeat = url("monitoring.heartbeat_url", file.heartbeat_url.as_ref())?;
    let receivers = file.receivers.iter().enumerate();
    let receivers = receivers
        .map(|(at, receiver)| self::receiver(at + 1, receiver))
        .collect::<Result<_, _>>()?;
    Ok(file.enabled.unwrap_or(false).then_some(Monitoring {
        stack,
        retention_days,
        heartbeat,
        receivers,
    }))
}

fn url(key: &str, text: Option<&SecretString>) -> Result<Option<Endpoint>, Fault> {
    let texts: Vec<_> = text.into_iter().cloned().collect();
    Ok(urls(key, &texts, Client::Other)?.pop())
}

/// Each type of receiver with the keys it needs, and those it may have.
const TYPES: &[(&str, &[&str], &[&str])] = &[
    ("telegram", &["token", "chat"], &["url"]),
    ("discord", &["url"], &[]),
    ("slack", &["url"], &[]),
    ("pagerduty", &["key"], &["url"]),
    ("ntfy", &["url"], &["token"]),
    ("webhook", &["url"], &[]),
    ("email", &["to", "from", "server"], &["user", "password"]),
];

/// Checks the receiver at this position of the list, counted from 1.
fn receiver(at: usize, file: &ReceiverFile) -> Result<Receiver, Fault> {
    let place = format!("monitoring.receivers, number {at}");
    let names: Vec<_> = TYPES.iter().map(|(name, ..)| *name).collect();
    let known = || format!("Known types: {}.", names.join(", "));
    let kind = file.kind.as_deref().unwrap_or_default();
    let Some((_, needed, allowed)) = TYPES.iter().find(|(name, ..)| *name == kind) else {
        let fault = match kind {
            "" => bad(&place, "it has no type"),
            // The value may be a secret of another key.
            _ => bad(&place, "its `type` is not a type of receiver"),
        };
        return Err(fault.fix(suggestion(kind, &names).unwrap_or_else(known)));
    };
    let text = |value: &Option<SecretString>| -> SecretString {
        let value = value.as_ref().map(|value| value.expose_secret().trim());
        value.unwrap_or_default().into()
    };
    let number = file.chat.as_ref().map(|chat| *chat.expose_secret());
    let chat = number.map(|chat| chat.to_string().into());
    let given = [
        ("url", text(&file.url)),
        ("token", text(&file.token)),
        ("chat", chat.unwrap_or_default()),
        ("key", text(&file.key)),
        ("to", text(&file.to)),
        ("from", text(&file.from)),
        ("server", text(&file.server)),
        ("user", text(&file.user)),
        ("password", text(&file.password)),
    ];
    for (key, value) in &given {
        let value = value.expose_secret();
        if value.is_empty() && needed.contains(key) {
            return Err(
                bad(&place, format!("a receiver of type {kind} needs `{key}`"))
                    .fix(format!("It needs {}.", needed.join(", "))),
            );
        }
        if !value.is_empty() && !needed.contains(key) && !allowed.contains(key) {
            return Err(
                bad(&place, format!("a receiver of type {kind} has no `{key}`")).fix(format!(
                    "It has {}.",
                    [*needed, *allowed].concat().join(", ")
                )),
            );
        }
    }
    let [_, token, chat, key, to, from, server, user, password] = given.map(|(_, value)| value);
    let url = url(&format!("{place}: url"), file.url.as_ref())?;
    let url: Option<SecretString> = url.map(|url| url.expose().as_str().into());
    let is_empty = |value: &SecretString| value.expose_secret().is_empty();
    let address = url.clone().unwrap_or_default();
    Ok(match kind {
        "telegram" => Receiver::Telegram {
            token: telegram(&place, token, number)?,
            chat,
            url: url.map(|url| url.expose_secret().trim_end_matches('/').into()),
        },
        "discord" => Receiver::Discord { url: address },
        "slack" => Receiver::Slack { url: address },
        "pagerduty" => Receiver::PagerDuty { key, url },
        "ntfy" => Receiver::Ntfy {
            url: address,
            token: Some(token).filter(|token| !is_empty(token)),
        },
        "webhook" => Receiver::Webhook { url: address },
        _ => {
            mail(&place, [("to", &to), ("from", &from)], &server)?;
            if is_empty(&user) != is_empty(&password) {
                return Err(bad(&place, "`user` and `password` only work together")
                    .fix("Set both, or neither if the server does not need a login."));
            }
            Receiver::Email {
                to,
                from,
                server,
                login: (!is_empty(&user)).then_some((user, password)),
            }
        }
    })
}

/// The token of a bot, which becomes part of a path: <https://core.telegram.org/bots/api#authorizing-your-bot>.
fn telegram(place: &str, token: SecretString, chat: Option<i64>) -> Result<SecretString, Fault> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let parts = token.expose_secret().split_once(':');
    let is_token = parts.is_some_and(|(bot, secret)| {
        let digits = !bot.is_empty() && bot.chars().all(|c| c.is_ascii_digit());
        digits && !secret.is_empty() && secret.chars().all(word)
    });
    if !is_token {
        return Err(bad(place, "`token` is not the token of a bot")
            .fix("Write it as @BotFather shows it: digits, a colon, letters and digits, without `bot` before it."));
    }
    if chat == Some(0) {
        return Err(bad(place, "no chat has the number 0")
            .fix("Write `chat` as the number of the chat. The number of a group begins with -."));
    }
    Ok(token)
}

fn mail(
    place: &str,
    addresses: [(&str, &SecretString); 2],
    server: &SecretString,
) -> Result<(), Fault> {
    for (key, address) in addresses {
        if mail_address(address.expose_secret()).is_none() {
            return Err(bad(place, format!("`{key}` is not a mail address"))
                .fix("Write it as name@example.org."));
        }
    }
    let port = server.expose_secret().rsplit_once(':');
    let port = port.filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(port)) if port != 0 => Ok(()),
        _ => Err(bad(place, "`server` is not a mail server")
            .fix("Write `server` as host:port, for example smtp.example.org:587.")),
    }
}
