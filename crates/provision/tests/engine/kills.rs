//! Every kind alone, killed at every place: its apply, its removal, and a run that is killed and whose resources then
//! become leftovers.

use provision::kills::{State, Tally, Walk};

use crate::common::cases::cases;

#[test]
fn every_kind_survives_a_kill_at_every_place() {
    for case in cases() {
        let from = State::new(case.host);
        let walk = Walk {
            graph: &case.graph,
            secrets: case.secrets,
            loose: case.leaves,
            derived: &["/etc/key.env"],
        };
        let walked = |what: &str, kills: Result<Tally, String>| {
            let kills = kills.unwrap_or_else(|why| panic!("{}: {what}: {why}", case.name));
            println!("{:<24} {what:<8} {kills}", case.name);
            assert!(kills.all() >= 4, "{}: {what}: only {kills}", case.name);
        };
        walked("apply", walk.apply(&from));
        walked("abandon", walk.abandon(&from));
        walked("remove", walk.remove(&from));
    }
}
