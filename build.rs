//! Build script of the driver.

fn main() {}
