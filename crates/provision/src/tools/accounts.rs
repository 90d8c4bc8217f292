//! `/etc/passwd` and `/etc/group`, read as files: passwd(5), group(5).
//!
//! NSS is not used: a static binary cannot load its modules, and system accounts are in the files.

/// One line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Numeric id.
    pub uid: u32,
    /// Numeric id of the primary group.
    pub gid: u32,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// One line of `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Numeric id.
    pub gid: u32,
    /// Members, except for those by primary group.
    pub members: Vec<String>,
}

/// All users; malformed lines (NIS markers) are skipped.
pub fn users(passwd: &str) -> Vec<User> {
    passwd
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            let home = fields.nth(1)?.to_owned();
            let shell = fields.next()?.to_owned();
            Some(User {
                name,
                uid,
                gid,
                home,
                shell,
            })
        })
        .collect()
}

/// All groups; malformed lines are skipped.
pub fn groups(group: &str) -> Vec<Group> {
    group
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let gid = fields.nth(1)?.parse().ok()?;
            let members = fields
                .next()?
                .split(',')
                .filter(|member| !member.is_empty())
                .map(String::from)
                .collect();
            Some(Group { name, gid, members })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_users_and_passes_over_what_is_not_one() {
        let users = users(
            "root:x:0:0:root:/root:/bin/bash\n+::::::\naztec:x:998:997::/var/lib/aztec:/usr/sbin/nologin\n",
        );
        assert_eq!(users.len(), 2);
        assert_eq!((users[1].uid, users[1].gid), (998, 997));
        assert_eq!(users[1].home, "/var/lib/aztec");
        assert_eq!(users[1].shell, "/usr/sbin/nologin");
    }

    #[test]
    fn reads_groups_with_members() {
        let groups = groups("root:x:0:\nadm:x:4:a,b\nbroken\n");
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[1].members, ["a", "b"]);
        assert!(groups[0].members.is_empty());
    }
}
