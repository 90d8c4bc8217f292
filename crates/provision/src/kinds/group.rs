//! A system group.

use serde::{Deserialize, Serialize};

use super::Accounts;
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::Invocation;

/// A system group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    gid: Option<u32>,
    /// The primary group id of the user of the same name, if no group has that id: the group was removed, and files
    /// still have its number.
    orphaned: Option<u32>,
}

impl Group {
    /// The reason why a service must not use the group of this name: its members could read the files of the service.
    pub fn obstacle(&self, accounts: &Accounts) -> Option<Fault> {
        let group = accounts
            .groups
            .iter()
            .find(|group| group.name == self.name)?;
        let mut members = group.members.iter().filter(|name| **name != self.name);
        let member = members.next()?;
        Some(
            Fault::new(format!("{member} is in the group {}", self.name)).fix(format!(
                "The group will be able to read the configuration of the services. Remove {member} from it \
                 (`gpasswd --delete {member} {name}`), or rename the group (`groupmod --new-name NEW {name}`).",
                name = self.name
            )),
        )
    }
}

impl Kind for Group {
    type Seen = Seen;
    type Prior = ();

    fn id(&self) -> ResourceId {
        ResourceId::new("group", &self.name)
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let accounts = Accounts::read(cx.probe)?;
        let gid_of = |name: &str| accounts.groups.iter().find(|group| group.name == name);
        let orphaned = accounts
            .users
            .iter()
            .find(|user| user.name == self.name)
            .map(|user| user.gid)
            .filter(|gid| accounts.groups.iter().all(|group| group.gid != *gid));
        Ok(Seen {
            gid: gid_of(&self.name).map(|group| group.gid),
            orphaned,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        match seen.gid {
            Some(gid) => Diff::InSync(format!("exists with id {gid}")),
            None => Diff::Change(vec![Change::field(
                "group",
                Shown::Nothing,
                Shown::text(&self.name),
            )]),
        }
    }

    fn prior(&self, _: &Seen) {}

    fn absent(&self, seen: &Seen) -> bool {
        seen.gid.is_none()
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let mut argv = vec!["groupadd".to_owned(), "--system".to_owned()];
        if let Some(gid) = seen.orphaned {
            argv.extend(["--gid".to_owned(), gid.to_string()]);
        }
        argv.push(self.name.clone());
        cx.host_mut.run(&Invocation::new(argv))
    }

    fn revert(&self, (): &(), cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let seen = self.observe(&Cx::of(cx.host_mut.probe()))?;
        if seen.gid.is_some() {
            cx.host_mut
                .run(&Invocation::new(["groupdel", &self.name]))?;
        }
        Ok(Reverted::Restored)
    }
}
