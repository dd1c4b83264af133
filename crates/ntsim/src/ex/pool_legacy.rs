//! Pool by the routines from before `ExAllocatePool2`.

use super::pool;
use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::verifier::Rule;

/// `POOL_TYPE`
const NON_PAGED_POOL: u32 = 0;
const PAGED_POOL: u32 = 1;
const NON_PAGED_POOL_CACHE_ALIGNED: u32 = 4;
const PAGED_POOL_CACHE_ALIGNED: u32 = 5;
const NON_PAGED_POOL_NX: u32 = 512;
const NON_PAGED_POOL_NX_CACHE_ALIGNED: u32 = 516;
/// `POOL_QUOTA_FAIL_INSTEAD_OF_RAISE`, `POOL_RAISE_IF_ALLOCATION_FAILURE`, `POOL_COLD_ALLOCATION`, `POOL_ZERO_ALLOCATION`
const WITHOUT_EFFECT: u32 = 8 | 16 | 256;
const ZERO_ALLOCATION: u32 = 1024;

/// `POOL_FLAG_*`
const FLAG_UNINITIALIZED: u64 = 0x2;
const FLAG_NON_PAGED: u64 = 0x40;
const FLAG_PAGED: u64 = 0x100;

/// What `ExAllocatePool` marks its blocks with: `None`.
const DEFAULT_TAG: u32 = u32::from_le_bytes(*b"None");

/// `ExAllocatePoolWithTag`, `ExAllocatePoolWithQuotaTag`.
pub(crate) fn allocate_with_tag(cpu: &Cpu, pool: u32, bytes: usize, tag: u32) -> Ptr {
    let kind = match pool & !(WITHOUT_EFFECT | ZERO_ALLOCATION) {
        NON_PAGED_POOL
        | NON_PAGED_POOL_CACHE_ALIGNED
        | NON_PAGED_POOL_NX
        | NON_PAGED_POOL_NX_CACHE_ALIGNED => FLAG_NON_PAGED,
        PAGED_POOL | PAGED_POOL_CACHE_ALIGNED => FLAG_PAGED,
        _ => {
            cpu.violation(Rule::Pool, format!("allocates from pool type {pool}, which is none for drivers"));
            return Ptr::NULL;
        }
    };
    let content = if pool & ZERO_ALLOCATION == 0 { FLAG_UNINITIALIZED } else { 0 };
    pool::allocate_pool2(cpu, kind | content, bytes, tag)
}

/// `ExAllocatePool`.
pub(crate) fn allocate(cpu: &Cpu, pool: u32, bytes: usize) -> Ptr {
    allocate_with_tag(cpu, pool, bytes, DEFAULT_TAG)
}

/// `ExAllocatePoolWithTagPriority`.
pub(crate) fn allocate_with_priority(cpu: &Cpu, pool: u32, bytes: usize, tag: u32, _priority: u32) -> Ptr {
    allocate_with_tag(cpu, pool, bytes, tag)
}

/// `ExFreePool`, which does not ask for the tag.
pub(crate) fn free(cpu: &Cpu, block: Ptr) {
    let tag = cpu.kernel().pool.tag_of(block.address()).unwrap_or(0);
    pool::free_pool_with_tag(cpu, block, tag);
}

/// `FltAllocatePoolAlignedWithTag`: fit for the volume's device; pool is aligned for every simulated one.
pub(crate) fn flt_allocate_aligned(cpu: &Cpu, instance: Ptr, pool: u32, bytes: usize, tag: u32) -> Ptr {
    if cpu.kernel().filters.instance(cpu, instance).is_none() {
        return Ptr::NULL;
    }
    allocate_with_tag(cpu, pool, bytes, tag)
}

/// `FltFreePoolAlignedWithTag`.
pub(crate) fn flt_free_aligned(cpu: &Cpu, _instance: Ptr, block: Ptr, tag: u32) {
    pool::free_pool_with_tag(cpu, block, tag);
}
