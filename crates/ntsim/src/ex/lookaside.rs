//! Lookaside lists and singly linked lists. The allocation itself is inline in the drivers: it takes an entry off the list
//! or calls the list's routine. A list here never keeps an entry (its depth is 0), so every allocation is one of pool,
//! which guards it and accounts for it.

use crate::abi::{Address, Ptr};
use crate::exports::{self, Module};
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::util::Lock;

/// `GENERAL_LOOKASIDE`, whose fields the inline functions use.
const LIST_BYTES: usize = 96;
const TYPE: usize = 36;
const TAG: usize = 40;
const SIZE: usize = 44;
const ALLOCATE: usize = 48;
const FREE: usize = 56;

/// `POOL_TYPE`
const PAGED_POOL: u32 = 1;
const NON_PAGED_POOL_NX: u32 = 512;
/// `POOL_NX_ALLOCATION`, the flag of a list in memory that is not executable.
const NX_ALLOCATION: u32 = 512;

fn fill(cpu: &Cpu, list: Ptr, allocate: Ptr, free: Ptr, kind: u32, bytes: usize, tag: u32) {
    let own = |name: &str| {
        let kernel = cpu.kernel();
        exports::address(Module::Ntoskrnl, name, kernel.config.windows, &kernel.cells)
            .map_or(Ptr::NULL, Ptr::at)
    };
    list.cast::<u8>().write_slice(&[0; LIST_BYTES]);
    list.byte_offset::<u32>(TYPE).write(kind);
    list.byte_offset::<u32>(TAG).write(tag);
    list.byte_offset::<u32>(SIZE).write(u32::try_from(bytes).unwrap_or(u32::MAX));
    list.byte_offset::<Ptr>(ALLOCATE)
        .write(allocate.non_null().unwrap_or_else(|| own("ExAllocatePoolWithTag")));
    list.byte_offset::<Ptr>(FREE).write(free.non_null().unwrap_or_else(|| own("ExFreePool")));
}

/// `ExInitializeNPagedLookasideList`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn initialize_non_paged(
    cpu: &Cpu,
    list: Ptr,
    allocate: Ptr,
    free: Ptr,
    flags: u32,
    bytes: usize,
    tag: u32,
    _depth: u16,
) {
    fill(cpu, list, allocate, free, flags & NX_ALLOCATION, bytes, tag);
}

/// `ExInitializePagedLookasideList`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn initialize_paged(
    cpu: &Cpu,
    list: Ptr,
    allocate: Ptr,
    free: Ptr,
    _flags: u32,
    bytes: usize,
    tag: u32,
    _depth: u16,
) {
    fill(cpu, list, allocate, free, PAGED_POOL, bytes, tag);
}

/// `ExInitializeLookasideListEx`, whose own routines are those of pool.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn initialize_ex(
    cpu: &Cpu,
    list: Ptr,
    allocate: Ptr,
    free: Ptr,
    pool: u32,
    _flags: u32,
    bytes: usize,
    tag: u32,
    _depth: u16,
) -> NtStatus {
    let own = |name| exports::routine(Module::Ntoskrnl, name, cpu.kernel().config.windows);
    let own = |name| own(name).map_or(Ptr::NULL, |routine| Ptr::at((routine.address)()));
    let allocate = allocate.non_null().unwrap_or_else(|| own("ExpAllocateForLookasideListEx"));
    let free = free.non_null().unwrap_or_else(|| own("ExpFreeForLookasideListEx"));
    fill(cpu, list, allocate, free, pool, bytes, tag);
    NtStatus::SUCCESS
}

/// `ExDeleteNPagedLookasideList`, `ExDeletePagedLookasideList`, `ExDeleteLookasideListEx`: it holds nothing.
pub(crate) fn delete(_cpu: &Cpu, _list: Ptr) {}

/// The routine of a `LOOKASIDE_LIST_EX` that has none of its own.
pub(crate) fn allocate_for_ex(cpu: &Cpu, pool: u32, bytes: usize, tag: u32, _list: Ptr) -> Ptr {
    super::pool_legacy::allocate_with_tag(cpu, pool, bytes, tag)
}

/// The same for what is given back.
pub(crate) fn free_for_ex(cpu: &Cpu, entry: Ptr, _list: Ptr) {
    super::pool_legacy::free(cpu, entry);
}

/// One lock for the lists of all drivers: they lie in their memory, and are changed by a few instructions.
static CHAINS: Lock<()> = Lock::new(());

/// `SLIST_HEADER`: the depth in the low 16 bits of the first word, the first entry in the second.
const FIRST: usize = 8;
/// The low bits of that word, which no address has.
const RESERVED_BITS: usize = 0xF;

fn depth(head: Ptr<u64>, change: impl FnOnce(u64) -> u64) {
    let word = head.read();
    head.write(word & !0xFFFF | change(word & 0xFFFF) & 0xFFFF);
}

/// `ExpInterlockedPushEntrySList`: returns the entry that was first.
pub(crate) fn push(_cpu: &Cpu, head: Ptr<u64>, entry: Ptr<Address>) -> Ptr {
    let _lock = CHAINS.lock();
    let first = head.byte_offset::<Address>(FIRST);
    let old = first.read() & !RESERVED_BITS;
    entry.write(old);
    first.write(entry.address());
    depth(head, |depth| depth + 1);
    Ptr::at(old)
}

/// `ExpInterlockedPopEntrySList`.
pub(crate) fn pop(_cpu: &Cpu, head: Ptr<u64>) -> Ptr {
    let _lock = CHAINS.lock();
    let first = head.byte_offset::<Address>(FIRST);
    let entry = Ptr::<Address>::at(first.read() & !RESERVED_BITS);
    if !entry.is_null() {
        first.write(entry.read());
        depth(head, |depth| depth.saturating_sub(1));
    }
    entry.cast()
}

/// `ExpInterlockedFlushSList`: takes all of them.
pub(crate) fn flush(_cpu: &Cpu, head: Ptr<u64>) -> Ptr {
    let _lock = CHAINS.lock();
    let first = head.byte_offset::<Address>(FIRST);
    let entry = first.read() & !RESERVED_BITS;
    first.write(0);
    depth(head, |_| 0);
    Ptr::at(entry)
}

/// `ExQueryDepthSList`.
pub(crate) fn query_depth(_cpu: &Cpu, head: Ptr<u16>) -> u32 {
    u32::from(head.read())
}

/// `InitializeSListHead`.
pub(crate) fn initialize_chain(_cpu: &Cpu, head: Ptr<u64>) {
    head.write(0);
    head.byte_offset::<u64>(FIRST).write(0);
}

const _: () = assert!(NON_PAGED_POOL_NX == NX_ALLOCATION);
