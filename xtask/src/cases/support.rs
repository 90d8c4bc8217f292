//! Questions to a machine that several cases share.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::KIT;
use crate::machine::{Enter, Exec, Machine, Output, Process};
use crate::sh;

/// The arguments that make a host of a local network with a validator.
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

/// The keystore of the validator.
pub(super) const KEYSTORE: &str = "/etc/aztec/keystore/validator.json";

/// The services of a local network with a validator.
pub(super) const SERVICES: &[&str] = &["aztec-l1.service", "aztec-sequencer.service"];

/// A whole setup takes four minutes on two otherwise idle cores.
const COMMAND: Duration = Duration::from_secs(900);

/// A block comes every 12 s. Unproven blocks are pruned now and then, so that the chain steps back before it advances.
const ADVANCE: Duration = Duration::from_secs(480);

/// The timer that rolls back.
pub(super) const ROLL_BACK_TIMER: &str = "aztec-kit-take-back.timer";

/// A boot and the time for a confirmation, on a machine beside others.
pub(super) const ROLLED_BACK: Duration = Duration::from_secs(600);

/// An open port answers within milliseconds. This is shorter than the time for which a port is open temporarily.
const CONNECTION: Duration = Duration::from_secs(20);

/// The binary under test in a machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kit<'m>(pub &'m dyn Enter);

impl Kit<'_> {
    /// Runs a command of aztec-kit to its end, without a terminal. 124 is the time limit.
    pub fn run(self, args: &[&str]) -> Result<Output> {
        let argv = [&[KIT], args].concat();
        Exec::new(self.0, &argv).limit(COMMAND).run()
    }

    /// Runs a command that must exit with this code and print one JSON value only.
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

    /// Repairs the host, and returns the ids of the changes. It does not wait for the chain, which takes longer than
    /// everything else.
    pub fn apply(self) -> Result<Vec<String>> {
        applied(&self.json(&[APPLY, &["--json"]].concat(), 0)?)
    }

    /// Fails unless the host is in sync.
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

    /// Waits until aztec-kit itself finds no problem.
    pub fn smoke_ok(self) -> Result<()> {
        let mut last = String::new();
        let ok = sh::wait_for("`smoke` says ok", ADVANCE, || {
            let output = self.run(&["smoke", "--json"])?;
            let report: Value = serde_json::from_str(&output.stdout)
                .with_context(|| format!("smoke printed: {}\n{}", output.stdout, output.stderr))?;
            let right = output.status == 0 && report["severity"] == "pass";
            last = output.stdout;
            Ok(right.then_some(()))
        });
        ok.with_context(|| format!("the last report was {last}"))
    }
}

/// The first finding of a check in a document.
pub(super) fn finding<'a>(report: &'a Value, check: &str) -> Option<&'a Value> {
    let findings = report["findings"].as_array().into_iter().flatten();
    findings.into_iter().find(|finding| finding["id"] == check)
}

/// What a finding says: what was seen, what to do, and the command.
pub(super) fn said(finding: &Value) -> String {
    let parts = ["seen", "fix", "command"].map(|field| finding[field].as_str());
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The checks of a document that got no answer.
pub(super) fn unknown(report: &Value) -> Vec<&Value> {
    let findings = report["findings"].as_array().into_iter().flatten();
    let unknown = findings.filter(|finding| finding["severity"] == "unknown");
    unknown.collect()
}

/// The ids in the output of `apply --json` or `setup --json`.
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

/// The result of a JSON-RPC call, or `None` without an answer. It uses curl, since aztec-kit is under test.
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
        // An L1 on a busy machine has taken more than five seconds for a transaction.
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

/// The progress of the chain.
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

/// Waits until both tips have grown by `blocks`, counted again after each step back.
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

/// The current run of each service: systemd generates a new id at every start.
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

/// The services that have a new run.
pub(super) fn restarted(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<String> {
    let other = |unit: &&String| before.get(*unit) != after.get(*unit);
    after.keys().filter(other).cloned().collect()
}

/// The SHA-256 of a file, which reveals nothing of a key in it.
pub(super) fn digest(machine: &Machine, path: &str) -> Result<String> {
    Ok(machine.exec_ok(&["sha256sum", "--", path])?.stdout)
}

/// Every file that aztec-kit may change, with the data that would reveal a change: a new inode or content always moves
/// the time of the last change (`%C@`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing(Vec<String>);

impl Listing {
    pub fn of(machine: &Machine) -> Result<Listing> {
        // /var/lib/systemd has stamps of timers, which change without aztec-kit. A running chain adds its blobs, and
        // writes into its directory, its databases and the state of the L1 at any time, so that only their owners and
        // modes count. /opt and others are searched without leaving the file system, so that mounts of a case do not
        // count.
        let text = machine.shell(
            "find /etc /opt /usr/local /root /var/lib -xdev -path /var/lib/systemd -prune \
             -o -path /var/lib/aztec/blobs -prune \
             -o '(' -path /var/lib/aztec -o -path '/var/lib/aztec/l1*' -o -name '*.mdb' ')' -printf '%p %y %m %U:%G\\n' \
             -o -printf '%p %y %m %U:%G %s %C@ %l\\n' | sort",
        )?;
        Ok(Listing(text.lines().map(str::to_owned).collect()))
    }

    /// Fails with the differences if the machine is no longer as listed.
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

/// Waits until unconfirmed changes are rolled back and the unit that does it has ended: it holds the lock to its end.
pub(super) fn rolled_back<H: Enter>(machine: &H) -> Result<()> {
    let units = [ROLL_BACK_TIMER, "aztec-kit-take-back.service"];
    let argv = [&["systemctl", "is-active"], &units[..]].concat();
    sh::wait_for("unconfirmed changes are rolled back", ROLLED_BACK, || {
        let output = Exec::new(machine, &argv).run()?.stdout;
        let mut states = output.lines();
        let over = states.all(|state| ["inactive", "failed", "unknown"].contains(&state));
        Ok(over.then_some(()))
    })
}

/// Whether a TCP connection succeeds. A failure means little on a busy machine: [`reached`] tests ports that must be
/// open.
pub(super) fn reaches(from: &Machine, to: &Machine, port: u16) -> Result<bool> {
    reaches_within("3", from, to, port)
}

/// The same for a port that must be closed, with more time, so that it is not only slow. `seconds` is for timeout(1).
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

/// Waits until a TCP connection succeeds.
pub(super) fn reached(from: &Machine, to: &Machine, port: u16) -> Result<()> {
    sh::wait_for(&format!("a connection to port {port}"), CONNECTION, || {
        Ok(reaches(from, to, port)?.then_some(()))
    })
}

/// Waits until a program has printed another line: its session is still open.
pub(super) fn still_prints(session: &Process) -> Result<()> {
    let before = session.printed()?.lines().count();
    sh::wait_for(
        "a line of an open session",
        Duration::from_secs(180),
        || Ok((session.printed()?.lines().count() > before).then_some(())),
    )
}

/// A random time below `limit`.
pub(super) fn time_below(limit: Duration, dice: &mut fastrand::Rng) -> Duration {
    limit.mul_f64(dice.f64())
}
