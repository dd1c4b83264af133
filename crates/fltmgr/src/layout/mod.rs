//! Compile-time proof that the declarations have the layout of the real headers.
//!
//! A field that moves, changes its size or trades places with its neighbour stops the build here.

use core::mem::{offset_of, size_of};

use crate::raw;
use wdk_sys as kernel;

/// The size of what a pointer points to.
const fn pointee_size<T>(_: *const T) -> usize {
    size_of::<T>()
}

macro_rules! layouts {
    ($($coverage:ident $module:ident::$type:ident = $name:literal, $size:literal {
        $($($member:ident).+ $(as $alias:literal)?: $offset:literal, $member_size:literal;)*
    })+) => {$(
        const _: () = {
            type Structure = $module::$type;
            assert!(size_of::<Structure>() == $size, concat!($name, ": size"));
            $(
                assert!(
                    offset_of!(Structure, $($member).+) == $offset,
                    concat!($name, ": offset of ", stringify!($($member).+))
                );
                let structure = core::mem::MaybeUninit::<Structure>::uninit();
                // SAFETY: only the member's address is taken, of memory that `structure` owns; nothing is
                // read.
                let member = unsafe { &raw const (*structure.as_ptr()).$($member).+ };
                assert!(
                    pointee_size(member) == $member_size,
                    concat!($name, ": size of ", stringify!($($member).+))
                );
            )*
        };
    )+};
}

include!("table.rs");
