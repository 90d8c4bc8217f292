//! Registers one validator on a local network: `stake RPC_URL REGISTRY ADDRESS_INDEX`.
//!
//! The keys are those of the public test mnemonic, so it is of no use on any other network.

use std::{env, process::ExitCode, time::Duration, time::Instant};

use keys::{Mnemonic, derive_attester};
use l1::{
    Address, Error, Reader, Staker,
    staking::{StakeRequest, local_deployer},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, registry, index] = arguments.as_slice() else {
        eprintln!("usage: stake RPC_URL REGISTRY ADDRESS_INDEX");
        return ExitCode::from(2);
    };
    let (Ok(registry), Ok(index)) = (registry.parse(), index.parse()) else {
        eprintln!("stake: REGISTRY is an address, ADDRESS_INDEX a number");
        return ExitCode::from(2);
    };
    match run(url, registry, index) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stake: {error}\n  fix: {}", error.fix());
            ExitCode::FAILURE
        }
    }
}

fn run(url: &str, registry: Address, index: u32) -> Result<(), Error> {
    let mnemonic = Mnemonic::parse("test test test test test test test test test test test junk")?;
    let attester = derive_attester(&mnemonic, 0, index)?;

    let start = Instant::now();
    let reader = Reader::connect(url, Duration::from_secs(5))?;
    println!("reader ready after {:?}", start.elapsed());
    let start = Instant::now();
    let standing = reader.standing(registry, attester.address())?;
    println!(
        "{}: {} after {:?}",
        attester.address(),
        standing.status,
        start.elapsed()
    );
    println!("{:?}", reader.rollup_info(standing.rollup)?);

    let start = Instant::now();
    let staker = Staker::new(url, local_deployer()?)?;
    let outcome = staker.ensure_staked(&StakeRequest::new(registry, &attester), &mut |line| {
        println!("  {:6.2} s  {line}", start.elapsed().as_secs_f64());
    })?;
    println!(
        "{} transactions, done after {:?}",
        outcome.transactions.len(),
        start.elapsed()
    );

    let start = Instant::now();
    let standing = reader.standing(registry, attester.address())?;
    println!(
        "{}: {} after {:?}",
        attester.address(),
        standing.status,
        start.elapsed()
    );
    Ok(())
}
