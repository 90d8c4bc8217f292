//! The programs of passwd on a host in memory: they edit the files of the real ones.

use super::host::FakeHost;
use super::output::failed;
use crate::host::Output;

/// The parsed files. They are parsed here independently, so that a bug of the real parser is not repeated.
struct Accounts {
    users: Vec<Account>,
    groups: Vec<Account>,
}

/// A user with its primary group, or a group with its id in both fields.
struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

/// The lines of an account file with that many numbers after name and password.
fn lines(text: &str, numbers: usize) -> Vec<Account> {
    let number = |field: Option<&&str>| field.and_then(|field| field.parse().ok());
    let accounts = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        Some(Account {
            name: fields[0].to_owned(),
            uid: number(fields.get(2))?,
            gid: number(fields.get(1 + numbers))?,
        })
    });
    accounts.collect()
}

impl FakeHost {
    fn accounts(&self) -> Accounts {
        let text = |path: &str| self.text(path).unwrap_or_default();
        Accounts {
            users: lines(&text("/etc/passwd"), 2),
            groups: lines(&text("/etc/group"), 1),
        }
    }

    /// The ids of a user and a group, given by name or by number.
    pub(super) fn ids(&self, user: &str, group: &str) -> Option<(u32, u32)> {
        let accounts = self.accounts();
        let users = accounts.users.iter();
        let user_id = users.filter(|it| it.name == user).map(|it| it.uid).next();
        let groups = accounts.groups.iter();
        let group_id = groups.filter(|it| it.name == group).map(|it| it.gid).next();
        Some((
            user_id.or_else(|| user.parse().ok())?,
            group_id.or_else(|| group.parse().ok())?,
        ))
    }

    pub(super) fn account(&mut self, argv: &[&str]) -> Output {
        let accounts = self.accounts();
        let option = |name: &str| {
            let at = argv.iter().position(|argument| *argument == name)?;
            argv.get(at + 1).map(|value| (*value).to_owned())
        };
        let name = argv.last().copied().unwrap_or_default().to_owned();
        let free = (100..).find(|id| {
            accounts.users.iter().all(|user| user.uid != *id)
                && accounts.groups.iter().all(|group| group.gid != *id)
        });
        let free = free.unwrap_or(100);
        let gid = |group: Option<String>| {
            let found = accounts
                .groups
                .iter()
                .find(|known| Some(&known.name) == group.as_ref());
            found.map(|group| group.gid)
        };
        let without = |text: String, name: &str| -> String {
            let prefix = format!("{name}:");
            text.split_inclusive('\n')
                .filter(|line| !line.starts_with(&prefix))
                .collect()
        };
        match argv[0] {
            "groupadd" => {
                if accounts.groups.iter().any(|group| group.name == name) {
                    return failed(9, "group exists");
                }
                let gid = option("--gid").unwrap_or_else(|| free.to_string());
                self.edit("/etc/group", |text| format!("{text}{name}:x:{gid}:\n"));
            }
            "groupdel" => {
                let group = accounts.groups.iter().find(|group| group.name == name);
                let Some(group) = group else {
                    return failed(6, "no such group");
                };
                if accounts.users.iter().any(|user| user.gid == group.gid) {
                    return failed(8, "it is the primary group of a user");
                }
                self.edit("/etc/group", |text| without(text, &name));
            }
            "userdel" => {
                let user = accounts.users.iter().find(|user| user.name == name);
                let Some(user) = user else {
                    return failed(6, "no such user");
                };
                self.edit("/etc/passwd", |text| without(text, &name));
                // USERGROUPS_ENAB of login.defs(5), which both distributions set.
                let mut others = accounts.users.iter().filter(|other| other.name != name);
                let own = accounts.groups.iter().find(|group| group.name == name);
                let own = own.is_some_and(|group| group.gid == user.gid);
                if own && others.all(|other| other.gid != user.gid) {
                    self.edit("/etc/group", |text| without(text, &name));
                }
            }
            "useradd" | "usermod" => {
                let known = accounts.users.iter().find(|user| user.name == name);
                if (argv[0] == "useradd") == known.is_some() {
                    return failed(9, "user exists or not");
                }
                let Some(gid) = gid(option("--gid")) else {
                    return failed(6, "no such group");
                };
                let given = option("--uid").and_then(|uid| uid.parse().ok());
                let uid = known.map_or(given.unwrap_or(free), |user| user.uid);
                let home = option("--home-dir")
                    .or(option("--home"))
                    .unwrap_or_default();
                let shell = option("--shell").unwrap_or_default();
                self.edit("/etc/passwd", |text| {
                    format!(
                        "{}{name}:x:{uid}:{gid}::{home}:{shell}\n",
                        without(text, &name)
                    )
                });
            }
            _ => return failed(127, "no such program"),
        }
        Output::default()
    }
}
