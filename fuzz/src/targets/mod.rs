//! The list of targets: a parser, its file, first inputs in addition to those of its tests, and the property that must
//! hold.

mod aztec;
mod configuration;
mod files;
mod journal;
mod keys;
mod l1;
mod programs;
mod releases;
mod services;
mod target;

pub use target::Target;

/// Every target, in the order of the files that they read.
pub fn targets() -> Vec<&'static Target> {
    let all = [
        programs::TARGETS,
        files::TARGETS,
        journal::TARGETS,
        configuration::TARGETS,
        releases::TARGETS,
        aztec::TARGETS,
        keys::TARGETS,
        l1::TARGETS,
        services::TARGETS,
    ];
    let mut all: Vec<_> = all.into_iter().flatten().collect();
    all.sort_by_key(|target| (target.reads, target.name));
    all
}
