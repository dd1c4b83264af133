//! The Windows Filter Manager for minifilter drivers.
//!
//! Two layers:
//!
//! * [`raw`]: `fltkernel.h` in its own names and types. The size of every structure and the offset and size
//!   of every member are asserted at compile time against numbers taken from a compiler's debug records, for
//!   x64 and ARM64.
//! * Above it, types that make misuse hard: what a callback is handed is borrowed for the callback and cannot
//!   be kept; what must be released is released once, by `Drop`; a post-operation callback exists wherever
//!   one may be asked for.
//!
//! Each function states the highest interrupt request level (IRQL) it may be called at and the Microsoft page
//! that says so; builds with debug assertions check it (see [`irql`]). Nothing here allocates but [`pool`],
//! and that may fail; nothing panics in a release build.
//!
//! A minifilter implements [`Minifilter`] and an [`Operation`] for each major function, puts
//! them into a static [`Registration`], and calls [`Filter::register`] from `DriverEntry`.
//!
//! For other targets than Windows with the MSVC toolchain the crate is empty.

#![no_std]
#![cfg(all(target_os = "windows", target_env = "msvc"))]

mod callback_data;
mod context;
mod copy;
mod file_object;
mod filter;
mod fs_control;
mod handle;
mod information;
pub mod irql;
mod layout;
mod name;
mod operation;
pub mod pool;
mod port;
mod process;
mod push_lock;
pub mod raw;
mod registration;
mod related_objects;
mod security;
mod server_open;
mod set_information;
mod status;
mod structure;
mod synchronized;
mod unicode;
mod volume;

pub use callback_data::{
    CallbackData, CreateParameters, Mode, PrepareMdlWriteParameters, SectionParameters, WriteParameters,
};
pub use context::{
    Context, ContextRegistration, FilterContext, InstanceKind, Kind, Put, StreamHandleKind, StreamKind,
};
pub use copy::{CopyInformation, CopyInformationRoutine};
pub use file_object::FileObject;
pub use filter::{Filter, FilterRef};
pub use fs_control::FsControlParameters;
pub use handle::ReferencedFile;
pub use information::StandardInformation;
pub use name::{FileNameInformation, NameFormat, NameQuery};
pub use operation::{Operation, OperationFlags, OperationRegistration, PreOperation};
pub use port::{ClientPort, ClientSlot, PortHandler, ServerPort, Timeout};
pub use process::{Process, Thread};
pub use push_lock::{Exclusive, PushLock, Shared};
pub use registration::{InstanceSetup, Minifilter, Registration};
pub use related_objects::{Instance, RelatedObjects};
pub use security::SecurityDescriptor;
pub use server_open::ServerOpen;
pub use set_information::{NewName, SetInformationParameters};
pub use status::{NtStatus, Result};
pub use structure::structure_size;
pub use synchronized::Synchronized;
pub use unicode::{unicode_string, utf16};
pub use volume::Volume;
