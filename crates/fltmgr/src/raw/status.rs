//! The status codes of the Filter Manager, and others that its callers meet.

use wdk_sys::NTSTATUS;

#[expect(clippy::cast_possible_wrap, reason = "the header writes status codes as unsigned numbers")]
const fn status(code: u32) -> NTSTATUS {
    code as NTSTATUS
}

pub const STATUS_FLT_CONTEXT_ALREADY_DEFINED: NTSTATUS = status(0xC01C_0002);
pub const STATUS_FLT_DISALLOW_FAST_IO: NTSTATUS = status(0xC01C_0004);
pub const STATUS_FLT_INVALID_NAME_REQUEST: NTSTATUS = status(0xC01C_0005);
pub const STATUS_FLT_DELETING_OBJECT: NTSTATUS = status(0xC01C_000B);
pub const STATUS_FLT_DO_NOT_ATTACH: NTSTATUS = status(0xC01C_000F);
pub const STATUS_FLT_DO_NOT_DETACH: NTSTATUS = status(0xC01C_0010);
