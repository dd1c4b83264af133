//! The structures that drivers see, as `#[repr(C)]` types of ntsim's own.
//!
//! They are written after the layout table `tests/abi/x64.json` and compared with it by a test; nothing is shared with
//! the definitions that a driver is compiled with, so that an error in either shows.

mod ecp;
mod flt;
mod fsctl;
mod nt;
mod ptr;
mod shared;
#[cfg(test)]
mod table_test;

pub(crate) use ecp::*;
pub(crate) use flt::*;
pub(crate) use fsctl::*;
pub(crate) use nt::*;
pub(crate) use ptr::{Address, Ptr};
pub(crate) use shared::{Shared, SharedText};

/// A field of a structure as ntsim lays it out.
#[cfg(test)]
pub(crate) struct Field {
    /// The header's name.
    pub(crate) name: &'static str,
    /// Offset in bytes.
    pub(crate) offset: usize,
    /// Size in bytes.
    pub(crate) size: usize,
}

/// A structure as ntsim lays it out.
#[cfg(test)]
pub(crate) struct Layout {
    /// The header's tag, such as `_FILE_OBJECT`.
    pub(crate) name: &'static str,
    /// Prefix of the fields' names in the table, for a member of a union.
    pub(crate) member: &'static str,
    /// Size in bytes.
    pub(crate) size: usize,
    /// Its fields, padding left out.
    pub(crate) fields: &'static [Field],
}

/// Defines `#[repr(C)]` structures together with the names by which the layout table knows them.
///
/// A field called `_` in the table's column is padding, or a part that ntsim has no use for.
macro_rules! abi_structs {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $tag:literal $(. $member:literal)? {
            $($field:ident: $ty:ty = $c_name:literal,)*
        }
    )*) => {
        $(
            $(#[doc = $doc])+
            #[repr(C)]
            #[derive(Clone, Copy)]
            #[allow(clippy::struct_field_names, reason = "the headers name them so; not every structure has such fields")]
            pub(crate) struct $name {
                $(pub(crate) $field: $ty,)*
            }
        )*

        /// Every structure defined here, for comparison with the table.
        #[cfg(test)]
        pub(crate) const LAYOUTS: &[$crate::abi::Layout] = &[$(
            $crate::abi::Layout {
                name: $tag,
                member: concat!("" $(, $member, ".")?),
                size: size_of::<$name>(),
                fields: &[$($crate::abi::Field {
                    name: $c_name,
                    offset: std::mem::offset_of!($name, $field),
                    size: {
                        const fn size_of_field<S, T>(_: fn(&S) -> &T) -> usize {
                            size_of::<T>()
                        }
                        size_of_field(|s: &$name| &s.$field)
                    },
                },)*],
            },
        )*];
    };
}
pub(crate) use abi_structs;
