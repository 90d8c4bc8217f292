//! Owners by name: specifications never contain numeric ids.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Fault;
use crate::engine::{Change, Shown};
use crate::host::{FileType, Meta, Probe};
use crate::tools::accounts::{self, Group, User};

/// User, group and permission bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// User name.
    pub user: String,
    /// Group name.
    pub group: String,
    /// Permission bits, for example `0o640`.
    pub mode: u32,
}

impl Owner {
    /// An owner with its mode.
    pub fn new(user: &str, group: &str, mode: u32) -> Self {
        Self {
            user: user.into(),
            group: group.into(),
            mode,
        }
    }

    /// `root:root` with a mode.
    pub fn root(mode: u32) -> Self {
        Self::new("root", "root", mode)
    }

    /// The drift of owner, group and mode.
    pub fn diff(&self, meta: &Meta, accounts: &Accounts) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut compare = |field: &str, from: String, to: String| {
            if from != to {
                changes.push(Change::field(field, Shown::Text(from), Shown::Text(to)));
            }
        };
        compare("owner", accounts.user_name(meta.uid), self.user.clone());
        compare("group", accounts.group_name(meta.gid), self.group.clone());
        compare("mode", octal(meta.mode), octal(self.mode));
        changes
    }

    /// The fields of something that does not exist yet.
    pub fn to_create(&self) -> Vec<Change> {
        [
            ("owner", self.user.clone()),
            ("group", self.group.clone()),
            ("mode", octal(self.mode)),
        ]
        .map(|(field, value)| Change::field(field, Shown::Nothing, Shown::Text(value)))
        .into()
    }
}

fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

/// The accounts of a host at one moment.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// `/etc/passwd`.
    pub users: Vec<User>,
    /// `/etc/group`.
    pub groups: Vec<Group>,
}

impl Accounts {
    /// Reads both files.
    pub fn read(probe: &dyn Probe) -> Result<Self, Fault> {
        let text = |path: &str| probe.text(Path::new(path)).map(Option::unwrap_or_default);
        Ok(Self {
            users: accounts::users(&text("/etc/passwd")?),
            groups: accounts::groups(&text("/etc/group")?),
        })
    }

    /// The id that owns a home directory, or files of its group in it, and that no user has. An account that is created
    /// again gets this id, and so owns its files again.
    pub fn orphaned(&self, home: &Path, probe: &dyn Probe) -> Result<Option<u32>, Fault> {
        let Some(meta) = probe.meta(home)? else {
            return Ok(None);
        };
        let nameless = |uid: u32| self.users.iter().all(|user| user.uid != uid);
        if nameless(meta.uid) {
            return Ok(Some(meta.uid));
        }
        // root owns a home in which its account must not write; its group is that of the account.
        let shared = |meta: &Meta| meta.uid == 0 && meta.gid != 0;
        let group = meta.gid;
        let mut homes = Vec::new();
        if shared(&meta) {
            homes.push(home.to_owned());
        }
        while let Some(home) = homes.pop() {
            for name in probe.list(&home)?.unwrap_or_default() {
                let path = home.join(name);
                let Some(meta) = probe
                    .meta(&path)?
                    .filter(|meta| meta.file_type == FileType::Directory && meta.gid == group)
                else {
                    continue;
                };
                if nameless(meta.uid) {
                    return Ok(Some(meta.uid));
                }
                if shared(&meta) {
                    homes.push(path);
                }
            }
        }
        Ok(None)
    }

    /// The name of a user id, or the id itself if it has none.
    pub fn user_name(&self, uid: u32) -> String {
        let user = self.users.iter().find(|user| user.uid == uid);
        user.map_or_else(|| uid.to_string(), |user| user.name.clone())
    }

    /// The name of a group id, or the id itself if it has none.
    pub fn group_name(&self, gid: u32) -> String {
        let group = self.groups.iter().find(|group| group.gid == gid);
        group.map_or_else(|| gid.to_string(), |group| group.name.clone())
    }

    /// The ids of an owner.
    pub fn ids(&self, owner: &Owner) -> Result<(u32, u32), Fault> {
        let user = self.users.iter().find(|user| user.name == owner.user);
        let group = self.groups.iter().find(|group| group.name == owner.group);
        match (user, group) {
            (Some(user), Some(group)) => Ok((user.uid, group.gid)),
            (None, _) => Err(Fault::new(format!(
                "the user `{}` does not exist",
                owner.user
            ))),
            (_, None) => Err(Fault::new(format!(
                "the group `{}` does not exist",
                owner.group
            ))),
        }
    }
}
