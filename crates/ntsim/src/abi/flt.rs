//! Structures of the Filter Manager.

use super::{FileObject, IoSecurityContext, IoStatusBlock, ListEntry, Ptr, UnicodeString, abi_structs};

abi_structs! {
    /// `FLT_CALLBACK_DATA`.
    CallbackData = "_FLT_CALLBACK_DATA" {
        flags: u32 = "Flags",
        thread: Ptr = "Thread",
        iopb: Ptr<IoParameterBlock> = "Iopb",
        io_status: IoStatusBlock = "IoStatus",
        tag_data: Ptr = "TagData",
        queue_links: ListEntry = "QueueLinks",
        queue_context: [Ptr; 2] = "QueueContext",
        requestor_mode: i8 = "RequestorMode",
    }

    /// `FLT_IO_PARAMETER_BLOCK`.
    IoParameterBlock = "_FLT_IO_PARAMETER_BLOCK" {
        irp_flags: u32 = "IrpFlags",
        major_function: u8 = "MajorFunction",
        minor_function: u8 = "MinorFunction",
        operation_flags: u8 = "OperationFlags",
        reserved: u8 = "Reserved",
        target_file_object: Ptr<FileObject> = "TargetFileObject",
        target_instance: Ptr = "TargetInstance",
        parameters: Parameters = "Parameters",
    }

    /// `FLT_PARAMETERS.Create`.
    CreateParameters = "_FLT_PARAMETERS"."Create" {
        security_context: Ptr<IoSecurityContext> = "SecurityContext",
        options: u32 = "Options",
        alignment: u32 = "_",
        file_attributes: u16 = "FileAttributes",
        share_access: u16 = "ShareAccess",
        alignment2: u32 = "_",
        ea_length: u32 = "EaLength",
        alignment3: u32 = "_",
        ea_buffer: Ptr = "EaBuffer",
        allocation_size: i64 = "AllocationSize",
    }

    /// `FLT_PARAMETERS.Read`.
    ReadParameters = "_FLT_PARAMETERS"."Read" {
        length: u32 = "Length",
        alignment: u32 = "_",
        key: u32 = "Key",
        alignment2: u32 = "_",
        byte_offset: i64 = "ByteOffset",
        read_buffer: Ptr = "ReadBuffer",
        mdl_address: Ptr = "MdlAddress",
    }

    /// `FLT_PARAMETERS.Write`.
    WriteParameters = "_FLT_PARAMETERS"."Write" {
        length: u32 = "Length",
        alignment: u32 = "_",
        key: u32 = "Key",
        alignment2: u32 = "_",
        byte_offset: i64 = "ByteOffset",
        write_buffer: Ptr = "WriteBuffer",
        mdl_address: Ptr = "MdlAddress",
    }

    /// `FLT_PARAMETERS.SetFileInformation`.
    SetFileInformationParameters = "_FLT_PARAMETERS"."SetFileInformation" {
        length: u32 = "Length",
        alignment: u32 = "_",
        file_information_class: u32 = "FileInformationClass",
        alignment2: u32 = "_",
        parent_of_target: Ptr = "ParentOfTarget",
        delete_handle: Ptr = "DeleteHandle",
        info_buffer: Ptr = "InfoBuffer",
    }

    /// `FLT_PARAMETERS.QueryFileInformation`.
    QueryFileInformationParameters = "_FLT_PARAMETERS"."QueryFileInformation" {
        length: u32 = "Length",
        alignment: u32 = "_",
        file_information_class: u32 = "FileInformationClass",
        alignment2: u32 = "_",
        info_buffer: Ptr = "InfoBuffer",
    }

    /// `FLT_PARAMETERS.QueryEa`.
    QueryEaParameters = "_FLT_PARAMETERS"."QueryEa" {
        length: u32 = "Length",
        alignment: u32 = "_",
        ea_list: Ptr = "EaList",
        ea_list_length: u32 = "EaListLength",
        alignment2: u32 = "_",
        ea_index: u32 = "EaIndex",
        alignment3: u32 = "_",
        ea_buffer: Ptr = "EaBuffer",
        mdl_address: Ptr = "MdlAddress",
    }

    /// `FLT_PARAMETERS.DirectoryControl.QueryDirectory`.
    QueryDirectoryParameters = "_FLT_PARAMETERS"."DirectoryControl.QueryDirectory" {
        length: u32 = "Length",
        alignment: u32 = "_",
        file_name: Ptr<UnicodeString> = "FileName",
        file_information_class: u32 = "FileInformationClass",
        alignment2: u32 = "_",
        file_index: u32 = "FileIndex",
        alignment3: u32 = "_",
        directory_buffer: Ptr = "DirectoryBuffer",
        mdl_address: Ptr = "MdlAddress",
    }

    /// `FLT_PARAMETERS.FileSystemControl.Buffered`.
    FileSystemControlParameters = "_FLT_PARAMETERS"."FileSystemControl.Buffered" {
        output_buffer_length: u32 = "OutputBufferLength",
        alignment: u32 = "_",
        input_buffer_length: u32 = "InputBufferLength",
        alignment2: u32 = "_",
        fs_control_code: u32 = "FsControlCode",
        alignment3: u32 = "_",
        system_buffer: Ptr = "SystemBuffer",
    }

    /// `FLT_PARAMETERS.LockControl`.
    LockControlParameters = "_FLT_PARAMETERS"."LockControl" {
        length: Ptr<i64> = "Length",
        key: u32 = "Key",
        alignment: u32 = "_",
        byte_offset: i64 = "ByteOffset",
        process_id: Ptr = "ProcessId",
        fail_immediately: u8 = "FailImmediately",
        exclusive_lock: u8 = "ExclusiveLock",
        alignment2: [u8; 6] = "_",
    }

    /// `FLT_PARAMETERS.AcquireForSectionSynchronization`.
    SectionSynchronizationParameters = "_FLT_PARAMETERS"."AcquireForSectionSynchronization" {
        sync_type: u32 = "SyncType",
        page_protection: u32 = "PageProtection",
        output_information: Ptr<SectionSyncOutput> = "OutputInformation",
        flags: u32 = "Flags",
        allocation_attributes: u32 = "AllocationAttributes",
    }

    /// `FS_FILTER_SECTION_SYNC_OUTPUT`.
    SectionSyncOutput = "_FS_FILTER_SECTION_SYNC_OUTPUT" {
        structure_size: u32 = "StructureSize",
        size_returned: u32 = "SizeReturned",
        flags: u32 = "Flags",
        desired_read_alignment: u32 = "DesiredReadAlignment",
    }

    /// `FLT_PARAMETERS.AcquireForModifiedPageWriter`.
    AcquireForModWriteParameters = "_FLT_PARAMETERS"."AcquireForModifiedPageWriter" {
        ending_offset: Ptr<i64> = "EndingOffset",
        resource_to_release: Ptr<Ptr> = "ResourceToRelease",
    }

    /// `FLT_PARAMETERS.PrepareMdlWrite`, and `MdlRead`, which is laid out alike.
    PrepareMdlWriteParameters = "_FLT_PARAMETERS"."PrepareMdlWrite" {
        file_offset: i64 = "FileOffset",
        length: u32 = "Length",
        alignment: u32 = "_",
        key: u32 = "Key",
        alignment2: u32 = "_",
        mdl_chain: Ptr<Ptr> = "MdlChain",
    }

    /// `FLT_PARAMETERS.MdlWriteComplete`.
    MdlWriteCompleteParameters = "_FLT_PARAMETERS"."MdlWriteComplete" {
        file_offset: i64 = "FileOffset",
        mdl_chain: Ptr = "MdlChain",
    }

    /// `FLT_RELATED_OBJECTS`.
    RelatedObjects = "_FLT_RELATED_OBJECTS" {
        size: u16 = "Size",
        transaction_context: u16 = "TransactionContext",
        filter: Ptr = "Filter",
        volume: Ptr = "Volume",
        instance: Ptr = "Instance",
        file_object: Ptr<FileObject> = "FileObject",
        transaction: Ptr = "Transaction",
    }

    /// `FLT_REGISTRATION`.
    Registration = "_FLT_REGISTRATION" {
        size: u16 = "Size",
        version: u16 = "Version",
        flags: u32 = "Flags",
        context_registration: Ptr<ContextRegistration> = "ContextRegistration",
        operation_registration: Ptr<OperationRegistration> = "OperationRegistration",
        filter_unload: Ptr = "FilterUnloadCallback",
        instance_setup: Ptr = "InstanceSetupCallback",
        instance_query_teardown: Ptr = "InstanceQueryTeardownCallback",
        instance_teardown_start: Ptr = "InstanceTeardownStartCallback",
        instance_teardown_complete: Ptr = "InstanceTeardownCompleteCallback",
        generate_file_name: Ptr = "GenerateFileNameCallback",
        normalize_name_component: Ptr = "NormalizeNameComponentCallback",
        normalize_context_cleanup: Ptr = "NormalizeContextCleanupCallback",
        transaction_notification: Ptr = "TransactionNotificationCallback",
        normalize_name_component_ex: Ptr = "NormalizeNameComponentExCallback",
        section_notification: Ptr = "SectionNotificationCallback",
    }

    /// `FLT_OPERATION_REGISTRATION`.
    OperationRegistration = "_FLT_OPERATION_REGISTRATION" {
        major_function: u8 = "MajorFunction",
        flags: u32 = "Flags",
        pre_operation: Ptr = "PreOperation",
        post_operation: Ptr = "PostOperation",
        reserved: Ptr = "Reserved1",
    }

    /// `FLT_CONTEXT_REGISTRATION`.
    ContextRegistration = "_FLT_CONTEXT_REGISTRATION" {
        context_type: u16 = "ContextType",
        flags: u16 = "Flags",
        cleanup: Ptr = "ContextCleanupCallback",
        size: usize = "Size",
        pool_tag: u32 = "PoolTag",
        allocate: Ptr = "ContextAllocateCallback",
        free: Ptr = "ContextFreeCallback",
        reserved: Ptr = "Reserved1",
    }

    /// `FLT_FILE_NAME_INFORMATION`.
    FileNameInformation = "_FLT_FILE_NAME_INFORMATION" {
        size: u16 = "Size",
        names_parsed: u16 = "NamesParsed",
        format: u32 = "Format",
        name: UnicodeString = "Name",
        volume: UnicodeString = "Volume",
        share: UnicodeString = "Share",
        extension: UnicodeString = "Extension",
        stream: UnicodeString = "Stream",
        final_component: UnicodeString = "FinalComponent",
        parent_dir: UnicodeString = "ParentDir",
    }
}

/// `FLT_PARAMETERS`: what there is of the union, and its full size.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) union Parameters {
    pub(crate) create: CreateParameters,
    pub(crate) read: ReadParameters,
    pub(crate) write: WriteParameters,
    pub(crate) set_file_information: SetFileInformationParameters,
    pub(crate) query_file_information: QueryFileInformationParameters,
    pub(crate) query_ea: QueryEaParameters,
    pub(crate) query_directory: QueryDirectoryParameters,
    pub(crate) file_system_control: FileSystemControlParameters,
    pub(crate) lock_control: LockControlParameters,
    pub(crate) section_synchronization: SectionSynchronizationParameters,
    pub(crate) acquire_for_mod_write: AcquireForModWriteParameters,
    pub(crate) prepare_mdl_write: PrepareMdlWriteParameters,
    pub(crate) mdl_write_complete: MdlWriteCompleteParameters,
    pub(crate) words: [u64; 6],
}

impl Parameters {
    /// No parameters, every bit of the union set.
    pub(crate) const NONE: Self = Self { words: [0; 6] };

    /// Parameters of which a member covers only a part of the union; the rest is zero.
    pub(crate) fn zeroed_then(set: impl FnOnce(&mut Self)) -> Self {
        let mut parameters = Self::NONE;
        set(&mut parameters);
        parameters
    }

    /// Those of `IRP_MJ_QUERY_INFORMATION`, which volumes are asked with, too.
    pub(crate) fn query_information(class: u32, info_buffer: Ptr, length: u32) -> Self {
        Self::zeroed_then(|parameters| {
            parameters.query_file_information = QueryFileInformationParameters {
                length,
                alignment: 0,
                file_information_class: class,
                alignment2: 0,
                info_buffer,
            };
        })
    }

    /// Those of `IRP_MJ_SET_INFORMATION` that concerns no other file.
    pub(crate) fn set_information(class: u32, info_buffer: Ptr, length: u32) -> Self {
        Self::zeroed_then(|parameters| {
            parameters.set_file_information = SetFileInformationParameters {
                length,
                alignment: 0,
                file_information_class: class,
                alignment2: 0,
                parent_of_target: Ptr::NULL,
                delete_handle: Ptr::NULL,
                info_buffer,
            };
        })
    }

    /// Those of fast MDL writes, which reads have likewise.
    pub(crate) fn prepare_mdl(file_offset: i64, length: u32, mdl_chain: Ptr<Ptr>) -> Self {
        Self::zeroed_then(|parameters| {
            parameters.prepare_mdl_write = PrepareMdlWriteParameters {
                file_offset,
                length,
                alignment: 0,
                key: 0,
                alignment2: 0,
                mdl_chain,
            };
        })
    }
}
