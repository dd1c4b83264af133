//! What the driver calls cannot panic, and needs little stack: seen in the optimised image of a stand-in for the driver.
#![cfg(all(target_os = "linux", not(loom)))]

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use object::{Object, ObjectSection, ObjectSymbol};

/// A kernel stack has 12 KiB for everybody on it, and no probe is linked that larger frames would call.
const MAX_STACK_FRAME: u64 = 1024;

/// Builds the stand-in, `panic_free/`, as the driver is built.
fn build(features: &str) -> Vec<u8> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/panic_free");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("panic-free-{features}"));
    let output = Command::new(env!("CARGO"))
        .current_dir(&package)
        .args(["build", "--release", "--locked", "--features", features])
        .arg("--target-dir")
        .arg(&target)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // Stack sizes are not for the stable compiler yet.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zemit-stack-sizes")
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(target.join("release/libpanic_free.so")).expect("the image")
}

/// What of the panic machinery (`core::panicking`) is in the image.
fn panics(image: &object::File<'_>) -> Vec<String> {
    let names = image.symbols().filter_map(|symbol| symbol.name().ok().map(str::to_owned));
    names.filter(|name| name.contains("panicking")).collect()
}

/// Functions with too large a stack frame, and how many functions were looked at.
fn large_frames(image: &object::File<'_>) -> (Vec<(String, u64)>, usize) {
    let section = image.section_by_name(".stack_sizes").expect("stack sizes");
    let mut data = section.data().expect("stack sizes");
    let mut large = Vec::new();
    let mut functions = 0;
    // Entries of an address and a size in LEB128.
    while let Some((address, mut rest)) = data.split_first_chunk() {
        let mut size = 0_u64;
        let mut shift = 0;
        loop {
            let (byte, after) = rest.split_first().expect("a size");
            size |= u64::from(byte & 0x7F) << shift;
            shift += 7;
            rest = after;
            if byte & 0x80 == 0 {
                break;
            }
        }
        data = rest;
        functions += 1;
        if size > MAX_STACK_FRAME {
            let address = u64::from_le_bytes(*address);
            let symbol = image.symbols().find(|symbol| symbol.address() == address);
            large.push((
                symbol.and_then(|symbol| symbol.name().ok().map(str::to_owned)).unwrap_or_default(),
                size,
            ));
        }
    }
    (large, functions)
}

#[test]
fn nothing_that_the_driver_calls_can_panic_or_needs_much_stack() {
    let image = build("");
    let image = object::File::parse(image.as_slice()).expect("an image");
    assert_eq!(panics(&image), <[String; 0]>::default());
    let (large, functions) = large_frames(&image);
    assert_eq!(large, []);
    assert!(functions > 10, "the exported functions are there");
}

#[test]
fn a_function_that_can_panic_or_needs_much_stack_is_noticed() {
    let image = build("offenders");
    let image = object::File::parse(image.as_slice()).expect("an image");
    assert!(panics(&image).iter().any(|name| name.contains("panic_bounds_check")));
    let (large, _) = large_frames(&image);
    assert!(matches!(large.as_slice(), [(name, 2048..)] if name == "offend_by_stack_frame"), "{large:?}");
}
