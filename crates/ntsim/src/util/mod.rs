//! Small tools of the crate's own.

mod address_map;
mod lock;

pub(crate) use address_map::AddressMap;
pub(crate) use lock::Lock;
