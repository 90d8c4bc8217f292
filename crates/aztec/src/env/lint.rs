//! Finds mistakes in an environment file.

use std::collections::BTreeMap;

use super::file::{self, Entry};
use super::finding::EnvFinding;
use super::likely::likely;
use super::log_level::{LEVELS, is_log_level};
use crate::data::{Common, Empty, Release, Removed, Table, Type, Variable, common};
use crate::severity::Severity;

/// A fix that several findings have in common.
const REMOVE: &str = "Remove the line.";

/// See [`Release::lint_env`].
pub(super) fn lint(
    release: &Release,
    network_is_local: bool,
    keystore: bool,
    file: &str,
    text: &str,
) -> Vec<EnvFinding> {
    let mut linter = Linter {
        table: release.table(),
        common: common(),
        exact: release.is_known(),
        live: !network_is_local,
        keystore,
        file,
        findings: Vec::new(),
    };
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for entry in file::entries(text) {
        let Some(at) = linter.form(&entry) else {
            continue;
        };
        if let Some(line) = seen.insert(entry.name.clone(), entry.line) {
            let message = format!("line {line} already sets it, and only the last one counts");
            linter.warn(&at, message, "Remove one of the two.");
        }
        linter.entry(&at);
    }
    linter.findings
}

/// An assignment that systemd accepts.
struct Assignment<'a> {
    line: usize,
    name: &'a str,
    value: &'a str,
}

struct Linter<'a> {
    table: &'a Table,
    common: &'static Common,
    /// Whether the table is of exactly this release.
    exact: bool,
    live: bool,
    keystore: bool,
    file: &'a str,
    findings: Vec<EnvFinding>,
}

impl Linter<'_> {
    fn add(
        &mut self,
        severity: Severity,
        at: &Assignment<'_>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.findings.push(EnvFinding {
            file: self.file.into(),
            line: at.line,
            variable: at.name.into(),
            severity,
            message: message.into(),
            fix: fix.into(),
        });
    }

    fn error(&mut self, at: &Assignment<'_>, message: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Fail, at, message, fix);
    }

    fn warn(&mut self, at: &Assignment<'_>, message: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Warn, at, message, fix);
    }

    /// The assignment, if the line is one.
    fn form<'e>(&mut self, entry: &'e Entry) -> Option<Assignment<'e>> {
        let line = entry.line;
        let (name, value) = (entry.name.as_str(), entry.value.as_deref().unwrap_or(""));
        if !entry.is_valid() {
            // An invalid name may be a part of a value that was broken over two lines, so it is not repeated.
            let (name, fix) = match name.strip_prefix("export ") {
                Some(name) if entry.value.is_some() => (name.trim(), "Remove `export`."),
                _ => ("", "Write it as NAME=value."),
            };
            let at = Assignment { line, name, value };
            self.error(&at, "systemd skips this line", fix);
            return None;
        }
        let at = Assignment { line, name, value };
        if !entry.closed {
            let message = "its quote is not closed, and the rest of the file is its value";
            self.error(&at, message, "Close the quote.");
        }
        Some(at)
    }

    fn entry(&mut self, at: &Assignment<'_>) {
        let (table, common) = (self.table, self.common);
        if let Some(variable) = table.variables.get(at.name) {
            self.known(at, variable);
        } else if common.variables.contains_key(at.name) {
            if at.value.is_empty() {
                self.warn(at, "it is empty", REMOVE);
            }
        } else if let Some(removed) = table.removed.get(at.name) {
            self.removed(at, removed);
        } else if let Some(why) = common.gone.get(at.name) {
            self.warn(at, why, REMOVE);
        } else {
            self.unknown(at);
        }
    }

    fn unknown(&mut self, at: &Assignment<'_>) {
        let message = format!("Aztec {} does not read it", self.table.version);
        match likely(self.table, self.common, at.name) {
            Some(right) if self.exact => self.error(at, message, format!("Write {right}.")),
            // A later release may read it.
            Some(right) => self.warn(at, message, format!("If you mean {right}, write that.")),
            None => self.warn(at, message, "Correct the name, or remove the line."),
        }
    }

    fn removed(&mut self, at: &Assignment<'_>, removed: &Removed) {
        let message = format!("it was removed {}", removed.when);
        match &removed.instead {
            Some(right) => self.error(at, message, format!("Write {right}.")),
            None => self.warn(at, message, REMOVE),
        }
    }

    fn known(&mut self, at: &Assignment<'_>, variable: &Variable) {
        if variable.secret {
            let message =
                "keys do not belong in the environment, where anyone who can read /proc sees them";
            let path = format!("{}_PATH", at.name);
            let fix = if variable.ignored_with_keystore {
                "Put the key into a keystore under /etc/aztec/keystore.".to_owned()
            } else if self.table.variables.contains_key(&path) {
                format!("Name its file with {path}.")
            } else {
                REMOVE.to_owned()
            };
            self.error(at, message, fix);
        }
        if variable.ignored_with_keystore && self.keystore {
            let fix = "Set it in the keystore, and remove the line.";
            self.warn(at, "the node ignores it, because it has a keystore", fix);
        }
        if variable.consensus && self.live {
            let message = "all nodes of a live network must agree on it, and the network sets it";
            self.error(at, message, REMOVE);
        }
        if let (Some(right), false) = (&variable.alias_of, variable.secret) {
            let message = format!("an older name, only read when {right} is not set");
            self.warn(at, message, format!("Write {right}."));
        }
        if !variable.secret {
            self.value(at, variable);
        }
    }

    fn value(&mut self, at: &Assignment<'_>, variable: &Variable) {
        if at.value.is_empty() {
            self.empty(at, variable);
        } else if !variable.list_of.is_empty() {
            self.list(at, variable);
        } else if let Some((message, fix)) = misfit(variable, at.value) {
            self.error(at, message, fix);
        } else if variable
            .default
            .as_ref()
            .is_some_and(|default| same(variable.kind, default, at.value))
            // Without the line, the network's own value would apply.
            && !(self.live && variable.preset)
        {
            let fix = "Remove the line: a later release may know better.";
            self.warn(at, "it is set to its default", fix);
        }
    }

    fn empty(&mut self, at: &Assignment<'_>, variable: &Variable) {
        let fix = "Remove the line, or give it a value.";
        match self.table.empty {
            None | Some(Empty::Value) => {
                let message = "it is empty, which the node does not treat as not set";
                self.error(at, message, fix);
            }
            Some(Empty::Unset) if self.live && variable.preset => {
                let message =
                    "it is empty, so the node uses its own default and not the network's value";
                self.error(at, message, fix);
            }
            Some(Empty::Unset) => self.warn(at, "it is empty, which counts as not set", REMOVE),
        }
    }

    /// Checks a list of names. The node splits it at commas and keeps the spaces.
    fn list(&mut self, at: &Assignment<'_>, variable: &Variable) {
        let names: Vec<_> = at.value.split(',').collect();
        let known = |name: &&&str| variable.list_of.iter().any(|known| known == **name);
        let message = match names.iter().filter(known).count() {
            count if count == names.len() => return,
            0 => "it has no name that the node knows, and the node then uses all".to_owned(),
            count => format!(
                "the node knows {count} of its {} names, and ignores the others without a message",
                names.len()
            ),
        };
        let known = variable.list_of.join(", ");
        let fix = format!("Write names with a comma and no space between. Known: {known}.");
        if self.exact {
            self.error(at, message, fix);
        } else {
            self.warn(at, message, fix);
        }
    }
}

/// The reason why the node does not read the value as intended, and the fix.
pub(super) fn misfit(variable: &Variable, value: &str) -> Option<(String, String)> {
    let misfit = |message: &str, fix: &str| Some((message.to_owned(), fix.to_owned()));
    match variable.kind {
        Type::Text if variable.values.is_empty() => None,
        Type::Text => {
            let known = variable.values.iter().any(|known| known == value);
            (!known).then(|| {
                let known = variable.values.join(", ");
                (
                    "not a value that the node knows".into(),
                    format!("Write one of {known}."),
                )
            })
        }
        Type::Integer if !digits(value) => misfit("not a whole number", "Write digits only."),
        Type::Number if !value.parse().is_ok_and(f64::is_finite) => {
            misfit("not a number", "Write a number.")
        }
        Type::Bigint if !bigint(value) => misfit("not a whole number", "Write digits only."),
        Type::Boolean if truth(value).is_none() => misfit(
            "neither true nor false, which the node reads as false",
            "Write true or false.",
        ),
        Type::Address if !address(value) => misfit(
            "not an Ethereum address",
            "Write 0x and 40 hexadecimal digits.",
        ),
        Type::LogLevel if !is_log_level(value) => Some((
            "not a log level, and the node ends at once".into(),
            format!(
                "Write a level, or `level; level:module,module`. Levels, in lower case: {}.",
                LEVELS.join(", ")
            ),
        )),
        Type::Integer
        | Type::Number
        | Type::Bigint
        | Type::Boolean
        | Type::Address
        | Type::LogLevel => None,
    }
}

/// Whether the node reads two valid values as the same.
fn same(kind: Type, default: &str, value: &str) -> bool {
    match kind {
        Type::Boolean => truth(default) == truth(value),
        Type::Integer | Type::Number => {
            let numbers = (default.parse::<f64>(), value.parse::<f64>());
            matches!(numbers, (Ok(default), Ok(value)) if default.total_cmp(&value).is_eq())
        }
        Type::Address => default.eq_ignore_ascii_case(value),
        Type::Text | Type::Bigint | Type::LogLevel => default == value,
    }
}

fn digits(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
}

fn hexadecimal(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_ascii_hexdigit())
}

/// Also accepts 0x10 and 1e+18, as `bigintConfigHelper` of the release does.
fn bigint(value: &str) -> bool {
    if let Some(hex) = value.strip_prefix("0x") {
        return hexadecimal(hex);
    }
    let scientific = |(base, exponent): (&str, &str)| {
        let (whole, fraction) = base.split_once('.').unwrap_or((base, "0"));
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
        digits(whole) && digits(fraction) && digits(exponent)
    };
    digits(value) || value.split_once(['e', 'E']).is_some_and(scientific)
}

/// The boolean that an operator means. The node itself reads everything except 1, true and TRUE as false.
pub(super) fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "true" | "TRUE" => Some(true),
        "0" | "false" | "FALSE" | "False" | "no" | "off" => Some(false),
        _ => None,
    }
}

pub(super) fn address(value: &str) -> bool {
    value
        .strip_prefix("0x")
        .is_some_and(|digits| digits.len() == 40 && hexadecimal(digits))
}
