//! Values that are shown as text, written without making a `String` first: a stream has a dozen of them in each line.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::model::FileTime;
use crate::output::time::Rfc3339;

/// A 64-bit number as a decimal string.
pub(super) struct Digits(pub(super) u64);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(itoa::Buffer::new().format(self.0))
    }
}

/// A value as it prints.
pub(super) struct Shown<T>(pub(super) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A time in RFC 3339; `null` if that cannot write it.
pub(super) struct Time(pub(super) Option<FileTime>);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.and_then(Rfc3339::of) {
            Some(time) => serializer.serialize_some(time.as_str()),
            None => serializer.serialize_none(),
        }
    }
}
