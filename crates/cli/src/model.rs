//! What is told of a write, apart from how it came here and how it is shown.

/// Where in a file a write goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// At this byte.
    At(i64),
    /// To the end of the file, wherever that was: an append.
    EndOfFile,
    /// At the file pointer, wherever that was.
    FilePointer,
}

impl Offset {
    /// The value that stands for [`Offset::EndOfFile`] (`FILE_WRITE_TO_END_OF_FILE`).
    pub const END_OF_FILE: i64 = -1;
    /// The value that stands for [`Offset::FilePointer`] (`FILE_USE_FILE_POINTER_POSITION`).
    pub const FILE_POINTER: i64 = -2;
}
