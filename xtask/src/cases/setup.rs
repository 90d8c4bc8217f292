//! A host becomes a local network with a validator, stays one over a reboot, and keeps its secrets.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::boot::wait_for_line;
use super::support::{
    KEYSTORE, Kit, SERVICES, SETUP, applied, chain_advances, finding, invocations, reached,
    reaches_within, restarted,
};
use super::{Context, chain};
use crate::machine::Machine;

const ADMIN_KEY: &str = "/etc/aztec/admin-api-key";

/// `systemd-analyze security` calls up to 4 "OK". Units of aztec-kit are far below.
const EXPOSURE: f64 = 1.5;

/// Each step with its name.
type Trial = (&'static str, fn(&Machine) -> Result<()>);

pub(super) fn run(context: &Context) -> Result<()> {
    // From scratch: on a pristine machine, once for this binary.
    let machine = chain::boot(context, "setup")?;
    // All steps run, so that one run shows every failure.
    let trials: &[Trial] = &[
        ("owners and modes", modes),
        ("sandboxes", exposure),
        ("a setup after a reboot", after_boot),
        ("the chain after a reboot", |machine| {
            chain_advances(machine, 2)?;
            Kit(machine).smoke_ok()
        }),
        ("status", status),
        ("the npm of an older kit", older_npm),
        ("secrets", secrets),
    ];
    let mut faults = Vec::new();
    for (what, trial) in trials {
        if let Err(fault) = trial(&machine) {
            faults.push(format!("{what}: {fault:#}"));
        }
    }
    if let Err(fault) = private_ports(context, &machine) {
        faults.push(format!("private ports: {fault:#}"));
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

/// The first run after a boot records the services that the boot has started, and changes nothing either.
fn after_boot(machine: &Machine) -> Result<()> {
    let before = invocations(machine)?;
    let changed = applied(&Kit(machine).json(SETUP, 0)?)?;
    let again = restarted(&before, &invocations(machine)?);
    ensure!(
        changed.is_empty() && again.is_empty(),
        "the first setup after a boot changes {changed:?} and restarts {again:?}"
    );
    chain::stays(machine)
}

/// Listens at an unused port, until it is ended.
const LISTENER: &str = "$s = IO::Socket::INET->new(LocalPort => 4444, Listen => 9, ReuseAddr => 1) or die; \
                        print STDERR \"listening\\n\"; close $c while $c = $s->accept";

/// A second host finds the private ports closed, and no others. A flushed table is reported.
fn private_ports(context: &Context, machine: &Machine) -> Result<()> {
    let second = context.boot(&context.root()?, "setup-second")?;
    let listener = machine.spawn(&["perl", "-MIO::Socket::INET", "-e", LISTENER])?;
    wait_for_line(&listener, "listening")?;
    reached(&second, machine, 4444)?;
    let closed = || -> Result<()> {
        for port in [8080, 8880] {
            reached(machine, machine, port)?;
            ensure!(
                !reaches_within("20", &second, machine, port)?,
                "{port} is open to other hosts"
            );
        }
        Ok(())
    };
    closed()?;
    machine.shell("nft flush ruleset")?;
    reached(&second, machine, 8880)?;
    let exposure = |status: &str| -> Result<()> {
        let report = Kit(machine).json(&["status", "--json"], 0)?;
        let exposure = finding(&report, "exposure").context("no exposure")?;
        ensure!(exposure["severity"] == status, "not {status}: {exposure}");
        Ok(())
    };
    exposure("fail")?;
    let running = invocations(machine)?;
    let changed = applied(&Kit(machine).json(SETUP, 0)?)?;
    ensure!(
        changed == ["nft_table[inet aztec_kit_private]"],
        "{changed:?} were changed"
    );
    let restarted = restarted(&running, &invocations(machine)?);
    ensure!(restarted.is_empty(), "{restarted:?} were restarted");
    closed()?;
    exposure("pass")
}

fn status(machine: &Machine) -> Result<()> {
    let status = Kit(machine).json(&["status", "--json"], 0)?;
    ensure!(
        status.is_object(),
        "`status --json` prints no object: {status}"
    );
    let text = status.to_string();
    for unit in SERVICES {
        let name = unit.trim_end_matches(".service");
        ensure!(text.contains(name), "`status` does not know {unit}: {text}");
    }
    Ok(())
}

/// The record of a version that used a package of Debian for its npm client. `npm` itself, as real versions used it,
/// brings 350 other packages and takes three minutes. This one brings two, and apt treats them the same.
const NPM_ON_RECORD: &str = r#"
{"event":"intent","id":"packages[npm client]","spec":{"packages":{"names":["jq"],"purpose":"npm client"}},"prior":["jq"],"origin":"created"}
{"event":"done","id":"packages[npm client]","memory":null}"#;

/// An older version installed Debian's npm. The next run removes it, with its dependencies, and nothing else.
fn older_npm(machine: &Machine) -> Result<()> {
    let packages = "dpkg-query --show --showformat '${db:Status-Abbrev}${Package}\\n' | grep '^ii'";
    // A dependency of nothing, and a package that the operator has marked, are not removed.
    machine.shell("apt-get update -qq; apt-get install -qq --yes --no-install-recommends hello && apt-mark auto hello")?;
    let before = machine.shell(packages)?;
    machine.shell(
        "apt-get install -qq --yes --no-install-recommends jq && apt-mark manual libonig5",
    )?;
    let between = machine.shell(packages)?.lines().count() - before.lines().count();
    ensure!(between == 3, "{between} packages came instead of three");
    machine.shell(&format!(
        "cat >> /var/lib/aztec-kit/journal.jsonl << 'END'{NPM_ON_RECORD}\nEND"
    ))?;
    let running = invocations(machine)?;
    let report = Kit(machine).json(SETUP, 0)?;
    let restarted = restarted(&running, &invocations(machine)?);
    ensure!(restarted.is_empty(), "{restarted:?} were restarted");
    let after = machine.shell(packages)?;
    let left: Vec<_> = after
        .lines()
        .filter(|line| !before.contains(*line))
        .collect();
    let gone: Vec<_> = before
        .lines()
        .filter(|line| !after.contains(*line))
        .collect();
    ensure!(
        gone.is_empty() && left == ["ii libonig5"],
        "without npm {left:?} are left and {gone:?} are gone: {report}"
    );
    Kit(machine).in_sync()
}

/// Files whose owner and mode are a promise.
const MODES: &[(&str, &str)] = &[
    ("/etc/aztec", "root:aztec 750"),
    ("/etc/aztec/kit.toml", "root:root 600"),
    ("/etc/aztec/admin-api-key", "root:root 600"),
    ("/etc/aztec/admin.env", "root:aztec 640"),
    ("/etc/aztec/contracts.env", "root:aztec 640"),
    ("/etc/aztec/node.env", "root:aztec 640"),
    ("/etc/aztec/sequencer.env", "root:aztec 640"),
    ("/etc/aztec/keystore", "root:root 700"),
    (KEYSTORE, "root:root 600"),
    ("/etc/sysctl.d/60-aztec.conf", "root:root 644"),
    ("/etc/systemd/system/aztec-l1.service", "root:root 644"),
    (
        "/etc/systemd/system/aztec-sequencer.service",
        "root:root 644",
    ),
    ("/opt/aztec/versions/4.1.2", "root:root 755"),
    ("/usr/local/bin/aztec", "root:root 755"),
    ("/var/lib/aztec", "root:aztec 750"),
    ("/var/lib/aztec/node", "aztec:aztec 750"),
    ("/var/lib/aztec-kit", "root:root 700"),
];

fn modes(machine: &Machine) -> Result<()> {
    let mut wrong = Vec::new();
    for (path, expected) in MODES {
        let found = machine.exec(&["stat", "--format=%U:%G %a", path])?;
        if found.stdout.trim() != *expected {
            wrong.push(format!(
                "{path}: {}{} instead of {expected}",
                found.stdout.trim(),
                found.stderr.trim()
            ));
        }
    }
    // A service must not be able to change its program or its configuration.
    let writable = machine.shell(
        "find /opt/aztec /etc/aztec /etc/systemd/system -not -type l \
         '(' -not -user root -o -perm /022 ')' -print | head -20",
    )?;
    wrong.extend(
        writable
            .lines()
            .map(|path| format!("{path}: others than root may write to it")),
    );
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let version = machine.exec_ok(&["aztec", "--version"])?;
    ensure!(
        version.stdout.contains("4.1.2"),
        "`aztec --version` says {}",
        version.stdout
    );
    Ok(())
}

fn exposure(machine: &Machine) -> Result<()> {
    for unit in SERVICES {
        let report = machine.exec_ok(&["systemd-analyze", "security", "--no-pager", unit])?;
        let level = report
            .stdout
            .lines()
            .find_map(|line| line.split_once("exposure level for"))
            .and_then(|(_, rest)| rest.split_whitespace().nth(1))
            .and_then(|level| level.parse::<f64>().ok());
        let level =
            level.with_context(|| format!("no exposure level of {unit}: {}", report.stdout))?;
        ensure!(
            level <= EXPOSURE,
            "the exposure of {unit} is {level}, above {EXPOSURE}:\n{}",
            report.stdout
        );
    }
    Ok(())
}

/// The search for the strings of `/run/needles`, which are never in an argument of a program.
const SEARCH: &str = r#"
found() { sed "s|^|$1: |"; }
files() { xargs --null --no-run-if-empty grep --files-with-matches --ignore-case \
    --fixed-strings --text --no-messages --file=/run/needles || true; }
find /proc -maxdepth 2 -path '/proc/[0-9]*/cmdline' -print0 | files | found process
find /proc -maxdepth 2 -path '/proc/[0-9]*/environ' -print0 | files | found process
journalctl --no-pager --quiet | grep --ignore-case --fixed-strings --file=/run/needles \
    --max-count=3 | cut --characters=-60 | found log || true
find /etc /var /opt /tmp /usr/local /root /run -xdev -name node_modules -prune \
    -o -path /var/cache/aztec-kit/packages -prune -o -path /run/needles -prune -o -path /run/credentials -prune \
    -o -path /etc/aztec/keystore/validator.json -prune -o -path /etc/aztec/admin-api-key -prune \
    -o -type f -print0 | files | found file
"#;

/// Secrets are in their own files and nowhere else on the host.
fn secrets(machine: &Machine) -> Result<()> {
    let keystore: Value = serde_json::from_str(&machine.read(KEYSTORE)?)
        .with_context(|| format!("{KEYSTORE} is not JSON"))?;
    let attester = &keystore["validators"][0]["attester"];
    let mut needles = vec![machine.read(ADMIN_KEY)?.trim().to_owned()];
    for name in ["eth", "bls"] {
        let key = attester[name].as_str();
        let key = key.with_context(|| format!("{KEYSTORE} has no {name} key of a validator"))?;
        needles.push(key.trim_start_matches("0x").to_owned());
    }
    for needle in &needles {
        ensure!(
            needle.len() == 64 && needle.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "a secret is not 32 bytes but {} signs",
            needle.len()
        );
    }
    machine.write("/run/needles", &(needles.join("\n") + "\n"), 0o600)?;
    // The search must be able to find a leak, so this is one.
    machine.write("/var/tmp/bait", &needles[0], 0o644)?;
    let found = machine.shell(SEARCH)?;
    ensure!(
        found == "file: /var/tmp/bait\n",
        "secrets are where they do not belong (/var/tmp/bait is ours):\n{found}"
    );
    machine.shell("rm /var/tmp/bait /run/needles")?;
    let mut dry = SETUP.to_vec();
    dry.push("--dry-run");
    let commands: &[&[&str]] = &[
        &["plan"],
        &["plan", "--json"],
        &["status"],
        &["status", "--json"],
        &["smoke", "--json"],
        &dry,
    ];
    for args in commands {
        let output = Kit(machine).run(args)?;
        let printed = format!("{}{}", output.stdout, output.stderr).to_lowercase();
        if needles.iter().any(|needle| printed.contains(needle)) {
            bail!("`aztec-kit {}` prints a secret", args.join(" "));
        }
    }
    Ok(())
}
