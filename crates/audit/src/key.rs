//! Keys: what a record carries in place of a process, file or volume.
//!
//! A key is resolved by the dictionary record that bears it. 0 means that the thing is not known.

macro_rules! key {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// The thing is not known.
            pub const UNKNOWN: Self = Self(0);

            /// Whether this names something.
            #[must_use]
            pub const fn is_known(self) -> bool {
                self.0 != 0
            }
        }
    };
}

key! {
    /// A process, by the value of `PsGetProcessStartKey`: unlike a process id it is never used again.
    ProcessKey
}
key! {
    /// A file stream, by the running number the driver gave it; unique within a driver session.
    FileKey
}
key! {
    /// A client on another machine, by the running number the driver gave it; unique within a driver session.
    ClientKey
}
key! {
    /// A volume, by the running number the driver gave it; unique within a driver session.
    VolumeKey
}
