//! sshd of a hardened host, seen from another host: keys get in, passwords do not, and tunnels and sessions stay open. A
//! change that would lock the operator out is refused, and an unconfirmed change is rolled back.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::hardening::ssh_host;
use super::support::{APPLY, Kit, Listing, rolled_back, still_prints};
use super::{Context, KIT};
use crate::machine::{Machine, Process};
use crate::sh;

const CONFIG: &str = "/etc/aztec/kit.toml";
const DROP_IN: &str = "/etc/ssh/sshd_config.d/00-aztec-kit.conf";

/// Only SSH is hardened: the test enters wrong passwords, and must not be banned for them.
const KIT_TOML: &str = "\
[node]
enabled = false

[hardening]
enabled = true
ssh = true
fail2ban = false
updates = false
chrony = false
auditd = false
aide = false
kernel = false
";

pub(super) fn run(context: &Context) -> Result<()> {
    on(context, "trixie")
}

pub(super) fn run_previous(context: &Context) -> Result<()> {
    on(context, "bookworm")
}

fn on(context: &Context, suite: &str) -> Result<()> {
    let root = ssh_host(suite)?;
    let machine = context.boot(&root, "sshd")?;
    let client = Client(context.boot(&root, "client")?);
    context.push_kit(&machine)?;
    machine.write(CONFIG, KIT_TOML, 0o600)?;
    ensure!(
        client.password(&machine)? && !client.key(&machine)?,
        "not as prepared"
    );
    refused(
        &machine,
        "a host without a key",
        &["authorized_keys", "nobody could log in", "guest"],
    )?;

    let key = client.0.shell(
        "ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; cat /root/.ssh/id_ed25519.pub",
    )?;
    machine.shell("install -d -m 700 -o guest -g guest ~guest/.ssh")?;
    machine.write("/home/guest/.ssh/authorized_keys", &key, 0o644)?;
    ensure!(
        client.key(&machine)?,
        "the key does not work before hardening"
    );
    conflicts(&machine)?;

    let session = client.session(&machine)?;
    unconfirmed(&machine, &client)?;
    confirmed(&machine, &client)?;
    still_prints(&session).context("the session from before")?;
    stays(&machine)?;
    noted(&machine, &client, &key)?;
    later_match(&machine)?;
    removed(&machine, &client)?;
    still_prints(&session).context("the session, at the end")
}

/// Another host, from which users log in.
struct Client(Machine);

const OPTIONS: &str = "-o StrictHostKeyChecking=no -o ConnectTimeout=20 -o LogLevel=ERROR";

impl Client {
    fn login(&self, to: &Machine, how: &str, what: &str) -> Result<bool> {
        let command = format!("timeout 60 {how} {OPTIONS} guest@{} {what}", to.ip());
        let output = self.0.exec(&["bash", "-c", &command])?;
        Ok(output.status == 0 && output.stdout.contains("inside"))
    }

    fn password(&self, to: &Machine) -> Result<bool> {
        self.login(
            to,
            "sshpass -p open-sesame ssh -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1",
            "echo inside",
        )
    }

    fn key(&self, to: &Machine) -> Result<bool> {
        self.login(to, "ssh -o BatchMode=yes", "echo inside")
    }

    /// A session that prints a line every second.
    fn session(&self, to: &Machine) -> Result<Process> {
        let loops = format!(
            "exec ssh -o BatchMode=yes {OPTIONS} guest@{} 'while echo alive; do sleep 1; done'",
            to.ip()
        );
        self.0.spawn(&["bash", "-c", &loops])
    }

    /// A tunnel, as operators use one to reach dashboards. Here it leads to sshd itself, at the loopback of the host.
    fn tunnel(&self, to: &Machine) -> Result<bool> {
        let script = format!(
            "ssh -f -N -o BatchMode=yes -o ExitOnForwardFailure=yes {OPTIONS} \
             -L 3000:127.0.0.1:22 guest@{} && exec 3<>/dev/tcp/127.0.0.1/3000 && timeout 20 head -1 <&3",
            to.ip()
        );
        let output = self.0.exec(&["bash", "-c", &script])?;
        Ok(output.stdout.starts_with("SSH-2.0"))
    }
}

/// An apply that must exit with 2, have these parts in its message, and leave the host alone.
fn refused(machine: &Machine, what: &str, parts: &[&str]) -> Result<()> {
    let untouched = Listing::of(machine)?;
    let output = Kit(machine).run(APPLY)?;
    ensure!(
        output.status == 2,
        "{what}: it ends with {}: {}{}",
        output.status,
        output.stdout,
        output.stderr
    );
    for part in parts {
        ensure!(
            output.stderr.contains(part),
            "{what}: no `{part}` in {}",
            output.stderr
        );
    }
    untouched.still(machine, what)
}

/// The message names the place of every setting that wins over the drop-in of aztec-kit.
fn conflicts(machine: &Machine) -> Result<()> {
    let main = "/etc/ssh/sshd_config";
    let text = machine.read(main)?;
    let matching = format!("{text}\nMatch User guest\n  PasswordAuthentication yes\n");
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with("Include"))
        .map(|line| format!("{line}\n"))
        .collect();
    ensure!(without != text, "{main} has no Include by itself");
    for (what, text, parts) in [
        (
            "a Match",
            &matching,
            &["`Match User guest`", "passwordauthentication yes", main][..],
        ),
        (
            "no Include",
            &without,
            &["does not include", "Include /etc/ssh/sshd_config.d"][..],
        ),
    ] {
        machine.write(main, text, 0o644)?;
        refused(machine, what, parts)?;
    }
    machine.write(main, &text, 0o644)?;
    let earlier = "/etc/ssh/sshd_config.d/00-a.conf";
    machine.write(earlier, "PermitRootLogin yes\n", 0o644)?;
    refused(
        machine,
        "an earlier drop-in",
        &["line 1 of /etc/ssh/sshd_config.d/00-a.conf"],
    )?;
    machine.shell(&format!("rm {earlier}"))?;
    machine.shell("chmod g+w ~guest/.ssh")?;
    refused(
        machine,
        "keys that sshd does not trust",
        &["others can write to /home/guest/.ssh"],
    )?;
    machine.shell("chmod g-w ~guest/.ssh")?;
    // A setting that is in no file: the command line of the running sshd.
    let options = "SSHD_OPTS='-o PasswordAuthentication=yes'";
    machine.shell(&format!(
        "cp -a /etc/default/ssh /root/ssh.default; echo \"{options}\" >/etc/default/ssh; systemctl restart ssh"
    ))?;
    refused(
        machine,
        "a command line that wins",
        &["command line of ssh.service", "passwordauthentication yes"],
    )?;
    machine.shell("mv /root/ssh.default /etc/default/ssh; systemctl restart ssh")?;
    // sshd was broken before: the message quotes sshd, and nothing is changed.
    machine.write(main, &format!("{text}\nNonsense yes\n"), 0o644)?;
    refused(
        machine,
        "an sshd that is broken",
        &["rejects its own configuration", "Nonsense"],
    )?;
    let plan = Kit(machine).run(&["plan"])?;
    ensure!(plan.status == 0, "{}{}", plan.stdout, plan.stderr);
    machine.write(main, &text, 0o644)
}

fn unconfirmed(machine: &Machine, client: &Client) -> Result<()> {
    let args = [APPLY, &["--confirm-within", "30"]].concat();
    let output = Kit(machine).run(&args)?.ok()?;
    ensure!(
        output.stderr.contains("aztec-kit confirm"),
        "no word of `confirm`: {}",
        output.stderr
    );
    ensure!(
        output.stderr.contains("IdentitiesOnly"),
        "no word of an agent with many keys: {}",
        output.stderr
    );
    ensure!(
        machine.exists(DROP_IN)? && !client.password(machine)?,
        "passwords are still taken"
    );
    rolled_back(machine)?;
    ensure!(!machine.exists(DROP_IN)?, "{DROP_IN} is still there");
    sh::wait_for(
        "passwords are taken again",
        Duration::from_secs(180),
        || Ok(client.password(machine)?.then_some(())),
    )?;
    let status = Kit(machine).run(&["status"])?;
    ensure!(status.stdout.contains("rolled back"), "{}", status.stdout);
    Ok(())
}

fn confirmed(machine: &Machine, client: &Client) -> Result<()> {
    let kit = Kit(machine);
    kit.apply()?;
    ensure!(client.key(machine)?, "a key does not get in any more");
    kit.run(&["confirm"])?.ok()?;
    ensure!(!client.password(machine)?, "a password still gets in");
    ensure!(client.tunnel(machine)?, "no tunnel to a dashboard");
    let config = machine.exec_ok(&["sshd", "-T"])?.stdout;
    for line in [
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "permitrootlogin without-password",
        "maxauthtries 3",
        "x11forwarding no",
        "allowtcpforwarding local",
        "allowagentforwarding no",
    ] {
        ensure!(
            config.lines().any(|other| other == line),
            "sshd -T does not say {line}"
        );
    }
    for weak in [
        "hmac-sha1",
        "ecdh-sha2-nistp256",
        "umac-64@openssh.com",
        "group14",
    ] {
        ensure!(
            !config.lines().any(|line| {
                (line.starts_with("macs ") || line.starts_with("kexalgorithms "))
                    && line.contains(weak)
            }),
            "{weak} is still offered"
        );
    }
    Ok(())
}

/// A second run changes nothing, and does not even run sshd.
fn stays(machine: &Machine) -> Result<()> {
    let again = Kit(machine).apply()?;
    ensure!(again.is_empty(), "a second apply changes {again:?}");
    machine.shell("mv /usr/sbin/sshd /usr/sbin/sshd.away")?;
    let plan = Kit(machine).in_sync();
    machine.shell("mv /usr/sbin/sshd.away /usr/sbin/sshd")?;
    plan.context("without sshd")?;
    Kit(machine).in_sync()
}

/// The address of an operator who runs `setup` over SSH is not banned, also through a sudo that removes the variables.
fn noted(machine: &Machine, client: &Client, key: &str) -> Result<()> {
    machine.shell("install -d -m 700 /root/.ssh")?;
    machine.write("/root/.ssh/authorized_keys", key, 0o600)?;
    let command = format!(
        "ssh -o BatchMode=yes {OPTIONS} root@{} 'env -i {KIT} setup --with-hardening --dry-run; exit $?'",
        machine.ip()
    );
    let shown = client.0.exec(&["bash", "-c", &command])?.ok()?;
    let line = format!("+never_ban = [\"{}\"]", client.0.ip());
    ensure!(
        shown.stdout.contains(&line),
        "no `{line}` in {}",
        shown.stdout
    );
    machine.shell("rm -r /root/.ssh")?;
    Ok(())
}

/// A setting that wins later is reported, and the run does not fight it.
fn later_match(machine: &Machine) -> Result<()> {
    let main = "/etc/ssh/sshd_config";
    let text = machine.read(main)?;
    machine.write(main, &format!("X11Forwarding yes\n{text}"), 0o644)?;
    let plan = Kit(machine).run(&["plan", "--check"])?;
    ensure!(
        plan.status == 3 && plan.stdout.contains("x11forwarding"),
        "the plan does not see it: {}",
        plan.stdout
    );
    refused(
        machine,
        "a line before the Include",
        &["line 1 of /etc/ssh/sshd_config"],
    )?;
    machine.write(main, &text, 0o644)?;
    let again = Kit(machine).apply()?;
    ensure!(again.is_empty(), "{again:?}");
    Ok(())
}

fn removed(machine: &Machine, client: &Client) -> Result<()> {
    machine.write(
        CONFIG,
        &KIT_TOML.replace("ssh = true", "ssh = false"),
        0o600,
    )?;
    let argv = [&[KIT], APPLY, &["--confirm"]].concat();
    machine.exec_ok(&argv)?;
    ensure!(!machine.exists(DROP_IN)?, "{DROP_IN} is still there");
    ensure!(
        client.password(machine)? && client.key(machine)?,
        "not as before"
    );
    Ok(())
}
