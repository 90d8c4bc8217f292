//! A drop-in of sshd with settings that must all be effective. sshd uses the first value that it reads, and a `Match`
//! block overrides it, so the file alone proves nothing.

mod access;
mod config;
mod strict;

#[cfg(feature = "fuzz")]
pub(crate) use access::{Options, key};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::access::Access;
pub(crate) use self::config::MAIN;
use self::config::{Config, DIR, moved};
use super::{File, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{HostMut, Invocation, NewFile, Probe, Query};
use crate::tools::sshd_command;
use crate::tools::sshd_config::effective;

/// Settings in a drop-in of aztec-kit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sshd {
    /// File name under `/etc/ssh/sshd_config.d`; `00-…`, because the first value counts.
    pub name: String,
    /// Keyword to value, in the order of the file. A value that begins with `-` removes algorithms from the default
    /// list of this sshd, so it never names one that sshd does not know.
    pub settings: Vec<(String, String)>,
}

const UNIT: &str = "ssh.service";
const PROGRAM: &str = "/usr/sbin/sshd";
/// The directory to which sshd restricts its child processes.
const PRIVSEP: &str = "/run/sshd";
/// The directory where the configuration with the new drop-in is tested.
const STAGE: &str = "/run/aztec-kit-sshd";

/// The effect of a drop-in.
#[derive(Debug)]
pub enum Outlook {
    /// It would be effective, and somebody can log in with a key.
    Clear,
    /// It would be effective, but the files of this host do not tell whether somebody can log in; the reason.
    Doubt(String),
    /// It would not be effective for everybody, or would lock everybody out.
    Obstacle(Fault),
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    file: <File as Kind>::Seen,
    /// The desired text of the file.
    text: String,
    /// Keyword, effective value, desired value.
    deviations: Vec<(String, String, String)>,
    /// The running sshd read its configuration before the file changed.
    stale: bool,
    /// The last change of the drop-in.
    changed: Option<i64>,
    active: bool,
    digest: String,
}

/// The prior drop-in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    file: <File as Kind>::Prior,
}

/// The configuration for which sshd confirmed that every value is effective.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    digest: String,
    /// The digest of the drop-in.
    #[serde(default)]
    file: Option<Value>,
    /// The last change of the drop-in that sshd has read, by the clock of that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read: Option<i64>,
}

impl Sshd {
    fn path(&self) -> PathBuf {
        Path::new(DIR).join("sshd_config.d").join(&self.name)
    }

    /// The configuration without the drop-in, for an sshd with these options.
    fn others(&self, options: &[String], probe: &dyn Probe) -> Result<Config, Fault> {
        Ok(Config::read(probe, Some((&self.path(), "")))?.after(options))
    }

    /// Keywords in lower case and their desired values on this host. A stricter value of the host stays.
    fn wanted(&self, others: &Config) -> Vec<(String, String)> {
        let value = |keyword: &str, value: &str| match others.first(keyword) {
            Some(theirs) => strict::stricter(keyword, &theirs.directive.value, value),
            None => value.to_owned(),
        };
        let settings = self.settings.iter();
        settings
            .map(|(keyword, wanted)| {
                let keyword = keyword.to_ascii_lowercase();
                let wanted = value(&keyword, wanted);
                (keyword, wanted)
            })
            .collect()
    }

    fn text(&self, others: &Config) -> String {
        let values = self.settings.iter().zip(self.wanted(others));
        let lines: String = values
            .map(|((keyword, _), (_, value))| format!("{keyword} {value}\n"))
            .collect();
        format!("# Written by aztec-kit; changes here are undone by its next run.\n{lines}")
    }

    fn file(&self, text: &str) -> File {
        File::new(self.path(), text, Owner::root(0o644))
    }

    /// The reason why the settings would not be effective for everybody, or would lock everybody out. Changes nothing.
    ///
    /// # Errors
    ///
    /// When the host cannot be observed.
    pub fn obstacle(&self, probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
        Ok(match self.outlook(probe)? {
            Outlook::Obstacle(fault) => Some(fault),
            Outlook::Clear | Outlook::Doubt(_) => None,
        })
    }

    /// The effect of the settings. Changes nothing.
    ///
    /// # Errors
    ///
    /// When the host cannot be observed.
    pub fn outlook(&self, probe: &dyn Probe) -> Result<Outlook, Fault> {
        Ok(match self.hindrance(probe)? {
            Ok(Some(place)) => Outlook::Doubt(format!(
                "the files of this host do not tell whether anybody can log in with a key or a certificate ({place}). Have a second session ready to confirm in."
            )),
            Ok(None) => Outlook::Clear,
            Err(fault) => Outlook::Obstacle(fault),
        })
    }

    /// The obstacle. Without one, the reason why it is not certain that somebody can log in.
    fn hindrance(&self, probe: &dyn Probe) -> Result<Result<Option<String>, Fault>, Fault> {
        let options = running_options(Cx::of(probe).unit(UNIT)?.main_pid, probe)?;
        if let Some(at) = options.iter().position(|option| option == "-f") {
            let other = options.get(at + 1).map_or("another file", String::as_str);
            return Ok(Err(Fault::new(format!(
                "the running sshd reads {other} instead of {MAIN}"
            ))
            .fix("Remove `-f` from SSHD_OPTS in /etc/default/ssh.")));
        }
        // An sshd that refuses its present configuration is reported first, with its own message.
        if let Err(fault) = asked(&options, probe)
            && !lacks_directory(&fault)
        {
            return Ok(Err(fault));
        }
        let others = self.others(&options, probe)?;
        let (wanted, path) = (self.wanted(&others), self.path());
        let whole = Config::read(probe, Some((&path, &self.text(&others))))?.after(&options);
        let reached = whole
            .lines
            .iter()
            .any(|line| line.file == path && line.only_for.is_none());
        if !reached {
            return Ok(Err(Fault::new(format!(
                "{MAIN} does not include {}",
                path.display()
            ))
            .fix(format!(
                "Add `Include {DIR}/sshd_config.d/*.conf` as its first line."
            ))));
        }
        for (keyword, value) in &wanted {
            if let Some(line) = whole
                .lines
                .iter()
                .find(|line| beats(line, &path, keyword, value, &whole))
            {
                let what = format!(
                    "{} sets `{} {}`{}, which overrides `{value}`",
                    line.place(),
                    line.directive.keyword,
                    line.directive.value,
                    line.only_for
                        .as_ref()
                        .map_or(String::new(), |who| format!(" for `Match {who}`")),
                );
                return Ok(Err(Fault::new(what).fix("Remove that line.")));
            }
        }
        if let Some(line) = second_factor(&whole) {
            return Ok(Err(Fault::new(format!(
                "{} requires more than a key: `{}`",
                line.place(),
                line.directive.value
            ))
            .fix("Remove that line.")));
        }
        // Where the drop-in is live already, whoever runs aztec-kit logged in without it.
        let live = probe.read(&path)?;
        if live.is_some_and(|live| live == self.text(&others).as_bytes()) {
            return Ok(Ok(None));
        }
        let root = wanted
            .iter()
            .find(|(keyword, _)| keyword == "permitrootlogin");
        let root = root.map_or("prohibit-password", |(_, value)| value.as_str());
        Ok(match access::look(probe, &whole, root)? {
            Access::Somebody(_) => Ok(None),
            Access::Elsewhere(place) => Ok(Some(place)),
            Access::Nobody(why) => Err(
                Fault::new(format!(
                    "nobody could log in any more, because no account has a key that sshd accepts ({})",
                    why.join("; ")
                ))
                .fix("Add your public key to the authorized_keys of your account, for example with ssh-copy-id."),
            ),
        })
    }

    /// Algorithms that this sshd offers and would stop offering, by keyword. Clients that support no others are locked
    /// out. Empty once the drop-in is live. Changes nothing.
    ///
    /// # Errors
    ///
    /// When the host cannot be observed, or sshd does not answer.
    pub fn withdrawn(&self, probe: &dyn Probe) -> Result<Vec<(String, Vec<String>)>, Fault> {
        let options = running_options(Cx::of(probe).unit(UNIT)?.main_pid, probe)?;
        let others = self.others(&options, probe)?;
        Ok(strict::withdrawn(
            &self.wanted(&others),
            &asked(&options, probe)?,
        ))
    }

    /// Compares the desired settings with the effective ones in the output of `sshd -T`.
    fn deviations(wanted: &[(String, String)], shown: &str) -> Vec<(String, String, String)> {
        const UNKNOWN: &str = "(unknown)";
        let is = |keyword: &str| effective(shown, keyword).unwrap_or(UNKNOWN);
        wanted
            .iter()
            .filter_map(|(keyword, wanted)| {
                let is = is(keyword);
                let right = match wanted.strip_prefix('-') {
                    // A list that is not in the output does not have them.
                    Some(out) => {
                        let mut out = out.split(',');
                        is != UNKNOWN && out.all(|out| is.split(',').all(|has| has != out))
                    }
                    None => normal(is).eq_ignore_ascii_case(normal(wanted)),
                };
                (!right).then(|| (keyword.clone(), is.to_owned(), wanted.clone()))
            })
            .collect()
    }

    /// Tests a copy of the whole configuration with the new drop-in.
    fn try_out(
        &self,
        text: &str,
        options: &[String],
        others: &Config,
        cx: &mut ApplyCx<'_>,
    ) -> Result<(), Fault> {
        let stage = Path::new(STAGE);
        let path = self.path();
        let whole = Config::read(cx.host_mut.probe(), Some((&path, text)))?;
        cx.host_mut.remove_tree(stage)?;
        cx.host_mut.mkdir(stage, 0, 0, 0o700)?;
        for (file, text) in &whole.texts {
            // Files outside of the directory are read where they are.
            let Ok(inside) = file.strip_prefix(DIR) else {
                continue;
            };
            let copy = stage.join(inside);
            let dirs: Vec<_> = copy.ancestors().skip(1).collect();
            for dir in dirs.into_iter().rev() {
                if cx.host_mut.meta(dir)?.is_none() {
                    cx.host_mut.mkdir(dir, 0, 0, 0o700)?;
                }
            }
            cx.host_mut.put(&NewFile {
                path: &copy,
                bytes: moved(text, stage).as_bytes(),
                uid: 0,
                gid: 0,
                mode: 0o600,
            })?;
        }
        let main = stage.join("sshd_config").display().to_string();
        let argv = [PROGRAM, "-T", "-f", &main].map(String::from);
        let argv = [&argv, options].concat();
        let order = Invocation::new(argv.clone());
        let mut shown = cx.host_mut.tell(&order)?.answer(&argv);
        if shown.as_ref().is_err_and(lacks_directory) {
            // systemd creates it for the service, which may not run under socket activation.
            cx.host_mut.mkdir(Path::new(PRIVSEP), 0, 0, 0o755)?;
            shown = cx.host_mut.tell(&order)?.answer(&argv);
        }
        cx.host_mut.remove_tree(stage)?;
        let shown = shown.map_err(|fault| {
            Fault::new(format!("sshd rejects the new {}", path.display())).because(fault)
        })?;
        match Self::deviations(&self.wanted(others), &shown.stdout).first() {
            None => Ok(()),
            Some((keyword, is, wanted)) => Err(Fault::new(format!(
                "with the new {} sshd would still use {is} for {keyword} instead of {wanted}",
                path.display()
            ))
            .fix(
                "Find another line with this keyword in the configuration of sshd and remove it.",
            )),
        }
    }

    /// Sessions survive a reload. A socket starts an sshd that reads the configuration each time.
    fn reload(active: bool, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if !active {
            return Ok(());
        }
        cx.host_mut
            .run(&Invocation::new(["systemctl", "reload", UNIT]))
            .map_err(|fault| {
                Fault::new("sshd failed to load its new configuration")
                    .fix(format!(
                        "Read `journalctl --unit {UNIT} --lines 50` for the cause."
                    ))
                    .because(fault)
            })
    }
}

/// The options of the running sshd with that main process; none when it does not run.
pub(super) fn running_options(pid: u32, probe: &dyn Probe) -> Result<Vec<String>, Fault> {
    if pid == 0 {
        return Ok(Vec::new());
    }
    // It may end meanwhile.
    let cmdline = probe.read(&Path::new("/proc").join(pid.to_string()).join("cmdline"))?;
    Ok(sshd_command::options(&cmdline.unwrap_or_default()))
}

/// Whether sshd fails because of a missing directory that systemd creates for the service and for each connection.
fn lacks_directory(fault: &Fault) -> bool {
    fault.chain().contains("privilege separation directory")
}

/// The output of `sshd -T`, or a fault with its message.
pub(super) fn asked(options: &[String], probe: &dyn Probe) -> Result<String, Fault> {
    probe
        .ask(&Query::Sshd(options.to_vec()))
        .map(|said| said.stdout)
        .map_err(|fault| {
            let fix = match lacks_directory(&fault) {
                true => format!("Run `mkdir -p {PRIVSEP}`, then the same command again."),
                false => "Correct the configuration until `sshd -t` reports nothing, then run the same command again.".into(),
            };
            Fault::new("the SSH server rejects its own configuration, so its settings are not known")
                .fix(fix)
                .because(fault)
        })
}

/// One spelling for values with the same meaning; `sshd -T` has its own.
fn normal(value: &str) -> &str {
    match value {
        "prohibit-password" => "without-password",
        other => other,
    }
}

/// Whether a line overrides a setting of aztec-kit and is not as strict.
fn beats(line: &config::Line, ours: &Path, keyword: &str, wanted: &str, whole: &Config) -> bool {
    if line.directive.keyword != keyword || line.file == ours {
        return false;
    }
    let counts = match line.only_for {
        Some(_) => true,
        None => whole.first(keyword).is_some_and(|first| {
            (&first.file, first.directive.line) == (&line.file, line.directive.line)
        }),
    };
    counts && !strict::is_as_strict(keyword, &line.directive.value, wanted)
}

/// A line that requires more than a key, which could no longer be fulfilled.
fn second_factor(whole: &Config) -> Option<&config::Line> {
    whole.lines.iter().find(|line| {
        line.directive.keyword == "authenticationmethods"
            && !line
                .directive
                .value
                .split_whitespace()
                .any(|list| matches!(list, "any" | "publickey"))
    })
}

impl Kind for Sshd {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("sshd", &self.name)
    }

    fn validate(&self) -> Result<(), Fault> {
        let plain = |text: &String| !text.is_empty() && !text.contains(['\n', '#', '"']);
        if self
            .settings
            .iter()
            .all(|(keyword, value)| plain(keyword) && plain(value))
        {
            return Ok(());
        }
        Err(Fault::new(format!(
            "{} has a setting that is not one line",
            self.id()
        )))
    }

    fn units(&self) -> Vec<String> {
        vec![UNIT.into()]
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.path()]
    }

    fn guarded(&self) -> bool {
        true
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let state = cx.unit(UNIT)?;
        let options = running_options(state.main_pid, cx.probe)?;
        let others = self.others(&options, cx.probe)?;
        let text = self.text(&others);
        let memory = cx
            .memory
            .and_then(|memory| Memory::deserialize(memory).ok());
        let file = self.file(&text).observe(&Cx {
            memory: memory.as_ref().and_then(|memory| memory.file.as_ref()),
            ..*cx
        })?;
        let digest = Config::read(cx.probe, None)?.after(&options).digest();
        let active = matches!(state.active.as_str(), "active" | "reloading");
        let mut seen = Seen {
            file,
            text,
            deviations: Vec::new(),
            stale: false,
            changed: cx.probe.meta(&self.path())?.map(|meta| meta.changed_us),
            active,
            digest,
        };
        if !matches!(self.file(&seen.text).diff(&seen.file), Diff::InSync(_)) {
            return Ok(seen);
        }
        let known = memory.as_ref();
        let known = known.is_some_and(|memory| memory.digest == seen.digest);
        // sshd is asked only when one of its files changed since the last answer.
        if !known {
            let shown = asked(&options, cx.probe)?;
            seen.deviations = Self::deviations(&self.wanted(&others), &shown);
        }
        let read = cx.probe.clock().on_the_wall(state.changed_us);
        // A drop-in that was not touched since sshd read it is current, whatever the clock says.
        let known = memory.and_then(|memory| memory.read);
        let newer = |changed| known != Some(changed) && changed > read;
        seen.stale = active && seen.changed.is_some_and(newer);
        Ok(seen)
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = match self.file(&seen.text).diff(&seen.file) {
            Diff::Change(changes) => changes,
            Diff::InSync(_) | Diff::Unknown(_) => Vec::new(),
        };
        for (keyword, is, wanted) in &seen.deviations {
            changes.push(Change::field(keyword, Shown::text(is), Shown::text(wanted)));
        }
        if seen.stale {
            changes.push(Change::field(
                "process",
                Shown::text("read its configuration before it changed"),
                Shown::text("reloaded"),
            ));
        }
        Diff::of(changes, || "every value is effective".into())
    }

    fn prior(&self, seen: &Seen) -> Prior {
        Prior {
            file: self.file(&seen.text).prior(&seen.file),
        }
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        let proven = matches!(self.file(&seen.text).diff(&seen.file), Diff::InSync(_))
            && seen.deviations.is_empty();
        let memory = Memory {
            digest: seen.digest.clone(),
            file: self.file(&seen.text).memory(&seen.file),
            read: seen.changed.filter(|_| !seen.stale),
        };
        proven.then(|| serde_json::to_value(memory).ok()).flatten()
    }

    fn absent(&self, seen: &Seen) -> bool {
        self.file(&seen.text).absent(&seen.file)
    }

    fn keep(&self, seen: &Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        self.file(&seen.text).keep(&seen.file, host_mut)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if let Some(obstacle) = self.obstacle(cx.host_mut.probe())? {
            return Err(obstacle);
        }
        let pid = Cx::of(cx.host_mut.probe()).unit(UNIT)?.main_pid;
        let options = running_options(pid, cx.host_mut.probe())?;
        let others = self.others(&options, cx.host_mut.probe())?;
        self.try_out(&seen.text, &options, &others, cx)?;
        let file = self.file(&seen.text);
        if !matches!(file.diff(&seen.file), Diff::InSync(_)) {
            file.apply(&seen.file, cx)?;
        }
        Self::reload(seen.active, cx)?;
        let read = cx.host_mut.meta(&self.path())?.map(|meta| meta.changed_us);
        let known = cx
            .memory
            .and_then(|memory| Memory::deserialize(memory).ok());
        let made = Memory {
            read,
            ..known.unwrap_or_default()
        };
        cx.made = serde_json::to_value(made).ok();
        Ok(())
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        // A run that was killed during the test left it behind.
        cx.host_mut.remove_tree(Path::new(STAGE))?;
        let reverted = self.file("").revert(&prior.file, cx)?;
        let active = Cx::of(cx.host_mut.probe()).unit(UNIT)?.active == "active";
        Self::reload(active, cx)?;
        Ok(reverted)
    }
}
