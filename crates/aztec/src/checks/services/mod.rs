//! Checks of the units of systemd.

pub mod again;
pub mod drop_ins;
mod states;
pub mod unit_rows;

use crate::checks::check::{Check, Phase, Run, Verb};
use crate::checks::topic::Topic;

const ROW: Check = Check::row(Phase::Services, &[], Verb::ALWAYS);

pub(super) const CHECKS: &[Check] = &[
    Check {
        topics: &[Topic::DropIns],
        looks_at: "the drop-ins of the units of aztec-kit",
        run: Run::Now(|cx| match cx.graph() {
            Some(graph) => drop_ins::drop_ins(graph, &cx.units().all(), cx.probe()),
            None => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Services, Topic::Service],
        looks_at: "the state of every unit that should run",
        verbs: &[Verb::Smoke],
        run: Run::Now(|cx| states::services(cx.units(), cx.probe())),
        ..ROW
    },
];
