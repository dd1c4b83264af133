//! Drivers and model filters: loading, attaching, unloading.

use std::path::Path;

use super::{Driver, FilterSpec, LeakReport, LoadError, Sim, SpecError, UnloadError, Volume};
#[cfg(test)]
use crate::abi::Ptr;
use crate::fltmgr;
use crate::io::driver;
use crate::status::NtStatus;

impl Sim {
    /// Adds a model filter to every volume, mounted now or later.
    ///
    /// # Errors
    ///
    /// An altitude that is none, or in use.
    pub fn add_filter(&self, spec: FilterSpec) -> Result<(), SpecError> {
        self.as_system(|cpu| fltmgr::model::add(cpu, spec))
    }

    /// Sends on the operations that model filters hold up ([`super::Act::Hold`]).
    pub fn release_held(&self) {
        self.as_system(fltmgr::model::release_held);
    }

    /// Detaches a driver's instance from a volume, as `fltmc detach` does.
    ///
    /// # Errors
    ///
    /// `STATUS_FLT_DO_NOT_DETACH` if the driver does not agree, or has no callback to be asked by; that there is none.
    pub fn detach(&self, driver: &Driver, volume: Volume) -> Result<(), NtStatus> {
        self.as_system(|cpu| fltmgr::teardown::detach(cpu, driver.0, volume.0)).ok()
    }

    /// Sets the altitude of a driver's default instance, as its INF writes it to the registry; to be called before the
    /// driver is loaded. Without one a driver comes below those loaded before.
    ///
    /// # Errors
    ///
    /// An altitude that is none.
    pub fn set_altitude(&self, service: &str, altitude: &str) -> Result<(), SpecError> {
        let bad = |()| SpecError::BadName(altitude.to_owned(), "altitude such as 385000.5");
        self.kernel().filters.set_altitude(service, altitude.parse().map_err(bad)?);
        Ok(())
    }

    /// Loads a driver from the bytes of its image and runs `DriverEntry`.
    ///
    /// # Errors
    ///
    /// An image that cannot be loaded, missing imports (all of them named), or the failure of `DriverEntry`.
    pub fn load(&self, image: &[u8], service: &str) -> Result<Driver, LoadError> {
        let code = driver::map(self.kernel(), image, service)?;
        self.as_system(|cpu| driver::load(cpu, code, service)).map(Driver)
    }

    /// Loads a driver from a file and runs `DriverEntry`.
    ///
    /// # Errors
    ///
    /// As [`Sim::load`], and a file that cannot be read.
    pub fn load_file(&self, path: &Path, service: &str) -> Result<Driver, LoadError> {
        let code = driver::map(self.kernel(), &driver::read(path)?, service)?;
        code.look_for_symbols_beside(path);
        self.as_system(|cpu| driver::load(cpu, code, service)).map(Driver)
    }

    /// Loads a driver whose code is a function of a test.
    #[cfg(test)]
    pub(crate) fn load_native(&self, entry: Ptr, service: &str) -> Result<Driver, LoadError> {
        self.as_system(|cpu| driver::load(cpu, driver::Code::Native(entry), service)).map(Driver)
    }

    /// Unloads a driver as `fltmc unload` does, and reports what it left behind.
    ///
    /// # Errors
    ///
    /// A driver that refuses, or cannot be unloaded.
    pub fn unload(&self, driver: &Driver) -> Result<LeakReport, UnloadError> {
        self.as_system(|cpu| driver::unload(cpu, driver.0))
    }

    /// Whether a driver has an instance on a volume.
    #[must_use]
    pub fn is_attached(&self, driver: &Driver, volume: Volume) -> bool {
        let volumes = self.kernel().volumes.all();
        let volume = volumes.iter().find(|known| known.id() == volume.0);
        volume.is_some_and(|volume| fltmgr::instance::is_attached(volume, driver.0))
    }
}
