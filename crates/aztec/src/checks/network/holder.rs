//! The programs that hold sockets: `/proc/<pid>/fd`, see proc_pid_fd(5).

use std::collections::BTreeSet;
use std::path::Path;

use provision::host::Probe;

/// A program that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// Its process.
    pub pid: u32,
    /// Its name, as the kernel cuts it: 15 bytes.
    pub program: String,
}

/// The first process that holds one of these sockets, by inode; `None` without the right to see it, or if the kernel
/// holds it.
pub(super) fn holder(inodes: &BTreeSet<u64>, probe: &dyn Probe) -> Option<Holder> {
    let links: BTreeSet<_> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let names = probe.list(Path::new("/proc")).ok().flatten()?;
    let mut pids = names.iter().filter_map(|name| name.parse::<u32>().ok());
    let pid = pids.find(|pid| holds(*pid, &links, probe))?;
    let name = probe.text(Path::new(&format!("/proc/{pid}/comm")));
    Some(Holder {
        pid,
        program: name.ok().flatten()?.trim().to_owned(),
    })
}

/// Whether a process has one of these links. It may end meanwhile.
fn holds(pid: u32, links: &BTreeSet<String>, probe: &dyn Probe) -> bool {
    let dir = format!("/proc/{pid}/fd");
    let dir = Path::new(&dir);
    let open = probe.list(dir).ok().flatten().unwrap_or_default();
    open.iter().any(|name| {
        let target = probe.link(&dir.join(name)).ok().flatten();
        target.is_some_and(|target| links.contains(&*target.to_string_lossy()))
    })
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;

    fn host() -> FakeHost {
        let mut host = FakeHost::debian();
        for (pid, name, link) in [
            ("7", "sshd", "socket:[11]"),
            ("812", "nginx: master", "socket:[42]"),
        ] {
            for dir in [format!("/proc/{pid}"), format!("/proc/{pid}/fd")] {
                host.plant(&dir, FileType::Directory, b"", 0o500);
            }
            host.plant(
                &format!("/proc/{pid}/fd/0"),
                FileType::Symlink,
                b"/dev/null",
                0o777,
            );
            host.plant(
                &format!("/proc/{pid}/fd/6"),
                FileType::Symlink,
                link.as_bytes(),
                0o777,
            );
            let comm = format!("{name}\n");
            host.plant(
                &format!("/proc/{pid}/comm"),
                FileType::File,
                comm.as_bytes(),
                0o444,
            );
        }
        host
    }

    #[test]
    fn the_process_with_the_socket_is_named() {
        let found = holder(&BTreeSet::from([41, 42]), &host()).unwrap();
        assert_eq!((found.pid, found.program.as_str()), (812, "nginx: master"));
        assert_eq!(holder(&BTreeSet::from([43]), &host()), None);
        assert_eq!(holder(&BTreeSet::new(), &FakeHost::debian()), None);
    }
}
