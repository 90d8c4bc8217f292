//! A small npm: it resolves nothing and unpacks the same tree every time.

use super::{FakeHost, FileType, Order, Output};

impl FakeHost {
    pub(super) fn npm(&mut self, order: &Order) -> Output {
        let dir = order.dir.clone().unwrap_or_default();
        let at = |name: &str| dir.join(name).display().to_string();
        if order.argv.contains(&"--package-lock-only".to_owned()) {
            self.plant(
                &at("package-lock.json"),
                FileType::File,
                b"{\"resolved\":true}",
                0o644,
            );
            return Output::default();
        }
        for name in ["node_modules", "node_modules/app", "node_modules/other"] {
            self.plant(&at(name), FileType::Directory, b"", 0o755);
        }
        self.plant(&at("node_modules/app/main"), FileType::File, b"run", 0o755);
        Output::default()
    }
}
