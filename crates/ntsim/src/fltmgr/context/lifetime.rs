//! From `FltAllocateContext` to the cleanup callback.

use std::sync::Arc;

use super::kind;
use super::table::{Context, Released};
use crate::abi::Ptr;
use crate::ex::block::Content;
use crate::fltmgr::registration::ContextEntry;
use crate::ke::{Cpu, Entry, Irql};
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `POOL_TYPE`
const NON_PAGED_POOL: u32 = 0;
const PAGED_POOL: u32 = 1;
const NON_PAGED_POOL_NX: u32 = 512;

/// `MAXUSHORT`, which a context's size may not exceed.
const MAX_CONTEXT_BYTES: usize = 0xFFFF;

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
    if paged && kind::find(kind).is_some_and(|kind| !kind.may_be_paged) {
        return NtStatus::FLT_MUST_BE_NONPAGED_POOL;
    }
    let fits = |entry: &&ContextEntry| {
        entry.kind == kind
            && entry.size.is_none_or(|size| if entry.any_size_up_to { bytes <= size } else { bytes == size })
    };
    let Some(entry) = filter.callbacks.contexts.iter().find(fits) else {
        return NtStatus::FLT_CONTEXT_ALLOCATION_NOT_FOUND;
    };
    // What a context holds at first is not defined (lookaside lists), so no filter may count on zeroes.
    let pool_of = &cpu.kernel().pool;
    let block = pool_of.block(cpu, bytes, Content::Uninitialized, kind::name(kind), entry.tag, paged);
    let ptr = block.ptr();
    let allocated = Context {
        block,
        kind,
        tag: entry.tag,
        paged,
        cleanup: entry.cleanup,
        filter: Arc::clone(&filter),
        references: 1,
        place: None,
        number: 0,
        origin: pool_of.origin(cpu),
    };
    cpu.kernel().filters.contexts.insert(allocated);
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
    let paged = contexts.with(context, |context| context.paged).unwrap_or(false);
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
                format!("releases a {} more often than it referenced it", kind::name(kind)),
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

/// `FltDeleteContext`: what the context is set on lets go of it. The caller's reference stays.
pub(crate) fn delete_context(cpu: &Cpu, context: Ptr) {
    let place = cpu.kernel().filters.contexts.with(context, |context| context.place.clone());
    let Some(place) = place else {
        cpu.violation(Rule::ContextReference, format!("deletes {context:?}, which is no context (any more)"));
        return;
    };
    let is_section = cpu.kernel().filters.contexts.with(context, |context| context.kind == kind::SECTION);
    if is_section == Some(true) && place.is_some() {
        // The page on `FltCreateSectionForDataScan`: only `FltCloseSectionForDataScan` takes it off.
        cpu.violation(Rule::ContextReference, "deletes a section context that is in use");
        return;
    }
    if place.is_some_and(|place| place.list.remove(context)) {
        unlink(cpu, context);
    }
}

/// The object that a context was set on lets go of it.
pub(super) fn unlink(cpu: &Cpu, context: Ptr) {
    let mut filter = None;
    let released = cpu.kernel().filters.contexts.release(context, |context| {
        if context.place.take().is_some() {
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

/// Cleans up and frees a context that nobody needs any more.
pub(super) fn free(cpu: &Cpu, context: Context) {
    if let Some(offset) = context.block.damage() {
        let detail = format!(
            "wrote at offset {offset} of a {} of {} bytes",
            kind::name(context.kind),
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
