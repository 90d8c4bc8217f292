use std::time::{Duration, Instant};

use super::{Call, Output, Unfinished};
use crate::Fault;

fn sh(script: &str, seconds: u64, is_query: bool) -> Result<Output, Fault> {
    Call {
        argv: &["/bin/sh", "-c", script].map(String::from),
        env: &[],
        dir: None,
        timeout: Duration::from_secs(seconds),
        is_query,
    }
    .run()
}

fn why(result: Result<Output, Fault>) -> String {
    result.expect_err("it is no answer").chain()
}

#[test]
fn what_comes_after_the_end_of_a_program_is_part_of_its_answer() {
    let late = sh("(sleep 2; echo late) & echo early", 20, true).expect("an answer");
    assert_eq!(late.stdout, "early\nlate\n");
    assert_eq!(late.unfinished, None);
}

#[test]
fn half_an_answer_is_none() {
    let kept = why(sh("sleep 30 & echo early", 2, true));
    assert!(kept.contains("kept its output open"), "{kept}");
    let hangs = why(sh("echo early; exec sleep 30", 1, true));
    assert!(hangs.contains("did not finish within 1 s"), "{hangs}");
    let closed = why(sh("exec sleep 30 >&- 2>&-", 1, true));
    assert!(closed.contains("did not finish"), "{closed}");
    for huge in ["exec yes", "exec yes >&2"] {
        let begun = Instant::now();
        let huge = why(sh(huge, 20, true));
        assert!(huge.contains("printed more than"), "{huge}");
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "it was waited for"
        );
    }
}

#[test]
fn what_is_ordered_is_left_to_finish_and_its_output_known_to_be_cut() {
    let begun = Instant::now();
    let daemon = sh("sleep 30 & echo early", 20, false).expect("it was done");
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "it was waited for"
    );
    assert_eq!(daemon.stdout, "early\n");
    assert_eq!(daemon.unfinished, Some(Unfinished::KeptOpen));
    let argv = ["x".to_owned()];
    assert!(daemon.clone().ok(&argv).is_ok() && daemon.answer(&argv).is_err());
    let much = sh("head -c 40000000 /dev/zero; exit 3", 20, false).expect("it was done");
    assert_eq!((much.code, much.unfinished), (3, Some(Unfinished::TooLong)));
}

#[test]
fn an_output_is_heard_whole_whatever_is_in_it() {
    let both = sh("printf 'a\\377b\\n'; echo c >&2; kill -9 $$", 20, true).expect("an answer");
    assert_eq!(both.stdout, "a\u{fffd}b\n");
    assert_eq!((both.stderr.as_str(), both.code), ("c\n", 137));
    let much = sh("head -c 3000000 /dev/zero", 20, true).expect("an answer");
    assert_eq!(much.stdout.len(), 3_000_000);
}
