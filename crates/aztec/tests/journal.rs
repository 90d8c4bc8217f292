//! The journal of a host, cut at every byte of its end, as after a full disk or a power cut.

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use aztec::KIT_STATE;
use aztec::kinds::Kind;
use provision::engine::{
    Apply, Consent, FileJournal, Guard, Journal, Plan, Quiet, confirm, roll_back,
};
use provision::host::FileType;
use provision::host::fake::FakeHost;

/// A sequencer, with the changes that can lock the operator out.
const WALLED: &str =
    "network = \"local\"\n[sequencer]\nenabled = true\n[firewall]\nenabled = true\n";
const PROGRAM: &str = "/usr/local/bin/aztec-kit";
/// The length of the part that is cut, in bytes.
const END: usize = 4096;
/// The distance between two cuts after which every command is run, in bytes.
const STRIDE: usize = 97;

fn host() -> FakeHost {
    let mut host = common::debian().with_ufw();
    host.plant(PROGRAM, FileType::File, b"program", 0o755);
    host.plant("/usr/sbin/nft", FileType::File, b"", 0o755);
    host
}

#[test]
fn after_any_cut_of_the_journal_a_host_can_be_planned_confirmed_and_rolled_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut host, graph) = (host(), common::in_memory(WALLED));
    let guard = Guard {
        state: KIT_STATE.into(),
        program: PROGRAM.into(),
        window: Duration::from_secs(300),
    };
    Apply {
        host_mut: &mut host,
        journal: &mut FileJournal::new(dir.path()),
        consent: Consent::Configuration(None),
        cancel: &AtomicBool::new(false),
        progress: &mut Quiet,
    }
    .run_commit_confirmed(&graph, Some(&guard))
    .unwrap();
    let path = dir.path().join("journal.jsonl");
    let bytes = fs::read(&path).unwrap();
    let waiting = |journal: &FileJournal| journal.receipt().unwrap().unconfirmed.len();
    assert!(
        waiting(&FileJournal::new(dir.path())) > 0,
        "nothing guarded"
    );
    assert!(bytes.len() > 4 * END, "only {} bytes", bytes.len());
    let mut before = None;
    for end in bytes.len() - END..bytes.len() {
        let cut = || {
            fs::write(&path, &bytes[..end]).unwrap();
            FileJournal::new(dir.path())
        };
        let mut journal = cut();
        let receipt = journal
            .receipt()
            .unwrap_or_else(|fault| panic!("{end}: {fault:?}"));
        // The same record has the same result. A full run at every byte takes minutes and passed once.
        if before.as_ref() == Some(&receipt) && end % STRIDE != 0 {
            continue;
        }
        Plan::make(&graph, &receipt, &host).unwrap_or_else(|fault| panic!("{end}: {fault:?}"));
        let kept = confirm(Path::new(KIT_STATE), &mut host.clone(), &mut journal)
            .unwrap_or_else(|fault| panic!("{end}: {fault:?}"));
        assert_eq!(kept.len(), receipt.unconfirmed.len(), "cut at {end}");
        assert_eq!(waiting(&journal), 0, "cut at {end}");
        let mut journal = cut();
        let back = roll_back::<Kind>(Path::new(KIT_STATE), &mut host.clone(), &mut journal)
            .whole()
            .unwrap_or_else(|fault| panic!("{end}: {fault:?}"));
        assert_eq!(back.len(), receipt.unconfirmed.len(), "cut at {end}");
        assert_eq!(waiting(&journal), 0, "cut at {end}");
        before = Some(receipt);
    }
}
