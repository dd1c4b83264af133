//! Small tools of the crate's own.

mod address_map;
mod lock;
mod random;

pub(crate) use address_map::AddressMap;
pub(crate) use lock::Lock;
pub(crate) use random::Random;
