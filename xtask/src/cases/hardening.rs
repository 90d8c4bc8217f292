//! A hardened host: whoever guesses passwords is shut out, upgrades leave the node alone, and all of it goes
//! away again. No role of Aztec runs here, so it takes no node, and any Debian.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::support::{
    APPLY, Kit, applied, chain_advances, invocations, reached, reaches, restarted,
};
use super::{Context, chain};
use crate::machine::{Machine, Root};
use crate::{say, sh};

const KIT_TOML: &str = "\
[node]
enabled = false

[hardening]
enabled = true
ssh = false
";

/// What every machine here has beyond a minimal Debian, and the clock service that Debian installs by default.
const PACKAGES: &str = "openssh-server openssh-client sshpass systemd-timesyncd";

/// fail2ban reads the journal and its own log at once.
const BAN: Duration = Duration::from_secs(180);

/// systemd listens in the place of sshd, and elsewhere.
const BY_SOCKET: &str = "\
    mkdir /etc/systemd/system/ssh.socket.d; \
    printf '[Socket]\\nListenStream=\\nListenStream=2222\\n' >/etc/systemd/system/ssh.socket.d/port.conf; \
    systemctl daemon-reload; systemctl stop ssh.service; systemctl start ssh.socket";

/// And no more.
const BY_ITSELF: &str = "rm -r /etc/systemd/system/ssh.socket.d; \
    systemctl daemon-reload; systemctl stop ssh.socket ssh.service; systemctl start ssh.service";

const CONFIG: &str = "/etc/aztec/kit.toml";

pub(super) fn run(context: &Context) -> Result<()> {
    let (mut machine, before) = hardened(context, "trixie")?;
    refused_candidate(&machine)?;
    bans_without_a_log(&machine)?;
    bans_outlive_nftables(&machine).context("whoever flushes the bans")?;
    dies_later(&machine)?;
    overridden_upgrades(&machine)?;
    at_boot(&mut machine)?;
    removal(&machine, &before)
}

/// aide, fail2ban, sshd, chrony and unattended-upgrades are other versions there.
pub(super) fn run_previous(context: &Context) -> Result<()> {
    let (machine, before) = hardened(context, "bookworm")?;
    bans_without_a_log(&machine)?;
    removal(&machine, &before)?;
    taken_along(&machine)
}

/// A sequencer that runs is hardened and gets a firewall: it does not stop for it, and the chain goes on.
pub(super) fn run_chain(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "hardened-chain")?;
    let kit = Kit(&machine);
    kit.apply()?;
    let before = invocations(&machine)?;
    let bootstrap = [
        "bootstrap",
        "--with-hardening",
        "--with-firewall",
        "--confirm",
        "--yes",
        "--patience",
        "0",
        "--json",
    ];
    let changed = applied(&kit.json(&bootstrap, 0)?)?;
    ensure!(changed.len() > 10, "only {changed:?}");
    let again = restarted(&before, &invocations(&machine)?);
    ensure!(again.is_empty(), "bootstrap restarts {again:?}");
    let again = applied(&kit.json(&bootstrap, 0)?)?;
    ensure!(again.is_empty(), "a second bootstrap changes {again:?}");
    machine.exec_ok(&["systemctl", "start", "aztec-kit-aide.service"])?;
    chain_advances(&machine, 1)?;
    let again = restarted(&before, &invocations(&machine)?);
    ensure!(again.is_empty(), "later {again:?} was restarted");
    kit.in_sync()
}

/// A Debian with an SSH server, a user `guest` who has a password, and a client.
pub(super) fn ssh_host(suite: &str) -> Result<Root> {
    let recipe = format!("1 {PACKAGES}");
    Root::layered(&Root::pristine(suite)?, "ssh-host", &recipe, |machine| {
        machine.shell(&format!(
            "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; \
             apt-get -qq --yes --no-install-recommends install {PACKAGES} >&2; \
             useradd --create-home --shell /bin/bash guest; echo guest:open-sesame | chpasswd"
        ))?;
        Ok(())
    })
}

/// A host that is hardened, checked, attacked; and what it was before.
fn hardened(context: &Context, suite: &str) -> Result<(Machine, State)> {
    let root = ssh_host(suite)?;
    let machine = context.boot(&root, "hardened")?;
    let operator = context.boot(&root, "operator")?;
    let attacker = context.boot(&root, "attacker")?;
    context.push_kit(&machine)?;
    let before = State::of(&machine)?;
    machine.write(CONFIG, &never_ban(&operator), 0o600)?;
    // As of a node that is to come.
    machine.write("/etc/aztec/admin-api-key", "a secret\n", 0o600)?;
    by_policy(&machine).context("a host that routes by policy")?;
    let kit = Kit(&machine);
    kit.apply().context("the first apply")?;
    let again = kit.apply()?;
    ensure!(again.is_empty(), "a second apply changes {again:?}");
    integrity(&machine)?;
    upgrades(&machine)?;
    clock(&machine)?;
    bans(&machine, &operator, &attacker)?;
    kit.in_sync().context("after an attack")?;
    Ok((machine, before))
}

fn never_ban(operator: &Machine) -> String {
    format!("{KIT_TOML}never_ban = [\"{}\"]\n", operator.ip())
}

/// One with a routing table of its own keeps its filter of reverse paths: the strict one would cut its answers off.
fn by_policy(machine: &Machine) -> Result<()> {
    machine.shell("ip route add 192.0.2.0/24 dev lo table 52")?;
    let plan = Kit(machine).json(&["plan", "--json"], 0)?.to_string();
    ensure!(
        plan.contains("arp_ignore") && !plan.contains("rp_filter"),
        "{plan}"
    );
    let told = Kit(machine).run(&["preflight"])?;
    let told = format!("{}{}", told.stdout, told.stderr);
    ensure!(told.contains("routing tables of its own (52)"), "{told}");
    machine.shell("ip route flush table 52")?;
    Ok(())
}

/// Only security origins, no reboot, and nothing of Aztec is restarted.
fn upgrades(machine: &Machine) -> Result<()> {
    let told = machine.exec_ok(&["unattended-upgrade", "--dry-run", "--debug"])?;
    let said = format!("{}{}", told.stdout, told.stderr);
    let origins = said
        .lines()
        .find(|line| line.contains("Allowed origins are:"))
        .with_context(|| format!("no origins: {said}"))?;
    ensure!(
        origins.contains("-security,label=Debian-Security") && !origins.contains("label=Debian,"),
        "{origins}"
    );
    ensure!(!origins.contains("label=Debian'"), "{origins}");
    let config = machine.exec_ok(&["apt-config", "dump"])?.stdout;
    for line in [
        "Unattended-Upgrade::Automatic-Reboot \"false\";",
        "APT::Periodic::Unattended-Upgrade \"1\";",
    ] {
        ensure!(config.contains(line), "apt does not read {line}");
    }
    // What needrestart itself makes of its files.
    machine.shell(
        "export DEBIAN_FRONTEND=noninteractive; \
         apt-get -qq --yes --no-install-recommends install needrestart >&2",
    )?;
    let verdict = machine.shell(
        "perl -e 'our %nrconf; my $LOGPREF = q(); eval do { local(@ARGV, $/) = q(/etc/needrestart/needrestart.conf); <> }; \
         die $@ if $@; my ($re) = grep { q(aztec-sequencer.service) =~ /$_/ } keys %{$nrconf{override_rc}}; \
         print qq($nrconf{restart} $nrconf{override_rc}{$re}\\n)'",
    )?;
    ensure!(
        verdict.trim() == "l 0",
        "needrestart would restart: {verdict}"
    );
    Ok(())
}

/// chrony took the place of timesyncd. A container may not set the clock: there it may only run without.
fn clock(machine: &Machine) -> Result<()> {
    ensure!(
        !machine.exists("/usr/lib/systemd/systemd-timesyncd")?,
        "two clock services"
    );
    ensure!(machine.exists("/usr/sbin/chronyd")?, "no chrony");
    Ok(())
}

/// Six wrong passwords.
fn attack(from: &Machine, to: &Machine, port: u16) -> Result<()> {
    let command = format!(
        "for i in 1 2 3 4 5 6; do timeout 10 sshpass -p wrong-$i ssh -p {port} -o StrictHostKeyChecking=no \
         -o ConnectTimeout=5 -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 guest@{} true || true; done",
        to.ip()
    );
    from.shell(&command)?;
    Ok(())
}

/// Waits until an address is in a jail; gives what fail2ban says of it.
fn banned(machine: &Machine, jail: &str, who: &Machine) -> Result<String> {
    let status = sh::wait_for(&format!("a ban by {jail}"), BAN, || {
        let status = machine
            .exec_ok(&["fail2ban-client", "status", jail])?
            .stdout;
        Ok(status.contains(&who.ip().to_string()).then_some(status))
    });
    status.with_context(|| {
        let log =
            machine.shell("tail -20 /var/log/fail2ban.log; journalctl -u ssh -n 20 --no-pager");
        log.unwrap_or_default()
    })
}

fn bans(machine: &Machine, operator: &Machine, attacker: &Machine) -> Result<()> {
    listed(machine)?;
    reached(attacker, machine, 22)?;
    reached(operator, machine, 22)?;
    attack(operator, machine, 22)?;
    attack(attacker, machine, 22)?;
    let jail = banned(machine, "sshd", attacker)?;
    ensure!(
        !jail.contains(&operator.ip().to_string()),
        "the operator is banned: {jail}"
    );
    ensure!(
        !reaches(attacker, machine, 22)?,
        "who is banned still reaches sshd"
    );
    reached(operator, machine, 22).context("the operator")?;
    recidive(machine, attacker)
}

/// Who comes back again and again, at whatever port and however sshd is started, is shut out for long.
fn recidive(machine: &Machine, attacker: &Machine) -> Result<()> {
    let ip = attacker.ip().to_string();
    let forgive = || machine.exec_ok(&["fail2ban-client", "set", "sshd", "unbanip", &ip]);
    machine.shell(BY_SOCKET)?;
    for _ in 0..2 {
        forgive()?;
        sh::wait_for("the end of a ban", BAN, || {
            Ok(reaches(attacker, machine, 2222)?.then_some(()))
        })?;
        attack(attacker, machine, 2222)?;
        banned(machine, "sshd", attacker)?;
    }
    banned(machine, "recidive", attacker)?;
    forgive()?;
    ensure!(
        !reaches(attacker, machine, 2222)?,
        "the third ban is as short as the first"
    );
    machine.shell(BY_ITSELF)?;
    Ok(())
}

/// Who switches a service off for the next boot is undone, without a restart; and after a power cut all runs again.
fn at_boot(machine: &mut Machine) -> Result<()> {
    let run = |machine: &Machine| {
        machine.shell("systemctl show --property=InvocationID fail2ban.service")
    };
    machine.shell("systemctl --quiet disable fail2ban.service apt-daily.timer")?;
    let before = run(machine)?;
    let changed = Kit(machine).apply()?;
    ensure!(
        ["service[fail2ban.service]", "service[apt-daily.timer]"]
            .iter()
            .all(|id| changed.iter().any(|changed| changed == id)),
        "nobody sees that they would not start: {changed:?}"
    );
    ensure!(run(machine)? == before, "fail2ban was restarted");
    // What the check finds is what this case has installed by hand, and not our own links.
    let (_, said) = compare(machine)?;
    ensure!(!said.contains("fail2ban.service"), "{said}");
    machine.kill_power()?;
    machine.start()?;
    Kit(machine).in_sync().context("after a power cut")
}

/// What fail2ban refuses does not go live, and what is live stays.
fn refused_candidate(machine: &Machine) -> Result<()> {
    machine.write(
        "/etc/fail2ban/jail.d/broken.local",
        "[sshd]\nfilter = no-such-filter\n",
        0o644,
    )?;
    let live = "/etc/fail2ban/jail.d/aztec-kit.local";
    let text = machine.read(live)?;
    machine.shell(&format!("echo '# drift' >> {live}"))?;
    let drifted = machine.read(live)?;
    let output = Kit(machine).run(APPLY)?;
    ensure!(
        output.status != 0,
        "a candidate that fail2ban refuses went live"
    );
    ensure!(
        machine.read(live)? == drifted,
        "a refused candidate replaced what was live"
    );
    machine.shell("rm /etc/fail2ban/jail.d/broken.local")?;
    Kit(machine).apply()?;
    ensure!(machine.read(live)? == text);
    Ok(())
}

/// The daily check: whether all is as it was, and what it says.
fn compare(machine: &Machine) -> Result<(bool, String)> {
    let before = machine.shell("journalctl --sync; date +%s.%N")?;
    let status = machine
        .exec(&["systemctl", "start", "aztec-kit-aide.service"])?
        .status;
    let since = format!("--since=@{}", before.trim());
    let unit = "--unit=aztec-kit-aide";
    let said = machine.exec_ok(&["journalctl", unit, "--output=cat", &since])?;
    Ok((status == 0, said.stdout))
}

/// The daily check fails for what others change, and not for what the kit changes.
fn integrity(machine: &Machine) -> Result<()> {
    let check = |what: &str, fine: bool| -> Result<String> {
        let (same, said) = compare(machine)?;
        ensure!(same == fine, "{what}: the daily check says {same}: {said}");
        let told = Kit(machine).json(&["status", "--json"], 0)?;
        let verdict = if fine { "pass" } else { "warn" };
        ensure!(told["integrity"]["status"] == verdict, "{what}: {told}");
        Ok(said)
    };
    check("right after an apply", true)?;
    let exposure =
        machine.shell("systemd-analyze security --no-pager aztec-kit-aide.service | tail -1")?;
    say!("  {}", exposure.trim());
    let database = machine.read("/var/lib/aztec-kit-aide/baseline")?;
    let entry = database
        .lines()
        .find(|line| line.starts_with("/etc/aztec/admin-api-key "))
        .context("the admin key is not watched")?;
    let other = database
        .lines()
        .find(|line| line.starts_with("/etc/aztec/kit.toml "));
    ensure!(
        other.is_some_and(|other| other.len() > entry.len() + 64),
        "the digest of a key is in the database: {entry}"
    );
    // Twice, once beside a change of the kit's own, which is taken over while the other one is not.
    machine.write("/usr/local/bin/foreign", "#!/bin/sh\n", 0o755)?;
    for again in [false, true] {
        if again {
            let text = machine
                .read(CONFIG)?
                .replace("\"]\n", "\", \"192.0.2.0/24\"]\n");
            machine.write(CONFIG, &text, 0o600)?;
            let changed = Kit(machine).apply()?;
            ensure!(
                changed.iter().any(|id| id.starts_with("baseline[")),
                "{changed:?}"
            );
        }
        let said = check("with a foreign file", false)?;
        ensure!(said.contains("/usr/local/bin/foreign"), "{said}");
        ensure!(
            !said.contains("kit.toml") && !said.contains("aztec-kit.local"),
            "{said}"
        );
    }
    let failed = machine
        .exec_ok(&["systemctl", "--failed", "--plain", "--no-legend"])?
        .stdout;
    ensure!(
        failed.contains("aztec-kit-aide.service"),
        "nobody sees it: {failed}"
    );
    machine.shell("rm /usr/local/bin/foreign")?;
    check("without the foreign file", true)?;
    Kit(machine).in_sync()
}

/// What hardening changes on a host, and must give back.
#[derive(Debug, PartialEq, Eq)]
struct State {
    sysctl: String,
    files: String,
    clock: String,
}

impl State {
    fn of(machine: &Machine) -> Result<State> {
        Ok(State {
            sysctl: machine.shell("cat /proc/sys/net/ipv4/conf/{all,default}/{rp_filter,secure_redirects,send_redirects}")?,
            files: machine.shell(
                "find /etc -path /etc/aztec -prune -o -type f -name '*aztec*' -print | sort; \
                 sha256sum /etc/ssh/sshd_config; find /etc/ssh -printf '%p %m %u\\n' | sort",
            )?,
            clock: machine.shell("systemctl is-active systemd-timesyncd || true; dpkg-query -W -f '${Status}\\n' systemd-timesyncd")?,
        })
    }
}

/// fail2ban starts without its log, and where it writes to the journal instead; who comes back is found there, too.
fn bans_without_a_log(machine: &Machine) -> Result<()> {
    let log = "/var/log/fail2ban.log";
    machine.shell(&format!(
        "systemctl stop fail2ban; rm {log}; systemctl start fail2ban"
    ))?;
    listed(machine)?;
    ensure!(machine.exists(log)?, "nobody made {log}");
    let target = "/etc/fail2ban/fail2ban.local";
    let text = "[Definition]\nlogtarget = SYSTEMD-JOURNAL\n";
    machine.write(target, text, 0o644)?;
    machine.shell(&format!(
        "systemctl stop fail2ban; rm -f {log}; systemctl start fail2ban"
    ))?;
    listed(machine)?;
    // An address of nobody: banned three times by an operator's hand.
    let again = "fail2ban-client set sshd banip 198.51.100.9; sleep 1; fail2ban-client set sshd unbanip 198.51.100.9";
    machine.shell(&[again; 3].join("; sleep 1; "))?;
    sh::wait_for("a ban by recidive-journal", BAN, || {
        let status = machine.exec_ok(&["fail2ban-client", "status", "recidive-journal"])?;
        Ok(status.stdout.contains("198.51.100.9").then_some(()))
    })?;
    machine.shell(&format!(
        "rm {target}; fail2ban-client unban --all; systemctl restart fail2ban"
    ))?;
    listed(machine)?;
    Kit(machine).in_sync()
}

/// Each of these flushes what the kernel has, the bans with it: they are made again.
fn bans_outlive_nftables(machine: &Machine) -> Result<()> {
    // An address of nobody.
    let who = "198.51.100.10";
    machine.exec_ok(&["fail2ban-client", "set", "sshd", "banip", who])?;
    for verb in ["start", "restart", "reload", "stop"] {
        machine.exec_ok(&["systemctl", verb, "nftables"])?;
        sh::wait_for(&format!("the ban after a {verb}"), BAN, || {
            let rules = machine.exec_ok(&["nft", "list", "ruleset"])?.stdout;
            Ok(rules.contains(who).then_some(()))
        })?;
    }
    listed(machine)?;
    machine.shell("fail2ban-client unban --all")?;
    Kit(machine).in_sync()
}

/// Waits until fail2ban answers, and has both of its jails for those who come back.
fn listed(machine: &Machine) -> Result<()> {
    sh::wait_for("fail2ban runs", BAN, || {
        let status = machine.exec(&["fail2ban-client", "status"])?.stdout;
        let whole = status.contains("recidive-journal") && status.contains("sshd");
        Ok(whole.then_some(()))
    })
}

/// A service that dies a second after its start is no success, and is told with its last words.
fn dies_later(machine: &Machine) -> Result<()> {
    let place = "/etc/systemd/system/fail2ban.service.d";
    let text =
        "[Service]\nExecStart=\nExecStart=/bin/sh -c 'sleep 1; echo no way to go on; exit 1'\n";
    machine.write(&format!("{place}/99-dies.conf"), text, 0o644)?;
    machine.shell("systemctl daemon-reload; systemctl stop fail2ban")?;
    let failed = Kit(machine).run(APPLY)?.expect(4)?;
    ensure!(
        failed.stderr.contains("did not stay up: fail2ban.service")
            && failed.stderr.contains("no way to go on"),
        "{}",
        failed.stderr
    );
    // It runs for a second each time, until systemd gives it up.
    sh::wait_for("`status` says that fail2ban does not run", BAN, || {
        let status = Kit(machine).json(&["status", "--json"], 0)?;
        let rows = status["services"].as_array().context("no services")?;
        let mut rows = rows.iter();
        let down = rows.any(|row| row["unit"] == "fail2ban.service" && row["state"] == "failed");
        Ok(down.then_some(()))
    })?;
    machine.shell(&format!("rm {place}/99-dies.conf; systemctl daemon-reload"))?;
    let changed = Kit(machine).apply()?;
    ensure!(
        changed.iter().any(|id| id == "service[fail2ban.service]"),
        "{changed:?}"
    );
    Ok(())
}

/// A later file of the operator is named.
fn overridden_upgrades(machine: &Machine) -> Result<()> {
    let later = "/etc/apt/apt.conf.d/99-mine";
    let text = "Unattended-Upgrade { Automatic-Reboot \"true\"; };\n";
    machine.write(later, text, 0o644)?;
    let status = Kit(machine).json(&["status", "--json"], 0)?;
    let told = status["updates"]["message"].as_str().unwrap_or_default();
    ensure!(told.starts_with(later), "{told}");
    machine.shell(&format!("rm {later}"))?;
    let status = Kit(machine).json(&["status", "--json"], 0)?;
    ensure!(status["updates"].is_null(), "{status}");
    Ok(())
}

/// UFW cannot be beside what loads an operator's own rules at boot: that stays, and the run says so before it begins.
fn taken_along(machine: &Machine) -> Result<()> {
    machine.shell(
        "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; \
         apt-get -qq --yes --no-install-recommends install iptables-persistent >&2",
    )?;
    let text = "[node]\nenabled = false\n\n[firewall]\nenabled = true\n";
    machine.write(CONFIG, text, 0o600)?;
    for args in [&["plan"][..], APPLY] {
        let refused = Kit(machine).run(args)?.expect(2)?;
        ensure!(
            refused.stderr.contains("netfilter-persistent"),
            "{}",
            refused.stderr
        );
    }
    machine.shell(
        "dpkg-query --show --showformat='${db:Status-Abbrev}' netfilter-persistent | grep -q ^ii",
    )?;
    Ok(())
}

fn removal(machine: &Machine, before: &State) -> Result<()> {
    let text = machine.read(CONFIG)?;
    let off = text.replace("enabled = true", "enabled = true\nfail2ban = false\nupdates = false\nchrony = false\nauditd = false\naide = false\nkernel = false");
    machine.write(CONFIG, &off, 0o600)?;
    let args = [APPLY, &["--confirm", "--json"]].concat();
    let gone = applied(&Kit(machine).json(&args, 0)?)?;
    ensure!(gone.len() > 5, "only {gone:?} went away");
    let after = State::of(machine)?;
    ensure!(after == *before, "not as before:\n{before:?}\n{after:?}");
    // And the last of it: a host can be emptied.
    machine.write(CONFIG, "[node]\nenabled = false\n", 0o600)?;
    let args = [APPLY, &["--confirm", "--json"]].concat();
    applied(&Kit(machine).json(&args, 0)?)?;
    Kit(machine).in_sync()
}
