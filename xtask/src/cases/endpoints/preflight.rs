//! What `aztec-kit preflight` says of a configuration.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::cases::KIT;
use crate::machine::Machine;

/// Runs preflight with another configuration file, in a mount namespace of its own, so that several can run at once.
/// The last line on standard error is the most memory that it had.
const ASK: &str = r#"
mount --bind "$1" /etc/aztec/kit.toml
"$0" preflight --json & pid=$! last=
while peak=$(grep VmHWM /proc/$pid/status 2>/dev/null); do last=$peak; sleep 0.05; done
wait $pid && status=0 || status=$?
echo "$last" >&2
exit $status
"#;

/// The checks that are about the L1. Preflight also looks at much that is of this host.
const ABOUT_L1: [&str; 2] = ["aztec-registry", "release-fits"];

/// How bad a finding is, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Pass,
    Warn,
    Unknown,
    Fail,
    /// The configuration is refused, with exit code 2.
    Refused,
}

impl Verdict {
    /// Whether it says that the node will not work.
    pub fn is_failure(self) -> bool {
        self >= Verdict::Fail
    }

    fn read(word: &str) -> Option<Verdict> {
        Some(match word {
            "pass" => Verdict::Pass,
            "warn" => Verdict::Warn,
            "unknown" => Verdict::Unknown,
            "fail" => Verdict::Fail,
            _ => return None,
        })
    }
}

/// The answer of preflight about the L1.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub verdict: Verdict,
    /// The worst finding.
    pub text: String,
    pub seconds: f64,
    /// The most memory that it had, MB.
    pub peak: u64,
}

/// Asks preflight about this configuration. `name` is that of a file.
pub(super) fn ask(machine: &Machine, name: &str, kit_toml: &str) -> Result<Said> {
    let path = format!("/srv/rows/{name}.toml");
    machine.write(&path, kit_toml, 0o600)?;
    let begin = Instant::now();
    let argv = ["unshare", "--mount", "bash", "-euc", ASK, KIT, &path];
    let output = machine.exec(&argv)?;
    let seconds = begin.elapsed().as_secs_f64();
    let peak = peak(&output.stderr).unwrap_or(0);
    let (verdict, text) = match output.status {
        0 | 1 => worst(&serde_json::from_str(&output.stdout).context(output.stderr)?)?,
        2 => (Verdict::Refused, refusal(&output.stdout, &output.stderr)),
        _ => anyhow::bail!("preflight ended with {}: {}", output.status, output.stderr),
    };
    Ok(Said {
        verdict,
        text,
        seconds,
        peak,
    })
}

/// MB, from the line of /proc/PID/status.
fn peak(stderr: &str) -> Option<u64> {
    let line = stderr.lines().rfind(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024 / 1_000_000)
}

fn refusal(stdout: &str, stderr: &str) -> String {
    let document: Value = serde_json::from_str(stdout).unwrap_or_default();
    let message = document
        .pointer("/error/message")
        .or(document.get("message"));
    let message = message.and_then(Value::as_str).unwrap_or(stderr);
    message.lines().next().unwrap_or_default().to_owned()
}

/// The worst finding about the L1.
fn worst(report: &Value) -> Result<(Verdict, String)> {
    let findings = report["findings"].as_array().context("no findings")?;
    let mut worst = None;
    for finding in findings {
        let id = finding["id"].as_str().context("a finding without an id")?;
        if !id.starts_with("l1-") && !ABOUT_L1.contains(&id) {
            continue;
        }
        let word = finding["severity"].as_str().or(finding["status"].as_str());
        let verdict = word.and_then(Verdict::read);
        let verdict = verdict.with_context(|| format!("an unknown severity: {finding}"))?;
        let text = finding["seen"].as_str().or(finding["message"].as_str());
        let text = format!("{id}: {}", text.unwrap_or_default());
        if worst.as_ref().is_none_or(|(known, _)| verdict > *known) {
            worst = Some((verdict, text));
        }
    }
    let worst = worst.context("preflight says nothing about the L1")?;
    ensure!(worst.0 <= Verdict::Fail, "preflight refuses with a report");
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Verdict, peak, worst};

    #[test]
    fn the_worst_finding_about_the_l1_counts_in_both_forms() {
        let report = json!({"findings": [
            {"id": "memory", "status": "fail", "message": "2 GiB"},
            {"id": "l1-execution", "status": "pass", "message": "chain 1"},
            {"id": "release-fits", "severity": "unknown", "seen": "no answer"},
        ]});
        let (verdict, text) = worst(&report).unwrap();
        assert_eq!(verdict, Verdict::Unknown);
        assert_eq!(text, "release-fits: no answer");
        assert!(worst(&json!({"findings": []})).is_err());
        let strange = json!({"findings": [{"id": "l1-head", "status": "great"}]});
        assert!(worst(&strange).is_err());
    }

    #[test]
    fn the_peak_is_the_last_line_of_it() {
        assert_eq!(peak("a\nVmHWM:\t  2048 kB\nVmHWM:\t 40960 kB\n"), Some(41));
        assert_eq!(peak("nothing"), None);
    }
}
