//! Memory descriptor lists: who has one, whether its pages are locked, and where they are mapped.
//!
//! The buffers of operations have no memory here. When their pages are mapped they get some, zeroed, for as long as they
//! are locked; pool, images and stacks are mapped where they are.

use std::sync::Arc;

use crate::abi::{Address, Mdl, Ptr};
use crate::ex::block::{Block, Content, PAGE_BYTES};
use crate::io::driver::Driver;
use crate::ke::{Cpu, Irql};
use crate::rtl::memory;
use crate::sim::Leak;
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;
use crate::verifier::site::Origin;

/// `MdlFlags`.
pub(crate) mod flags {
    pub(crate) const MAPPED_TO_SYSTEM_VA: i16 = 0x0001;
    pub(crate) const PAGES_LOCKED: i16 = 0x0002;
    pub(crate) const SOURCE_IS_NONPAGED_POOL: i16 = 0x0004;
    pub(crate) const PARTIAL: i16 = 0x0010;
    pub(crate) const PARTIAL_HAS_BEEN_MAPPED: i16 = 0x0020;
    pub(crate) const WRITE_OPERATION: i16 = 0x0080;
    pub(crate) const PARENT_MAPPED_SYSTEM_VA: i16 = 0x0100;
}

/// What the watch calls a list, and pages that were mapped.
const LIST: &str = "MDL";
const MAPPING: &str = "mapping of an MDL";
/// Tags of both.
const LIST_TAG: u32 = u32::from_le_bytes(*b"Mdl ");
const MAPPING_TAG: u32 = u32::from_le_bytes(*b"MmMp");
/// Bytes of a page frame's number.
const FRAME_BYTES: usize = 8;
const PAGE_SHIFT: u32 = PAGE_BYTES.trailing_zeros();
/// `LOCK_OPERATION`: `IoReadAccess`, the only one after which nothing is written.
const READ_ACCESS: u32 = 0;
/// `IoModifyAccess`, the last.
const MODIFY_ACCESS: u32 = 2;

/// Where the pages of a list are mapped.
enum Mapping {
    /// At the addresses that they have anyway.
    InPlace,
    /// In memory of their own.
    Own(Block),
}

/// What is known of a list.
#[derive(Default)]
struct Known {
    /// The list itself, if the system allocated it.
    block: Option<Block>,
    /// Who must free it; `None` for the system's own.
    driver: Option<Arc<Driver>>,
    origin: Option<Origin>,
    locked: bool,
    mapping: Option<Mapping>,
}

/// The lists of one kernel, by address.
#[derive(Default)]
pub(crate) struct Mdls {
    table: Lock<AddressMap<Known>>,
}

impl Mdls {
    fn with<R>(&self, mdl: Ptr<Mdl>, change: impl FnOnce(&mut Known) -> R) -> R {
        change(self.table.lock().entry(mdl.address()).or_default())
    }

    fn is_locked(&self, mdl: Ptr<Mdl>) -> bool {
        self.table.lock().get(&mdl.address()).is_some_and(|known| known.locked)
    }

    /// What a driver that is gone left behind.
    pub(crate) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut table = self.table.lock();
        let is_its = |known: &Known| known.driver.as_ref().is_some_and(|owner| Arc::ptr_eq(owner, driver));
        let mut leaks = Vec::new();
        for (what, which, counts) in [
            ("MDL", "not freed", (|known| known.block.is_some()) as fn(&Known) -> bool),
            ("MDL", "with locked pages", |known| known.locked),
        ] {
            let mut left = table.values().filter(|known| is_its(known) && counts(known));
            let first = left.next().map(|known| known.origin.clone());
            if let Some(origin) = first {
                leaks.push(Leak::new(what, which, 1 + left.count()).taken(origin.as_ref()));
            }
        }
        table.retain(|_, known| !is_its(known));
        leaks
    }
}

fn page_of(address: Address) -> Address {
    address - address % PAGE_BYTES
}

/// `ADDRESS_AND_SIZE_TO_SPAN_PAGES`.
fn span_pages(address: Address, bytes: usize) -> usize {
    (address % PAGE_BYTES + bytes).div_ceil(PAGE_BYTES)
}

/// `MmSizeOfMdl`.
pub(crate) fn size_of_mdl(_cpu: &Cpu, base: Ptr, bytes: usize) -> usize {
    size_of::<Mdl>() + FRAME_BYTES * span_pages(base.address(), bytes)
}

/// The first address that a list describes.
fn start(mdl: &Mdl) -> Address {
    mdl.start_va.address() + mdl.byte_offset as usize
}

/// Writes a list for a range (`MmInitializeMdl`).
fn initialize(mdl: Ptr<Mdl>, address: Address, bytes: u32) {
    let size = size_of::<Mdl>() + FRAME_BYTES * span_pages(address, bytes as usize);
    mdl.write(Mdl {
        next: Ptr::NULL,
        // The header's macro truncates in the same way.
        size: i16::try_from(size & 0x7FFF).unwrap_or(0),
        flags: 0,
        alignment: 0,
        process: Ptr::NULL,
        mapped_system_va: Ptr::NULL,
        start_va: Ptr::at(page_of(address)),
        byte_count: bytes,
        byte_offset: u32::try_from(address % PAGE_BYTES).unwrap_or(0),
    });
}

/// Fills in the page frames: every page lies at the frame of its own number.
fn fill_frames(mdl: Ptr<Mdl>, value: &Mdl) {
    let first = start(value) >> PAGE_SHIFT;
    let frames: Vec<usize> = (first..first + span_pages(start(value), value.byte_count as usize)).collect();
    mdl.byte_offset::<usize>(size_of::<Mdl>()).write_slice(&frames);
}

fn set(mdl: Ptr<Mdl>, change: impl FnOnce(&mut Mdl)) {
    let mut value = mdl.read();
    change(&mut value);
    mdl.write(value);
}

/// A list for a range, in memory of the system's.
fn allocate_list(cpu: &Cpu, address: Address, bytes: u32, driver: Option<Arc<Driver>>) -> Ptr<Mdl> {
    let kernel = cpu.kernel();
    let size = size_of_mdl(cpu, Ptr::at(address), bytes as usize);
    let block = kernel.pool.block(cpu, size, Content::Zeroed, LIST, LIST_TAG, false);
    let mdl = block.ptr();
    initialize(mdl, address, bytes);
    let origin = kernel.pool.origin(cpu);
    kernel
        .mdls
        .table
        .lock()
        .insert(mdl.address(), Known { block: Some(block), driver, origin, ..Known::default() });
    mdl
}

/// Where an IRP has its list.
const IRP_MDL_ADDRESS: usize = 8;

/// `IoAllocateMdl`.
pub(crate) fn allocate(
    cpu: &Cpu,
    address: Ptr,
    bytes: u32,
    secondary: u8,
    _charge_quota: u8,
    irp: Ptr,
) -> Ptr<Mdl> {
    if bytes as usize > u32::MAX as usize - PAGE_BYTES {
        return Ptr::NULL;
    }
    let mdl = allocate_list(cpu, address.address(), bytes, cpu.driver());
    if let Some(irp) = irp.non_null() {
        let head = irp.byte_offset::<Ptr<Mdl>>(IRP_MDL_ADDRESS);
        match head.read().non_null().filter(|_| secondary != 0) {
            Some(mut last) => {
                while let Some(next) = last.read().next.non_null() {
                    last = next;
                }
                set(last, |value| value.next = mdl);
            }
            None => head.write(mdl),
        }
    }
    mdl
}

/// `IoFreeMdl`: one list, not those that follow it.
pub(crate) fn free(cpu: &Cpu, mdl: Ptr<Mdl>) {
    let known = cpu.kernel().mdls.table.lock().remove(&mdl.address());
    let Some(Known { block: Some(block), locked, mapping, .. }) = known else {
        cpu.violation(Rule::Pool, format!("frees {mdl:?}, which is no MDL of IoAllocateMdl's (any more)"));
        return;
    };
    if locked {
        cpu.violation(Rule::InvalidParameter, "frees an MDL whose pages are locked");
    }
    unmap_pages(cpu, mapping);
    cpu.kernel().pool.retire(cpu, block, LIST_TAG);
}

fn unmap_pages(cpu: &Cpu, mapping: Option<Mapping>) {
    if let Some(Mapping::Own(block)) = mapping {
        cpu.kernel().pool.retire(cpu, block, MAPPING_TAG);
    }
}

/// Whether an address lies in paged pool.
fn is_paged(cpu: &Cpu, address: Address) -> bool {
    cpu.kernel().pool.watched.find(address).is_some_and(|watched| watched.purpose.paged)
}

/// Whether an address is one of user mode whose memory nobody may touch.
fn is_user(cpu: &Cpu, address: Address) -> bool {
    cpu.kernel().arena.is_user_buffer(address) || cpu.kernel().user_buffers.contains(address)
}

/// `MmBuildMdlForNonPagedPool`.
pub(crate) fn build_for_non_paged_pool(cpu: &Cpu, mdl: Ptr<Mdl>) {
    let value = mdl.read();
    if is_paged(cpu, start(&value)) || is_user(cpu, start(&value)) {
        cpu.violation(Rule::InvalidParameter, "builds an MDL for what is not non-paged pool");
    }
    if value.flags & (flags::PAGES_LOCKED | flags::SOURCE_IS_NONPAGED_POOL | flags::MAPPED_TO_SYSTEM_VA) != 0
    {
        cpu.violation(Rule::InvalidParameter, "builds an MDL that has been built or locked already");
    }
    fill_frames(mdl, &value);
    set(mdl, |mdl| {
        mdl.flags |= flags::SOURCE_IS_NONPAGED_POOL;
        mdl.process = Ptr::NULL;
        mdl.mapped_system_va = Ptr::at(start(mdl));
    });
}

/// Whether every page of a range can be read, and written if that is asked for.
fn is_accessible(cpu: &Cpu, address: Address, bytes: usize, writes: bool) -> bool {
    let mut place = address;
    while bytes > 0 && place < address.saturating_add(bytes) {
        let accessible = is_user(cpu, place)
            || if writes { memory::is_writable(place) } else { memory::is_readable(place) };
        if !accessible {
            return false;
        }
        place = page_of(place).saturating_add(PAGE_BYTES);
    }
    true
}

/// `MmProbeAndLockPages`; a failure is raised as an exception in the driver ([`crate::rtl::exception`]).
pub(crate) fn probe_and_lock(cpu: &Cpu, mdl: Ptr<Mdl>, _mode: i8, operation: u32) -> NtStatus {
    let value = mdl.read();
    if operation > MODIFY_ACCESS {
        cpu.violation(Rule::InvalidParameter, format!("{operation} is no LOCK_OPERATION"));
    }
    if value.flags & (flags::PAGES_LOCKED | flags::SOURCE_IS_NONPAGED_POOL) != 0 {
        let detail = "locks the pages of an MDL that is locked or describes non-paged pool";
        cpu.violation(Rule::InvalidParameter, detail);
    }
    let address = start(&value);
    if cpu.irql() > Irql::APC && (is_user(cpu, address) || is_paged(cpu, address)) {
        cpu.violation(Rule::IrqlTooHigh, format!("locks pageable pages at {}", cpu.irql()));
    }
    let writes = operation != READ_ACCESS;
    if !is_accessible(cpu, address, value.byte_count as usize, writes) {
        return NtStatus::ACCESS_VIOLATION;
    }
    lock(cpu, mdl, writes, cpu.driver());
    NtStatus::SUCCESS
}

fn lock(cpu: &Cpu, mdl: Ptr<Mdl>, writes: bool, driver: Option<Arc<Driver>>) {
    let process = cpu.thread().current_process().ptr();
    let value = mdl.read();
    fill_frames(mdl, &value);
    let user = is_user(cpu, start(&value));
    set(mdl, |mdl| {
        mdl.flags |= flags::PAGES_LOCKED;
        mdl.flags =
            if writes { mdl.flags | flags::WRITE_OPERATION } else { mdl.flags & !flags::WRITE_OPERATION };
        mdl.process = if user { process } else { Ptr::NULL };
    });
    let origin = cpu.kernel().pool.origin(cpu);
    cpu.kernel().mdls.with(mdl, |known| {
        known.locked = true;
        if known.driver.is_none() {
            known.driver = driver;
        }
        if known.origin.is_none() {
            known.origin = origin;
        }
    });
}

/// A list of the system's own whose pages are locked, for an operation's buffer. [`dispose`] takes it back.
pub(crate) fn make_locked(cpu: &Cpu, address: Ptr, bytes: u32, writes: bool) -> Ptr<Mdl> {
    let mdl = allocate_list(cpu, address.address(), bytes, None);
    lock(cpu, mdl, writes, None);
    mdl
}

/// Takes back what [`make_locked`] gave.
pub(crate) fn dispose(cpu: &Cpu, mdl: Ptr<Mdl>) {
    if cpu.kernel().mdls.is_locked(mdl) {
        unlock(cpu, mdl);
    }
    free(cpu, mdl);
}

/// `MmUnlockPages`: unmaps them, too.
pub(crate) fn unlock(cpu: &Cpu, mdl: Ptr<Mdl>) {
    if !cpu.kernel().mdls.is_locked(mdl) {
        cpu.violation(Rule::InvalidParameter, format!("unlocks the pages of {mdl:?}, which are not locked"));
        return;
    }
    let mapping = {
        let mut table = cpu.kernel().mdls.table.lock();
        let known = table.entry(mdl.address()).or_default();
        known.locked = false;
        let mapping = known.mapping.take();
        if known.block.is_none() {
            table.remove(&mdl.address());
        }
        mapping
    };
    unmap_pages(cpu, mapping);
    set(mdl, |mdl| {
        mdl.flags &= !(flags::PAGES_LOCKED | flags::MAPPED_TO_SYSTEM_VA | flags::WRITE_OPERATION);
        mdl.process = Ptr::NULL;
    });
}

/// `MEMORY_CACHING_TYPE`: how many there are.
const CACHE_TYPES: u32 = 6;

/// `MmMapLockedPagesSpecifyCache`.
pub(crate) fn map_specify_cache(
    cpu: &Cpu,
    mdl: Ptr<Mdl>,
    mode: i8,
    cache: u32,
    requested: Ptr,
    _bug_check: u32,
    _priority: u32,
) -> Ptr {
    if cache >= CACHE_TYPES {
        cpu.violation(Rule::InvalidParameter, format!("{cache} is no MEMORY_CACHING_TYPE"));
    }
    if mode != 0 && cpu.irql() > Irql::APC {
        cpu.violation(Rule::IrqlTooHigh, format!("maps pages to user mode at {}", cpu.irql()));
    } else if mode == 0 && !requested.is_null() {
        cpu.violation(Rule::InvalidParameter, "asks for an address when mapping pages to kernel mode");
    }
    map(cpu, mdl, mode)
}

/// `MmMapLockedPages`.
pub(crate) fn map(cpu: &Cpu, mdl: Ptr<Mdl>, mode: i8) -> Ptr {
    let value = mdl.read();
    let address = start(&value);
    if value.flags & (flags::PAGES_LOCKED | flags::SOURCE_IS_NONPAGED_POOL | flags::PARTIAL) == 0 {
        cpu.violation(Rule::InvalidParameter, "maps an MDL whose pages are not locked");
        return Ptr::NULL;
    }
    if value.flags & flags::MAPPED_TO_SYSTEM_VA != 0 && mode == 0 {
        cpu.violation(Rule::InvalidParameter, "maps an MDL that is mapped already");
        return value.mapped_system_va;
    }
    let has_memory = !is_user(cpu, address);
    let (mapped, mapping) = if has_memory {
        (Ptr::at(address), Mapping::InPlace)
    } else {
        let bytes = value.byte_count as usize;
        let block = cpu.kernel().pool.block(cpu, bytes, Content::Zeroed, MAPPING, MAPPING_TAG, false);
        (block.ptr(), Mapping::Own(block))
    };
    cpu.kernel().mdls.with(mdl, |known| known.mapping = Some(mapping));
    if mode == 0 {
        set(mdl, |mdl| {
            mdl.flags |= flags::MAPPED_TO_SYSTEM_VA;
            if mdl.flags & flags::PARTIAL != 0 {
                mdl.flags |= flags::PARTIAL_HAS_BEEN_MAPPED;
            }
            mdl.mapped_system_va = mapped;
        });
    }
    mapped
}

/// `MmUnmapLockedPages`.
pub(crate) fn unmap(cpu: &Cpu, base: Ptr, mdl: Ptr<Mdl>) {
    let mapping =
        cpu.kernel().mdls.table.lock().get_mut(&mdl.address()).and_then(|known| known.mapping.take());
    let at = match &mapping {
        Some(Mapping::Own(block)) => Some(block.ptr()),
        Some(Mapping::InPlace) => Some(Ptr::at(start(&mdl.read()))),
        None => None,
    };
    if at != Some(base) {
        cpu.violation(Rule::InvalidParameter, format!("unmaps {base:?}, where {mdl:?} is not mapped"));
    }
    unmap_pages(cpu, mapping);
    set(mdl, |mdl| mdl.flags &= !(flags::MAPPED_TO_SYSTEM_VA | flags::PARTIAL_HAS_BEEN_MAPPED));
}

/// `IoBuildPartialMdl`.
pub(crate) fn build_partial(cpu: &Cpu, source: Ptr<Mdl>, target: Ptr<Mdl>, address: Ptr, length: u32) {
    const KEPT: i16 = flags::SOURCE_IS_NONPAGED_POOL | flags::MAPPED_TO_SYSTEM_VA;
    let from = source.read();
    let first = start(&from);
    let end = first + from.byte_count as usize;
    let bytes = if length == 0 { end.saturating_sub(address.address()) } else { length as usize };
    let last = address.address().saturating_add(bytes);
    if address.address() < first || last > end {
        cpu.violation(Rule::InvalidParameter, "builds a partial MDL for what its source does not describe");
        return;
    }
    if from.flags & (flags::PAGES_LOCKED | flags::SOURCE_IS_NONPAGED_POOL | flags::PARTIAL) == 0 {
        cpu.violation(Rule::InvalidParameter, "builds a partial MDL from one whose pages are not locked");
    }
    let (next, size) = (target.read().next, target.read().size);
    initialize(target, address.address(), u32::try_from(bytes).unwrap_or(u32::MAX));
    set(target, |mdl| {
        mdl.next = next;
        mdl.size = size;
        mdl.process = from.process;
        mdl.flags = flags::PARTIAL;
        if from.flags & KEPT != 0 {
            let of_pool = from.flags & flags::SOURCE_IS_NONPAGED_POOL;
            mdl.flags |= if of_pool == 0 {
                flags::PARENT_MAPPED_SYSTEM_VA | flags::MAPPED_TO_SYSTEM_VA
            } else {
                of_pool
            };
            mdl.mapped_system_va = Ptr::at(from.mapped_system_va.address() + (address.address() - first));
        }
    });
    fill_frames(target, &target.read());
}
