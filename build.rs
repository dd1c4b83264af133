//! Build script of the driver: under the feature `driver` the image is linked as the WDK links one.

/// What the WDK's project files ask of the linker beyond what wdk-build does.
#[cfg(feature = "driver")]
const LINK_ARGUMENTS: [&str; 3] = [
    "/RELEASE",       // the checksum, which the loader verifies
    "/HIGHENTROPYVA", // 64-bit address space layout randomization
    "/BREPRO",        // no time of day in the image
];

#[cfg(feature = "driver")]
fn main() -> Result<(), wdk_build::ConfigError> {
    for argument in LINK_ARGUMENTS {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
    println!("cargo::rerun-if-env-changed=WDKContentRoot"); // another kit, other libraries
    wdk_build::configure_wdk_binary_build()
}

#[cfg(not(feature = "driver"))]
fn main() {}
