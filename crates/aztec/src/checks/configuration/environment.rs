//! Mistakes in the operator's variables: those of `kit.toml`, and those of the operator's own environment files.

use std::path::Path;

use provision::Fault;
use provision::host::{FileType, Probe};
use secrecy::ExposeSecret;

use crate::checks::finding::{Finding, Severity};
use crate::checks::topic::Topic;
use crate::env::{Decoded, EnvFinding, decode, quoted};
use crate::layout;
use crate::names::Role;
use crate::settings::Settings;

const CHECK: Topic = Topic::Environment;

/// Finds variables that the release does not read, or that have another effect than they seem to.
pub(super) fn environment(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let own: String = settings
        .env
        .iter()
        .map(|(name, value)| format!("{name}={}\n", quoted(value.expose_secret())))
        .collect();
    let lint = |file: &str, text: &str| {
        let local = !settings.has_presets();
        settings
            .release
            .lint_env(local, settings.has(Role::Sequencer), file, text)
    };
    // The line numbers are those of the file that the node reads, which the operator does not write.
    let mut findings: Vec<_> = lint("kit.toml [env]", &own)
        .iter()
        .map(|found| finding_of(found, false))
        .collect();
    for name in probe.list(Path::new(layout::ETC))?.unwrap_or_default() {
        let path = Path::new(layout::ETC).join(&name);
        if !name.ends_with(".env") || path == layout::env_file("bot-key") {
            continue;
        }
        let file = path.display().to_string();
        match probe.kind(&path)? {
            Some(FileType::File) => {}
            None => continue,
            Some(other) => {
                let seen = format!(
                    "{file} is a {} and not a file, and systemd does not start a unit that reads it",
                    other.word()
                );
                findings.push(Finding::warn(CHECK, seen).fix("Move it away."));
                continue;
            }
        }
        let bytes = probe.read(&path)?.unwrap_or_default();
        // Every plan compares aztec-kit's own files line by line.
        let head = String::from_utf8_lossy(&bytes);
        if head.lines().take(2).any(|line| line.contains("aztec-kit")) {
            continue;
        }
        let text = match decode(&bytes) {
            Decoded::Read(text) => text,
            Decoded::Marked(text, variable) => {
                let (severity, what) = match variable {
                    true => (Severity::Fail, "systemd does not read its first variable"),
                    false => (Severity::Warn, "systemd ignores its first line"),
                };
                let seen = format!("{file} begins with a byte order mark, so {what}");
                let finding = Finding::new(CHECK, severity, seen);
                findings.push(finding.fix("Save it as UTF-8 without a byte order mark."));
                text
            }
            Decoded::Refused(line, why) => {
                let seen = format!(
                    "{file}, line {line}: {why}, and systemd does not start a unit that reads it"
                );
                findings.push(Finding::fail(CHECK, seen).fix("Save it as UTF-8."));
                continue;
            }
        };
        findings.extend(of_file(&lint(&file, &text)));
    }
    if findings.is_empty() {
        let seen = "every variable is one that the release reads";
        findings.push(Finding::pass(CHECK, seen));
    }
    Ok(findings)
}

fn finding_of(found: &EnvFinding, with_line: bool) -> Finding {
    let EnvFinding {
        file,
        line,
        variable,
        severity,
        message,
        fix,
    } = found;
    let place = match with_line {
        true => format!("{file}, line {line}"),
        false => file.clone(),
    };
    let place = match variable.as_str() {
        "" => place,
        variable => format!("{variable} in {place}"),
    };
    Finding::new(CHECK, *severity, format!("{place}: {message}")).fix(fix)
}

/// The findings of a file, with all lines without a name in one finding: a file of another format has one in every line.
fn of_file(found: &[EnvFinding]) -> Vec<Finding> {
    let nameless = |found: &&EnvFinding| found.variable.is_empty();
    let more = found.iter().filter(nameless).count().saturating_sub(1);
    let mut first = true;
    found
        .iter()
        .filter(|found| !found.variable.is_empty() || std::mem::take(&mut first))
        .map(|found| {
            let mut finding = finding_of(found, true);
            if found.variable.is_empty() && more > 0 {
                finding.seen += &format!("; {more} more of its lines have the same problem");
            }
            finding
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use provision::host::fake::FakeHost;

    use super::*;

    /// The findings about a file of the operator.
    fn found(file_type: FileType, bytes: &[u8]) -> Vec<(Severity, String)> {
        let mut host = FakeHost::debian();
        host.plant("/etc/aztec", FileType::Directory, b"", 0o755);
        host.plant("/etc/aztec/mine.env", file_type, bytes, 0o644);
        let settings = Settings::parse("").unwrap();
        let findings = environment(&settings, &host).unwrap().into_iter();
        findings
            .map(|finding| (finding.severity, finding.text()))
            .collect()
    }

    #[test]
    fn a_file_that_systemd_refuses_has_one_finding() {
        let cases: &[(&[u8], Severity, &str)] = &[
            (
                b"OTEL_SERVICE_NAME=caf\xe9\n",
                Severity::Fail,
                "mine.env, line 1: the line is not UTF-8",
            ),
            (
                b"LOG_LEVEL=debug\nA=\0\n",
                Severity::Fail,
                "line 2: the line contains a NUL",
            ),
            (
                b"\xff\xfeL\0=\0",
                Severity::Fail,
                "line 1: the file is UTF-16",
            ),
            (
                b"\xef\xbb\xbfLOG_LEVEL=debug\n",
                Severity::Fail,
                "begins with a byte order mark",
            ),
            (
                b"\xef\xbb\xbf# a\nLOG_LEVEL=debug\n",
                Severity::Warn,
                "begins with a byte order mark",
            ),
            (
                b"\nLOG_LEVEL: debug\n",
                Severity::Fail,
                "mine.env, line 2: systemd skips this line",
            ),
            (
                b"a\nb\nc\n",
                Severity::Fail,
                "line 1: systemd skips this line; 2 more of its lines have the same problem",
            ),
            (
                b"LOG_LEVEL=INFO\n",
                Severity::Fail,
                "LOG_LEVEL in /etc/aztec/mine.env, line 1: not a log level",
            ),
            (
                b"# caf\xe9\nLOG_LEVEL=debug\n",
                Severity::Pass,
                "every variable",
            ),
        ];
        for (bytes, status, text) in cases {
            let found = found(FileType::File, bytes);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(
                found[0].0 == *status && found[0].1.contains(text),
                "{found:?}"
            );
        }
    }

    #[test]
    fn only_a_regular_file_is_read() {
        for (file_type, word) in [
            (FileType::Directory, "directory"),
            (FileType::Other, "special file"),
        ] {
            let found = found(file_type, b"");
            assert!(
                found[0].0 == Severity::Warn && found[0].1.contains(word),
                "{found:?}"
            );
        }
    }
}
