//! A system user that nobody can log in as.

use serde::{Deserialize, Serialize};

use super::Accounts;
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::Order;

/// A system user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Primary group, which must exist.
    pub group: String,
    /// Home directory; it is not made here.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// The fields of a user, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    group: String,
    home: String,
    shell: String,
}

impl Fields {
    fn named(&self) -> [(&'static str, &str); 3] {
        [
            ("group", &self.group),
            ("home", &self.home),
            ("shell", &self.shell),
        ]
    }
}

impl User {
    fn wanted(&self) -> Fields {
        Fields {
            group: self.group.clone(),
            home: self.home.clone(),
            shell: self.shell.clone(),
        }
    }

    fn modify(&self, fields: &Fields, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        cx.hands.run(&Order::new([
            "usermod",
            "--gid",
            &fields.group,
            "--home",
            &fields.home,
            "--shell",
            &fields.shell,
            &self.name,
        ]))
    }
}

impl Kind for User {
    type Seen = Option<Fields>;
    type Prior = Option<Fields>;

    fn id(&self) -> ResourceId {
        ResourceId::new("user", &self.name)
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Self::Seen, Fault> {
        let accounts = Accounts::read(cx.probe)?;
        let user = accounts.users.iter().find(|user| user.name == self.name);
        Ok(user.map(|user| Fields {
            group: accounts.group_name(user.gid),
            home: user.home.clone(),
            shell: user.shell.clone(),
        }))
    }

    fn diff(&self, seen: &Self::Seen) -> Diff {
        let wanted = self.wanted();
        let has = seen.as_ref().map(Fields::named);
        let changes = wanted
            .named()
            .into_iter()
            .enumerate()
            .map(|(at, (field, to))| {
                let from = has.map_or(Shown::Nothing, |has| Shown::text(has[at].1));
                (field, from, Shown::text(to))
            })
            .filter(|(_, from, to)| from != to)
            .map(|(field, from, to)| Change::field(field, from, to))
            .collect();
        Diff::of(changes, || {
            "exists with group, home and shell as wanted".into()
        })
    }

    fn prior(&self, seen: &Self::Seen) -> Self::Prior {
        seen.clone()
    }

    fn absent(&self, seen: &Self::Seen) -> bool {
        seen.is_none()
    }

    fn apply(&self, seen: &Self::Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if seen.is_some() {
            return self.modify(&self.wanted(), cx);
        }
        cx.hands.run(&Order::new([
            "useradd",
            "--system",
            "--gid",
            &self.group,
            "--home-dir",
            &self.home,
            "--no-create-home",
            "--shell",
            &self.shell,
            &self.name,
        ]))
    }

    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let seen = self.observe(&Cx::of(cx.hands.probe()))?;
        match (prior, seen) {
            (_, None) => {}
            (Some(prior), Some(_)) => self.modify(prior, cx)?,
            (None, Some(_)) => {
                cx.hands.run(&Order::new(["userdel", &self.name]))?;
            }
        }
        Ok(Reverted::Restored)
    }
}
