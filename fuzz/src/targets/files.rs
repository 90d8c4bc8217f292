//! Files of a host that other programs write (`crates/provision/src/tools`), and the keys of SSH users.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use provision::engine::{Cx, Diff, Kind};
use provision::fuzz;
use provision::host::fake::{FakeHost, FakeImage};
use provision::host::{Engine, FileType};
use provision::kinds::{Image, Lock, NpmTree, Owner, Pin};
use provision::tools::{
    accounts, addresses, dpkg, mounts, network, os_release, routes, sockets, sshd_config, stat,
    sysctl_d, ufw, unit_file,
};

use super::target::{Target, halves, target, text};

pub(super) const TARGETS: &[Target] = &[
    target!("tools/accounts", "crates/provision/src/tools/accounts.rs", accounts),
    target!("tools/addresses", "crates/provision/src/tools/addresses.rs", addresses),
    target!("tools/dpkg", "crates/provision/src/tools/dpkg.rs", dpkg),
    target!("tools/mounts", "crates/provision/src/tools/mounts.rs", mounts),
    target!("tools/network", "crates/provision/src/tools/network.rs", networks,
        b"10.0.0.0/8\n203.0.113.7\n2001:db8::/32\n10.1.2.3/8\n010.0.0.0/8\n"),
    target!("tools/os_release", "crates/provision/src/tools/os_release.rs", os_release),
    target!("tools/routes", "crates/provision/src/tools/routes.rs", routes),
    target!("tools/sockets", "crates/provision/src/tools/sockets.rs", sockets),
    target!("tools/sshd_config", "crates/provision/src/tools/sshd_config.rs", sshd_config),
    target!("tools/stat", "crates/provision/src/tools/stat.rs", stat),
    target!("tools/sysctl_d", "crates/provision/src/tools/sysctl_d.rs", sysctl_d,
        b"# a\n; b\nnet.ipv4.ip_forward = 1\n-net/ipv6/conf/all/forwarding=1\n"),
    target!("tools/ufw", "crates/provision/src/tools/ufw.rs", ufw),
    target!("tools/unit_file", "crates/provision/src/tools/unit_file.rs", unit_file),
    target!("kinds/authorized_keys", "crates/provision/src/kinds/sshd/access.rs", authorized_keys,
        b"from=\"10.0.0.0/8,!10.1.*\",expiry-time=\"20991231Z\",restrict,pty ssh-ed25519 AAAAC3 a@b"),
    target!("engine/lock", "crates/provision/src/engine/lock.rs", process,
        b"42 (a) S 1) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 1951 20\n"),
    target!("kinds/npm_tree", "crates/provision/src/kinds/npm_tree/marker.rs", tree, MARKER,
        br#"{"manifest":"","lock":"","modules":[]}"#),
    target!("kinds/image", "crates/provision/src/kinds/image/pin.rs", image, PINNED),
];

/// The marker of a tree with one package, for a manifest and a lock file that are `{}`.
const MARKER: &[u8] = br#"{"manifest":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","lock":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","modules":["@a/b"],"sizes":{"@a/b":2}}"#;
const PINNED: &[u8] = b"# The content of a/b:1.0.0 that this host is pinned to, by aztec-kit.\nCONTAINER_IMAGE=sha256:aaaaaaaaaaaaaaaaaaaaaaaa\nCONTAINER_IMAGE_DIGEST=sha256:bbbb\nCONTAINER_USER=65534:65534\nCONTAINER_ENGINE=podman\nTOKEN=hunter2hunter2\n";

/// The text without carriage returns. One before a line feed is a part of the line break, and elsewhere it is not.
fn line_feeds(bytes: &[u8]) -> String {
    text(bytes).replace('\r', "")
}

/// A parsed network is the same after it is written again, and contains the address that it was made from.
fn networks(bytes: &[u8]) {
    for line in line_feeds(bytes).lines() {
        let Some(read) = network::parse(line) else {
            assert!(!network::holds(line, IpAddr::V4(Ipv4Addr::LOCALHOST)));
            continue;
        };
        assert_eq!(network::parse(&read.to_string()), Some(read));
        assert!(read.contains(&read.addr()) && read.trunc().contains(&read.addr()));
    }
}

/// An address is in the text, and is read again from a line that is generated from it.
fn addresses(bytes: &[u8]) {
    let input = text(bytes);
    let four = addresses::v4(&input);
    for address in &four {
        assert!(input.contains(&address.to_string()));
    }
    let leaf = |address: &Ipv4Addr| format!("|-- {address}\n/32 host LOCAL\n");
    let written: String = four.iter().map(leaf).collect();
    assert_eq!(addresses::v4(&written), four);
    let six = addresses::v6(&input);
    let row = |address: &Ipv6Addr| format!("{:032x} 01 80 10 80 lo\n", u128::from(*address));
    let written: String = six.iter().map(row).collect();
    assert_eq!(addresses::v6(&written), six);
}

/// The stolen time is a part of all time, and both are read again from a line that is generated from them.
fn stat(bytes: &[u8]) {
    let Some(times) = stat::times(&text(bytes)) else {
        return;
    };
    assert!(times.stolen <= times.all);
    assert_eq!(times.stolen_percent().is_none(), times.all == 0);
    let written = format!(
        "cpu  {} 0 0 0 0 0 0 {}\n",
        times.all - times.stolen,
        times.stolen
    );
    assert_eq!(stat::times(&written), Some(times));
}

/// An account is read the same from a line that is generated from it.
fn accounts(bytes: &[u8]) {
    let file = line_feeds(bytes);
    let users = accounts::users(&file);
    let line = |user: &accounts::User| {
        format!(
            "{}:x:{}:{}::{}:{}",
            user.name, user.uid, user.gid, user.home, user.shell
        )
    };
    // The last line may have no line break.
    let written: Vec<_> = users.iter().map(line).collect();
    assert_eq!(accounts::users(&written.join("\n")), users);
    let groups = accounts::groups(&file);
    let line = |group: &accounts::Group| {
        format!("{}:x:{}:{}", group.name, group.gid, group.members.join(","))
    };
    let written: Vec<_> = groups.iter().map(line).collect();
    assert_eq!(accounts::groups(&written.join("\n")), groups);
}

/// Each name gets an answer, and a reported version is in the file.
fn dpkg(bytes: &[u8]) {
    let file = line_feeds(bytes);
    let names = ["libc6", "ufw", "", "a"].map(String::from);
    let versions = dpkg::installed(&file, &names);
    assert_eq!(versions.len(), names.len());
    for (name, version) in names.iter().zip(versions) {
        let Some(version) = version else { continue };
        let stanza = format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\n");
        assert!(file.contains(&version));
        let again = dpkg::installed(&stanza, std::slice::from_ref(name));
        assert_eq!(again, [Some(version)]);
    }
}

/// The place of a path is above it, and the name of a unit has only characters that systemd accepts.
fn mounts(bytes: &[u8]) {
    let file = text(bytes);
    let mounts = mounts::parse(&file);
    assert!(mounts.len() <= file.lines().count());
    for path in ["/", "/var/lib/aztec", &*file] {
        let path = Path::new(path);
        if let Some(point) = mounts::point(path, &mounts) {
            assert!(path.starts_with(&point) && point.parent().is_some());
        }
    }
    let points = mounts.iter().map(|mount| mount.point.clone());
    for point in points.chain(mounts::configured(&file)) {
        let unit = mounts::unit(&point);
        let plain = |c: char| c.is_ascii_alphanumeric() || ":_.\\-".contains(c);
        assert!(
            unit.ends_with(".mount") && unit.chars().all(plain) && !unit.starts_with('.'),
            "{unit:?}"
        );
    }
}

/// A field has one line, and is the same after it is written again without quotes.
fn os_release(bytes: &[u8]) {
    let read = os_release::parse(&text(bytes));
    let written = format!(
        "ID={}\nVERSION_ID={}\nPRETTY_NAME={}\n",
        read.id, read.version_id, read.pretty_name
    );
    // A lone carriage return would count as a part of the line break.
    assert!(written.contains('\r') || os_release::parse(&written) == read);
}

/// Each route is in the table, and any address gets an answer.
fn routes(bytes: &[u8]) {
    let file = text(bytes);
    let routes = routes::parse(&file);
    assert!(routes.len() <= file.lines().count());
    for to in [
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::new(10, 0, 0, 9),
        Ipv4Addr::BROADCAST,
    ] {
        if let Some(interface) = routes::interface(&routes, to) {
            assert!(routes.iter().any(|route| route.interface == interface));
        }
    }
    for to in [
        Ipv6Addr::UNSPECIFIED,
        Ipv6Addr::LOCALHOST,
        Ipv6Addr::from(u128::MAX),
    ] {
        if let Some(interface) = routes::interface_v6(&file, to) {
            assert!(file.contains(interface));
        }
    }
    let names = vec![file.lines().next().unwrap_or_default().to_owned()];
    let _ = routes::asymmetry(&file, &routes, &file, &names);
}

/// A row is a line of the table, after its header.
fn sockets(bytes: &[u8]) {
    let file = text(bytes);
    let rows = sockets::parse(&file);
    assert!(rows.len() <= file.lines().count().saturating_sub(1));
    for row in rows {
        // An IPv4 address in an IPv6 table is reported as IPv4.
        assert_eq!(row.local.to_canonical(), row.local);
    }
}

/// A directive is the same after it is written again. A pattern of one star covers everything.
fn sshd_config(bytes: &[u8]) {
    let (file, name) = halves(bytes);
    let directives = sshd_config::parse(&file);
    for directive in &directives {
        assert!(directive.line >= 1 && directive.line <= file.lines().count());
        assert!(!directive.value.contains('\n') && !directive.keyword.starts_with('#'));
        let covered = sshd_config::covers(&directive.value, &name);
        // A text without one of these two characters is a name.
        if !directive.value.contains(['*', '?']) {
            assert_eq!(covered, directive.value == *name);
        }
        assert!(sshd_config::covers(
            &format!("*{}*", directive.value),
            &directive.value
        ));
        assert!(
            sshd_config::effective(&file, &directive.keyword)
                .is_none_or(|value| file.contains(value))
        );
    }
    assert!(sshd_config::covers("*", &name) && sshd_config::covers("*?", &name) != name.is_empty());
}

/// A setting is the same after it is written again.
fn sysctl_d(bytes: &[u8]) {
    let settings = sysctl_d::parse(&text(bytes));
    let written: String = settings
        .iter()
        .map(|(name, value)| format!("-{name}={value}\n"))
        .collect();
    assert_eq!(sysctl_d::parse(&written), settings);
}

/// A rule has its words without blanks. The words of nftables contain nothing that ends a rule.
fn ufw(bytes: &[u8]) {
    let file = text(bytes);
    let tuples = ufw::tuples(&file);
    assert!(tuples.len() <= file.lines().count());
    for tuple in tuples {
        if let Some(rule) = tuple.through() {
            assert!(tuple.route && tuple.allows());
            assert!(!rule.contains([';', '\n', '#', '$', '\\']), "{rule:?}");
        }
        for port in [0, 22, 40400, u16::MAX] {
            // A rule about all connections to a port is about some of them.
            assert!(!tuple.is_about("tcp", port) || tuple.concerns("tcp", port));
            let _ = tuple.lets_through("tcp", "10.0.0.9", port);
        }
    }
    if let Some(value) = ufw::variable(&file, "IPV6") {
        assert!(!value.contains('\n') && file.contains(&value));
    }
}

/// A foreign drop-in removes a setting or not. A copy of the unit's own file removes nothing.
fn unit_file(bytes: &[u8]) {
    let (own, others) = halves(bytes);
    let part = |text: &str, own| unit_file::Part {
        path: PathBuf::from("/a"),
        text: text.into(),
        own,
    };
    assert!(unit_file::lost(&[part(&own, true)]).is_empty());
    let lost = unit_file::lost(&[part(&own, true), part(&others, false)]);
    assert!(
        lost.iter()
            .all(|lost| others.contains(lost.setting.as_str()))
    );
    for line in own.lines().take(4) {
        let dirs = unit_file::drop_in_dirs(line);
        assert!(dirs.len() <= 6 * (line.len() + 4));
    }
}

/// A line is a key or not. A key that runs a command, or has expired, does not count as a way back in.
fn authorized_keys(bytes: &[u8]) {
    let client = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));
    for line in text(bytes).lines() {
        let Some((options, weakness)) = fuzz::key(line, 20_000, client) else {
            continue;
        };
        assert!(!line.trim_start().starts_with('#') && line.contains("AAAA"));
        let has = |name: &str| options.iter().any(|(option, _)| option == name);
        if has("command") || has("no-pty") {
            assert!(weakness.is_some());
        }
        let size: usize = options
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        assert!(size <= 4 * line.len());
    }
}

/// The start time of a process is read whatever its name is.
fn process(bytes: &[u8]) {
    if let Some(start) = fuzz::start_in(bytes) {
        assert!(!start.contains(' ') && text(bytes).contains(&start));
    }
    let name = &bytes[..bytes.len().min(15)];
    let rest = b") R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 1951 20\n";
    let stat = [&b"7 ("[..], name, &rest[..]].concat();
    assert_eq!(fuzz::start_in(&stat).as_deref(), Some("1951"));
}

/// A tree is complete if its marker names its manifest, its lock file, and packages that exist. A missing package is
/// named in the marker.
fn tree(bytes: &[u8]) {
    let tree = NpmTree {
        name: "a".into(),
        version: "1.0.0".into(),
        root: "/opt/a".into(),
        link: "/opt/a/current".into(),
        manifest: "{}".into(),
        lock: Lock::carried("{}"),
        prune: Vec::new(),
        without_peers: false,
        check: Vec::new(),
    };
    let mut host = FakeHost::debian();
    for dir in [
        "",
        "/1.0.0",
        "/1.0.0/node_modules",
        "/1.0.0/node_modules/@a",
        "/1.0.0/node_modules/@a/b",
    ] {
        host.plant(&format!("/opt/a{dir}"), FileType::Directory, b"", 0o755);
    }
    host.plant("/opt/a/current", FileType::Symlink, b"/opt/a/1.0.0", 0o777);
    let about = "/opt/a/1.0.0/node_modules/@a/b/package.json";
    host.plant(about, FileType::File, b"{}", 0o644);
    let marker = "/opt/a/1.0.0/.installed.json";
    host.plant(marker, FileType::File, bytes, 0o644);
    let seen = tree
        .observe(&Cx::of(&host))
        .expect("a tree can be observed");
    let read = serde_json::from_slice::<serde_json::Value>(bytes).unwrap_or_default();
    match tree.diff(&seen) {
        Diff::InSync(_) => {
            let digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
            assert!(read["manifest"] == digest && read["lock"] == digest);
            let named = read["modules"].as_array().unwrap();
            assert!(named.iter().all(|name| name == "@a/b"));
        }
        diff => {
            let shown = format!("{diff:?}");
            let missing = shown.split_once("damaged: ").map(|(_, rest)| rest);
            if let Some((name, _)) = missing.and_then(|rest| rest.split_once(" is missing")) {
                let named = read["modules"].as_array().unwrap();
                assert!(
                    named.iter().any(|it| format!("{it:?}").contains(name)),
                    "{shown}"
                );
            }
        }
    }
}

/// The pinned content is in a line of the record, and nothing that somebody else wrote there is shown.
fn image(bytes: &[u8]) {
    let record = text(bytes);
    if let Some(pin) = Pin::recorded(&record) {
        let line = format!("CONTAINER_IMAGE={}", pin.id);
        assert!(record.lines().any(|it| it == line));
        assert!(pin.id.starts_with(pin.short()));
    }
    let image = Image {
        engine: Engine::Podman,
        name: "a/b".into(),
        tag: "1.0.0".into(),
        account: "nobody".into(),
        record: "/etc/container.env".into(),
        owner: Owner::root(0o644),
    };
    let mut host = FakeHost::debian();
    host.plant("/usr/bin", FileType::Directory, b"", 0o755);
    host.plant(Engine::Podman.program(), FileType::File, b"", 0o755);
    host.plant(Engine::Podman.storage(), FileType::Directory, b"", 0o755);
    host.engine.images = vec![FakeImage {
        repository: "a/b".into(),
        tag: Some("1.0.0".into()),
        digest: None,
        id: "sha256:aaaaaaaaaaaaaaaaaaaaaaaa".into(),
    }];
    host.plant("/etc/container.env", FileType::File, bytes, 0o644);
    let seen = image
        .observe(&Cx::of(&host))
        .expect("an image can be observed");
    let shown = format!("{:?}", image.diff(&seen));
    // Any text instead of a digest is shown as one.
    let ours = |line: &str| line.starts_with("# The content of ") || line.starts_with("CONTAINER_");
    let planted = record
        .split('\n')
        .any(|line| ours(line) && line.contains("hunter2"));
    assert!(planted || !shown.contains("hunter2"), "{shown}");
}
