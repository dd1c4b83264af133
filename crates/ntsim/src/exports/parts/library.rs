//! The run-time library: characters, and what debuggers see.

use crate::abi::Ptr;
use crate::exports::rows::routines;
use crate::exports::{Module, Routine};
use crate::ke::irql::Irql;
use crate::rtl::{debug_break, multibyte};
use crate::status::NtStatus;

routines! {
    after super::device::END;

    Ntoskrnl: RtlAnsiCharToUnicodeChar(source: Ptr<Ptr<u8>>) -> u16, APC => multibyte::ansi_char;
    Ntoskrnl: RtlUnicodeToMultiByteN(text: Ptr<u8>, room: u32, written: Ptr<u32>, units: Ptr<u16>, bytes: u32)
        -> NtStatus, APC, infallible => multibyte::from_units;
    Ntoskrnl: RtlMultiByteToUnicodeN(units: Ptr<u16>, room: u32, written: Ptr<u32>, text: Ptr<u8>, bytes: u32)
        -> NtStatus, APC, infallible => multibyte::to_units;
    Ntoskrnl: RtlUnicodeToMultiByteSize(size: Ptr<u32>, units: Ptr<u16>, bytes: u32) -> NtStatus, APC, infallible
        => multibyte::size_of_bytes;
    Ntoskrnl: RtlMultiByteToUnicodeSize(size: Ptr<u32>, text: Ptr<u8>, bytes: u32) -> NtStatus, APC, infallible
        => multibyte::size_of_units;
    Ntoskrnl: RtlUnicodeToUTF8N(text: Ptr<u8>, room: u32, written: Ptr<u32>, units: Ptr<u16>, bytes: u32) -> NtStatus,
        PASSIVE, infallible => multibyte::to_utf8;
    Ntoskrnl: RtlUTF8ToUnicodeN(units: Ptr<u16>, room: u32, written: Ptr<u32>, text: Ptr<u8>, bytes: u32) -> NtStatus,
        PASSIVE, infallible => multibyte::from_utf8;
    Ntoskrnl: DbgBreakPoint(), HIGH => debug_break::break_point;
    Ntoskrnl: DbgBreakPointWithStatus(status: u32), HIGH => debug_break::break_with_status;
    Ntoskrnl: KeMemoryBarrier(), HIGH => debug_break::memory_barrier;
}
