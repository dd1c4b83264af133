//! The parameters of `IRP_MJ_FILE_SYSTEM_CONTROL`.

use core::slice;

use crate::raw::FLT_PARAMETERS_FILE_SYSTEM_CONTROL_BUFFERED;

/// The low bits of a control code: how buffers are passed. 0 is `METHOD_BUFFERED`.
const METHOD: u32 = 3;

/// The parameters of a control of the method `METHOD_BUFFERED`: input and output are in one buffer of the I/O manager's, or of
/// whoever sent the operation in the kernel ("Buffer Descriptions for I/O Control Codes").
#[derive(Clone, Copy)]
pub struct FsControlParameters<'a> {
    pub(crate) parameters: &'a FLT_PARAMETERS_FILE_SYSTEM_CONTROL_BUFFERED,
}

impl<'a> FsControlParameters<'a> {
    /// `FSCTL_…`
    #[inline]
    #[must_use]
    pub fn code(self) -> u32 {
        self.parameters.FsControlCode
    }

    /// Before the operation: its input.
    ///
    /// Maximum IRQL: `APC_LEVEL`, for the buffer may be pageable.
    #[must_use]
    pub fn input(self) -> &'a [u8] {
        self.buffer(self.parameters.InputBufferLength as usize)
    }

    /// After the operation: so many bytes of its output, as many as `IoStatus.Information` says.
    ///
    /// Maximum IRQL: as for [`input`](Self::input).
    #[must_use]
    pub fn output(self, information: u64) -> &'a [u8] {
        let length = self.parameters.OutputBufferLength as usize;
        self.buffer(usize::try_from(information).unwrap_or(length).min(length))
    }

    fn buffer(self, length: usize) -> &'a [u8] {
        let buffer = self.parameters.SystemBuffer.cast::<u8>();
        if buffer.is_null() || self.code() & METHOD != 0 {
            return &[];
        }
        // SAFETY: with this method the buffer is in kernel memory, has room for input and output, and stays for the
        // operation.
        unsafe { slice::from_raw_parts(buffer, length) }
    }
}
