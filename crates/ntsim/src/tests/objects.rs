//! Events, processes and tokens by handle, references, and what is asked about processes, processors and stacks.

use super::driver::{self, Filter, SEEN, SUCCESS_NO_CALLBACK, nt, pointer, status};
use super::{Machine, PID, TID, configured};
use crate::abi::{CallbackData, ObjectAttributes, Ptr, RelatedObjects, Shared, SharedText, UnicodeString};
use crate::sim::{CreateSpec, Major};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Config, ProcessSpec, Windows};

const KERNEL_HANDLE: u32 = 0x200;
const OPEN_IF: u32 = 0x80;

/// Attributes with a name or without.
fn attributes(name: Option<&Shared<UnicodeString>>, attributes: u32) -> Shared<ObjectAttributes> {
    Shared::new(ObjectAttributes {
        length: 48,
        root_directory: Ptr::NULL,
        object_name: name.map_or(Ptr::NULL, Shared::ptr),
        attributes,
        security_descriptor: Ptr::NULL,
        security_quality_of_service: Ptr::NULL,
    })
}

#[test]
fn events_have_handles_states_and_names() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let text = SharedText::new(r"\BaseNamedObjects\ready".to_owned());
        let name = Shared::new(text.descriptor());
        let handle = Shared::new(0usize);
        let at = handle.ptr().address();
        let unnamed = attributes(None, KERNEL_HANDLE);
        assert_eq!(
            status("ZwCreateEvent", &[at, 0, unnamed.ptr().address(), 2, 0]),
            NtStatus::INVALID_PARAMETER
        );
        // A synchronization event satisfies one wait.
        assert_eq!(status("ZwCreateEvent", &[at, 0, unnamed.ptr().address(), 1, 1]), NtStatus::SUCCESS);
        let event = handle.get();
        let now = Shared::new(0i64);
        let wait = |handle: usize| status("ZwWaitForSingleObject", &[handle, 0, now.ptr().address()]);
        assert_eq!([wait(event), wait(event)], [NtStatus::SUCCESS, NtStatus::TIMEOUT]);
        let before = Shared::new(7i32);
        assert_eq!(status("ZwSetEvent", &[event, before.ptr().address()]), NtStatus::SUCCESS);
        assert_eq!(before.get(), 0);
        assert_eq!(status("ZwResetEvent", &[event, before.ptr().address()]), NtStatus::SUCCESS);
        assert_eq!((before.get(), wait(event)), (1, NtStatus::TIMEOUT));
        status("ZwSetEvent", &[event, 0]);
        status("ZwClearEvent", &[event]);
        assert_eq!(wait(event), NtStatus::TIMEOUT);
        // The object behind it is an event that pointers wait for, too.
        let object = Shared::new(Ptr::<()>::NULL);
        let event_type = Ptr::<usize>::at(driver::system_routine("ExEventObjectType")).read();
        let reference = [event, 0, event_type, 0, object.ptr().address(), 0];
        assert_eq!(status("ObReferenceObjectByHandle", &reference), NtStatus::SUCCESS);
        nt("KeSetEvent", &[object.get().address(), 0, 0]);
        assert_eq!(wait(event), NtStatus::SUCCESS);
        assert_eq!(status("ZwClose", &[event]), NtStatus::SUCCESS);
        nt("KeSetEvent", &[object.get().address(), 0, 0]);
        nt("ObfDereferenceObject", &[object.get().address()]);
        // By name: made once, and gone with its last handle.
        let named = attributes(Some(&name), KERNEL_HANDLE);
        let open_if = attributes(Some(&name), KERNEL_HANDLE | OPEN_IF);
        let open = || status("ZwOpenEvent", &[at, 0, named.ptr().address()]);
        assert_eq!(open(), NtStatus::OBJECT_NAME_NOT_FOUND);
        let create = |attributes: &Shared<ObjectAttributes>| {
            status("ZwCreateEvent", &[at, 0, attributes.ptr().address(), 0, 0])
        };
        assert_eq!(create(&named), NtStatus::SUCCESS);
        let first = handle.get();
        assert_eq!(create(&named), NtStatus::OBJECT_NAME_COLLISION);
        assert_eq!(create(&open_if), NtStatus::OBJECT_NAME_EXISTS);
        let second = handle.get();
        assert_eq!(open(), NtStatus::SUCCESS);
        let third = handle.get();
        assert_eq!(status("ZwSetEvent", &[second, 0]), NtStatus::SUCCESS);
        assert_eq!([wait(first), wait(third)], [NtStatus::SUCCESS; 2], "it is the same, and stays signalled");
        for handle in [first, second, third] {
            status("ZwClose", &[handle]);
        }
        assert_eq!(open(), NtStatus::OBJECT_NAME_NOT_FOUND);
        // IoCreate...Event makes it signalled, or opens what is there.
        let by_name = |routine: &str| nt(routine, &[name.ptr().address(), at]);
        let made = by_name("IoCreateSynchronizationEvent");
        let own = handle.get();
        assert_eq!([wait(own), wait(own)], [NtStatus::SUCCESS, NtStatus::TIMEOUT]);
        assert_eq!(by_name("IoCreateNotificationEvent"), made);
        status("ZwClose", &[handle.get()]);
        status("ZwClose", &[own]);
        let fresh = by_name("IoCreateNotificationEvent");
        assert_ne!(fresh, 0);
        let own = handle.get();
        assert_eq!([wait(own), wait(own)], [NtStatus::SUCCESS; 2]);
        status("ZwClose", &[own]);
        Filter::default().unload(driver::unregister).start(driver)
    }
    let machine = Machine::new(entry);
    machine.expect_no_violation();
    machine.unload_cleanly();
}

#[test]
fn a_handle_that_is_no_event_s_is_refused() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let ids = Shared::new([PID as usize, 0]);
        let (handle, none) = (Shared::new(0usize), attributes(None, KERNEL_HANDLE));
        let open = [handle.ptr().address(), 0, none.ptr().address(), ids.ptr().address()];
        assert_eq!(status("ZwOpenProcess", &open), NtStatus::SUCCESS);
        assert_eq!(status("ZwSetEvent", &[handle.get(), 0]), NtStatus::OBJECT_TYPE_MISMATCH);
        status("ZwClose", &[handle.get()]);
        assert_eq!(status("ZwSetEvent", &[handle.get(), 0]), NtStatus::INVALID_HANDLE);
        Filter::default().start(driver)
    }
    let machine = Machine::new(entry);
    machine.expect_violation(Rule::ObjectReference, "test DriverEntry");
}

#[test]
fn processes_and_tokens_are_opened_by_number_and_handle() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let handle = Shared::new(0usize);
        let none = attributes(None, KERNEL_HANDLE);
        let open = |process: usize, thread: usize| {
            let ids = Shared::new([process, thread]);
            let arguments = [handle.ptr().address(), 0, none.ptr().address(), ids.ptr().address()];
            status("ZwOpenProcess", &arguments)
        };
        assert_eq!(open(77_777, 0), NtStatus::INVALID_CID);
        assert_eq!(open(0, TID as usize), NtStatus::SUCCESS);
        status("ZwClose", &[handle.get()]);
        assert_eq!(open(PID as usize, 0), NtStatus::SUCCESS);
        let process = handle.get();
        let basic = Shared::new([0usize; 6]);
        let query = [process, 0, basic.ptr().address(), 48, 0];
        assert_eq!(status("ZwQueryInformationProcess", &query), NtStatus::SUCCESS);
        assert_eq!(basic.get()[4], PID as usize);
        let at = handle.ptr().address();
        assert_eq!(status("ZwOpenProcessTokenEx", &[process, 8, 0x200, at]), NtStatus::SUCCESS);
        let token = handle.get();
        let session = Shared::new(99u32);
        let query = [token, 12, session.ptr().address(), 4, at];
        assert_eq!(status("ZwQueryInformationToken", &query), NtStatus::SUCCESS);
        assert_eq!(session.get(), 0);
        assert_eq!(status("ZwOpenProcessTokenEx", &[token, 8, 0x200, at]), NtStatus::OBJECT_TYPE_MISMATCH);
        let current = usize::MAX - 1;
        assert_eq!(status("ZwOpenThreadTokenEx", &[current, 8, 1, 0x200, at]), NtStatus::NO_TOKEN);
        status("ZwClose", &[token]);
        status("ZwClose", &[process]);
        Filter::default().unload(driver::unregister).start(driver)
    }
    let machine = Machine::new(entry);
    machine.expect_no_violation();
    machine.unload_cleanly();
}

#[test]
fn references_are_counted_however_they_are_taken() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let process = Shared::new(Ptr::<()>::NULL);
        status("PsLookupProcessByProcessId", &[PID as usize, process.ptr().address()]);
        let object = process.get().address();
        let of_type = |name: &str| Ptr::<usize>::at(driver::system_routine(name)).read();
        let wrong = [object, 0, of_type("PsThreadType"), 0];
        assert_eq!(status("ObReferenceObjectByPointer", &wrong), NtStatus::OBJECT_TYPE_MISMATCH);
        let right = [object, 0, of_type("PsProcessType"), 0, 0x6761_5454];
        assert_eq!(status("ObReferenceObjectByPointer", &right), NtStatus::SUCCESS);
        assert_eq!(status("ObReferenceObjectByPointerWithTag", &right), NtStatus::SUCCESS);
        assert_eq!(nt("ObfReferenceObjectWithTag", &[object, 0x6761_5454]), 4);
        assert_eq!(nt("ObfDereferenceObjectWithTag", &[object, 0x6761_5454]), 3);
        nt("ObDereferenceObjectDeferDelete", &[object]);
        assert_eq!([nt("ObfDereferenceObject", &[object]), nt("ObfDereferenceObject", &[object])], [1, 0]);
        Filter::default().unload(driver::unregister).start(driver)
    }
    let machine = Machine::new(entry);
    machine.expect_no_violation();
    machine.unload_cleanly();
}

#[test]
fn a_process_tells_its_parent_session_and_name() {
    extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let process = nt("PsGetCurrentThreadProcess", &[]);
        let thread = nt("PsGetCurrentThread", &[]);
        assert_eq!(nt("PsGetThreadProcess", &[thread]), process);
        assert_eq!(nt("PsGetCurrentThreadProcessId", &[]), 2000);
        let low = |value: usize| value & 0xFFFF_FFFF;
        assert_eq!(low(nt("PsGetProcessSessionId", &[process])), 2);
        assert_eq!(low(nt("PsGetProcessSessionIdEx", &[process])), 2);
        assert_eq!(low(nt("PsGetCurrentProcessSessionId", &[])), 2);
        assert_eq!(status("PsGetProcessExitStatus", &[process]), NtStatus::PENDING);
        assert_eq!(nt("PsIsProtectedProcess", &[process]) & 0xFF, 0);
        let system = Ptr::<usize>::at(driver::system_routine("PsInitialSystemProcess")).read();
        assert_eq!(nt("PsIsProtectedProcessLight", &[system]) & 0xFF, 1);
        let name = |process: usize| Ptr::<[u8; 15]>::at(nt("PsGetProcessImageFileName", &[process])).read();
        assert_eq!(&name(process), b"averylongname.\0", "fourteen bytes of it");
        assert_eq!(&name(system)[..7], b"System\0");
        assert_eq!(nt("PsGetProcessInheritedFromUniqueProcessId", &[process]), PID as usize);
        assert_eq!(nt("ExGetPreviousMode", &[]) & 0xFF, 1);
        SEEN.set(usize::MAX);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        assert_eq!(nt("ExGetPreviousMode", &[]) & 0xFF, 0);
        Filter::default().on(Major::Create, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let spec = ProcessSpec::new(r"C:\Tools\averylongname.exe").pid(2000).parent(PID).session(2);
    let process = machine.sim.add_process(spec).expect("the PID is free");
    let thread = machine.sim.add_thread(process, None).expect("TIDs are free");
    SEEN.set(0);
    machine.sim.create(thread, &CreateSpec::new(r"C:\a")).expect("the file opens");
    assert_eq!(SEEN.get(), usize::MAX);
    machine.expect_no_violation();
}

#[test]
fn processors_priorities_and_stacks_are_told() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let low = |value: usize| value & 0xFFFF_FFFF;
        let mask = Shared::new(0usize);
        assert_eq!(low(nt("KeQueryActiveProcessorCount", &[mask.ptr().address()])), 3);
        assert_eq!((mask.get(), nt("KeQueryActiveProcessors", &[])), (0b111, 0b111));
        assert_eq!(low(nt("KeQueryMaximumProcessorCount", &[])), 3);
        assert_eq!(
            [0, 0xFFFF, 1].map(|group| low(nt("KeQueryMaximumProcessorCountEx", &[group]))),
            [3, 3, 0]
        );
        let thread = nt("KeGetCurrentThread", &[]);
        assert_eq!(low(nt("KeQueryPriorityThread", &[thread])), 8);
        assert_eq!(low(nt("KeSetPriorityThread", &[thread, 16])), 8);
        assert_eq!(low(nt("KeQueryPriorityThread", &[thread])), 16);
        let here = 0u8;
        let here = Ptr::of(&raw const here).address();
        let limits = [Shared::new(0usize), Shared::new(0usize)];
        nt("IoGetStackLimits", &[limits[0].ptr().address(), limits[1].ptr().address()]);
        let [bottom, top] = [limits[0].get(), limits[1].get()];
        assert!((bottom..top).contains(&here));
        let left = nt("IoGetRemainingStackSize", &[]);
        assert!(left > 4096 && left <= here - bottom, "{left}");
        let mutex = Shared::new([0usize; 7]);
        let at = mutex.ptr().address();
        nt("KeInitializeGuardedMutex", &[at]);
        assert_eq!(nt("KeTryToAcquireGuardedMutex", &[at]) & 0xFF, 1);
        nt("KeReleaseGuardedMutex", &[at]);
        nt("KeAcquireGuardedMutexUnsafe", &[at]);
        nt("KeReleaseGuardedMutexUnsafe", &[at]);
        Filter::default().start(driver)
    }
    let (sim, ..) = configured(Config::new(Windows::Win11_24H2).processors(3));
    sim.load_native(pointer(entry), "test").expect("it loads");
    assert_eq!(sim.violations(), []);
}
