//! The baseline of the files of a host: a database of AIDE.
//!
//! It follows the changes of aztec-kit only. Every check reports the changes of others as differences until an operator
//! accepts them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{Invocation, NewFile, Output, Probe};

/// A database of AIDE.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Baseline {
    /// The configuration. It names `database` as the database to read and `database` with `.new` as the one to write.
    pub config: PathBuf,
    /// SHA-256 of the configuration. Another configuration covers other files.
    pub config_sha256: String,
    /// The database, in a directory of its own.
    pub database: PathBuf,
    /// Files and trees that aztec-kit changes.
    pub own: Vec<PathBuf>,
    /// Packages that aztec-kit installs.
    pub packages: Vec<String>,
}

const PROGRAM: &str = "/usr/bin/aide";
/// dpkg keeps the files of each package here, one list for each: dpkg(1), FILES.
const LISTS: &str = "/var/lib/dpkg/info";
/// aide reads every file of the host.
const TIMEOUT: Duration = Duration::from_secs(3600);
/// Exit codes above this mean that aide(1) failed. Below, the bits mean new, removed, changed.
const DIFFERENCES: i32 = 7;

/// The inputs that a database was made with, stored beside it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    config_sha256: String,
    own: Vec<PathBuf>,
    packages: Vec<String>,
}

impl Record {
    /// Whether it covers more than aztec-kit's own files.
    fn reaches(&self, other: &Self) -> bool {
        (&self.config_sha256, &self.packages) != (&other.config_sha256, &other.packages)
    }
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    database: bool,
    record: Record,
    /// Own files that changed after the database was written.
    newer: Vec<PathBuf>,
    own: Own,
}

/// The last change of each own file that the database contains, by the clock of that time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Own(BTreeMap<PathBuf, i64>);

impl Baseline {
    fn candidate(&self) -> PathBuf {
        self.database.with_added_extension("new")
    }

    fn record_path(&self) -> PathBuf {
        self.database.with_added_extension("made-for")
    }

    fn record(&self) -> Record {
        Record {
            config_sha256: self.config_sha256.clone(),
            own: self.own.clone(),
            packages: self.packages.clone(),
        }
    }

    fn own_now(&self, probe: &dyn Probe) -> Result<Own, Fault> {
        let mut own = BTreeMap::new();
        for path in &self.own {
            if let Some(meta) = probe.meta(path)? {
                own.insert(path.clone(), meta.changed_us);
            }
        }
        Ok(Own(own))
    }

    /// The changes by others in a report: neither to own files, nor by a package that was installed after the last
    /// baseline.
    fn foreign(
        &self,
        report: &Output,
        record: &Record,
        cx: &ApplyCx<'_>,
    ) -> Result<Vec<String>, Fault> {
        let probe = cx.host_mut.probe();
        let database_us = probe
            .meta(&self.database)?
            .map_or(0, |meta| meta.changed_us);
        let mut packaged = BTreeSet::new();
        for name in probe.list(Path::new(LISTS))?.unwrap_or_default() {
            let path = Path::new(LISTS).join(&name);
            let changed = probe.meta(&path)?.map_or(0, |meta| meta.changed_us);
            if name.ends_with(".list") && changed > database_us {
                let list = probe.text(&path)?.unwrap_or_default();
                packaged.extend(list.lines().map(str::to_owned));
            }
        }
        let ours = |path: &String| {
            let mut own = self.own.iter().chain(&record.own);
            own.any(|own| Path::new(path).starts_with(own)) || packaged.contains(path)
        };
        Ok(differing(report.code, &report.stdout)?
            .into_iter()
            .filter(|path| !ours(path))
            .collect())
    }

    /// Runs aide. The database that it writes is not in use yet.
    fn aide(&self, arguments: &[String], cx: &mut ApplyCx<'_>) -> Result<Output, Fault> {
        let config = format!("--config={}", self.config.display());
        let argv: Vec<_> = [PROGRAM, &config, "--after=report_format=json"]
            .map(String::from)
            .into_iter()
            .chain(arguments.iter().cloned())
            .collect();
        let output = cx.host_mut.tell(
            &Invocation::new(argv.clone())
                .timeout(TIMEOUT)
                .dies_with_us(),
        )?;
        if output.code > DIFFERENCES {
            return output.ok(&argv);
        }
        output.whole(&argv)
    }
}

/// A pattern of PCRE2 that matches exactly these paths and everything below them.
fn pattern<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> String {
    let unique: BTreeSet<_> = paths.into_iter().collect();
    let escaped = unique.into_iter().map(|path| {
        let letters = path.to_str().unwrap_or_default().chars();
        letters
            .map(|letter| match letter {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '/' | '_' => letter.to_string(),
                other => format!("\\{other}"),
            })
            .collect::<String>()
    });
    format!("^({})(/|$)", escaped.collect::<Vec<_>>().join("|"))
}

/// The differing files, from the exit code of aide and its report in JSON: 0.18 of Debian 12, 0.19 of Debian 13.
///
/// # Errors
///
/// When it reports a difference and does not name the file: the new baseline would hide it.
pub(crate) fn differing(code: i32, report: &str) -> Result<Vec<String>, Fault> {
    if code == 0 {
        return Ok(Vec::new());
    }
    let report: serde_json::Value = serde_json::from_str(report).unwrap_or_default();
    let paths: Vec<_> = ["added", "removed", "changed"]
        .iter()
        .filter_map(|kind| report[kind].as_object())
        .flat_map(|paths| paths.keys().cloned())
        .collect();
    if paths.is_empty() {
        return Err(Fault::new("aide found differences and did not name the files")
            .fix("Run `aide --check` with the same configuration by hand, then run the same command again."));
    }
    Ok(paths)
}

impl Kind for Baseline {
    type Seen = Seen;
    type Prior = ();

    fn id(&self) -> ResourceId {
        ResourceId::new("baseline", self.database.display())
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let database = cx.probe.meta(&self.database)?;
        let record = cx.probe.read(&self.record_path())?;
        let own = self.own_now(cx.probe)?;
        let Own(known) = cx
            .memory
            .and_then(|memory| Own::deserialize(memory).ok())
            .unwrap_or_default();
        let mut newer = Vec::new();
        if let Some(database) = &database {
            let changed = own.0.iter().filter(|(path, changed)| {
                // A file with a stamp is compared by its stamp, which no clock can shift. The others are compared by
                // the clock.
                match known.get(*path) {
                    Some(known) => known != *changed,
                    None => **changed > database.changed_us,
                }
            });
            newer.extend(changed.map(|(path, _)| path.clone()));
        }
        Ok(Seen {
            database: database.is_some(),
            record: record
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .unwrap_or_default(),
            newer,
            own,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = Vec::new();
        if !seen.database {
            changes.push(Change::field(
                "baseline",
                Shown::Nothing,
                Shown::text("taken"),
            ));
        } else if seen.record != self.record() {
            changes.push(Change::field(
                "baseline",
                Shown::text("covers other files, packages or rules"),
                Shown::text("written again"),
            ));
        } else if !seen.newer.is_empty() {
            let newer: Vec<_> = seen
                .newer
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            changes.push(Change::field(
                "baseline",
                Shown::Text(format!("older than {}", newer.join(", "))),
                Shown::text("updated for these files"),
            ));
        }
        Diff::of(changes, || "as recent as the changes of aztec-kit".into())
    }

    fn prior(&self, _: &Seen) {}

    fn memory(&self, seen: &Seen) -> Option<Value> {
        serde_json::to_value(&seen.own).ok()
    }

    fn absent(&self, seen: &Seen) -> bool {
        !seen.database
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        cx.host_mut.remove(&self.candidate())?;
        let own = self.own_now(cx.host_mut.probe())?;
        if !seen.database {
            (cx.note)("reading every file of this host");
            self.aide(&["--init".into()], cx)?;
        } else if !seen.record.reaches(&self.record()) {
            // Own files that were removed count too.
            let limit = pattern(self.own.iter().chain(&seen.record.own));
            self.aide(&["--update".into(), format!("--limit={limit}")], cx)?;
        } else {
            // Other rules and new packages cover more than own files, so the changes by others are reported.
            let report = self.aide(&["--update".into()], cx)?;
            let foreign = self.foreign(&report, &seen.record, cx)?;
            if !foreign.is_empty() {
                let kept = self.database.with_added_extension("foreign");
                put(&kept, foreign.join("\n").as_bytes(), cx)?;
                (cx.note)(&format!(
                    "others changed {} files since the last baseline: {}",
                    foreign.len(),
                    kept.display()
                ));
            }
        }
        // It is synced before it gets its name, because the record says that it is complete.
        let candidate = self.candidate().display().to_string();
        cx.host_mut
            .run(&Invocation::new(["sync", "--", &candidate]))?;
        cx.host_mut.rename(&self.candidate(), &self.database)?;
        cx.made = serde_json::to_value(own).ok();
        if seen.record == self.record() {
            return Ok(());
        }
        let record = serde_json::to_vec(&self.record())
            .map_err(|error| Fault::new("failed to record a baseline").because(error))?;
        put(&self.record_path(), &record, cx)
    }

    fn revert(&self, (): &(), cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        for path in [
            self.candidate(),
            self.record_path(),
            self.database.with_added_extension("foreign"),
            self.database.clone(),
        ] {
            cx.host_mut.remove(&path)?;
        }
        Ok(Reverted::Restored)
    }
}

fn put(path: &Path, bytes: &[u8], cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
    cx.host_mut.put(&NewFile {
        path,
        bytes,
        uid: 0,
        gid: 0,
        mode: 0o600,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_a_path_and_what_is_below_it_only() {
        let own = [
            "/etc/aztec/kit.toml",
            "/opt/aztec/versions/4.1.2",
            "/etc/aztec/kit.toml",
        ];
        assert_eq!(
            pattern(&own.map(PathBuf::from)),
            r"^(/etc/aztec/kit\.toml|/opt/aztec/versions/4\.1\.2)(/|$)"
        );
    }

    #[test]
    fn reads_a_report() {
        let report = r#"{"outline": "AIDE found differences", "added": {"/etc/foreign": "f+++"},
            "changed": {"/etc/issue": "f = p.. "}, "details": {}}"#;
        let read = differing(5, report).expect("a report");
        assert_eq!(read, ["/etc/foreign", "/etc/issue"]);
        assert!(differing(0, "").expect("nothing").is_empty());
        for none in ["", "{}", &report[..60]] {
            assert!(differing(5, none).is_err(), "{none}");
        }
    }
}
