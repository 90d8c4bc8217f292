//! A small apt and dpkg: every name is a package that the archive has. apt knows what came only for another one.

use std::collections::BTreeSet;

use super::{FakeHost, Output, failed};
use crate::Fault;

const STATUS: &str = "/var/lib/dpkg/status";
const HALF: &str = "Status: install ok half-configured\n";
const WHOLE: &str = "Status: install ok installed\n";

impl FakeHost {
    /// Unpacks all packages, then configures them: whoever dies in between leaves them half configured.
    pub(super) fn apt(&mut self, words: &[&str]) -> Result<Output, Fault> {
        if words.contains(&"autoremove") {
            let spare: Vec<_> = self.spare().into_iter().collect();
            let summary = format!(
                "0 upgraded, 0 newly installed, {} to remove and 0 not upgraded.\n",
                spare.len()
            );
            let lines = spare.iter().map(|name| format!("Remv {name} [1]\n"));
            return Ok(Output {
                stdout: std::iter::once(summary).chain(lines).collect(),
                ..Output::default()
            });
        }
        if !words.contains(&"install") {
            return Ok(Output::default());
        }
        if self.text(STATUS).is_some_and(|text| text.contains(HALF)) {
            return Ok(failed(
                100,
                "dpkg was interrupted, you must manually run 'dpkg --configure -a'",
            ));
        }
        let names = words.iter().skip_while(|word| **word != "--").skip(1);
        for name in names {
            match name.strip_suffix('-') {
                Some(name) => self.purge(name),
                None => {
                    self.unpack_deb(name);
                    self.auto.remove(*name);
                }
            }
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

    /// What is there for another one that is gone.
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

fn head(name: &str) -> String {
    format!("Package: {name}\n")
}

fn without(status: String, name: &str) -> String {
    let head = head(name);
    let blocks = status.split_inclusive("\n\n");
    blocks.filter(|block| !block.starts_with(&head)).collect()
}
