//! Whether the account that services run as already belongs to somebody else.

use provision::Fault;
use provision::host::Probe;
use provision::kinds::Accounts;

use crate::checks::finding::{Finding, failed};
use crate::checks::topic::Topic;
use crate::roles::base;
use crate::settings::Settings;

/// A person who logs in with that account would be locked out. Members of its group could read the files of the
/// services.
pub(super) fn account(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let accounts = Accounts::read(probe)?;
    let (group, user) = base::accounts(settings);
    let obstacles = [group.obstacle(&accounts), user.obstacle(&accounts)];
    let obstacles = obstacles.iter().flatten();
    Ok(obstacles
        .map(|fault| failed(Topic::Account, fault))
        .collect())
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::Severity;

    fn messages(passwd: &str, group: &str) -> String {
        let mut host = FakeHost::debian();
        host.plant("/etc/passwd", FileType::File, passwd.as_bytes(), 0o644);
        host.plant("/etc/group", FileType::File, group.as_bytes(), 0o644);
        let settings = Settings::parse("network = \"local\"\n").unwrap();
        let findings = account(&settings, &host).unwrap();
        assert!(findings.iter().all(|it| it.severity == Severity::Fail));
        let messages = findings.into_iter().map(|it| it.text());
        messages.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn somebodys_account_is_not_taken() {
        let service = "aztec:x:998:997::/var/lib/aztec:/usr/sbin/nologin\n";
        let group = "aztec:x:997:\n";
        for (passwd, group, why) in [
            ("", "", ""),
            (service, group, ""),
            (
                &service.replace("/usr/sbin/nologin", "/bin/false"),
                group,
                "",
            ),
            (
                &service.replace("998", "1000"),
                group,
                "user id of a person (1000)",
            ),
            (&service.replace("998", "0"), group, "the user id of root"),
            (
                &service.replace("/usr/sbin/nologin", "/bin/bash"),
                group,
                "login shell (/bin/bash)",
            ),
            (
                service,
                "aztec:x:997:\nsudo:x:27:bob,aztec\n",
                "in the group sudo",
            ),
            (
                service,
                "aztec:x:997:aztec,bob\n",
                "bob is in the group aztec",
            ),
        ] {
            let messages = messages(passwd, group);
            assert_eq!(
                messages.is_empty(),
                why.is_empty(),
                "{passwd}{group}: {messages}"
            );
            assert!(messages.contains(why), "{messages}");
        }
    }
}
