//! A small UFW: it stores its rules and its state in the files of the real one, without the rest of their text.

use super::host::FakeHost;
use super::output::failed;
use crate::host::Output;

/// The first rules of the filter when UFW decides.
const SHUT: &str = "-P INPUT DROP\n-N ufw-before-input\n-A INPUT -j ufw-before-input\n";

impl FakeHost {
    /// Installs UFW as its package does: disabled and without rules.
    pub fn with_ufw(mut self) -> Self {
        use crate::host::FileType::{Directory, File};
        self.plant("/etc/ufw", Directory, b"", 0o755);
        self.plant("/etc/default", Directory, b"", 0o755);
        self.plant("/usr/sbin", Directory, b"", 0o755);
        self.plant("/etc/ssh", Directory, b"", 0o755);
        for (path, text) in [
            ("/etc/ufw/ufw.conf", "ENABLED=no\n"),
            (
                "/etc/default/ufw",
                "IPV6=yes\nDEFAULT_INPUT_POLICY=\"DROP\"\n",
            ),
            ("/etc/ufw/user.rules", "# as packaged\n"),
            ("/etc/ufw/user6.rules", "# as packaged\n"),
            ("/etc/systemd/system/ufw.service", "[Service]\n"),
            (
                "/etc/systemd/system/multi-user.target.wants/ufw.service",
                "",
            ),
            ("/usr/sbin/sshd", ""),
            ("/etc/ssh/sshd_config", "ListenAddress 0.0.0.0:22\n"),
        ] {
            self.plant(path, File, text.as_bytes(), 0o640);
        }
        self
    }

    pub(super) fn ufw(&mut self, words: &[&str]) -> Output {
        let words: Vec<_> = words
            .iter()
            .copied()
            .filter(|word| *word != "--force")
            .collect();
        match words.as_slice() {
            ["enable"] => {
                // It enables IPv4 first, and leaves that when IPv6 fails.
                self.filter[0] = SHUT.into();
                let v6 = self.text("/etc/ufw/before6.rules").unwrap_or_default();
                if v6.contains("nonsense") {
                    return failed(
                        1,
                        "ERROR: problem running ufw-init\n\nProblem running '/etc/ufw/before6.rules'",
                    );
                }
                self.filter[1] = SHUT.replace("ufw-", "ufw6-");
                self.edit("/etc/ufw/ufw.conf", |_| "ENABLED=yes\n".into());
            }
            ["disable"] => {
                self.filter = ["-P INPUT ACCEPT\n".into(), "-P INPUT ACCEPT\n".into()];
                self.edit("/etc/ufw/ufw.conf", |_| "ENABLED=no\n".into());
            }
            ["reload"] => {}
            ["default", word, "incoming"] => {
                let policy = match *word {
                    "allow" => "ACCEPT",
                    "reject" => "REJECT",
                    _ => "DROP",
                };
                self.edit("/etc/default/ufw", |_| {
                    format!("IPV6=yes\nDEFAULT_INPUT_POLICY=\"{policy}\"\n")
                });
            }
            ["delete", rule @ ..] => self.rule(rule, true),
            rule @ [_, "proto", ..] => self.rule(rule, false),
            _ => return failed(1, "no such command"),
        }
        Output::default()
    }

    fn rule(&mut self, words: &[&str], delete: bool) {
        let [action, _, proto, _, from, _, _, _, port, comment @ ..] = words else {
            return;
        };
        let comment = comment
            .get(1)
            .map(|text| format!(" comment={}", const_hex::encode(text)));
        for (path, any, v6) in [
            ("/etc/ufw/user.rules", "0.0.0.0/0", false),
            ("/etc/ufw/user6.rules", "::/0", true),
        ] {
            let from = if *from == "any" { any } else { *from };
            if from.contains(':') != v6 {
                continue;
            }
            // The real one treats rules that differ only in the action as the same.
            let same = format!(" {proto} {port} {any} any {from} in");
            let line = format!("### tuple ### {action}{same}");
            self.edit(path, |text| {
                let lines = text.lines().filter(|line| *line != "# as packaged");
                // It replaces a rule with another action, and deletes only an identical one.
                let is = |text: &str| match delete {
                    true => text.starts_with(&line),
                    false => text.contains(&same),
                };
                let mut text: String = lines
                    .filter(|line| !is(line))
                    .map(|line| format!("{line}\n"))
                    .collect();
                if !delete {
                    text.push_str(&format!(
                        "{line}{}\n",
                        comment.as_deref().unwrap_or_default()
                    ));
                }
                text
            });
        }
    }
}
