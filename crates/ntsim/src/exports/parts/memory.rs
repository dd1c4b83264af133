//! Memory: descriptor lists.

use crate::abi::{Mdl, Ptr};
use crate::exports::rows::routines;
use crate::exports::{Module, Routine};
use crate::ke::irql::Irql;
use crate::mm::mdl;
use crate::status::NtStatus;

routines! {
    after super::filter_manager::END;

    Ntoskrnl: IoAllocateMdl(address: Ptr, bytes: u32, secondary: u8, charge_quota: u8, irp: Ptr) -> Ptr<Mdl>, DISPATCH
        => mdl::allocate;
    Ntoskrnl: IoFreeMdl(mdl: Ptr<Mdl>), DISPATCH => mdl::free;
    Ntoskrnl: IoBuildPartialMdl(source: Ptr<Mdl>, target: Ptr<Mdl>, address: Ptr, length: u32), DISPATCH
        => mdl::build_partial;
    Ntoskrnl: MmSizeOfMdl(base: Ptr, bytes: usize) -> usize, HIGH => mdl::size_of_mdl;
    Ntoskrnl: MmBuildMdlForNonPagedPool(mdl: Ptr<Mdl>), DISPATCH => mdl::build_for_non_paged_pool;
    Ntoskrnl: MmProbeAndLockPages(mdl: Ptr<Mdl>, mode: i8, operation: u32) -> NtStatus, DISPATCH
        => mdl::probe_and_lock;
    Ntoskrnl: MmUnlockPages(mdl: Ptr<Mdl>), DISPATCH => mdl::unlock;
    Ntoskrnl: MmMapLockedPagesSpecifyCache(mdl: Ptr<Mdl>, mode: i8, cache: u32, address: Ptr, bug_check: u32,
        priority: u32) -> Ptr, DISPATCH => mdl::map_specify_cache;
    Ntoskrnl: MmMapLockedPages(mdl: Ptr<Mdl>, mode: i8) -> Ptr, DISPATCH, infallible => mdl::map;
    Ntoskrnl: MmUnmapLockedPages(base: Ptr, mdl: Ptr<Mdl>), DISPATCH => mdl::unmap;
}
