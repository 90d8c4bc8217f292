//! Reads and transfers on a real chain. Each test starts its own anvil.
//!
//! The tests run only if `AZTEC_KIT_ANVIL` names an anvil binary.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::{
    env,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use keys::{G1Point, WordCount, derive_attester, generate_mnemonic};
use l1::observe::{BUDGET, BlobsApi, Deep, Questions, Syncing, Target, Targets, Trace, observe};
use l1::{
    Address, Cause, Error, Reader, Staker, Traces, U256,
    reader::AttesterStatus,
    staking::{FUNDING_FLOOR, FUNDING_TARGET, LOCAL_CHAIN_ID, StakeRequest, local_deployer},
};

const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// An anvil that is stopped at the end of its test.
struct Anvil {
    process: Child,
    url: String,
}

impl Anvil {
    /// Starts an anvil. Without a binary, it prints so and returns `None`.
    fn start(chain_id: u64, arguments: &[&str]) -> Option<Self> {
        let Some(binary) = env::var_os("AZTEC_KIT_ANVIL") else {
            println!("skipped: AZTEC_KIT_ANVIL names no anvil binary");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new(binary)
            .args([
                "--host",
                "127.0.0.1",
                "--silent",
                "--chain-id",
                &chain_id.to_string(),
            ])
            .args(["--port", &port.to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let anvil = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while anvil.reader().chain_id().is_err() {
            assert!(Instant::now() < deadline, "anvil does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(anvil)
    }

    fn reader(&self) -> Reader {
        Reader::connect(&self.url, CALL_TIMEOUT).unwrap()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn random_address() -> Address {
    derive_attester(&generate_mnemonic(WordCount::Twelve).unwrap(), 0, 0)
        .unwrap()
        .address()
}

#[test]
fn chain_id_blocks_and_balances_are_read() {
    let Some(anvil) = Anvil::start(LOCAL_CHAIN_ID, &[]) else {
        return;
    };
    let reader = anvil.reader();
    let deployer = local_deployer().unwrap().address();

    assert_eq!(reader.endpoint(), anvil.url);
    assert_eq!(reader.chain_id().unwrap(), LOCAL_CHAIN_ID);
    assert_eq!(reader.block_number().unwrap(), 0);
    assert_eq!(reader.head().unwrap().number, 0);
    assert!(reader.head().unwrap().timestamp > 1_700_000_000);
    assert!(!reader.code_at(deployer).unwrap());
    assert_eq!(reader.balance(random_address()).unwrap(), U256::ZERO);
    assert!(reader.balance(deployer).unwrap() > FUNDING_TARGET);
}

#[test]
fn an_address_without_contract_is_an_error_with_a_fix() {
    let Some(anvil) = Anvil::start(LOCAL_CHAIN_ID, &[]) else {
        return;
    };
    let reader = anvil.reader();
    let nowhere = random_address();

    let error = reader.standing(nowhere, nowhere).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "getCanonicalRollup() of {nowhere} on {} returned 0 bytes that do not decode: there is no such contract at this address",
            anvil.url
        )
    );
    assert!(error.fix().starts_with("Check the registry address"));
    assert!(reader.canonical_rollup(nowhere).is_err());
    assert!(reader.rollup_info(nowhere).is_err());
    assert!(reader.checkpoints(nowhere).is_err());
    assert!(reader.attester_status(nowhere, nowhere).is_err());
    assert!(reader.token_balance(nowhere, nowhere).is_err());
    assert!(
        reader
            .registration_digests(
                nowhere,
                &[G1Point {
                    x: U256::ONE,
                    y: U256::ONE
                }]
            )
            .is_err()
    );
    assert_ne!(AttesterStatus::from(0), AttesterStatus::from(1));
}

#[test]
fn an_account_is_funded_once() {
    let Some(anvil) = Anvil::start(LOCAL_CHAIN_ID, &["--block-time", "1"]) else {
        return;
    };
    let reader = anvil.reader();
    let staker = Staker::new(&anvil.url, local_deployer().unwrap()).unwrap();
    let account = random_address();
    let mut lines = Vec::new();
    let mut fund = || {
        staker
            .ensure_funded(account, FUNDING_FLOOR, FUNDING_TARGET, &mut |line| {
                lines.push(line.to_owned());
            })
            .unwrap()
    };

    assert!(fund());
    assert_eq!(reader.balance(account).unwrap(), FUNDING_TARGET);
    assert!(!fund());
    assert_eq!(reader.balance(account).unwrap(), FUNDING_TARGET);
    assert_eq!(
        lines,
        [format!("send 10.000000000000000000 ETH to {account}")]
    );
}

#[test]
fn a_chain_that_is_not_local_is_not_changed() {
    let Some(anvil) = Anvil::start(11_155_111, &[]) else {
        return;
    };
    let staker = Staker::new(&anvil.url, local_deployer().unwrap()).unwrap();
    let keys = derive_attester(&generate_mnemonic(WordCount::Twelve).unwrap(), 0, 0).unwrap();
    let request = StakeRequest::new(random_address(), &keys);

    let error = staker.ensure_staked(&request, &mut |_| {}).unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotLocalChain {
                found: 11_155_111,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        staker
            .ensure_funded(random_address(), FUNDING_FLOOR, FUNDING_TARGET, &mut |_| {})
            .is_err()
    );
    assert_eq!(anvil.reader().block_number().unwrap(), 0);
}

/// anvil has the Beacon API of blobs only, and no other part of it.
#[test]
fn an_anvil_is_observed() {
    let Some(anvil) = Anvil::start(11_155_111, &["--block-time", "1"]) else {
        return;
    };
    let target = || vec![Target::new(anvil.url.parse().unwrap())];
    let targets = Targets {
        execution: target(),
        consensus: target(),
        traces: target(),
    };
    let questions = Questions::Deep(Deep {
        chain_id: 11_155_111,
        rollup: Some(random_address()),
        blobs: BlobsApi::Blobs,
    });
    let observed = observe(&targets, &questions, BUDGET).unwrap();
    let execution = &observed.execution[0];
    assert_eq!(*execution.chain_id.as_ref().unwrap(), 11_155_111);
    let head = execution.head.as_ref().unwrap();
    assert!((-5..5).contains(&head.age), "{head:?}");
    assert_eq!(head.block.blobs, Some(0));
    let capabilities = execution.capabilities.as_ref().unwrap();
    assert_eq!(*capabilities.syncing.as_ref().unwrap(), Syncing::No);
    assert!(capabilities.version.as_ref().unwrap().starts_with("anvil/"));
    capabilities.simulates.as_ref().unwrap();
    let logs = capabilities.deployment_logs.as_ref().unwrap();
    assert!(matches!(logs, Err(Error::NotThatContract { .. })));
    let burst = &capabilities.burst;
    assert_eq!((burst.refused, burst.failed), (0, 0));
    assert!(matches!(
        observed.traces[0].recent,
        Ok(Trace::NoTransaction)
    ));
    let consensus = observed.consensus[0].chain_id.as_ref().unwrap_err();
    assert_eq!(consensus.cause(), Some(Cause::IsExecution));
}

#[test]
fn an_endpoint_traces_a_new_transaction() {
    let Some(anvil) = Anvil::start(LOCAL_CHAIN_ID, &["--block-time", "1"]) else {
        return;
    };
    let traces = || {
        let targets = Targets {
            traces: vec![Target::new(anvil.url.parse().unwrap())],
            ..Targets::default()
        };
        let questions = Questions::Deep(Deep {
            chain_id: LOCAL_CHAIN_ID,
            rollup: None,
            blobs: BlobsApi::Blobs,
        });
        let observed = observe(&targets, &questions, BUDGET).unwrap();
        observed.traces[0].summary().unwrap()
    };
    // anvil would also trace a transaction that nobody sent, so the result is unknown until there is one.
    assert_eq!(traces(), Traces::Untried);
    let staker = Staker::new(&anvil.url, local_deployer().unwrap()).unwrap();
    staker
        .ensure_funded(random_address(), FUNDING_FLOOR, FUNDING_TARGET, &mut |_| {})
        .unwrap();
    assert_eq!(traces(), Traces::Old);
}
