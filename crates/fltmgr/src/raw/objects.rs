//! The opaque objects, and the structure that hands them to callbacks.

use wdk_sys::{PFILE_OBJECT, USHORT};

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident, $pointer:ident;)+) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub struct $name {
            opaque: [u8; 0],
        }
        pub type $pointer = *mut $name;
    )+};
}

opaque! {
    /// A registered minifilter.
    FLT_FILTER, PFLT_FILTER;
    /// A minifilter attached to a volume.
    FLT_INSTANCE, PFLT_INSTANCE;
    /// A volume.
    FLT_VOLUME, PFLT_VOLUME;
    /// One end of a communication port.
    FLT_PORT, PFLT_PORT;
    /// A reparse point's data.
    FLT_TAG_DATA_BUFFER, PFLT_TAG_DATA_BUFFER;
    /// A transaction of the kernel transaction manager.
    KTRANSACTION, PKTRANSACTION;
}

/// Pointer-sized lock; only the `Flt…PushLock` routines touch it.
pub type EX_PUSH_LOCK = wdk_sys::ULONG_PTR;
pub type PEX_PUSH_LOCK = *mut EX_PUSH_LOCK;

/// What an operation is about.
#[repr(C)]
pub struct FLT_RELATED_OBJECTS {
    pub Size: USHORT,
    pub TransactionContext: USHORT,
    pub Filter: PFLT_FILTER,
    pub Volume: PFLT_VOLUME,
    pub Instance: PFLT_INSTANCE,
    pub FileObject: PFILE_OBJECT,
    pub Transaction: PKTRANSACTION,
}
pub type PCFLT_RELATED_OBJECTS = *const FLT_RELATED_OBJECTS;
