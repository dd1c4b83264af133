//! What a driver written inside a test needs: a registration, and calls of the routines by name.

use std::cell::Cell;

use crate::abi::{
    Address, ContextRegistration, FileObject, IoParameterBlock, ObjectAttributes, OperationRegistration, Ptr,
    Registration, RelatedObjects, Shared, SharedText,
};
use crate::exports::ROUTINES;
use crate::io::driver::status_of;
use crate::ke::cpu;
use crate::sim::Major;
use crate::status::NtStatus;

pub(super) type EntryPoint = extern "win64" fn(usize, usize) -> u32;
pub(super) type Pre =
    extern "win64" fn(Ptr<crate::abi::CallbackData>, Ptr<RelatedObjects>, Ptr<usize>) -> u32;
pub(super) type Post =
    extern "win64" fn(Ptr<crate::abi::CallbackData>, Ptr<RelatedObjects>, usize, u32) -> u32;

pub(super) const SUCCESS_WITH_CALLBACK: u32 = 0;
pub(super) const SUCCESS_NO_CALLBACK: u32 = 1;
pub(super) const FINISHED_PROCESSING: u32 = 0;

/// `NonPagedPoolNx`
pub(super) const NON_PAGED_POOL_NX: usize = 512;
/// `POOL_FLAG_NON_PAGED`
pub(super) const NON_PAGED: usize = 0x40;
/// `POOL_FLAG_PAGED`
pub(super) const PAGED: usize = 0x100;
pub(super) const TAG: usize = 0x7473_6554;

/// `FLT_CONTEXT_TYPE`
pub(super) const INSTANCE_CONTEXT: u16 = 2;
pub(super) const STREAM_CONTEXT: u16 = 8;
/// Size of the contexts that [`Filter`] registers.
pub(super) const CONTEXT_BYTES: usize = 24;

pub(super) fn pointer(entry: EntryPoint) -> Ptr {
    Ptr::of((entry as *const ()).cast())
}

/// Calls a routine by its name, as an import would be called.
pub(super) fn nt(routine: &str, arguments: &[usize]) -> usize {
    let routine = ROUTINES.iter().find(|known| known.name == routine).expect(routine);
    let address = (routine.address)();
    // More arguments than `invoke` knows go through the widest of the routines' signatures.
    match *arguments {
        [] | [_] | [_, _] | [_, _, _] | [_, _, _, _] | [_, _, _, _, _] => {
            cpu::invoke(Ptr::at(address), arguments)
        }
        _ => {
            type Wide = extern "win64" fn(
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
                usize,
            ) -> usize;
            let mut all = [0; 18];
            all[..arguments.len()].copy_from_slice(arguments);
            // SAFETY: by this calling convention the caller cleans up, so that extra arguments are harmless.
            let function = unsafe { std::mem::transmute::<usize, Wide>(address) };
            let at = |index: usize| all[index];
            function(
                at(0),
                at(1),
                at(2),
                at(3),
                at(4),
                at(5),
                at(6),
                at(7),
                at(8),
                at(9),
                at(10),
                at(11),
                at(12),
                at(13),
                at(14),
                at(15),
                at(16),
                at(17),
            )
        }
    }
}

/// Calls a routine that returns a status.
pub(super) fn status(routine: &str, arguments: &[usize]) -> NtStatus {
    status_of(nt(routine, arguments))
}

thread_local! {
    /// The filter that the driver under test registered.
    pub(super) static FILTER: Cell<Ptr> = const { Cell::new(Ptr::NULL) };
    /// Number of context cleanup callbacks.
    pub(super) static CLEANUPS: Cell<usize> = const { Cell::new(0) };
    /// Number of instance setups and teardowns.
    pub(super) static ATTACHED: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    /// What a test's driver puts aside for its test to see.
    pub(super) static SEEN: Cell<usize> = const { Cell::new(0) };
}

/// A filter's registration.
#[derive(Default)]
pub(super) struct Filter {
    operations: Vec<(Major, u32, Option<Pre>, Option<Post>)>,
    unload: Option<extern "win64" fn(u32) -> u32>,
    instance_setup: Option<InstanceSetup>,
    query_teardown: Option<QueryTeardown>,
    teardown_start: Option<Teardown>,
    cleanup: Option<Cleanup>,
    more_kinds: Vec<u16>,
    notification: Option<Notification>,
}

type QueryTeardown = extern "win64" fn(Ptr<RelatedObjects>, u32) -> u32;
type Cleanup = extern "win64" fn(Ptr, u16);
type Teardown = extern "win64" fn(Ptr<RelatedObjects>, u32);
type Notification = extern "win64" fn(Ptr<RelatedObjects>, Ptr, u32) -> u32;
type InstanceSetup = extern "win64" fn(usize, u32, u32, u32) -> u32;

extern "win64" fn count_cleanup(_context: Ptr, _kind: u16) {
    CLEANUPS.set(CLEANUPS.get() + 1);
}

extern "win64" fn count_setup(_objects: usize, _flags: u32, _device: u32, _file_system: u32) -> u32 {
    ATTACHED.set((ATTACHED.get().0 + 1, ATTACHED.get().1));
    0
}

extern "win64" fn count_teardown(_objects: Ptr<RelatedObjects>, _reason: u32) {
    ATTACHED.set((ATTACHED.get().0, ATTACHED.get().1 + 1));
}

/// Unregisters the filter, as most unload callbacks do.
pub(super) extern "win64" fn unregister(_flags: u32) -> u32 {
    nt("FltUnregisterFilter", &[FILTER.get().address()]);
    0
}

impl Filter {
    /// Registers callbacks for a major function.
    pub(super) fn on(self, major: Major, pre: Pre, post: Option<Post>) -> Self {
        self.on_with_flags(major, 0, pre, post)
    }

    pub(super) fn on_with_flags(mut self, major: Major, flags: u32, pre: Pre, post: Option<Post>) -> Self {
        self.operations.push((major, flags, Some(pre), post));
        self
    }

    pub(super) fn unload(mut self, unload: extern "win64" fn(u32) -> u32) -> Self {
        self.unload = Some(unload);
        self
    }

    pub(super) fn instance_setup(mut self, setup: InstanceSetup) -> Self {
        self.instance_setup = Some(setup);
        self
    }

    pub(super) fn query_teardown(mut self, query: QueryTeardown) -> Self {
        self.query_teardown = Some(query);
        self
    }

    pub(super) fn teardown_start(mut self, start: Teardown) -> Self {
        self.teardown_start = Some(start);
        self
    }

    /// Registers more kinds of contexts.
    pub(super) fn with_contexts(mut self, kinds: &[u16]) -> Self {
        self.more_kinds = kinds.to_vec();
        self
    }

    /// The cleanup callback of every kind of context.
    pub(super) fn cleaning_up(mut self, cleanup: Cleanup) -> Self {
        self.cleanup = Some(cleanup);
        self
    }

    /// The callback for transactions in which it takes part.
    pub(super) fn notified(mut self, notification: Notification) -> Self {
        self.notification = Some(notification);
        self
    }

    /// `FltRegisterFilter`.
    fn register(&self, driver: usize) -> NtStatus {
        let address = |function: *const ()| Ptr::of(function.cast());
        let end = OperationRegistration {
            major_function: 0x80,
            flags: 0,
            pre_operation: Ptr::NULL,
            post_operation: Ptr::NULL,
            reserved: Ptr::NULL,
        };
        let operations: Vec<_> = self
            .operations
            .iter()
            .map(|(major, flags, pre, post)| OperationRegistration {
                major_function: *major as u8,
                flags: *flags,
                pre_operation: pre.map_or(Ptr::NULL, |pre| address(pre as *const ())),
                post_operation: post.map_or(Ptr::NULL, |post| address(post as *const ())),
                reserved: Ptr::NULL,
            })
            .chain([end])
            .collect();
        let context = |context_type| ContextRegistration {
            context_type,
            flags: 0,
            cleanup: address(self.cleanup.unwrap_or(count_cleanup) as *const ()),
            size: CONTEXT_BYTES,
            pool_tag: 0x7478_4354,
            allocate: Ptr::NULL,
            free: Ptr::NULL,
            reserved: Ptr::NULL,
        };
        let kinds = [INSTANCE_CONTEXT, STREAM_CONTEXT].into_iter().chain(self.more_kinds.iter().copied());
        let contexts: Vec<_> = kinds.chain([0xFFFF]).map(context).collect();
        let unload = self.unload.unwrap_or(unregister);
        let registration = Shared::new(Registration {
            size: 112,
            version: 0x0203,
            flags: 0,
            context_registration: Ptr::of(contexts.as_ptr()),
            operation_registration: Ptr::of(operations.as_ptr()),
            filter_unload: address(unload as *const ()),
            instance_setup: address(self.instance_setup.unwrap_or(count_setup) as *const ()),
            instance_query_teardown: self
                .query_teardown
                .map_or(Ptr::NULL, |query| address(query as *const ())),
            instance_teardown_start: address(self.teardown_start.unwrap_or(count_teardown) as *const ()),
            instance_teardown_complete: Ptr::NULL,
            generate_file_name: Ptr::NULL,
            normalize_name_component: Ptr::NULL,
            normalize_context_cleanup: Ptr::NULL,
            transaction_notification: self
                .notification
                .map_or(Ptr::NULL, |notification| address(notification as *const ())),
            normalize_name_component_ex: Ptr::NULL,
            section_notification: Ptr::NULL,
        });
        let filter = Shared::new(Ptr::NULL);
        let status =
            status("FltRegisterFilter", &[driver, registration.ptr().address(), filter.ptr().address()]);
        FILTER.set(filter.get());
        status
    }

    /// `FltRegisterFilter` and `FltStartFiltering`.
    pub(super) fn start(&self, driver: usize) -> u32 {
        match self.register(driver).ok() {
            Ok(()) => status("FltStartFiltering", &[FILTER.get().address()]).0,
            Err(status) => status.0,
        }
    }
}

/// The parameters of an operation.
pub(super) fn iopb(data: Ptr<crate::abi::CallbackData>) -> IoParameterBlock {
    data.read().iopb.read()
}

/// The instance and the file object of a callback.
pub(super) fn target(objects: Ptr<RelatedObjects>) -> (usize, Ptr<FileObject>) {
    let objects = objects.read();
    (objects.instance.address(), objects.file_object)
}

/// `FltAllocateContext`, which must succeed.
pub(super) fn allocate_context(kind: u16) -> Address {
    let context = Shared::new(0usize);
    let arguments = [
        FILTER.get().address(),
        usize::from(kind),
        CONTEXT_BYTES,
        NON_PAGED_POOL_NX,
        context.ptr().address(),
    ];
    assert_eq!(status("FltAllocateContext", &arguments), NtStatus::SUCCESS);
    context.get()
}

/// `PsCreateSystemThread`, which must succeed; returns its handle.
pub(super) fn start_thread(start: extern "win64" fn(usize), argument: usize) -> usize {
    let attributes = Shared::new(ObjectAttributes {
        length: 48,
        root_directory: Ptr::NULL,
        object_name: Ptr::NULL,
        attributes: 0x200,
        security_descriptor: Ptr::NULL,
        security_quality_of_service: Ptr::NULL,
    });
    let handle = Shared::new(0usize);
    let start = start as *const () as usize;
    let arguments = [handle.ptr().address(), 0, attributes.ptr().address(), 0, 0, start, argument];
    assert_eq!(status("PsCreateSystemThread", &arguments), NtStatus::SUCCESS);
    handle.get()
}

/// `ExAllocatePool2`.
pub(super) fn allocate(flags: usize, bytes: usize) -> Ptr<u8> {
    Ptr::at(nt("ExAllocatePool2", &[flags, bytes, TAG]))
}

/// `ExFreePoolWithTag`.
pub(super) fn free(block: Ptr<u8>, tag: usize) {
    nt("ExFreePoolWithTag", &[block.address(), tag]);
}

/// `MmGetSystemRoutineAddress`.
pub(super) fn system_routine(name: &str) -> usize {
    let name = SharedText::new(name);
    let descriptor = Shared::new(name.descriptor());
    nt("MmGetSystemRoutineAddress", &[descriptor.ptr().address()])
}
