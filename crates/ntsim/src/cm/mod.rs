//! Configuration manager: the registry, which is data of the simulation, and what drivers ask of it.

pub(crate) mod keys;
pub(crate) mod query_table;
mod tree;
pub(crate) mod values;

pub(crate) use keys::KeyObject;
pub(crate) use tree::{Registry, Value};

use crate::kernel::Kernel;

/// Where the registry keeps services.
pub(crate) const SERVICES: &str = r"\Registry\Machine\System\CurrentControlSet\Services\";

/// The service key of a driver, as its installation makes it; `Parameters` is there when somebody has put something there.
pub(crate) fn service_installed(kernel: &Kernel, service: &str) {
    /// `REG_DWORD`
    const DWORD: u32 = 4;
    /// `SERVICE_FILE_SYSTEM_DRIVER`, `SERVICE_DEMAND_START`, `SERVICE_ERROR_NORMAL`
    const VALUES: [(&str, u32); 3] = [("Type", 2), ("Start", 3), ("ErrorControl", 1)];
    let key = format!("{SERVICES}{service}");
    let now = kernel.clock.now();
    kernel.registry.create(&key, now);
    for (name, value) in VALUES {
        if kernel.registry.value(&key, name).is_none() {
            let data = value.to_le_bytes().to_vec();
            kernel.registry.set(&key, Value { name: name.to_owned(), kind: DWORD, data }, now);
        }
    }
}
