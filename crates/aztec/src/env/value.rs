//! Values of variables: public or secret by their type, not by what their names look like.

use std::collections::BTreeMap;

use provision::tools::redact::{self, HIDDEN};
use secrecy::{ExposeSecret, SecretString};

use super::lint::{address, misfit, truth};
use super::log_level::LEVELS;
use crate::data::{Release, Type};

/// Variables by name.
pub(crate) type Variables = BTreeMap<String, Value>;

/// The value of a variable. `Debug` shows what anyone may see.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Anyone may see it: this program made it of nothing secret, or the release says what it looks like.
    Public(String),
    /// URLs, of which scheme, host and port may be seen.
    Urls(SecretString),
    /// All else.
    Secret(SecretString),
}

impl Value {
    /// One that this program makes of nothing secret.
    pub fn public(value: impl ToString) -> Self {
        Self::Public(value.to_string())
    }

    /// URLs with commas between.
    pub fn urls(value: impl Into<SecretString>) -> Self {
        Self::Urls(value.into())
    }

    /// One that nobody sees.
    pub fn secret(value: impl Into<SecretString>) -> Self {
        Self::Secret(value.into())
    }

    /// What an operator writes: secret, unless the release says what the value looks like and it looks so.
    pub fn of_operator(release: &Release, name: &str, value: &SecretString) -> Self {
        match release.may_show(name, value.expose_secret()) {
            true => Self::Public(value.expose_secret().to_owned()),
            false => Self::Secret(value.clone()),
        }
    }

    /// The value itself: never for output.
    pub fn expose(&self) -> &str {
        match self {
            Self::Public(value) => value,
            Self::Urls(value) | Self::Secret(value) => value.expose_secret(),
        }
    }

    /// What may be shown of it under this name: names are a second net.
    pub fn shown(&self, name: &str) -> Option<String> {
        match self {
            _ if redact::is_secret(name) => Some(HIDDEN.to_owned()),
            Self::Public(_) => None,
            Self::Urls(value) => Some(redact::urls_of(value.expose_secret())),
            Self::Secret(_) => Some(HIDDEN.to_owned()),
        }
    }
}

/// A number with more digits may be a key that stands in the wrong line.
const DIGITS: usize = 32;

impl Release {
    /// Whether the value of a variable may be shown: its table knows the variable, and the value is one of a kind that
    /// holds no secret. A text may be anything.
    pub(crate) fn may_show(&self, name: &str, value: &str) -> bool {
        let Some(variable) = self.table().variables.get(name) else {
            return false;
        };
        if variable.secret || redact::is_secret(name) {
            return false;
        }
        if variable.default.as_deref() == Some(value)
            || variable.values.iter().any(|it| it == value)
        {
            return true;
        }
        if !variable.list_of.is_empty() {
            return value
                .split(',')
                .all(|it| variable.list_of.iter().any(|known| known == it));
        }
        match variable.kind {
            Type::Text => false,
            Type::Integer | Type::Number | Type::Bigint => {
                value.len() <= DIGITS && misfit(variable, value).is_none()
            }
            Type::Boolean => truth(value).is_some(),
            Type::Address => address(value),
            // Names of modules are not listed anywhere.
            Type::LogLevel => LEVELS.contains(&value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Releases;

    #[test]
    fn what_an_operator_writes_is_secret_unless_it_is_of_a_kind_that_is_not() {
        let release = Releases::carried().release("4.1.2", None).unwrap();
        for (name, value, shown) in [
            ("ARCHIVER_BATCH_SIZE", "50", true),
            ("ARCHIVER_BATCH_SIZE", "S3CRET", false),
            (
                "ARCHIVER_BATCH_SIZE",
                "123456789012345678901234567890123",
                false,
            ),
            ("AZTEC_MANA_TARGET", "1e18", true),
            (
                "AZTEC_MANA_TARGET",
                "0xac0974bec39a17e36ba4a6b4d238ff944bacb478",
                false,
            ),
            ("BB_SKIP_CLEANUP", "true", true),
            ("BB_SKIP_CLEANUP", "S3CRET", false),
            (
                "COINBASE",
                "0x5FbDB2315678afecb367f032d93F642f64180aa3",
                true,
            ),
            ("COINBASE", "S3CRET", false),
            ("LOG_LEVEL", "debug", true),
            ("LOG_LEVEL", "info; debug:S3CRET", false),
            ("AZTEC_SLASHER_FLAVOR", "empire", true),
            ("AZTEC_SLASHER_FLAVOR", "S3CRET", false),
            ("API_KEY", "1", false),
            ("API_PREFIX", "S3CRET", false),
            ("AZTEC_NODE_URL", "https://h", false),
            ("BOT_PRIVATE_KEY", "0x1", false),
            // The release reads neither.
            ("TZ", "UTC", false),
            ("MY_OWN", "1", false),
        ] {
            assert_eq!(release.may_show(name, value), shown, "{name}={value}");
            let value = Value::of_operator(&release, name, &value.into());
            assert_eq!(value.shown(name).is_none(), shown, "{name}");
            assert!(!format!("{value:?}").contains("S3CRET"));
        }
    }
}
