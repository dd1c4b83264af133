//! Breaks no rule: names, contexts, pool, locks, a port, a notify routine, all as they should be.

#![no_std]
#![no_main]

mod support;
use support::*;

use core::ptr::null_mut;

static PORT: Global<Opaque> = Global::new(null_mut());
static CLIENT: Global<Opaque> = Global::new(null_mut());

unsafe extern "system" fn connect(client: Opaque, _: Opaque, _: *const u8, _: u32, _: &mut Opaque) -> Status {
    CLIENT.set(client);
    SUCCESS
}

unsafe extern "system" fn disconnect(_: Opaque) {
    unsafe { FltCloseClientPort(FILTER.get(), CLIENT.ptr()) };
}

static LOCK: Global<usize> = Global::new(0);
static WRITES: Global<u64> = Global::new(0);

unsafe extern "system" fn notify(_: Opaque, _: usize, _: Opaque) {}

/// Sets a new stream context, unless the stream has one.
unsafe fn set_context(objects: &Objects) {
    let (mut new, mut old) = (null_mut(), null_mut());
    unsafe {
        if FltAllocateContext(FILTER.get(), STREAM_CONTEXT, CONTEXT_BYTES, NON_PAGED_POOL_NX, &mut new) < 0 {
            return;
        }
        FltSetStreamContext(objects.instance, objects.file, KEEP_IF_EXISTS, new, &mut old);
        FltReleaseContext(new);
        if !old.is_null() {
            FltReleaseContext(old);
        }
    }
}

unsafe extern "system" fn pre_create(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    SUCCESS_WITH_CALLBACK
}

unsafe extern "system" fn post_create(data: &mut CallbackData, objects: &Objects, _: usize, _: u32) -> u32 {
    let mut name = null_mut();
    unsafe {
        if data.io_status.status == SUCCESS {
            set_context(objects);
            if FltGetFileNameInformation(data, NAME_NORMALIZED, &mut name) >= 0 {
                FltReleaseFileNameInformation(name);
            }
        }
    }
    FINISHED_PROCESSING
}

unsafe extern "system" fn pre_write(
    data: &mut CallbackData,
    objects: &Objects,
    completion: &mut usize,
) -> u32 {
    let mut context = null_mut();
    unsafe {
        if FltGetStreamContext(objects.instance, objects.file, &mut context) < 0 {
            return SUCCESS_NO_CALLBACK;
        }
        if !data.thread.is_null() {
            PsGetProcessId(IoThreadToProcess(data.thread));
        }
        *completion = context.addr();
    }
    SUCCESS_WITH_CALLBACK
}

unsafe extern "system" fn post_write(_: &mut CallbackData, _: &Objects, completion: usize, _: u32) -> u32 {
    WRITES.set(WRITES.get() + 1);
    unsafe { FltReleaseContext(core::ptr::without_provenance_mut(completion)) };
    FINISHED_PROCESSING
}

unsafe extern "system" fn pre_cleanup(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    unsafe {
        FltAcquirePushLockExclusive(LOCK.ptr());
        let block = ExAllocatePool2(PAGED, 64, TAG);
        if !block.is_null() {
            block.write_volatile(1);
            ExFreePoolWithTag(block, TAG);
        }
        FltReleasePushLock(LOCK.ptr());
    }
    SUCCESS_NO_CALLBACK
}

unsafe extern "system" fn unload(flags: u32) -> Status {
    unsafe {
        PsSetCreateProcessNotifyRoutineEx(notify, 1);
        FltCloseCommunicationPort(PORT.get());
        let status = unregister(flags);
        FltDeletePushLock(LOCK.ptr());
        status
    }
}

unsafe fn open(driver: Opaque) -> Status {
    unsafe {
        let filter = Driver::new()
            .on(CREATE, pre_create, Some(post_create))
            .on(WRITE, pre_write, Some(post_write))
            .on(CLEANUP, pre_cleanup, None);
        let status = filter.unload(unload).register(driver);
        if status < 0 {
            return status;
        }
        let (mut status, port) = open_port(connect, disconnect, None);
        if status >= 0 {
            PORT.set(port);
            status = FltStartFiltering(FILTER.get());
            if status >= 0 {
                return status;
            }
            FltCloseCommunicationPort(port);
        }
        FltUnregisterFilter(FILTER.get());
        status
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe {
        let status = PsSetCreateProcessNotifyRoutineEx(notify, 0);
        if status < 0 {
            return status;
        }
        FltInitializePushLock(LOCK.ptr());
        let status = open(driver);
        if status < 0 {
            FltDeletePushLock(LOCK.ptr());
            PsSetCreateProcessNotifyRoutineEx(notify, 1);
        }
        status
    }
}
