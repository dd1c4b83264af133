//! Transactions: what is written under one is written, and recorded, whatever becomes of it.

use super::{Invalid, World, ensure};
use crate::scenario::model::FileSystem;

pub(in crate::torture) struct KnownTransaction {
    pub(in crate::torture) name: String,
    /// The files that were opened under it.
    files: Vec<usize>,
    pub(in crate::torture) ended: bool,
}

impl World {
    pub(super) fn begin_transaction(&mut self, name: &str) -> Result<(), Invalid> {
        ensure(self.transactions.iter().all(|known| known.name != name))?;
        self.transactions.push(KnownTransaction { name: name.to_owned(), files: Vec::new(), ended: false });
        Ok(())
    }

    /// A file that exists is opened under a transaction.
    pub(super) fn enlist(&mut self, name: &str, file: usize, truncates: bool) -> Result<usize, Invalid> {
        let transaction = self.transactions.iter().position(|known| known.name == name).ok_or(Invalid)?;
        ensure(!self.transactions[transaction].ended && !truncates && self.files[file].exists)?;
        ensure(self.volumes[self.files[file].volume].file_system == FileSystem::Ntfs)?;
        self.transactions[transaction].files.push(file);
        Ok(transaction)
    }

    /// What was opened under it is good for nothing but being closed.
    pub(super) fn end_transaction(&mut self, name: &str, commit: bool) -> Result<(), Invalid> {
        let transaction = self.transactions.iter().position(|known| known.name == name).ok_or(Invalid)?;
        let KnownTransaction { ended, files, .. } = &self.transactions[transaction];
        ensure(!ended && !files.iter().any(|file| self.files[*file].is_held()))?;
        if !commit {
            // It has the size that it had, which is at least nothing.
            for file in files {
                self.files[*file].size = 0;
            }
        }
        self.transactions[transaction].ended = true;
        for handle in &mut self.handles {
            handle.dead |= handle.transaction == Some(transaction);
        }
        Ok(())
    }
}
