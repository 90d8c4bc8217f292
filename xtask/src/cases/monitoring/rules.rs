//! The alerts and dashboards of the data files, tested on Prometheus itself.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use toml::Table;

use crate::machine::Machine;
use crate::sh;

/// A process pushes once a minute, and Prometheus scrapes four times a minute.
pub(super) const ARRIVES: Duration = Duration::from_secs(180);
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

/// The keys of an alert that each hold a test case.
const CASES_OF_AN_ALERT: [&str; 4] = ["fires", "fires_also", "quiet", "quiet_also"];

/// `promtool` tests the rules on the machine with the cases of every alert.
pub(super) fn alerts_work(machine: &Machine) -> Result<()> {
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

/// Every query of every dashboard, and every metric of every alert, has an answer, or the data says why not.
pub(super) fn queries_have_answers(machine: &Machine) -> Result<()> {
    let alerts = data("alerts.toml")?;
    let mut metrics = BTreeSet::new();
    for alert in list(&alerts, "alert") {
        metrics.extend(metrics_of(text(alert, "expr")?));
        // Prometheus has to understand the expression, which is false on a healthy host.
        query(machine, text(alert, "expr")?)?;
    }
    let absent = alerts.get("absent").and_then(toml::Value::as_table);
    let absent = absent.context("no table `absent`")?;
    let excused = |metric: &String| {
        let mut prefixes = absent.keys();
        prefixes.any(|prefix| metric.starts_with(prefix.as_str()))
    };
    metrics.retain(|metric| !excused(metric));
    let mut silent = Vec::new();
    let all = sh::wait_for("every metric of every alert is there", ARRIVES, || {
        silent.clear();
        for metric in &metrics {
            if query(machine, metric)? == 0 {
                silent.push(metric.clone());
            }
        }
        Ok(silent.is_empty().then_some(()))
    });
    all.with_context(|| format!("no data for {silent:?}"))?;
    ensure!(query(machine, "up == 0")? == 0, "a target is down");
    let mut queries = BTreeSet::new();
    for dashboard in list(&data("dashboards.toml")?, "dashboard") {
        let dashboard_excused = dashboard.get("needs").is_some();
        let panels = dashboard.get("panels").and_then(toml::Value::as_array);
        for panel in panels.into_iter().flatten() {
            for query in panel[2].as_array().into_iter().flatten() {
                let expression = query[0].as_str().context("a query that is not a text")?;
                let excuse = dashboard_excused || metrics_of(expression).iter().any(excused);
                queries.insert((expression.to_owned(), excuse));
            }
        }
    }
    // An increase needs two samples of a counter.
    let mut silent = Vec::new();
    let all = sh::wait_for("every query of every dashboard has data", ARRIVES, || {
        silent.clear();
        for (expression, excuse) in &queries {
            if query(machine, expression)? == 0 && !excuse {
                silent.push(expression.clone());
            }
        }
        Ok(silent.is_empty().then_some(()))
    });
    all.with_context(|| format!("no data for {silent:?}"))
}

/// The names of metrics in an expression. Their prefixes are those of the programs of a host.
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
    // Names in braces and after `by` are labels. Labels of Aztec begin like metrics.
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

/// The number of series in the answer of Prometheus to a query.
pub(super) fn query(machine: &Machine, expression: &str) -> Result<usize> {
    let output = machine.exec_ok(&[
        "curl",
        "--silent",
        "--get",
        "--data-urlencode",
        &format!("query={expression}"),
        "http://127.0.0.1:9090/api/v1/query",
    ])?;
    let answer: Value = serde_json::from_str(&output.stdout)?;
    ensure!(answer["status"] == "success", "{expression}: {answer}");
    Ok(answer["data"]["result"].as_array().map_or(0, Vec::len))
}

#[cfg(test)]
mod tests {
    use super::metrics_of;

    #[test]
    fn names_of_labels_are_not_metrics() {
        let found = metrics_of(
            "sum by (aztec_job) (increase(aztec_a_count{aztec_b=\"x\"}[1h])) > 0 and on() node_load1",
        );
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["aztec_a_count", "node_load1"]
        );
    }
}
