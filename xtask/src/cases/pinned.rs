//! The image is pinned at first sight, and every obstacle is reported in advance.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::support::{APPLY, Kit, Listing, finding, rpc, said};
use super::{Context, image, registry};
use crate::machine::Machine;
use crate::sh;

/// One process that needs no chain.
const BOOTNODE: &str =
    "runtime = \"container\"\n[node]\nenabled = false\n[bootnode]\nenabled = true\n";

const RECORD: &str = "/etc/aztec/container.env";

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = image::boot(context, &context.root()?, "pinned")?;
    let kit = Kit(&machine);
    machine.write("/etc/aztec/kit.toml", BOOTNODE, 0o600)?;

    // Without an engine, the registry is the only source of the image, and it does not answer.
    registry::away(&machine)?;
    refused(&machine, "no engine", &["does not answer", "podman load"])?;
    registry::start(&machine)?;
    registry::push(&machine, "aztec.tar")?;
    kit.apply()?;
    enr(&machine)?;
    kit.in_sync()?;
    let record = machine.read(RECORD)?;
    let pin = pinned(&record, "CONTAINER_IMAGE=")?;
    let digest = pinned(&record, "CONTAINER_IMAGE_DIGEST=")?;
    let journal = machine.shell("cat /var/lib/aztec-kit/journal*")?;
    ensure!(
        journal.contains(pin) && journal.contains(digest),
        "the journal does not know {pin} and {digest}"
    );
    let runs = machine.shell("podman inspect --format '{{.Image}}' aztec-bootnode")?;
    ensure!(pin.ends_with(runs.trim()), "{runs} runs, and not {pin}");

    // The tag moves in the registry. A list that contains the image is not another image. Podman does not show the
    // digest of a single one.
    reports(&machine, UPSTREAM, "warn", "could not be compared")?;
    registry::push_list(&machine)?;
    reports(
        &machine,
        UPSTREAM,
        "pass",
        "is the image that this host is pinned to",
    )?;
    registry::push(&machine, "other.tar")?;
    registry::push_list(&machine)?;
    reports(&machine, UPSTREAM, "warn", "has moved")?;
    unchanged(&machine, &record)?;

    // The image is removed. The pinned one comes back.
    let remove = format!("systemctl stop aztec-bootnode; podman image rm --force {pin}");
    machine.shell(&remove)?;
    kit.apply()?;
    enr(&machine)?;
    unchanged(&machine, &record)?;

    // The tag moves on this host alone, while the registry does not answer.
    registry::stop(&machine)?;
    load(&machine, "other.tar")?;
    reports(&machine, "image", "warn", "has moved")?;
    reports(&machine, UPSTREAM, "warn", "could not be compared")?;
    unchanged(&machine, &record)?;
    machine.shell("systemctl restart aztec-bootnode")?;
    enr(&machine)?;
    machine.shell(&remove)?;
    let words = ["this host is pinned to"];
    refused(&machine, "another image of the name", &words)?;
    ensure!(machine.read(RECORD)? == record, "the record changed");

    // Only the operator can pin another image.
    kit.run(&["forget", &format!("image[{}]", image::NAME)])?
        .ok()?;
    machine.shell(&format!("rm {RECORD}; podman image rm {}", image::NAME))?;
    refused(&machine, "no image", &["podman load"])?;
    load(&machine, "arm.tar")?;
    refused(&machine, "a foreign image", &["is for arm64", "image rm"])?;
    machine.shell(&format!("podman image rm {}", image::NAME))?;
    machine.shell("mount -t tmpfs -o size=64m tmpfs /var/lib/containers")?;
    refused(&machine, "a full disk", &["disk for the image"])?;
    machine.shell("umount /var/lib/containers")?;
    load(&machine, "aztec.tar")?;
    kit.apply()?;
    enr(&machine)?;
    kit.in_sync()
}

/// The name of the comparison with the registry in `preflight`.
const UPSTREAM: &str = "image-registry";

fn pinned<'a>(record: &'a str, variable: &str) -> Result<&'a str> {
    let found = record.lines().find_map(|line| line.strip_prefix(variable));
    found.with_context(|| format!("no {variable} in {record}"))
}

/// Fails unless a check of `preflight` has this result.
fn reports(machine: &Machine, check: &str, status: &str, words: &str) -> Result<()> {
    let report = Kit(machine).json(&["preflight", "--json"], 0)?;
    let result = result_of(&report, check);
    ensure!(
        result.starts_with(status) && result.contains(words),
        "{check}: {result}"
    );
    Ok(())
}

/// A run finds nothing to do, whatever happened to the tag.
fn unchanged(machine: &Machine, record: &str) -> Result<()> {
    Kit(machine).in_sync()?;
    let changed = Kit(machine).apply()?;
    ensure!(changed.is_empty(), "a run changes {changed:?}");
    ensure!(machine.read(RECORD)? == record, "the record changed");
    Ok(())
}

fn load(machine: &Machine, archive: &str) -> Result<()> {
    machine
        .shell(&format!(
            "podman load --quiet --input {}/{archive}",
            image::SHOWN
        ))
        .map(drop)
}

/// Fails unless a run exits with 2, says why, and leaves the host as it was.
fn refused(machine: &Machine, what: &str, words: &[&str]) -> Result<()> {
    let before = Listing::of(machine)?;
    let output = Kit(machine)
        .run(APPLY)?
        .expect(2)
        .context(what.to_owned())?;
    for word in words {
        ensure!(output.stderr.contains(word), "{what}: {}", output.stderr);
    }
    before.still(machine, what)
}

fn result_of(report: &Value, check: &str) -> String {
    finding(report, check).map_or_else(String::new, |finding| {
        let severity = finding["severity"].as_str().unwrap_or_default();
        format!("{severity} {}", said(finding))
    })
}

fn enr(machine: &Machine) -> Result<()> {
    sh::wait_for(
        "the bootnode answers",
        std::time::Duration::from_secs(300),
        || rpc(machine, 8480, "bootstrap_getEncodedEnr", json!([])),
    )
    .map(drop)
    .with_context(|| {
        let log = machine.shell("journalctl --unit aztec-bootnode --lines 40 --no-pager");
        format!("it says:\n{}", log.unwrap_or_default())
    })
}
