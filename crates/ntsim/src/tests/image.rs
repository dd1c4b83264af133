//! Loading of images that a test assembles itself.

use object::pe;
use object::write::pe::{NtHeaders, Writer};

use super::machine_without_driver;
use crate::abi::Ptr;
use crate::sim::LoadError;
use crate::verifier::Rule;
use crate::{Config, Sim, Windows};

const IMAGE_BASE: u64 = 0x1_8000_0000;
const ALIGNMENT: u32 = 0x1000;
const FILE_ALIGNMENT: u32 = 0x200;
const TEXT: u32 = 0x1000;
const IMPORTS: u32 = 0x2000;
const DATA: u32 = 0x3000;
/// In the data section: a pointer to the cell, and the cell.
pub(super) const CELL: u32 = DATA + 8;
const DESCRIPTOR_BYTES: u32 = 20;
const THUNK_BYTES: u32 = 8;

/// An image to be.
pub(super) struct Recipe<'a> {
    pub(super) machine: pe::Machine,
    pub(super) subsystem: pe::Subsystem,
    pub(super) alignment: u32,
    pub(super) relocated: bool,
    pub(super) entry_point: u32,
    pub(super) characteristics: pe::DllFlags,
    pub(super) imports: &'a [(&'a str, &'a [&'a str])],
    pub(super) code: &'a dyn Fn(u32) -> Vec<u8>,
}

impl Default for Recipe<'_> {
    fn default() -> Self {
        Self {
            machine: pe::IMAGE_FILE_MACHINE_AMD64,
            subsystem: pe::IMAGE_SUBSYSTEM_NATIVE,
            alignment: ALIGNMENT,
            relocated: true,
            entry_point: TEXT,
            characteristics: pe::DllFlags(0),
            imports: &[("ntoskrnl.exe", &["PsGetCurrentProcessId"])],
            code: &call_and_store,
        }
    }
}

/// Calls the first import, stores what it returns in the cell, and returns 0.
fn call_and_store(first_import: u32) -> Vec<u8> {
    let mut code = vec![0x48, 0x83, 0xEC, 0x28]; // sub rsp, 28h
    relative(&mut code, &[0xFF, 0x15], first_import); // call [import]
    relative(&mut code, &[0x48, 0x8B, 0x0D], DATA); // mov rcx, [pointer to the cell]
    code.extend([0x48, 0x89, 0x01]); // mov [rcx], rax
    code.extend([0x33, 0xC0]); // xor eax, eax
    code.extend([0x48, 0x83, 0xC4, 0x28, 0xC3]); // add rsp, 28h; ret
    code
}

/// Appends an instruction that ends with an address relative to its end.
pub(super) fn relative(code: &mut Vec<u8>, instruction: &[u8], target: u32) {
    code.extend(instruction);
    let end = TEXT + u32::try_from(code.len()).expect("the code is short") + 4;
    code.extend(target.wrapping_sub(end).to_le_bytes());
}

/// The import section, and where the first entry of its address table is.
fn import_section(imports: &[(&str, &[&str])]) -> (Vec<u8>, u32) {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("the section is small");
    let descriptors = DESCRIPTOR_BYTES * u32::try_from(imports.len() + 1).expect("there are few");
    let thunks: u32 = imports.iter().map(|(_, names)| THUNK_BYTES * length(&vec![0; names.len() + 1])).sum();
    let tables = descriptors.next_multiple_of(THUNK_BYTES);
    let mut names = Vec::new();
    let mut directory = Vec::new();
    let mut table = Vec::new();
    let names_at = IMPORTS + tables + 2 * thunks;
    for (library, symbols) in imports {
        let lookup = IMPORTS + tables + length(&table);
        for symbol in *symbols {
            let ordinal = symbol.strip_prefix('#').and_then(|number| number.parse::<u64>().ok());
            if let Some(ordinal) = ordinal {
                table.extend((1u64 << 63 | ordinal).to_le_bytes());
                continue;
            }
            table.extend(u64::from(names_at + length(&names)).to_le_bytes());
            names.extend([0, 0]);
            names.extend(symbol.bytes().chain([0]));
        }
        table.extend([0; 8]);
        let name = names_at + length(&names);
        names.extend(library.bytes().chain([0]));
        for field in [lookup, 0, 0, name, lookup + thunks] {
            directory.extend(field.to_le_bytes());
        }
    }
    directory.resize(tables as usize, 0);
    let content = [directory, table.clone(), table, names].concat();
    (content, IMPORTS + tables + thunks)
}

pub(super) fn build(recipe: &Recipe<'_>) -> Vec<u8> {
    let (imports, first_import) = import_section(recipe.imports);
    let code = (recipe.code)(first_import);
    let data = [(IMAGE_BASE + u64::from(CELL)).to_le_bytes(), [0; 8]].concat();
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).expect("the sections are small");
    let mut image = Vec::new();
    let mut writer = Writer::new(true, recipe.alignment, FILE_ALIGNMENT, &mut image);
    writer.reserve_dos_header_and_stub();
    writer.reserve_nt_headers(pe::IMAGE_NUMBEROF_DIRECTORY_ENTRIES);
    writer.reserve_section_headers(if recipe.relocated { 4 } else { 3 });
    let text_at = writer.reserve_text_section(size(&code));
    let imports_at = writer.reserve_idata_section(size(&imports));
    let data_at = writer.reserve_data_section(size(&data), size(&data));
    if recipe.relocated {
        writer.add_reloc(DATA, pe::IMAGE_REL_BASED_DIR64);
        writer.reserve_reloc_section();
    }
    writer.write_dos_header_and_stub().expect("the header fits");
    writer.write_nt_headers(NtHeaders {
        machine: recipe.machine,
        time_date_stamp: 0,
        characteristics: if recipe.relocated {
            pe::IMAGE_FILE_EXECUTABLE_IMAGE
        } else {
            pe::IMAGE_FILE_EXECUTABLE_IMAGE | pe::IMAGE_FILE_RELOCS_STRIPPED
        },
        major_linker_version: 0,
        minor_linker_version: 0,
        address_of_entry_point: recipe.entry_point,
        image_base: IMAGE_BASE,
        major_operating_system_version: 10,
        minor_operating_system_version: 0,
        major_image_version: 0,
        minor_image_version: 0,
        major_subsystem_version: 10,
        minor_subsystem_version: 0,
        subsystem: recipe.subsystem,
        dll_characteristics: recipe.characteristics,
        size_of_stack_reserve: 0,
        size_of_stack_commit: 0,
        size_of_heap_reserve: 0,
        size_of_heap_commit: 0,
    });
    writer.write_section_headers();
    writer.write_section(text_at.file_offset, &code);
    writer.write_section(imports_at.file_offset, &imports);
    writer.write_section(data_at.file_offset, &data);
    if recipe.relocated {
        writer.write_reloc_section();
    }
    image
}

fn sim() -> Sim {
    Sim::new(Config::new(Windows::Win10_2004))
}

/// Why an image is refused.
fn refusal(recipe: &Recipe<'_>) -> String {
    sim().load(&build(recipe), "tiny").expect_err("the image is refused").to_string()
}

#[test]
fn an_image_is_mapped_relocated_and_its_imports_resolved() {
    let sim = sim();
    sim.load(&build(&Recipe::default()), "tiny").expect("the image loads");
    let kernel = sim.kernel_for_test();
    let drivers = kernel.drivers.lock();
    let image = drivers[0].image().expect("it has an image");
    let cell = Ptr::<u64>::at(image.base() + CELL as usize);
    assert_eq!(cell.read(), 4, "DriverEntry runs in System");
    assert_ne!(image.base() as u64, IMAGE_BASE);
}

#[test]
fn all_missing_imports_are_named_and_nothing_runs() {
    let imports: &[(&str, &[&str])] = &[
        ("ntoskrnl.exe", &["PsGetCurrentProcessId", "NtNonsense"]),
        ("fltmgr.sys", &["FltRegisterFilter", "FltNonsense", "#7"]),
        ("user32.dll", &["MessageBoxW"]),
    ];
    let sim = sim();
    let error =
        sim.load(&build(&Recipe { imports, ..Recipe::default() }), "tiny").expect_err("imports are missing");
    let LoadError::MissingImports(missing) = error else { panic!("{error}") };
    let expected = [
        "ntoskrnl.exe!NtNonsense",
        "fltmgr.sys!FltNonsense",
        "fltmgr.sys!ordinal 7",
        "user32.dll!MessageBoxW",
    ];
    assert_eq!(missing, expected);
    assert!(sim.calls().is_empty());
}

#[test]
fn an_import_that_this_windows_lacks_is_missing() {
    let imports: &[(&str, &[&str])] = &[("FLTMGR.SYS", &["FltGetCopyInformationFromCallbackData"])];
    let image = build(&Recipe { imports, code: &|_| vec![0x33, 0xC0, 0xC3], ..Recipe::default() });
    for windows in Windows::ALL {
        let loaded = Sim::new(Config::new(windows)).load(&image, "tiny");
        assert_eq!(loaded.is_ok(), windows >= Windows::Win11_22H2, "{windows}");
        if let Err(error) = loaded {
            assert!(error.to_string().ends_with("(only since Windows 11-22h2)"), "{error}");
        }
    }
}

#[test]
fn a_variable_is_imported_by_its_address() {
    let imports: &[(&str, &[&str])] = &[("ntoskrnl.exe", &["PsInitialSystemProcess"])];
    let code = |first_import| {
        let mut code = Vec::new();
        relative(&mut code, &[0x48, 0x8B, 0x05], first_import); // mov rax, [import]
        code.extend([0x48, 0x8B, 0x00]); // mov rax, [rax]
        relative(&mut code, &[0x48, 0x89, 0x05], CELL); // mov [cell], rax
        code.extend([0x33, 0xC0, 0xC3]); // xor eax, eax; ret
        code
    };
    let sim = sim();
    sim.load(&build(&Recipe { imports, code: &code, ..Recipe::default() }), "tiny").expect("the image loads");
    let kernel = sim.kernel_for_test();
    let base = kernel.drivers.lock()[0].image().expect("it has an image").base();
    assert_eq!(Ptr::<usize>::at(base + CELL as usize).read(), kernel.system.ptr().address());
}

#[test]
fn what_is_no_driver_is_refused_with_the_reason() {
    let default = Recipe::default;
    let arm = Recipe { machine: pe::IMAGE_FILE_MACHINE_ARM64, ..default() };
    assert!(refusal(&arm).contains("not x86-64"));
    let program = Recipe { subsystem: pe::IMAGE_SUBSYSTEM_WINDOWS_CUI, ..default() };
    assert!(refusal(&program).contains("not native"));
    assert!(refusal(&Recipe { relocated: false, ..default() }).contains("no relocations"));
    assert!(refusal(&Recipe { alignment: FILE_ALIGNMENT, ..default() }).contains("less than a page"));
    assert!(refusal(&Recipe { entry_point: DATA, ..default() }).contains("entry point"));
}

#[test]
fn a_damaged_image_is_refused_wherever_it_is_cut_off() {
    let image = build(&Recipe::default());
    for length in (0..image.len() - FILE_ALIGNMENT as usize).step_by(7) {
        let error = sim().load(&image[..length], "tiny").expect_err("the image is cut off");
        assert!(matches!(error, LoadError::Image(_)), "{length}: {error}");
    }
}

/// Mapping alone: what a damaged image would do when run is nobody's business.
#[test]
fn a_damaged_image_is_mapped_or_refused_but_harms_nobody() {
    let image = build(&Recipe::default());
    let sim = sim();
    let headers = image.len() - FILE_ALIGNMENT as usize;
    for position in 0..headers {
        for value in [0, 0x7F, 0xFF] {
            let mut damaged = image.clone();
            damaged[position] = value;
            // Either is fine; a panic or a fault is not.
            let _ = crate::io::driver::map(sim.kernel_for_test(), &damaged, "tiny");
        }
    }
}

/// The end of a simulation whose driver does this.
pub(super) fn end_of(code: &dyn Fn(u32) -> Vec<u8>) -> String {
    let (sim, ..) = machine_without_driver(Windows::Win10_2004);
    let image = build(&Recipe { code, ..Recipe::default() });
    let load = std::panic::AssertUnwindSafe(|| sim.load(&image, "tiny"));
    let panic = std::panic::catch_unwind(load).expect_err("the simulation ends");
    assert_eq!(sim.violations()[0].rule, Rule::Crash);
    panic.downcast_ref::<String>().expect("it ends with a message").clone()
}

#[test]
fn sections_are_protected() {
    let write_code = |_| {
        let mut code = Vec::new();
        relative(&mut code, &[0x48, 0x89, 0x05], TEXT); // mov [code], rax
        code
    };
    let message = end_of(&write_code);
    assert!(message.contains("access violation") && message.contains("at tiny.sys+0x1000"), "{message}");
    let run_data = |_| {
        const RET: u8 = 0xC3;
        let mut code = Vec::new();
        relative(&mut code, &[0xC6, 0x05], CELL - 1); // mov byte [cell], ret; the address counts from the end
        code.push(RET);
        relative(&mut code, &[0xE9], CELL); // jmp cell
        code
    };
    let message = end_of(&run_data);
    assert!(message.contains("access violation") && message.contains("at tiny.sys+0x3008"), "{message}");
}

#[test]
fn a_fast_fail_is_told_from_a_fault() {
    let message = end_of(&|_| vec![0xCD, 0x29]); // int 29h
    assert!(message.contains("(fast fail) at tiny.sys+0x1000"), "{message}");
}

#[test]
fn process_notification_demands_forced_integrity() {
    const FORCE_INTEGRITY: pe::DllFlags = pe::DllFlags(0x80);
    const ACCESS_DENIED: u64 = 0xC000_0022;
    let imports: &[(&str, &[&str])] = &[("ntoskrnl.exe", &["PsSetCreateProcessNotifyRoutineEx"])];
    let code = |first_import| {
        let mut code = Vec::new();
        relative(&mut code, &[0x48, 0x8D, 0x0D], TEXT); // lea rcx, [code]
        code.extend([0x33, 0xD2]); // xor edx, edx
        code.extend(call_and_store_from(code.len(), first_import));
        code
    };
    for (characteristics, expected) in [(pe::DllFlags(0), ACCESS_DENIED), (FORCE_INTEGRITY, 0)] {
        let sim = sim();
        let recipe = Recipe { imports, code: &code, characteristics, ..Recipe::default() };
        sim.load(&build(&recipe), "tiny").expect("the image loads");
        let base = sim.kernel_for_test().drivers.lock()[0].image().expect("it has an image").base();
        assert_eq!(Ptr::<u64>::at(base + CELL as usize).read() & 0xFFFF_FFFF, expected);
    }
}

/// [`call_and_store`] after `start` bytes of code.
fn call_and_store_from(start: usize, first_import: u32) -> Vec<u8> {
    let start = u32::try_from(start).expect("the code is short");
    let mut code = vec![0x48, 0x83, 0xEC, 0x28];
    relative(&mut code, &[0xFF, 0x15], first_import.wrapping_sub(start));
    relative(&mut code, &[0x48, 0x89, 0x05], CELL.wrapping_sub(start)); // mov [cell], rax
    code.extend([0x33, 0xC0, 0x48, 0x83, 0xC4, 0x28, 0xC3]);
    code
}
