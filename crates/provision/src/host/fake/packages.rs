//! A small apt and dpkg: the archive has a package for every name. apt knows which packages were installed as
//! dependencies.

use std::collections::BTreeSet;

use super::apt::UNMET;
use super::host::FakeHost;
use super::output::failed;
use crate::Fault;
use crate::host::Output;

const STATUS: &str = "/var/lib/dpkg/status";
const HALF: &str = "Status: install ok half-configured\n";
const WHOLE: &str = "Status: install ok installed\n";

impl FakeHost {
    /// The output of apt about the packages that it would remove for these entries.
    pub(super) fn simulated(&self, entries: &[String]) -> Output {
        if self.apt.unmet {
            return failed(100, UNMET);
        }
        Output {
            stdout: removing(&self.would_go(entries.iter().map(String::as_str))),
            ..Output::default()
        }
    }

    /// The packages that are removed by name, conflict with a new one, or depend on one of these.
    fn would_go<'e>(&self, entries: impl Iterator<Item = &'e str>) -> BTreeSet<String> {
        let known = self.known();
        let mut next: Vec<String> = entries
            .flat_map(|entry| match entry.strip_suffix('-') {
                Some(name) => vec![name.to_owned()],
                None => self.apt.conflicts.get(entry).cloned().unwrap_or_default(),
            })
            .collect();
        let mut gone = BTreeSet::new();
        while let Some(name) = next.pop() {
            if !known.contains(&name) || !gone.insert(name.clone()) {
                continue;
            }
            let needs = |of: &String| self.depends.get(of).is_some_and(|on| on.contains(&name));
            next.extend(known.iter().filter(|other| needs(other)).cloned());
        }
        gone
    }

    /// Unpacks all packages, then configures them. A run that dies in between leaves them half configured.
    pub(super) fn apt(&mut self, words: &[&str]) -> Result<Output, Fault> {
        if words.contains(&"autoremove") {
            return Ok(Output {
                stdout: removing(&self.spare()),
                ..Output::default()
            });
        }
        let verb = words
            .iter()
            .find(|word| matches!(**word, "install" | "update"));
        if let Some(output) = verb.and_then(|verb| self.apt.refuses(verb)) {
            return Ok(output);
        }
        if verb != Some(&"install") {
            return Ok(Output::default());
        }
        if words.contains(&"--simulate") {
            let entries = words.iter().skip_while(|word| **word != "--").skip(1);
            let entries: Vec<_> = entries.map(ToString::to_string).collect();
            return Ok(self.simulated(&entries));
        }
        if self.text(STATUS).is_some_and(|text| text.contains(HALF)) {
            return Ok(failed(
                100,
                "dpkg was interrupted, you must manually run 'dpkg --configure -a'",
            ));
        }
        let names = words.iter().skip_while(|word| **word != "--").skip(1);
        let gone = self.would_go(names.clone().copied());
        if !gone.is_empty() && words.contains(&"--no-remove") {
            let message = "E: Packages need to be removed but remove is disabled.";
            return Ok(failed(100, message));
        }
        for name in &gone {
            self.purge(name);
        }
        for name in names.filter(|name| !name.ends_with('-')) {
            self.unpack_deb(name);
            self.auto.remove(*name);
        }
        self.write()?;
        Ok(self.configure())
    }

    pub(super) fn configure(&mut self) -> Output {
        self.edit(STATUS, |text| text.replace(HALF, WHOLE));
        Output::default()
    }

    /// `apt-mark auto` and `apt-mark manual`.
    pub(super) fn mark(&mut self, mark: &str, names: &[&str]) -> Output {
        for name in names {
            match mark {
                "auto" => self.auto.insert((*name).to_owned()),
                _ => self.auto.remove(*name),
            };
        }
        Output::default()
    }

    fn known(&self) -> BTreeSet<String> {
        let status = self.text(STATUS).unwrap_or_default();
        let names = status
            .lines()
            .filter_map(|line| line.strip_prefix("Package: "));
        names.map(str::to_owned).collect()
    }

    fn unpack_deb(&mut self, name: &str) {
        self.edit(STATUS, |text| {
            let mut text = without(text, name);
            text.push_str(&format!("{}{HALF}Version: 1\n\n", head(name)));
            text
        });
        for needed in self.depends.get(name).cloned().unwrap_or_default() {
            if !self.known().contains(&needed) {
                self.unpack_deb(&needed);
                self.auto.insert(needed);
            }
        }
    }

    fn purge(&mut self, name: &str) {
        self.edit(STATUS, |text| without(text, name));
        self.auto.remove(name);
    }

    /// Packages that were installed for another one that is no longer there.
    fn spare(&self) -> BTreeSet<String> {
        let (mut spare, needed): (BTreeSet<_>, BTreeSet<_>) = self
            .known()
            .into_iter()
            .partition(|name| self.auto.contains(name));
        let mut needed = Vec::from_iter(needed);
        while let Some(name) = needed.pop() {
            for other in self.depends.get(&name).into_iter().flatten() {
                if spare.remove(other) {
                    needed.push(other.clone());
                }
            }
        }
        spare
    }
}

/// The summary of a simulation, and a line for each package to remove.
fn removing(names: &BTreeSet<String>) -> String {
    let count = names.len();
    let summary = format!("0 upgraded, 0 newly installed, {count} to remove and 0 not upgraded.\n");
    let lines = names.iter().map(|name| format!("Remv {name} [1]\n"));
    std::iter::once(summary).chain(lines).collect()
}

fn head(name: &str) -> String {
    format!("Package: {name}\n")
}

fn without(status: String, name: &str) -> String {
    let head = head(name);
    let blocks = status.split_inclusive("\n\n");
    blocks.filter(|block| !block.starts_with(&head)).collect()
}
