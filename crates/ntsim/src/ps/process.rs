//! A process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::abi::{Ptr, Shared, SharedText};
use crate::se::Token;
use crate::sim::ProcessKind;

/// PID of System.
pub(crate) const SYSTEM_PID: u32 = 4;

/// A process, alive or dead. Its address is opaque and never another's; its PID may be.
pub(crate) struct Process {
    pub(super) id: u64,
    pub(super) ptr: Ptr,
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) image: SharedText,
    pub(super) start_key: u64,
    pub(super) created: u64,
    pub(super) session: u32,
    pub(super) kind: ProcessKind,
    pub(super) token: Arc<Token>,
    pub(super) alive: AtomicBool,
    /// What `PsGetProcessImageFileName` gives, once somebody asked.
    pub(super) short_name: OnceLock<Shared<[u8; SHORT_NAME_BYTES]>>,
}

/// `EPROCESS.ImageFileName`: fifteen bytes, the last of which is the terminator.
const SHORT_NAME_BYTES: usize = 15;

impl Process {
    /// Identity within the simulation, never used twice.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn ptr(&self) -> Ptr {
        self.ptr
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// PID of the parent, which may be dead, or another process by now.
    pub(crate) fn parent(&self) -> u32 {
        self.parent
    }

    pub(crate) fn image(&self) -> &SharedText {
        &self.image
    }

    /// Whether the image is a file; a minimal process and System have none.
    pub(crate) fn has_image_file(&self) -> bool {
        self.kind == ProcessKind::User && !self.image.as_str().is_empty()
    }

    pub(crate) fn start_key(&self) -> u64 {
        self.start_key
    }

    pub(crate) fn created(&self) -> u64 {
        self.created
    }

    pub(crate) fn session(&self) -> u32 {
        self.session
    }

    pub(crate) fn kind(&self) -> ProcessKind {
        self.kind
    }

    pub(crate) fn token(&self) -> &Arc<Token> {
        &self.token
    }

    /// The last part of the image's path, cut off.
    pub(super) fn short_name(&self) -> Ptr<[u8; SHORT_NAME_BYTES]> {
        let name = self.short_name.get_or_init(|| {
            let path = if self.is_system() { "System" } else { self.image.as_str() };
            let last = path.rsplit('\\').next().unwrap_or_default();
            let mut bytes = [0; SHORT_NAME_BYTES];
            for (byte, given) in bytes[..SHORT_NAME_BYTES - 1].iter_mut().zip(last.bytes()) {
                *byte = given;
            }
            Shared::new(bytes)
        });
        name.ptr()
    }

    pub(crate) fn is_system(&self) -> bool {
        self.pid == SYSTEM_PID
    }

    pub(crate) fn is_alive(&self) -> bool {
        // Relaxed: set under the machine's lock or the baton, which order it.
        self.alive.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self) {
        // Relaxed: as in `is_alive`.
        self.alive.store(false, Ordering::Relaxed);
    }
}
