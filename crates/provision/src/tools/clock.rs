//! What the clock of a host follows: `chronyc -c tracking` (chronyc(1)) and `timedatectl show` (timedatectl(1)).

use crate::Fault;

/// What chrony says about the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tracking {
    /// Whether the clock follows a source.
    pub synchronized: bool,
    /// How far the clock is from the time of its source, seconds; positive if the clock is slow.
    pub offset: f64,
}

/// The number of fields of `tracking`, and the places of those that are read: chronyc(1) and `process_cmd_tracking` of
/// its client.c.
const FIELDS: usize = 14;
const STRATUM: usize = 2;
const SYSTEM_TIME: usize = 4;
const LEAP_STATUS: usize = 13;
/// The highest stratum of a clock that is synchronized: RFC 5905.
const HIGHEST_STRATUM: u32 = 15;

/// The answer of `chronyc -c tracking`.
///
/// # Errors
///
/// When it is not one line with 14 fields, or when a field that is read is not what it should be.
pub fn tracking(answer: &str) -> Result<Tracking, Fault> {
    let odd = || Fault::new("`chronyc -c tracking` printed something other than 14 fields");
    let mut lines = answer.lines();
    let line = lines.next().ok_or_else(odd)?;
    let fields: Vec<_> = line.split(',').collect();
    if fields.len() != FIELDS || lines.next().is_some() {
        return Err(odd());
    }
    let field = |at: usize| fields.get(at).copied().ok_or_else(odd);
    let stratum: u32 = field(STRATUM)?.parse().map_err(|_| odd())?;
    let offset: f64 = field(SYSTEM_TIME)?.parse().map_err(|_| odd())?;
    if !offset.is_finite() {
        return Err(odd());
    }
    let leap = field(LEAP_STATUS)?;
    if ![
        "Normal",
        "Insert second",
        "Delete second",
        "Not synchronised",
    ]
    .contains(&leap)
    {
        return Err(odd());
    }
    Ok(Tracking {
        synchronized: leap != "Not synchronised" && (1..=HIGHEST_STRATUM).contains(&stratum),
        offset,
    })
}

/// What systemd says about the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeDate {
    /// Whether a service that systemd knows synchronizes the clock.
    pub enabled: bool,
    /// Whether the kernel holds the clock for synchronized. It does so for any program that disciplines the clock.
    pub synchronized: bool,
}

/// The answer of `timedatectl show`.
///
/// # Errors
///
/// When it lacks one of the two properties.
pub fn time_date(answer: &str) -> Result<TimeDate, Fault> {
    let property = |name: &str| {
        let values = answer.lines().filter_map(|line| line.split_once('='));
        let mut values = values.filter(|(key, _)| *key == name);
        match values.next() {
            Some((_, "yes")) => Ok(true),
            Some((_, "no")) => Ok(false),
            _ => Err(Fault::new(format!(
                "`timedatectl show` does not say whether {name} is yes or no"
            ))),
        }
    };
    Ok(TimeDate {
        enabled: property("NTP")?,
        synchronized: property("NTPSynchronized")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the format of chronyc(1), `-c tracking`; not from a running daemon.
    const FOLLOWS: &str = "A29FC87B,162.159.200.123,4,1764543210.123456789,-0.000012345,0.000023456,0.000034567,-7.123,0.001,0.012,0.004567890,0.000987654,64.6,Normal\n";
    /// The same directly after its start, and without any server.
    const FOLLOWS_NOTHING: &str = "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n";

    #[test]
    fn chrony_says_how_far_the_clock_is() {
        let read = tracking(FOLLOWS).unwrap();
        assert!(read.synchronized);
        assert!((read.offset + 0.000_012_345).abs() < 1e-12);
        assert!(!tracking(FOLLOWS_NOTHING).unwrap().synchronized);
    }

    #[test]
    fn nonsense_is_no_answer() {
        let cases = [
            String::new(),
            "506 Cannot talk to daemon\n".into(),
            FOLLOWS.replace(",Normal", ""),
            FOLLOWS.replace("Normal", "Fine"),
            FOLLOWS.replace("-0.000012345", "NaN"),
            FOLLOWS.replace(",4,", ",-4,"),
            FOLLOWS.repeat(2),
        ];
        for answer in cases {
            assert!(tracking(&answer).is_err(), "{answer}");
        }
        for answer in ["", "NTP=yes\n", "NTP=yes\nNTPSynchronized=perhaps\n"] {
            assert!(time_date(answer).is_err(), "{answer}");
        }
    }

    /// In the format of timedatectl(1), `show`.
    #[test]
    fn systemd_says_whether_the_clock_is_synchronized() {
        let answer = "Timezone=Etc/UTC\nLocalRTC=no\nCanNTP=yes\nNTP=yes\nNTPSynchronized=no\nTimeUSec=Mon 2026-11-30 21:00:00 UTC\nRTCTimeUSec=Mon 2026-11-30 21:00:00 UTC\n";
        let read = time_date(answer).unwrap();
        assert_eq!((read.enabled, read.synchronized), (true, false));
    }
}
