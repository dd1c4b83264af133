//! What the header tells of parameters and of what they leave out.

use core::mem::size_of;

use super::{Item, Items};
use crate::omission::Omitted;

/// The items of the groups `parameters` and `omitted`.
#[derive(Debug)]
#[repr(C)]
pub struct ControlItems {
    /// What is recorded, in bits.
    pub audit: Item,
    /// Rules for images.
    pub images: Item,
    /// Rules for paths.
    pub paths: Item,
    /// What was left out, by processor.
    pub omitted: Item,
    by_image: Item,
    by_path: Item,
}

impl ControlItems {
    /// Items without addresses.
    #[must_use]
    pub const fn new() -> Self {
        const GROUP: &str = "parameters";
        const COUNTS: &str = "omitted";
        let [by_image, by_path] = Omitted::OFFSETS;
        Self {
            audit: Item::counter::<u32>(GROUP, "audit"),
            images: Item::counter::<u32>(GROUP, "exclude-images"),
            paths: Item::counter::<u32>(GROUP, "exclude-paths"),
            omitted: Item::array::<Omitted>(COUNTS, "processors"),
            by_image: Item::field(COUNTS, "image", by_image, size_of::<u64>()),
            by_path: Item::field(COUNTS, "path", by_path, size_of::<u64>()),
        }
    }
}

impl Default for ControlItems {
    fn default() -> Self {
        Self::new()
    }
}

impl Items for ControlItems {
    fn clear(&self) {
        let Self { audit, images, paths, omitted, by_image: _, by_path: _ } = self;
        for item in [audit, images, paths, omitted] {
            item.clear();
        }
    }
}
