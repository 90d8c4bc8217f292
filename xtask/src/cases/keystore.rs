//! A keystore that the node would not load, or that others can read, is refused before anything is changed.

use anyhow::Result;
use serde_json::{Value, json};

use super::Context;
use super::bad_input::{Refusal, refused};
use super::stubs;
use crate::machine::Machine;

const DIR: &str = "/etc/aztec/keystore";
const LOCAL: &str = "setup --network local --with-sequencer --yes";
/// A port without a listener: all problems are reported at once, with that of the keystore.
const LIVE: &str = "setup --network testnet --with-sequencer --l1-rpc-urls http://127.0.0.1:2 \
                    --l1-consensus-urls http://127.0.0.1:2 --p2p-ip 192.0.2.1 --yes";

/// A file of the directory, and its mode.
type File<'a> = (&'a str, &'a Value, u32);

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = context.boot_with_kit("keystore")?;
    let good = stubs::keystore();
    let but = |pointer: &str, value: Value| {
        let mut bad = good.clone();
        if let Some(place) = bad.pointer_mut(pointer) {
            *place = value;
        }
        bad
    };
    let mut missing = good.clone();
    if let Some(validator) = missing.pointer_mut("/validators/0") {
        validator
            .as_object_mut()
            .and_then(|fields| fields.remove("feeRecipient"));
    }
    let mut extra = good.clone();
    extra["validators"][0]["fee"] = json!(1);
    let unprefixed = but("/validators/0/attester/eth", json!("ac".repeat(32)));
    let short = but("/validators/0/attester/bls", json!("0x2855"));
    let trials: &[(&str, &[File<'_>], &[&str])] = &[
        (
            "a missing field",
            &[("a.json", &missing, 0o600)],
            &[
                "a.json",
                "validators[0].feeRecipient",
                "missing",
                "Put that right",
            ],
        ),
        (
            "an extra field",
            &[("a.json", &extra, 0o600)],
            &["a.json", "validators[0].fee ", "Put that right"],
        ),
        (
            "a key without 0x",
            &[("a.json", &unprefixed, 0o600)],
            &[
                "a.json",
                "validators[0].attester.eth does not begin with 0x",
                "Put that right",
            ],
        ),
        (
            "half a key",
            &[("a.json", &short, 0o600)],
            &[
                "a.json",
                "validators[0].attester.bls is not 0x and 64",
                "Put that right",
            ],
        ),
        (
            "a staker output",
            &[("a.json", &json!([]), 0o600)],
            &["a.json", "staker output", "move the file out"],
        ),
        (
            "a duplicate attester",
            &[("a.json", &good, 0o600), ("b.json", &good, 0o600)],
            &[
                "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
                "a.json",
                "b.json",
                "Remove one",
            ],
        ),
        (
            "a file that others can read",
            &[("a.json", &good, 0o644)],
            &["a.json", "mode 0644", "chmod 600"],
        ),
    ];
    for (what, files, parts) in trials {
        fill(&machine, files)?;
        for command in [LOCAL, LIVE] {
            refused(
                &machine,
                &Refusal {
                    what,
                    command,
                    parts,
                },
            )?;
        }
    }
    fill(&machine, &[("a.json", &good, 0o600)])?;
    machine.shell(&format!(
        "mv {DIR}/a.json /root; ln -s /root/a.json {DIR}/a.json"
    ))?;
    for command in [LOCAL, LIVE] {
        let parts = &["a.json", "is a symlink", "Put the file itself there"];
        refused(
            &machine,
            &Refusal {
                what: "a symlink",
                command,
                parts,
            },
        )?;
    }
    for mode in ["300", "755"] {
        fill(&machine, &[("a.json", &good, 0o600)])?;
        machine.shell(&format!("chmod {mode} {DIR}"))?;
        let parts = &[DIR, &format!("mode 0{mode}"), "chmod 700"];
        refused(
            &machine,
            &Refusal {
                what: "a directory of another mode",
                command: LIVE,
                parts,
            },
        )?;
    }
    machine.shell(&format!("rm -r {DIR}"))?;
    let parts = &[DIR, "does not exist", "aztec-kit keys new"];
    refused(
        &machine,
        &Refusal {
            what: "no keys",
            command: LIVE,
            parts,
        },
    )
}

fn fill(machine: &Machine, files: &[File<'_>]) -> Result<()> {
    machine.shell(&format!("rm -rf {DIR}; install -d -m 700 {DIR}"))?;
    for (name, text, mode) in files {
        machine.write(&format!("{DIR}/{name}"), &text.to_string(), *mode)?;
    }
    Ok(())
}
