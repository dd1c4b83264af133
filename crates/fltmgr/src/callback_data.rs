//! `FLT_CALLBACK_DATA`, borrowed for the callback.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::irql::{self, DISPATCH_LEVEL};
use crate::raw::{
    FLT_CALLBACK_DATA, FLT_IO_PARAMETER_BLOCK, FLT_PARAMETERS_ACQUIRE_FOR_SECTION_SYNCHRONIZATION,
    FLT_PARAMETERS_CREATE, FLT_PARAMETERS_PREPARE_MDL_WRITE, FLT_PARAMETERS_WRITE,
    FLTFL_CALLBACK_DATA_FAST_IO_OPERATION, FLTFL_CALLBACK_DATA_GENERATED_IO,
    FLTFL_CALLBACK_DATA_IRP_OPERATION, FLTFL_CALLBACK_DATA_REISSUED_IO, FltGetRequestorProcess,
    IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION, IRP_MJ_CREATE, IRP_MJ_FILE_SYSTEM_CONTROL,
    IRP_MJ_PREPARE_MDL_WRITE, IRP_MJ_SET_INFORMATION, IRP_MJ_WRITE, PFLT_CALLBACK_DATA,
    SYNC_TYPE_CREATE_SECTION,
};
use crate::{FsControlParameters, NtStatus, Process, SetInformationParameters, Thread};

const IRP_NOCACHE: u32 = 0x01;
const IRP_PAGING_IO: u32 = 0x02;
const IRP_SYNCHRONOUS_PAGING_IO: u32 = 0x40;

const SL_OPEN_PAGING_FILE: u8 = 0x02;
const SL_OPEN_TARGET_DIRECTORY: u8 = 0x04;
const SL_WRITE_THROUGH: u8 = 0x04;

/// Completes a write whose data went into the cache through an MDL; no new data.
const IRP_MN_COMPLETE: u8 = 0x04;

const IRP_MN_USER_FS_REQUEST: u8 = 0x00;
const IRP_MN_KERNEL_CALL: u8 = 0x04;

const FILE_DIRECTORY_FILE: u32 = 0x0000_0001;
const FILE_DELETE_ON_CLOSE: u32 = 0x0000_1000;
/// `FILE_OPEN`
const FILE_OPEN: u32 = 1;
const DISPOSITION_SHIFT: u32 = 24;
/// Above the create options, in the same 32 bits, is the disposition.
const CREATE_OPTIONS: u32 = 0x00FF_FFFF;

const PAGE_READWRITE: u32 = 0x04;
const PAGE_EXECUTE_READWRITE: u32 = 0x40;
const SEC_IMAGE: u32 = 0x0100_0000;

/// The mode that an operation claims for whoever started it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// `KernelMode`
    Kernel,
    /// `UserMode`
    User,
}

/// One operation. It cannot outlive the callback, and neither can what it lends.
///
/// Maximum IRQL of the accessors, where nothing else is said: any; they read non-paged memory.
#[derive(Clone, Copy)]
pub struct CallbackData<'a> {
    data: NonNull<FLT_CALLBACK_DATA>,
    callback: PhantomData<&'a FLT_CALLBACK_DATA>,
}

impl<'a> CallbackData<'a> {
    /// # Safety
    ///
    /// `data` is what the Filter Manager passed to a callback that lasts for `'a`.
    pub(crate) unsafe fn from_raw(data: PFLT_CALLBACK_DATA) -> Self {
        // SAFETY: the Filter Manager passes no null pointer.
        Self { data: unsafe { NonNull::new_unchecked(data) }, callback: PhantomData }
    }

    /// The structure, for routines that are not here. Changes to it need `FltSetCallbackDataDirty`.
    #[must_use]
    pub fn as_raw(&self) -> PFLT_CALLBACK_DATA {
        self.data.as_ptr()
    }

    #[inline]
    fn data(self) -> &'a FLT_CALLBACK_DATA {
        // SAFETY: valid for the callback, by the condition of `from_raw`.
        unsafe { self.data.as_ref() }
    }

    #[inline]
    fn block(self) -> &'a FLT_IO_PARAMETER_BLOCK {
        // SAFETY: the Filter Manager keeps the parameter block as long as the callback data.
        unsafe { &*self.data().Iopb }
    }

    /// Whether the operation came as an I/O request packet.
    #[inline]
    #[must_use]
    pub fn is_irp(&self) -> bool {
        self.data().Flags & FLTFL_CALLBACK_DATA_IRP_OPERATION != 0
    }

    /// Whether the operation came as fast I/O, which the file system may still refuse.
    #[inline]
    #[must_use]
    pub fn is_fast_io(&self) -> bool {
        self.data().Flags & FLTFL_CALLBACK_DATA_FAST_IO_OPERATION != 0
    }

    /// Whether a minifilter started the operation.
    #[inline]
    #[must_use]
    pub fn is_generated(&self) -> bool {
        self.data().Flags & FLTFL_CALLBACK_DATA_GENERATED_IO != 0
    }

    /// Whether a minifilter sent the operation again.
    #[inline]
    #[must_use]
    pub fn is_reissued(&self) -> bool {
        self.data().Flags & FLTFL_CALLBACK_DATA_REISSUED_IO != 0
    }

    /// Whether memory management started the operation.
    #[inline]
    #[must_use]
    pub fn is_paging_io(&self) -> bool {
        self.block().IrpFlags & IRP_PAGING_IO != 0
    }

    /// Whether memory management waits for the operation.
    #[inline]
    #[must_use]
    pub fn is_synchronous_paging_io(&self) -> bool {
        self.block().IrpFlags & IRP_SYNCHRONOUS_PAGING_IO != 0
    }

    /// Whether the operation goes past the cache.
    #[inline]
    #[must_use]
    pub fn is_non_cached(&self) -> bool {
        self.block().IrpFlags & IRP_NOCACHE != 0
    }

    /// The outcome; meaningful in post-operation callbacks.
    #[inline]
    #[must_use]
    pub fn status(&self) -> NtStatus {
        // SAFETY: both members of the union are plain integers of a structure that the Filter Manager
        // initialized.
        NtStatus::from_raw(unsafe { self.data().IoStatus.__bindgen_anon_1.Status })
    }

    /// How many bytes were transferred, where that is what the operation tells when it succeeded; meaningful in
    /// post-operation callbacks.
    #[inline]
    #[must_use]
    pub fn information(&self) -> u64 {
        self.data().IoStatus.Information
    }

    /// The mode that the operation claims. A copy by `NtCopyFileChunk` claims `Kernel` for its user.
    #[inline]
    #[must_use]
    pub fn requestor_mode(&self) -> Mode {
        if self.data().RequestorMode == 0 { Mode::Kernel } else { Mode::User }
    }

    /// The thread that initiated the operation, whichever runs now; sometimes the Filter Manager has none.
    #[inline]
    #[must_use]
    pub fn thread(&self) -> Option<Thread<'a>> {
        // SAFETY: the I/O manager keeps the thread for as long as its operation, which outlasts the callback.
        unsafe { Thread::from_raw(self.data().Thread) }
    }

    /// The process that the initiating thread is attached to, which need not be the one it belongs to.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`FltGetRequestorProcess` function (fltkernel.h)").
    #[inline]
    #[must_use]
    pub fn requestor_process(&self) -> Option<Process<'a>> {
        irql::assert_at_most(DISPATCH_LEVEL);
        // SAFETY: the callback data is valid.
        let process = unsafe { FltGetRequestorProcess(self.as_raw()) };
        // SAFETY: the process lives as long as the operation, which outlasts the callback.
        unsafe { Process::from_raw(process) }
    }

    /// The parameters, when this is `IRP_MJ_CREATE`.
    #[inline]
    #[must_use]
    pub fn create(&self) -> Option<CreateParameters<'a>> {
        let block = self.block();
        (block.MajorFunction == IRP_MJ_CREATE).then_some(CreateParameters {
            // SAFETY: the major function says which member of the union is in use.
            parameters: unsafe { &block.Parameters.Create },
            flags: block.OperationFlags,
        })
    }

    /// The parameters, when this is `IRP_MJ_SET_INFORMATION`.
    #[inline]
    #[must_use]
    pub fn set_information(&self) -> Option<SetInformationParameters<'a>> {
        let block = self.block();
        (block.MajorFunction == IRP_MJ_SET_INFORMATION).then_some(SetInformationParameters {
            // SAFETY: the major function says which member of the union is in use.
            parameters: unsafe { &block.Parameters.SetFileInformation },
        })
    }

    /// The parameters, when this is an `IRP_MJ_FILE_SYSTEM_CONTROL` that a program or driver sent with a code.
    #[inline]
    #[must_use]
    pub fn fs_control(&self) -> Option<FsControlParameters<'a>> {
        let block = self.block();
        let has_code = matches!(block.MinorFunction, IRP_MN_USER_FS_REQUEST | IRP_MN_KERNEL_CALL);
        if block.MajorFunction != IRP_MJ_FILE_SYSTEM_CONTROL || !has_code {
            return None;
        }
        // SAFETY: major and minor function say which member of the union is in use.
        let by_method = unsafe { &block.Parameters.FileSystemControl };
        // SAFETY: what all methods have in common is at the same place, and the buffer is only looked at if the code says
        // that it is this method's.
        Some(FsControlParameters { parameters: unsafe { &by_method.Buffered } })
    }

    /// The parameters, when this is `IRP_MJ_WRITE`.
    #[inline]
    #[must_use]
    pub fn write(&self) -> Option<WriteParameters<'a>> {
        let block = self.block();
        (block.MajorFunction == IRP_MJ_WRITE).then_some(WriteParameters { block })
    }
}

impl<'a> CallbackData<'a> {
    /// The parameters, when this is `IRP_MJ_PREPARE_MDL_WRITE`.
    #[must_use]
    pub fn prepare_mdl_write(&self) -> Option<PrepareMdlWriteParameters<'a>> {
        let block = self.block();
        (block.MajorFunction == IRP_MJ_PREPARE_MDL_WRITE).then_some(PrepareMdlWriteParameters {
            // SAFETY: the major function says which member of the union is in use.
            parameters: unsafe { &block.Parameters.PrepareMdlWrite },
        })
    }

    /// The parameters, when this is `IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION`.
    #[must_use]
    pub fn section(&self) -> Option<SectionParameters<'a>> {
        let block = self.block();
        (block.MajorFunction == IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION).then_some(SectionParameters {
            // SAFETY: the major function says which member of the union is in use.
            parameters: unsafe { &block.Parameters.AcquireForSectionSynchronization },
        })
    }
}

/// The parameters of `IRP_MJ_PREPARE_MDL_WRITE`: fast I/O that asks for the cache's own pages, to fill them.
#[derive(Clone, Copy)]
pub struct PrepareMdlWriteParameters<'a> {
    parameters: &'a FLT_PARAMETERS_PREPARE_MDL_WRITE,
}

impl PrepareMdlWriteParameters<'_> {
    /// In bytes.
    #[must_use]
    pub fn length(self) -> u32 {
        self.parameters.Length
    }

    /// In bytes from the start of the file.
    #[must_use]
    pub fn offset(self) -> i64 {
        // SAFETY: every bit pattern is an integer.
        unsafe { self.parameters.FileOffset.QuadPart }
    }
}

/// The parameters of `IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION`.
#[derive(Clone, Copy)]
pub struct SectionParameters<'a> {
    parameters: &'a FLT_PARAMETERS_ACQUIRE_FOR_SECTION_SYNCHRONIZATION,
}

impl SectionParameters<'_> {
    /// Whether a section is created whose views can change the file: its pages can be written to and are neither copied
    /// first nor those of an image ("Memory Protection Constants", "`CreateFileMappingW` function").
    #[must_use]
    pub fn creates_writable(self) -> bool {
        let FLT_PARAMETERS_ACQUIRE_FOR_SECTION_SYNCHRONIZATION {
            SyncType,
            PageProtection,
            AllocationAttributes,
            ..
        } = *self.parameters;
        SyncType == SYNC_TYPE_CREATE_SECTION
            && PageProtection & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE) != 0
            && AllocationAttributes & SEC_IMAGE == 0
    }
}

/// The parameters of `IRP_MJ_CREATE`.
#[derive(Clone, Copy)]
pub struct CreateParameters<'a> {
    parameters: &'a FLT_PARAMETERS_CREATE,
    flags: u8,
}

impl CreateParameters<'_> {
    /// The access asked for, generic rights already mapped.
    #[must_use]
    pub fn desired_access(self) -> u32 {
        // SAFETY: the I/O manager keeps the security context for as long as the create.
        unsafe { self.parameters.SecurityContext.as_ref() }.map_or(0, |security| security.DesiredAccess)
    }

    /// Whether only a file that is there already can be opened, as it is: `FILE_OPEN`.
    #[must_use]
    pub fn opens_what_is_there(self) -> bool {
        self.parameters.Options >> DISPOSITION_SHIFT == FILE_OPEN
    }

    /// Whether the file is to be deleted when this open is closed.
    #[must_use]
    pub fn is_delete_on_close(self) -> bool {
        self.parameters.Options & CREATE_OPTIONS & FILE_DELETE_ON_CLOSE != 0
    }

    /// Whether only a directory is to be opened.
    #[must_use]
    pub fn is_directory_only(self) -> bool {
        self.parameters.Options & CREATE_OPTIONS & FILE_DIRECTORY_FILE != 0
    }

    /// Whether a paging file is opened.
    #[must_use]
    pub fn is_paging_file(self) -> bool {
        self.flags & SL_OPEN_PAGING_FILE != 0
    }

    /// Whether the directory of the named file is opened, for a rename.
    #[must_use]
    pub fn is_target_directory(self) -> bool {
        self.flags & SL_OPEN_TARGET_DIRECTORY != 0
    }
}

/// The parameters of `IRP_MJ_WRITE`. The buffer is not among them: it may be an address of another process.
#[derive(Clone, Copy)]
pub struct WriteParameters<'a> {
    /// Of a write.
    block: &'a FLT_IO_PARAMETER_BLOCK,
}

impl WriteParameters<'_> {
    #[inline]
    fn parameters(&self) -> &FLT_PARAMETERS_WRITE {
        // SAFETY: the block is a write's, so that this member of the union is in use.
        unsafe { &self.block.Parameters.Write }
    }

    /// In bytes.
    #[inline]
    #[must_use]
    pub fn length(self) -> u32 {
        self.parameters().Length
    }

    /// In bytes from the start of the file; [`Self::TO_END_OF_FILE`] and [`Self::AT_FILE_POINTER`] are no
    /// offsets.
    #[inline]
    #[must_use]
    pub fn offset(self) -> i64 {
        // SAFETY: every bit pattern is an integer.
        unsafe { self.parameters().ByteOffset.QuadPart }
    }

    /// `FILE_WRITE_TO_END_OF_FILE`, with the high part -1.
    pub const TO_END_OF_FILE: i64 = -1;
    /// `FILE_USE_FILE_POINTER_POSITION`, with the high part -1.
    pub const AT_FILE_POINTER: i64 = -2;

    /// Whether this write is to reach the disk before it completes.
    #[inline]
    #[must_use]
    pub fn is_write_through(self) -> bool {
        self.block.OperationFlags & SL_WRITE_THROUGH != 0
    }

    /// Whether this ends a write through an MDL that was recorded when it began.
    #[inline]
    #[must_use]
    pub fn is_mdl_completion(self) -> bool {
        self.block.MinorFunction & IRP_MN_COMPLETE != 0
    }
}
