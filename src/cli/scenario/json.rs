//! Reading JSON with an error that names the place: `$.models[0].name: expected a string, found 1`.

use crate::session::Scalar;
use serde_json::{Map, Value};
use std::fmt;

/// What does not fit in a scenario file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// The place, as in `$.models[0].name`.
    path: String,
    /// What was expected there, and what was found.
    reason: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

impl Malformed {
    /// What is wrong with a file as a whole.
    pub(super) fn whole(reason: impl Into<String>) -> Malformed {
        Malformed { path: "$".to_owned(), reason: reason.into() }
    }
}

pub(super) type Result<T> = std::result::Result<T, Malformed>;

/// A JSON value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<'j> {
    value: &'j Value,
    path: String,
}

impl<'j> At<'j> {
    pub(super) fn root(value: &'j Value) -> At<'j> {
        At { value, path: "$".to_owned() }
    }

    /// An error about this place.
    pub(super) fn wrong(&self, reason: impl Into<String>) -> Malformed {
        Malformed { path: self.path.clone(), reason: reason.into() }
    }

    fn expected(&self, what: &str) -> Malformed {
        let found = match self.value {
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            plain => plain.to_string(),
        };
        self.wrong(format!("expected {what}, found {found}"))
    }

    fn object(&self) -> Result<&'j Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.expected("an object"))
    }

    /// The value of a key; `None` if it is absent or `null`.
    pub(super) fn get(&self, key: &str) -> Result<Option<At<'j>>> {
        Ok(self.present(key)?.filter(|at| !at.value.is_null()))
    }

    /// The value of a key, be it `null`.
    pub(super) fn present(&self, key: &str) -> Result<Option<At<'j>>> {
        let value = self.object()?.get(key);
        Ok(value.map(|value| At { value, path: format!("{}.{key}", self.path) }))
    }

    /// The value of a key that must be there.
    pub(super) fn need(&self, key: &str) -> Result<At<'j>> {
        self.present(key)?.ok_or_else(|| self.wrong(format!("expected the key \"{key}\"")))
    }

    pub(super) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    pub(super) fn is_text(&self) -> bool {
        self.value.is_string()
    }

    pub(super) fn text(&self) -> Result<&'j str> {
        self.value.as_str().ok_or_else(|| self.expected("a string"))
    }

    pub(super) fn boolean(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    pub(super) fn integer(&self) -> Result<i64> {
        self.value.as_i64().ok_or_else(|| self.expected("an integer"))
    }

    pub(super) fn list(&self) -> Result<Vec<At<'j>>> {
        let list = self.value.as_array().ok_or_else(|| self.expected("a list"))?;
        let at = |(at, value)| At { value, path: format!("{}[{at}]", self.path) };
        Ok(list.iter().enumerate().map(at).collect())
    }

    /// The entries of an object, in the order written.
    pub(super) fn entries(&self) -> Result<Vec<(&'j str, At<'j>)>> {
        let entry = |(key, value): (&'j String, &'j Value)| {
            (key.as_str(), At { value, path: format!("{}.{key}", self.path) })
        };
        Ok(self.object()?.iter().map(entry).collect())
    }

    /// A value of an attribute: `{"blob": "00ff"}` is bytes.
    pub(super) fn scalar(&self) -> Result<Scalar> {
        match self.value {
            Value::Null => Ok(Scalar::Null),
            Value::Bool(boolean) => Ok(Scalar::Boolean(*boolean)),
            Value::String(text) => Ok(Scalar::from(text.as_str())),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Ok(Scalar::Integer(integer)),
                (None, Some(real)) if number.is_f64() => Ok(Scalar::Real(real)),
                _ => Err(self.expected("a number of 64 bits")),
            },
            Value::Object(_) => {
                let blob = self.need("blob")?;
                let bytes = from_hex(blob.text()?);
                let bytes = bytes.ok_or_else(|| blob.expected("an even number of hex digits"))?;
                Ok(Scalar::from(&bytes[..]))
            }
            Value::Array(_) => Err(self.expected("a plain value")),
        }
    }

    // What a scenario mostly has: optional parts with a default.

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool> {
        self.get(key)?.map_or(Ok(default), |at| at.boolean())
    }

    pub(super) fn name(&self, key: &str) -> Result<String> {
        self.need(key)?.text().map(str::to_owned)
    }

    pub(super) fn optional_name(&self, key: &str) -> Result<Option<String>> {
        self.get(key)?.map(|at| at.text().map(str::to_owned)).transpose()
    }

    /// The members of a list, none if the key is absent.
    pub(super) fn members(&self, key: &str) -> Result<Vec<At<'j>>> {
        self.get(key)?.map_or(Ok(Vec::new()), |at| at.list())
    }

    /// The entries of an object, none if the key is absent.
    pub(super) fn entries_of(&self, key: &str) -> Result<Vec<(&'j str, At<'j>)>> {
        self.get(key)?.map_or(Ok(Vec::new()), |at| at.entries())
    }

    /// The strings of a list, none if the key is absent.
    pub(super) fn names(&self, key: &str) -> Result<Vec<String>> {
        self.members(key)?.iter().map(|at| at.text().map(str::to_owned)).collect()
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] * 16 + pair[1]).collect())
}
