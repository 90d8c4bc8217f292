use super::super::networks;
use super::*;
use crate::names::{Component, Place};
use provision::host::FileType;
use provision::host::fake::FakeHost;

fn release(version: &str) -> Release {
    Releases::carried().release(version, None).unwrap()
}

#[test]
fn every_network_runs_a_release_that_is_carried_and_knows_it() {
    assert_eq!(networks().len(), 4);
    assert_eq!(networks()["mainnet"].l1_chain_id, 1);
    for network in networks().values() {
        let older = network.rollups.iter().map(|rollup| &rollup.release);
        for version in network.release.iter().chain(older) {
            let release = release(version);
            assert_eq!(release.basis, Basis::Carried, "{version}");
            assert!(release.knows_network(network.known_as.as_deref().unwrap()));
        }
    }
}

#[test]
fn every_carried_release_can_be_read_and_states_how_each_role_starts_or_why_not() {
    let all = Releases::carried();
    assert_eq!(all.folders.len(), CARRIED.len(), "each folder is a version");
    for version in all.versions() {
        let release = release(version);
        assert!(check::facts(&release.facts).is_none(), "{version}");
        for (component, facts) in &release.facts.roles {
            assert!(facts.is_complete(), "{version} {component:?}");
        }
        // All releases have these so far. A component of a later release is refused by earlier ones.
        let known = Component::all().take(Component::Bot as usize + 1);
        let missing: Vec<_> = known
            .filter(|it| !release.facts.roles.contains_key(it))
            .collect();
        assert!(missing.is_empty(), "{version} {missing:?}");
        release.table();
    }
}

#[test]
fn a_release_does_not_have_a_component_that_it_does_not_mention() {
    let mut release = release("6.0.0");
    release.facts.roles.remove(&Component::Txe);
    let refusal = release.refusal(Component::Txe, Place::Local, None).unwrap();
    assert!(
        refusal.why.contains("not have such a process"),
        "{}",
        refusal.why
    );
}

#[test]
fn every_carried_lock_pins_every_package() {
    let all = Releases::carried();
    for folder in all.folders.values().filter(|folder| folder.lock.is_some()) {
        check::lock(folder).unwrap();
        let release = release(folder.version);
        let text = release.lock.unwrap();
        let lock_text = text.text().unwrap();
        assert_eq!(
            LockText::Plain(lock_text.clone().into_owned().leak()).sha256(),
            text.sha256()
        );
        let lock: serde_json::Value = serde_json::from_str(&lock_text).unwrap();
        let packages = lock["packages"].as_object().unwrap();
        assert!(packages.len() > 500, "{}", packages.len());
        let manifest: serde_json::Value = serde_json::from_str(&release.manifest()).unwrap();
        assert_eq!(packages[""]["dependencies"], manifest["dependencies"]);
        assert!(release.facts.glibc >= (2, 39));
    }
}

#[test]
fn a_release_that_nobody_knows_is_like_the_newest_before_it() {
    let all = Releases::carried();
    let newest = all.versions().last().unwrap();
    for (version, like) in [
        ("0.1.0", "4.1.2"),
        ("4.9.0", "4.1.2"),
        ("5.2.7", "5.2.1"),
        ("5.9.0", "5.3.0"),
        ("9.0.0", newest),
    ] {
        assert_eq!(
            release(version).basis,
            Basis::Assumed(like.into()),
            "{version}"
        );
    }
    assert!(release("5.2.0").lock.is_none());
}

#[test]
fn versions_are_semantic_and_become_names() {
    for text in [
        "latest",
        "5.2",
        "v6.0.0",
        "6.0.0+build",
        "../6.0.0",
        "6.0.0/..",
        "",
    ] {
        assert!(version(text).is_err(), "{text}");
    }
    assert!(version("6.0.0-rc.1").unwrap() < version("6.0.0").unwrap());
}

/// A host with one described release.
fn host(files: &[(&str, &str)]) -> FakeHost {
    let mut host = FakeHost::debian();
    for dir in ["/etc/aztec/releases", "/etc/aztec/releases/6.9.9"] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    for (name, text) in files {
        let path = format!("/etc/aztec/releases/6.9.9/{name}");
        host.plant(&path, FileType::File, text.as_bytes(), 0o644);
    }
    host
}

const MADE_UP: &str = "like = \"6.0.0\"\ntips = \"getTips\"\n[roles.txe]\n\
    refused = [{ why = \"it is gone\", instead = \"Take it out.\" }]\n";

#[test]
fn a_folder_of_the_host_is_a_release() {
    let host = host(&[
        (FACTS, MADE_UP),
        (
            ENV,
            "[variables]\nNEW_ONE = { type = \"integer\" }\n[removed]\nBB_BINARY_PATH = { when = \"in 6.9\" }\n",
        ),
    ]);
    let all = Releases::of_host(&host).unwrap();
    let release = all.release("6.9.9", None).unwrap();
    assert_eq!(
        release.basis,
        Basis::Host("/etc/aztec/releases/6.9.9".into())
    );
    assert_eq!(release.facts.tips, "getTips");
    assert!(release.refusal(Component::Txe, Place::Live, None).is_some());
    assert!(release.knows_variable("NEW_ONE") && release.knows_variable("P2P_PORT"));
    assert!(!release.knows_variable("BB_BINARY_PATH"));
    // Others are like the newest before them, even if that is a release of the host.
    assert_eq!(
        all.release("7.0.0", None).unwrap().basis,
        Basis::Assumed("6.9.9".into())
    );
}

#[test]
fn a_folder_of_the_host_stands_in_place_of_a_carried_one() {
    let mut host = FakeHost::debian();
    for dir in [
        "/etc/aztec/releases",
        "/etc/aztec/releases/5.2.1",
        "/etc/aztec/releases/old",
    ] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    host.plant(
        "/etc/aztec/releases/5.2.1/release.toml",
        FileType::File,
        b"like = \"5.2.0\"\nstop_seconds = 7\n",
        0o644,
    );
    let all = Releases::of_host(&host).unwrap();
    assert_eq!(all.release("5.2.1", None).unwrap().facts.stop_seconds, 7);
    assert_eq!(
        all.versions().count(),
        Releases::carried().versions().count()
    );
}

#[test]
fn a_folder_that_is_like_itself_corrects_the_carried_release() {
    let root = format!("0x{}", "7".repeat(64));
    let cases = [
        ("4.1.2", "stop_seconds = 7\n".to_owned()),
        (
            "6.0.0",
            format!("[fingerprint]\nverified = true\nvk_tree = \"{root}\"\n"),
        ),
    ];
    for (version, says) in cases {
        let mut host = FakeHost::debian();
        let dir = format!("/etc/aztec/releases/{version}");
        for dir in ["/etc/aztec/releases", &dir] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        let text = format!("like = \"{version}\"\n{says}");
        host.plant(
            &format!("{dir}/release.toml"),
            FileType::File,
            text.as_bytes(),
            0o644,
        );
        let all = Releases::of_host(&host).unwrap();
        let (own, carried) = (all.release(version, None).unwrap(), release(version));
        assert_eq!(own.basis, Basis::Host(dir.into()));
        assert_eq!(
            (own.lock, own.omit),
            (carried.lock, carried.omit),
            "{version}"
        );
        assert_eq!(own.variables(), carried.variables());
        let (mine, theirs) = (
            own.facts.fingerprint.unwrap(),
            carried.facts.fingerprint.unwrap(),
        );
        if version == "4.1.2" {
            assert_eq!((own.facts.stop_seconds, mine), (7, theirs));
        } else {
            assert!(mine.verified && mine.vk_tree != theirs.vk_tree);
        }
    }
}

#[test]
fn a_broken_folder_is_refused_by_file_and_line() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[(FACTS, "like = \"6.0.0\"\ntips = 7\n")],
            "release.toml:2: it must be a string",
        ),
        (
            &[(FACTS, "like = \"6.0.0\"\n\ntipps = \"x\"\n")],
            "release.toml:3: unknown field `tipps`",
        ),
        (
            &[(FACTS, "like = \"6.0.0\"\ntips = \"get tips\"\n")],
            "release.toml:2: tips: not a part",
        ),
        (
            &[(FACTS, "like = \"8.0.0\"\n")],
            "release.toml:1: like: 8.0.0 is not known",
        ),
        (
            &[(FACTS, "like = \"6.9.9\"\n")],
            "release.toml:1: like: 6.9.9 is like this one",
        ),
        (
            &[(FACTS, "tips = \"getTips\"\n")],
            "release.toml:1: missing field",
        ),
        (
            &[(FACTS, "like = \"6.0.0\"\n[roles.txe]\nflags = [\"; rm\"]\n")],
            "release.toml:2: roles.txe: not a flag",
        ),
        (
            &[
                (FACTS, "like = \"6.0.0\"\n"),
                (ENV, "[variables]\nA = { type = \"words\" }\n"),
            ],
            "env.toml:2: unknown variant",
        ),
        (
            &[
                (FACTS, "like = \"6.0.0\"\n"),
                (ENV, "[removed]\nA = { when = \"in 6.9\", use = \"B\" }\n"),
            ],
            "env.toml:2: A: nothing reads B",
        ),
        (
            &[(FACTS, "like = \"6.0.0\"\n"), ("package-lock.json", "{")],
            "package-lock.json: not a lock file",
        ),
        (
            &[
                (FACTS, "like = \"6.0.0\"\n"),
                ("package-lock.json", "{\"packages\": {\"\": {}}}"),
            ],
            "package-lock.json: it is not of Aztec 6.9.9",
        ),
        (
            &[(FACTS, "like = \"6.0.0\"\n"), ("omit.toml", "\nomit = 7\n")],
            "omit.toml:2: it must be a sequence",
        ),
        (
            &[(FACTS, "like = \"6.0.0\"\nimage = \"--privileged\"\n")],
            "release.toml:2: image: not the repository",
        ),
    ];
    for (files, says) in cases {
        let fault = Releases::of_host(&host(files))
            .unwrap()
            .release("6.9.9", None)
            .unwrap_err();
        let message = fault.chain();
        assert!(
            message.starts_with("/etc/aztec/releases/6.9.9/") && message.contains(says),
            "{message}"
        );
        assert!(fault.remedy().is_some(), "{message}");
    }
}

#[test]
fn only_a_regular_file_is_read() {
    for (file_type, word) in [
        (FileType::Directory, "directory"),
        (FileType::Other, "special"),
    ] {
        let mut host = host(&[]);
        host.plant(
            "/etc/aztec/releases/6.9.9/release.toml",
            file_type,
            b"",
            0o644,
        );
        let fault = Releases::of_host(&host).unwrap_err();
        assert!(fault.chain().contains(word), "{}", fault.chain());
        assert!(fault.remedy().is_some());
    }
}

#[test]
fn a_number_in_the_name_of_a_network_may_be_any() {
    let release = release("5.2.0");
    assert!(release.knows_network("v5-devnet-12") && release.knows_network("mainnet"));
    assert!(!release.knows_network("v5-devnet-") && !release.knows_network("staging-public"));
    assert!(release.has_presets("v5-devnet-12") && !release.has_presets("next-net"));
}

#[test]
fn an_agent_of_6_0_0_may_end_its_proof() {
    let seconds = |version, role| release(version).stop_seconds(role);
    assert_eq!(seconds("6.0.0", Component::ProverAgent), 300);
    assert_eq!(seconds("6.0.0", Component::ProverNode), 180);
    assert_eq!(seconds("5.2.0", Component::ProverAgent), 180);
}

#[test]
fn a_described_release_differs_only_in_the_described_facts() {
    let text = "like = \"5.2.0\"\ntips = \"getTips\"\nroles.txe.refused = [{ why = \"w\", instead = \"i\" }]\n";
    let described = Releases::carried()
        .release("5.9.0", Some(&toml::from_str(text).unwrap()))
        .unwrap();
    let base = release("5.2.0");
    assert_eq!(described.basis, Basis::Described("5.2.0".into()));
    assert_eq!(described.facts.tips, "getTips");
    assert!(
        described
            .refusal(Component::Txe, Place::Live, None)
            .is_some()
    );
    assert_eq!(
        described.flags(Component::Node),
        base.flags(Component::Node)
    );
    assert_eq!(
        (described.facts.rpc, described.facts.glibc),
        (base.facts.rpc, base.facts.glibc)
    );
}
