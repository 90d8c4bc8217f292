//! The contract of container images, tested on a host in memory.

use provision::engine::{Cx, Graph, Journal, MemoryJournal, Plan, Stop};
use provision::host::fake::{FakeHost, FakeImage, FakeUnit};
use provision::host::{Engine, FileType};
use provision::kinds::{Group, Image, Owner, Pin, Place, Survey, Upstream, User};

use crate::common::{self, run};

provision::resources! {
    /// The resources that an image needs.
    enum Host {
        Group(Group),
        User(User),
        Image(Image),
    }
}

const RECORD: &str = "/etc/container.env";

fn image(engine: Engine, tag: &str) -> Image {
    Image {
        engine,
        name: "aztecprotocol/aztec".into(),
        tag: tag.into(),
        account: "aztec".into(),
        record: RECORD.into(),
        owner: Owner::root(0o644),
    }
}

fn graph(engine: Engine, tag: &str) -> Graph<Host> {
    let mut graph = Graph::default();
    let group = graph.add(
        Group {
            name: "aztec".into(),
        },
        [],
    );
    let user = User {
        name: "aztec".into(),
        group: "aztec".into(),
        home: "/var/lib/aztec".into(),
        shell: "/usr/sbin/nologin".into(),
    };
    let user = graph.add(user, [group]);
    graph.add(image(engine, tag), [user]);
    graph
}

fn row(tag: &str, content: char, digest: bool) -> FakeImage {
    FakeImage {
        repository: "aztecprotocol/aztec".into(),
        tag: Some(tag.into()),
        digest: digest.then(|| format!("sha256:{}", "d".repeat(64))),
        id: format!("sha256:{}", content.to_string().repeat(64)),
    }
}

fn host(engine: Engine) -> FakeHost {
    let mut host = FakeHost::debian();
    host.plant("/usr/bin", FileType::Directory, b"", 0o755);
    host.plant(engine.program(), FileType::File, b"", 0o755);
    host.plant(engine.storage(), FileType::Directory, b"", 0o755);
    let running = FakeUnit {
        active: "active".into(),
        ..FakeUnit::default()
    };
    host.units.insert("docker.service".into(), running);
    host.engine.architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64".into(),
        other => other.replace("aarch64", "arm64"),
    };
    host
}

fn looking(host: &FakeHost) -> Cx<'_> {
    Cx {
        probe: host,
        memory: None,
        units: None,
    }
}

fn survey(host: &FakeHost, engine: Engine) -> Result<Survey, provision::Fault> {
    image(engine, "4.1.2").survey(&looking(host))
}

fn upstream(host: &FakeHost, engine: Engine) -> Result<Option<Upstream>, provision::Fault> {
    image(engine, "4.1.2").upstream(&looking(host))
}

fn why(stop: &Stop) -> String {
    format!(
        "{} {}",
        stop.fault.chain(),
        stop.fault.remedy().unwrap_or_default()
    )
}

#[test]
fn it_is_pulled_once_pinned_and_removed_as_a_leftover() {
    for engine in [Engine::Docker, Engine::Podman] {
        let mut host = host(engine);
        host.engine.offered = vec![row("4.1.2", 'a', true)];
        let untouched = host.shape();
        let (mut journal, graph) = (MemoryJournal::default(), graph(engine, "4.1.2"));
        assert_eq!(survey(&host, engine).unwrap().place, Place::Offered);
        run(&mut host, &mut journal, &graph).unwrap();
        let record = host.text(RECORD).unwrap();
        assert!(record.contains(&format!("CONTAINER_IMAGE=sha256:{}\n", "a".repeat(64))));
        assert!(record.contains(&format!(
            "CONTAINER_IMAGE_DIGEST=sha256:{}\n",
            "d".repeat(64)
        )));
        assert!(record.contains("CONTAINER_USER=101:100\n"), "{record}");
        let receipt = journal.receipt().unwrap();
        let pin = receipt.entries.last().unwrap().memory.clone().unwrap();
        assert_eq!(
            serde_json::from_value::<Pin>(pin).unwrap(),
            Pin::recorded(&record).unwrap()
        );
        let programs = host.told.len();
        assert!(
            run(&mut host, &mut journal, &graph)
                .unwrap()
                .applied
                .is_empty()
        );
        assert_eq!(
            host.told.len(),
            programs,
            "a second run calls {:?}",
            host.told.last()
        );
        run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
        assert_eq!(host.shape(), untouched);
        assert!(host.engine.images.is_empty());
    }
}

/// A container of the operator runs the image, or the engine does not answer. The image stays on record, and the first
/// run after it is free removes it.
#[test]
fn an_image_that_its_engine_cannot_remove_stays_on_record_until_it_can() {
    let nothing = Graph::<Host>::default();
    let mut host = host(Engine::Docker);
    host.engine.offered = vec![row("4.1.2", 'a', true)];
    let untouched = host.shape();
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &graph(Engine::Docker, "4.1.2")).unwrap();
    host.engine.in_use = true;
    for _ in 0..2 {
        let ended = run(&mut host, &mut journal, &nothing).unwrap();
        assert!(ended.applied.iter().all(|step| step.kept.is_some()));
        let kept = ended.applied[0].kept.clone().unwrap();
        assert!(
            kept.contains("in use") && kept.contains("next run"),
            "{kept}"
        );
        assert_eq!(host.engine.images.len(), 1);
        let plan = Plan::make(&nothing, &journal.receipt().unwrap(), &host).unwrap();
        let pending: Vec<_> = plan.pending().map(|it| it.id.to_string()).collect();
        // Its dependencies are needed to remove it.
        assert_eq!(
            pending,
            [
                "image[aztecprotocol/aztec:4.1.2]",
                "user[aztec]",
                "group[aztec]"
            ]
        );
    }
    // If it is configured again, the existing image is used, and still counts as created.
    let (mut again, mut its_journal) = (host.clone(), journal.clone());
    again.engine.in_use = false;
    let desired = graph(Engine::Docker, "4.1.2");
    run(&mut again, &mut its_journal, &desired).unwrap();
    let plan = Plan::make(&desired, &its_journal.receipt().unwrap(), &again).unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    run(&mut again, &mut its_journal, &nothing).unwrap();
    assert!(again.engine.images.is_empty());
    // If somebody else removes it, that is fine.
    let (mut gone, mut its_journal) = (host.clone(), journal.clone());
    gone.engine.images.clear();
    run(&mut gone, &mut its_journal, &nothing).unwrap();
    assert!(its_journal.receipt().unwrap().entries.is_empty());

    host.engine.in_use = false;
    run(&mut host, &mut journal, &nothing).unwrap();
    assert!(host.engine.images.is_empty());
    assert_eq!(host.shape(), untouched);
    assert!(journal.receipt().unwrap().entries.is_empty());
}

#[test]
fn whatever_is_killed_is_healed() {
    for engine in [Engine::Docker, Engine::Podman] {
        let mut host = host(engine);
        host.engine.offered = vec![row("4.1.2", 'a', true)];
        common::walked(&graph(engine, "4.1.2"), host, &[]);
    }
}

#[test]
fn what_an_operator_loaded_is_pinned_as_it_is_and_stays() {
    let mut host = host(Engine::Docker);
    host.engine.images = vec![row("4.1.2", 'b', false)];
    let (mut journal, graph) = (MemoryJournal::default(), graph(Engine::Docker, "4.1.2"));
    run(&mut host, &mut journal, &graph).unwrap();
    let record = host.text(RECORD).unwrap();
    assert!(!record.contains("DIGEST"), "{record}");
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert_eq!(host.engine.images.len(), 1);
    assert_eq!(host.text(RECORD), None);
}

#[test]
fn a_moved_tag_is_reported_and_not_followed() {
    let mut host = host(Engine::Docker);
    host.engine.images = vec![row("4.1.2", 'b', false)];
    let (mut journal, graph) = (MemoryJournal::default(), graph(Engine::Docker, "4.1.2"));
    run(&mut host, &mut journal, &graph).unwrap();
    let record = host.text(RECORD);
    // Another image has the name of the pinned one now.
    host.engine.images[0].tag = None;
    host.engine.images.push(row("4.1.2", 'c', false));
    let moved = survey(&host, Engine::Docker).unwrap();
    assert!(
        moved.moved && moved.text.contains("moved to sha256:cccc"),
        "{moved:?}"
    );
    assert!(
        run(&mut host, &mut journal, &graph)
            .unwrap()
            .applied
            .is_empty()
    );
    // It is not followed even if somebody writes it into the record,
    let other = record.clone().unwrap().replace("bbbb", "cccc");
    host.plant(RECORD, FileType::File, other.as_bytes(), 0o644);
    run(&mut host, &mut journal, &graph).unwrap();
    assert_eq!(host.text(RECORD), record);
    // and not if the pinned one is missing.
    host.engine.images.remove(0);
    let fault = survey(&host, Engine::Docker).unwrap_err();
    assert!(
        fault.chain().contains("pinned to sha256:bbbb"),
        "{}",
        fault.chain()
    );
    let stop = run(&mut host, &mut journal, &graph).unwrap_err();
    assert!(why(&stop).contains("is missing"), "{}", why(&stop));
    assert_eq!(host.text(RECORD), record);
}

#[test]
fn what_cannot_work_says_so() {
    let graph = graph(Engine::Docker, "4.1.2");
    let stopped = |host: &mut FakeHost| {
        let mut journal = MemoryJournal::default();
        why(&run(host, &mut journal, &graph).unwrap_err())
    };
    let mut offline = host(Engine::Docker);
    let fault = survey(&offline, Engine::Docker).unwrap_err();
    assert!(
        fault
            .remedy()
            .is_some_and(|fix| fix.contains("docker load"))
    );
    let message = stopped(&mut offline);
    assert!(
        message.contains("failed to pull") && message.contains("docker load"),
        "{message}"
    );
    assert_eq!(offline.text(RECORD), None);

    let mut foreign = host(Engine::Docker);
    foreign.engine.images = vec![row("4.1.2", 'a', false)];
    foreign.engine.architecture = "riscv64".into();
    assert!(
        survey(&foreign, Engine::Docker)
            .unwrap_err()
            .chain()
            .contains("riscv64")
    );
    assert!(stopped(&mut foreign).contains("is for riscv64"));
    assert_eq!(foreign.text(RECORD), None);

    let mut silent = host(Engine::Docker);
    silent.units.clear();
    assert!(
        survey(&silent, Engine::Docker)
            .unwrap_err()
            .chain()
            .contains("does not answer")
    );

    let missing = FakeHost::debian();
    let pulls = survey(&missing, Engine::Podman).unwrap();
    assert!(pulls.text.contains("installs podman"));
    assert_eq!(pulls.place, Place::Unasked);
}

#[test]
fn a_moved_tag_is_distinguished_from_one_that_cannot_be_compared() {
    for engine in [Engine::Docker, Engine::Podman] {
        // The manifest of one image names its content. A list of several is compared with the earlier list.
        for lists in [false, true] {
            let mut host = host(engine);
            host.engine.lists = lists;
            host.engine.offered = vec![row("4.1.2", 'a', true)];
            assert_eq!(upstream(&host, engine).unwrap(), None, "there is no pin");
            let (mut journal, graph) = (MemoryJournal::default(), graph(engine, "4.1.2"));
            run(&mut host, &mut journal, &graph).unwrap();
            assert_eq!(upstream(&host, engine).unwrap(), Some(Upstream::Same));

            let mut other = row("4.1.2", 'b', true);
            other.digest = Some(format!("sha256:{}", "e".repeat(64)));
            host.engine.offered[0].tag = None;
            host.engine.offered.push(other);
            assert_eq!(upstream(&host, engine).unwrap(), Some(Upstream::Moved));
            let again = run(&mut host, &mut journal, &graph).unwrap();
            assert!(again.applied.is_empty());

            // First the registry no longer has the pinned digest, then it does not answer at all.
            for gone in [0, 0] {
                host.engine.offered.remove(gone);
                let reply = upstream(&host, engine).unwrap();
                assert!(matches!(reply, Some(Upstream::Untold(_))), "{reply:?}");
            }
        }
    }
}

#[test]
fn a_loaded_image_is_compared_where_the_manifest_names_it() {
    let mut host = host(Engine::Docker);
    host.engine.images = vec![row("4.1.2", 'a', false)];
    let (mut journal, graph) = (MemoryJournal::default(), graph(Engine::Docker, "4.1.2"));
    run(&mut host, &mut journal, &graph).unwrap();
    host.engine.offered = vec![row("4.1.2", 'a', true)];
    assert_eq!(
        upstream(&host, Engine::Docker).unwrap(),
        Some(Upstream::Same)
    );
    host.engine.lists = true;
    let reply = upstream(&host, Engine::Docker).unwrap();
    assert!(matches!(reply, Some(Upstream::Untold(_))), "{reply:?}");
}

#[test]
fn latest_is_not_a_release() {
    let mut graph = Graph::<Host>::default();
    graph.add(image(Engine::Podman, "latest"), []);
    assert!(graph.ordered().unwrap_err().chain().contains("latest"));
}

#[test]
fn what_others_wrote_into_the_record_is_not_shown_and_a_copy_is_kept() {
    let (mut journal, graph) = (MemoryJournal::default(), graph(Engine::Podman, "4.1.2"));
    let mut host = host(Engine::Podman);
    host.engine.images = vec![row("4.1.2", 'b', false)];
    run(&mut host, &mut journal, &graph).unwrap();
    let edited = host.text(RECORD).unwrap() + "REGISTRY_TOKEN=S3CRET\n";
    host.plant(RECORD, FileType::File, edited.as_bytes(), 0o644);
    let receipt = journal.receipt().unwrap();
    let plan = Plan::make(&graph, &receipt, &host).unwrap();
    let shown = format!("{:?}", plan.steps.last().unwrap());
    assert!(shown.contains("-…") && !shown.contains("S3CRET"), "{shown}");
    run(&mut host, &mut journal, &graph).unwrap();
    assert!(!host.text(RECORD).unwrap().contains("S3CRET"));
    let copies = host.tree.iter().filter(|(path, node)| {
        path.starts_with("/var/lib/aztec-kit/before") && node.bytes == edited.as_bytes()
    });
    let modes: Vec<_> = copies.map(|(_, node)| node.mode).collect();
    assert_eq!(modes, [0o600]);
}
