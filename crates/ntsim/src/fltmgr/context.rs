//! Contexts: exactly counted references, and a cleanup callback when the last is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::filter::Filter;
use super::instance::Instance;
use crate::abi::{Address, FileObject, Ptr};
use crate::ex::block::{Block, Content};
use crate::ex::pool::tag_name;
use crate::io::driver::Driver;
use crate::io::{Fcb, StreamContext};
use crate::ke::{Cpu, Entry, Irql};
use crate::sim::Leak;
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;
use crate::verifier::site::Origin;

/// `FLT_CONTEXT_TYPE`
const VOLUME_CONTEXT: u16 = 0x01;
const INSTANCE_CONTEXT: u16 = 0x02;
const STREAM_CONTEXT: u16 = 0x08;

/// `FLT_SET_CONTEXT_OPERATION`
const REPLACE_IF_EXISTS: u32 = 0;
const KEEP_IF_EXISTS: u32 = 1;

/// `POOL_TYPE`
const NON_PAGED_POOL: u32 = 0;
const PAGED_POOL: u32 = 1;
const NON_PAGED_POOL_NX: u32 = 512;

/// `MAXUSHORT`, which a context's size may not exceed.
const MAX_CONTEXT_BYTES: usize = 0xFFFF;

/// A context.
struct Context {
    block: Block,
    kind: u16,
    tag: u32,
    paged: bool,
    filter: Arc<Filter>,
    cleanup: Ptr,
    /// References that the filter holds.
    references: usize,
    /// Whether it is set on an object, which holds a reference of its own.
    linked: bool,
    /// Where it was allocated, if memory is watched.
    origin: Option<Origin>,
}

impl Context {
    fn is_needed(&self) -> bool {
        self.references > 0 || self.linked
    }
}

fn kind_name(kind: u16) -> &'static str {
    match kind {
        VOLUME_CONTEXT => "volume context",
        INSTANCE_CONTEXT => "instance context",
        STREAM_CONTEXT => "stream context",
        _ => "context",
    }
}

/// The contexts of one kernel.
#[derive(Default)]
pub(crate) struct ContextTable {
    contexts: Lock<AddressMap<Context>>,
}

/// What became of a reference.
enum Released {
    Kept,
    Gone(Context),
    NotHeld(u16),
    Unknown,
}

impl ContextTable {
    /// Takes something from a context, and the context out if nobody needs it any more.
    fn release(&self, context: Ptr, take: impl FnOnce(&mut Context) -> bool) -> Released {
        let mut contexts = self.contexts.lock();
        let Some(found) = contexts.get_mut(&context.address()) else { return Released::Unknown };
        if !take(found) {
            return Released::NotHeld(found.kind);
        }
        if found.is_needed() {
            return Released::Kept;
        }
        contexts.remove(&context.address()).map_or(Released::Unknown, Released::Gone)
    }

    /// Adds a filter's reference. Returns whether there is such a context.
    fn reference(&self, context: Ptr) -> bool {
        let mut contexts = self.contexts.lock();
        contexts.get_mut(&context.address()).map(|context| context.references += 1).is_some()
    }

    /// What a filter that is gone still holds references to.
    pub(super) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut by_kind: BTreeMap<(u16, u32), (usize, usize, Option<Origin>)> = BTreeMap::new();
        self.contexts.lock().retain(|_, context| {
            let is_its = Arc::ptr_eq(context.filter.driver(), driver);
            if is_its {
                let (count, bytes, origin) = by_kind.entry((context.kind, context.tag)).or_default();
                *count += 1;
                *bytes += context.block.bytes();
                if origin.is_none() {
                    origin.clone_from(&context.origin);
                }
            }
            !is_its
        });
        by_kind
            .into_iter()
            .map(|((kind, tag), (count, bytes, origin))| {
                Leak::new(kind_name(kind), tag_name(tag), count).bytes(bytes).taken(origin.as_ref())
            })
            .collect()
    }
}

/// `FltAllocateContext`.
pub(crate) fn allocate_context(
    cpu: &Cpu,
    filter: Ptr,
    kind: u16,
    bytes: usize,
    pool: u32,
    context: Ptr<Ptr>,
) -> NtStatus {
    let Some(filter) = cpu.kernel().filters.filter(cpu, filter) else { return NtStatus::INVALID_PARAMETER };
    if filter.is_deleting() {
        return NtStatus::FLT_DELETING_OBJECT;
    }
    if bytes > MAX_CONTEXT_BYTES {
        return NtStatus::INVALID_BUFFER_SIZE;
    }
    let paged = pool == PAGED_POOL;
    if bytes == 0 || !matches!(pool, NON_PAGED_POOL | PAGED_POOL | NON_PAGED_POOL_NX) {
        cpu.violation(
            Rule::InvalidParameter,
            format!("allocates a context of {bytes} bytes from pool type {pool}"),
        );
        return NtStatus::INVALID_PARAMETER;
    }
    if kind == VOLUME_CONTEXT && paged {
        return NtStatus::FLT_MUST_BE_NONPAGED_POOL;
    }
    let fits = |entry: &&super::registration::ContextEntry| {
        entry.kind == kind
            && entry.size.is_none_or(|size| if entry.any_size_up_to { bytes <= size } else { bytes == size })
    };
    let Some(entry) = filter.callbacks.contexts.iter().find(fits) else {
        return NtStatus::FLT_CONTEXT_ALLOCATION_NOT_FOUND;
    };
    // What a context holds at first is not defined (lookaside lists), so no filter may count on zeroes.
    let pool_of = &cpu.kernel().pool;
    let block = pool_of.block(cpu, bytes, Content::Uninitialized, kind_name(kind), entry.tag, paged);
    let ptr = block.ptr();
    let allocated = Context {
        block,
        kind,
        tag: entry.tag,
        paged,
        cleanup: entry.cleanup,
        filter: Arc::clone(&filter),
        references: 1,
        linked: false,
        origin: pool_of.origin(cpu),
    };
    cpu.kernel().filters.contexts.contexts.lock().insert(ptr.address(), allocated);
    context.write(ptr);
    NtStatus::SUCCESS
}

/// `FltReferenceContext`.
pub(crate) fn reference_context(cpu: &Cpu, context: Ptr) {
    if !cpu.kernel().filters.contexts.reference(context) {
        cpu.violation(
            Rule::ContextReference,
            format!("references {context:?}, which is no context (any more)"),
        );
    }
}

/// `FltReleaseContext`.
pub(crate) fn release_context(cpu: &Cpu, context: Ptr) {
    let contexts = &cpu.kernel().filters.contexts;
    let paged = contexts.contexts.lock().get(&context.address()).is_some_and(|context| context.paged);
    if paged && cpu.irql() > Irql::APC {
        cpu.violation(Rule::IrqlTooHigh, format!("releases a context in paged pool at {}", cpu.irql()));
    }
    let released = contexts.release(context, |context| {
        let held = context.references > 0;
        context.references = context.references.saturating_sub(1);
        held
    });
    match released {
        Released::Kept => {}
        Released::Gone(gone) => free(cpu, gone),
        Released::NotHeld(kind) => {
            cpu.violation(
                Rule::ContextReference,
                format!("releases a {} more often than it referenced it", kind_name(kind)),
            );
        }
        Released::Unknown => {
            cpu.violation(
                Rule::ContextReference,
                format!("releases {context:?}, which is no context (any more)"),
            );
        }
    }
}

/// The object that a context was set on lets go of it.
fn unlink(cpu: &Cpu, context: Ptr) {
    let mut filter = None;
    let released = cpu.kernel().filters.contexts.release(context, |context| {
        if context.linked {
            context.linked = false;
            filter = Some(Arc::clone(&context.filter));
        }
        true
    });
    if let Released::Gone(gone) = released {
        free(cpu, gone);
    }
    if let Some(filter) = filter {
        filter.linked.release(cpu);
    }
}

/// Waits until the cleanup callbacks of contexts whose objects have let go of them have returned.
pub(super) fn wait_for_cleanups(cpu: &Cpu, filter: &Filter) {
    filter.linked.begin_to_end();
    // A context that is set on something for good is told as a leak, and not waited for.
    let _ = filter.linked.wait_unless_stuck(cpu);
}

/// Cleans up and frees a context that nobody needs any more.
fn free(cpu: &Cpu, context: Context) {
    if let Some(offset) = context.block.damage() {
        let detail = format!(
            "wrote at offset {offset} of a {} of {} bytes",
            kind_name(context.kind),
            context.block.bytes()
        );
        cpu.violation(Rule::Pool, detail);
    }
    if let Some(cleanup) = context.cleanup.non_null() {
        let frame = context.filter.frame(Entry::ContextCleanup);
        let arguments = [context.block.ptr::<u8>().address(), usize::from(context.kind)];
        // At DISPATCH_LEVEL the Filter Manager leaves this to a work item.
        let irql = cpu.irql();
        cpu.set_irql(irql.min(Irql::APC));
        cpu.call_driver(frame, cleanup, &arguments);
        cpu.set_irql(irql);
    }
    cpu.kernel().pool.retire(cpu, context.block, context.tag);
}

/// Checks a context that is to be set, and marks it as set.
fn link(cpu: &Cpu, new: Ptr, kind: u16) -> Result<(), NtStatus> {
    let checked = {
        let mut contexts = cpu.kernel().filters.contexts.contexts.lock();
        match contexts.get_mut(&new.address()) {
            Some(context) if context.kind == kind && context.linked => {
                Err(NtStatus::FLT_CONTEXT_ALREADY_LINKED)
            }
            Some(context) if context.kind == kind && !context.filter.linked.acquire() => {
                Err(NtStatus::FLT_DELETING_OBJECT)
            }
            Some(context) if context.kind == kind => {
                context.linked = true;
                Ok(())
            }
            _ => Err(NtStatus::INVALID_PARAMETER),
        }
    };
    if checked == Err(NtStatus::INVALID_PARAMETER) {
        cpu.violation(
            Rule::ContextReference,
            format!("sets {new:?}, which is no {} (any more)", kind_name(kind)),
        );
    }
    checked
}

/// Sets a context where there may be one already. `exchange` stores the new one, if that is what the operation means, and
/// returns the old one; it passes the old one on while it holds the lock under which the old one is kept.
fn set(
    cpu: &Cpu,
    operation: u32,
    kind: u16,
    new: Ptr,
    old: Ptr<Ptr>,
    exchange: impl FnOnce(Ptr, &dyn Fn(Ptr)) -> Result<Option<Ptr>, NtStatus>,
) -> NtStatus {
    old.write_if_given(Ptr::NULL);
    if !matches!(operation, KEEP_IF_EXISTS | REPLACE_IF_EXISTS) {
        cpu.violation(Rule::InvalidParameter, format!("{operation} is no FLT_SET_CONTEXT_OPERATION"));
        return NtStatus::INVALID_PARAMETER;
    }
    if let Err(status) = link(cpu, new, kind) {
        return status;
    }
    let contexts = &cpu.kernel().filters.contexts;
    let wanted = !old.is_null();
    let keep = |existing| {
        if wanted {
            contexts.reference(existing);
        }
    };
    let existing = match exchange(new, &keep) {
        Ok(None) => return NtStatus::SUCCESS,
        Ok(Some(existing)) => existing,
        Err(status) => {
            unlink(cpu, new);
            return status;
        }
    };
    old.write_if_given(existing);
    if operation == KEEP_IF_EXISTS {
        unlink(cpu, new);
        return NtStatus::FLT_CONTEXT_ALREADY_DEFINED;
    }
    unlink(cpu, existing);
    NtStatus::SUCCESS
}

/// Gives a filter a context that was found, and referenced while it was kept.
fn give(found: Option<Ptr>, context: Ptr<Ptr>) -> NtStatus {
    context.write(found.unwrap_or(Ptr::NULL));
    if found.is_some() { NtStatus::SUCCESS } else { NtStatus::NOT_FOUND }
}

/// The control block of an opened file's stream, if it takes contexts.
fn stream_of(cpu: &Cpu, file: Ptr<FileObject>) -> Result<Arc<Fcb>, NtStatus> {
    let Some(file) = cpu.kernel().objects.file(file.cast()) else {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
        return Err(NtStatus::INVALID_PARAMETER);
    };
    file.fcb().cloned().ok_or(NtStatus::NOT_SUPPORTED)
}

/// `FltSetStreamContext`.
pub(crate) fn set_stream_context(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    operation: u32,
    new: Ptr,
    old: Ptr<Ptr>,
) -> NtStatus {
    let Some(instance) = cpu.kernel().filters.instance(cpu, instance) else {
        return NtStatus::INVALID_PARAMETER;
    };
    if instance.is_tearing_down() {
        return NtStatus::FLT_DELETING_OBJECT;
    }
    let fcb = match stream_of(cpu, file) {
        Ok(fcb) => fcb,
        Err(status) => return status,
    };
    let key = instance.ptr().address();
    set(cpu, operation, STREAM_CONTEXT, new, old, |new, keep| {
        let mut contexts = fcb.contexts.lock();
        // Whoever tears it down marks it before looking for contexts: either sees the other.
        if instance.is_tearing_down() {
            return Err(NtStatus::FLT_DELETING_OBJECT);
        }
        Ok(match contexts.iter_mut().find(|known| known.instance == key) {
            None => {
                contexts.push(StreamContext { instance: key, context: new });
                None
            }
            Some(known) => {
                let existing = known.context;
                keep(existing);
                if operation == REPLACE_IF_EXISTS {
                    known.context = new;
                }
                Some(existing)
            }
        })
    })
}

/// `FltGetStreamContext`.
pub(crate) fn get_stream_context(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    context: Ptr<Ptr>,
) -> NtStatus {
    let Some(instance) = cpu.kernel().filters.instance(cpu, instance) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let fcb = match stream_of(cpu, file) {
        Ok(fcb) => fcb,
        Err(status) => {
            context.write(Ptr::NULL);
            return status;
        }
    };
    let found = find_stream_context(cpu, &fcb, instance.ptr().address());
    give(found, context)
}

/// A filter's context of a stream, referenced for it.
fn find_stream_context(cpu: &Cpu, fcb: &Fcb, instance: Address) -> Option<Ptr> {
    let contexts = fcb.contexts.lock();
    let found = contexts.iter().find(|known| known.instance == instance).map(|known| known.context);
    found.inspect(|found| {
        cpu.kernel().filters.contexts.reference(*found);
    })
}

/// `FltSetInstanceContext`.
pub(crate) fn set_instance_context(
    cpu: &Cpu,
    instance: Ptr,
    operation: u32,
    new: Ptr,
    old: Ptr<Ptr>,
) -> NtStatus {
    let Some(instance) = cpu.kernel().filters.instance(cpu, instance) else {
        return NtStatus::INVALID_PARAMETER;
    };
    if instance.is_tearing_down() {
        return NtStatus::FLT_DELETING_OBJECT;
    }
    set(cpu, operation, INSTANCE_CONTEXT, new, old, |new, keep| {
        let mut context = instance.context.lock();
        if instance.is_tearing_down() {
            return Err(NtStatus::FLT_DELETING_OBJECT);
        }
        let existing = *context;
        existing.map(keep);
        if existing.is_none() || operation == REPLACE_IF_EXISTS {
            *context = Some(new);
        }
        Ok(existing)
    })
}

/// `FltGetInstanceContext`.
pub(crate) fn get_instance_context(cpu: &Cpu, instance: Ptr, context: Ptr<Ptr>) -> NtStatus {
    let Some(instance) = cpu.kernel().filters.instance(cpu, instance) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let kept = instance.context.lock();
    let found = kept.inspect(|found| {
        cpu.kernel().filters.contexts.reference(*found);
    });
    drop(kept);
    give(found, context)
}

/// The last file object of a stream is gone, and its contexts go too.
pub(crate) fn stream_gone(cpu: &Cpu, fcb: &Fcb) {
    let contexts = std::mem::take(&mut *fcb.contexts.lock());
    for known in contexts {
        unlink(cpu, known.context);
    }
}

/// An instance is gone, and with it its context and those of its streams.
pub(super) fn instance_gone(cpu: &Cpu, instance: &Arc<Instance>) {
    let key = instance.ptr().address();
    for fcb in instance.volume().names.open_streams() {
        let mut contexts = fcb.contexts.lock();
        let position = contexts.iter().position(|known| known.instance == key);
        let removed = position.map(|position| contexts.remove(position));
        drop(contexts);
        if let Some(known) = removed {
            unlink(cpu, known.context);
        }
    }
    let context = instance.context.lock().take();
    if let Some(context) = context {
        unlink(cpu, context);
    }
}
