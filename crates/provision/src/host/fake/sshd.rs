//! A small sshd that answers `sshd -T` and has no algorithms: sshd_config(5). It parses its configuration
//! independently, so that a bug of the real parser is not repeated.

use std::path::Path;

use super::host::FakeHost;
use super::output::failed;
use crate::Fault;
use crate::host::{Output, Probe};

pub(super) const MAIN: &str = "/etc/ssh/sshd_config";

/// The state of the parser: each keyword with its first value, and the first line that it does not understand.
#[derive(Default)]
struct Read {
    effective: Vec<(String, String)>,
    bad: Option<String>,
}

impl Read {
    fn take(&mut self, keyword: &str, value: &str) {
        if self.effective.iter().any(|(known, _)| known == keyword) {
            return;
        }
        let value = match value {
            // It prints the rest of the list.
            _ if value.starts_with('-') => "some",
            "prohibit-password" => "without-password",
            _ => value,
        };
        self.effective.push((keyword.into(), value.into()));
    }
}

/// A line as keyword and arguments, without a comment.
fn split(line: &str) -> Option<(String, Vec<String>)> {
    let mut words = vec![String::new()];
    let (mut quoted, mut keyword) = (false, true);
    for letter in line.trim().chars() {
        let word = words.last_mut()?;
        match letter {
            '"' => quoted = !quoted,
            '#' if !quoted && word.is_empty() => break,
            '=' if keyword => {
                keyword = false;
                words.push(String::new());
            }
            ' ' | '\t' if !quoted => {
                keyword &= word.is_empty();
                words.push(String::new());
            }
            _ => word.push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    let keyword = (!words.is_empty()).then(|| words.remove(0))?;
    (!words.is_empty()).then(|| (keyword.to_lowercase(), words))
}

/// Whether a name matches a pattern with at most one `*`, as in `*.conf`.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            name.len() >= start.len() + end.len()
                && name.starts_with(start)
                && name.ends_with(end)
                && !name.starts_with('.')
        }
        None => pattern == name,
    }
}

impl FakeHost {
    /// `sshd -T` with this configuration, and these options before it.
    pub(super) fn sshd(&self, main: &Path, options: &[String]) -> Result<Output, Fault> {
        if self.sshd_needs_run && !self.tree.contains_key(Path::new("/run/sshd")) {
            let message = "Missing privilege separation directory: /run/sshd";
            return Ok(failed(255, message));
        }
        let mut read = Read::default();
        for pair in options.windows(2) {
            match (pair[0].as_str(), pair[1].split_once('=')) {
                ("-o", Some((keyword, value))) => read.take(&keyword.to_lowercase(), value),
                ("-p", _) => read.take("port", &pair[1]),
                _ => {}
            }
        }
        self.sshd_reads(main, true, &mut read)?;
        if let Some(bad) = read.bad {
            return Ok(failed(255, &bad));
        }
        // A server has a port, whatever its configuration says.
        read.take("port", "22");
        let lines = read.effective.iter();
        Ok(Output {
            stdout: lines
                .map(|(keyword, value)| format!("{keyword} {value}\n"))
                .collect(),
            ..Output::default()
        })
    }

    /// `holds`: whether the included lines apply to everybody.
    fn sshd_reads(&self, file: &Path, holds: bool, read: &mut Read) -> Result<(), Fault> {
        let text = Probe::text(self, file)?.unwrap_or_default();
        let mut holds = holds;
        for (at, line) in text.lines().enumerate() {
            let Some((keyword, words)) = split(line) else {
                continue;
            };
            match keyword.as_str() {
                "match" => holds = false,
                "include" => {
                    for pattern in &words {
                        self.sshd_includes(&Path::new("/etc/ssh").join(pattern), holds, read)?;
                    }
                }
                "nonsense" => {
                    let place = file.display();
                    let bad = format!(
                        "{place}: line {}: Bad configuration option: Nonsense",
                        at + 1
                    );
                    read.bad.get_or_insert(bad);
                }
                _ if holds => read.take(&keyword, &words.join(" ")),
                _ => {}
            }
        }
        Ok(())
    }

    fn sshd_includes(&self, pattern: &Path, holds: bool, read: &mut Read) -> Result<(), Fault> {
        let (Some(dir), Some(last)) = (pattern.parent(), pattern.file_name()) else {
            return Ok(());
        };
        let last = last.to_string_lossy();
        for name in self.list(dir)?.unwrap_or_default() {
            if fits(&last, &name) {
                self.sshd_reads(&dir.join(name), holds, read)?;
            }
        }
        Ok(())
    }
}
