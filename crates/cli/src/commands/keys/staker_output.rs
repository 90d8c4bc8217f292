//! `aztec-kit keys staker-output`

use keys::keystore::document::{Account, BlsAccount};
use keys::{Address, StakerOutput};
use provision::{Fault, code};
use secrecy::ExposeSecret;

use super::place::{self, Place};
use crate::args::keys::StakerOutputArgs;
use crate::context::{Context, View};
use crate::exit::{self, Failure};
use crate::host;
use crate::network;
use crate::printer::Printer;
use crate::urls;

/// Writes the file that registers attesters.
pub fn run(args: &StakerOutputArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let view = &cx.view;
    let (dir, survey) = Place::sound(&args.source.dir, view)?;
    let out = args.out.as_deref();
    let out = out
        .map(|file| place::outside(file, &[&dir], view))
        .transpose()?;
    let mut keys = Vec::new();
    let mut left_out = Vec::new();
    for (_, document) in &survey.documents {
        for one in document
            .validators
            .iter()
            .flat_map(|entry| &entry.attesters)
        {
            let Some(attester) = one.eth.address() else {
                continue;
            };
            if !args.attester.is_empty() && !args.attester.contains(&attester) {
                continue;
            }
            match (&one.bls, &one.eth) {
                (Some(BlsAccount::Key(bls)), Account::Key(_) | Account::Remote { .. }) => {
                    keys.push((attester, bls));
                }
                _ => left_out.push(attester),
            }
        }
    }
    let missing = |address: &&Address| !keys.iter().any(|(attester, _)| attester == *address);
    if let Some(address) = args.attester.iter().find(missing).or(left_out.first()) {
        return Err(Failure::usage(
            Fault::new(format!("the keystore contains no BLS key of attester {address}"))
                .fix("Run `aztec-kit keys list` to see the keys, and name attesters that have one with --attester."),
        ));
    }
    if keys.is_empty() {
        return Err(Failure::usage(
            Fault::new("the keystore contains no attester").fix(
                "Create one with `aztec-kit keys new`, or import one with `aztec-kit keys import`.",
            ),
        ));
    }
    let (urls, registry) = chain(args, view, printer)?;
    let public: Vec<_> = keys.iter().map(|(_, bls)| bls.public_g1()).collect();
    let registration = view.network.registration(&urls, registry, &public)?;
    printer.say(&format!(
        "chain {}, registry {registry}, rollup {}, escrow {}",
        registration.chain, registration.rollup, registration.escrow
    ));
    let mut entries = Vec::new();
    for ((attester, bls), digest) in keys.into_iter().zip(registration.digests) {
        let entry = StakerOutput::of(attester, bls, digest);
        entries.push(entry.map_err(|error| network::no_answer(error.into()))?);
    }
    let Some(out) = out else {
        printer.foreign(&entries);
        return Ok(exit::OK);
    };
    let mut bytes = serde_json::to_vec_pretty(&entries).map_err(|error| {
        let fault = Fault::new("failed to write JSON").because(error);
        fault.coded(code::INTERNAL)
    })?;
    bytes.push(b'\n');
    // The file is public: the registration may happen on another machine.
    let mut files = place::new_files(&[&out], cx, printer)?;
    let public = place::mine(0o644, view.user);
    place::put(&out, &bytes, public, &mut files)?;
    printer.say(&format!(
        "{} attesters written to {}",
        entries.len(),
        out.display()
    ));
    Ok(exit::OK)
}

/// The L1 endpoints and the registry: from the flags, otherwise from the configuration of this host.
fn chain(
    args: &StakerOutputArgs,
    view: &View,
    printer: &mut Printer,
) -> Result<(Vec<String>, Address), Failure> {
    let urls = urls::given("l1-rpc-urls", &args.l1_rpc_urls)?;
    let urls: Vec<_> = urls
        .iter()
        .map(|url| url.expose_secret().to_owned())
        .collect();
    if let (false, Some(registry)) = (urls.is_empty(), args.registry) {
        return Ok((urls, registry));
    }
    let settings = host::settings(view)?;
    // The operator should know if this host cannot follow the rollup of the registration.
    host::warn_unfit(&settings, view, printer);
    let registry = match args.registry {
        Some(registry) => Some(registry),
        None => aztec::checks::registry(&settings, view.probe()).map_err(Failure::usage)?,
    };
    let registry = registry.ok_or_else(|| {
        Failure::usage(
            Fault::new("the registry of this network is not known")
                .fix("Name its address with --registry."),
        )
    })?;
    let configured = || {
        settings
            .l1_rpc_urls()
            .iter()
            .map(|url| url.expose().to_string())
            .collect()
    };
    Ok((if urls.is_empty() { configured() } else { urls }, registry))
}
