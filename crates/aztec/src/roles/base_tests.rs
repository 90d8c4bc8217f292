use super::*;
use crate::desired::desired;

#[test]
fn root_opens_no_data_through_a_directory_of_the_services() {
    let text = "[sequencer]\nenabled = true\n[prover]\nenabled = true\n";
    for (release, runtime) in [
        ("", ""),
        ("", "runtime = \"container\"\n"),
        ("release = \"6.0.0\"\n", ""),
    ] {
        let text = format!("{release}{runtime}{text}");
        let settings = Settings::parse(&text).unwrap();
        let graph = desired(&settings, &HostFacts::debian(), text.as_str()).unwrap();
        let resources = || graph.nodes().iter().map(|node| &node.resource);
        let theirs: Vec<_> = resources()
            .filter_map(|resource| match resource {
                Kind::Directory(dir) if dir.owner.user == ACCOUNT => Some(&dir.path),
                _ => None,
            })
            .collect();
        let mut gone_to = 0;
        for resource in resources() {
            let Kind::Unit(unit) = resource else { continue };
            // Places to write to, and mounts of a container.
            let writable = unit
                .text
                .lines()
                .filter_map(|it| it.strip_prefix("ReadWritePaths="));
            let mounted = unit
                .text
                .split([' ', ','])
                .filter_map(|it| it.strip_prefix("src="));
            for path in writable
                .flat_map(str::split_whitespace)
                .chain(mounted)
                .map(Path::new)
            {
                gone_to += usize::from(path.starts_with(&settings.data_dir));
                let through = theirs
                    .iter()
                    .find(|dir| *dir != &path && path.starts_with(dir));
                assert_eq!(through, None, "{}: {}", unit.name, path.display());
            }
        }
        assert!(gone_to > 4, "{gone_to}");
    }
}

#[test]
fn no_process_starts_without_the_disk_that_its_data_is_on() {
    let text =
        "data_dir = \"/srv/data/aztec\"\n[sequencer]\nenabled = true\n[prover]\nenabled = true\n";
    let mountinfo = "28 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n90 28 8:17 / /srv/data rw - ext4 /dev/sdb1 rw\n";
    let settings = Settings::parse(text).unwrap();
    let asserted = |mountinfo: &str, runtime: Option<Runtime>| -> Vec<String> {
        let facts = HostFacts {
            mounts: mounts::parse(mountinfo),
            ..HostFacts::debian()
        };
        let settings = Settings {
            runtime,
            ..settings.clone()
        };
        let graph = desired(&settings, &facts, text).unwrap();
        let units = graph
            .nodes()
            .iter()
            .filter_map(|node| match &node.resource {
                Kind::Unit(unit) => Some(unit.text.clone()),
                _ => None,
            });
        let asserted = |text: String| -> String {
            let lines = text.lines().map(str::to_owned);
            let disk =
                |line: &String| line.starts_with("RequiresM") || line.contains(".aztec-kit-disk");
            lines.filter(disk).collect::<Vec<_>>().join(" ")
        };
        units.map(asserted).collect()
    };
    let check_line = |dir: &str, mount: &str| {
        format!(
            "RequiresMountsFor={dir} ExecStartPre=+/bin/sh -c 'test -e \"{dir}/.aztec-kit-disk\"{mount} && exit; \
             echo \"the disk with the data in {dir} is not mounted\" >&2; exit 1'"
        )
    };
    for runtime in [None, Some(Runtime::Container)] {
        let mounted = asserted(mountinfo, runtime);
        assert!(mounted.len() >= 5, "{mounted:?}");
        let expected = check_line("/srv/data/aztec", " && mountpoint --quiet \"/srv/data\"");
        assert!(mounted.iter().all(|unit| *unit == expected), "{mounted:?}");
        let root = asserted("", runtime);
        let expected = check_line("/srv/data/aztec", "");
        assert!(root.iter().all(|unit| *unit == expected), "{root:?}");
        let own = format!("{mountinfo}91 90 8:33 / /srv/data/aztec/node rw - ext4 /dev/sdc1 rw\n");
        let expected = check_line(
            "/srv/data/aztec/node",
            " && mountpoint --quiet \"/srv/data/aztec/node\"",
        );
        assert!(
            asserted(&own, runtime).contains(&expected),
            "a disk of its own"
        );
    }
}
