//! Before the first start of a sequencer, every source that can know of a second signer is asked: claims on the disk,
//! programs of the host, the L1, and the node of this host.
//!
//! L1 and node are stand-ins that answer a few calls, since no live network has a second signer for a test.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Context;
use super::bad_input::{Refusal, refused};
use super::stubs::{self, json_rpc, listening};
use super::support::{Kit, rpc, said};
use crate::machine::Machine;
use crate::sh;

/// The first attester of the well-known test mnemonic.
const ATTESTER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const SETUP: &str = "setup --network testnet --with-sequencer --l1-rpc-urls http://127.0.0.1:18545 \
                     --l1-consensus-urls http://127.0.0.1:18545 --p2p-ip 192.0.2.1 --yes";
const KIT_TOML: &str = "network = \"testnet\"\n[l1]\nrpc_urls = [\"http://127.0.0.1:18545\"]\n\
    consensus_urls = [\"http://127.0.0.1:18545\"]\n[sequencer]\nenabled = true\n";
/// The current slot of the L1. Slots take 72 s, and epochs have 32 of them.
const SLOT: u64 = 10_000;

/// The answers of the contracts of Sepolia, by the selector of the call, and the statistics of a node, from a file.
const ANSWER: &str = r#"do {
        my $word = sub { sprintf '"0x%064x"', $_[0] };
        my $file = sub { open my $f, "<", $_[0] or return "null"; local $/; my $text = <$f>; chomp $text; $text };
        $body =~ /eth_chainId/ ? '"0xaa36a7"'
        : $body =~ /0x971b0e6b/ ? $word->(0x7011)
        : $body =~ /0xd8e3784c/ ? $word->(10000)
        : $body =~ /0xc4014c12/ ? $word->(72)
        : $body =~ /0x5d3ea8f1/ ? $word->(32)
        : $body =~ /0x30ccebb5/ ? $word->($file->("/run/standing"))
        : $body =~ /aztec_getNodeInfo/
            ? '{"l1ContractAddresses":{"rollupAddress":"0x0000000000000000000000000000000000007011"}}'
        : $body =~ /aztec_getValidatorsStats/ ? $file->("/run/stats.json")
        : "null"
    }"#;

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = context.boot_with_kit("signer")?;
    machine.shell("install -d -m 700 /etc/aztec/keystore")?;
    machine.write(
        "/etc/aztec/keystore/mine.json",
        &stubs::keystore().to_string(),
        0o600,
    )?;

    no(&machine, "no L1 that answers", &["cannot tell", "Fix that"])?;
    let _l1 = listening(&machine, &json_rpc(18545, ANSWER))?;
    standing(&machine, 0)?;
    yes(&machine, &[], "pass", "not registered")?;
    standing(&machine, 1)?;
    no(
        &machine,
        "no node",
        &[
            "the node of this host",
            "without the sequencer first",
            "64 slots (77 min)",
        ],
    )?;
    other_program(&machine)?;
    network(&machine)?;
    copied_disk(&machine)?;
    handed(&machine)
}

/// The status of the attester on the rollup: 0 is none, 1 is validating.
fn standing(machine: &Machine, status: u8) -> Result<()> {
    machine.write("/run/standing", &status.to_string(), 0o644)
}

/// The setup is refused, gives the reason and the flag to override it, and leaves the host as it is.
fn no(machine: &Machine, what: &str, parts: &[&str]) -> Result<()> {
    let place = format!("signer {ATTESTER}");
    let parts = [&[place.as_str(), "--only-signer"], parts].concat();
    let refusal = Refusal {
        what,
        command: SETUP,
        parts: &parts,
    };
    refused(machine, &refusal)
}

/// The preflight has no objection to the attester.
fn yes(machine: &Machine, flags: &[&str], status: &str, part: &str) -> Result<()> {
    let words = SETUP.replacen("setup", "preflight", 1);
    let words = words.split_whitespace().filter(|word| *word != "--yes");
    let args: Vec<_> = words
        .chain(flags.iter().copied())
        .chain(["--json"])
        .collect();
    let printed = Kit(machine).run(&args)?.stdout;
    let report: Value = serde_json::from_str(&printed).with_context(|| printed.clone())?;
    let mut findings = report["findings"].as_array().into_iter().flatten();
    let finding =
        findings.find(|finding| finding["id"] == "signer" && finding["subject"] == ATTESTER);
    let finding = finding.with_context(|| format!("no finding of {ATTESTER} in {printed}"))?;
    let message = said(finding);
    ensure!(
        finding["severity"] == status && message.contains(part),
        "{status}, {part}: {finding}"
    );
    Ok(())
}

/// Another operator's sequencer on this host, like one in a container.
fn other_program(machine: &Machine) -> Result<()> {
    let script = "$| = 1; print \"runs\\n\"; sleep 600";
    let argv = [
        "perl",
        "-e",
        script,
        "/usr/src/aztec/dest/bin/index.js",
        "start",
        "--node",
        "--sequencer",
    ];
    let program = machine.spawn(&argv)?;
    sh::wait_for("the program runs", Duration::from_secs(180), || {
        Ok(program.printed()?.contains("runs").then_some(()))
    })?;
    no(
        machine,
        "another sequencer",
        &["another sequencer runs on this host", "Stop it"],
    )
}

/// The observations of the node of this host.
fn network(machine: &Machine) -> Result<()> {
    machine.write("/run/node.pl", &json_rpc(8080, ANSWER), 0o644)?;
    let node = [
        "systemd-run",
        "--quiet",
        "--unit=aztec-node.service",
        "perl",
        "/run/node.pl",
    ];
    machine.exec_ok(&node)?;
    sh::wait_for("the node answers", Duration::from_secs(60), || {
        rpc(machine, 8080, "node_isReady", json!([]))
    })?;
    let duties = |from: u64, count: u64, status: &str| -> Vec<Value> {
        let duty = |slot| json!({"slot": slot, "status": status});
        (from..from + count).map(duty).collect()
    };
    let stats = |initial: u64, history: Vec<Value>| -> Result<()> {
        let attester = ATTESTER.to_lowercase();
        let stats = json!({
            "stats": {attester: {"history": history}},
            "initialSlot": initial,
            "lastProcessedSlot": SLOT - 2,
            "slotWindow": 768,
        });
        machine.write("/run/stats.json", &stats.to_string(), 0o644)
    };
    machine.write("/run/stats.json", r#"{"stats":{},"slotWindow":0}"#, 0o644)?;
    no(machine, "a node that does not watch", &["SENTINEL_ENABLED"])?;
    stats(SLOT - 12, Vec::new())?;
    no(
        machine,
        "a node that has just started",
        &["10 of 64 slots", "in 65 min"],
    )?;
    stats(SLOT - 200, duties(SLOT - 40, 32, "attestation-sent"))?;
    no(
        machine,
        "a second signer",
        &["signed in slot 9991", "10 min ago", "Stop the other node"],
    )?;
    yes(machine, &["--only-signer"], "pass", "the operator says")?;
    let mut stopped = duties(SLOT - 60, 20, "attestation-sent");
    stopped.extend(duties(SLOT - 40, 12, "attestation-missed"));
    stats(SLOT - 200, stopped)?;
    yes(machine, &[], "pass", "missed its last 12 duties")?;
    stats(SLOT - 200, Vec::new())?;
    yes(machine, &[], "warn", "not certain")
}

/// The claim of another host: this disk was copied, or was moved from it.
fn copied_disk(machine: &Machine) -> Result<()> {
    let other = "00112233445566778899aabbccddeeff";
    let dir = format!("/var/lib/aztec-kit/signers/{other}");
    let claim = json!({
        "attester": ATTESTER, "host": other, "unit": "aztec-sequencer.service",
        "data": "/var/lib/aztec/node", "since": 1, "because": "a test",
    });
    machine.shell(&format!("install -d -m 700 {dir}"))?;
    machine.write(
        &format!("{dir}/{}.json", ATTESTER.to_lowercase()),
        &claim.to_string(),
        0o600,
    )?;
    no(
        machine,
        "a copied disk",
        &[
            "machine id 00112233…",
            "copy of that host's",
            "Stop the sequencer there",
        ],
    )?;
    yes(machine, &["--only-signer"], "pass", "the operator says")
}

/// A replacement for the node that records its keys.
const FAKE_NODE: &str = r#"[Service]
ExecStart=
ExecStart=/bin/sh -c 'ls "$$CREDENTIALS_DIRECTORY"; exec sleep infinity'
Restart=no
WorkingDirectory=/
StandardOutput=truncate:/run/handed
StandardError=journal
"#;
const UNIT: &str = "aztec-sequencer.service";
const ORIGINAL: &str = "/etc/aztec/keystore/mine.json";

/// systemd passes only keys that were claimed on this host, and starts nothing if one was removed or changed since. The
/// unit is that of a plan.
fn handed(machine: &Machine) -> Result<()> {
    machine.write("/etc/aztec/kit.toml", KIT_TOML, 0o600)?;
    let plan = Kit(machine).json(&["plan", "--json"], 0)?;
    let text = plan.to_string();
    for part in ["signers[/etc/aztec/keystore]", "signs elsewhere"] {
        ensure!(text.contains(part), "the plan lacks {part}: {text}");
    }
    let steps = plan["steps"].as_array().into_iter().flatten();
    let mut units = steps.filter_map(super::sandboxes::service);
    let unit = units.find(|(name, _)| name == UNIT);
    let (_, unit) = unit.with_context(|| format!("the plan has no {UNIT}: {text}"))?;
    machine.write(&format!("/etc/systemd/system/{UNIT}"), &unit, 0o644)?;
    machine.shell(
        "systemctl stop aztec-node; useradd --system --home-dir /var/lib/aztec --no-create-home aztec; \
         install -d -o aztec -g aztec /var/lib/aztec /var/lib/aztec/node; \
         touch /var/lib/aztec/node/.running; chown aztec: /var/lib/aztec/node/.running; \
         for name in node sequencer admin container; do touch /etc/aztec/$name.env; done; \
         install -d -m 700 /var/lib/aztec-kit/claimed; touch /var/lib/aztec/.aztec-kit-disk; \
         mkdir /etc/systemd/system/aztec-sequencer.service.d",
    )?;
    let drop_in = format!("/etc/systemd/system/{UNIT}.d/fake.conf");
    machine.write(&drop_in, FAKE_NODE, 0o644)?;
    machine.shell("systemctl daemon-reload")?;
    starts(machine, false, "with no claim but one of another host")?;
    machine.shell(&format!(
        "dir=/var/lib/aztec-kit/claimed/$(cat /etc/machine-id); install -d -m 700 $dir; cp {ORIGINAL} $dir"
    ))?;
    // It was imported, and is refused.
    let second = stubs::keystore().to_string().replace("0xac", "0xad");
    machine.write("/etc/aztec/keystore/second.json", &second, 0o600)?;
    starts(machine, true, "with a claim")?;
    let keys = sh::wait_for("the fake node runs", Duration::from_secs(60), || {
        let noted = machine.shell("cat /run/handed || true")?;
        Ok((!noted.is_empty()).then_some(noted))
    })?;
    ensure!(
        keys.trim() == "keystore_mine.json",
        "it is handed {keys}, and only mine.json was claimed"
    );
    machine.shell(
        "install -d -m 700 /var/lib/aztec-kit/hardware; \
         echo another >/var/lib/aztec-kit/hardware/$(cat /etc/machine-id)",
    )?;
    starts(
        machine,
        false,
        "on another machine with the same machine id",
    )?;
    machine.shell("rm -r /var/lib/aztec-kit/hardware")?;
    machine.shell(&format!("mv {ORIGINAL} /root"))?;
    starts(machine, false, "with a key that was taken out")?;
    machine.shell(&format!("mv /root/mine.json {ORIGINAL}; echo >>{ORIGINAL}"))?;
    starts(machine, false, "with a keystore that was changed")?;
    let log = machine
        .exec(&["journalctl", "--unit", UNIT, "--no-pager"])?
        .stdout;
    ensure!(
        log.contains(&format!("{ORIGINAL} is not the keystore that was claimed")),
        "the journal does not say why: {log}"
    );
    Ok(())
}

fn starts(machine: &Machine, expected: bool, how: &str) -> Result<()> {
    let started = machine.exec(&["systemctl", "restart", UNIT])?;
    let word = if expected { "does not start" } else { "starts" };
    ensure!(
        (started.status == 0) == expected,
        "it {word} {how}: {}",
        started.stderr
    );
    Ok(())
}
