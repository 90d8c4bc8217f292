//! Values of variables. Their type decides whether they are public or secret, not the look of their names.

use std::collections::BTreeMap;

use provision::tools::redact::{self, HIDDEN};
use secrecy::{ExposeSecret, SecretString};

use super::lint::{address, misfit, truth};
use super::log_level::LEVELS;
use crate::data::{Release, Type};

/// Variables by name.
pub(crate) type Variables = BTreeMap<String, Value>;

/// The value of a variable. `Debug` shows only its public parts.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Anyone may see it: aztec-kit computed it from public values, or it matches a type of the release that holds no
    /// secret.
    Public(String),
    /// URLs, of which only scheme, host and port are public.
    Urls(SecretString),
    /// Any other value.
    Secret(SecretString),
}

impl Value {
    /// A value that aztec-kit computes from public values.
    pub fn public(value: impl ToString) -> Self {
        Self::Public(value.to_string())
    }

    /// URLs, separated by commas.
    pub fn urls(value: impl Into<SecretString>) -> Self {
        Self::Urls(value.into())
    }

    /// A value that is never shown.
    pub fn secret(value: impl Into<SecretString>) -> Self {
        Self::Secret(value.into())
    }

    /// A value that an operator writes. It is secret unless it matches a type of the release that holds no secret.
    pub fn of_operator(release: &Release, name: &str, value: &SecretString) -> Self {
        match release.may_show(name, value.expose_secret()) {
            true => Self::Public(value.expose_secret().to_owned()),
            false => Self::Secret(value.clone()),
        }
    }

    /// The value itself; not for output.
    pub fn expose(&self) -> &str {
        match self {
            Self::Public(value) => value,
            Self::Urls(value) | Self::Secret(value) => value.expose_secret(),
        }
    }

    /// The text that replaces it in output; `None` if it is public. The name is a second safeguard.
    pub fn shown(&self, name: &str) -> Option<String> {
        match self {
            _ if redact::is_secret(name) => Some(HIDDEN.to_owned()),
            Self::Public(_) => None,
            Self::Urls(value) => Some(redact::urls_of(value.expose_secret())),
            Self::Secret(_) => Some(HIDDEN.to_owned()),
        }
    }
}

/// A number with more digits may be a key in the wrong line.
const DIGITS: usize = 32;

impl Release {
    /// Whether the value of a variable may be shown: the release reads the variable, and the value is valid for a type that
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
    fn a_value_of_an_operator_is_secret_unless_its_type_holds_no_secret() {
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
