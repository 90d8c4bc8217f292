//! The tables of roles in `kit.toml`. [`Role`] defines the tables and the keys of each.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use crate::names::Role;

/// The table of a role as written.
#[derive(Debug, Clone, Default)]
pub struct RoleFile {
    /// Whether this host has the role.
    pub enabled: Option<bool>,
    /// The number of agents; by default as many as cores and memory allow.
    pub agents: Option<u32>,
    /// The URL of the broker of the agents.
    pub broker_url: Option<SecretString>,
}

/// Tables of roles by their role.
pub type RoleFiles = BTreeMap<Role, RoleFile>;

/// Reads a `T` from a map that has tables of roles among its keys; `T` gets the others.
///
/// # Errors
///
/// Those of the reader. A key that is neither a role nor a field of `T` is refused with a list of the known ones.
pub(super) fn beside_roles<'de, T, D>(deserializer: D) -> Result<(T, RoleFiles), D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let mut roles = RoleFiles::new();
    let rest = T::deserialize(Outer {
        inner: deserializer,
        roles: &mut roles,
    })?;
    Ok((rest, roles))
}

/// Passes the keys that are not tables of roles to a struct.
struct Outer<'a, D> {
    inner: D,
    roles: &'a mut RoleFiles,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Outer<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Split {
            inner: visitor,
            fields,
            roles: self.roles,
        };
        self.inner.deserialize_struct(name, fields, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

/// The visitor of that struct, and its map with only its own fields.
struct Split<'a, I> {
    inner: I,
    fields: &'static [&'static str],
    roles: &'a mut RoleFiles,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Split<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Split {
            inner: map,
            fields: self.fields,
            roles: self.roles,
        })
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Split<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        mut seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        loop {
            let key = Key {
                seed,
                fields: self.fields,
            };
            match self.inner.next_key_seed(key)? {
                None => return Ok(None),
                Some(Read::Other(key)) => return Ok(Some(key)),
                Some(Read::Role(role, unused)) => {
                    let file = self.inner.next_value_seed(Table(role))?;
                    self.roles.insert(role, file);
                    seed = unused;
                }
            }
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(seed)
    }
}

/// A key of the map, read in place so that an error has a position.
struct Key<K> {
    seed: K,
    fields: &'static [&'static str],
}

/// The result: the table of a role with the seed for the next key, or a field.
enum Read<K, V> {
    Role(Role, K),
    Other(V),
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<K> {
    type Value = Read<K, K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let key = String::deserialize(deserializer)?;
        if let Some(role) = Role::of_table(&key) {
            return Ok(Read::Role(role, self.seed));
        }
        if !self.fields.contains(&key.as_str()) {
            let tables = Role::all().map(|role| role.spec().table);
            let known: Vec<_> = self.fields.iter().copied().chain(tables).collect();
            return Err(unknown(&key, &known));
        }
        let key = StringDeserializer::<D::Error>::new(key);
        self.seed.deserialize(key).map(Read::Other)
    }
}

/// The error in the words of serde, whose own function takes only a static list.
pub(super) fn unknown<E: Error>(key: &str, known: &[&str]) -> E {
    let known: Vec<_> = known.iter().map(|key| format!("`{key}`")).collect();
    E::custom(format!(
        "unknown field `{key}`, expected one of {}",
        known.join(", ")
    ))
}

/// The table of one role, with the keys that it has.
struct Table(Role);

impl<'de> DeserializeSeed<'de> for Table {
    type Value = RoleFile;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RoleFile, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Table {
    type Value = RoleFile;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RoleFile, A::Error> {
        let known = [&["enabled"], self.0.spec().keys].concat();
        let mut file = RoleFile::default();
        while let Some(key) = map.next_key_seed(Known(&known))? {
            match key {
                "agents" => file.agents = Some(map.next_value()?),
                "broker_url" => file.broker_url = Some(map.next_value()?),
                _ => file.enabled = Some(map.next_value()?),
            }
        }
        Ok(file)
    }
}

/// A key that must be one of these.
pub(super) struct Known<'a>(pub &'a [&'static str]);

impl<'de> DeserializeSeed<'de> for Known<'_> {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        let key = String::deserialize(deserializer)?;
        let known = self.0.iter().find(|known| **known == key);
        known.copied().ok_or_else(|| unknown(&key, self.0))
    }
}
