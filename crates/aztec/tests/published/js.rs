//! A parser for as much JavaScript as the packages' tables need. Nothing of it is ever run.

/// A block in braces.
#[derive(Debug)]
pub struct Block<'t> {
    /// The text between them.
    pub text: &'t str,
    /// The same without the inner blocks.
    own: String,
}

/// Every block of a text, inner blocks before outer ones. Braces in strings and comments do not count.
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let bytes = text.as_bytes();
    // For each open block: its start, and its own text up to the end of the last inner block.
    let mut open: Vec<(usize, String, usize)> = Vec::new();
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at += text[at..].find("*/").map_or(text.len() - at, |end| end + 1);
            }
            quote @ (b'\'' | b'"' | b'`') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' => {
                if let Some((_, own, from)) = open.last_mut() {
                    own.push_str(&text[*from..at]);
                }
                open.push((at + 1, String::new(), at + 1));
            }
            b'}' => {
                if let Some((begin, own, from)) = open.pop() {
                    let text = &text[begin..at];
                    let own = own + &text[from - begin..];
                    blocks.push(Block { text, own });
                }
                if let Some((_, _, from)) = open.last_mut() {
                    *from = at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    blocks
}

/// The texts in quotes after a mark, such as `'A'` after `env: `.
pub fn quoted<'t>(text: &'t str, mark: &str) -> Vec<&'t str> {
    let found = text.match_indices(mark).filter_map(|(at, _)| {
        let rest = text[at + mark.len()..].trim_start();
        let quote = rest
            .chars()
            .next()
            .filter(|c| matches!(c, '\'' | '"' | '`'))?;
        rest[1..].split_once(quote).map(|(inner, _)| inner)
    });
    found.collect()
}

/// The words after a mark, which consist of characters of names only.
pub fn words<'t>(text: &'t str, mark: &str) -> Vec<&'t str> {
    let found = text.match_indices(mark).map(|(at, _)| {
        let rest = &text[at + mark.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    });
    found.filter(|word| !word.is_empty()).collect()
}

impl<'t> Block<'t> {
    /// The variable that the block defines, if any.
    pub fn env(&self) -> Option<&str> {
        match quoted(&self.own, "env: ")[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The names that are read if the variable is not set.
    pub fn fallbacks(&self) -> Vec<&str> {
        let Some((_, rest)) = self.own.split_once("fallback: [") else {
            return Vec::new();
        };
        let list = rest.split(']').next().unwrap_or_default();
        let names = list
            .split(',')
            .map(|name| name.trim().trim_matches(['\'', '`']));
        names.filter(|name| !name.is_empty()).collect()
    }

    /// The type of the value, in the words of env.toml; `None` if its parser is a special function, or in another file.
    pub fn kind(&self) -> Option<&'static str> {
        let has = |word: &str| self.text.contains(word);
        let helpers = [
            ("...booleanConfigHelper(", "boolean"),
            ("...bigintConfigHelper(", "bigint"),
            ("...floatConfigHelper(", "number"),
            ("...percentageConfigHelper(", "number"),
            ("...optionalNumberConfigHelper(", "integer"),
            ("...numberConfigHelper(", "integer"),
            ("...enumConfigHelper(", "text"),
            ("...secret", "text"),
        ];
        let parsers = [
            ("split(", "text"),
            ("EthAddress.fromString(", "address"),
            ("BigInt(", "bigint"),
            ("parseInt(", "integer"),
            ("parseFloat(", "number"),
            ("Number(", "number"),
            ("parseBooleanEnv(", "boolean"),
        ];
        let signs: &[_] = if has("parseEnv") || has("parseVal") {
            &parsers
        } else if has("...") {
            &helpers
        } else {
            return Some("text");
        };
        let sign = signs.iter().find(|(sign, _)| has(sign));
        sign.map(|(_, kind)| *kind)
    }

    /// The default, if the block contains it as a literal, in the form of env.toml.
    pub fn default(&self) -> Option<String> {
        let helper = self.own.split_once("ConfigHelper(").map(|(_, rest)| rest);
        let given = match helper {
            Some(rest) if !self.own.contains("enumConfigHelper(") => rest.split([')', ',']).next(),
            _ => {
                let rest = self.own.split_once("defaultValue: ").map(|(_, rest)| rest);
                rest.and_then(|rest| rest.split([',', '\n']).next())
            }
        };
        literal(given?.trim())
    }
}

/// A number, a product of numbers, a boolean or a text, in the form of env.toml.
pub fn literal(text: &str) -> Option<String> {
    if matches!(text, "true" | "false") {
        return Some(text.to_owned());
    }
    if let Some(inner) = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        return Some(inner.to_owned());
    }
    let mut product = 1.0;
    for factor in text.split('*') {
        let plain = factor.trim().trim_end_matches('n').replace('_', "");
        product *= plain.parse::<f64>().ok()?;
    }
    Some(product.to_string())
}

#[test]
fn tables_are_read_as_javascript_reads_them() {
    let text = "export const m = {\n  // a remark with { in it\n  a: {\n    env: 'A',\n    description: 'no } here',\n    \
                ...numberConfigHelper(2 * 1_000),\n  },\n  b: {\n    env: 'B',\n    fallback: [\n      'C'\n    ],\n    \
                parseEnv: (val)=>EthAddress.fromString(val)\n  },\n  d: {\n    env: 'D',\n    defaultValue: 'fixed'\n  }\n};\n";
    let blocks = blocks(text);
    let found: Vec<_> = blocks
        .iter()
        .filter_map(|it| Some((it.env()?, it.kind(), it.default(), it.fallbacks())))
        .collect();
    let expected = [
        ("A", Some("integer"), Some("2000".to_owned()), vec![]),
        ("B", Some("address"), None, vec!["C"]),
        ("D", Some("text"), Some("fixed".to_owned()), vec![]),
    ];
    assert_eq!(found, expected);
}
