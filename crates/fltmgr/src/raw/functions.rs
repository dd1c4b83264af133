//! The routines of `FLTMGR.SYS`.

use wdk_sys::{
    ACCESS_MASK, BOOLEAN, GUID, HANDLE, NTSTATUS, PCSTR, PDRIVER_OBJECT, PECP_LIST, PEPROCESS, PFILE_OBJECT,
    PLARGE_INTEGER, POBJECT_ATTRIBUTES, PSECURITY_DESCRIPTOR, PULONG, PUNICODE_STRING, PVOID, PWSTR, SIZE_T,
    ULONG,
};

use super::{
    FILE_INFORMATION_CLASS_VALUE, FLT_CONTEXT_TYPE, FLT_FILE_NAME_OPTIONS, FLT_FILESYSTEM_TYPE,
    FLT_REGISTRATION, FLT_SET_CONTEXT_OPERATION, PCOPY_INFORMATION, PEX_PUSH_LOCK, PFLT_CALLBACK_DATA,
    PFLT_CONNECT_NOTIFY, PFLT_CONTEXT, PFLT_DISCONNECT_NOTIFY, PFLT_FILE_NAME_INFORMATION, PFLT_FILTER,
    PFLT_INSTANCE, PFLT_MESSAGE_NOTIFY, PFLT_PORT, PFLT_VOLUME, PFLT_VOLUME_PROPERTIES, PKTRANSACTION,
    POOL_TYPE_VALUE,
};

#[link(name = "FLTMGR.SYS", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    // Registration
    pub fn FltRegisterFilter(
        Driver: PDRIVER_OBJECT,
        Registration: *const FLT_REGISTRATION,
        RetFilter: *mut PFLT_FILTER,
    ) -> NTSTATUS;
    pub fn FltUnregisterFilter(Filter: PFLT_FILTER);
    pub fn FltStartFiltering(Filter: PFLT_FILTER) -> NTSTATUS;

    // Ports
    pub fn FltBuildDefaultSecurityDescriptor(
        SecurityDescriptor: *mut PSECURITY_DESCRIPTOR,
        DesiredAccess: ACCESS_MASK,
    ) -> NTSTATUS;
    pub fn FltFreeSecurityDescriptor(SecurityDescriptor: PSECURITY_DESCRIPTOR);
    pub fn FltCreateCommunicationPort(
        Filter: PFLT_FILTER,
        ServerPort: *mut PFLT_PORT,
        ObjectAttributes: POBJECT_ATTRIBUTES,
        ServerPortCookie: PVOID,
        ConnectNotifyCallback: PFLT_CONNECT_NOTIFY,
        DisconnectNotifyCallback: PFLT_DISCONNECT_NOTIFY,
        MessageNotifyCallback: PFLT_MESSAGE_NOTIFY,
        MaxConnections: wdk_sys::LONG,
    ) -> NTSTATUS;
    pub fn FltCloseCommunicationPort(ServerPort: PFLT_PORT);
    pub fn FltCloseClientPort(Filter: PFLT_FILTER, ClientPort: *mut PFLT_PORT);
    pub fn FltSendMessage(
        Filter: PFLT_FILTER,
        ClientPort: *mut PFLT_PORT,
        SenderBuffer: PVOID,
        SenderBufferLength: ULONG,
        ReplyBuffer: PVOID,
        ReplyLength: PULONG,
        Timeout: PLARGE_INTEGER,
    ) -> NTSTATUS;

    // Contexts
    pub fn FltAllocateContext(
        Filter: PFLT_FILTER,
        ContextType: FLT_CONTEXT_TYPE,
        ContextSize: SIZE_T,
        PoolType: POOL_TYPE_VALUE,
        ReturnedContext: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    pub fn FltReferenceContext(Context: PFLT_CONTEXT);
    pub fn FltReleaseContext(Context: PFLT_CONTEXT);
    pub fn FltDeleteContext(Context: PFLT_CONTEXT);
    pub fn FltSupportsStreamContexts(FileObject: PFILE_OBJECT) -> BOOLEAN;
    pub fn FltSetStreamContext(
        Instance: PFLT_INSTANCE,
        FileObject: PFILE_OBJECT,
        Operation: FLT_SET_CONTEXT_OPERATION,
        NewContext: PFLT_CONTEXT,
        OldContext: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    pub fn FltGetStreamContext(
        Instance: PFLT_INSTANCE,
        FileObject: PFILE_OBJECT,
        Context: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    pub fn FltSetStreamHandleContext(
        Instance: PFLT_INSTANCE,
        FileObject: PFILE_OBJECT,
        Operation: FLT_SET_CONTEXT_OPERATION,
        NewContext: PFLT_CONTEXT,
        OldContext: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    pub fn FltGetStreamHandleContext(
        Instance: PFLT_INSTANCE,
        FileObject: PFILE_OBJECT,
        Context: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    pub fn FltSetInstanceContext(
        Instance: PFLT_INSTANCE,
        Operation: FLT_SET_CONTEXT_OPERATION,
        NewContext: PFLT_CONTEXT,
        OldContext: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    pub fn FltGetInstanceContext(Instance: PFLT_INSTANCE, Context: *mut PFLT_CONTEXT) -> NTSTATUS;

    // Names
    pub fn FltGetFileNameInformation(
        CallbackData: PFLT_CALLBACK_DATA,
        NameOptions: FLT_FILE_NAME_OPTIONS,
        FileNameInformation: *mut PFLT_FILE_NAME_INFORMATION,
    ) -> NTSTATUS;
    pub fn FltParseFileNameInformation(FileNameInformation: PFLT_FILE_NAME_INFORMATION) -> NTSTATUS;
    pub fn FltReleaseFileNameInformation(FileNameInformation: PFLT_FILE_NAME_INFORMATION);
    pub fn FltIsDirectory(
        FileObject: PFILE_OBJECT,
        Instance: PFLT_INSTANCE,
        IsDirectory: *mut BOOLEAN,
    ) -> NTSTATUS;

    pub fn FltGetFileNameInformationUnsafe(
        FileObject: PFILE_OBJECT,
        Instance: PFLT_INSTANCE,
        NameOptions: FLT_FILE_NAME_OPTIONS,
        FileNameInformation: *mut PFLT_FILE_NAME_INFORMATION,
    ) -> NTSTATUS;
    pub fn FltGetDestinationFileNameInformation(
        Instance: PFLT_INSTANCE,
        FileObject: PFILE_OBJECT,
        RootDirectory: HANDLE,
        FileName: PWSTR,
        FileNameLength: ULONG,
        NameOptions: FLT_FILE_NAME_OPTIONS,
        RetFileNameInformation: *mut PFLT_FILE_NAME_INFORMATION,
    ) -> NTSTATUS;

    // Files
    pub fn FltQueryInformationFile(
        Instance: PFLT_INSTANCE,
        FileObject: PFILE_OBJECT,
        FileInformation: PVOID,
        Length: ULONG,
        FileInformationClass: FILE_INFORMATION_CLASS_VALUE,
        LengthReturned: PULONG,
    ) -> NTSTATUS;

    // Transactions
    pub fn FltSetTransactionContext(
        Instance: PFLT_INSTANCE,
        Transaction: PKTRANSACTION,
        Operation: FLT_SET_CONTEXT_OPERATION,
        NewContext: PFLT_CONTEXT,
        OldContext: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    pub fn FltGetTransactionContext(
        Instance: PFLT_INSTANCE,
        Transaction: PKTRANSACTION,
        Context: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    pub fn FltEnlistInTransaction(
        Instance: PFLT_INSTANCE,
        Transaction: PKTRANSACTION,
        TransactionContext: PFLT_CONTEXT,
        NotificationMask: ULONG,
    ) -> NTSTATUS;

    // Volumes
    pub fn FltGetVolumeFromFileObject(
        Filter: PFLT_FILTER,
        FileObject: PFILE_OBJECT,
        RetVolume: *mut PFLT_VOLUME,
    ) -> NTSTATUS;
    pub fn FltObjectDereference(FltObject: PVOID);
    pub fn FltGetVolumeName(
        Volume: PFLT_VOLUME,
        VolumeName: PUNICODE_STRING,
        BufferSizeNeeded: PULONG,
    ) -> NTSTATUS;
    pub fn FltGetVolumeGuidName(
        Volume: PFLT_VOLUME,
        VolumeGuidName: PUNICODE_STRING,
        BufferSizeNeeded: PULONG,
    ) -> NTSTATUS;
    pub fn FltGetVolumeProperties(
        Volume: PFLT_VOLUME,
        VolumeProperties: PFLT_VOLUME_PROPERTIES,
        VolumePropertiesLength: ULONG,
        LengthReturned: PULONG,
    ) -> NTSTATUS;
    pub fn FltGetFileSystemType(FltObject: PVOID, FileSystemType: *mut FLT_FILESYSTEM_TYPE) -> NTSTATUS;

    // The requestor
    pub fn FltGetRequestorProcess(CallbackData: PFLT_CALLBACK_DATA) -> PEPROCESS;
    pub fn FltGetRequestorProcessId(CallbackData: PFLT_CALLBACK_DATA) -> ULONG;

    // Extra create parameters
    pub fn FltGetEcpListFromCallbackData(
        Filter: PFLT_FILTER,
        CallbackData: PFLT_CALLBACK_DATA,
        EcpList: *mut PECP_LIST,
    ) -> NTSTATUS;
    pub fn FltFindExtraCreateParameter(
        Filter: PFLT_FILTER,
        EcpList: PECP_LIST,
        EcpType: *const GUID,
        EcpContext: *mut PVOID,
        EcpContextSize: *mut ULONG,
    ) -> NTSTATUS;
    pub fn FltIsEcpFromUserMode(Filter: PFLT_FILTER, EcpContext: PVOID) -> BOOLEAN;

    // Push locks
    pub fn FltInitializePushLock(PushLock: PEX_PUSH_LOCK);
    pub fn FltDeletePushLock(PushLock: PEX_PUSH_LOCK);
    pub fn FltAcquirePushLockExclusive(PushLock: PEX_PUSH_LOCK);
    pub fn FltAcquirePushLockShared(PushLock: PEX_PUSH_LOCK);
    pub fn FltReleasePushLock(PushLock: PEX_PUSH_LOCK);

    // Routines newer than the oldest Windows that a driver supports
    pub fn FltGetRoutineAddress(FltMgrRoutineName: PCSTR) -> PVOID;
}

/// `FltGetCopyInformationFromCallbackData` (Windows 11 22H2): looked up, never imported.
pub type FLT_GET_COPY_INFORMATION_FROM_CALLBACK_DATA =
    unsafe extern "C" fn(Data: PFLT_CALLBACK_DATA, CopyInformation: PCOPY_INFORMATION) -> NTSTATUS;
