//! What objects are called in a scenario and its trace.

use crate::session::{ObjectId, Scalar, Session};
use hashbrown::HashMap;
use serde_json::{Value as Json, json};

/// Aliases and the objects that they stand for.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// In the order in which the aliases were first bound.
    aliases: Vec<(String, ObjectId)>,
    positions: HashMap<String, usize, foldhash::fast::FixedState>,
    /// The alias that was bound to an object first.
    first: HashMap<ObjectId, String, foldhash::fast::FixedState>,
}

impl Names {
    pub(super) fn bind(&mut self, alias: &str, object: ObjectId) {
        match self.positions.get(alias) {
            Some(&at) => self.aliases[at].1 = object,
            None => {
                self.positions.insert(alias.to_owned(), self.aliases.len());
                self.aliases.push((alias.to_owned(), object));
            }
        }
        self.first.entry(object).or_insert_with(|| alias.to_owned());
    }

    pub(super) fn object(&self, alias: &str) -> Option<ObjectId> {
        self.positions.get(alias).map(|&at| self.aliases[at].1)
    }

    pub(super) fn all(&self) -> &[(String, ObjectId)] {
        &self.aliases
    }

    /// The alias that was bound to an object first.
    pub(super) fn first_alias(&self, object: ObjectId) -> Option<&str> {
        self.first.get(&object).map(String::as_str)
    }

    /// An object's name: its first alias, else its class and key.
    pub(super) fn name(&self, session: &Session<'_>, object: ObjectId) -> String {
        if let Some(alias) = self.first_alias(object) {
            return alias.to_owned();
        }
        let class = session.class_name(object);
        match session.identity(object) {
            None => format!("{class}(?)"),
            Some(key) => {
                let values: Vec<String> =
                    key.iter().map(|it| scalar_json(it).to_string()).collect();
                format!("{class}({})", values.join(","))
            }
        }
    }

    pub(super) fn reference(&self, session: &Session<'_>, object: Option<ObjectId>) -> Json {
        object.map_or(Json::Null, |object| json!({ "ref": self.name(session, object) }))
    }

    pub(super) fn references(&self, session: &Session<'_>, objects: &[ObjectId]) -> Json {
        let all = objects.iter().map(|&object| self.reference(session, Some(object)));
        all.collect()
    }

    /// A message in which each `<Hero at 0x7>` is called by its alias.
    pub(super) fn normalise(&self, session: &Session<'_>, message: &str) -> String {
        let mut text = String::with_capacity(message.len());
        let mut rest = message;
        while let Some(at) = rest.find(" at 0x") {
            let digits = &rest[at + 6..];
            let length = digits.find(|it: char| !it.is_ascii_hexdigit()).unwrap_or(digits.len());
            text.push_str(&rest[..at]);
            if length == 0 {
                text.push_str(" at 0x");
                rest = digits;
                continue;
            }
            let number = u32::from_str_radix(&digits[..length], 16).ok();
            let object = number.and_then(|number| session.object(number));
            let alias = object.and_then(|object| self.first_alias(object)).unwrap_or("?");
            text.push(' ');
            text.push_str(alias);
            rest = &digits[length..];
        }
        (text + rest).trim().to_owned()
    }
}

/// A value as a trace has it.
pub(super) fn scalar_json(scalar: &Scalar) -> Json {
    match scalar {
        Scalar::Null => Json::Null,
        Scalar::Boolean(boolean) => json!(boolean),
        Scalar::Integer(integer) => json!(integer),
        Scalar::Real(real) => json!(real),
        Scalar::Text(text) => json!(&**text),
        Scalar::Blob(blob) => {
            let digits: String = blob.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "blob": digits })
        }
    }
}
