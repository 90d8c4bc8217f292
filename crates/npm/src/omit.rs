//! The files of packages that are not unpacked.

/// Patterns of paths, relative to the tree. `*.map` matches every file whose name ends with `.map`. Any other pattern
/// is one file, or one directory with everything in it.
#[derive(Debug, Clone, Default)]
pub struct Omit {
    ends: Vec<String>,
    paths: Vec<String>,
}

impl Omit {
    /// Reads the patterns.
    pub fn new(patterns: &[String]) -> Self {
        let mut omit = Self::default();
        for pattern in patterns {
            match pattern.strip_prefix('*') {
                Some(end) => omit.ends.push(end.to_owned()),
                None => omit.paths.push(pattern.trim_matches('/').to_owned()),
            }
        }
        omit
    }

    /// Whether a file, such as `node_modules/a/b.js`, is left out.
    pub fn covers(&self, path: &str) -> bool {
        self.ends.iter().any(|end| path.ends_with(end.as_str()))
            || self.paths.iter().any(|known| {
                path.strip_prefix(known.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_the_end_of_a_name_or_a_whole_path() {
        let omit = Omit::new(&["*.map".into(), "node_modules/a/build/arm".into()]);
        for path in [
            "node_modules/b/x.js.map",
            "node_modules/a/build/arm",
            "node_modules/a/build/arm/bb",
        ] {
            assert!(omit.covers(path), "{path}");
        }
        for path in [
            "node_modules/b/map",
            "node_modules/a/build/arm64/bb",
            "x/node_modules/a/build/arm",
        ] {
            assert!(!omit.covers(path), "{path}");
        }
    }
}
