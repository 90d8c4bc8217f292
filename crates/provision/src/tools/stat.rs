//! The times of the processors: `/proc/stat`, see proc_stat(5).

/// Times of all processors together since boot, in ticks of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// All time.
    pub all: u64,
    /// The time in which the hypervisor ran other guests although this one had work.
    pub stolen: u64,
}

impl Times {
    /// The stolen share of all time in percent; `None` directly after boot.
    pub fn stolen_percent(&self) -> Option<u64> {
        self.stolen.saturating_mul(100).checked_div(self.all)
    }
}

/// The place of the stolen time. The times of guests, which follow it, are already in that of users.
const STEAL: usize = 7;

/// The first line; `None` if it is not what the kernel writes.
pub fn times(stat: &str) -> Option<Times> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields = line.split_ascii_whitespace().take(STEAL + 1);
    let fields: Vec<u64> = fields
        .map(|field| field.parse().ok())
        .collect::<Option<_>>()?;
    let stolen = *fields.get(STEAL)?;
    Some(Times {
        all: fields
            .iter()
            .fold(0, |all, field| all.saturating_add(*field)),
        stolen,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stolen_share_is_that_of_all_time() {
        // In the format of proc_stat(5).
        let stat = "cpu  3168128 397714 696203 942890 11648 0 14628 4202 7 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 1\n";
        let read = times(stat).unwrap();
        assert_eq!((read.all, read.stolen), (5_235_413, 4202));
        assert_eq!(read.stolen_percent(), Some(0));
        let busy = Times {
            all: 200,
            stolen: 15,
        };
        assert_eq!(busy.stolen_percent(), Some(7));
    }

    #[test]
    fn nonsense_is_no_answer() {
        for stat in [
            "",
            "cpu0 1 2 3 4 5 6 7 8\n",
            "cpu  1 2 3\n",
            "cpu  1 2 3 4 5 6 7 many\n",
        ] {
            assert_eq!(times(stat), None, "{stat}");
        }
        assert_eq!(
            times("cpu  0 0 0 0 0 0 0 0\n").unwrap().stolen_percent(),
            None
        );
    }
}
