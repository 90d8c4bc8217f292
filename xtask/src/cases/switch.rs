//! One chain, native, then from the image, then native again, with the same keys and peers, whatever happens to Docker
//! in between.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::support::{KEYSTORE, Kit, chain_advances, digest};
use super::{Context, chain, image};
use crate::machine::Machine;
use crate::sh;

/// The identity of the node among its peers.
const PEER_KEY: &str = "/var/lib/aztec/node/p2p-private-key";

pub(super) fn run(context: &Context) -> Result<()> {
    let mut machine = image::boot(context, &chain::root(context)?, "switch")?;
    Kit(&machine).apply()?;
    let kept = [digest(&machine, KEYSTORE)?, digest(&machine, PEER_KEY)?];
    let same = |machine: &Machine, when: &str| -> Result<()> {
        let now = [digest(machine, KEYSTORE)?, digest(machine, PEER_KEY)?];
        ensure!(now == kept, "{when}: another key");
        Ok(())
    };

    // The operator has Docker: it is used, and no other engine is installed.
    machine.shell(
        "apt-get update -qq; apt-get install -y -qq --no-install-recommends docker.io docker-cli",
    )?;
    machine.shell(&format!(
        "docker load --quiet --input {}/aztec.tar",
        image::SHOWN
    ))?;
    let l1 = machine.shell("systemctl show --property=InvocationID aztec-l1")?;
    switch(&machine, "container")?.expect(0)?;
    ensure!(!machine.exists("/usr/bin/podman")?, "a second engine");
    ensure!(signers(&machine)?.len() == 1, "{:?}", signers(&machine)?);
    same(&machine, "in a container")?;
    chain_advances(&machine, 2)?;
    Kit(&machine).in_sync()?;
    ensure!(
        machine.shell("systemctl show --property=InvocationID aztec-l1")? == l1,
        "the L1 was restarted"
    );

    ends(&mut machine)?;
    same(&machine, "after the ends of Docker")?;
    chain_advances(&machine, 2)?;
    Kit(&machine).in_sync()?;

    switch(&machine, "native")?.expect(0)?;
    ensure!(signers(&machine)?.len() == 1, "{:?}", signers(&machine)?);
    same(&machine, "native again")?;
    chain_advances(&machine, 2)?;
    let kit = Kit(&machine);
    kit.smoke_ok()?;
    kit.in_sync()?;
    ensure!(
        !machine.exists("/etc/aztec/container.env")?,
        "a pin without a container"
    );
    ensure!(
        machine
            .shell("docker image ls --quiet aztecprotocol/aztec")?
            .lines()
            .count()
            == 1,
        "the operator's image is gone"
    );
    Ok(())
}

/// Whatever ends, one signer comes back, in the one container.
fn ends(machine: &mut Machine) -> Result<()> {
    for (what, script) in [
        ("the container is killed", "docker kill aztec-node"),
        (
            "its client is killed",
            "systemctl kill --kill-whom=main --signal=KILL aztec-sequencer",
        ),
        ("the daemon is killed", "pkill -KILL -x dockerd"),
        (
            "everything of the engine is killed",
            "pkill -KILL 'docker|containerd'",
        ),
    ] {
        let old = signers(machine)?;
        machine.shell(script)?;
        back(machine, &old).context(what)?;
    }

    // The daemon dies and stays down: nothing signs without the knowledge of systemd.
    let old = signers(machine)?;
    machine.shell("mv /usr/sbin/dockerd /usr/sbin/dockerd.away; pkill -KILL -x dockerd")?;
    sh::wait_for(
        "what Docker has left ends",
        Duration::from_secs(300),
        || Ok(signers(machine)?.is_empty().then_some(())),
    )?;
    machine.shell(
        "mv /usr/sbin/dockerd.away /usr/sbin/dockerd; systemctl reset-failed docker.service docker.socket; \
         systemctl start docker",
    )?;
    back(machine, &old).context("the daemon was dead")?;

    machine.kill_power()?;
    machine.start()?;
    back(machine, &[]).context("after a power cut")
}

fn back(machine: &Machine, old: &[String]) -> Result<()> {
    image::one_comes_back(machine, "--node --sequencer", old).with_context(|| {
        let units = "--unit docker --unit containerd --unit aztec-sequencer";
        let log = machine.shell(&format!(
            "journalctl {units} --lines 60 --no-pager; docker ps --all"
        ));
        format!("the host says:\n{}", log.unwrap_or_default())
    })?;
    sh::wait_for("one container is left", Duration::from_secs(180), || {
        let containers = machine.shell("docker ps --all --format '{{.Names}}'")?;
        Ok((containers.trim() == "aztec-node").then_some(()))
    })
}

fn signers(machine: &Machine) -> Result<Vec<String>> {
    image::processes(machine, "--node --sequencer")
}

fn switch(machine: &Machine, runtime: &str) -> Result<crate::machine::Output> {
    let args = ["setup", "--runtime", runtime, "--yes", "--patience", "0"];
    Kit(machine).run(&args)
}
