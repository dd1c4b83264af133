//! Model filters: what other people's filters do to operations, without an image.

mod act;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) use self::act::cancel_held;
pub(crate) use self::act::release_held;
pub(super) use self::act::{post, pre};
use super::altitude::Altitude;
use super::operation::Operation;
use super::stack::Layer;
use crate::io::{Volume, irp};
use crate::ke::Cpu;
use crate::sim::{Act, FilterSpec, SpecError, When};

/// A model filter.
pub(crate) struct ModelFilter {
    spec: FilterSpec,
    altitude: Altitude,
    /// Operations met so far, for each of its acts.
    met: Vec<AtomicU64>,
}

/// A model filter on a volume.
pub(crate) struct ModelInstance {
    filter: Arc<ModelFilter>,
}

impl ModelInstance {
    pub(super) fn altitude(&self) -> Altitude {
        self.filter.altitude
    }

    pub(super) fn is_interested(&self, major: u8) -> bool {
        self.watches() || self.filter.spec.acts.iter().any(|(when, _)| when.major as u8 == major)
    }

    fn watches(&self) -> bool {
        self.filter.spec.watches
    }

    fn name(&self) -> &str {
        &self.filter.spec.name
    }

    /// What it does with an operation.
    fn act(&self, operation: &Operation) -> Option<&Act> {
        let acts = self.filter.spec.acts.iter().zip(&self.filter.met);
        for ((when, act), met) in acts {
            // Relaxed: the counter orders nothing but itself.
            if applies(when, operation) && (met.fetch_add(1, Ordering::Relaxed) + 1) % when.every.max(1) == 0
            {
                return Some(act);
            }
        }
        None
    }
}

/// Whether an operation is of the kind meant, but for how often.
fn applies(when: &When, operation: &Operation) -> bool {
    let contains = |part: &String| {
        let path = operation.file.path().to_ascii_lowercase();
        path.contains(&part.to_ascii_lowercase())
    };
    when.major == operation.major
        && (when.paging || operation.irp_flags & irp::PAGING_IO == 0)
        && when.path.as_ref().is_none_or(contains)
}

/// Adds a model filter to the machine: to every volume, mounted now or later.
pub(crate) fn add(cpu: &Cpu, spec: FilterSpec) -> Result<(), SpecError> {
    let altitude: Altitude = spec
        .altitude
        .parse()
        .map_err(|()| SpecError::BadName(spec.altitude.clone(), "altitude such as 385000.5"))?;
    let kernel = cpu.kernel();
    let met = spec.acts.iter().map(|_| AtomicU64::new(0)).collect();
    let filter = Arc::new(ModelFilter { spec, altitude, met });
    kernel.attaching.alone(cpu, || {
        let mut models = kernel.filters.models.lock();
        let collides = models.iter().any(|other| other.altitude == altitude);
        let taken = kernel.volumes.all().iter().any(|volume| volume.filters.has(altitude));
        if collides || taken {
            return Err(SpecError::AltitudeInUse(filter.spec.altitude.clone()));
        }
        models.push(Arc::clone(&filter));
        drop(models);
        for volume in kernel.volumes.all() {
            attach(&filter, &volume);
        }
        Ok(())
    })
}

fn attach(filter: &Arc<ModelFilter>, volume: &Volume) {
    volume.filters.insert(Layer::Model(Arc::new(ModelInstance { filter: Arc::clone(filter) })));
}

/// Puts the model filters on a new volume.
pub(super) fn volume_mounted(cpu: &Cpu, volume: &Volume) {
    let models = cpu.kernel().filters.models.lock().clone();
    for filter in models {
        attach(&filter, volume);
    }
}
