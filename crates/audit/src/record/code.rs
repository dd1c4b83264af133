//! One-byte codes that may come from a newer driver.

use core::fmt;

/// A code from the wire: a value this version knows, or the bare number of one that it does not.
///
/// An unknown code is not an error. It is kept and shown as a number, never taken for a known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code<T> {
    /// A value this version knows.
    Known(T),
    /// A newer version's value.
    Newer(u8),
}

impl<T> Code<T> {
    /// The value, if this version knows it.
    #[must_use]
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Newer(_) => None,
        }
    }
}

impl<T> From<T> for Code<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

/// Gives an enumeration its numbers on the wire and its name in print.
macro_rules! wire_codes {
    ($type:ty { $($variant:ident = $number:literal $name:literal),+ $(,)? }) => {
        impl $crate::record::Code<$type> {
            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::Known(<$type>::$variant) => $number,)+
                    Self::Newer(number) => number,
                }
            }

            /// What a number on the wire stands for.
            #[must_use]
            pub const fn of_number(number: u8) -> Self {
                match number {
                    $($number => Self::Known(<$type>::$variant),)+
                    number => Self::Newer(number),
                }
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $name,)+
                })
            }
        }
    };
}
pub(crate) use wire_codes;

impl<T: fmt::Display> fmt::Display for Code<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Newer(number) => write!(f, "code-{number}"),
        }
    }
}
