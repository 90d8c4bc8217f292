//! chown and chmod on a host in memory, as far as the kinds use them: whole trees, by name, without following links.

use std::path::PathBuf;

use super::host::{FakeHost, FakeNode};
use super::output::failed;
use crate::host::{FileType, Output};

/// The bits that `go-w` removes.
const OTHERS_WRITE: u32 = 0o022;

impl FakeHost {
    pub(super) fn chown(&mut self, words: &[&str]) -> Output {
        let owner = words.iter().find_map(|word| word.split_once(':'));
        let ids = owner.and_then(|(user, group)| self.ids(user, group));
        let Some((uid, gid)) = ids else {
            return failed(1, "chown: invalid user or group");
        };
        self.whole_tree(words, |node| (node.uid, node.gid) = (uid, gid))
    }

    pub(super) fn chmod(&mut self, words: &[&str]) -> Output {
        if !words.contains(&"go-w") {
            return failed(1, "chmod: invalid mode");
        }
        self.whole_tree(words, |node| {
            if node.file_type != FileType::Symlink {
                node.mode &= !OTHERS_WRITE;
            }
        })
    }

    /// Changes the last argument and everything below it.
    fn whole_tree(&mut self, words: &[&str], change: impl Fn(&mut FakeNode)) -> Output {
        let top = PathBuf::from(words.last().copied().unwrap_or_default());
        if !words.contains(&"--recursive") || !self.tree.contains_key(&top) {
            return failed(1, "No such file or directory");
        }
        let changed_us = self.tick();
        let nodes = self.tree.iter_mut();
        for (_, node) in nodes.filter(|(path, _)| path.starts_with(&top)) {
            change(node);
            node.changed_us = changed_us;
        }
        Output::default()
    }
}
