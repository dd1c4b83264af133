//! What a context was set on goes, or whoever set it.

use super::lifetime::unlink;
use super::list::ContextList;
use crate::abi::Address;
use crate::fltmgr::filter::Filter;
use crate::fltmgr::instance::Instance;
use crate::io::file::File;
use crate::io::transaction::TransactionObject;
use crate::io::{Fcb, Volume};
use crate::ke::Cpu;

/// An object goes, with all that is set on it.
fn object_gone(cpu: &Cpu, list: &ContextList) {
    let attached = std::mem::take(&mut *list.lock());
    for known in attached {
        unlink(cpu, known.context);
    }
}

/// A file object is gone.
pub(crate) fn file_object_gone(cpu: &Cpu, file: &File) {
    object_gone(cpu, &file.contexts);
}

/// The last file object of a stream is gone; with the last stream of its file goes what is set on the file.
pub(crate) fn stream_gone(cpu: &Cpu, volume: &Volume, fcb: &Fcb) {
    object_gone(cpu, &fcb.sections);
    object_gone(cpu, &fcb.contexts);
    if let Some(of_file) = volume.names.stream_closed(fcb.node()) {
        object_gone(cpu, &of_file);
    }
}

/// A transaction has ended.
pub(crate) fn transaction_gone(cpu: &Cpu, transaction: &TransactionObject) {
    object_gone(cpu, &transaction.contexts);
}

/// A volume is dismounted.
pub(in crate::fltmgr) fn volume_gone(cpu: &Cpu, volume: &Volume) {
    object_gone(cpu, &volume.contexts);
}

/// An instance is gone, and with it its context and those that it set elsewhere.
pub(in crate::fltmgr) fn instance_gone(cpu: &Cpu, instance: &Instance) {
    owner_gone(cpu, instance.ptr().address());
}

/// A filter is gone, and with it what it set on volumes.
pub(in crate::fltmgr) fn filter_gone(cpu: &Cpu, filter: &Filter) {
    owner_gone(cpu, filter.ptr().address());
}

fn owner_gone(cpu: &Cpu, owner: Address) {
    for (context, list) in cpu.kernel().filters.contexts.set_by(owner) {
        if list.remove(context) {
            unlink(cpu, context);
        }
    }
}

/// Waits until the cleanup callbacks of contexts whose objects have let go of them have returned.
pub(in crate::fltmgr) fn wait_for_cleanups(cpu: &Cpu, filter: &Filter) {
    filter.linked.begin_to_end();
    // A context that is set on something for good is told as a leak, and not waited for.
    let _ = filter.linked.wait_unless_stuck(cpu);
}
