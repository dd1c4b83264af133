//! What a file system answers to a query, as it is put together.

use super::request::IoStatus;
use crate::abi::Ptr;
use crate::status::NtStatus;

/// An answer as it is put together, which is cut off where the buffer ends.
#[derive(Default)]
pub(super) struct Answer {
    bytes: Vec<u8>,
    /// What must fit; what follows is of variable length, and cut off.
    fixed: usize,
}

impl Answer {
    pub(super) fn number<const N: usize>(mut self, value: [u8; N]) -> Self {
        self.bytes.extend_from_slice(&value);
        self
    }

    pub(super) fn i64(self, value: i64) -> Self {
        self.number(value.to_le_bytes())
    }

    pub(super) fn u32(self, value: u32) -> Self {
        self.number(value.to_le_bytes())
    }

    pub(super) fn u8(self, value: u8) -> Self {
        self.number([value])
    }

    pub(super) fn padding(mut self, bytes: usize) -> Self {
        self.bytes.resize(self.bytes.len() + bytes, 0);
        self
    }

    /// Text, with its length in bytes before it.
    pub(super) fn text(self, text: &str) -> Self {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut answer = self.u32(u32::try_from(units.len()).unwrap_or(u32::MAX));
        answer.fixed = answer.bytes.len();
        answer.bytes.extend_from_slice(&units);
        answer
    }

    /// Bytes as they are.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// What has been put together so far.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Stores it.
    pub(super) fn give(self, buffer: Ptr, room: u32) -> IoStatus {
        let room = room as usize;
        let fixed = if self.fixed == 0 { self.bytes.len() } else { self.fixed };
        if room < fixed {
            return IoStatus::plain(NtStatus::INFO_LENGTH_MISMATCH);
        }
        let given = self.bytes.len().min(room);
        buffer.cast::<u8>().write_slice(&self.bytes[..given]);
        let status = if given < self.bytes.len() { NtStatus::BUFFER_OVERFLOW } else { NtStatus::SUCCESS };
        IoStatus::new(status, given)
    }
}
