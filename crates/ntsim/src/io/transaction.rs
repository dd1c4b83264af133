//! Transactions: what was done to files under one is undone if it is rolled back (Transactional NTFS). Only sizes and names are undone;
//! there are no bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::file::File;
use super::node::{Fcb, Sizes};
use super::volume::Volume;
use crate::abi::{Ptr, Shared};
use crate::cc::pages;
use crate::fltmgr::{self, ContextList};
use crate::ke::Cpu;
use crate::ob::Object;
use crate::status::NtStatus;
use crate::util::Lock;

/// A transaction.
pub(crate) struct TransactionObject {
    /// The `PKTRANSACTION`.
    ptr: Ptr,
    state: Lock<State>,
    /// What filters attached to it.
    pub(crate) contexts: ContextList,
    id: u64,
    /// Its `TXN_PARAMETER_BLOCK`.
    parameter_block: Shared<[usize; 2]>,
}

/// `TRANSACTION_OUTCOME`
#[derive(Clone, Copy, Default)]
pub(crate) enum Outcome {
    #[default]
    Undetermined = 1,
    Committed = 2,
    Aborted = 3,
}

#[derive(Default)]
struct State {
    ended: bool,
    outcome: Outcome,
    undo: Vec<Undo>,
}

/// `TXN_PARAMETER_BLOCK.Length`; `TxFsContext` is 0.
const PARAMETER_BLOCK: usize = 16;

/// How to undo something.
enum Undo {
    /// A file was made.
    Made { volume: Arc<Volume>, fcb: Arc<Fcb>, name: String },
    /// A file was opened that can be changed by the transaction.
    Changed { fcb: Arc<Fcb>, before: Sizes },
}

impl TransactionObject {
    pub(crate) fn ptr(&self) -> Ptr {
        self.ptr
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.state.lock().outcome
    }

    /// The `PTXN_PARAMETER_BLOCK` of the file objects that are opened under it.
    pub(crate) fn parameter_block(&self) -> Ptr {
        self.parameter_block.ptr().cast()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// A file has been opened under the transaction.
    pub(super) fn opened(&self, file: &File, made: bool, before: Sizes) {
        let Some(fcb) = file.fcb().cloned() else { return };
        let undo = if made {
            Undo::Made { volume: Arc::clone(file.volume()), fcb, name: file.name().to_owned() }
        } else {
            Undo::Changed { fcb, before }
        };
        self.state.lock().undo.push(undo);
    }
}

/// The transactions of one kernel.
#[derive(Default)]
pub(crate) struct Transactions {
    state: Lock<(u64, BTreeMap<u64, Arc<TransactionObject>>)>,
}

impl Transactions {
    pub(super) fn get(&self, id: u64) -> Option<Arc<TransactionObject>> {
        self.state.lock().1.get(&id).cloned()
    }

    /// The transaction at a driver's pointer.
    pub(crate) fn at(&self, ptr: Ptr) -> Option<Arc<TransactionObject>> {
        self.state.lock().1.values().find(|known| known.ptr == ptr).cloned()
    }
}

/// `NtCreateTransaction`.
pub(crate) fn begin(cpu: &Cpu) -> u64 {
    let kernel = cpu.kernel();
    let ptr = kernel.arena.allocate();
    let transaction = {
        let mut state = kernel.transactions.state.lock();
        state.0 += 1;
        let id = state.0;
        let transaction = Arc::new(TransactionObject {
            ptr,
            state: Lock::default(),
            contexts: ContextList::default(),
            id,
            parameter_block: Shared::new([PARAMETER_BLOCK, ptr.address()]),
        });
        state.1.insert(id, Arc::clone(&transaction));
        transaction
    };
    kernel.objects.insert(ptr.address(), Object::Transaction(Arc::clone(&transaction)));
    transaction.id
}

/// `NtCommitTransaction`, or `NtRollbackTransaction`.
pub(crate) fn end(cpu: &Cpu, id: u64, commits: bool) -> Result<(), NtStatus> {
    let found = cpu.kernel().transactions.get(id).ok_or(NtStatus::INVALID_HANDLE)?;
    let commits = if found.has_ended() {
        commits
    } else if commits {
        fltmgr::enlistment::commit(cpu, &found)
    } else {
        fltmgr::enlistment::roll_back_all(cpu, &found);
        false
    };
    let undo = {
        let mut state = found.state.lock();
        if state.ended {
            return Err(NtStatus::TRANSACTION_NOT_ACTIVE);
        }
        state.ended = true;
        state.outcome = if commits { Outcome::Committed } else { Outcome::Aborted };
        std::mem::take(&mut state.undo)
    };
    if !commits {
        roll_back(cpu, undo);
    }
    fltmgr::context::transaction_gone(cpu, &found);
    Ok(())
}

fn roll_back(cpu: &Cpu, undo: Vec<Undo>) {
    for undo in undo.into_iter().rev() {
        let (Undo::Made { fcb, .. } | Undo::Changed { fcb, .. }) = &undo;
        pages::discard(cpu, fcb, &pages::EVERYTHING);
        match &undo {
            Undo::Made { volume, fcb, name } => volume.names.remove(fcb.node(), name),
            Undo::Changed { fcb, before } => fcb.node().restore_sizes(*before),
        }
        pages::release_idle(cpu, fcb);
    }
}
