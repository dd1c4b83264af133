//! `FltLockUserBuffer`: an MDL for an operation's buffer, for as long as the operation takes (its page in fltkernel); and the
//! MDLs of buffers that filters swap in.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{dirty, parameters};
use crate::abi::{Address, CallbackData, Mdl, Parameters, Ptr};
use crate::ke::Cpu;
use crate::mm::mdl;
use crate::sim::Major;
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// `IRP_MN_MDL`, in the minor function of a read or write.
const MDL: u8 = 2;
/// `IoReadAccess`
const READ_ACCESS: u32 = 0;

/// A list that the Filter Manager frees.
struct Freed {
    list: Ptr<Mdl>,
    /// The instance that swapped it in with a buffer of its own; `None` for one that the Filter Manager has made.
    swapped_by: Option<Address>,
}

/// The lists that the Filter Manager has to free, by the address of the callback data.
#[derive(Default)]
pub(crate) struct BufferLists {
    by_operation: Lock<AddressMap<Vec<Freed>>>,
    count: AtomicUsize,
}

// Every atomic here is relaxed: an operation goes on in the thread that changed it, or in one that was given it.
impl BufferLists {
    fn add(&self, data: Address, freed: Freed) {
        self.by_operation.lock().entry(data).or_default().push(freed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn has(&self, data: Address, list: Ptr) -> bool {
        let table = self.by_operation.lock();
        table.get(&data).is_some_and(|all| all.iter().any(|known| known.list.address() == list.address()))
    }

    fn take(&self, data: Address, wanted: impl Fn(&Freed) -> bool) -> Vec<Freed> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut table = self.by_operation.lock();
        let Some(all) = table.get_mut(&data) else { return Vec::new() };
        let taken: Vec<Freed> = all.extract_if(.., |freed| wanted(freed)).collect();
        if all.is_empty() {
            table.remove(&data);
        }
        self.count.fetch_sub(taken.len(), Ordering::Relaxed);
        taken
    }

    /// An operation is over: its buffers are unlocked, and the lists freed.
    pub(super) fn operation_ended(&self, cpu: &Cpu, data: Address) {
        for freed in self.take(data, |_| true) {
            mdl::dispose(cpu, freed.list);
        }
    }

    /// An instance's post-operation callback is over: the list of the buffer that it swapped in is freed ("Swapping
    /// buffers", the page on `FltRetainSwappedBufferMdlAddress`).
    pub(super) fn post_operation_ended(&self, cpu: &Cpu, data: Address, instance: Ptr) {
        for freed in self.take(data, |freed| freed.swapped_by == Some(instance.address())) {
            mdl::dispose(cpu, freed.list);
        }
    }
}

/// An instance has changed the parameters of an operation on its way down: if it swapped buffers, the list of its own is
/// the Filter Manager's now.
pub(super) fn note_swap(
    cpu: &Cpu,
    major: Major,
    data: Address,
    instance: Ptr,
    (from, to): (&Parameters, &Parameters),
) {
    let member = |parameters: &Parameters| {
        let members = parameters::members_of(major, || {
            // SAFETY: this is asked of controls only.
            unsafe { parameters.file_system_control }.fs_control_code
        })?;
        // SAFETY: the words cover the whole union, every bit of which was set with the parameters.
        let word = unsafe { parameters.words }[members.mdl? / size_of::<u64>()];
        usize::try_from(word).ok()
    };
    let lists = &cpu.kernel().filters.buffer_lists;
    match (member(from), member(to)) {
        (before, Some(list)) if list != 0 && before != Some(list) && !lists.has(data, Ptr::at(list)) => {
            lists.add(data, Freed { list: Ptr::at(list), swapped_by: Some(instance.address()) });
        }
        _ => {}
    }
}

/// `FltLockUserBuffer`. The caller maps what it locks by `MmGetSystemAddressForMdlSafe`.
pub(crate) fn lock(cpu: &Cpu, data: Ptr<CallbackData>) -> NtStatus {
    let filters = &cpu.kernel().filters;
    let Some(operation) = filters.operation(cpu, data.cast()) else { return NtStatus::INVALID_PARAMETER };
    let Some((place, members)) = parameters::find(cpu, data) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let (Some(length), Some(member)) = (members.length, members.mdl) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let is_transfer = matches!(operation.major, Major::Read | Major::Write);
    if is_transfer && operation.minor & MDL != 0 {
        // The file system makes the list of such a transfer.
        return NtStatus::INVALID_PARAMETER;
    }
    let slot: Ptr<Ptr> = place.byte_offset(member);
    if !slot.read().is_null() {
        return NtStatus::SUCCESS;
    }
    let bytes = place.byte_offset::<u32>(length).read();
    let buffer = place.byte_offset::<Ptr>(members.buffer).read();
    if bytes == 0 || buffer.is_null() {
        cpu.violation(Rule::InvalidParameter, "locks the buffer of an operation that has none");
        return NtStatus::INVALID_PARAMETER;
    }
    let list = mdl::make_locked(cpu, buffer, bytes, members.access != READ_ACCESS);
    filters.buffer_lists.add(data.address(), Freed { list, swapped_by: None });
    slot.write(list.cast());
    dirty::set(cpu, data);
    NtStatus::SUCCESS
}

/// The list that the running instance has swapped in.
fn swapped(cpu: &Cpu, data: Ptr<CallbackData>) -> Option<Ptr<Mdl>> {
    cpu.kernel().filters.operation(cpu, data.cast())?;
    let instance = data.read().iopb.read().target_instance.address();
    let table = cpu.kernel().filters.buffer_lists.by_operation.lock();
    let all = table.get(&data.address())?;
    all.iter().find(|freed| freed.swapped_by == Some(instance)).map(|freed| freed.list)
}

/// `FltGetSwappedBufferMdlAddress`, in the post-operation callback of the instance that swapped buffers.
pub(crate) fn swapped_list(cpu: &Cpu, data: Ptr<CallbackData>) -> Ptr {
    swapped(cpu, data).map_or(Ptr::NULL, Ptr::cast)
}

/// `FltRetainSwappedBufferMdlAddress`: the instance frees the list itself.
pub(crate) fn retain_swapped(cpu: &Cpu, data: Ptr<CallbackData>) {
    let Some(list) = swapped(cpu, data) else {
        cpu.violation(Rule::InvalidParameter, "retains the MDL of a swapped buffer, of which there is none");
        return;
    };
    cpu.kernel().filters.buffer_lists.take(data.address(), |freed| freed.list == list);
}
