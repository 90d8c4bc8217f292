//! The receivers of alerts: stubs on the machine that record what they get.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::cases::support::Kit;
use crate::machine::{Machine, Process};
use crate::sh;

/// The file in which the stubs record their requests.
const RECEIVED: &str = "/var/tmp/received";
/// Secrets of the receivers, which must not be shown.
pub(super) const SECRETS: &[&str] = &[
    "123:TELEGRAM",
    "PAGERDUTY-KEY",
    "NTFY-TOKEN",
    "DISCORD-PATH",
];

/// Every type of receiver, each a stub on the machine itself.
pub(super) const RECEIVERS: &str = r#"
[monitoring]
enabled = true
heartbeat_url = "http://127.0.0.1:9999/heartbeat"
receivers = [
    { type = "telegram", token = "123:TELEGRAM", chat = -100, url = "http://127.0.0.1:9999" },
    { type = "discord", url = "http://127.0.0.1:9999/discord/DISCORD-PATH" },
    { type = "slack", url = "http://127.0.0.1:9999/slack" },
    { type = "pagerduty", key = "PAGERDUTY-KEY", url = "http://127.0.0.1:9999/pagerduty" },
    { type = "ntfy", url = "http://127.0.0.1:9999/ntfy", token = "NTFY-TOKEN" },
    { type = "webhook", url = "http://127.0.0.1:9999/webhook" },
    { type = "email", to = "me@example.org", from = "kit@example.org", server = "127.0.0.1:2525" },
]
"#;

/// The record of each receiver after an alert.
const MARKS: &[&str] = &[
    "POST /bot123:TELEGRAM/sendMessage",
    "POST /discord/DISCORD-PATH",
    "POST /slack",
    "POST /pagerduty",
    "POST /ntfy?tpl=yes",
    "POST /webhook",
    "MAIL FROM:<kit@example.org>",
];

/// Answers every request as its service would, and records it.
const HTTP_STUB: &str = r#"
use IO::Socket::INET; $| = 1; $SIG{CHLD} = 'IGNORE';
my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 9999, Listen => 64, ReuseAddr => 1) or die;
while (my $c = $l->accept) {
    next if fork;
    my $head = ''; while (my $line = <$c>) { $head .= $line; last if $line =~ /^\r?\n$/ }
    my ($length) = $head =~ /content-length:\s*(\d+)/i; my $body = ''; read($c, $body, $length) if $length;
    open my $f, '>>', '/var/tmp/received'; syswrite $f, "$head$body\n";
    my $telegram = '{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":-100,"type":"group"}}}';
    my ($type, $text) = $head =~ m{/bot} ? ('application/json', $telegram) : ('text/plain', 'ok');
    print $c "HTTP/1.1 200 OK\r\nContent-Type: $type\r\nContent-Length: ", length $text, "\r\nConnection: close\r\n\r\n$text";
    close $c; exit;
}
"#;

/// A mail server that accepts everything.
const MAIL_STUB: &str = r#"
use IO::Socket::INET; $| = 1; $SIG{CHLD} = 'IGNORE';
my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 2525, Listen => 64, ReuseAddr => 1) or die;
while (my $c = $l->accept) {
    next if fork;
    print $c "220 stub\r\n"; my $data = 0; my $all = '';
    while (my $line = <$c>) {
        $all .= $line;
        if ($data) { if ($line =~ /^\.\r?\n$/) { $data = 0; print $c "250 taken\r\n" } next }
        if ($line =~ /^DATA/i) { $data = 1; print $c "354 go on\r\n" }
        elsif ($line =~ /^QUIT/i) { print $c "221 bye\r\n"; last }
        else { print $c "250 ok\r\n" }
    }
    open my $f, '>>', '/var/tmp/received'; syswrite $f, $all; close $c; exit;
}
"#;

/// Starts the stubs. They run until the processes are dropped.
pub(super) fn start(machine: &Machine) -> Result<[Process; 2]> {
    Ok([
        machine.spawn(&["perl", "-e", HTTP_STUB])?,
        machine.spawn(&["perl", "-e", MAIL_STUB])?,
    ])
}

/// The test alert reaches every receiver, and the heartbeat its own.
pub(super) fn everyone_is_alerted(machine: &Machine, kit: Kit<'_>) -> Result<()> {
    let report = kit.json(&["alert", "test", "--json"], 0)?;
    let deliveries = report["deliveries"]
        .as_array()
        .context("no list of receivers")?;
    ensure!(deliveries.len() == MARKS.len(), "{deliveries:?}");
    for delivery in deliveries {
        ensure!(delivery["result"] == "taken", "{delivery}");
    }
    // A second test alert is a new alert.
    kit.json(&["alert", "test", "--json"], 0)?;
    for mark in MARKS {
        received(machine, mark, Duration::from_secs(180))?;
    }
    received(machine, "POST /heartbeat", Duration::from_secs(240))
}

/// Waits until a stub has recorded this.
pub(super) fn received(machine: &Machine, mark: &str, patience: Duration) -> Result<()> {
    sh::wait_for(&format!("a stub gets {mark}"), patience, || {
        let all = machine.shell(&format!("cat {RECEIVED} || true"))?;
        Ok(all.contains(mark).then_some(()))
    })
}
