//! The whowrote minifilter. Without the feature `driver` the package is empty, so that the host side needs no WDK.
#![cfg_attr(all(feature = "driver", target_os = "windows"), no_std)]

#[cfg(all(feature = "driver", target_os = "windows"))]
mod driver {
    use wdk_panic as _;
    use wdk_sys::{DRIVER_OBJECT, NTSTATUS, PCUNICODE_STRING, STATUS_NOT_IMPLEMENTED};

    /// The entry point that the loader calls.
    // SAFETY: no other symbol of the image has this name.
    #[unsafe(export_name = "DriverEntry")]
    pub(crate) extern "system" fn driver_entry(
        _driver: &mut DRIVER_OBJECT,
        _registry_path: PCUNICODE_STRING,
    ) -> NTSTATUS {
        STATUS_NOT_IMPLEMENTED
    }
}
