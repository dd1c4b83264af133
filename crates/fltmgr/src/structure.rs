//! The sizes that structures carry of themselves.

/// `sizeof`, for the members and arguments that are 32 bits wide.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "no structure is that large, which is asserted")]
pub const fn structure_size<T>() -> u32 {
    const { assert!(size_of::<T>() <= u32::MAX as usize) };
    size_of::<T>() as u32
}
