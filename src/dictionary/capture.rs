//! What can be learnt of a process.

use core::mem::{offset_of, size_of};
use core::ptr::{self, NonNull};
use core::slice;

use audit::attribution::ProcessKind;
use audit::batch::{BatchWriter, NoRoom};
use audit::key::ProcessKey;
use audit::record::{ProcessEntry, Sid, Text};
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{NtStatus, Process, structure_size};
use wdk_sys::ntddk::{
    ExFreePoolWithTag, ObOpenObjectByPointer, ObfDereferenceObject, PsDereferencePrimaryToken,
    PsLookupProcessByProcessId, PsReferencePrimaryToken, SeLocateProcessImageName, SeQueryInformationToken,
    SeQuerySessionIdToken, ZwClose, ZwQueryInformationProcess,
};
use wdk_sys::{
    _PROCESSINFOCLASS, _TOKEN_INFORMATION_CLASS, HANDLE, OBJ_KERNEL_HANDLE, PEPROCESS, POBJECT_TYPE,
    PROCESS_BASIC_INFORMATION, PSID, PUNICODE_STRING, SID, TOKEN_USER, ULONG,
};

use super::shelf::Entry;
use crate::exclusions::{ExcludedProcess, Exclusions};
use crate::memory::TAG;

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    /// The kernel's variable itself. C code sees it through the import table, as a pointer to it.
    static PsProcessType: POBJECT_TYPE;
}

const KERNEL_MODE: i8 = 0;
const PROCESS_QUERY_LIMITED_INFORMATION: ULONG = 0x1000;

// As "ZwQueryInformationProcess function" has it; the structure table of the project does not.
const _: () = assert!(size_of::<PROCESS_BASIC_INFORMATION>() == 48);
const _: () = assert!(offset_of!(PROCESS_BASIC_INFORMATION, InheritedFromUniqueProcessId) == 40);

/// A process, as its record tells it.
pub(crate) struct ProcessInfo {
    pub(super) key: ProcessKey,
    pub(super) id: u32,
    pub(super) kind: ProcessKind,
    pub(super) created: u64,
    pub(super) parent: ProcessKey,
    pub(super) parent_id: u32,
    /// Or [`ProcessInfo::NO_SESSION`].
    pub(super) session: u32,
    /// A security identifier, or zeros. Not as an [`Option`]: debuggers would not find their way in it.
    pub(super) user: [u8; Sid::MAX_SIZE],
    pub(super) image: Option<PoolArray<u16>>,
    /// While it is known as excluded.
    pub(super) excluded: Option<ExcludedProcess>,
}

impl ProcessInfo {
    /// The session is not known.
    pub(super) const NO_SESSION: u32 = u32::MAX;
}

impl ProcessInfo {
    /// Finds out whether the process is excluded.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(super) fn judge(&mut self, exclusions: &Exclusions) {
        let image = self.image.as_deref().filter(|_| self.kind == ProcessKind::User);
        let excluded = image.is_some_and(|image| exclusions.cover_image(image));
        if excluded != self.excluded.is_some() {
            self.excluded = if excluded { exclusions.exclude(self.key) } else { None };
        }
    }
}

impl Entry for ProcessInfo {
    /// Maximum IRQL: any.
    fn write(&self, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom> {
        let Self { key, id, kind, created, parent, parent_id, session, user, image, excluded: _ } = self;
        batch.push_process(&ProcessEntry {
            key: *key,
            pid: *id,
            kind: *kind,
            created: *created,
            parent: *parent,
            parent_pid: *parent_id,
            session: Some(*session).filter(|session| *session != Self::NO_SESSION),
            user: Sid::new(user),
            image: image.as_deref().map_or(Text::EMPTY, Text::new),
            truncated: false,
        })
    }
}

/// Maximum IRQL: `PASSIVE_LEVEL`. What cannot be had is left out.
pub(crate) fn process(process: Process<'_>, kind: ProcessKind, parent_id: u32) -> ProcessInfo {
    assert_at_most(PASSIVE_LEVEL);
    let created = process.create_time();
    // A parent that was created later is another process, which got the id of the real one.
    let parent = with_process(parent_id, |parent| {
        (parent.create_time() <= created).then(|| ProcessKey(parent.start_key()))
    });
    let token = Token::of(process);
    ProcessInfo {
        key: ProcessKey(process.start_key()),
        id: process.id(),
        kind,
        created,
        parent: parent.flatten().unwrap_or(ProcessKey::UNKNOWN),
        parent_id,
        session: token.session().unwrap_or(ProcessInfo::NO_SESSION),
        user: token.user().map_or([0; Sid::MAX_SIZE], |user| *user.in_full()),
        image: image(process),
        excluded: None,
    }
}

/// The process with this key if it still has this id, or just these two.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn by_id(key: ProcessKey, id: u32) -> ProcessInfo {
    assert_at_most(PASSIVE_LEVEL);
    let found = with_process(id, |found| {
        let kind = if found == Process::system() { ProcessKind::Kernel } else { ProcessKind::User };
        (found.start_key() == key.0).then(|| process(found, kind, parent_id(found)))
    });
    found.flatten().unwrap_or(ProcessInfo {
        key,
        id,
        kind: ProcessKind::User,
        created: 0,
        parent: ProcessKey::UNKNOWN,
        parent_id: 0,
        session: ProcessInfo::NO_SESSION,
        user: [0; Sid::MAX_SIZE],
        image: None,
        excluded: None,
    })
}

/// The id of the process that created this one; 0 if that is not known.
///
/// Maximum IRQL: `PASSIVE_LEVEL` ("`ZwQueryInformationProcess` function").
pub(crate) fn parent_id(process: Process<'_>) -> u32 {
    assert_at_most(PASSIVE_LEVEL);
    let mut handle: HANDLE = ptr::null_mut();
    // SAFETY: the variable is set before any driver is loaded, and never changes.
    let process_type = unsafe { PsProcessType };
    // SAFETY: the process lives; the result goes to a variable of its type.
    let status = unsafe {
        ObOpenObjectByPointer(
            process.as_raw().cast(),
            OBJ_KERNEL_HANDLE,
            ptr::null_mut(),
            PROCESS_QUERY_LIMITED_INFORMATION,
            process_type,
            KERNEL_MODE,
            &raw mut handle,
        )
    };
    if !NtStatus::from_raw(status).is_success() {
        return 0;
    }
    // SAFETY: the structure is integers and a pointer, for which zero is valid.
    let mut information = unsafe { core::mem::zeroed::<PROCESS_BASIC_INFORMATION>() };
    // SAFETY: the handle is open, and the result goes to a variable of the type that the class demands.
    let status = unsafe {
        ZwQueryInformationProcess(
            handle,
            _PROCESSINFOCLASS::ProcessBasicInformation,
            (&raw mut information).cast(),
            structure_size::<PROCESS_BASIC_INFORMATION>(),
            ptr::null_mut(),
        )
    };
    // SAFETY: the handle is open and not used again.
    let _closed = unsafe { ZwClose(handle) };
    if !NtStatus::from_raw(status).is_success() {
        return 0;
    }
    u32::try_from(information.InheritedFromUniqueProcessId).unwrap_or(0)
}

/// Gives a process to `visit`, if there is one with this id.
///
/// Maximum IRQL: `PASSIVE_LEVEL` ("`PsLookupProcessByProcessId` function (ntifs.h)").
fn with_process<R>(id: u32, visit: impl FnOnce(Process<'_>) -> R) -> Option<R> {
    if id == 0 {
        return None;
    }
    let mut process: PEPROCESS = ptr::null_mut();
    // SAFETY: an id is no address; the result goes to a variable of its type.
    let status = unsafe { PsLookupProcessByProcessId(id as usize as HANDLE, &raw mut process) };
    NtStatus::from_raw(status).ok().ok()?;
    // SAFETY: the reference below keeps the process while `visit` runs.
    let result = unsafe { Process::from_raw(process) }.map(visit);
    // SAFETY: the look-up gave a reference, which is given back here alone.
    unsafe { ObfDereferenceObject(process.cast()) };
    result
}

/// The path of the image, as `\Device\…`.
///
/// Maximum IRQL: `PASSIVE_LEVEL` ("`SeLocateProcessImageName` function (ntifs.h)").
fn image(process: Process<'_>) -> Option<PoolArray<u16>> {
    let mut name: PUNICODE_STRING = ptr::null_mut();
    // SAFETY: the process lives; the result goes to a variable of its type.
    let status = unsafe { SeLocateProcessImageName(process.as_raw(), &raw mut name) };
    NtStatus::from_raw(status).ok().ok()?;
    let name = FromPool(NonNull::new(name)?);
    // SAFETY: the routine gave a valid string, in one piece with what it describes.
    let string = unsafe { name.0.as_ref() };
    if string.Buffer.is_null() {
        return None;
    }
    let length = usize::from(string.Length) / size_of::<u16>();
    // SAFETY: the buffer holds `Length` bytes and is freed with the string, after this.
    let units = unsafe { slice::from_raw_parts(string.Buffer, length) };
    PoolArray::try_copy_of(units, TAG).ok()
}

/// What a system routine allocated for its caller to free.
struct FromPool<T>(NonNull<T>);

impl<T> Drop for FromPool<T> {
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`ExFreePoolWithTag` function (wdm.h)").
    fn drop(&mut self) {
        // SAFETY: the caller owns the memory; tag 0 stands for whatever tag it was allocated with, as in
        // `ExFreePool`.
        unsafe { ExFreePoolWithTag(self.0.as_ptr().cast(), 0) };
    }
}

/// A reference to a process's primary token.
struct Token(Option<NonNull<core::ffi::c_void>>);

impl Token {
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`PsReferencePrimaryToken` function (ntifs.h)").
    fn of(process: Process<'_>) -> Self {
        // SAFETY: the process lives.
        Self(NonNull::new(unsafe { PsReferencePrimaryToken(process.as_raw()) }))
    }

    /// Maximum IRQL: `PASSIVE_LEVEL` ("`SeQuerySessionIdToken` function (ntifs.h)").
    fn session(&self) -> Option<u32> {
        let mut session: ULONG = 0;
        // SAFETY: the token is referenced; the result goes to a variable of its type.
        let status = unsafe { SeQuerySessionIdToken(self.0?.as_ptr(), &raw mut session) };
        NtStatus::from_raw(status).is_success().then_some(session)
    }

    /// Maximum IRQL: `PASSIVE_LEVEL` ("`SeQueryInformationToken` function (ntifs.h)").
    fn user(&self) -> Option<Sid> {
        let mut information = ptr::null_mut();
        // SAFETY: the token is referenced; the result goes to a variable of its type.
        let status = unsafe {
            SeQueryInformationToken(
                self.0?.as_ptr(),
                _TOKEN_INFORMATION_CLASS::TokenUser,
                &raw mut information,
            )
        };
        NtStatus::from_raw(status).ok().ok()?;
        let user = FromPool(NonNull::new(information.cast::<TOKEN_USER>())?);
        // SAFETY: the routine gave the structure that the class demands.
        let sid: PSID = unsafe { user.0.as_ref() }.User.Sid;
        let sid = NonNull::new(sid.cast::<SID>())?;
        // SAFETY: the identifier is in one piece with the structure.
        let authorities = usize::from(unsafe { sid.as_ref() }.SubAuthorityCount);
        let size = offset_of!(SID, SubAuthority) + authorities * size_of::<u32>();
        // SAFETY: an identifier with that many authorities is that long.
        Sid::new(unsafe { slice::from_raw_parts(sid.as_ptr().cast(), size) })
    }
}

impl Drop for Token {
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`PsDereferencePrimaryToken` function (ntifs.h)").
    fn drop(&mut self) {
        if let Some(token) = self.0 {
            // SAFETY: `of` took the reference, which is given back here alone.
            unsafe { PsDereferencePrimaryToken(token.as_ptr()) };
        }
    }
}
