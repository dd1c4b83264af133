//! The contexts that there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::kind;
use super::list::ContextList;
use crate::abi::{Address, Ptr};
use crate::ex::block::Block;
use crate::ex::pool::tag_name;
use crate::fltmgr::filter::Filter;
use crate::io::driver::Driver;
use crate::sim::Leak;
use crate::util::{AddressMap, Lock};
use crate::verifier::site::Origin;

/// A context.
pub(super) struct Context {
    pub(super) block: Block,
    pub(super) kind: u16,
    pub(super) tag: u32,
    pub(super) paged: bool,
    pub(super) filter: Arc<Filter>,
    pub(super) cleanup: Ptr,
    /// References that the filter holds.
    pub(super) references: usize,
    /// Where it is set, which holds a reference of its own.
    pub(super) place: Option<Place>,
    /// How many contexts had been allocated before it.
    pub(super) number: u64,
    /// Where it was allocated, if memory is watched.
    pub(super) origin: Option<Origin>,
}

/// Where a context is set, and whose it is there.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) list: ContextList,
    pub(super) owner: Address,
}

impl Context {
    fn is_needed(&self) -> bool {
        self.references > 0 || self.place.is_some()
    }
}

#[derive(Default)]
struct State {
    contexts: AddressMap<Context>,
    allocated: u64,
}

/// The contexts of one kernel.
#[derive(Default)]
pub(in crate::fltmgr) struct ContextTable {
    state: Lock<State>,
}

/// What became of a reference.
pub(super) enum Released {
    Kept,
    Gone(Context),
    NotHeld(u16),
    Unknown,
}

impl ContextTable {
    /// Adds a context, which the filter holds a reference to.
    pub(super) fn insert(&self, mut context: Context) {
        let mut state = self.state.lock();
        state.allocated += 1;
        context.number = state.allocated;
        let address = context.block.ptr::<u8>().address();
        state.contexts.insert(address, context);
    }

    /// Whether there is such a context.
    pub(in crate::fltmgr) fn has(&self, context: Ptr) -> bool {
        self.state.lock().contexts.contains_key(&context.address())
    }

    /// Looks at a context, or changes it.
    pub(super) fn with<R>(&self, context: Ptr, look: impl FnOnce(&mut Context) -> R) -> Option<R> {
        self.state.lock().contexts.get_mut(&context.address()).map(look)
    }

    /// What an owner set somewhere, in the order in which it goes.
    pub(super) fn set_by(&self, owner: Address) -> Vec<(Ptr, ContextList)> {
        let state = self.state.lock();
        let mut found: Vec<_> = state
            .contexts
            .values()
            .filter_map(|context| {
                let place = context.place.as_ref().filter(|place| place.owner == owner)?;
                let order = (kind::rank(context.kind), context.number);
                Some((order, context.block.ptr(), place.list.clone()))
            })
            .collect();
        found.sort_by_key(|(order, ..)| *order);
        found.into_iter().map(|(_, context, list)| (context, list)).collect()
    }

    /// Takes something from a context, and the context out if nobody needs it any more.
    pub(super) fn release(&self, context: Ptr, take: impl FnOnce(&mut Context) -> bool) -> Released {
        let contexts = &mut self.state.lock().contexts;
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
    pub(super) fn reference(&self, context: Ptr) -> bool {
        let contexts = &mut self.state.lock().contexts;
        contexts.get_mut(&context.address()).map(|context| context.references += 1).is_some()
    }

    /// What a filter that is gone still holds references to.
    pub(in crate::fltmgr) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut by_kind: BTreeMap<(u16, u32), (usize, usize, Option<Origin>)> = BTreeMap::new();
        self.state.lock().contexts.retain(|_, context| {
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
                Leak::new(kind::name(kind), tag_name(tag), count).bytes(bytes).taken(origin.as_ref())
            })
            .collect()
    }
}
