//! A whole local network from the official image, on the previous Debian, which cannot run it natively.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::image::{self, one_comes_back, processes};
use super::support::{KEYSTORE, Kit, Listing, SETUP, applied, chain_advances, digest};
use super::{Context, KIT};
use crate::machine::{Machine, Root};
use crate::sh;

/// An epoch has two slots of 12 s. Its proof comes after it.
const PROVEN: Duration = Duration::from_secs(420);

/// The flags of a process that signs.
const FLAGS: &str = "--node --sequencer";

/// The previous Debian with Podman.
pub(super) fn root(context: &Context) -> Result<Root> {
    Root::layered_with(
        &Root::pristine("bookworm")?,
        "container-host",
        "2",
        context.options()?,
        |machine| {
            let packages = "podman crun catatonit";
            let install = "apt-get install -qq --yes --no-install-recommends";
            machine
                .shell(&format!("apt-get update -qq; {install} {packages}"))
                .map(drop)
        },
    )
}

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = image::boot(context, &root(context)?, "container")?;
    let kit = Kit(&machine);
    let mut setup = SETUP.to_vec();
    setup.push("--with-prover");

    // An unused engine is not asked, since that would create its directories.
    machine.shell("podman image ls --quiet")?;
    let before = Listing::of(&machine)?;
    let refused = kit.run(&setup)?.expect(2)?;
    ensure!(refused.stderr.contains("podman load"), "{}", refused.stderr);
    before.still(&machine, "a setup without an image")?;

    machine.shell(&format!(
        "podman load --quiet --input {}/aztec.tar",
        image::SHOWN
    ))?;
    let argv = [&[KIT], &setup[..]].concat();
    let output = machine.exec_ok(&argv)?;
    ensure!(
        output.stderr.contains("runtime container (podman)"),
        "{}",
        output.stderr
    );
    let report: Value = serde_json::from_str(&output.stdout)?;
    ensure!(applied(&report)?.len() > 10, "{report}");
    chain_advances(&machine, 2)?;
    proven(&machine)?;
    kit.smoke_ok()?;

    kit.in_sync()?;
    let containers = containers(&machine)?;
    let again = kit.json(&setup, 0)?;
    ensure!(
        applied(&again)?.is_empty(),
        "a second setup changes {again}"
    );
    ensure!(
        self::containers(&machine)? == containers,
        "a second setup restarts"
    );

    let key = digest(&machine, KEYSTORE)?;
    confined(&machine)?;
    for (what, script) in [
        (
            "its client is killed",
            "systemctl kill --kill-whom=main --signal=KILL aztec-sequencer",
        ),
        ("the container is killed", "podman kill aztec-node"),
        (
            "everything of the engine is killed",
            "pkill -KILL 'conmon|podman'",
        ),
    ] {
        let old = processes(&machine, FLAGS)?;
        ensure!(old.len() == 1, "{} signers before {what}", old.len());
        machine.shell(script)?;
        one_comes_back(&machine, FLAGS, &old).context(what)?;
    }
    let mut machine = machine;
    machine.kill_power()?;
    machine.start()?;
    one_comes_back(&machine, FLAGS, &[]).context("after a power cut")?;
    ensure!(digest(&machine, KEYSTORE)? == key, "the key is another one");
    chain_advances(&machine, 2)?;
    Kit(&machine).smoke_ok()?;
    Kit(&machine).in_sync()
}

fn proven(machine: &Machine) -> Result<()> {
    sh::wait_for("a block is proven", PROVEN, || {
        let tips = super::support::rpc(machine, 8080, "node_getL2Tips", json!([]))?;
        let number = tips.unwrap_or_default()["proven"]["block"]["number"].as_u64();
        Ok(number.filter(|number| *number > 0).map(drop))
    })
    .with_context(|| {
        let log = machine.shell("journalctl --unit aztec-prover-node --unit 'aztec-prover-agent@*' --lines 40 --no-pager");
        format!("the prover says:\n{}", log.unwrap_or_default())
    })
}

fn containers(machine: &Machine) -> Result<String> {
    machine.shell("podman ps --no-trunc --format '{{.ID}} {{.Names}}' | sort")
}

/// The processes are not root and can write only to their data, and no argument contains a variable with its value.
fn confined(machine: &Machine) -> Result<()> {
    let pid = processes(machine, FLAGS)?.pop().context("no signer")?;
    let status = machine.read(&format!("/proc/{pid}/status"))?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let aztec = machine.shell("id --user aztec")?;
    ensure!(
        of("Uid:").split_whitespace().all(|id| id == aztec.trim()),
        "it runs as {}",
        of("Uid:")
    );
    ensure!(
        of("CapBnd:") == "0000000000000000" && of("NoNewPrivs:") == "1",
        "{status}"
    );
    let inside = |script: &str| machine.exec(&["podman", "exec", "aztec-node", "sh", "-c", script]);
    ensure!(inside("touch /usr/x /etc/x 2>&1; touch $KEY_STORE_DIRECTORY/x")?.status != 0);
    ensure!(
        inside("touch /var/lib/aztec/node/.probe && rm /var/lib/aztec/node/.probe")?.status == 0
    );
    ensure!(
        inside("ls /var/lib/aztec/l1 2>&1")?.status != 0,
        "it sees the L1's data"
    );
    let arguments =
        machine.shell("systemctl show --property=ExecStart aztec-sequencer; ps axww -o args")?;
    ensure!(
        !arguments.contains("REGISTRY_CONTRACT_ADDRESS=0x"),
        "values are in arguments"
    );
    Ok(())
}
