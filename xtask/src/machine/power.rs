//! Power of a machine: boot, shutdown, power cut.

use std::ffi::OsString;
use std::fs::{self, File};
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::disk::START;
use super::{End, FORBIDDEN_CAPABILITIES, Machine, exec};
use crate::sh;

/// A boot takes 2 s here. A busy machine of two cores may need many times that.
const BOOT: Duration = Duration::from_secs(300);

/// systemd waits for a service as long as its unit says, which is 180 s for an Aztec process (`stop_seconds` of its
/// release has the reason), and then stops the rest.
const POWEROFF: Duration = Duration::from_secs(300);

/// The time between two wake-ups of visitors in a machine that stops.
const WAKE: Duration = Duration::from_millis(200);

impl Machine {
    /// Boots a machine that is powered off, from its disk.
    pub fn start(&mut self) -> Result<()> {
        if self.cgroup.alive() {
            bail!("the machine {} runs already", self.name);
        }
        if self.owner.is_none() {
            bail!(
                "only the run that made the machine {} can start it again",
                self.name
            );
        }
        self.cgroup.create()?;
        let console = self.dir.join("console.log");
        let log = File::options().create(true).append(true).open(&console)?;
        let mut command = sh::command("setsid");
        if self.options.end == End::Remove {
            // The machines of a killed xtask end with it. Their remains are swept at the next start.
            command.args(["setpriv", "--pdeathsig", "KILL"]);
        }
        command
            .args([
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "--pid",
                "--fork",
            ])
            .args([
                "--kill-child=KILL",
                "--mount-proc",
                "sh",
                "-c",
                START,
                "start",
            ])
            .arg(self.cgroup.path())
            .arg(self.dir.join("root"))
            .arg(self.disk().lower())
            .arg(self.dir.join("upper"))
            .arg(self.dir.join("work"))
            .args(self.nspawn()?)
            .env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "network")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.keeper = Some(command.spawn().context("cannot start unshare")?);
        self.wait_until_up().with_context(|| {
            let output = fs::read_to_string(&console).unwrap_or_default();
            let from = output
                .char_indices()
                .rev()
                .nth(3000)
                .map_or(0, |(at, _)| at);
            format!(
                "{} does not boot; its console says:\n{}",
                self.name,
                &output[from..]
            )
        })
    }

    fn nspawn(&self) -> Result<Vec<OsString>> {
        let mut argv: Vec<OsString> = vec!["systemd-nspawn".into(), "-D".into()];
        argv.push(self.dir.join("root").into());
        let forbidden: Vec<_> = FORBIDDEN_CAPABILITIES
            .iter()
            .map(|name| format!("CAP_{}", name.to_uppercase()))
            .collect();
        argv.extend(
            [
                "--boot".to_owned(),
                // The outer machine need not run systemd.
                "--register=no".to_owned(),
                "--keep-unit".to_owned(),
                format!("--machine={}", self.name),
                format!("--hostname={}", self.name),
                format!(
                    "--network-namespace-path={}",
                    self.slot.namespace_path().display()
                ),
                "--resolv-conf=off".to_owned(),
                "--timezone=off".to_owned(),
                "--link-journal=no".to_owned(),
                "--console=pipe".to_owned(),
                // A host has all of them. Container engines inside need most.
                "--capability=all".to_owned(),
                format!("--drop-capability={}", forbidden.join(",")),
                "--system-call-filter=@keyring bpf".to_owned(),
            ]
            .map(Into::into),
        );
        for (outside, inside) in &self.options.binds {
            fs::create_dir_all(outside)?;
            argv.push(format!("--bind={}:{inside}", outside.display()).into());
        }
        for (number, inside) in self.options.plain.iter().enumerate() {
            let outside = self.dir.join(format!("plain-{number}"));
            fs::create_dir_all(&outside)?;
            argv.push(format!("--bind={}:{inside}", outside.display()).into());
        }
        Ok(argv)
    }

    fn wait_until_up(&mut self) -> Result<()> {
        sh::wait_for("systemd's end of booting", BOOT, || {
            if let Some(keeper) = &mut self.keeper
                && let Some(status) = keeper.try_wait()?
            {
                bail!("systemd-nspawn ended early ({status})");
            }
            if self.cgroup.leader().is_none() {
                return Ok(None);
            }
            // While systemd sets itself up, entering may fail. That means "not yet" too.
            let state = self.exec(&["systemctl", "is-system-running"]).ok();
            let state = state.as_ref().map_or("", |output| output.stdout.trim());
            Ok(matches!(state, "running" | "degraded").then_some(()))
        })
    }

    /// Shuts the machine down properly. [`Machine::start`] boots it again.
    pub fn poweroff(&mut self) -> Result<()> {
        let leader = self.cgroup.leader();
        std::thread::scope(|scope| {
            let (off, done) = mpsc::channel::<()>();
            scope.spawn(move || {
                while done.recv_timeout(WAKE) == Err(RecvTimeoutError::Timeout) {
                    leader.into_iter().for_each(exec::wake_visitors);
                }
            });
            let outcome = self.wait_until_off();
            drop(off);
            outcome
        })?;
        self.reap();
        Ok(())
    }

    fn wait_until_off(&mut self) -> Result<()> {
        sh::wait_for("the machine's power-off", POWEROFF, || {
            if let Some(keeper) = &mut self.keeper {
                let _ = keeper.try_wait()?;
            }
            if !self.cgroup.alive() {
                return Ok(Some(()));
            }
            // A request can be lost, for example on a busy bus. The connection may also break before the answer
            // arrives, so the code asks whether systemd stops.
            let state = self.exec(&["systemctl", "is-system-running"]).ok();
            if state.is_some_and(|output| matches!(output.stdout.trim(), "running" | "degraded")) {
                let _ = self.exec(&["systemctl", "poweroff"]);
            }
            Ok(None)
        })
        .with_context(|| self.pending_jobs())
    }

    /// The jobs that systemd waits for, and the last console output of the machine.
    fn pending_jobs(&self) -> String {
        let output = |argv: &[&str]| match self.exec(argv) {
            Ok(output) => output.stdout + &output.stderr,
            Err(error) => format!("{error:#}\n"),
        };
        format!(
            "{} does not power off; its jobs:\n{}its journal:\n{}",
            self.name,
            output(&["systemctl", "list-jobs", "--no-pager"]),
            output(&["journalctl", "--no-pager", "--lines=60"]),
        )
    }

    /// Cuts the power: every process ends at once. [`Machine::start`] boots it again.
    pub fn kill_power(&mut self) -> Result<()> {
        self.cgroup.kill()?;
        self.reap();
        Ok(())
    }

    /// Reboots the machine properly.
    pub fn reboot(&mut self) -> Result<()> {
        self.poweroff()?;
        self.start()
    }

    pub(super) fn reap(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
    }
}
