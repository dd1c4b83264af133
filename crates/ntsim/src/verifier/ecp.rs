//! Extra create parameters (rules 22 and 24): a driver may look into one after it has asked who attached it
//! (`FltIsEcpFromUserMode`), and until the create is over ("System-Defined ECPs", the page on
//! `FltGetEcpListFromCallbackData`). Until then, and from then on, its pages are not accessible.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Rule;
use super::site::Site;
use crate::abi::{Address, Ptr};
use crate::ex::block::{Block, Content, PAGE_BYTES};
use crate::ke::Cpu;
use crate::ke::crash::Fault;
use crate::ke::fault::Handled;
use crate::util::Lock;

/// How many parameters of creates that are over are kept, to notice their use.
const KEPT: usize = 64;

/// What a driver may do with a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has asked where it comes from.
    Unasked,
    /// Somebody has.
    Asked,
    /// The create is over.
    Over,
}

struct Parameter {
    block: Block,
    state: Lock<State>,
}

impl Parameter {
    fn pages(&self) -> Range<Address> {
        self.block.pages().unwrap_or(0..0)
    }

    fn set(&self, state: State) {
        *self.state.lock() = state;
        self.set_accessible(state == State::Asked);
    }

    fn set_accessible(&self, accessible: bool) {
        let protection = if accessible { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_NONE };
        let pages = self.pages();
        if !pages.is_empty() {
            let start = std::ptr::with_exposed_provenance_mut(pages.start);
            // SAFETY: the pages are the block's, and no Rust reference to their content exists.
            unsafe { libc::mprotect(start, pages.len() - PAGE_BYTES, protection) };
        }
    }
}

/// The parameters of creates in progress, and some of creates that are over.
#[derive(Default)]
pub(crate) struct EcpContexts {
    parameters: Lock<VecDeque<Arc<Parameter>>>,
    count: AtomicUsize,
}

/// The memory of a parameter, for as long as its create takes.
pub(crate) struct EcpContext(Arc<Parameter>);

impl EcpContexts {
    /// Memory of a parameter with this content.
    pub(crate) fn add(&self, content: &[u8]) -> EcpContext {
        let bytes = content.len().max(1);
        let block =
            Block::guarded(bytes, Content::Zeroed).unwrap_or_else(|| Block::new(bytes, Content::Zeroed));
        block.ptr::<u8>().write_slice(content);
        let parameter = Arc::new(Parameter { block, state: Lock::new(State::Unasked) });
        parameter.set(State::Unasked);
        let mut parameters = self.parameters.lock();
        let surplus = parameters.len().saturating_sub(KEPT);
        let mut removed = 0;
        parameters.retain(|old| {
            let goes = removed < surplus && *old.state.lock() == State::Over;
            removed += usize::from(goes);
            !goes
        });
        parameters.push_back(Arc::clone(&parameter));
        self.count.store(parameters.len(), Ordering::Relaxed);
        EcpContext(parameter)
    }

    fn find(&self, address: Address) -> Option<Arc<Parameter>> {
        // Relaxed: a thread sees the parameters of its own creates.
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let parameters = self.parameters.lock();
        parameters.iter().find(|parameter| parameter.pages().contains(&address)).cloned()
    }
}

impl EcpContext {
    /// Where it is: what `FltFindExtraCreateParameter` gives.
    pub(crate) fn ptr(&self) -> Ptr<u8> {
        self.0.block.ptr()
    }

    /// A driver has asked where it comes from.
    pub(crate) fn asked(&self) {
        self.0.set(State::Asked);
    }

    /// Whether one has, or has been told that it should.
    pub(crate) fn was_asked(&self) -> bool {
        *self.0.state.lock() == State::Asked
    }

    /// The create is over.
    pub(crate) fn over(&self) {
        self.0.set(State::Over);
    }
}

impl Drop for EcpContext {
    fn drop(&mut self) {
        self.over();
    }
}

/// Looks whether a fault is an access to a parameter.
pub(super) fn stage(cpu: &Cpu, fault: &Fault) -> Option<Handled> {
    let parameter = cpu.kernel().ecp_contexts.find(fault.address)?;
    let state = *parameter.state.lock();
    let (rule, detail) = match state {
        State::Unasked => {
            (Rule::EcpTrust, "looks into an extra create parameter without asking FltIsEcpFromUserMode")
        }
        State::Over => (Rule::Retained, "looks into an extra create parameter after the create"),
        // Behind its end.
        State::Asked => return None,
    };
    let site = Site::of_instruction(cpu, fault.instruction).or_else(|| Site::of_call(cpu));
    cpu.violation_at(rule, detail, site);
    if state == State::Unasked {
        parameter.set(State::Asked);
    } else {
        parameter.set_accessible(true);
    }
    Some(Handled::Retry)
}
