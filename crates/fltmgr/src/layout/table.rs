// Sizes and offsets, in bytes, of every structure that the crate declares and of the kernel structures it
// reads.
//
// The numbers are those of tests/abi/{x64,arm64}.json, which were read from a compiler's debug records and
// hold for both processors; `cargo test -p fltmgr` compares. Compiling for Windows asserts that the
// declarations fit them.
//
//   whole|part module::TYPE = "name in tests/abi", size {     whole: no member is left out
//       path.of.member as "name in tests/abi": offset, size;
//   }
layouts! {
    // fltkernel.h
    whole raw::FLT_CALLBACK_DATA = "_FLT_CALLBACK_DATA", 88 {
        Flags: 0, 4;
        Thread: 8, 8;
        Iopb: 16, 8;
        IoStatus: 24, 16;
        TagData: 40, 8;
        Anonymous.Queue.QueueLinks as "QueueLinks": 48, 16;
        Anonymous.Queue.QueueContext as "QueueContext": 64, 16;
        Anonymous.FilterContext as "FilterContext": 48, 32;
        RequestorMode: 80, 1;
    }
    whole raw::FLT_IO_PARAMETER_BLOCK = "_FLT_IO_PARAMETER_BLOCK", 72 {
        IrpFlags: 0, 4;
        MajorFunction: 4, 1;
        MinorFunction: 5, 1;
        OperationFlags: 6, 1;
        Reserved: 7, 1;
        TargetFileObject: 8, 8;
        TargetInstance: 16, 8;
        Parameters: 24, 48;
    }
    part raw::FLT_PARAMETERS = "_FLT_PARAMETERS", 48 {
        Create: 0, 48;
        Create.SecurityContext: 0, 8;
        Create.Options: 8, 4;
        Create.FileAttributes: 16, 2;
        Create.ShareAccess: 18, 2;
        Create.EaLength: 24, 4;
        Create.EaBuffer: 32, 8;
        Create.AllocationSize: 40, 8;
        Read: 0, 40;
        Read.Length: 0, 4;
        Read.Key: 8, 4;
        Read.ByteOffset: 16, 8;
        Read.ReadBuffer: 24, 8;
        Read.MdlAddress: 32, 8;
        Write: 0, 40;
        Write.Length: 0, 4;
        Write.Key: 8, 4;
        Write.ByteOffset: 16, 8;
        Write.WriteBuffer: 24, 8;
        Write.MdlAddress: 32, 8;
        QueryFileInformation: 0, 24;
        QueryFileInformation.Length: 0, 4;
        QueryFileInformation.FileInformationClass: 8, 4;
        QueryFileInformation.InfoBuffer: 16, 8;
        SetFileInformation: 0, 40;
        SetFileInformation.Length: 0, 4;
        SetFileInformation.FileInformationClass: 8, 4;
        SetFileInformation.ParentOfTarget: 16, 8;
        SetFileInformation.Anonymous.Rename.ReplaceIfExists as "SetFileInformation.ReplaceIfExists": 24, 1;
        SetFileInformation.Anonymous.Rename.AdvanceOnly as "SetFileInformation.AdvanceOnly": 25, 1;
        SetFileInformation.Anonymous.ClusterCount as "SetFileInformation.ClusterCount": 24, 4;
        SetFileInformation.Anonymous.DeleteHandle as "SetFileInformation.DeleteHandle": 24, 8;
        SetFileInformation.InfoBuffer: 32, 8;
        FileSystemControl.Buffered: 0, 32;
        FileSystemControl.Buffered.OutputBufferLength: 0, 4;
        FileSystemControl.Buffered.InputBufferLength: 8, 4;
        FileSystemControl.Buffered.FsControlCode: 16, 4;
        FileSystemControl.Buffered.SystemBuffer: 24, 8;
        AcquireForSectionSynchronization: 0, 24;
        AcquireForSectionSynchronization.SyncType: 0, 4;
        AcquireForSectionSynchronization.PageProtection: 4, 4;
        AcquireForSectionSynchronization.OutputInformation: 8, 8;
        AcquireForSectionSynchronization.Flags: 16, 4;
        AcquireForSectionSynchronization.AllocationAttributes: 20, 4;
        PrepareMdlWrite: 0, 32;
        PrepareMdlWrite.FileOffset: 0, 8;
        PrepareMdlWrite.Length: 8, 4;
        PrepareMdlWrite.Key: 16, 4;
        PrepareMdlWrite.MdlChain: 24, 8;
        Others: 0, 48;
        Others.Argument1: 0, 8;
        Others.Argument2: 8, 8;
        Others.Argument3: 16, 8;
        Others.Argument4: 24, 8;
        Others.Argument5: 32, 8;
        Others.Argument6: 40, 8;
    }
    whole raw::FLT_RELATED_OBJECTS = "_FLT_RELATED_OBJECTS", 48 {
        Size: 0, 2;
        TransactionContext: 2, 2;
        Filter: 8, 8;
        Volume: 16, 8;
        Instance: 24, 8;
        FileObject: 32, 8;
        Transaction: 40, 8;
    }
    whole raw::COPY_INFORMATION = "_COPY_INFORMATION", 16 {
        SourceFileObject: 0, 8;
        SourceFileOffset: 8, 8;
    }
    whole raw::FLT_REGISTRATION = "_FLT_REGISTRATION", 112 {
        Size: 0, 2;
        Version: 2, 2;
        Flags: 4, 4;
        ContextRegistration: 8, 8;
        OperationRegistration: 16, 8;
        FilterUnloadCallback: 24, 8;
        InstanceSetupCallback: 32, 8;
        InstanceQueryTeardownCallback: 40, 8;
        InstanceTeardownStartCallback: 48, 8;
        InstanceTeardownCompleteCallback: 56, 8;
        GenerateFileNameCallback: 64, 8;
        NormalizeNameComponentCallback: 72, 8;
        NormalizeContextCleanupCallback: 80, 8;
        TransactionNotificationCallback: 88, 8;
        NormalizeNameComponentExCallback: 96, 8;
        SectionNotificationCallback: 104, 8;
    }
    whole raw::FLT_OPERATION_REGISTRATION = "_FLT_OPERATION_REGISTRATION", 32 {
        MajorFunction: 0, 1;
        Flags: 4, 4;
        PreOperation: 8, 8;
        PostOperation: 16, 8;
        Reserved1: 24, 8;
    }
    whole raw::FLT_CONTEXT_REGISTRATION = "_FLT_CONTEXT_REGISTRATION", 56 {
        ContextType: 0, 2;
        Flags: 2, 2;
        ContextCleanupCallback: 8, 8;
        Size: 16, 8;
        PoolTag: 24, 4;
        ContextAllocateCallback: 32, 8;
        ContextFreeCallback: 40, 8;
        Reserved1: 48, 8;
    }
    whole raw::FLT_FILE_NAME_INFORMATION = "_FLT_FILE_NAME_INFORMATION", 120 {
        Size: 0, 2;
        NamesParsed: 2, 2;
        Format: 4, 4;
        Name: 8, 16;
        Volume: 24, 16;
        Share: 40, 16;
        Extension: 56, 16;
        Stream: 72, 16;
        FinalComponent: 88, 16;
        ParentDir: 104, 16;
    }
    whole raw::FLT_VOLUME_PROPERTIES = "_FLT_VOLUME_PROPERTIES", 72 {
        DeviceType: 0, 4;
        DeviceCharacteristics: 4, 4;
        DeviceObjectFlags: 8, 4;
        AlignmentRequirement: 12, 4;
        SectorSize: 16, 2;
        Flags: 18, 2;
        FileSystemDriverName: 24, 16;
        FileSystemDeviceName: 40, 16;
        RealDeviceName: 56, 16;
    }
    whole kernel::FILE_STANDARD_INFORMATION = "_FILE_STANDARD_INFORMATION", 24 {
        AllocationSize: 0, 8;
        EndOfFile: 8, 8;
        NumberOfLinks: 16, 4;
        DeletePending: 20, 1;
        Directory: 21, 1;
    }
    whole kernel::UNICODE_STRING = "_UNICODE_STRING", 16 {
        Length: 0, 2;
        MaximumLength: 2, 2;
        Buffer: 8, 8;
    }
    whole kernel::IO_STATUS_BLOCK = "_IO_STATUS_BLOCK", 16 {
        __bindgen_anon_1.Status as "Status": 0, 4;
        __bindgen_anon_1.Pointer as "Pointer": 0, 8;
        Information: 8, 8;
    }
    whole kernel::LIST_ENTRY = "_LIST_ENTRY", 16 {
        Flink: 0, 8;
        Blink: 8, 8;
    }
    whole kernel::OBJECT_ATTRIBUTES = "_OBJECT_ATTRIBUTES", 48 {
        Length: 0, 4;
        RootDirectory: 8, 8;
        ObjectName: 16, 8;
        Attributes: 24, 4;
        SecurityDescriptor: 32, 8;
        SecurityQualityOfService: 40, 8;
    }
    whole kernel::CLIENT_ID = "_CLIENT_ID", 16 {
        UniqueProcess: 0, 8;
        UniqueThread: 8, 8;
    }
    part kernel::KEVENT = "_KEVENT", 24 {
    }
    part kernel::FILE_OBJECT = "_FILE_OBJECT", 216 {
        Type: 0, 2;
        Size: 2, 2;
        FsContext: 24, 8;
        FsContext2: 32, 8;
        WriteAccess: 75, 1;
        Flags: 80, 4;
        FileName: 88, 16;
    }
    whole kernel::IO_SECURITY_CONTEXT = "_IO_SECURITY_CONTEXT", 24 {
        SecurityQos: 0, 8;
        AccessState: 8, 8;
        DesiredAccess: 16, 4;
        FullCreateOptions: 20, 4;
    }
    part kernel::PS_CREATE_NOTIFY_INFO = "_PS_CREATE_NOTIFY_INFO", 72 {
        Size: 0, 8;
        ParentProcessId: 16, 8;
        CreatingThreadId: 24, 16;
        FileObject: 40, 8;
        ImageFileName: 48, 8;
        CommandLine: 56, 8;
        CreationStatus: 64, 4;
    }
    part kernel::SID = "_SID", 12 {
        Revision: 0, 1;
        SubAuthorityCount: 1, 1;
        IdentifierAuthority: 2, 6;
        SubAuthority: 8, 4;
    }
    part kernel::DRIVER_OBJECT = "_DRIVER_OBJECT", 336 {
        Type: 0, 2;
        Size: 2, 2;
        DriverStart: 24, 8;
        DriverSize: 32, 4;
        DriverUnload: 104, 8;
    }
}
