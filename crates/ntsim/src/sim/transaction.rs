//! Transactions, dismounts, and threads attached to other processes.

use std::sync::Arc;

use super::{Handle, Process, Sim, SpecError, Thread};
use crate::io;
use crate::status::NtStatus;

/// A transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transaction(pub(crate) u64);

impl Sim {
    /// `NtCreateTransaction`.
    #[must_use]
    pub fn begin_transaction(&self) -> Transaction {
        Transaction(self.as_system(io::transaction::begin))
    }

    /// `NtCommitTransaction`; handles opened under the transaction are good for nothing but being closed afterwards.
    ///
    /// # Errors
    ///
    /// `STATUS_TRANSACTION_NOT_ACTIVE`.
    pub fn commit(&self, transaction: Transaction) -> Result<(), NtStatus> {
        self.as_system(|cpu| io::transaction::end(cpu, transaction.0, true))
    }

    /// `NtRollbackTransaction`: files made under the transaction are gone, and the others have the sizes they had.
    ///
    /// # Errors
    ///
    /// `STATUS_TRANSACTION_NOT_ACTIVE`.
    pub fn rollback(&self, transaction: Transaction) -> Result<(), NtStatus> {
        self.as_system(|cpu| io::transaction::end(cpu, transaction.0, false))
    }

    /// `FSCTL_DISMOUNT_VOLUME` by a handle of the volume (`\\\\.\\C:`): filters detach, and the volume is gone with what
    /// lay on it. Files that are open can only be closed.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_PARAMETER` if the handle is a file's, or the status that a filter gives.
    pub fn dismount(&self, thread: Thread, handle: Handle) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::volume_control::dismount(cpu, handle))
    }

    /// `FSCTL_LOCK_VOLUME` by a handle of the volume: nobody opens anything on it until it is unlocked, or the handle closed.
    ///
    /// # Errors
    ///
    /// `STATUS_ACCESS_DENIED` if files are open or it is locked already, `STATUS_INVALID_PARAMETER` if the handle is a file's.
    pub fn lock_volume(&self, thread: Thread, handle: Handle) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::volume_control::lock(cpu, handle))
    }

    /// `FSCTL_UNLOCK_VOLUME`.
    ///
    /// # Errors
    ///
    /// `STATUS_NOT_LOCKED` if it was not locked by this handle's file object.
    pub fn unlock_volume(&self, thread: Thread, handle: Handle) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::volume_control::unlock(cpu, handle))
    }

    /// Attaches a thread to a process, as a driver does with `KeStackAttachProcess`: that is the current process until
    /// [`Sim::detach_thread`], and the requestor's process of what the thread sends.
    ///
    /// # Errors
    ///
    /// A thread or process that has ended.
    pub fn attach_thread(&self, thread: Thread, process: Process) -> Result<(), SpecError> {
        let thread = self.living_thread(thread).ok_or(SpecError::NoSuchThread)?;
        let process = self.kernel().processes.process(process.0).filter(|process| process.is_alive());
        thread.io().attach(Arc::clone(&process.ok_or(SpecError::NoSuchProcess)?));
        Ok(())
    }

    /// Puts a thread back into the process that it was in before it was attached.
    ///
    /// # Errors
    ///
    /// A thread that has ended.
    pub fn detach_thread(&self, thread: Thread) -> Result<(), SpecError> {
        self.living_thread(thread).ok_or(SpecError::NoSuchThread)?.io().detach();
        Ok(())
    }
}
