//! What the offenders share: declarations of their own, written after Microsoft's documentation, and a registration.
//!
//! Nothing here comes from the bindings that the project's driver uses, nor from the simulator, so that an error in
//! either shows.

#![allow(dead_code)]

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr::{null, null_mut};

/// An object that is nobody's business.
pub type Opaque = *mut c_void;
pub type Status = i32;

pub const SUCCESS: Status = 0;
pub const UNSUCCESSFUL: Status = 0xC000_0001_u32 as Status;
pub const INSUFFICIENT_RESOURCES: Status = 0xC000_009A_u32 as Status;

/// `IRP_MJ_*`
pub const CREATE: u8 = 0x00;
pub const CLOSE: u8 = 0x02;
pub const READ: u8 = 0x03;
pub const WRITE: u8 = 0x04;
pub const CLEANUP: u8 = 0x12;
const OPERATION_END: u8 = 0x80;

/// `FLT_PREOP_CALLBACK_STATUS`
pub const SUCCESS_WITH_CALLBACK: u32 = 0;
pub const SUCCESS_NO_CALLBACK: u32 = 1;
pub const PENDING: u32 = 2;
pub const DISALLOW_FASTIO: u32 = 3;
pub const COMPLETE: u32 = 4;
pub const SYNCHRONIZE: u32 = 5;
pub const DISALLOW_FSFILTER_IO: u32 = 6;
/// `FLT_POSTOP_CALLBACK_STATUS`
pub const FINISHED_PROCESSING: u32 = 0;

/// `FLTFL_CALLBACK_DATA_*`
pub const IRP_OPERATION: u32 = 0x1;
pub const FAST_IO_OPERATION: u32 = 0x2;
/// `FLTFL_POST_OPERATION_DRAINING`
pub const DRAINING: u32 = 0x1;
/// `IRP_PAGING_IO`
pub const PAGING_IO: u32 = 0x2;

/// `POOL_FLAG_*`
pub const NON_PAGED: u64 = 0x40;
pub const PAGED: u64 = 0x100;
/// `NonPagedPoolNx`
pub const NON_PAGED_POOL_NX: i32 = 512;
pub const TAG: u32 = u32::from_le_bytes(*b"Offn");

/// `FLT_STREAM_CONTEXT`
pub const STREAM_CONTEXT: u16 = 0x08;
const CONTEXT_END: u16 = 0xFFFF;
/// Size of the stream contexts that [`Driver`] registers.
pub const CONTEXT_BYTES: usize = 16;
/// `FLT_SET_CONTEXT_KEEP_IF_EXISTS`
pub const KEEP_IF_EXISTS: u32 = 1;

/// `FLT_FILE_NAME_NORMALIZED | FLT_FILE_NAME_QUERY_DEFAULT`
pub const NAME_NORMALIZED: u32 = 0x101;
/// `FLT_FILE_NAME_NORMALIZED | FLT_FILE_NAME_QUERY_ALWAYS_ALLOW_CACHE_LOOKUP`
pub const NAME_FROM_CACHE: u32 = 0x401;

#[repr(C)]
pub struct IoStatus {
    pub status: Status,
    pub information: usize,
}

#[repr(C)]
pub struct CallbackData {
    pub flags: u32,
    pub thread: Opaque,
    pub iopb: *mut Iopb,
    pub io_status: IoStatus,
    pub tag_data: Opaque,
    pub queue: [Opaque; 4],
    pub requestor_mode: i8,
}

#[repr(C)]
pub struct Iopb {
    pub irp_flags: u32,
    pub major: u8,
    pub minor: u8,
    pub operation_flags: u8,
    pub reserved: u8,
    pub file: Opaque,
    pub instance: Opaque,
    pub parameters: WriteParameters,
}

/// `FLT_PARAMETERS.Write`, the only ones that an offender looks at.
#[repr(C)]
pub struct WriteParameters {
    pub length: u32,
    pub key: u32,
    pub padding: u64,
    pub offset: i64,
    pub buffer: *mut u8,
    pub mdl: Opaque,
    pub rest: u64,
}

#[repr(C)]
pub struct Objects {
    pub size: u16,
    pub transaction_context: u16,
    pub filter: Opaque,
    pub volume: Opaque,
    pub instance: Opaque,
    pub file: Opaque,
    pub transaction: Opaque,
}

#[repr(C)]
pub struct CopyInformation {
    pub source: Opaque,
    pub offset: i64,
}

#[repr(C)]
pub struct UnicodeString {
    pub length: u16,
    pub maximum: u16,
    pub buffer: *const u16,
}

#[repr(C)]
pub struct ObjectAttributes {
    pub length: u32,
    pub root: Opaque,
    pub name: *const UnicodeString,
    pub attributes: u32,
    pub security: Opaque,
    pub quality: Opaque,
}

/// `KEVENT`
#[repr(C)]
pub struct Event(pub [u64; 3]);

pub type Pre = unsafe extern "system" fn(&mut CallbackData, &Objects, &mut usize) -> u32;
pub type Post = unsafe extern "system" fn(&mut CallbackData, &Objects, usize, u32) -> u32;
pub type Unload = unsafe extern "system" fn(u32) -> Status;

#[repr(C)]
struct Operation {
    major: u8,
    flags: u32,
    pre: Option<Pre>,
    post: Option<Post>,
    reserved: Opaque,
}

#[repr(C)]
struct Context {
    kind: u16,
    flags: u16,
    cleanup: Opaque,
    size: usize,
    tag: u32,
    allocate: Opaque,
    free: Opaque,
    reserved: Opaque,
}

#[repr(C)]
struct Registration {
    size: u16,
    version: u16,
    flags: u32,
    contexts: *const Context,
    operations: *const Operation,
    unload: Unload,
    rest: [Opaque; 10],
}

unsafe extern "system" {
    pub fn ExAllocatePool2(flags: u64, bytes: usize, tag: u32) -> *mut u8;
    pub fn ExFreePoolWithTag(block: *mut u8, tag: u32);
    pub fn KeGetCurrentIrql() -> u8;
    pub fn KeRaiseIrqlToDpcLevel() -> u8;
    pub fn KeLowerIrql(irql: u8);
    pub fn KeEnterCriticalRegion();
    pub fn KeLeaveCriticalRegion();
    pub fn KeInitializeEvent(event: *mut Event, kind: u32, state: u8);
    pub fn KeSetEvent(event: *mut Event, increment: i32, wait: u8) -> i32;
    pub fn KeClearEvent(event: *mut Event);
    pub fn KeWaitForSingleObject(
        object: Opaque,
        reason: u32,
        mode: i8,
        alertable: u8,
        timeout: *const i64,
    ) -> Status;
    pub fn KeBugCheckEx(code: u32, first: usize, second: usize, third: usize, fourth: usize) -> !;
    pub fn ObfReferenceObject(object: Opaque) -> usize;
    pub fn ObfDereferenceObject(object: Opaque) -> usize;
    pub fn IoThreadToProcess(thread: Opaque) -> Opaque;
    pub fn PsGetCurrentThread() -> Opaque;
    pub fn PsGetThreadId(thread: Opaque) -> usize;
    pub fn PsGetProcessId(process: Opaque) -> usize;
    pub fn PsLookupProcessByProcessId(pid: usize, process: &mut Opaque) -> Status;
    pub fn PsSetCreateProcessNotifyRoutineEx(routine: ProcessNotify, remove: u8) -> Status;

    pub fn FltRegisterFilter(driver: Opaque, registration: Opaque, filter: &mut Opaque) -> Status;
    pub fn FltStartFiltering(filter: Opaque) -> Status;
    pub fn FltUnregisterFilter(filter: Opaque);
    pub fn FltSetCallbackDataDirty(data: &mut CallbackData);
    pub fn FltCompletePendedPreOperation(data: &mut CallbackData, status: u32, context: usize);
    pub fn FltGetFileNameInformation(data: &mut CallbackData, options: u32, name: &mut Opaque) -> Status;
    pub fn FltReleaseFileNameInformation(name: Opaque);
    pub fn FltAllocateContext(
        filter: Opaque,
        kind: u16,
        bytes: usize,
        pool: i32,
        context: &mut Opaque,
    ) -> Status;
    pub fn FltSetStreamContext(
        instance: Opaque,
        file: Opaque,
        operation: u32,
        new: Opaque,
        old: *mut Opaque,
    ) -> Status;
    pub fn FltGetStreamContext(instance: Opaque, file: Opaque, context: &mut Opaque) -> Status;
    pub fn FltReleaseContext(context: Opaque);
    pub fn FltObjectReference(object: Opaque) -> Status;
    pub fn FltObjectDereference(object: Opaque);
    pub fn FltInitializePushLock(lock: *mut usize);
    pub fn FltDeletePushLock(lock: *mut usize);
    pub fn FltAcquirePushLockExclusive(lock: *mut usize);
    pub fn FltReleasePushLock(lock: *mut usize);
    pub fn FltGetCopyInformationFromCallbackData(
        data: &mut CallbackData,
        copy: &mut CopyInformation,
    ) -> Status;
    pub fn FltBuildDefaultSecurityDescriptor(descriptor: &mut Opaque, access: u32) -> Status;
    pub fn FltFreeSecurityDescriptor(descriptor: Opaque);
    pub fn FltCreateCommunicationPort(
        filter: Opaque,
        port: &mut Opaque,
        attributes: *const ObjectAttributes,
        cookie: Opaque,
        connect: Connect,
        disconnect: Disconnect,
        message: Option<Message>,
        connections: i32,
    ) -> Status;
    pub fn FltCloseCommunicationPort(port: Opaque);
    pub fn FltCloseClientPort(filter: Opaque, port: *mut Opaque);
    pub fn FltSendMessage(
        filter: Opaque,
        port: *const Opaque,
        message: *const u8,
        bytes: u32,
        reply: *mut u8,
        reply_bytes: *mut u32,
        timeout: *const i64,
    ) -> Status;
    pub fn FltGetEcpListFromCallbackData(
        filter: Opaque,
        data: &mut CallbackData,
        list: &mut Opaque,
    ) -> Status;
    pub fn FltFindExtraCreateParameter(
        filter: Opaque,
        list: Opaque,
        kind: *const Guid,
        context: &mut *mut u8,
        bytes: &mut u32,
    ) -> Status;
    pub fn FltIsEcpFromUserMode(filter: Opaque, context: *mut u8) -> u8;
}

unsafe extern "C" {
    pub fn DbgPrintEx(component: u32, level: u32, format: *const u8, ...) -> u32;
}

#[repr(C)]
pub struct Guid(pub u32, pub u16, pub u16, pub [u8; 8]);

pub type ProcessNotify = unsafe extern "system" fn(Opaque, usize, Opaque);
pub type Connect = unsafe extern "system" fn(Opaque, Opaque, *const u8, u32, &mut Opaque) -> Status;
pub type Disconnect = unsafe extern "system" fn(Opaque);
pub type Message = unsafe extern "system" fn(Opaque, *const u8, u32, *mut u8, u32, &mut u32) -> Status;

/// A variable of the driver. The simulator runs one callback of an offender at a time.
pub struct Global<T>(UnsafeCell<T>);

unsafe impl<T> Sync for Global<T> {}

impl<T: Copy> Global<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub fn get(&self) -> T {
        unsafe { self.0.get().read_volatile() }
    }

    pub fn set(&self, value: T) {
        unsafe { self.0.get().write_volatile(value) }
    }

    pub fn ptr(&self) -> *mut T {
        self.0.get()
    }
}

pub static FILTER: Global<Opaque> = Global::new(null_mut());

/// Whether this is the mended twin, which does the same without breaking the rule.
pub const MENDED: bool = cfg!(mended);

const MAX_OPERATIONS: usize = 4;

/// What an offender registers.
pub struct Driver {
    operations: [Operation; MAX_OPERATIONS + 1],
    count: usize,
    unload: Unload,
}

impl Driver {
    pub fn new() -> Self {
        const NONE: Operation =
            Operation { major: OPERATION_END, flags: 0, pre: None, post: None, reserved: null_mut() };
        Self { operations: [NONE; MAX_OPERATIONS + 1], count: 0, unload: unregister }
    }

    pub fn on(mut self, major: u8, pre: Pre, post: Option<Post>) -> Self {
        let entry = unsafe { &mut *self.operations.as_mut_ptr().add(self.count) };
        entry.major = major;
        entry.pre = Some(pre);
        entry.post = post;
        self.count += 1;
        self
    }

    pub fn unload(mut self, unload: Unload) -> Self {
        self.unload = unload;
        self
    }

    pub unsafe fn register(self, driver: Opaque) -> Status {
        let context = |kind| Context {
            kind,
            flags: 0,
            cleanup: null_mut(),
            size: CONTEXT_BYTES,
            tag: TAG,
            allocate: null_mut(),
            free: null_mut(),
            reserved: null_mut(),
        };
        let contexts = [context(STREAM_CONTEXT), context(CONTEXT_END)];
        let registration = Registration {
            size: size_of::<Registration>() as u16,
            version: 0x0203,
            flags: 0,
            contexts: contexts.as_ptr(),
            operations: self.operations.as_ptr(),
            unload: self.unload,
            rest: [null_mut(); 10],
        };
        let mut filter = null_mut();
        let status =
            unsafe { FltRegisterFilter(driver, (&raw const registration).cast_mut().cast(), &mut filter) };
        FILTER.set(filter);
        status
    }

    pub unsafe fn start(self, driver: Opaque) -> Status {
        let status = unsafe { self.register(driver) };
        if status < 0 {
            return status;
        }
        let status = unsafe { FltStartFiltering(FILTER.get()) };
        if status < 0 {
            unsafe { FltUnregisterFilter(FILTER.get()) };
        }
        status
    }
}

/// Unregisters the filter, as the unload callback of most drivers does.
pub unsafe extern "system" fn unregister(_flags: u32) -> Status {
    unsafe { FltUnregisterFilter(FILTER.get()) };
    SUCCESS
}

/// A communication port that anybody may connect to who is privileged.
pub unsafe fn open_port(
    connect: Connect,
    disconnect: Disconnect,
    message: Option<Message>,
) -> (Status, Opaque) {
    const NAME: &[u16] = &[b'\\' as u16, b'O' as u16, b'f' as u16, b'f' as u16, b'n' as u16];
    const CASE_INSENSITIVE_KERNEL_HANDLE: u32 = 0x240;
    const PORT_ALL_ACCESS: u32 = 0x001F_0001;
    let bytes = size_of_val(NAME) as u16;
    let name = UnicodeString { length: bytes, maximum: bytes, buffer: NAME.as_ptr() };
    let mut security = null_mut();
    let status = unsafe { FltBuildDefaultSecurityDescriptor(&mut security, PORT_ALL_ACCESS) };
    if status < 0 {
        return (status, null_mut());
    }
    let attributes = ObjectAttributes {
        length: size_of::<ObjectAttributes>() as u32,
        root: null_mut(),
        name: &name,
        attributes: CASE_INSENSITIVE_KERNEL_HANDLE,
        security,
        quality: null_mut(),
    };
    let mut port = null_mut();
    let status = unsafe {
        FltCreateCommunicationPort(
            FILTER.get(),
            &mut port,
            &attributes,
            null_mut(),
            connect,
            disconnect,
            message,
            1,
        )
    };
    unsafe { FltFreeSecurityDescriptor(security) };
    (status, port)
}

/// The parameters of an operation.
pub fn iopb(data: &mut CallbackData) -> &mut Iopb {
    unsafe { &mut *data.iopb }
}

pub unsafe fn null_timeout() -> *const i64 {
    null()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe { KeBugCheckEx(0x5250_4E43, 0, 0, 0, 0) }
}

/// What the compiler calls and no library is linked for.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    for index in 0..count {
        unsafe { to.add(index).write_volatile(byte as u8) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    for index in 0..count {
        unsafe { to.add(index).write_volatile(from.add(index).read()) };
    }
    to
}
