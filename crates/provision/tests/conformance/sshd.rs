//! sshd: every value is effective or nothing changes, nobody is locked out, and everything can be rolled back.

use provision::Fault;
use provision::engine::{Graph, Journal, MemoryJournal, Plan};
use provision::host::FileType;
use provision::host::fake::{FakeHost, FakeUnit};
use provision::kills::Walk;
use provision::kinds::{Outlook, Sshd};

use crate::common::{self, run};

provision::resources! {
    /// The one kind.
    enum Host {
        Sshd(Sshd),
    }
}

const MAIN: &str = "/etc/ssh/sshd_config";
const OURS: &str = "/etc/ssh/sshd_config.d/00-kit.conf";
const DEBIAN: &str = "Include /etc/ssh/sshd_config.d/*.conf\nX11Forwarding yes\n";

fn host(main: &str) -> FakeHost {
    let mut host = FakeHost::debian();
    for dir in [
        "/run",
        "/root",
        "/root/.ssh",
        "/etc/ssh",
        "/etc/ssh/sshd_config.d",
    ] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    let files: [(&str, &[u8]); 4] = [
        (MAIN, main.as_bytes()),
        ("/root/.ssh/authorized_keys", b"ssh-ed25519 AAAAC3Nza me\n"),
        ("/usr/sbin/sshd", b""),
        ("/etc/systemd/system/ssh.service", b"[Service]\n"),
    ];
    for (path, text) in files {
        host.plant(path, FileType::File, text, 0o600);
    }
    let unit = FakeUnit {
        loaded: Some(b"[Service]\n".to_vec()),
        active: "active".into(),
        starts: 1,
        ..FakeUnit::default()
    };
    host.units.insert("ssh.service".into(), unit);
    host
}

fn desired() -> Sshd {
    let settings = [
        ("PasswordAuthentication", "no"),
        ("PermitRootLogin", "prohibit-password"),
        ("X11Forwarding", "no"),
        ("MACs", "-hmac-sha1,hmac-md5"),
    ];
    Sshd {
        name: "00-kit.conf".into(),
        settings: settings
            .map(|(keyword, value)| (keyword.into(), value.into()))
            .into(),
    }
}

fn graph() -> Graph<Host> {
    let mut graph = Graph::default();
    graph.add(desired(), []);
    graph
}

fn reloads(host: &FakeHost) -> usize {
    let reload = ["systemctl", "reload", "ssh.service"];
    host.told.iter().filter(|argv| *argv == &reload).count()
}

#[test]
fn it_is_tried_then_live_then_left_alone_then_as_before() {
    let mut host = host(DEBIAN);
    let before = host.shape();
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &graph()).unwrap();
    let text = host.text(OURS).unwrap();
    assert!(text.contains("\nPasswordAuthentication no\n"), "{text}");
    assert_eq!(reloads(&host), 1);
    let plan = Plan::make(&graph(), &journal.receipt().unwrap(), &host).unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    run(&mut host, &mut journal, &graph()).unwrap();
    assert_eq!(reloads(&host), 1);
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert_eq!((host.shape(), reloads(&host)), (before, 2));
}

#[test]
fn whatever_is_killed_is_healed() {
    common::walked(&graph(), host(DEBIAN), &[]);
}

#[test]
fn a_clock_that_jumps_has_it_reloaded_once_at_the_most() {
    let walk = Walk {
        graph: &graph(),
        secrets: &[],
        loose: &[],
        derived: &[],
    };
    assert!(common::jumped(&walk, host(DEBIAN)) > 10);
    common::stamped_in_the_future(&graph(), host(DEBIAN), OURS);
}

#[test]
fn what_the_host_forbids_already_stays_forbidden() {
    let mut host = host(&format!("{DEBIAN}PermitRootLogin no\n"));
    host.plant(
        "/etc/passwd",
        FileType::File,
        b"root:x:0:0::/nowhere:/bin/bash\nme:x:1000:1000::/root:/bin/bash\n",
        0o644,
    );
    run(&mut host, &mut MemoryJournal::default(), &graph()).unwrap();
    assert!(host.text(OURS).unwrap().contains("PermitRootLogin no\n"));
}

/// The text of the obstacle. The host stays as it was.
fn refused(mut host: FakeHost) -> String {
    let before = host.shape();
    let obstacle: Fault = desired().obstacle(&host).unwrap().unwrap();
    assert!(obstacle.remedy().is_some());
    let stop = run(&mut host, &mut MemoryJournal::default(), &graph()).unwrap_err();
    assert_eq!(stop.fault.chain(), obstacle.chain());
    assert_eq!(host.shape(), before);
    obstacle.chain()
}

#[test]
fn what_would_win_over_it_is_named() {
    let text = refused(host("X11Forwarding yes\n"));
    assert!(text.contains("does not include"), "{text}");
    let text = refused(host(&format!("PasswordAuthentication yes\n{DEBIAN}")));
    assert!(
        text.contains("line 1 of /etc/ssh/sshd_config sets"),
        "{text}"
    );
    let text = refused(host(&format!(
        "{DEBIAN}Match User guest\nPasswordAuthentication yes\n"
    )));
    assert!(
        text.contains("line 4") && text.contains("`Match User guest`"),
        "{text}"
    );
    let text = refused(host(&format!("Match User guest\n{DEBIAN}")));
    assert!(text.contains("does not include"), "{text}");
    let mut earlier = host(DEBIAN);
    let drop_in = "/etc/ssh/sshd_config.d/00-a.conf";
    earlier.plant(
        drop_in,
        FileType::File,
        b"passwordauthentication=yes\n",
        0o644,
    );
    let text = refused(earlier);
    assert!(
        text.contains("line 1 of /etc/ssh/sshd_config.d/00-a.conf"),
        "{text}"
    );
    let methods = "AuthenticationMethods publickey,keyboard-interactive\n";
    let text = refused(host(&format!("{DEBIAN}{methods}")));
    assert!(text.contains("more than a key"), "{text}");
    // A stricter value is not an obstacle.
    let stricter = host(&format!("{DEBIAN}Match User guest\nPermitRootLogin no\n"));
    assert!(desired().obstacle(&stricter).unwrap().is_none());
}

#[test]
fn nobody_is_locked_out() {
    let keys = "/root/.ssh/authorized_keys";
    let mut none = host(DEBIAN);
    none.plant(keys, FileType::File, b"# ssh-ed25519 AAAA old\n", 0o600);
    assert!(refused(none).contains("root: no key in its authorized_keys"));
    let mut open = host(DEBIAN);
    open.plant("/root/.ssh", FileType::Directory, b"", 0o777);
    assert!(refused(open).contains("others can write to /root/.ssh"));
    assert!(
        refused(host(&format!("{DEBIAN}PermitRootLogin no\n"))).contains("PermitRootLogin is no")
    );
    assert!(
        refused(host(&format!("{DEBIAN}AllowUsers me@10.*\n")))
            .contains("allowusers does not include it")
    );
    let elsewhere = format!("{DEBIAN}AuthorizedKeysFile /etc/keys/%u\n");
    assert!(refused(host(&elsewhere)).contains("no key"));
    let mut there = host(&elsewhere);
    there.plant(
        "/etc/keys/root",
        FileType::File,
        b"sk-ssh-ed25519@openssh.com AAAAGnNr me\n",
        0o644,
    );
    assert!(desired().obstacle(&there).unwrap().is_none());
}

#[test]
fn a_removal_that_nobody_confirms_is_undone() {
    common::removal_rolled_back(&graph(), host(DEBIAN));
}

#[test]
fn an_sshd_that_was_broken_before_us_is_one_finding_and_hides_nothing() {
    let broken = format!("{DEBIAN}Nonsense yes\n");
    let text = refused(host(&broken));
    assert!(
        text.contains("rejects its own configuration") && text.contains("line 3"),
        "{text}"
    );
    // If the configuration breaks later, everything that can still be observed is reported.
    let (mut later, mut journal) = (host(DEBIAN), MemoryJournal::default());
    run(&mut later, &mut journal, &graph()).unwrap();
    later.plant(MAIN, FileType::File, broken.as_bytes(), 0o600);
    let receipt = journal.receipt().unwrap();
    let (_, unseen) = Plan::survey(&graph(), &receipt, &later, None).unwrap();
    let fault = &unseen.first().unwrap().fault;
    assert!(fault.chain().contains("Nonsense"), "{fault}");
    later.plant(MAIN, FileType::File, DEBIAN.as_bytes(), 0o600);
    let plan = Plan::make(&graph(), &journal.receipt().unwrap(), &later).unwrap();
    assert!(plan.is_empty(), "{plan:?}");
}

/// `systemctl disable --now ssh.service; systemctl enable --now ssh.socket`: no service has created `/run/sshd`.
#[test]
fn an_sshd_that_only_a_socket_starts_is_tried_as_well() {
    let mut host = host(DEBIAN);
    host.units.get_mut("ssh.service").unwrap().active = "inactive".into();
    host.sshd_needs_run = true;
    assert!(desired().obstacle(&host).unwrap().is_none());
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &graph()).unwrap();
    let text = host.text(OURS).unwrap();
    assert!(text.contains("\nPasswordAuthentication no\n"), "{text}");
    let plan = Plan::make(&graph(), &journal.receipt().unwrap(), &host).unwrap();
    assert!(plan.is_empty(), "{plan:?}");
}

#[test]
fn what_stands_on_the_command_line_of_sshd_wins_and_is_named() {
    let started = |with: &str| {
        let mut host = host(DEBIAN);
        host.plant("/proc/1", FileType::Directory, b"", 0o755);
        let title = format!("sshd: /usr/sbin/sshd -D {with} [listener] 0 of 10-100 startups\0");
        host.plant("/proc/1/cmdline", FileType::File, title.as_bytes(), 0o444);
        host
    };
    let text = refused(started("-o PasswordAuthentication=yes"));
    assert!(
        text.contains("command line of ssh.service")
            && text.contains("`passwordauthentication yes`"),
        "{text}"
    );
    assert!(refused(started("-f /etc/other")).contains("/etc/other instead of"));
    // An option that is added later is drift, because the same files have another effect.
    let (mut later, mut journal) = (started("-o X11Forwarding=no"), MemoryJournal::default());
    run(&mut later, &mut journal, &graph()).unwrap();
    let title = started("-o X11Forwarding=yes")
        .text("/proc/1/cmdline")
        .unwrap();
    later.plant("/proc/1/cmdline", FileType::File, title.as_bytes(), 0o444);
    let plan = Plan::make(&graph(), &journal.receipt().unwrap(), &later).unwrap();
    assert!(!plan.is_empty());
    // Keys from a command cannot be observed, so nobody is reported as locked out.
    let mut command = started("-o AuthorizedKeysCommand=/usr/bin/keys");
    command.plant("/root/.ssh/authorized_keys", FileType::File, b"", 0o600);
    assert!(desired().obstacle(&command).unwrap().is_none());
}

#[test]
fn what_an_account_puts_in_the_place_of_its_keys_does_not_end_the_run() {
    let mut pipe = host(DEBIAN);
    pipe.plant("/root/.ssh/authorized_keys", FileType::Other, b"", 0o600);
    let text = refused(pipe);
    assert!(text.contains("not a regular file"), "{text}");
}

#[test]
fn whatever_is_stricter_stays_and_a_later_run_changes_nothing() {
    let theirs = "MaxAuthTries 1\nLoginGraceTime 20s\nMACs hmac-sha2-512-etm@openssh.com,hmac-sha1\n\
                  PermitRootLogin forced-commands-only\n";
    let mut host = host(&format!("{DEBIAN}{theirs}"));
    host.plant(
        "/etc/passwd",
        FileType::File,
        b"root:x:0:0::/nowhere:/bin/bash\nme:x:1000:1000::/root:/bin/bash\n",
        0o644,
    );
    let mut strict = desired();
    for (keyword, value) in [("MaxAuthTries", "3"), ("LoginGraceTime", "30")] {
        strict.settings.push((keyword.into(), value.into()));
    }
    let mut graph = Graph::<Host>::default();
    graph.add(strict, []);
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &graph).unwrap();
    let text = host.text(OURS).unwrap();
    for line in [
        "MaxAuthTries 1\n",
        "LoginGraceTime 20\n",
        "MACs hmac-sha2-512-etm@openssh.com\n",
        "PermitRootLogin forced-commands-only\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let plan = Plan::make(&graph, &journal.receipt().unwrap(), &host).unwrap();
    assert!(plan.is_empty(), "{plan:?}");
}

#[test]
fn a_key_with_a_forced_command_lets_nobody_in() {
    let mut cloud = host(DEBIAN);
    let key = "no-port-forwarding,command=\"echo 'Please login as the user admin'\" ssh-ed25519 AAAAC3Nza me\n";
    cloud.plant(
        "/root/.ssh/authorized_keys",
        FileType::File,
        key.as_bytes(),
        0o600,
    );
    assert!(refused(cloud).contains("root: its key runs one command only"));
}

#[test]
fn accounts_that_an_authority_signs_for_are_reported_as_unknown() {
    let with = |keys: &str| {
        let mut host = host(DEBIAN);
        let path = "/root/.ssh/authorized_keys";
        host.plant(path, FileType::File, keys.as_bytes(), 0o600);
        host
    };
    let authority = "cert-authority,principals=\"root\" ssh-ed25519 AAAAC3Nza ca\n";
    let mut signed = with(authority);
    let outlook = desired().outlook(&signed).unwrap();
    assert!(
        matches!(&outlook, Outlook::Doubt(text) if text.contains("/root/.ssh/authorized_keys")),
        "{outlook:?}"
    );
    run(&mut signed, &mut MemoryJournal::default(), &graph()).unwrap();
    let both = with(&format!("{authority}ssh-ed25519 AAAAC3Nza me\n"));
    let outlook = desired().outlook(&both).unwrap();
    assert!(matches!(outlook, Outlook::Clear), "{outlook:?}");
    let limited = with(&format!("restrict,{authority}"));
    assert!(refused(limited).contains("does not allow a terminal"));
}
