//! Virtual machines: whole hosts with a kernel of their own, for what a container cannot show.
//!
//! A [`Vm`] is QEMU that emulates a machine in software, as it must on an outer machine without virtualisation: some
//! ten times slower than a [`crate::machine::Machine`], and half a minute to boot. So a case uses one only for the
//! kernel's settings, audit log, clock, memory control, a true boot and a power cut.
//!
//! It has one network card behind an address translation of QEMU; only the outer machine reaches it, at its port of
//! SSH. Everything that a virtual machine writes is gone when its [`Vm`] is dropped.

mod disk;
mod drive;
mod ssh;

pub use disk::Disk;

use std::fs::{self, File};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal};

use crate::machine::{Enter, Exec, Output, placing};
use crate::{cache, prerequisites, sh};
use drive::Drive;
use ssh::Door;

/// A boot takes half a minute when two cores have nothing else to do.
const BOOT: Duration = Duration::from_secs(600);

/// Without what slows an emulated processor down, without a check of timers that fails on a busy outer machine, and
/// without messages of the kernel in the middle of [`BOOTED`].
const KERNEL: &str =
    "console=ttyS0 loglevel=3 systemd.show_status=yes mitigations=off nokaslr no_timer_check";

/// A plain one: what newer ones have is emulated as well, and brings modules that try themselves at each boot. But
/// random numbers are there at once. And but one of them, since two wait for each other.
const CPU: &str = "qemu64,svm=off,rdrand=on";

/// Between two looks at a program that runs inside.
const A_MOMENT: Duration = Duration::from_millis(20);

/// Where the stick is inside: the second drive.
const STICK: &str = "/dev/vdb";

/// A node alone asks for 2 GiB, and a kernel keeps some for itself.
const MEMORY: &str = "2560M";

/// This is on the console when a host has booted (the name of the target is in white letters).
const BOOTED: &str = "multi-user.target\x1b";

/// A running virtual machine.
#[derive(Debug)]
pub struct Vm {
    qemu: Child,
    door: Door,
    dir: PathBuf,
    disk: Disk,
    drive: Drive,
    /// The file on the stick, and its length in bytes.
    stick: (PathBuf, u64),
    /// Held as long as this process owns the machine: a directory without a lock is a leftover.
    _owner: File,
}

impl Vm {
    /// Boots a virtual machine from a disk, which stays as it is. The `stick` is a file that [`Vm::install`] reads.
    pub fn boot(disk: &Disk, name: &str, stick: &Path) -> Result<Vm> {
        prerequisites::for_virtual_machines()?;
        let vms = cache::subdir("vms")?;
        // No other run may take our half-made directory for a leftover.
        let making = cache::lock(&vms.join("lock"))?;
        sweep(&vms)?;
        let dir = vms.join(format!("{name}.{}", std::process::id()));
        fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let owner = cache::lock(&dir.join("owner"))?;
        drop(making);
        let door = Door::new(disk.key(), dir.join("ssh"))?;
        let drive = Drive::new(&disk.image(), &dir.join("drive"), &dir.join("kept"))?;
        let mut vm = Vm {
            qemu: started(&dir, disk, stick, door.port())?,
            door,
            dir,
            disk: disk.clone(),
            drive,
            stick: (stick.to_owned(), fs::metadata(stick)?.len()),
            _owner: owner,
        };
        vm.wait_until_up()?;
        Ok(vm)
    }

    /// A program to run inside, to be given variables, input and a time limit before it starts.
    pub fn command(&self, argv: &[&str]) -> Exec<'_, Vm> {
        Exec::new(self, argv)
    }

    /// Runs a program inside to its end, whatever its exit code.
    pub fn exec(&self, argv: &[&str]) -> Result<Output> {
        self.command(argv).run()
    }

    /// Runs a shell script inside that must succeed (with `set -eu`), and gives what it prints.
    pub fn shell(&self, script: &str) -> Result<String> {
        Ok(self.exec(&["bash", "-euc", script])?.ok()?.stdout)
    }

    /// Puts a text into a file inside, with this mode.
    pub fn write(&self, dest: &str, text: &str, mode: u32) -> Result<()> {
        let exec = self.command(&placing(dest, mode).as_refs()).stdin(text);
        exec.run()?.ok().map(drop)
    }

    /// Copies the file on the stick to a place inside, with this mode: to encrypt a big file for SSH takes an emulated
    /// processor minutes.
    pub fn install(&self, dest: &str, mode: u32) -> Result<()> {
        let copy = format!(
            "head -c {} {STICK} >{dest}; chmod {mode:o} {dest}",
            self.stick.1
        );
        self.shell(&copy).map(drop)
    }

    /// Cuts the power at this moment, and boots again: all that the machine had not flushed is lost, except for the
    /// blocks of which this says that they had reached the platter. Gives how many are lost.
    pub fn cut(&mut self, reached: &mut dyn FnMut() -> bool) -> Result<usize> {
        let lost = self.drive.cut(reached)?;
        self.door.close();
        self.qemu.kill()?;
        self.qemu.wait()?;
        self.drive.on();
        self.qemu = started(&self.dir, &self.disk, &self.stick.0, self.door.port())?;
        self.wait_until_up()?;
        Ok(lost)
    }

    /// Runs a program, and cuts the power when the machine asks its disk to flush after so many other times; or at the
    /// end of the program, if that comes first: then gives what it came to.
    pub fn cut_during(
        &mut self,
        argv: &[&str],
        (flushes, done): (u64, bool),
        reached: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Output>> {
        self.drive.fail_after(flushes, done);
        let (drive, vm) = (self.drive.clone(), &*self);
        let ended = std::thread::scope(|scope| {
            let runs = scope.spawn(|| vm.exec(argv));
            while !runs.is_finished() && !drive.wait_until_off(A_MOMENT) {}
            let ended = runs.is_finished() && !drive.wait_until_off(Duration::ZERO);
            if !ended {
                // Its way in breaks with it.
                let _ = rustix::process::kill_process(pid(&vm.qemu)?, Signal::KILL);
            }
            let output = runs.join().unwrap_or_else(|it| resume_unwind(it));
            Ok::<_, anyhow::Error>(if ended { Some(output?) } else { None })
        })?;
        self.cut(reached)?;
        Ok(ended)
    }

    /// How often the machine has asked its disk to flush.
    pub fn flushes(&self) -> u64 {
        self.drive.flushes()
    }

    /// What is printed on the console since it was booted.
    fn console(&self) -> Result<String> {
        let bytes = fs::read(self.dir.join("console.log")).unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn wait_until_up(&mut self) -> Result<()> {
        self.door.close();
        let up = self.wait_for_console().and_then(|()| {
            self.door.open(BOOT)?;
            // Whether or not some unit failed.
            let state = self.exec(&["systemctl", "is-system-running", "--wait"])?;
            match state.stdout.trim() {
                "running" | "degraded" => Ok(()),
                state => bail!("systemd is {state}"),
            }
        });
        up.with_context(|| {
            let said = self.console().unwrap_or_default();
            let from = said.char_indices().rev().nth(3000).map_or(0, |(at, _)| at);
            let qemu = fs::read_to_string(self.dir.join("qemu.log")).unwrap_or_default();
            format!(
                "the virtual machine does not boot; QEMU says:\n{qemu}\nand its console:\n{}",
                &said[from..]
            )
        })
    }

    fn wait_for_console(&mut self) -> Result<()> {
        sh::wait_for("a boot on the console", BOOT, || {
            if let Some(status) = self.qemu.try_wait()? {
                bail!("QEMU ended early ({status})");
            }
            Ok(self.console()?.contains(BOOTED).then_some(()))
        })
    }
}

/// Starts QEMU; how far its machine comes, shows its console.
fn started(dir: &Path, disk: &Disk, stick: &Path, port: u16) -> Result<Child> {
    let said = File::create(dir.join("qemu.log"))?;
    let _ = fs::remove_file(dir.join("console.log"));
    // A killed xtask takes its machines along.
    sh::command("setpriv")
        .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
        .args(["-nodefaults", "-display", "none"])
        .args(["-machine", "q35,sata=off", "-accel", "tcg"])
        .args(["-cpu", CPU, "-smp", "1", "-m", MEMORY])
        .args(["-kernel".into(), disk.kernel()])
        .args(["-initrd".into(), disk.initrd()])
        .args(["-append", KERNEL])
        .arg("-drive")
        .arg(format!(
            "file=nbd+unix:///?socket={},if=virtio,format=raw,cache=writeback",
            dir.join("drive").display()
        ))
        .arg("-drive")
        .arg(format!(
            "file={},if=virtio,format=raw,readonly=on",
            stick.display()
        ))
        .arg("-nic")
        .arg(format!(
            "user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{port}-:22"
        ))
        .arg("-serial")
        .arg(format!("file:{}", dir.join("console.log").display()))
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said)
        .spawn()
        .context("cannot start QEMU")
}

fn pid(process: &Child) -> Result<Pid> {
    let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
    pid.context("no process")
}

impl Enter for Vm {
    fn entering(&self, argv: &[String]) -> Result<Command> {
        Ok(self.door.command(argv))
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.door.close();
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Removes what killed runs have left.
fn sweep(vms: &Path) -> Result<()> {
    for entry in fs::read_dir(vms)?.flatten() {
        let owner = File::open(entry.path().join("owner"));
        if entry.path().is_dir() && owner.is_ok_and(|owner| owner.try_lock().is_ok()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
