//! Pool: tagged, guarded, and accounted for per driver.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::block::{Block, Content, PAGE_BYTES};
use super::watched::{Pageable, Purpose, WatchedBlocks};
use crate::abi::{Address, Ptr};
use crate::io::driver::Driver;
use crate::ke::{Cpu, Irql};
use crate::sim::Leak;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;
use crate::verifier::site::Origin;

/// `POOL_FLAG_USE_QUOTA`, `POOL_FLAG_SESSION`, `POOL_FLAG_CACHE_ALIGNED`, `POOL_FLAG_RAISE_ON_FAILURE`: accepted, and
/// without effect here. `POOL_FLAG_SPECIAL_POOL` lies in the optional half, which is ignored when unknown.
const FLAGS_WITHOUT_EFFECT: u64 = 0x1 | 0x4 | 0x8 | 0x20;
/// `POOL_FLAG_UNINITIALIZED`
const FLAG_UNINITIALIZED: u64 = 0x2;
/// `POOL_FLAG_NON_PAGED`
const FLAG_NON_PAGED: u64 = 0x40;
/// `POOL_FLAG_NON_PAGED_EXECUTE`
const FLAG_NON_PAGED_EXECUTE: u64 = 0x80;
/// `POOL_FLAG_PAGED`
const FLAG_PAGED: u64 = 0x100;
/// The half of the flags that must all be known (`POOL_FLAG_REQUIRED_START..=POOL_FLAG_REQUIRED_END`).
const REQUIRED_FLAGS: u64 = 0xFFFF_FFFF;

/// Freed blocks up to this size are kept for a while, to notice writes to them.
const QUARANTINE_BLOCK_BYTES: usize = 64 << 10;
/// How many freed blocks are kept.
const QUARANTINE_BLOCKS: usize = 256;

/// How many blocks are watched at most, live and freed: a process has a limited number of mappings, and each takes two.
const WATCHED_BLOCKS: usize = 16 << 10;
/// What a block of pool is called.
const POOL_BLOCK: &str = "pool block";

struct Allocation {
    block: Block,
    tag: u32,
    paged: bool,
    /// Who must free it; `None` once the driver that should have is gone.
    driver: Option<Arc<Driver>>,
    /// Whether the system allocated it for the driver, which may then free it without knowing the tag.
    by_system: bool,
    /// Where it was allocated, if memory is watched.
    origin: Option<Origin>,
}

#[derive(Default)]
struct State {
    allocations: AddressMap<Allocation>,
    quarantine: VecDeque<(Block, u32)>,
}

/// The pool of one kernel, and whatever else drivers get that lies in pool.
pub(crate) struct Pool {
    state: Lock<State>,
    watch: bool,
    pub(crate) watched: WatchedBlocks,
    pub(crate) pageable: Pageable,
}

/// A tag as debuggers show it.
pub(crate) fn tag_name(tag: u32) -> String {
    tag.to_le_bytes()
        .iter()
        .map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' })
        .collect()
}

impl Pool {
    pub(crate) fn new(watch: bool) -> Self {
        let state = Lock::default();
        Self { state, watch, watched: WatchedBlocks::default(), pageable: Pageable::default() }
    }

    /// Where something is taken by the driver that is running, if that is noted.
    pub(crate) fn origin(&self, cpu: &Cpu) -> Option<Origin> {
        self.watch.then(|| Origin::here(cpu))
    }

    /// A block of pool, watched if memory is.
    pub(crate) fn block(
        &self,
        cpu: &Cpu,
        bytes: usize,
        content: Content,
        kind: &'static str,
        tag: u32,
        paged: bool,
    ) -> Block {
        let guarded = if self.watch && self.watched.len() < WATCHED_BLOCKS {
            Block::guarded(bytes, content)
        } else {
            None
        };
        let Some(block) = guarded else { return Block::new(bytes, content) };
        let purpose = Purpose { kind, tag: tag_name(tag), paged, allocated: Origin::here(cpu) };
        self.watched.add(&block, purpose);
        if paged && let Some(pages) = block.pages() {
            self.pageable.add(pages.start..pages.end - PAGE_BYTES, libc::PROT_READ | libc::PROT_WRITE);
        }
        block
    }

    /// Allocates for the driver that is running something that it must free.
    pub(crate) fn allocate_for_driver<T>(&self, cpu: &Cpu, bytes: usize, tag: [u8; 4]) -> Ptr<T> {
        let tag = u32::from_le_bytes(tag);
        let block = self.block(cpu, bytes, Content::Zeroed, POOL_BLOCK, tag, true);
        let origin = self.origin(cpu);
        self.insert(Allocation { block, tag, paged: true, driver: cpu.driver(), by_system: true, origin })
    }

    fn insert<T>(&self, allocation: Allocation) -> Ptr<T> {
        let ptr = allocation.block.ptr::<T>();
        self.state.lock().allocations.insert(ptr.address(), allocation);
        ptr
    }

    /// Keeps a freed block for a while: whoever touches it meanwhile is noticed, at once if memory is watched.
    pub(crate) fn retire(&self, cpu: &Cpu, block: Block, tag: u32) {
        if let Some(pages) = block.pages() {
            self.pageable.remove(&pages);
            self.watched.freed(&block, Origin::here(cpu));
        } else if block.bytes() > QUARANTINE_BLOCK_BYTES {
            return;
        }
        block.poison();
        let oldest = {
            let mut state = self.state.lock();
            state.quarantine.push_back((block, tag));
            (state.quarantine.len() > QUARANTINE_BLOCKS).then(|| state.quarantine.pop_front()).flatten()
        };
        if let Some((oldest, tag)) = oldest {
            self.release(cpu, &oldest, tag);
        }
    }

    /// Looks at a block that has been kept long enough.
    fn release(&self, cpu: &Cpu, block: &Block, tag: u32) {
        self.watched.remove(block);
        if let Some(offset) = block.damage_after_free() {
            let tag = tag_name(tag);
            cpu.violation(
                Rule::Pool,
                format!("wrote at offset {offset} of a block that had been freed, tag {tag}"),
            );
        }
    }

    /// Shows address, size and tag of every block that is not paged.
    pub(crate) fn each_non_paged(&self, mut show: impl FnMut(Address, usize, String)) {
        for (address, allocation) in &self.state.lock().allocations {
            if !allocation.paged {
                show(*address, allocation.block.bytes(), tag_name(allocation.tag));
            }
        }
    }

    /// The tag of a block.
    pub(super) fn tag_of(&self, address: Address) -> Option<u32> {
        self.state.lock().allocations.get(&address).map(|allocation| allocation.tag)
    }

    /// What a driver that is gone left behind, by tag; and whatever it wrote where it must not.
    pub(crate) fn leaks(&self, cpu: &Cpu, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut by_tag: BTreeMap<u32, (usize, usize, Option<Origin>)> = BTreeMap::new();
        let mut damaged = Vec::new();
        {
            let mut state = self.state.lock();
            for (address, allocation) in &mut state.allocations {
                if allocation.driver.as_ref().is_some_and(|owner| Arc::ptr_eq(owner, driver)) {
                    let (count, bytes, origin) = by_tag.entry(allocation.tag).or_default();
                    *count += 1;
                    *bytes += allocation.block.bytes();
                    if origin.is_none() {
                        origin.clone_from(&allocation.origin);
                    }
                    damaged.extend(allocation.block.damage().map(|offset| (*address, offset)));
                    allocation.driver = None;
                }
            }
        }
        for (address, offset) in damaged {
            cpu.violation(Rule::Pool, format!("wrote at offset {offset} of the block at 0x{address:X}"));
        }
        let quarantine = std::mem::take(&mut self.state.lock().quarantine);
        for (block, tag) in quarantine {
            self.release(cpu, &block, tag);
        }
        by_tag
            .into_iter()
            .map(|(tag, (count, bytes, origin))| {
                Leak::new(POOL_BLOCK, tag_name(tag), count).bytes(bytes).taken(origin.as_ref())
            })
            .collect()
    }

    /// Takes an allocation out, complaining if it is not there or not whole.
    fn remove(&self, cpu: &Cpu, address: Address) -> Option<Allocation> {
        let removed = self.state.lock().allocations.remove(&address);
        let Some(allocation) = removed else {
            let freed =
                self.state.lock().quarantine.iter().any(|(block, _)| block.ptr::<u8>().address() == address);
            let why = if freed { "has been freed already" } else { "is no pool block" };
            cpu.violation(Rule::Pool, format!("frees 0x{address:X}, which {why}"));
            return None;
        };
        if let Some(offset) = allocation.block.damage() {
            let bytes = allocation.block.bytes();
            cpu.violation(
                Rule::Pool,
                format!(
                    "wrote at offset {offset} of a block of {bytes} bytes, tag {}",
                    tag_name(allocation.tag)
                ),
            );
        }
        Some(allocation)
    }
}

/// `ExAllocatePool2`.
pub(crate) fn allocate_pool2(cpu: &Cpu, flags: u64, bytes: usize, tag: u32) -> Ptr {
    let kinds = flags & (FLAG_NON_PAGED | FLAG_NON_PAGED_EXECUTE | FLAG_PAGED);
    let known = FLAGS_WITHOUT_EFFECT | FLAG_UNINITIALIZED | kinds;
    if tag == 0 || kinds.count_ones() != 1 || flags & REQUIRED_FLAGS & !known != 0 {
        cpu.violation(Rule::Pool, format!("allocates with flags 0x{flags:X} and tag 0x{tag:X}"));
        return Ptr::NULL;
    }
    if bytes == 0 {
        cpu.violation(Rule::Pool, "allocates 0 bytes");
    }
    let paged = kinds == FLAG_PAGED;
    if paged && cpu.irql() > Irql::APC {
        cpu.violation(Rule::IrqlTooHigh, format!("allocates paged pool at {}", cpu.irql()));
    } else if paged && cpu.is_on_paging_path() {
        cpu.violation(Rule::PagingPath, "allocates paged pool in the path of paging I/O");
    }
    let content = if flags & FLAG_UNINITIALIZED == 0 { Content::Zeroed } else { Content::Uninitialized };
    let pool = &cpu.kernel().pool;
    let block = pool.block(cpu, bytes, content, POOL_BLOCK, tag, paged);
    let origin = pool.origin(cpu);
    pool.insert(Allocation { block, tag, paged, driver: cpu.driver(), by_system: false, origin })
}

/// `ExFreePoolWithTag`, and `ExFreePool`, which is the same with tag 0.
pub(crate) fn free_pool_with_tag(cpu: &Cpu, block: Ptr, tag: u32) {
    let pool = &cpu.kernel().pool;
    let Some(allocation) = pool.remove(cpu, block.address()) else { return };
    if allocation.paged && cpu.irql() > Irql::APC {
        cpu.violation(Rule::IrqlTooHigh, format!("frees paged pool at {}", cpu.irql()));
    }
    if tag != allocation.tag && !(tag == 0 && allocation.by_system) {
        cpu.violation(
            Rule::Pool,
            format!("frees a block of tag {} with tag {}", tag_name(allocation.tag), tag_name(tag)),
        );
    }
    pool.retire(cpu, allocation.block, allocation.tag);
}
