//! How long a run takes that has nothing to do, beside what an operator would use instead.
//!
//! Measured inside a machine on which a local network runs, so that nothing of this program's own start is
//! left out. Not a test: a shared machine is slow for many reasons.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::cases::{self, Context};
use crate::dist;
use crate::machine::Machine;

/// Runs of each command; the first is not counted.
const RUNS: u32 = 21;

/// The same state read by hand, as careful scripts do it: one program per question.
const BASH: &str = r#"
set -eu
getent group aztec >/dev/null
[ "$(getent passwd aztec | cut -d: -f6,7)" = "/var/lib/aztec:/usr/sbin/nologin" ]
for dir in /etc/aztec /etc/aztec/keystore /var/lib/aztec /var/lib/aztec/node /var/lib/aztec/l1 /var/lib/aztec/blobs /opt/aztec; do
  stat -c '%U:%G %a' "$dir" >/dev/null
done
for file in /etc/aztec/kit.toml /etc/aztec/node.env /etc/aztec/sequencer.env /etc/aztec/admin.env /etc/aztec/contracts.env \
  /etc/sysctl.d/60-aztec.conf /usr/local/bin/aztec /etc/systemd/system/aztec-l1.service /etc/systemd/system/aztec-sequencer.service; do
  stat -c '%U:%G %a' "$file" >/dev/null
  sha256sum "$file" >/dev/null
done
for key in net.core.rmem_max net.core.wmem_max net.core.somaxconn vm.max_map_count vm.swappiness; do
  cat "/proc/sys/$(echo "$key" | tr . /)" >/dev/null
done
dpkg-query -W -f '${Status}\n' npm ca-certificates >/dev/null
readlink /opt/aztec/current >/dev/null
for unit in aztec-l1 aztec-sequencer; do
  systemctl is-enabled "$unit" >/dev/null
  systemctl is-active "$unit" >/dev/null
done
curl -s -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}' http://127.0.0.1:8545 >/dev/null
"#;

/// Measures and prints a table.
pub fn run() -> Result<()> {
    let context = Context {
        binary: dist::build()?,
        keep: false,
    };
    let machine = cases::local_chain(&context, "bench")?;
    machine.write("/root/by-hand.sh", BASH, 0o755)?;
    // The services start with the machine; the first run waits for them, and what it finds is recorded.
    machine.exec_ok(&[cases::KIT, "apply", "--yes"])?;
    println!(
        "   milliseconds of wall time in the machine, {} runs each",
        RUNS - 1
    );
    println!("   {:<44} {:>7} {:>7} {:>7}", "", "least", "median", "most");
    for (name, command) in [
        ("aztec-kit apply, nothing to change", "aztec-kit apply"),
        ("aztec-kit plan", "aztec-kit plan"),
        (
            "the same state read by a careful bash script",
            "bash /root/by-hand.sh",
        ),
        (
            "systemctl show of two units alone",
            "systemctl show aztec-l1.service aztec-sequencer.service",
        ),
    ] {
        let script = format!(
            "for i in $(seq {RUNS}); do s=$EPOCHREALTIME; {command} >/dev/null 2>&1; e=$EPOCHREALTIME; echo $(( ${{e/./}} - ${{s/./}} )); done"
        );
        let printed = machine.shell(&script).with_context(|| name.to_owned())?;
        let mut micros: Vec<u64> = printed
            .lines()
            .skip(1)
            .filter_map(|line| line.trim().parse().ok())
            .collect();
        micros.sort_unstable();
        let shown = |at: usize| micros.get(at).map_or(0.0, |micros| *micros as f64 / 1000.0);
        let (median, most) = (micros.len() / 2, micros.len().saturating_sub(1));
        println!(
            "   {name:<44} {:>7.1} {:>7.1} {:>7.1}",
            shown(0),
            shown(median),
            shown(most)
        );
    }
    first_apply(&machine)
}

/// What a first apply takes besides what others have to send or to mine: downloads, contracts, the stake.
fn first_apply(machine: &Machine) -> Result<()> {
    machine.shell(cases::WIPE)?;
    let argv = [&[cases::KIT], cases::SETUP, &["--patience", "0"]].concat();
    let printed = machine.exec_ok(&argv)?.stdout;
    let report: Value = serde_json::from_str(&printed).context("setup prints no JSON")?;
    let steps = report["applied"].as_array().context("no list `applied`")?;
    let mut groups: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for step in steps {
        let kind = step["id"].as_str().and_then(|id| id.split('[').next());
        let group = match kind.unwrap_or_default() {
            "contracts" | "stake" => "the contracts and the stake on the L1",
            "npm_tree" => "the releases, downloaded already",
            "service" => "starts of services",
            _ => "accounts, directories, files, units, settings",
        };
        let sum = groups.entry(group).or_default();
        sum.0 += 1;
        sum.1 += step["seconds"].as_f64().unwrap_or(0.0);
    }
    println!("   a first apply, seconds");
    for (group, (count, seconds)) in groups {
        println!("   {:<44} {count:>7} {seconds:>7.2}", group);
    }
    Ok(())
}
