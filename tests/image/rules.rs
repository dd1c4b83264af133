//! What must hold for an image, and for each rule the damage that breaks it alone.

use std::io::Cursor;

use object::pe::{self, DllFlags, ImageDebugDirectory, ImageLoadConfigDirectory64, ImageNtHeaders64};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile64};
use object::{LittleEndian as LE, Object};

use super::built::Built;

pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) check: fn(&Built) -> Result<(), String>,
    pub(crate) damage: fn(&mut Built),
}

/// The modules that may be imported from: the kernel and the Filter Manager.
const MODULES: [&str; 2] = ["ntoskrnl.exe", "FLTMGR.SYS"];

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "built for its processor",
        check: |built| {
            let machine = built.parse()?.nt_headers().file_header().machine.get(LE);
            expect(machine == built.architecture.machine(), || format!("machine {machine:#x}"))
        },
        damage: |built| {
            let other = pe::IMAGE_FILE_MACHINE_I386;
            built.nt_headers_mut().file_header.machine.set(LE, other);
        },
    },
    Rule {
        name: "native subsystem",
        check: |built| {
            let subsystem = built.parse()?.nt_headers().optional_header().subsystem();
            expect(subsystem == pe::IMAGE_SUBSYSTEM_NATIVE, || format!("subsystem {subsystem:?}"))
        },
        damage: |built| {
            let other = pe::IMAGE_SUBSYSTEM_WINDOWS_CUI;
            built.nt_headers_mut().optional_header.subsystem.set(LE, other);
        },
    },
    Rule {
        name: "imports from the kernel and the Filter Manager only",
        check: imports,
        damage: |built| built.replace(b"ntoskrnl.exe\0", b"kernel32.dll\0"),
    },
    Rule {
        // the panic handler calls it: with no panic left in the image nothing does
        name: "no way to a bug check",
        check: |built| not_imported(built, "KeBugCheckEx"),
        damage: |built| rename_import(built, "KeBugCheckEx"),
    },
    Rule {
        // the compiler calls it in functions whose frame is more than a page, a third of a kernel stack
        name: "no large stack frames",
        check: |built| not_imported(built, "__chkstk"),
        damage: |built| rename_import(built, "__chkstk"),
    },
    Rule {
        // what a debugger finds everything by, without private symbols
        name: "the debug header is exported",
        check: debug_header,
        damage: |built| built.replace(b"WHOWROTE_DEBUG\0", b"WHOWROTE_DEBUF\0"),
    },
    Rule {
        name: "no execution of data",
        check: |built| has_flag(built, pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT),
        damage: |built| clear_flag(built, pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT),
    },
    Rule {
        name: "address space layout randomization",
        check: |built| has_flag(built, pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE),
        damage: |built| clear_flag(built, pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE),
    },
    Rule {
        name: "64-bit randomization",
        check: |built| has_flag(built, pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA),
        damage: |built| clear_flag(built, pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA),
    },
    Rule {
        name: "relocations kept",
        check: |built| {
            let file = built.parse()?;
            let relocations = file.data_directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC);
            expect(relocations.is_some_and(|directory| directory.size.get(LE) != 0), || "none".into())
        },
        damage: |built| built.clear_directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC),
    },
    Rule {
        name: "forced integrity",
        check: |built| has_flag(built, pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY),
        damage: |built| clear_flag(built, pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY),
    },
    Rule {
        name: "Control Flow Guard",
        check: |built| has_flag(built, pe::IMAGE_DLLCHARACTERISTICS_GUARD_CF),
        damage: |built| clear_flag(built, pe::IMAGE_DLLCHARACTERISTICS_GUARD_CF),
    },
    Rule {
        name: "tables of Control Flow Guard",
        check: guard_tables,
        damage: |built| built.clear_directory(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG),
    },
    Rule {
        name: "no section both writable and executable",
        check: |built| {
            let both = pe::IMAGE_SCN_MEM_WRITE.0 | pe::IMAGE_SCN_MEM_EXECUTE.0;
            let file = built.parse()?;
            let bad =
                file.section_table().iter().find(|section| section.characteristics.get(LE).0 & both == both);
            expect(bad.is_none(), || {
                format!("{:?}", bad.map(|section| section.name.escape_ascii().to_string()))
            })
        },
        damage: |built| {
            let flags = &mut built.first_section_mut().characteristics;
            let both = pe::IMAGE_SCN_MEM_WRITE.0 | pe::IMAGE_SCN_MEM_EXECUTE.0;
            flags.set(LE, pe::SectionFlags(flags.get(LE).0 | both));
        },
    },
    Rule {
        name: "symbols of the same build",
        check: symbols,
        damage: |built| {
            let signature = built.signature();
            let mut other = signature;
            other[0] ^= 1;
            built.replace(&signature, &other);
        },
    },
    Rule {
        name: "symbol file named without a folder",
        check: |built| {
            let file = built.parse()?;
            let link = file.pdb_info().map_err(text)?.ok_or("no reference to a symbol file")?;
            expect(link.path() == *b"whowrote.pdb", || link.path().escape_ascii().to_string())
        },
        damage: |built| built.replace(b"whowrote.pdb\0", b"c:\\wrote.pdb\0"),
    },
    Rule {
        name: "reproducible: a hash in place of the date",
        check: |built| {
            let debug = debug_directory(&built.parse()?)?;
            let is_hash = debug.iter().any(|entry| entry.typ.get(LE) == pe::IMAGE_DEBUG_TYPE_REPRO);
            expect(is_hash, || "no such mark".into())
        },
        damage: |built| built.shorten_debug_directory(),
    },
    Rule {
        name: "no folder of the machine that built it",
        check: |built| {
            let checkout = Some(env!("CARGO_MANIFEST_DIR").to_owned());
            let home = std::env::var("HOME").ok().filter(|home| home != "/");
            let found = checkout.into_iter().chain(home).find(|folder| {
                let contains =
                    |bytes: &[u8]| bytes.windows(folder.len()).any(|window| window == folder.as_bytes());
                contains(&built.image) || contains(&built.symbols)
            });
            found.map_or(Ok(()), Err)
        },
        damage: |built| built.image.extend(env!("CARGO_MANIFEST_DIR").bytes()),
    },
    Rule {
        name: "checksum",
        check: |built| {
            let stated = built.parse()?.nt_headers().optional_header().check_sum();
            let computed = built.computed_checksum();
            expect(stated == computed, || format!("{stated:#x} stated, {computed:#x} computed"))
        },
        damage: |built| {
            // after all, the checksum is put right again; the damage must come from a byte that nothing else looks at
            built.unsealed = true;
            let stub = std::mem::size_of::<pe::ImageDosHeader>();
            built.image[stub] ^= 1;
        },
    },
];

fn expect(holds: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault()) }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn has_flag(built: &Built, flag: DllFlags) -> Result<(), String> {
    let flags = built.parse()?.nt_headers().optional_header().dll_characteristics();
    expect(flags.0 & flag.0 != 0, || format!("flags {flags:?}"))
}

fn clear_flag(built: &mut Built, flag: DllFlags) {
    let flags = &mut built.nt_headers_mut().optional_header.dll_characteristics;
    flags.set(LE, DllFlags(flags.get(LE).0 & !flag.0));
}

fn imports(built: &Built) -> Result<(), String> {
    expect(built.parse()?.delay_load_import_table().map_err(text)?.is_none(), || {
        "delay-loaded imports".into()
    })?;
    let imported = imported(built)?;
    expect(!imported.is_empty(), || "no imports at all".into())?;
    let foreign = imported
        .iter()
        .find(|import| !MODULES.iter().any(|known| known.eq_ignore_ascii_case(&import.module)));
    foreign.map_or(Ok(()), |import| Err(format!("{} of {}", import.name, import.module)))
}

fn not_imported(built: &Built, name: &str) -> Result<(), String> {
    expect(imported(built)?.iter().all(|import| import.name != name), || "it is imported".into())
}

/// Gives an import another name.
fn rename_import(built: &mut Built, name: &str) {
    let imported = imported(built).expect("the imports are readable");
    let longer =
        imported.iter().find(|import| import.name.len() >= name.len()).expect("one of so long a name");
    let padded = format!("{name:\0<length$}", length = longer.name.len());
    built.replace(longer.name.as_bytes(), padded.as_bytes());
}

struct Import {
    module: String,
    name: String,
}

/// All imports; one by number has no name.
fn imported(built: &Built) -> Result<Vec<Import>, String> {
    let file = built.parse()?;
    let mut imported = Vec::new();
    let Some(table) = file.import_table().map_err(text)? else { return Ok(imported) };
    let mut descriptors = table.descriptors().map_err(text)?;
    while let Some(descriptor) = descriptors.next().map_err(text)? {
        let module = table.name(descriptor.name.get(LE)).map_err(text)?.escape_ascii().to_string();
        let mut thunks = table.thunks(descriptor.original_first_thunk.get(LE)).map_err(text)?;
        while let Some(thunk) = thunks.next::<ImageNtHeaders64>().map_err(text)? {
            let name = match table.import::<ImageNtHeaders64>(thunk).map_err(text)? {
                object::read::pe::Import::Name(_, name) => name.escape_ascii().to_string(),
                object::read::pe::Import::Ordinal(_) => String::new(),
            };
            imported.push(Import { module: module.clone(), name });
        }
    }
    Ok(imported)
}

fn debug_header(built: &Built) -> Result<(), String> {
    let file = built.parse()?;
    let exports = file.export_table().map_err(text)?.ok_or("no exports")?.exports().map_err(text)?;
    let named = exports.iter().find(|export| export.name == Some(b"WHOWROTE_DEBUG"));
    let object::read::pe::ExportTarget::Address(address) = named.ok_or("no such export")?.target else {
        return Err("it is forwarded".into());
    };
    let header = file.section_table().pe_data_at(file.data(), address);
    let header = header.ok_or("it lies in no section")?;
    expect(header.starts_with(&audit::debug::MAGIC), || "it does not begin with its magic".into())
}

fn guard_tables(built: &Built) -> Result<(), String> {
    let file = built.parse()?;
    let data = file
        .data_directory(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG)
        .filter(|directory| directory.size.get(LE) != 0)
        .ok_or("no load configuration")?
        .data(file.data(), &file.section_table())
        .map_err(text)?;
    let (configuration, _) =
        object::from_bytes::<ImageLoadConfigDirectory64>(data).map_err(|()| "too short")?;
    let pointers = [
        configuration.guard_cf_check_function_pointer.get(LE),
        configuration.guard_cf_dispatch_function_pointer.get(LE),
        configuration.guard_cf_function_table.get(LE),
        configuration.guard_cf_function_count.get(LE),
    ];
    expect(pointers.iter().all(|pointer| *pointer != 0), || format!("{pointers:x?}"))
}

fn symbols(built: &Built) -> Result<(), String> {
    let file = built.parse()?;
    let link = file.pdb_info().map_err(text)?.ok_or("no reference to a symbol file")?;
    let mut symbols = pdb2::PDB::open(Cursor::new(&built.symbols)).map_err(text)?;
    let information = symbols.pdb_information().map_err(text)?;
    let age = symbols.debug_information().map_err(text)?.age();
    expect(link.guid() == information.guid.to_bytes_le(), || "another signature".into())?;
    expect(age == Some(link.age()), || format!("age {age:?}, not {}", link.age()))
}

/// The entries of the debug directory.
pub(crate) fn debug_directory<'data>(file: &PeFile64<'data>) -> Result<&'data [ImageDebugDirectory], String> {
    let data = file
        .data_directory(pe::IMAGE_DIRECTORY_ENTRY_DEBUG)
        .ok_or("no debug directory")?
        .data(file.data(), &file.section_table())
        .map_err(text)?;
    let count = data.len() / size_of::<ImageDebugDirectory>();
    Ok(object::slice_from_bytes(data, count).map_err(|()| "debug directory cut off")?.0)
}
