//! The filters on a volume, in the order in which operations pass them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::altitude::Altitude;
use super::instance::Instance;
use super::model::ModelInstance;
use crate::sim::Major;
use crate::util::Lock;

/// Bits of a word of the interest mask.
const WORD_BITS: usize = 64;

/// What is attached to a volume at an altitude.
#[derive(Clone)]
pub(crate) enum Layer {
    /// A driver's instance.
    Driver(Arc<Instance>),
    /// A model filter.
    Model(Arc<ModelInstance>),
}

impl Layer {
    pub(super) fn altitude(&self) -> Altitude {
        match self {
            Self::Driver(instance) => instance.altitude(),
            Self::Model(instance) => instance.altitude(),
        }
    }

    fn is_interested(&self, major: u8) -> bool {
        match self {
            Self::Driver(instance) => instance.filter().callbacks.operations[usize::from(major)].is_some(),
            Self::Model(instance) => instance.is_interested(major),
        }
    }
}

/// The filters on a volume, highest altitude first.
#[derive(Default)]
pub(crate) struct Stack {
    layers: Lock<Arc<[Layer]>>,
    /// A bit for each major function that some filter wants to see, so that the others pass quickly.
    interest: [AtomicU64; 256 / WORD_BITS],
}

// Every atomic here is relaxed: an operation that is sent while a filter attaches may miss it or not.
impl Stack {
    /// The filters, if any of them wants to see such operations.
    pub(super) fn of(&self, major: Major) -> Option<Arc<[Layer]>> {
        let bit = major as usize;
        let interested = self.interest[bit / WORD_BITS].load(Ordering::Relaxed) & 1 << (bit % WORD_BITS) != 0;
        interested.then(|| self.all())
    }

    pub(super) fn all(&self) -> Arc<[Layer]> {
        Arc::clone(&self.layers.lock())
    }

    /// Puts a filter where its altitude says. Returns whether the altitude was free.
    pub(super) fn insert(&self, layer: Layer) -> bool {
        let mut layers = self.layers.lock();
        let position = layers.partition_point(|other| other.altitude() > layer.altitude());
        if layers.get(position).is_some_and(|other| other.altitude() == layer.altitude()) {
            return false;
        }
        let mut changed = layers.to_vec();
        changed.insert(position, layer);
        self.replace(&mut layers, changed);
        true
    }

    /// Whether something is at an altitude.
    pub(super) fn has(&self, altitude: Altitude) -> bool {
        self.all().iter().any(|layer| layer.altitude() == altitude)
    }

    /// Takes a driver's instance out.
    pub(super) fn remove(&self, instance: &Arc<Instance>) {
        let mut layers = self.layers.lock();
        let is_it = |layer: &Layer| matches!(layer, Layer::Driver(other) if Arc::ptr_eq(other, instance));
        let changed = layers.iter().filter(|layer| !is_it(layer)).cloned().collect();
        self.replace(&mut layers, changed);
    }

    /// Takes everything out.
    #[allow(dead_code, reason = "dismounting follows")]
    pub(super) fn clear(&self) {
        self.replace(&mut self.layers.lock(), Vec::new());
    }

    /// The driver instances.
    pub(super) fn instances(&self) -> Vec<Arc<Instance>> {
        let layers = self.all();
        layers
            .iter()
            .filter_map(|layer| match layer {
                Layer::Driver(instance) => Some(Arc::clone(instance)),
                Layer::Model(_) => None,
            })
            .collect()
    }

    fn replace(&self, layers: &mut Arc<[Layer]>, changed: Vec<Layer>) {
        for (index, word) in self.interest.iter().enumerate() {
            let bits = (0..WORD_BITS).filter(|bit| {
                let major = u8::try_from(index * WORD_BITS + bit).unwrap_or(u8::MAX);
                changed.iter().any(|layer| layer.is_interested(major))
            });
            word.store(bits.fold(0, |word, bit| word | 1 << bit), Ordering::Relaxed);
        }
        *layers = changed.into();
    }
}
