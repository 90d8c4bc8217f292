//! Registration on the real contracts.
//!
//! The test runs only if `AZTEC_KIT_L1_URL` names a local chain on which `aztec deploy-l1-contracts` ran, and
//! `AZTEC_KIT_L1_REGISTRY` its registry. It changes the chain, but each run uses keys of its own.
//! All of it uses the deployer's account, so it is one function.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::Duration,
};

use keys::{AttesterKeys, BlsKey, WordCount, derive_attester, derive_publisher, generate_mnemonic};
use l1::{
    Error, Reader, Staker, U256,
    reader::AttesterStatus,
    staking::{FUNDING_FLOOR, FUNDING_TARGET, StakeRequest, local_deployer},
};

fn fresh() -> AttesterKeys {
    derive_attester(&generate_mnemonic(WordCount::Twelve).unwrap(), 0, 0).unwrap()
}

#[test]
fn a_validator_is_registered_once() {
    let (Ok(url), Ok(registry)) = (
        env::var("AZTEC_KIT_L1_URL"),
        env::var("AZTEC_KIT_L1_REGISTRY"),
    ) else {
        println!("skipped: AZTEC_KIT_L1_URL and AZTEC_KIT_L1_REGISTRY name no chain");
        return;
    };
    let registry = registry.parse().unwrap();
    let reader = Reader::connect(&url, Duration::from_secs(5)).unwrap();
    let deployer = local_deployer().unwrap();
    let staker = Staker::new(&url, deployer).unwrap();
    let rollup = reader.canonical_rollup(registry).unwrap();
    assert!(reader.code_at(rollup).unwrap());
    let info = reader.rollup_info(rollup).unwrap();
    assert!(info.slot_duration.is_some() && info.epoch_duration.is_some());
    let checkpoints = reader.checkpoints(rollup).unwrap();
    assert!(checkpoints.proven <= checkpoints.pending);

    let mnemonic = generate_mnemonic(WordCount::TwentyFour).unwrap();
    let attester = derive_attester(&mnemonic, 0, 0).unwrap();
    let publisher = derive_publisher(&mnemonic, 1, 0).unwrap().address();
    let mut request = StakeRequest::new(registry, &attester);
    request.fund = vec![attester.address(), publisher];
    assert_eq!(
        reader
            .standing(registry, attester.address())
            .unwrap()
            .status,
        AttesterStatus::None
    );

    // Each run is stopped after one step. The next run continues there and repeats nothing.
    const MOST_RUNS: usize = 8;
    let mut steps: Vec<String> = Vec::new();
    let mut runs = 0;
    loop {
        runs += 1;
        assert!(runs <= MOST_RUNS, "{steps:?}");
        let mut seen = 0;
        let run = catch_unwind(AssertUnwindSafe(|| {
            staker.ensure_staked(&request, &mut |line| {
                if line.starts_with("waiting") {
                    return;
                }
                if seen == 1 {
                    // This unwinds without the message and backtrace of a panic.
                    resume_unwind(Box::new("stopped"));
                }
                seen += 1;
                steps.push(line.to_owned());
            })
        }));
        if let Ok(outcome) = run {
            assert_eq!(outcome.unwrap().rollup, rollup);
            break;
        }
    }
    let account = attester.address();
    let expected = [
        format!("send 10.000000000000000000 ETH to {account}"),
        format!("send 10.000000000000000000 ETH to {publisher}"),
        "mint the stake to the deployer".to_owned(),
        "let the rollup take the stake".to_owned(),
        format!("deposit for attester {account}"),
        "flush the entry queue".to_owned(),
    ];
    // An earlier, interrupted run of this test may have left a stake or an allowance behind.
    let expected: Vec<_> = expected
        .into_iter()
        .filter(|step| steps.contains(step))
        .collect();
    assert_eq!(steps, expected);
    assert!(steps.len() >= 4, "{steps:?}");

    let standing = reader.standing(registry, account).unwrap();
    assert_eq!(
        (standing.rollup, standing.status),
        (rollup, AttesterStatus::Validating)
    );
    assert_eq!(reader.balance(publisher).unwrap(), FUNDING_TARGET);
    let again = staker
        .ensure_staked(&request, &mut |line| panic!("{line}"))
        .unwrap();
    assert!(!again.changed());

    // The queue accepts the same BLS key for another attester, and the flush removes it.
    let thief = AttesterKeys {
        eth: fresh().eth,
        bls: BlsKey::from_bytes(&[7; 32]).unwrap(),
    };
    staker
        .ensure_staked(&StakeRequest::new(registry, &thief), &mut |_| {})
        .map_or_else(
            // An earlier run of this test on the same chain registered this BLS key.
            |error| assert!(matches!(error, Error::DepositRefused { .. }), "{error}"),
            |outcome| assert!(outcome.changed()),
        );
    let second = AttesterKeys {
        eth: fresh().eth,
        bls: BlsKey::from_bytes(&[7; 32]).unwrap(),
    };
    let error = staker
        .ensure_staked(&StakeRequest::new(registry, &second), &mut |_| {})
        .unwrap_err();
    let Error::DepositRefused {
        attester,
        transaction: Some(_),
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(attester, second.address());
    // The stake went back to the withdrawer.
    assert_eq!(
        reader
            .token_balance(info.staking_asset, second.address())
            .unwrap(),
        info.activation_threshold
    );
    assert_eq!(
        reader
            .token_balance(info.staking_asset, fresh().address())
            .unwrap(),
        U256::ZERO
    );

    // This account may not mint.
    let poor = derive_publisher(&mnemonic, 2, 0).unwrap();
    staker
        .ensure_funded(poor.address(), FUNDING_FLOOR, FUNDING_TARGET, &mut |_| {})
        .unwrap();
    let (third, minter) = (fresh(), poor.address());
    let mut request = StakeRequest::new(registry, &third);
    request.fund.clear();
    let error = Staker::new(&url, poor)
        .unwrap()
        .ensure_staked(&request, &mut |_| {})
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot mint the stake to the deployer: reverted with NotMinter {{ account: {minter:#x} }}"
        )
    );
}
