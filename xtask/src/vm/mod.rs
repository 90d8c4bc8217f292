//! Virtual machines: whole hosts with their own kernel, for tests that a container cannot do.
//!
//! A [`Vm`] is QEMU that emulates a machine in software, since the outer machine may lack virtualisation. It is about
//! ten times slower than a [`crate::machine::Machine`], and boots in half a minute. A case uses one only for the
//! kernel's settings, audit log, clock, memory control, a true boot and a power cut.
//!
//! It has one network card behind QEMU's address translation. Only the outer machine reaches it, at its port of SSH.
//! Everything that a virtual machine writes is gone when its [`Vm`] is dropped.

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

/// A boot takes half a minute on two otherwise idle cores.
const BOOT: Duration = Duration::from_secs(600);

/// Options without mitigations that slow an emulated processor down, without a check of timers that fails on a busy
/// outer machine, and without kernel messages in the middle of [`BOOTED`].
const KERNEL: &str =
    "console=ttyS0 loglevel=3 systemd.show_status=yes mitigations=off nokaslr no_timer_check";

/// A plain processor: the features of newer ones are emulated too, and load modules that test themselves at each boot.
/// Random numbers are available at once. There is only one processor, since two wait for each other.
const CPU: &str = "qemu64,svm=off,rdrand=on";

/// The time between two checks of a program that runs inside.
const A_MOMENT: Duration = Duration::from_millis(20);

/// The device of the stick inside: the second drive.
const STICK: &str = "/dev/vdb";

/// A node alone needs 2 GiB, and the kernel keeps some for itself.
const MEMORY: &str = "2560M";

/// A host has booted when this is on its console. The name of the target is in white letters.
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
    /// The lock is held as long as this process owns the machine. A directory without a lock is a leftover.
    _owner: File,
}

impl Vm {
    /// Boots a virtual machine from a disk, which stays as it is. The `stick` is a file that [`Vm::install`] reads.
    pub fn boot(disk: &Disk, name: &str, stick: &Path) -> Result<Vm> {
        prerequisites::for_virtual_machines()?;
        let vms = cache::subdir("vms")?;
        // Another run must not take the unfinished directory for a leftover.
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

    /// A program to run inside. Variables, input and a time limit can be added before it starts.
    pub fn command(&self, argv: &[&str]) -> Exec<'_, Vm> {
        Exec::new(self, argv)
    }

    /// Runs a program inside to its end, whatever its exit code.
    pub fn exec(&self, argv: &[&str]) -> Result<Output> {
        self.command(argv).run()
    }

    /// Runs a shell script inside that must succeed (with `set -eu`), and returns its output.
    pub fn shell(&self, script: &str) -> Result<String> {
        Ok(self.exec(&["bash", "-euc", script])?.ok()?.stdout)
    }

    /// Writes a text to a file inside, with this mode.
    pub fn write(&self, dest: &str, text: &str, mode: u32) -> Result<()> {
        let exec = self.command(&placing(dest, mode).as_refs()).stdin(text);
        exec.run()?.ok().map(drop)
    }

    /// Copies the file on the stick to a place inside, with this mode. Encrypting a big file for SSH takes an emulated
    /// processor minutes.
    pub fn install(&self, dest: &str, mode: u32) -> Result<()> {
        let copy = format!(
            "head -c {} {STICK} >{dest}; chmod {mode:o} {dest}",
            self.stick.1
        );
        self.shell(&copy).map(drop)
    }

    /// Cuts the power now, and boots again. All writes that the machine has not flushed are lost, except for the blocks
    /// of which `reached` says that they are durable. Returns how many are lost.
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

    /// Runs a program, and cuts the power at the flush after so many others, or at the end of the program if that comes
    /// first. In that case it returns the output of the program.
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
                // The connection breaks with it.
                let _ = rustix::process::kill_process(pid(&vm.qemu)?, Signal::KILL);
            }
            let output = runs.join().unwrap_or_else(|it| resume_unwind(it));
            Ok::<_, anyhow::Error>(if ended { Some(output?) } else { None })
        })?;
        self.cut(reached)?;
        Ok(ended)
    }

    /// The number of flushes so far.
    pub fn flushes(&self) -> u64 {
        self.drive.flushes()
    }

    /// The output on the console since the last boot.
    fn console(&self) -> Result<String> {
        let bytes = fs::read(self.dir.join("console.log")).unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn wait_until_up(&mut self) -> Result<()> {
        self.door.close();
        let up = self.wait_for_console().and_then(|()| {
            self.door.open(BOOT)?;
            // A failed unit does not matter here.
            let state = self.exec(&["systemctl", "is-system-running", "--wait"])?;
            match state.stdout.trim() {
                "running" | "degraded" => Ok(()),
                state => bail!("systemd is {state}"),
            }
        });
        up.with_context(|| {
            let output = self.console().unwrap_or_default();
            let from = output
                .char_indices()
                .rev()
                .nth(3000)
                .map_or(0, |(at, _)| at);
            let qemu = fs::read_to_string(self.dir.join("qemu.log")).unwrap_or_default();
            format!(
                "the virtual machine does not boot; QEMU says:\n{qemu}\nand its console:\n{}",
                &output[from..]
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

/// Starts QEMU. The console shows how far its machine boots.
fn started(dir: &Path, disk: &Disk, stick: &Path, port: u16) -> Result<Child> {
    let log = File::create(dir.join("qemu.log"))?;
    let _ = fs::remove_file(dir.join("console.log"));
    // The machines of a killed xtask end with it.
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
        .stdout(log.try_clone()?)
        .stderr(log)
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

/// Removes the remains of killed runs.
fn sweep(vms: &Path) -> Result<()> {
    for entry in fs::read_dir(vms)?.flatten() {
        let owner = File::open(entry.path().join("owner"));
        if entry.path().is_dir() && owner.is_ok_and(|owner| owner.try_lock().is_ok()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
