//! A real node, watched by a real Prometheus, whose alerts really arrive.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use toml::Table;

use super::support::{APPLY, Kit, Listing, rpc};
use super::{Context, chain};
use crate::machine::{Machine, Root};
use crate::sh;

const CONFIG: &str = "/etc/aztec/kit.toml";
/// Where the stubs write down what they get.
const RECEIVED: &str = "/var/tmp/received";
/// Nobody may see these again.
const SECRETS: &[&str] = &[
    "123:TELEGRAM",
    "PAGERDUTY-KEY",
    "NTFY-TOKEN",
    "DISCORD-PATH",
];

/// Every type of receiver, all of them stubs on the machine itself.
const RECEIVERS: &str = r#"
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

/// A host without a role, and next to nothing else.
const NO_ROLE: &str = "\
[node]
enabled = false
[hardening]
enabled = true
ssh = false
fail2ban = false
chrony = false
auditd = false
aide = false
kernel = false
";

/// What each of them must have got, as the stubs write it down.
const MARKS: &[&str] = &[
    "POST /bot123:TELEGRAM/sendMessage",
    "POST /discord/DISCORD-PATH",
    "POST /slack",
    "POST /pagerduty",
    "POST /ntfy?tpl=yes",
    "POST /webhook",
    "MAIL FROM:<kit@example.org>",
];

/// Answers every request as its service would, and writes it down.
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

/// A mail server that takes everything.
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

/// A process pushes once a minute, and Prometheus asks four times a minute.
const ARRIVES: Duration = Duration::from_secs(180);
/// Two minutes until it fires, half a minute until it is sent.
const TOLD: Duration = Duration::from_secs(300);

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "monitoring")?;
    let kit = Kit(&machine);
    let original = machine.read(CONFIG)?;
    // A node that starts copies its databases up to the disk of this machine, which a listing would take for a change.
    chain::checkpointed(&machine, 1)?;
    refused(&machine, kit, &original)?;

    let _http = machine.spawn(&["perl", "-e", HTTP_STUB])?;
    let _mail = machine.spawn(&["perl", "-e", MAIL_STUB])?;
    machine.write(CONFIG, &format!("{original}{RECEIVERS}"), 0o600)?;
    let plan = kit.run(&["plan"])?.expect(0)?;
    kit.run(APPLY)?.expect(0)?;
    on_loopback(&machine)?;
    let kept = machine.shell("cat /var/lib/aztec-kit/journal*")?;
    for secret in SECRETS {
        let told = plan.stdout.contains(secret) || kept.contains(secret);
        ensure!(!told, "{secret} is told");
    }

    alerts_work(&machine)?;
    everyone_is_told(&machine, kit)?;
    questions_have_answers(&machine)?;
    kit.in_sync()?;
    ensure!(kit.apply()?.is_empty(), "a second apply changes something");

    machine.exec_ok(&["systemctl", "stop", "aztec-sequencer"])?;
    received(&machine, "AztecServiceDown", TOLD)?;

    machine.write(CONFIG, &original, 0o600)?;
    kit.run(APPLY)?.expect(0)?;
    gone(&machine)?;
    kit.in_sync()
}

/// The packages of the previous Debian take the same configuration and rules, on a host that has no role yet.
pub(super) fn run_previous(context: &Context) -> Result<()> {
    let machine = context.boot(&Root::pristine("bookworm")?, "watched")?;
    context.push_kit(&machine)?;
    let kit = Kit(&machine);
    let _http = machine.spawn(&["perl", "-e", HTTP_STUB])?;
    let _mail = machine.spawn(&["perl", "-e", MAIL_STUB])?;
    machine.write(CONFIG, &format!("{NO_ROLE}{RECEIVERS}"), 0o600)?;
    kit.apply()?;
    alerts_work(&machine)?;
    let question = "http://127.0.0.1:9090/api/v1/query?query=up==1";
    sh::wait_for("every target answers", ARRIVES, || {
        let answer = machine.exec(&["curl", "--silent", question])?.stdout;
        let up = answer.matches("\"__name__\":\"up\"").count();
        Ok((up == 4).then_some(()))
    })?;
    ensure!(query(&machine, "node_systemd_unit_state")? > 0, "no units");
    on_loopback(&machine)?;
    everyone_is_told(&machine, kit)?;
    kit.in_sync()?;
    ensure!(kit.apply()?.is_empty(), "a second apply changes something");
    machine.write(CONFIG, NO_ROLE, 0o600)?;
    kit.apply()?;
    nothing_left(&machine)
}

/// What cannot work is refused before anything is touched.
fn refused(machine: &Machine, kit: Kit<'_>, original: &str) -> Result<()> {
    let mail = "[[monitoring.receivers]]\ntype = \"email\"\nto = \"a@b\"\nfrom = \"c@d\"\n";
    machine.write(CONFIG, &format!("{original}{mail}"), 0o600)?;
    let before = Listing::of(machine)?;
    let output = kit.run(APPLY)?.expect(2)?;
    ensure!(
        output.stderr.contains("needs `server`"),
        "{}",
        output.stderr
    );
    before.still(machine, "a mail receiver without a server")?;

    machine.write(CONFIG, original, 0o600)?;
    let before = Listing::of(machine)?;
    let mut taker = machine.spawn(&[
        "perl",
        "-e",
        "use IO::Socket::INET; $l = IO::Socket::INET->new(LocalPort => 9093, Listen => 1) or die; $l->accept",
    ])?;
    sh::wait_for("port 9093 is taken", Duration::from_secs(180), || {
        let listening = machine.shell("ss --no-header --listening --numeric --tcp")?;
        Ok(listening.contains(":9093").then_some(()))
    })?;
    let output = kit
        .run(&["setup", "--with-monitoring", "--yes"])?
        .expect(2)?;
    ensure!(output.stderr.contains("port 9093"), "{}", output.stderr);
    before.still(machine, "a port that is taken")?;
    taker.kill_tree()
}

/// What listens for monitoring does so on loopback alone.
fn on_loopback(machine: &Machine) -> Result<()> {
    let listening = machine.shell("ss --no-header --listening --numeric --tcp --udp")?;
    for port in ["4318", "9090", "9093", "9100"] {
        let ends = |line: &&str| {
            let mut words = line.split_whitespace();
            words.any(|word| word.ends_with(&format!(":{port}")))
        };
        let lines: Vec<_> = listening.lines().filter(ends).collect();
        ensure!(
            lines.len() == 1 && lines[0].contains(&format!("127.0.0.1:{port}")),
            "port {port}: {lines:?}"
        );
    }
    // Alertmanager looks for others of its kind there unless told not to.
    ensure!(!listening.contains(":9094"), "{listening}");
    Ok(())
}

fn data(file: &str) -> Result<Table> {
    let path = sh::workspace()
        .join("crates/aztec/data/monitoring")
        .join(file);
    let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
    Ok(text.parse()?)
}

fn list<'t>(table: &'t Table, key: &str) -> &'t [toml::Value] {
    table
        .get(key)
        .and_then(|value| value.as_array())
        .map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v toml::Value, key: &str) -> Result<&'v str> {
    let found = value.get(key).and_then(toml::Value::as_str);
    found.with_context(|| format!("no `{key}` in {value}"))
}

/// The keys of an alert that hold a case of it.
const CASES_OF_AN_ALERT: [&str; 4] = ["fires", "fires_also", "quiet", "quiet_also"];

/// `promtool` tries the rules that lie on the machine on the cases of every alert.
fn alerts_work(machine: &Machine) -> Result<()> {
    let mut tests = Vec::new();
    for alert in list(&data("alerts.toml")?, "alert") {
        let name = text(alert, "name")?;
        for case in CASES_OF_AN_ALERT {
            let Some(series) = alert.get(case).and_then(toml::Value::as_array) else {
                continue;
            };
            let samples = match case.starts_with("fires") {
                true => json!([{"labels": "{}", "value": 1}]),
                false => json!([]),
            };
            let series: Vec<_> = series
                .iter()
                .map(|pair| json!({"series": pair[0].as_str(), "values": pair[1].as_str()}))
                .collect();
            let firing =
                format!("count(ALERTS{{alertname=\"{name}\",alertstate=\"firing\"}}) > bool 0");
            tests.push(json!({
                "name": format!("{name} {case}"), "interval": "1m", "input_series": series,
                "promql_expr_test": [
                    {"expr": firing, "eval_time": text(alert, "after")?, "exp_samples": samples},
                ],
            }));
        }
    }
    let file = json!({
        "rule_files": ["/etc/aztec-monitoring/rules.yml"],
        "evaluation_interval": "1m", "tests": tests,
    });
    machine.write("/var/tmp/tests.yml", &file.to_string(), 0o644)?;
    let promtool = ["promtool", "test", "rules", "/var/tmp/tests.yml"];
    machine
        .command(&promtool)
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)?;
    Ok(())
}

/// The test alert reaches every receiver, and the heartbeat its own.
fn everyone_is_told(machine: &Machine, kit: Kit<'_>) -> Result<()> {
    let told = kit.json(&["alert", "test", "--json"], 0)?;
    let told = told["deliveries"]
        .as_array()
        .context("no list of receivers")?;
    ensure!(told.len() == MARKS.len(), "{told:?}");
    for delivery in told {
        ensure!(delivery["result"] == "taken", "{delivery}");
    }
    // A second one is another one.
    kit.json(&["alert", "test", "--json"], 0)?;
    for mark in MARKS {
        received(machine, mark, Duration::from_secs(180))?;
    }
    received(machine, "POST /heartbeat", Duration::from_secs(240))
}

fn received(machine: &Machine, mark: &str, patience: Duration) -> Result<()> {
    sh::wait_for(&format!("a stub gets {mark}"), patience, || {
        let all = machine.shell(&format!("cat {RECEIVED} || true"))?;
        Ok(all.contains(mark).then_some(()))
    })
}

/// Every query of every dashboard, and every metric of every alert, has an answer, or the data says why not.
fn questions_have_answers(machine: &Machine) -> Result<()> {
    let alerts = data("alerts.toml")?;
    let mut questions = BTreeSet::new();
    for alert in list(&alerts, "alert") {
        questions.extend(metrics_of(text(alert, "expr")?));
        // The whole expression has to be understood; that it holds is not to be hoped for.
        query(machine, text(alert, "expr")?)?;
    }
    let absent = alerts.get("absent").and_then(toml::Value::as_table);
    let absent = absent.context("no table `absent`")?;
    let excused = |metric: &String| {
        let beside = absent
            .iter()
            .find(|(prefix, _)| metric.starts_with(prefix.as_str()));
        beside.is_some()
    };
    questions.retain(|metric| !excused(metric));
    let mut silent = Vec::new();
    let all = sh::wait_for("every metric of every alert is there", ARRIVES, || {
        silent.clear();
        for metric in &questions {
            if query(machine, metric)? == 0 {
                silent.push(metric.clone());
            }
        }
        Ok(silent.is_empty().then_some(()))
    });
    all.with_context(|| format!("nothing is known of {silent:?}"))?;
    ensure!(query(machine, "up == 0")? == 0, "a target is down");
    let mut asked = BTreeSet::new();
    for dashboard in list(&data("dashboards.toml")?, "dashboard") {
        let excused_whole = dashboard.get("needs").is_some();
        let panels = dashboard.get("panels").and_then(toml::Value::as_array);
        for panel in panels.into_iter().flatten() {
            for query in panel[2].as_array().into_iter().flatten() {
                let expression = query[0].as_str().context("a query that is no text")?;
                let excuse = excused_whole || metrics_of(expression).iter().any(excused);
                asked.insert((expression.to_owned(), excuse));
            }
        }
    }
    // An increase is known once a counter was seen twice.
    let mut silent = Vec::new();
    let all = sh::wait_for("every query of every dashboard has data", ARRIVES, || {
        silent.clear();
        for (expression, excuse) in &asked {
            if query(machine, expression)? == 0 && !excuse {
                silent.push(expression.clone());
            }
        }
        Ok(silent.is_empty().then_some(()))
    });
    all.with_context(|| format!("nothing is known of {silent:?}"))
}

/// The names in an expression that are metrics, by how the programs of a host call theirs.
fn metrics_of(expression: &str) -> BTreeSet<String> {
    const PREFIXES: &[&str] = &[
        "aztec_",
        "node_",
        "nodejs_",
        "process_",
        "otlp_",
        "prometheus_",
        "alertmanager_",
    ];
    // What stands in braces and brackets or after `by` are labels, and never begins like this, but for
    // labels of Aztec, which an equals sign or a parenthesis follows or precedes.
    let mut outside = String::new();
    let mut depth = 0_u32;
    for c in expression.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    let mut rest = outside.as_str();
    let mut plain = String::new();
    while let Some(at) = rest.find(" by (") {
        let (before, after) = rest.split_at(at);
        plain.push_str(before);
        rest = after.find(')').map_or("", |end| &after[end + 1..]);
    }
    plain.push_str(rest);
    plain
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        .map(String::from)
        .collect()
}

/// How many series Prometheus answers a question with.
fn query(machine: &Machine, expression: &str) -> Result<usize> {
    let asked = machine.exec_ok(&[
        "curl",
        "--silent",
        "--get",
        "--data-urlencode",
        &format!("query={expression}"),
        "http://127.0.0.1:9090/api/v1/query",
    ])?;
    let answer: Value = serde_json::from_str(&asked.stdout)?;
    ensure!(answer["status"] == "success", "{expression}: {answer}");
    Ok(answer["data"]["result"].as_array().map_or(0, Vec::len))
}

/// Nothing of it is left, and the node is told nothing of it.
fn gone(machine: &Machine) -> Result<()> {
    nothing_left(machine)?;
    sh::wait_for("the node runs again", ARRIVES, || {
        rpc(machine, 8080, "node_isReady", json!([]))
    })
    .map(drop)
}

fn nothing_left(machine: &Machine) -> Result<()> {
    let left = machine.shell(
        "ls -d /etc/aztec-monitoring /etc/systemd/system/prometheus*.d \
         /etc/systemd/system/aztec-collector.service /etc/systemd/system/aztec-metrics.* 2>/dev/null || true; \
         dpkg-query --show --showformat '${Package} ${db:Status-Abbrev}\\n' 'prometheus*' | grep ' ii' || true; \
         grep -l OTEL /etc/aztec/*.env || true; \
         ss --no-header --listening --numeric --tcp | grep -E ':(4318|9090|9093|9100) ' || true",
    )?;
    ensure!(left.trim().is_empty(), "monitoring leaves behind:\n{left}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::metrics_of;

    #[test]
    fn names_of_labels_are_no_metrics() {
        let found = metrics_of(
            "sum by (aztec_job) (increase(aztec_a_count{aztec_b=\"x\"}[1h])) > 0 and on() node_load1",
        );
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["aztec_a_count", "node_load1"]
        );
    }
}
