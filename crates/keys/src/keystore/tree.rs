//! JSON that may contain secrets: every text is wiped on drop, and no name may occur twice in an object.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use zeroize::Zeroizing;

/// A JSON value. It has no debug output.
pub(crate) enum Tree {
    Null,
    Bool,
    Number(f64),
    Text(Zeroizing<String>),
    List(Vec<Tree>),
    Map(Vec<(Zeroizing<String>, Tree)>),
}

impl Tree {
    /// Its type, in words for messages.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "an array",
            Self::Map(_) => "an object",
        }
    }

    /// A field of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Tree> {
        let Self::Map(fields) = self else { return None };
        fields
            .iter()
            .find(|(field, _)| field.as_str() == name)
            .map(|(_, value)| value)
    }

    /// The text, if this is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is one without fraction and sign.
    pub(crate) fn whole_number(&self) -> Option<u64> {
        match self {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the guard leaves whole numbers that both types hold exactly"
            )]
            Self::Number(number) if number.fract() == 0.0 && (0.0..9e15).contains(number) => {
                Some(*number as u64)
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Bool)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Tree, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "JSON numbers are doubles for the node too"
        )]
        Ok(Tree::Number(number as f64))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Tree, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "JSON numbers are doubles for the node too"
        )]
        Ok(Tree::Number(number as f64))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Number(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut fields: Vec<(Zeroizing<String>, Tree)> = Vec::new();
        while let Some(name) = entries.next_key::<String>()? {
            let name = Zeroizing::new(name);
            // Programs differ in which of the two values they use.
            if fields.iter().any(|(field, _)| *field == name) {
                return Err(de::Error::custom("a name occurs twice"));
            }
            let value = entries.next_value()?;
            fields.push((name, value));
        }
        Ok(Tree::Map(fields))
    }
}
