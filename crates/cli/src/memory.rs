//! The memory of this program: who gives it, and that it gets into no file, for it has keys in it.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// musl's own gives each page back to the kernel that is free for a moment, and takes a third of a look for it.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Lets nobody have a core dump of this process, nor look into it: prctl(2), `PR_SET_DUMPABLE`. The limit is for the
/// programs that it starts as well; it does not hold back a program that the kernel hands dumps to (core(5)).
pub fn keep_off_disk() {
    // Both ask for less than there is, which every kernel grants.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
}
