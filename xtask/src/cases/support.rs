//! What several cases ask of a machine.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::KIT;
use crate::machine::{Enter, Exec, Machine, Output};
use crate::sh;

/// What makes a host of a local network with a validator.
pub const SETUP: &[&str] = &[
    "setup",
    "--network",
    "local",
    "--with-sequencer",
    "--yes",
    "--json",
];

/// A repair that does not wait for the chain.
pub(super) const APPLY: &[&str] = &["apply", "--yes", "--patience", "0"];

/// The keys of the validator.
pub(super) const KEYSTORE: &str = "/etc/aztec/keystore/validator.json";

/// The services of a local network with a validator.
pub(super) const SERVICES: &[&str] = &["aztec-l1.service", "aztec-sequencer.service"];

/// A whole setup takes four minutes on two cores that have nothing else to do.
const COMMAND: Duration = Duration::from_secs(900);

/// A block comes every 12 s; unproven blocks are pruned
/// now and then, so that the chain takes a step back before it goes on.
const ADVANCE: Duration = Duration::from_secs(480);

/// What takes a change back.
pub(super) const TAKE_BACK_TIMER: &str = "aztec-kit-take-back.timer";

/// Boot, window and all on a machine that has others beside it.
pub(super) const TAKEN_BACK: Duration = Duration::from_secs(600);

/// What listens is answered within milliseconds, and shorter than what is open for a while only.
const CONNECTION: Duration = Duration::from_secs(20);

/// The binary under test in a machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kit<'m>(pub &'m dyn Enter);

impl Kit<'_> {
    /// Runs a command of the kit to its end, without a terminal; 124 says that it hung.
    pub fn run(self, args: &[&str]) -> Result<Output> {
        let argv = [&[KIT], args].concat();
        Exec::new(self.0, &argv).limit(COMMAND).run()
    }

    /// Runs a command that must end with this code and print one JSON value and nothing else.
    pub fn json(self, args: &[&str], status: i32) -> Result<Value> {
        let output = self.run(args)?.expect(status)?;
        serde_json::from_str(&output.stdout).with_context(|| {
            format!(
                "`aztec-kit {}` prints something else than JSON:\n{}",
                args.join(" "),
                output.stdout
            )
        })
    }

    /// Repairs the host, and gives the ids of what had to be changed. Does not wait for the chain,
    /// which takes longer than all the rest.
    pub fn apply(self) -> Result<Vec<String>> {
        applied(&self.json(&[APPLY, &["--json"]].concat(), 0)?)
    }

    /// Fails unless the host is as wanted.
    pub fn in_sync(self) -> Result<()> {
        let plan = self.run(&["plan", "--check"])?;
        ensure!(
            plan.status == 0,
            "`plan --check` ends with {}:\n{}{}",
            plan.status,
            plan.stdout,
            plan.stderr
        );
        Ok(())
    }

    /// Waits until the kit itself finds nothing wrong.
    pub fn smoke_ok(self) -> Result<()> {
        let mut last = String::new();
        let ok = sh::wait_for("`smoke` says ok", ADVANCE, || {
            let output = self.run(&["smoke", "--json"])?;
            let report: Value = serde_json::from_str(&output.stdout)
                .with_context(|| format!("smoke printed: {}\n{}", output.stdout, output.stderr))?;
            let right = output.status == 0 && report["status"] == "ok";
            last = output.stdout;
            Ok(right.then_some(()))
        });
        ok.with_context(|| format!("the last report was {last}"))
    }
}

/// The ids in what `apply --json` or `setup --json` printed.
pub(super) fn applied(report: &Value) -> Result<Vec<String>> {
    let list = report["applied"]
        .as_array()
        .with_context(|| format!("no list `applied` in {report}"))?;
    list.iter()
        .map(|entry| {
            let id = entry["id"].as_str();
            id.map(str::to_owned)
                .with_context(|| format!("an entry of `applied` without an id: {entry}"))
        })
        .collect()
}

/// The result of a JSON-RPC call, or `None` when nobody answers. Asked with curl, since the kit is
/// what is to be judged.
pub(super) fn rpc(
    machine: &Machine,
    port: u16,
    method: &str,
    params: Value,
) -> Result<Option<Value>> {
    let call = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let url = format!("http://127.0.0.1:{port}");
    let header = ["--header", "content-type: application/json"];
    let argv = [
        "curl",
        "--silent",
        "--max-time",
        // An L1 on a busy machine was seen to take longer than five for a transaction.
        "20",
        header[0],
        header[1],
        "--data",
        "@-",
        &url,
    ];
    let output = machine.command(&argv).stdin(call.to_string()).run()?;
    let answer: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    Ok(answer.get("result").cloned())
}

/// How far the chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tips {
    proposed: u64,
    checkpointed: u64,
}

fn tips(machine: &Machine) -> Result<Option<Tips>> {
    let Some(answer) = rpc(machine, 8080, "node_getL2Tips", serde_json::json!([]))? else {
        return Ok(None);
    };
    let number = |pointer: &str| {
        let found = answer.pointer(pointer).and_then(Value::as_u64);
        found.with_context(|| format!("the tips lack {pointer}: {answer}"))
    };
    Ok(Some(Tips {
        proposed: number("/proposed/number")?,
        checkpointed: number("/checkpointed/block/number")?,
    }))
}

/// Waits until both tips have grown by `blocks`, counting anew after each step back.
pub(super) fn chain_advances(machine: &Machine, blocks: u64) -> Result<()> {
    let mut from: Option<Tips> = None;
    let mut seen = Vec::new();
    let advanced = sh::wait_for("both tips of the chain advance", ADVANCE, || {
        let Some(now) = tips(machine)? else {
            return Ok(None);
        };
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        let base = from.get_or_insert(now);
        base.proposed = base.proposed.min(now.proposed);
        base.checkpointed = base.checkpointed.min(now.checkpointed);
        let far = now.proposed >= base.proposed + blocks
            && now.checkpointed >= base.checkpointed + blocks;
        Ok(far.then_some(()))
    });
    advanced.with_context(|| {
        let log = machine.shell("journalctl --unit aztec-sequencer --lines 30 --no-pager");
        format!(
            "tips seen: {seen:?}; the sequencer says:\n{}",
            log.unwrap_or_default()
        )
    })
}

/// Which run of each service is going on: systemd draws a new id at every start.
pub(super) fn invocations(machine: &Machine) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for unit in SERVICES {
        let state = machine.exec_ok(&[
            "systemctl",
            "show",
            "--property=ActiveState,InvocationID",
            unit,
        ])?;
        ensure!(
            state.stdout.contains("ActiveState=active"),
            "{unit} does not run: {}",
            state.stdout
        );
        found.insert((*unit).to_owned(), state.stdout);
    }
    Ok(found)
}

/// The services of which another run is going on.
pub(super) fn restarted(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<String> {
    let other = |unit: &&String| before.get(*unit) != after.get(*unit);
    after.keys().filter(other).cloned().collect()
}

/// The SHA-256 of a file, which says nothing about a key in it.
pub(super) fn digest(machine: &Machine, path: &str) -> Result<String> {
    Ok(machine.exec_ok(&["sha256sum", "--", path])?.stdout)
}

/// Every file where the kit may change something, with what would betray a change: a new inode or
/// content always moves the time of the last change (`%C@`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing(Vec<String>);

impl Listing {
    pub fn of(machine: &Machine) -> Result<Listing> {
        // /var/lib/systemd has stamps of timers, which pass without us; a chain that runs adds its blobs, and
        // writes into its directory, its databases and the L1's state at any time, so that only their owners and modes
        // count.
        // /opt and others are searched without leaving the file system, so that mounts of a case do not count.
        let text = machine.shell(
            "find /etc /opt /usr/local /root /var/lib -xdev -path /var/lib/systemd -prune \
             -o -path /var/lib/aztec/blobs -prune \
             -o '(' -path /var/lib/aztec -o -path '/var/lib/aztec/l1*' -o -name '*.mdb' ')' -printf '%p %y %m %U:%G\\n' \
             -o -printf '%p %y %m %U:%G %s %C@ %l\\n' | sort",
        )?;
        Ok(Listing(text.lines().map(str::to_owned).collect()))
    }

    /// Fails with the differences when the machine is no longer as listed.
    pub fn still(&self, machine: &Machine, after: &str) -> Result<()> {
        let Listing(now) = Listing::of(machine)?;
        if now == self.0 {
            return Ok(());
        }
        let gone = self.0.iter().filter(|line| !now.contains(line));
        let new = now.iter().filter(|line| !self.0.contains(line));
        let shown: Vec<_> = gone
            .map(|line| format!("- {line}"))
            .chain(new.map(|line| format!("+ {line}")))
            .take(40)
            .collect();
        bail!("{after} changed the host:\n{}", shown.join("\n"))
    }
}

/// Waits until nothing that nobody confirmed is left, and what takes it back has ended: it has the lock to its end.
pub(super) fn rolled_back<H: Enter>(machine: &H) -> Result<()> {
    let units = [TAKE_BACK_TIMER, "aztec-kit-take-back.service"];
    let argv = [&["systemctl", "is-active"], &units[..]].concat();
    sh::wait_for("unconfirmed changes are rolled back", TAKEN_BACK, || {
        let said = Exec::new(machine, &argv).run()?.stdout;
        let mut states = said.lines();
        let over = states.all(|state| ["inactive", "failed", "unknown"].contains(&state));
        Ok(over.then_some(()))
    })
}

/// Whether a TCP connection comes about. That one does not says little of a busy machine: what must be open is
/// [`reached`].
pub(super) fn reaches(from: &Machine, to: &Machine, port: u16) -> Result<bool> {
    reaches_within("3", from, to, port)
}

/// The same for what must be closed, of which nobody shall say that it only was slow. `seconds`, as timeout(1) takes them.
pub(super) fn reaches_within(
    seconds: &str,
    from: &Machine,
    to: &Machine,
    port: u16,
) -> Result<bool> {
    let connect = format!("exec 3<>/dev/tcp/{}/{port}", to.ip());
    let argv = ["timeout", seconds, "bash", "-c", &connect];
    Ok(from.exec(&argv)?.status == 0)
}

/// Waits until a TCP connection comes about.
pub(super) fn reached(from: &Machine, to: &Machine, port: u16) -> Result<()> {
    sh::wait_for(&format!("a connection to port {port}"), CONNECTION, || {
        Ok(reaches(from, to, port)?.then_some(()))
    })
}

/// A time below `limit`, by chance.
pub(super) fn time_below(limit: Duration, dice: &mut fastrand::Rng) -> Duration {
    limit.mul_f64(dice.f64())
}
