//! Output of programs (`crates/provision/src/tools`), and the answers of kinds that depend on it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use provision::fuzz;
use provision::host::Output;
use provision::tools::{
    apt, clock, images, iptables, journal, network, nft, redact, scrub::Scrubber, sshd_command,
    systemctl,
};

use super::target::{PLANTED, Target, cut, halves, target, text};

pub(super) const TARGETS: &[Target] = &[
    target!("tools/apt", "crates/provision/src/tools/apt.rs", apt),
    target!("tools/clock", "crates/provision/src/tools/clock.rs", clock_answers),
    target!("tools/images", "crates/provision/src/tools/images.rs", images),
    target!("tools/iptables", "crates/provision/src/tools/iptables.rs", iptables),
    target!("tools/journal", "crates/provision/src/tools/journal.rs", journal),
    target!("tools/nft", "crates/provision/src/tools/nft.rs", nft),
    target!("tools/redact", "crates/provision/src/tools/redact.rs", redact),
    target!("tools/scrub", "crates/provision/src/tools/scrub.rs", scrub),
    target!("tools/sshd_command", "crates/provision/src/tools/sshd_command.rs", sshd_command),
    target!("tools/systemctl", "crates/provision/src/tools/systemctl.rs", systemctl),
    target!("kinds/ssh_ports", "crates/provision/src/kinds/ufw/ssh.rs", ssh_ports,
        b"port 22\nlistenaddress 0.0.0.0:22\nlistenaddress [::]:22\n\0Id=ssh.socket\nActiveState=active\nListen=[::]:22 (Stream)\n\nId=ssh.service\nMainPID=7\n"),
    target!("kinds/aide", "crates/provision/src/kinds/baseline.rs", aide),
    target!("text", "crates/provision/src/text.rs", scrubbed),
];

/// The number of packages to remove matches the summary, or the result is unknown. Messages show no key.
fn apt(bytes: &[u8]) {
    let input = text(bytes);
    let all = apt::removals(&input).ok();
    if let Some(names) = &all {
        assert!(
            names
                .iter()
                .all(|name| !name.is_empty() && !name.contains(char::is_whitespace))
        );
        assert!(names.len() <= input.lines().count());
    }
    if let Ok(names) = apt::removals(cut(&input)) {
        // A second summary belongs to another run.
        assert!(all.is_none_or(|all| all.starts_with(&names)));
    }
    if let Some(value) = apt::setting(&input, "APT::Periodic::Unattended-Upgrade") {
        assert!(!value.contains('\n') && input.contains(value));
    }
    let secret = format!(
        "\nE: The repository 'https://user:{PLANTED}@deb.example/{PLANTED} x' is not signed.\n"
    );
    let output = Output {
        code: 100,
        stderr: input.replace('2', "3") + &secret,
        ..Output::default()
    };
    let complaints = apt::complaints(&output);
    assert!(complaints.iter().all(|line| !line.contains("hunter2")));
    assert!(!complaints.is_empty());
    assert!(apt::held(&Output { code: 0, ..output }).is_none());
}

/// An offset is a number, and a clock follows a source only in words that chrony has. Half an answer is no answer.
fn clock_answers(bytes: &[u8]) {
    let input = text(bytes);
    if let Ok(tracking) = clock::tracking(&input) {
        assert!(tracking.offset.is_finite());
        assert!(!tracking.synchronized || !input.contains("Not synchronised"));
        let half: String = input.chars().take(input.chars().count() / 2).collect();
        assert!(clock::tracking(&half).is_err());
    }
    if let Ok(date) = clock::time_date(&input) {
        assert!(!date.enabled || input.contains("NTP=yes"));
        assert!(!date.synchronized || input.contains("NTPSynchronized=yes"));
    }
}

/// A row has four words, and is the same row after it is printed again. Half a list is not read as another list.
fn images(bytes: &[u8]) {
    let input = text(bytes);
    let parsed = images::parse(&input);
    if let Ok(rows) = &parsed {
        let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "<none>".into());
        let line = |row: &images::Row| {
            // The name may have begun with the prefix twice.
            format!(
                "docker.io/{} {} {} {}\n",
                row.repository,
                word(&row.tag),
                word(&row.digest),
                row.id
            )
        };
        let printed: String = rows.iter().map(line).collect();
        assert_eq!(images::parse(&printed).unwrap(), *rows);
        assert_eq!(
            rows[..images::parse(cut(&input)).unwrap().len()],
            images::parse(cut(&input)).unwrap()
        );
    }
}

/// Every rule is shown with its own words, every followed chain ends, and every forwarded connection has an address.
fn iptables(bytes: &[u8]) {
    let input = text(bytes);
    let filter = iptables::Filter::parse(&input);
    for (chain, rules) in &filter.chains {
        assert!(rules.len() <= input.lines().count());
        for rule in rules {
            assert!(rule.shown().len() <= input.len());
            let _ = (
                rule.is_about_everybody(),
                rule.names_ports(),
                filter.jumps(chain, rule.target()),
            );
        }
        let accepting = filter.accepting(chain, "ufw");
        assert!(
            accepting
                .iter()
                .all(|rule| rule.target() == "ACCEPT" && rule.is_about_everybody())
        );
        assert!(accepting.len() <= input.lines().count());
    }
    let shorter = iptables::Filter::parse(cut(&input));
    for (chain, rules) in &shorter.chains {
        assert!(filter.rules(chain).starts_with(rules));
    }
    for passed in iptables::passed(&input) {
        assert!(!passed.to.is_loopback() || input.contains("--to-destination"));
    }
}

/// A text has no colours, and its time is from a line at or before it. Half a log is the beginning of the complete one.
fn journal(bytes: &[u8]) {
    let input = text(bytes);
    if let Ok(entry) = journal::entry(&input) {
        assert!(entry.message.chars().count() <= input.len());
    }
    let Ok(lines) = journal::parse(&input) else {
        return;
    };
    assert!(lines.len() <= input.lines().count());
    for line in &lines {
        assert!(!line.text.contains('\n') && line.text.len() <= input.len());
    }
    assert!(lines.starts_with(&journal::parse(cut(&input)).unwrap()));
    for complaint in aztec::fuzz::heard(&lines) {
        let count = complaint.log.map_or(0, |log| log.count);
        assert!(count >= 1 && count <= lines.len());
    }
}

/// A table is similar to itself, and the tables up to a closed one are the same without the rest.
fn nft(bytes: &[u8]) {
    let input = text(bytes);
    let tables = nft::tables(&input);
    assert!(tables.iter().all(|table| table.is_like(table)));
    let rules = tables
        .iter()
        .flat_map(|table| &table.chains)
        .map(|chain| chain.rules.len());
    assert!(rules.sum::<usize>() <= input.lines().count());
    for chain in tables.iter().flat_map(|table| &table.chains) {
        let _ = (chain.shuts(), chain.filters_input());
    }
    let before = nft::tables(cut(&input));
    assert!(before.len() <= tables.len());
    for (before, after) in before.iter().zip(&tables) {
        assert_eq!(before.name, after.name);
    }
    for passed in nft::passed(&tables) {
        assert!(["tcp", "udp"].contains(&passed.proto.as_str()));
    }
}

/// What is planted is gone, and a scrubbed text stays as it is.
fn scrub(bytes: &[u8]) {
    const ACCOUNT: &str = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    let input = text(bytes);
    let planted = format!("{input} https://hunter2.example/hunter2 203.0.113.77 {ACCOUNT} {input}");
    let scrub = |text: &str| Scrubber::default().scrub(text);
    let shown = scrub(&planted);
    for gone in ["hunter2.example", "203.0.113.77", ACCOUNT] {
        assert!(
            !shown.contains(gone) || input.contains(gone),
            "{gone}: {shown}"
        );
    }
    assert_eq!(scrub(&shown).lines().count(), shown.lines().count());
}

/// The planted part of a URL, or a planted secret value, is not shown, whatever the text around it. A second redaction
/// changes nothing.
fn redact(bytes: &[u8]) {
    let (before, after) = halves(bytes);
    // Without the digit, the text around it cannot contain the word itself.
    let (before, after) = (before.replace('2', "3"), after.replace('2', "3"));
    for planted in [
        format!("https://u:{PLANTED}@h.example/"),
        format!("https://h.example/{PLANTED} "),
        format!("wss://h.example?key={PLANTED} "),
        format!("token = \"{PLANTED}\" "),
        format!("api_key = '{PLANTED}' "),
        format!("\"password\": \"{PLANTED}\", "),
        format!("secrets = [\"a\", \"{PLANTED}\"] "),
    ] {
        let text = format!("{before}\n{planted}{after}");
        let shown = redact::secrets(&text);
        assert!(!shown.contains("hunter2"), "{text:?} is shown as {shown:?}");
        assert!(shown.len() <= 2 * text.len() + 16);
    }
    let item = before.replace(',', "");
    let listed = format!("{item},https://u:{PLANTED}@h/{PLANTED}?{PLANTED},{PLANTED}");
    assert!(!redact::urls_of(&listed).contains("hunter2") || item.contains("file:"));
}

/// There are as many words as options and their values, each of them in the command line.
fn sshd_command(bytes: &[u8]) {
    let options = sshd_command::options(bytes);
    let input = text(bytes);
    let mut words = options.iter();
    while let Some(flag) = words.next() {
        let (dash, letter) = flag.split_at(1);
        assert!(dash == "-" && "cfhop46".contains(letter), "{flag:?}");
        if !["4", "6"].contains(&letter) {
            let value = words.next().expect("a value behind its option");
            assert!(input.contains(value.as_str()));
        }
    }
}

/// Every named unit has its state, or there is no answer. Half an answer is not an answer.
fn systemctl(bytes: &[u8]) {
    let input = text(bytes);
    for names in [
        &["a.timer"][..],
        &["a.service"],
        &["a.service", "b.service"],
    ] {
        let names: BTreeSet<String> = names.iter().map(|name| (*name).into()).collect();
        let Ok(states) = systemctl::states(&input, &names) else {
            continue;
        };
        assert!(states.keys().eq(&names));
        for state in states.values() {
            assert!(!state.load.is_empty() && !state.active.is_empty());
            let _ = (state.runs(), state.ended());
        }
        if let Ok(before) = systemctl::states(cut(&input), &names) {
            // Properties that not every unit has may be missing from the shorter output.
            for (name, before) in before {
                let after = &states[&name];
                assert_eq!(
                    (before.active, before.load, before.sub),
                    (after.active.clone(), after.load.clone(), after.sub.clone())
                );
                assert_eq!(before.unmet, after.unmet);
            }
        }
    }
    if let Some(condition) = systemctl::unmet_condition(&input) {
        assert!(input.contains(condition));
    }
}

/// Every reported port is in the output of the program.
fn ssh_ports(bytes: &[u8]) {
    let (effective, shown) = halves(bytes);
    let [sshd, socket] = fuzz::ssh_ports(&effective, &shown);
    // A number can be written with a sign or with leading zeros.
    assert!(
        sshd.iter()
            .all(|port| effective.contains(&port.to_string()))
    );
    assert!(socket.iter().all(|port| shown.contains(&port.to_string())));
    for line in effective.lines() {
        let _ = network::holds(line, IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
}

/// A difference is reported, or it is an error.
fn aide(bytes: &[u8]) {
    let report = text(bytes);
    assert!(fuzz::differing(0, &report).unwrap().is_empty());
    for code in [1, 7] {
        assert!(
            fuzz::differing(code, &report).is_ok_and(|paths| !paths.is_empty())
                || fuzz::differing(code, &report).is_err()
        );
    }
}

/// No program output reveals more of a secret than three letters in a row.
fn scrubbed(bytes: &[u8]) {
    let (secret, input) = halves(bytes);
    let mut text = provision::Text::from("password: ");
    text.push_as(&secret, redact::HIDDEN);
    let shown = text.scrubbed(&input);
    if text.is_public() || secret.contains(redact::HIDDEN) {
        return;
    }
    let letters: Vec<_> = secret.chars().collect();
    // A shown URL ends with a slash that it did not have.
    for four in letters.windows(4).filter(|four| !four.contains(&'/')) {
        let four: String = four.iter().collect();
        assert!(
            !shown.contains(&four),
            "{four:?} of {secret:?} is in {shown:?}"
        );
    }
    assert!(!text.shown().contains(&*secret) || "password: …".contains(&*secret));
}
