//! The contract of every host, tested with the host in memory and with the real one in a directory of its own. So tests
//! in memory are valid for a real host.
//!
//! Two properties differ by nature and are not tested here: the effect of programs, the clock, the space of a file
//! system, and `writable`, which is always true for root.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::fs;
use std::path::{Path, PathBuf};

use provision::engine::{Access, Paths, Session};
use provision::host::fake::FakeHost;
use provision::host::{FileType, HostMut, NewFile, Probe, RealHost};

/// A host and an empty directory on it.
struct Place<'a> {
    host: &'a mut dyn HostMut,
    dir: PathBuf,
    /// The user of the test: only root can give files to another user.
    me: (u32, u32),
}

impl Place<'_> {
    fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn new_file<'a>(&self, path: &'a Path, text: &'a str, mode: u32) -> NewFile<'a> {
        let (uid, gid) = self.me;
        NewFile {
            path,
            bytes: text.as_bytes(),
            uid,
            gid,
            mode,
        }
    }

    fn tries_put(&mut self, name: &str, text: &str, mode: u32) -> bool {
        let path = self.at(name);
        let file = self.new_file(&path, text, mode);
        self.host.put(&file).is_ok()
    }

    fn put(&mut self, name: &str, text: &str) {
        assert!(self.tries_put(name, text, 0o644), "put {name}");
    }

    fn tries_put_new(&mut self, name: &str, text: &str) -> bool {
        let path = self.at(name);
        let file = self.new_file(&path, text, 0o600);
        self.host.put_new(&file).is_ok()
    }

    fn tries_mkdir(&mut self, name: &str, mode: u32) -> bool {
        let ((uid, gid), path) = (self.me, self.at(name));
        self.host.mkdir(&path, uid, gid, mode).is_ok()
    }

    fn mkdir(&mut self, name: &str) {
        assert!(self.tries_mkdir(name, 0o755), "mkdir {name}");
    }

    fn tries_link(&mut self, name: &str, target: &str) -> bool {
        let path = self.at(name);
        self.host.symlink(&path, Path::new(target)).is_ok()
    }

    fn link(&mut self, name: &str, target: &str) {
        assert!(self.tries_link(name, target), "symlink {name}");
    }

    fn tries_own(&mut self, name: &str, mode: u32) -> bool {
        let ((uid, gid), path) = (self.me, self.at(name));
        self.host.own(&path, uid, gid, mode).is_ok()
    }

    /// Gives a directory to an account that is neither root nor the user of the test; only root can.
    fn tries_give(&mut self, name: &str) -> bool {
        let path = self.at(name);
        self.host.own(&path, 54_321, 54_321, 0o755).is_ok()
    }

    fn tries_rename(&mut self, from: &str, to: &str) -> bool {
        let (from, to) = (self.at(from), self.at(to));
        self.host.rename(&from, &to).is_ok()
    }

    fn tries_remove(&mut self, name: &str) -> bool {
        let path = self.at(name);
        self.host.remove(&path).is_ok()
    }

    fn tries_remove_tree(&mut self, name: &str) -> bool {
        let path = self.at(name);
        self.host.remove_tree(&path).is_ok()
    }

    /// The result of a read: `None` for an error.
    fn read(&self, name: &str) -> Option<Option<String>> {
        let bytes = self.host.read(&self.at(name)).ok()?;
        Some(bytes.map(|bytes| String::from_utf8(bytes).unwrap()))
    }

    fn text(&self, name: &str) -> String {
        self.read(name).flatten().unwrap_or_default()
    }

    fn kind(&self, name: &str) -> Option<FileType> {
        let meta = self.host.meta(&self.at(name)).unwrap();
        meta.map(|meta| meta.file_type)
    }

    fn mode(&self, name: &str) -> u32 {
        self.host.meta(&self.at(name)).unwrap().unwrap().mode
    }

    /// Every name in the directory, including hidden ones.
    fn names(&self, name: &str) -> Option<Vec<String>> {
        self.host.list(&self.at(name)).unwrap()
    }
}

/// One property that holds on every host.
type Statement = fn(&mut Place<'_>);

const STATEMENTS: &[(&str, Statement)] = &[
    ("a file is put whole and replaced whole", |place| {
        place.put("a", "one");
        place.put("a", "two");
        assert_eq!(place.text("a"), "two");
        assert_eq!(place.names("").unwrap(), ["a"]);
        let meta = place.host.meta(&place.at("a")).unwrap().unwrap();
        assert_eq!((meta.size, (meta.uid, meta.gid)), (3, place.me));
    }),
    (
        "a replaced file is another one to whoever watches",
        |place| {
            place.put("a", "one");
            let before = place.host.meta(&place.at("a")).unwrap().unwrap();
            place.put("a", "one");
            let after = place.host.meta(&place.at("a")).unwrap().unwrap();
            assert_ne!(
                (before.inode, before.modified_us),
                (after.inode, after.modified_us)
            );
        },
    ),
    ("many are looked at as each of them is", |place| {
        place.put("a", "one");
        let below = ["a", "b", "a/c", ".", ""].map(PathBuf::from);
        let dir = place.at("");
        let each = below
            .iter()
            .map(|path| place.host.meta(&dir.join(path)).unwrap());
        let each: Vec<_> = each.collect();
        assert_eq!(place.host.metas(&dir, &below[..4]).unwrap(), each[..4]);
        let nowhere = place.host.metas(&place.at("none"), &below).unwrap();
        assert_eq!(nowhere, [None; 5]);
    }),
    ("only what is a file is read, and not more of it", |place| {
        place.put("a", "1234");
        place.mkdir("d");
        let read = |name: &str, limit| place.host.read_up_to(&place.at(name), limit);
        assert_eq!(read("a", 4).unwrap().unwrap(), b"1234");
        assert!(read("a", 3).is_err() && read("d", 3).is_err());
        assert_eq!(read("no", 3).unwrap(), None);
        assert_eq!(read("a/no", 3).unwrap(), None);
        place.link("masked", "/dev/null");
        assert_eq!(place.text("masked"), "");
    }),
    ("a mode is what was asked, past the umask", |place| {
        for mode in [0o600, 0o666, 0o777, 0o4755, 0o0] {
            assert!(place.tries_put("a", "x", mode));
            assert_eq!(place.mode("a"), mode);
        }
        assert!(place.tries_mkdir("d", 0o1777));
        assert_eq!(place.mode("d"), 0o1777);
    }),
    (
        "a file needs its directory, and leaves nothing without",
        |place| {
            assert!(!place.tries_put("no/a", "x", 0o644));
            assert!(!place.tries_put_new("no/a", "x"));
            assert!(!place.tries_link("no/a", "x"));
            assert!(!place.tries_mkdir("no/a", 0o755));
            place.put("file", "x");
            assert!(!place.tries_put("file/a", "x", 0o644));
            assert!(!place.tries_mkdir("file/a", 0o755));
            assert_eq!(place.names("").unwrap(), ["file"]);
        },
    ),
    ("a file does not take the place of a directory", |place| {
        place.mkdir("d");
        place.put("d/a", "x");
        assert!(!place.tries_put("d", "x", 0o644));
        assert!(!place.tries_put_new("d", "x"));
        assert!(!place.tries_link("d", "x"));
        assert_eq!(place.names("").unwrap(), ["d"]);
        assert_eq!(place.names("d").unwrap(), ["a"]);
    }),
    ("what takes a link's place replaces the link", |place| {
        place.put("target", "kept");
        place.link("a", "target");
        place.put("a", "x");
        assert_eq!(place.kind("a"), Some(FileType::File));
        assert_eq!(place.text("target"), "kept");
        place.link("a", "target");
        assert_eq!(place.text("a"), "kept");
    }),
    ("a new file never replaces anything", |place| {
        assert!(place.tries_put_new("key", "first"));
        assert!(!place.tries_put_new("key", "second"));
        assert_eq!(place.text("key"), "first");
        place.link("dangling", "nowhere");
        assert!(!place.tries_put_new("dangling", "x"));
        assert_eq!(place.kind("nowhere"), None);
        assert_eq!(place.names("").unwrap(), ["dangling", "key"]);
    }),
    (
        "what a killed run staged is cleared by the next one",
        |place| {
            place.put(".a.aztec-kit-new", "half");
            place.put("a", "x");
            assert_eq!(place.names("").unwrap(), ["a"]);
            place.put(".a.aztec-kit-new", "half");
            place.link("a", "x");
            assert_eq!(place.names("").unwrap(), ["a"]);
            place.put(".a.aztec-kit-new", "half");
            assert!(place.tries_remove("a"));
            assert_eq!(place.names("").unwrap(), [""; 0]);
            // A staged file without the file itself.
            place.put(".a.aztec-kit-new", "half");
            assert!(place.tries_remove("a"));
            assert_eq!(place.names("").unwrap(), [""; 0]);
        },
    ),
    ("a directory is made once, and not over anything", |place| {
        place.mkdir("d");
        assert!(!place.tries_mkdir("d", 0o700));
        assert_eq!(place.mode("d"), 0o755);
        place.put("a", "x");
        assert!(!place.tries_mkdir("a", 0o755));
        place.link("l", "nowhere");
        assert!(!place.tries_mkdir("l", 0o755));
    }),
    ("owning changes the mode and not the content", |place| {
        place.put("a", "x");
        let before = place.host.meta(&place.at("a")).unwrap().unwrap();
        assert!(place.tries_own("a", 0o640));
        let after = place.host.meta(&place.at("a")).unwrap().unwrap();
        assert_eq!((after.mode, after.size), (0o640, 1));
        assert_eq!(after.modified_us, before.modified_us);
        assert_eq!(after.inode, before.inode);
        place.mkdir("d");
        assert!(place.tries_own("d", 0o700));
        assert_eq!(place.mode("d"), 0o700);
    }),
    ("owning does not follow a link", |place| {
        place.put("target", "x");
        place.link("a", "target");
        assert!(!place.tries_own("a", 0o777));
        assert_eq!(place.mode("target"), 0o644);
        assert!(!place.tries_own("absent", 0o644));
    }),
    ("reading follows links, looking does not", |place| {
        place.put("target", "text");
        place.link("a", "target");
        place.link("b", "a");
        assert_eq!(place.text("b"), "text");
        assert_eq!(place.kind("b"), Some(FileType::Symlink));
        assert_eq!(
            place.host.link(&place.at("b")).unwrap(),
            Some(PathBuf::from("a"))
        );
        assert_eq!(place.host.link(&place.at("target")).unwrap(), None);
        assert_eq!(place.host.link(&place.at("absent")).unwrap(), None);
        place.link("dangling", "nowhere");
        assert_eq!(place.read("dangling"), Some(None));
        assert_eq!(place.read("absent"), Some(None));
        place.link("round", "round");
        assert_eq!(place.read("round"), None, "a circle is not an absence");
    }),
    ("links on the way are followed", |place| {
        place.mkdir("d");
        place.mkdir("d/e");
        place.put("d/e/a", "x");
        place.link("short", "d/e");
        let whole = place.at("d").display().to_string();
        place.link("long", &whole);
        assert_eq!(place.text("short/a"), "x");
        assert_eq!(place.text("long/e/a"), "x");
        assert_eq!(place.text("short/../e/a"), "x");
        assert_eq!(place.names("short").unwrap(), ["a"]);
        assert_eq!(place.kind("short/a"), Some(FileType::File));
        place.put("short/b", "y");
        assert_eq!(place.text("d/e/b"), "y");
        assert!(place.tries_remove("short/b"));
        assert_eq!(place.names("d/e").unwrap(), ["a"]);
    }),
    (
        "nothing is changed along a link that another account can set",
        |place| {
            place.mkdir("roots");
            place.put("roots/a", "x");
            place.mkdir("theirs");
            let whole = place.at("roots").display().to_string();
            // A link that root created in a directory of the other account, and one below a directory that belongs to
            // it.
            place.link("theirs/long", &whole);
            place.link("theirs/short", "../roots");
            place.mkdir("theirs/real");
            if !place.tries_give("theirs") {
                return;
            }
            for way in ["theirs/long", "theirs/short", "theirs/short/../theirs/long"] {
                let at = |name: &str| format!("{way}/{name}");
                assert!(!place.tries_put(&at("a"), "y", 0o755), "{way}");
                assert!(!place.tries_put_new(&at("b"), "y"), "{way}");
                assert!(!place.tries_mkdir(&at("b"), 0o755), "{way}");
                assert!(!place.tries_link(&at("b"), "a"), "{way}");
                assert!(!place.tries_own(&at("a"), 0o777), "{way}");
                assert!(!place.tries_rename(&at("a"), "here"), "{way}");
                assert!(!place.tries_rename("roots/a", &at("b")), "{way}");
                assert!(!place.tries_remove(&at("a")), "{way}");
                assert!(!place.tries_remove_tree(&at("a")), "{way}");
            }
            assert_eq!(place.names("roots").unwrap(), ["a"]);
            assert_eq!(
                (place.text("roots/a").as_str(), place.mode("roots/a")),
                ("x", 0o644)
            );
            // A directory of the other account is written to, and a link of it is replaced.
            assert!(place.tries_put("theirs/real/a", "z", 0o644));
            assert!(place.tries_put("theirs/long", "z", 0o644));
            assert_eq!(place.kind("theirs/long"), Some(FileType::File));
            assert!(place.tries_remove("theirs/short"));
            assert!(place.tries_remove_tree("theirs/real"));
        },
    ),
    ("a directory cannot be read, nor a file listed", |place| {
        place.mkdir("d");
        assert_eq!(place.read("d"), None);
        place.put("a", "x");
        assert_eq!(place.names("a"), None);
        assert_eq!(place.names("absent"), None);
        // A path below a file does not exist.
        assert_eq!(place.read("a/b"), Some(None));
        assert_eq!(place.kind("a/b"), None);
    }),
    (
        "names come sorted, and only those of the directory",
        |place| {
            place.mkdir("d");
            for name in ["b", "a-", "a", ".hidden", "Z", "é"] {
                place.put(&format!("d/{name}"), "x");
            }
            place.mkdir("d/c");
            place.put("d/c/below", "x");
            place.put("dd", "x");
            let names = [".hidden", "Z", "a", "a-", "b", "c", "é"];
            assert_eq!(place.names("d").unwrap(), names);
        },
    ),
    ("a renamed file replaces a file", |place| {
        place.put("a", "one");
        place.put("b", "two");
        assert!(place.tries_rename("a", "b"));
        assert_eq!((place.text("b").as_str(), place.kind("a")), ("one", None));
        assert!(place.tries_rename("b", "b"));
        assert_eq!(place.text("b"), "one");
        place.link("l", "b");
        assert!(place.tries_rename("l", "m"));
        assert_eq!(place.kind("m"), Some(FileType::Symlink));
    }),
    (
        "a renamed directory takes all along, over an empty one",
        |place| {
            place.mkdir("d");
            place.mkdir("d/e");
            place.put("d/e/a", "x");
            place.mkdir("to");
            assert!(place.tries_rename("d", "to"));
            assert_eq!(place.text("to/e/a"), "x");
            assert_eq!(place.names("").unwrap(), ["to"]);
        },
    ),
    ("a rename that cannot be is refused", |place| {
        place.mkdir("d");
        place.put("d/a", "x");
        place.mkdir("full");
        place.put("full/b", "y");
        place.put("file", "z");
        assert!(!place.tries_rename("absent", "x"));
        assert!(!place.tries_rename("d", "full"));
        assert!(!place.tries_rename("d", "file"));
        assert!(!place.tries_rename("file", "d"));
        assert!(!place.tries_rename("file", "no/x"));
        assert!(!place.tries_rename("d", "d/in"));
        assert_eq!(place.names("full").unwrap(), ["b"]);
        assert_eq!(place.text("d/a"), "x");
    }),
    ("one thing is removed, and absence is fine", |place| {
        place.put("a", "x");
        place.link("l", "a");
        assert!(place.tries_remove("l"));
        assert_eq!(place.text("a"), "x", "the link and not its target");
        assert!(place.tries_remove("a") && place.tries_remove("a"));
        assert!(place.tries_remove("a/b"));
        place.mkdir("d");
        assert!(place.tries_remove("d"));
        assert_eq!(place.names("").unwrap(), [""; 0]);
    }),
    ("a directory that is not empty is not removed", |place| {
        place.mkdir("d");
        place.put("d/a", "x");
        assert!(!place.tries_remove("d"));
        assert_eq!(place.text("d/a"), "x");
    }),
    (
        "a tree is removed whole, and nothing that it links to",
        |place| {
            place.put("outside", "kept");
            place.mkdir("d");
            place.mkdir("d/e");
            place.put("d/e/a", "x");
            place.link("d/l", "../outside");
            place.put("d-beside", "kept");
            assert!(place.tries_remove_tree("d") && place.tries_remove_tree("d"));
            assert_eq!(place.names("").unwrap(), ["d-beside", "outside"]);
            place.link("l", "outside");
            assert!(place.tries_remove_tree("l"));
            assert_eq!(place.text("outside"), "kept");
            // Anything in the place of a tree is removed, whatever its type.
            assert!(place.tries_remove_tree("outside"));
            assert_eq!(place.kind("outside"), None);
        },
    ),
    ("what is held is there", |place| {
        place.mkdir("d");
        let held = place.host.hold(&place.at("d"));
        assert!(held.is_ok() && place.host.hold(&place.at("absent")).is_err());
    }),
    ("a kernel that has no such setting says so", |place| {
        place.put("setting", "1\n");
        let (there, absent) = (place.at("setting"), place.at("absent"));
        place.host.set_kernel(&there, "2").unwrap();
        assert_eq!(place.text("setting").trim(), "2");
        assert!(place.host.set_kernel(&absent, "2").is_err());
        assert_eq!(place.kind("absent"), None);
    }),
];

/// The user of this test, from a file that it creates.
fn me(dir: &Path) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    let meta = fs::metadata(dir).unwrap();
    (meta.uid(), meta.gid())
}

#[test]
fn the_host_in_memory_keeps_the_contract() {
    for (name, statement) in STATEMENTS {
        println!("{name}");
        let mut host = FakeHost::debian();
        host.plant("/opt/contract", FileType::Directory, b"", 0o755);
        statement(&mut Place {
            host: &mut host,
            dir: "/opt/contract".into(),
            me: (0, 0),
        });
    }
}

#[test]
fn the_real_host_keeps_the_contract() {
    for (name, statement) in STATEMENTS {
        println!("{name}");
        let (dir, run) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut session = session(run.path());
        statement(&mut Place {
            host: session.host_mut(),
            dir: dir.path().to_owned(),
            me: me(dir.path()),
        });
    }
}

/// Nothing else can change the real host, neither here nor elsewhere.
fn session(run: &Path) -> Session {
    let access = Access::here(Paths {
        state: run.join("state"),
        lock: run.join("lock"),
    });
    access.begin(&mut |_| {}).unwrap()
}

const FULL: &str = "KIT_TEST_FULL_DISK";

/// A file that finds no space leaves nothing behind. This runs in a process of its own: a limit on the size of files
/// tears a write as a full disk does.
#[test]
fn a_file_that_finds_no_space_leaves_nothing() {
    let name = "a_file_that_finds_no_space_leaves_nothing";
    if let Some(dir) = std::env::var_os(FULL) {
        return full(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' XFSZ; ulimit -S -f 2; exec \"$0\" --exact --quiet \"$1\"";
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(FULL, dir.path())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert_eq!(fs::read(dir.path().join("kept")).unwrap(), b"as it was");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "left behind");
}

fn full(dir: &Path) {
    let me = me(dir);
    let run = tempfile::tempdir().unwrap();
    let mut session = session(run.path());
    let mut place = Place {
        host: session.host_mut(),
        dir: dir.to_owned(),
        me,
    };
    place.put("kept", "as it was");
    let large = "x".repeat(1 << 20);
    assert!(!place.tries_put("kept", &large, 0o644));
    assert!(!place.tries_put_new("new", &large));
}

#[test]
fn a_pipe_or_a_device_instead_of_a_file_does_not_block() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("authorized_keys");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let endless = dir.path().join("endless");
    std::os::unix::fs::symlink("/dev/zero", &endless).unwrap();
    for path in [&pipe, &endless] {
        let why = RealHost.read(path).unwrap_err().chain();
        assert!(why.contains("not a regular file"), "{why}");
    }
}
