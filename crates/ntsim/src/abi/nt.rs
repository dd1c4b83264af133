//! Structures of the kernel proper.

use super::{Ptr, abi_structs};

abi_structs! {
    /// `UNICODE_STRING`; lengths in bytes.
    UnicodeString = "_UNICODE_STRING" {
        length: u16 = "Length",
        maximum_length: u16 = "MaximumLength",
        buffer: Ptr<u16> = "Buffer",
    }

    /// `LIST_ENTRY`.
    ListEntry = "_LIST_ENTRY" {
        flink: Ptr = "Flink",
        blink: Ptr = "Blink",
    }

    /// `DISPATCHER_HEADER`, of an event.
    DispatcherHeader = "_DISPATCHER_HEADER" {
        kind: u8 = "Type",
        signalling: u8 = "Signalling",
        size: u8 = "Size",
        reserved: u8 = "Reserved1",
        signal_state: i32 = "SignalState",
        wait_list: ListEntry = "WaitListHead",
    }

    /// `KEVENT`.
    KernelEvent = "_KEVENT" {
        header: DispatcherHeader = "Header",
    }

    /// `OBJECT_ATTRIBUTES`.
    ObjectAttributes = "_OBJECT_ATTRIBUTES" {
        length: u32 = "Length",
        root_directory: Ptr = "RootDirectory",
        object_name: Ptr<UnicodeString> = "ObjectName",
        attributes: u32 = "Attributes",
        security_descriptor: Ptr = "SecurityDescriptor",
        security_quality_of_service: Ptr = "SecurityQualityOfService",
    }

    /// `CLIENT_ID`.
    ClientId = "_CLIENT_ID" {
        process: usize = "UniqueProcess",
        thread: usize = "UniqueThread",
    }

    /// `IO_STATUS_BLOCK`.
    IoStatusBlock = "_IO_STATUS_BLOCK" {
        status: u32 = "Status",
        information: usize = "Information",
    }

    /// `PROCESSOR_NUMBER`.
    ProcessorNumber = "_PROCESSOR_NUMBER" {
        group: u16 = "Group",
        number: u8 = "Number",
        reserved: u8 = "Reserved",
    }

    /// `SECTION_OBJECT_POINTERS`.
    SectionObjectPointers = "_SECTION_OBJECT_POINTERS" {
        data_section_object: Ptr = "DataSectionObject",
        shared_cache_map: Ptr = "SharedCacheMap",
        image_section_object: Ptr = "ImageSectionObject",
    }

    /// `FSRTL_ADVANCED_FCB_HEADER`, the beginning of what `FsContext` points to.
    AdvancedFcbHeader = "_FSRTL_ADVANCED_FCB_HEADER" {
        node_type_code: i16 = "NodeTypeCode",
        node_byte_size: i16 = "NodeByteSize",
        flags: u8 = "Flags",
        is_fast_io_possible: u8 = "IsFastIoPossible",
        flags2: u8 = "Flags2",
        version: u8 = "Version",
        resource: Ptr = "Resource",
        paging_io_resource: Ptr = "PagingIoResource",
        allocation_size: i64 = "AllocationSize",
        file_size: i64 = "FileSize",
        valid_data_length: i64 = "ValidDataLength",
        fast_mutex: Ptr = "FastMutex",
        filter_contexts: ListEntry = "FilterContexts",
        push_lock: usize = "PushLock",
        file_context_support_pointer: Ptr = "FileContextSupportPointer",
        oplock: Ptr = "Oplock",
        reserved_context: Ptr = "ReservedContextLegacy",
    }

    /// `FILE_OBJECT`.
    FileObject = "_FILE_OBJECT" {
        kind: i16 = "Type",
        size: i16 = "Size",
        device_object: Ptr = "DeviceObject",
        vpb: Ptr = "Vpb",
        fs_context: Ptr = "FsContext",
        fs_context2: Ptr = "FsContext2",
        section_object_pointer: Ptr<SectionObjectPointers> = "SectionObjectPointer",
        private_cache_map: Ptr = "PrivateCacheMap",
        final_status: u32 = "FinalStatus",
        related_file_object: Ptr = "RelatedFileObject",
        lock_operation: u8 = "LockOperation",
        delete_pending: u8 = "DeletePending",
        read_access: u8 = "ReadAccess",
        write_access: u8 = "WriteAccess",
        delete_access: u8 = "DeleteAccess",
        shared_read: u8 = "SharedRead",
        shared_write: u8 = "SharedWrite",
        shared_delete: u8 = "SharedDelete",
        flags: u32 = "Flags",
        file_name: UnicodeString = "FileName",
        current_byte_offset: i64 = "CurrentByteOffset",
        waiters: u32 = "Waiters",
        busy: u32 = "Busy",
        last_lock: Ptr = "LastLock",
        lock: KernelEvent = "Lock",
        event: KernelEvent = "Event",
        completion_context: Ptr = "CompletionContext",
        irp_list_lock: usize = "IrpListLock",
        irp_list: ListEntry = "IrpList",
        extension: Ptr = "FileObjectExtension",
    }

    /// `DEVICE_OBJECT`; what lies between the fields is not ntsim's business.
    DeviceObject = "_DEVICE_OBJECT" {
        kind: i16 = "Type",
        size: u16 = "Size",
        reference_count: i32 = "ReferenceCount",
        driver_object: Ptr = "DriverObject",
        next_device: Ptr = "NextDevice",
        attached_device: Ptr = "AttachedDevice",
        current_irp: Ptr = "CurrentIrp",
        timer: Ptr = "Timer",
        flags: u32 = "Flags",
        characteristics: u32 = "Characteristics",
        vpb: Ptr = "Vpb",
        device_extension: Ptr = "DeviceExtension",
        device_type: u32 = "DeviceType",
        stack_size: i8 = "StackSize",
        queue: [u64; 9] = "Queue",
        alignment_requirement: u32 = "AlignmentRequirement",
        device_queue: [u64; 5] = "DeviceQueue",
        dpc: [u64; 8] = "Dpc",
        active_thread_count: u32 = "ActiveThreadCount",
        security_descriptor: Ptr = "SecurityDescriptor",
        device_lock: KernelEvent = "DeviceLock",
        sector_size: u16 = "SectorSize",
        spare: u16 = "Spare1",
        extension: Ptr = "DeviceObjectExtension",
        reserved: Ptr = "Reserved",
        alignment: u64 = "_",
    }

    /// `MDL`; the numbers of the page frames follow it.
    Mdl = "_MDL" {
        next: Ptr<Mdl> = "Next",
        size: i16 = "Size",
        flags: i16 = "MdlFlags",
        alignment: u32 = "_",
        process: Ptr = "Process",
        mapped_system_va: Ptr = "MappedSystemVa",
        start_va: Ptr = "StartVa",
        byte_count: u32 = "ByteCount",
        byte_offset: u32 = "ByteOffset",
    }

    /// `IRP`; its stack locations follow it.
    Irp = "_IRP" {
        kind: i16 = "Type",
        size: u16 = "Size",
        alignment: u32 = "_",
        mdl_address: Ptr<Mdl> = "MdlAddress",
        flags: u32 = "Flags",
        alignment2: u32 = "_",
        system_buffer: Ptr = "AssociatedIrp",
        thread_list_entry: ListEntry = "ThreadListEntry",
        io_status: IoStatusBlock = "IoStatus",
        requestor_mode: i8 = "RequestorMode",
        pending_returned: u8 = "PendingReturned",
        stack_count: i8 = "StackCount",
        current_location: i8 = "CurrentLocation",
        cancel: u8 = "Cancel",
        cancel_irql: u8 = "CancelIrql",
        apc_environment: i8 = "ApcEnvironment",
        allocation_flags: u8 = "AllocationFlags",
        user_iosb: Ptr = "UserIosb",
        user_event: Ptr = "UserEvent",
        overlay: [usize; 2] = "Overlay",
        cancel_routine: Ptr = "CancelRoutine",
        user_buffer: Ptr = "UserBuffer",
        tail: [usize; 11] = "Tail",
    }

    /// `IO_STACK_LOCATION`.
    IoStackLocation = "_IO_STACK_LOCATION" {
        major: u8 = "MajorFunction",
        minor: u8 = "MinorFunction",
        flags: u8 = "Flags",
        control: u8 = "Control",
        alignment: u32 = "_",
        parameters: [usize; 4] = "Parameters",
        device_object: Ptr = "DeviceObject",
        file_object: Ptr = "FileObject",
        completion_routine: Ptr = "CompletionRoutine",
        context: Ptr = "Context",
    }

    /// `DRIVER_OBJECT`.
    DriverObject = "_DRIVER_OBJECT" {
        kind: i16 = "Type",
        size: i16 = "Size",
        device_object: Ptr = "DeviceObject",
        flags: u32 = "Flags",
        driver_start: Ptr = "DriverStart",
        driver_size: u32 = "DriverSize",
        driver_section: Ptr = "DriverSection",
        driver_extension: Ptr<DriverExtension> = "DriverExtension",
        driver_name: UnicodeString = "DriverName",
        hardware_database: Ptr<UnicodeString> = "HardwareDatabase",
        fast_io_dispatch: Ptr = "FastIoDispatch",
        driver_init: Ptr = "DriverInit",
        driver_start_io: Ptr = "DriverStartIo",
        driver_unload: Ptr = "DriverUnload",
        major_function: [Ptr; 28] = "MajorFunction",
    }

    /// `DRIVER_EXTENSION`.
    DriverExtension = "_DRIVER_EXTENSION" {
        driver_object: Ptr<DriverObject> = "DriverObject",
        add_device: Ptr = "AddDevice",
        count: u32 = "Count",
        service_key_name: UnicodeString = "ServiceKeyName",
    }

    /// `LUID`.
    Luid = "_LUID" {
        low: u32 = "LowPart",
        high: i32 = "HighPart",
    }

    /// `SECURITY_SUBJECT_CONTEXT`.
    SecuritySubjectContext = "_SECURITY_SUBJECT_CONTEXT" {
        client_token: Ptr = "ClientToken",
        impersonation_level: u32 = "ImpersonationLevel",
        primary_token: Ptr = "PrimaryToken",
        process_audit_id: Ptr = "ProcessAuditId",
    }

    /// `ACCESS_STATE`.
    AccessState = "_ACCESS_STATE" {
        operation_id: Luid = "OperationID",
        security_evaluated: u8 = "SecurityEvaluated",
        generate_audit: u8 = "GenerateAudit",
        generate_on_close: u8 = "GenerateOnClose",
        privileges_allocated: u8 = "PrivilegesAllocated",
        flags: u32 = "Flags",
        remaining_desired_access: u32 = "RemainingDesiredAccess",
        previously_granted_access: u32 = "PreviouslyGrantedAccess",
        original_desired_access: u32 = "OriginalDesiredAccess",
        subject_security_context: SecuritySubjectContext = "SubjectSecurityContext",
        security_descriptor: Ptr = "SecurityDescriptor",
        aux_data: Ptr = "AuxData",
        privileges: [u32; 11] = "Privileges",
        audit_privileges: u8 = "AuditPrivileges",
        object_name: UnicodeString = "ObjectName",
        object_type_name: UnicodeString = "ObjectTypeName",
    }

    /// `IO_SECURITY_CONTEXT`.
    IoSecurityContext = "_IO_SECURITY_CONTEXT" {
        security_qos: Ptr = "SecurityQos",
        access_state: Ptr<AccessState> = "AccessState",
        desired_access: u32 = "DesiredAccess",
        full_create_options: u32 = "FullCreateOptions",
    }

    /// `PS_CREATE_NOTIFY_INFO`.
    ProcessCreateInfo = "_PS_CREATE_NOTIFY_INFO" {
        size: usize = "Size",
        flags: u32 = "Flags",
        parent_process_id: usize = "ParentProcessId",
        creating_thread_id: ClientId = "CreatingThreadId",
        file_object: Ptr<FileObject> = "FileObject",
        image_file_name: Ptr<UnicodeString> = "ImageFileName",
        command_line: Ptr<UnicodeString> = "CommandLine",
        creation_status: u32 = "CreationStatus",
    }

    /// `FILE_RENAME_INFORMATION`; the name goes on behind it.
    RenameInformation = "_FILE_RENAME_INFORMATION" {
        replace_if_exists: u8 = "ReplaceIfExists",
        alignment: [u8; 7] = "_",
        root_directory: Ptr = "RootDirectory",
        file_name_length: u32 = "FileNameLength",
        file_name: [u16; 1] = "FileName",
        alignment2: u16 = "_",
    }

    /// `COPY_INFORMATION`.
    CopyInformation = "_COPY_INFORMATION" {
        source_file_object: Ptr<FileObject> = "SourceFileObject",
        source_file_offset: i64 = "SourceFileOffset",
    }
}
