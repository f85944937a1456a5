//! The name of a table, column or constraint, as it was written.

use smallvec::SmallVec;
use smol_str::SmolStr;
use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

/// A name, which is text in every respect. One of up to 23 bytes needs no allocation, however often
/// it is copied.
///
/// ```
/// use ondelete::{Column, catalog::Name};
/// let name = Name::from("team_id");
/// assert_eq!(name, "team_id");
/// assert_eq!(Column::integer(name).name().len(), 7);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(SmolStr);

/// Names of columns: nearly always one.
pub(super) type Names = SmallVec<[Name; 1]>;

impl Deref for Name {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    #[inline]
    fn borrow(&self) -> &str {
        self
    }
}

impl AsRef<str> for Name {
    #[inline]
    fn as_ref(&self) -> &str {
        self
    }
}

/// The parts, one after another.
impl<'a> FromIterator<&'a str> for Name {
    fn from_iter<I: IntoIterator<Item = &'a str>>(parts: I) -> Self {
        Name(parts.into_iter().collect())
    }
}

impl From<&str> for Name {
    #[inline]
    fn from(name: &str) -> Self {
        Name(name.into())
    }
}

impl From<String> for Name {
    #[inline]
    fn from(name: String) -> Self {
        Name(name.into())
    }
}

impl From<&String> for Name {
    #[inline]
    fn from(name: &String) -> Self {
        Name(name.into())
    }
}

impl From<&Name> for Name {
    #[inline]
    fn from(name: &Name) -> Self {
        name.clone()
    }
}

impl From<Name> for String {
    #[inline]
    fn from(name: Name) -> Self {
        name.0.into()
    }
}

impl From<&Name> for String {
    #[inline]
    fn from(name: &Name) -> Self {
        name.to_string()
    }
}

impl PartialEq<Name> for String {
    #[inline]
    fn eq(&self, other: &Name) -> bool {
        **self == **other
    }
}

impl PartialEq<str> for Name {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Name {
    #[inline]
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deref().fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.deref(), f)
    }
}
