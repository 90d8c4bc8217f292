//! A small systemd: units are the files of one directory, and the units that start at boot are linked in another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::host::FakeHost;
use super::output::failed;
use super::unit::Fate;
use crate::host::{FileType, Output};

impl FakeHost {
    fn unit_path(name: &str) -> PathBuf {
        Path::new("/etc/systemd/system").join(name)
    }

    fn link_path(name: &str) -> PathBuf {
        Path::new("/etc/systemd/system/multi-user.target.wants").join(name)
    }

    /// The text of a unit's file. A link to /dev/null, a masked unit, has none.
    fn on_disk(&self, name: &str) -> Option<Vec<u8>> {
        let file = self.tree.get(&Self::unit_path(name));
        let file = file.filter(|node| node.file_type == FileType::File);
        file.map(|node| node.bytes.clone())
    }

    pub(super) fn show(&self, name: &str) -> String {
        let unit = self.units.get(name).cloned().unwrap_or_default();
        let on_disk = self.on_disk(name);
        // For a unit that is not loaded it reads the file to answer.
        let load = if unit.loaded.is_some() || on_disk.is_some() && unit.active != "active" {
            "loaded"
        } else {
            "not-found"
        };
        let active = if unit.active.is_empty() {
            "inactive"
        } else {
            &unit.active
        };
        let file = if !self.tree.contains_key(&Self::unit_path(name)) {
            ""
        } else if self.tree.contains_key(&Self::link_path(name)) {
            "enabled"
        } else {
            "disabled"
        };
        let sub = match name.ends_with(".timer") && active == "active" && !unit.elapsed {
            true => "waiting",
            false => "running",
        };
        let in_dir = |(path, _): &(&PathBuf, &Vec<u8>)| {
            path.parent() == Some(&Self::unit_path(&format!("{name}.d")))
        };
        let drop_ins = self.drop_ins_on_disk();
        let unread = !drop_ins
            .iter()
            .filter(in_dir)
            .eq(self.drop_ins.iter().filter(in_dir));
        let stale = self.outdated || unit.loaded.is_some() && (unit.loaded != on_disk || unread);
        format!(
            "Id={name}\nLoadState={load}\nActiveState={active}\nSubState={sub}\nMainPID={}\nUnitFileState={file}\nNeedDaemonReload={}\nInvocationID={}\nExecMainStartTimestampMonotonic={}\nStateChangeTimestampMonotonic={}\nNRestarts={}\nResult={}\nExecMainStatus={}\nConditionResult={}\nConditionTimestampMonotonic={changed}\nAssertResult={}\nAssertTimestampMonotonic={changed}\n",
            u32::from(active == "active"),
            if stale { "yes" } else { "no" },
            if unit.starts == 0 {
                String::new()
            } else {
                format!("{name}-{}", unit.starts)
            },
            unit.started_us,
            unit.changed_us,
            unit.restarts,
            match unit.fate {
                Fate::Dies => "exit-code",
                _ => "success",
            },
            u8::from(unit.fate == Fate::Dies),
            match unit.fate {
                Fate::Skipped => "no",
                _ => "yes",
            },
            match unit.fate {
                Fate::Refused => "no",
                _ => "yes",
            },
            changed = unit.changed_us,
        )
    }

    pub(super) fn systemctl(&mut self, words: &[&str]) -> Output {
        let (options, words): (Vec<&str>, Vec<&str>) =
            words.iter().partition(|word| word.starts_with("--"));
        let verb = words.first().copied().unwrap_or_default();
        let name = words.get(1).copied().unwrap_or_default();
        let output = self.run_verb(verb, name);
        match (verb, options.contains(&"--now")) {
            ("enable", true) => drop(self.run_verb("start", name)),
            ("disable", true) => drop(self.run_verb("stop", name)),
            _ => {}
        }
        if matches!(verb, "enable" | "disable") && !options.contains(&"--no-reload") {
            self.read_units();
        }
        output
    }

    /// Boots the host: only enabled units run, and they were started again.
    pub fn boot(&mut self) {
        for unit in self.units.values_mut() {
            unit.active = "inactive".into();
        }
        self.read_units();
        let names: Vec<_> = self.units.keys().cloned().collect();
        for name in names {
            if self.tree.contains_key(&Self::link_path(&name)) {
                self.run_verb("start", &name);
            }
        }
    }

    /// The files in the directories of drop-ins, without staged ones.
    fn drop_ins_on_disk(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let dir = Path::new("/etc/systemd/system");
        let below = self.tree.iter().filter(|(path, _)| path.starts_with(dir));
        let ending = |path: &Path, end: &str| path.extension().is_some_and(|it| it == end);
        below
            .filter(|(path, node)| {
                node.file_type == FileType::File
                    && ending(path, "conf")
                    && path.parent().is_some_and(|dir| ending(dir, "d"))
            })
            .map(|(path, node)| (path.clone(), node.bytes.clone()))
            .collect()
    }

    /// Reads every unit file again, and forgets units without a file that do not run.
    pub fn read_units(&mut self) {
        let dir = Path::new("/etc/systemd/system");
        // A link to /dev/null, a masked unit, does not count.
        let files = self
            .tree
            .iter()
            .filter(|(path, node)| path.parent() == Some(dir) && node.file_type == FileType::File);
        let mut texts: BTreeMap<String, Vec<u8>> = files
            .filter_map(|(path, node)| Some((path.file_name()?.to_str()?, &node.bytes)))
            .filter(|(name, _)| !name.starts_with('.'))
            .map(|(name, bytes)| (name.to_owned(), bytes.clone()))
            .collect();
        for (name, unit) in &mut self.units {
            unit.loaded = texts.remove(name);
        }
        for (name, text) in texts {
            self.units.entry(name).or_default().loaded = Some(text);
        }
        self.units
            .retain(|_, unit| unit.loaded.is_some() || unit.active == "active");
        self.drop_ins = self.drop_ins_on_disk();
        self.outdated = false;
    }

    /// Loads a unit that is not loaded before it is started.
    fn read_when_needed(&mut self, name: &str) {
        let known = self.units.get(name);
        if known.is_some_and(|unit| unit.loaded.is_some() || unit.active == "active") {
            return;
        }
        let text = self.on_disk(name);
        let dir = Self::unit_path(&format!("{name}.d"));
        let drop_ins = self.drop_ins_on_disk().into_iter();
        let own = drop_ins.filter(|(path, _)| path.parent() == Some(&dir));
        self.drop_ins.extend(own);
        self.units.entry(name.to_owned()).or_default().loaded = text;
    }

    fn run_verb(&mut self, verb: &str, name: &str) -> Output {
        if verb == "daemon-reload" {
            self.read_units();
            return Output::default();
        }
        let exists = self.tree.contains_key(&Self::unit_path(name));
        if !exists && verb != "stop" && verb != "disable" {
            return failed(5, "unit not found");
        }
        let link = Self::link_path(name);
        if verb == "enable" || verb == "disable" {
            self.outdated = true;
        }
        if verb == "enable" {
            let target = Self::unit_path(name).display().to_string();
            self.plant(
                &link.display().to_string(),
                FileType::Symlink,
                target.as_bytes(),
                0o777,
            );
            return Output::default();
        }
        if verb == "disable" {
            self.tree.remove(&link);
            return Output::default();
        }
        self.tick();
        self.read_when_needed(name);
        let now = self.now_us;
        let unit = self.units.entry(name.to_owned()).or_default();
        unit.changed_us = now;
        let text = unit.loaded.clone().unwrap_or_default();
        let lives = unit.active == "active";
        match verb {
            "start" | "restart" | "reload-or-restart" => {
                let active = match unit.fate {
                    Fate::Runs => "active",
                    Fate::Skipped | Fate::Refused => "inactive",
                    Fate::Dies => "failed",
                };
                unit.active = active.into();
                unit.restarts = 0;
                unit.elapsed = false;
                unit.starts += 1;
                unit.started_us = now;
                if unit.fate == Fate::Refused {
                    return failed(1, &format!("Assertion failed on job for {name}."));
                }
            }
            "stop" => unit.active = "inactive".into(),
            _ => {}
        }
        let line = match verb {
            // It runs already, according to systemd.
            "start" if lives => return Output::default(),
            "start" | "restart" => "ExecStart=",
            "reload-or-restart" if lives => "ExecReload=",
            "reload-or-restart" => "ExecStart=",
            "stop" => "ExecStop=-",
            _ => return Output::default(),
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        if let Some(words) = text.lines().find_map(|it| it.strip_prefix(line)) {
            self.nft_table(words);
        }
        Output::default()
    }

    /// The two nft commands that units of aztec-kit contain.
    fn nft_table(&mut self, order: &str) {
        match order.split(' ').collect::<Vec<_>>().as_slice() {
            ["/usr/sbin/nft", "--file", path] => {
                let text = self.text(path).unwrap_or_default();
                let Some((head, body)) = text.split_once(" {\n") else {
                    return;
                };
                let name = head.rsplit("table ").next().unwrap_or_default();
                let body = body.trim_end().trim_end_matches('}');
                self.nft.insert(name.to_owned(), body.to_owned());
            }
            ["/usr/sbin/nft", "delete", "table", family, name] => {
                self.nft.remove(&format!("{family} {name}"));
            }
            _ => {}
        }
    }

    pub(super) fn ruleset(&self) -> String {
        let tables = self.nft.iter();
        tables
            .map(|(name, body)| format!("table {name} {{\n{body}}}\n"))
            .collect()
    }
}
