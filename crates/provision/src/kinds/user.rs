//! A system user without login.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Accounts;
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::Invocation;

/// A system user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Primary group, which must exist.
    pub group: String,
    /// Home directory; it is not created here.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// The first number that adduser(8) and useradd(8) assign to people, on Debian and Ubuntu.
const FIRST_PERSON: u32 = 1000;
/// The suffixes of shells that refuse a login.
const NO_LOGIN: [&str; 2] = ["/nologin", "/false"];

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

/// A user, and the traces of a removed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    fields: Option<Fields>,
    /// The id of a removed one: see [`Accounts::orphaned`].
    orphaned: Option<u32>,
}

impl User {
    fn desired(&self) -> Fields {
        Fields {
            group: self.group.clone(),
            home: self.home.clone(),
            shell: self.shell.clone(),
        }
    }

    /// The reason why a service must not use the account of this name: it has a login, or more rights than a service.
    /// An account that aztec-kit or a package created never looks so.
    pub fn obstacle(&self, accounts: &Accounts) -> Option<Fault> {
        let user = accounts.users.iter().find(|user| user.name == self.name)?;
        let mut groups = accounts.groups.iter().filter(|group| {
            group.name != self.group && group.gid != user.gid && group.members.contains(&self.name)
        });
        let why = if user.uid == 0 {
            "has the user id of root".to_owned()
        } else if user.uid >= FIRST_PERSON {
            format!("has the user id of a person ({})", user.uid)
        } else if !NO_LOGIN.iter().any(|shell| user.shell.ends_with(shell)) {
            format!("has a login shell ({})", user.shell)
        } else {
            format!("is in the group {}", groups.next()?.name)
        };
        let fix = format!(
            "Services will run as `{name}`, which must not have a login. Make sure that you can log in with another \
             account, then rename this one (`usermod --login NEW {name}`, `groupmod --new-name NEW {name}`).",
            name = self.name
        );
        Some(
            Fault::new(format!(
                "the account {} already exists and {why}",
                self.name
            ))
            .fix(fix),
        )
    }

    fn modify(&self, fields: &Fields, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        cx.host_mut
            .run(&Invocation::new([
                "usermod",
                "--gid",
                &fields.group,
                "--home",
                &fields.home,
                "--shell",
                &fields.shell,
                &self.name,
            ]))
            // useradd and usermod exit with 8 when a process uses the account.
            .map_err(|fault| {
                Fault::new(format!("failed to change the account {}", self.name))
                    .fix(
                        "If a process uses it, stop the services, then run the same command again.",
                    )
                    .because(fault)
            })
    }
}

impl Kind for User {
    type Seen = Seen;
    type Prior = Option<Fields>;

    fn id(&self) -> ResourceId {
        ResourceId::new("user", &self.name)
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Self::Seen, Fault> {
        let accounts = Accounts::read(cx.probe)?;
        let user = accounts.users.iter().find(|user| user.name == self.name);
        let orphaned = match user {
            Some(_) => None,
            None => accounts.orphaned(Path::new(&self.home), cx.probe)?,
        };
        Ok(Seen {
            fields: user.map(|user| Fields {
                group: accounts.group_name(user.gid),
                home: user.home.clone(),
                shell: user.shell.clone(),
            }),
            orphaned,
        })
    }

    fn diff(&self, seen: &Self::Seen) -> Diff {
        let desired = self.desired();
        let has = seen.fields.as_ref().map(Fields::named);
        let mut changes: Vec<_> = desired
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
        if let Some(uid) = seen.orphaned {
            let to = Shown::text(format!("{uid}, which owns {}", self.home));
            changes.push(Change::field("id", Shown::Nothing, to));
        }
        Diff::of(changes, || {
            "exists with group, home and shell as configured".into()
        })
    }

    fn prior(&self, seen: &Self::Seen) -> Self::Prior {
        seen.fields.clone()
    }

    fn absent(&self, seen: &Self::Seen) -> bool {
        seen.fields.is_none()
    }

    fn apply(&self, seen: &Self::Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if let Some(obstacle) = self.obstacle(&Accounts::read(cx.host_mut.probe())?) {
            return Err(obstacle);
        }
        if seen.fields.is_some() {
            return self.modify(&self.desired(), cx);
        }
        let uid = seen.orphaned.map(|uid| uid.to_string());
        let mut argv = vec!["useradd", "--system"];
        if let Some(uid) = &uid {
            argv.extend(["--uid", uid]);
        }
        argv.extend([
            "--gid",
            &self.group,
            "--home-dir",
            &self.home,
            "--no-create-home",
            "--shell",
            &self.shell,
            &self.name,
        ]);
        cx.host_mut.run(&Invocation::new(argv))
    }

    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let seen = self.observe(&Cx::of(cx.host_mut.probe()))?;
        match (prior, seen.fields) {
            (_, None) => {}
            (Some(prior), Some(_)) => self.modify(prior, cx)?,
            (None, Some(_)) => {
                cx.host_mut.run(&Invocation::new(["userdel", &self.name]))?;
            }
        }
        Ok(Reverted::Restored)
    }
}
