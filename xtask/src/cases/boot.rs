//! The harness itself, on which all other cases rely.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Context;
use crate::machine::Root;

pub(super) fn run(context: &Context) -> Result<()> {
    let root = context.root()?;
    let mut machine = context.boot(&root, "boot")?;

    let state = machine.exec(&["systemctl", "is-system-running"])?;
    let failed = machine
        .exec(&["systemctl", "--failed", "--plain", "--no-legend"])?
        .stdout;
    ensure!(
        state.stdout.trim() == "running",
        "systemd is {}: {failed}",
        state.stdout.trim()
    );
    ensure!(machine.shell("hostname")?.trim() == "boot");
    ensure!(machine.exec(&["sh", "-c", "exit 7"])?.status == 7);
    ensure!(machine.command(&["cat"]).stdin("to and fro").run()?.stdout == "to and fro");
    ensure!(
        machine
            .command(&["sleep", "60"])
            .limit(Duration::from_secs(1))
            .run()?
            .status
            == 124
    );

    // Nothing of the outer machine gets in, and the machine must not reach its clock. The test sets the clock to its
    // own time, which does no harm if it is not refused.
    ensure!(
        machine
            .shell("env")?
            .lines()
            .all(|line| !line.starts_with("CARGO"))
    );
    let clock = machine.exec(&["sh", "-c", "date --set=@$(date +%s)"])?;
    ensure!(
        clock.status != 0,
        "a machine can set the outer machine's clock"
    );

    machine.exec_ok(&["apt-get", "update"])?;
    machine.exec_ok(&[
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "hello",
    ])?;
    ensure!(machine.shell("hello")?.starts_with("Hello"));

    sandboxing(&machine)?;

    // `kill` ends the program inside, and only `kill_tree` its children.
    let mut parent = machine.spawn(&["sh", "-c", "sleep 4242 & echo started; wait"])?;
    wait_for_line(&parent, "started")?;
    parent.kill()?;
    ensure!(
        machine.exec(&["pgrep", "-fx", "sleep 4242"])?.status == 0,
        "the child died as well"
    );
    parent.kill_tree()?;
    ensure!(
        machine.exec(&["pgrep", "-fx", "sleep 4242"])?.status == 1,
        "the child lives on"
    );

    let second = context.boot(&root, "second")?;
    let address = machine.ip().to_string();
    let mut server = machine.spawn(&[
        "sh",
        "-c",
        "cd /etc && exec perl -MIO::Socket::INET -e \
        '$s = IO::Socket::INET->new(LocalPort => 8080, Listen => 1, ReuseAddr => 1) or die; \
         print STDERR \"listening\\n\"; $c = $s->accept; print $c $c->peerhost, \"\\n\"'",
    ])?;
    wait_for_line(&server, "listening")?;
    let peer = second.shell(&format!("exec 3<>/dev/tcp/{address}/8080; cat <&3"))?;
    ensure!(
        peer.trim() == second.ip().to_string(),
        "a neighbour is seen as {peer}"
    );
    server.wait(Duration::from_secs(180))?;
    drop(second);

    machine.write("/root/note", "kept\n", 0o640)?;
    let before = machine.read("/proc/sys/kernel/random/boot_id")?;
    let identity = machine.read("/etc/machine-id")?;
    machine.kill_power()?;
    ensure!(
        machine.exec(&["true"]).is_err(),
        "a machine without power answers"
    );
    machine.start()?;
    ensure!(machine.read("/root/note")? == "kept\n");
    ensure!(machine.shell("stat -c %a /root/note")?.trim() == "640");
    ensure!(
        machine.read("/etc/machine-id")? == identity,
        "the machine changed its identity"
    );
    ensure!(!before.is_empty());
    // A program that entered from outside does not keep a machine running.
    let visitor = machine.spawn(&["sh", "-c", "echo started; sleep 4243"])?;
    wait_for_line(&visitor, "started")?;
    machine.reboot()?;
    ensure!(machine.exists("/root/note")? && !machine.exists("/root/nothing")?);
    machine.exec_ok(&["apt-get", "update"])?;
    Ok(())
}

/// The previous Debian release, with its own differences.
pub(super) fn run_previous(context: &Context) -> Result<()> {
    let machine = context.boot(&Root::pristine("bookworm")?, "bookworm")?;
    ensure!(
        machine
            .shell(". /etc/os-release; echo $VERSION_CODENAME")?
            .trim()
            == "bookworm"
    );
    machine.exec_ok(&["systemctl", "is-system-running"])?;
    machine.exec_ok(&["apt-get", "update"])?;
    Ok(())
}

/// Unit directives that services of real hosts use work here too.
fn sandboxing(machine: &crate::machine::Machine) -> Result<()> {
    machine
        .shell("useradd --system tester; install -m 600 /dev/stdin /root/secret <<<open-sesame")?;
    let output = machine.exec_ok(&[
        "systemd-run",
        "--quiet",
        "--wait",
        "--pipe",
        "--collect",
        "-pUser=tester",
        "-pLoadCredential=word:/root/secret",
        "-pPrivateUsers=yes",
        "-pPrivateDevices=yes",
        "-pPrivateTmp=yes",
        "-pProtectSystem=strict",
        "-pProtectHome=yes",
        "-pProtectKernelTunables=yes",
        "-pProtectKernelModules=yes",
        "-pProtectKernelLogs=yes",
        "-pProtectControlGroups=yes",
        "-pProtectClock=yes",
        "-pProtectHostname=yes",
        "-pProtectProc=invisible",
        "-pRestrictNamespaces=yes",
        "-pRestrictRealtime=yes",
        "-pRestrictSUIDSGID=yes",
        "-pLockPersonality=yes",
        "-pRemoveIPC=yes",
        "-pKeyringMode=private",
        "-pCapabilityBoundingSet=",
        "-pNoNewPrivileges=yes",
        "-pSystemCallFilter=@system-service",
        "-pSystemCallFilter=~@privileged @resources",
        "-pSystemCallArchitectures=native",
        "-pUMask=0077",
        "sh",
        "-c",
        "cat $CREDENTIALS_DIRECTORY/word; ls /root 2>&1; ls /dev; touch /etc/x 2>&1",
    ]);
    // The last command must fail: the file system is read-only.
    let output = match output {
        Ok(_) => anyhow::bail!("a sandboxed service can write to /etc"),
        Err(error) => format!("{error:#}"),
    };
    ensure!(output.contains("open-sesame"), "no credential: {output}");
    ensure!(
        output.contains("Permission denied"),
        "an open /root: {output}"
    );
    ensure!(
        output.contains("Read-only file system"),
        "no ProtectSystem: {output}"
    );
    ensure!(!output.contains("kmsg"), "no PrivateDevices: {output}");
    Ok(())
}

pub(super) fn wait_for_line(process: &crate::machine::Process, line: &str) -> Result<()> {
    crate::sh::wait_for(line, Duration::from_secs(180), || {
        Ok(process
            .printed()?
            .lines()
            .any(|printed| printed == line)
            .then_some(()))
    })
}
