//! The kinds of contexts, as a table.

/// `FLT_CONTEXT_TYPE`
pub(super) const VOLUME: u16 = 0x01;
pub(super) const INSTANCE: u16 = 0x02;
pub(crate) const FILE: u16 = 0x04;
pub(crate) const STREAM: u16 = 0x08;
pub(crate) const STREAM_HANDLE: u16 = 0x10;
pub(super) const TRANSACTION: u16 = 0x20;
pub(super) const SECTION: u16 = 0x40;

/// What is to be known of a kind of contexts.
pub(super) struct Kind {
    /// `FLT_CONTEXT_TYPE`
    pub(super) value: u16,
    pub(super) name: &'static str,
    /// Whether it may lie in paged pool.
    pub(super) may_be_paged: bool,
}

const fn kind(value: u16, name: &'static str, may_be_paged: bool) -> Kind {
    Kind { value, name, may_be_paged }
}

/// The kinds, in the order in which they go with what they belong to.
const KINDS: [Kind; 7] = [
    kind(SECTION, "section context", true),
    kind(STREAM_HANDLE, "stream handle context", true),
    kind(STREAM, "stream context", true),
    kind(FILE, "file context", true),
    kind(TRANSACTION, "transaction context", true),
    kind(INSTANCE, "instance context", true),
    // The page on `FltAllocateContext`: it must come from nonpaged pool.
    kind(VOLUME, "volume context", false),
];

pub(super) fn find(value: u16) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.value == value)
}

/// Its place in the order in which contexts go.
pub(super) fn rank(value: u16) -> usize {
    KINDS.iter().position(|kind| kind.value == value).unwrap_or(KINDS.len())
}

pub(super) fn name(value: u16) -> &'static str {
    find(value).map_or("context", |kind| kind.name)
}
