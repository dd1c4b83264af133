//! A filter that sends an operation to another file, or to another volume (the page on `FltSetCallbackDataDirty`).

use std::sync::Arc;

use super::passage::Passage;
use crate::abi::IoParameterBlock;
use crate::fltmgr::instance::Instance;
use crate::fltmgr::stack::Layer;
use crate::ke::{Cpu, Frame};
use crate::verifier::Rule;

/// Follows a change of the target, if there is one. Returns whether the target makes sense.
pub(super) fn redirect(
    cpu: &Cpu,
    passage: &mut Passage,
    instance: &Arc<Instance>,
    frame: &Frame,
    to: &IoParameterBlock,
) -> bool {
    let from = passage.known.iopb;
    let moved =
        to.target_file_object != from.target_file_object || to.target_instance != from.target_instance;
    if !moved {
        return true;
    }
    let refuse = |detail: &str| {
        cpu.violation_in(frame, Rule::InvalidParameter, detail);
        false
    };
    if !passage.is_on_its_way_down() {
        return refuse("changes the target of an operation that has been completed");
    }
    if to.target_file_object != from.target_file_object {
        let Some(file) = cpu.kernel().objects.file(to.target_file_object.cast()) else {
            return refuse("sends the operation to what is no file object (any more)");
        };
        passage.redirected = Some(file);
    }
    if to.target_instance != from.target_instance {
        let Some(other) = cpu.kernel().filters.instance(cpu, to.target_instance) else { return false };
        if !Arc::ptr_eq(other.filter(), instance.filter()) || other.altitude() != instance.altitude() {
            return refuse("sends the operation to an instance of another filter or altitude");
        }
        let layers = other.volume().filters.all();
        let is_it = |layer: &Layer| matches!(layer, Layer::Driver(found) if Arc::ptr_eq(found, &other));
        let Some(position) = layers.iter().position(is_it) else {
            return refuse("sends the operation to an instance that is gone");
        };
        passage.layers = layers;
        passage.next = position + 1;
    }
    true
}
