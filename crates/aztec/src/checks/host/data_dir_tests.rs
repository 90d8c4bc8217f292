use provision::host::HostMut;
use provision::host::fake::FakeHost;

use super::*;
use crate::Severity;

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/bash\n\
    postgres:x:120:120::/var/lib/postgresql:/bin/sh\naztec:x:990:990::/var/lib/aztec:/usr/sbin/nologin\n";
const MOUNTINFO: &str = "28 1 8:1 / / rw - ext4 /dev/sda1 rw\n35 28 0:31 / /srv/fast rw - tmpfs tmpfs rw\n\
    36 28 8:17 / /mnt rw - ext4 /dev/sdb1 rw\n";

fn host() -> FakeHost {
    let mut host = FakeHost::debian();
    host.plant("/etc/passwd", FileType::File, PASSWD.as_bytes(), 0o644);
    for dir in [
        "/home",
        "/home/bob",
        "/srv",
        "/srv/fast",
        "/mnt",
        "/boot",
        "/tmp",
        "/dev",
        "/dev/shm",
        "/root",
        "/run",
        "/run/user",
        "/run/user/0",
        "/var/lib/postgresql",
    ] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    host
}

/// The reason why a place is refused; `None` if it passes.
fn message_with(host: &FakeHost, path: &str, more: &str) -> Option<String> {
    let settings = Settings::parse(&format!("data_dir = \"{path}\"\n{more}")).unwrap();
    let facts = HostFacts {
        mounts: mounts::parse(MOUNTINFO),
        ..HostFacts::debian()
    };
    let finding = data_dir(&settings, &facts, host).unwrap();
    (finding.severity == Severity::Fail).then_some(finding.text())
}

fn message(host: &FakeHost, path: &str) -> Option<String> {
    message_with(host, path, "")
}

#[test]
fn a_place_for_data_stays_and_is_seen_by_services() {
    let host = host();
    for good in [
        "/var/lib/aztec",
        "/srv/aztec",
        "/mnt/aztec",
        "/mnt",
        "/opt/data",
    ] {
        assert_eq!(message(&host, good), None, "{good}");
    }
    for (path, why) in [
        ("/home/aztec", "below /home, which the services cannot see"),
        ("/root/data", "below /root"),
        ("/run/user/0/aztec", "below /run/user"),
        ("/tmp/aztec", "below /tmp, which is cleared"),
        ("/var/tmp/aztec", "below /var/tmp"),
        ("/dev/shm/aztec", "below /dev"),
        ("/run/aztec", "below /run"),
        ("/srv/fast/aztec", "on a tmpfs (/srv/fast)"),
        ("/boot/aztec", "belongs to the system"),
        ("/etc/aztec/data", "belongs to the system"),
        ("/usr/share/aztec", "belongs to the system"),
        ("/opt/aztec/data", "below /opt/aztec"),
        ("/var/lib/aztec-kit", "below /var/lib/aztec-kit"),
        ("/var", "the directories of others"),
        ("/var/lib", "the directories of others"),
        ("/srv", "the directories of others"),
        (
            "/srv/a/b",
            "there is no directory /srv/a. Mount the disk that it is on, or create it: `mkdir --parents /srv/a`",
        ),
    ] {
        let message = message(&host, path).unwrap_or_else(|| panic!("{path} passes"));
        assert!(message.contains(why), "{path}: {message}");
    }
}

#[test]
fn a_container_sees_homes() {
    let live = "network = \"testnet\"\nruntime = \"container\"\n[l1]\nrpc_urls = [\"https://l1.example\"]\n\
        consensus_urls = [\"https://beacon.example\"]\n";
    let data = |more: &str| message_with(&host(), "/home/data", more);
    assert_eq!(data(live), None);
    // Its L1 does not run in a container.
    assert!(data("runtime = \"container\"\n").is_some());
}

#[test]
fn a_link_is_named_with_its_target() {
    let mut host = host();
    host.plant("/var/lib/aztec", FileType::Symlink, b"/mnt/big", 0o777);
    let link = message(&host, "/var/lib/aztec").unwrap();
    assert!(link.contains("Set `data_dir = \"/mnt/big\"`"), "{link}");
    host.plant("/data", FileType::Symlink, b"/mnt", 0o777);
    assert_eq!(
        message(&host, "/data/aztec"),
        None,
        "a link above it is fine"
    );
    host.plant("/data", FileType::Symlink, b"/srv/fast", 0o777);
    assert!(message(&host, "/data/aztec").unwrap().contains("tmpfs"));
    host.plant("/opt/aztec", FileType::Symlink, b"/mnt/opt", 0o777);
    let opt = message(&host, "/srv/aztec").unwrap();
    assert!(opt.contains("mount --bind /mnt/opt /opt/aztec"), "{opt}");
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    let mut host = host();
    let message = |host: &FakeHost, path| message(host, path).unwrap_or_default();
    assert!(message(&host, "/var/lib/postgresql").contains("home of postgres"));
    host.plant("/srv/bob", FileType::Directory, b"", 0o755);
    host.own(Path::new("/srv/bob"), 1000, 1000, 0o755).unwrap();
    assert_eq!(message(&host, "/srv/bob"), "", "nothing is in it");
    host.plant("/srv/bob/file", FileType::File, b"", 0o644);
    assert!(message(&host, "/srv/bob").contains("belongs to bob, who has something in it (file)"));
    // A disk of another host, on which the services had this user id.
    host.plant("/srv/bob/node", FileType::Directory, b"", 0o755);
    assert_eq!(message(&host, "/srv/bob"), "");
    host.plant("/srv/file", FileType::File, b"", 0o644);
    assert!(message(&host, "/srv/file").contains("is a file"));
}

#[test]
fn a_disk_of_fstab_must_be_mounted() {
    let mut host = host();
    let fstab = b"/dev/sdc1 /srv/big ext4 nofail 0 2\n/dev/sdb1 /mnt ext4 defaults 0 2\n";
    host.plant("/etc/fstab", FileType::File, fstab, 0o644);
    host.plant("/srv/big", FileType::Directory, b"", 0o755);
    for path in ["/srv/big", "/srv/big/aztec"] {
        let missing = message(&host, path).unwrap();
        assert!(
            missing.contains("systemctl start srv-big.mount"),
            "{missing}"
        );
    }
    assert_eq!(message(&host, "/mnt/aztec"), None);
    assert_eq!(message(&host, "/srv/aztec"), None);
}

#[test]
fn data_does_not_move_under_running_services() {
    let mut host = host();
    host.plant("/proc/77", FileType::Directory, b"", 0o555);
    let status = b"Name:\tnode\nUid:\t990\t990\t990\t990\n";
    host.plant("/proc/77/status", FileType::File, status, 0o444);
    assert_eq!(message(&host, "/var/lib/aztec"), None);
    let moved = message(&host, "/srv/aztec").unwrap();
    assert!(
        moved.contains("process 77") && moved.contains("`aztec-kit stop`"),
        "{moved}"
    );
    host.tree.remove(Path::new("/proc/77"));
    assert_eq!(message(&host, "/srv/aztec"), None);
}

/// Without a list of mounts, nobody can tell whether the disk is there.
#[test]
fn a_disk_of_fstab_is_unknown_without_a_list_of_mounts() {
    let mut host = host();
    let fstab = b"/dev/sdc1 /srv/big ext4 nofail 0 2\n";
    host.plant("/etc/fstab", FileType::File, fstab, 0o644);
    host.plant("/srv/big", FileType::Directory, b"", 0o755);
    let settings = |path: &str| Settings::parse(&format!("data_dir = \"{path}\"\n")).unwrap();
    let facts = HostFacts::debian();
    assert!(data_dir(&settings("/srv/big/aztec"), &facts, &host).is_err());
    let elsewhere = data_dir(&settings("/srv/aztec"), &facts, &host).unwrap();
    assert_eq!(elsewhere.severity, Severity::Pass);
}
