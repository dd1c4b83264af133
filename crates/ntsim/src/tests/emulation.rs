//! What drivers do inline: the shared data page, CR8, and fields of the processor block; and how it shows when they do
//! what only the kernel may.

use super::image::{CELL, Recipe, build, end_of, relative};
use crate::abi::Ptr;
use crate::verifier::Rule;
use crate::{Config, Sim, Windows};

const SHARED_DATA: u64 = 0xFFFF_F780_0000_0000;

/// `xor eax, eax; ret`
const RETURN: [u8; 3] = [0x33, 0xC0, 0xC3];

/// Stores RAX in the cell and returns 0.
fn store_and_return(code: &mut Vec<u8>) {
    relative(code, &[0x48, 0x89, 0x05], CELL); // mov [cell], rax
    code.extend(RETURN);
}

/// Runs code as `DriverEntry`; returns what it left in the cell.
fn run(sim: &Sim, code: &dyn Fn() -> Vec<u8>) -> u64 {
    let code = |_| {
        let mut code = code();
        store_and_return(&mut code);
        code
    };
    sim.load(&build(&Recipe { code: &code, ..Recipe::default() }), "tiny").expect("the image loads");
    let base = sim.kernel_for_test().drivers.lock()[0].image().expect("it has an image").base();
    Ptr::<u64>::at(base + CELL as usize).read()
}

fn fresh(windows: Windows) -> Sim {
    Sim::new(Config::new(windows))
}

/// `mov rax, address`
fn load_address(offset: u64) -> Vec<u8> {
    [&[0x48, 0xB8], (SHARED_DATA + offset).to_le_bytes().as_slice()].concat()
}

#[test]
fn the_shared_data_page_tells_the_time_and_the_version() {
    let read =
        |sim: &Sim, offset, instruction: &[u8]| run(sim, &|| [&load_address(offset), instruction].concat());
    let sim = fresh(Windows::Win11_22H2);
    let load = [0x48, 0x8B, 0x00]; // mov rax, [rax]
    assert_eq!(read(&sim, 0x14, &load), sim.time(), "SystemTime");
    let sim = fresh(Windows::Win11_22H2);
    assert!(read(&sim, 0x08, &load) > 0, "InterruptTime");
    let load = [0x8B, 0x00]; // mov eax, [rax]
    for windows in Windows::ALL {
        assert_eq!(read(&fresh(windows), 0x260, &load), u64::from(windows.build()), "NtBuildNumber");
    }
    assert_eq!(read(&fresh(Windows::Win10_2004), 0x26C, &load), 10, "NtMajorVersion");
}

#[test]
fn every_form_of_a_read_is_emulated() {
    let version = 10; // NtMajorVersion, at 26Ch
    let forms: [(&str, Vec<u8>); 7] = [
        (
            "movzx eax, byte [rax + rcx*4 + 8]",
            vec![
                0x33, 0xC9, 0xB1, 0x99, // xor ecx, ecx; mov cl, 99h
                0x0F, 0xB6, 0x84, 0x88, 0x08, 0x00, 0x00,
                0x00, // movzx eax, byte [rax + rcx*4 + 8]: 26Ch = 264h + 8
            ],
        ),
        ("add ecx, [rax]", vec![0x33, 0xC9, 0x03, 0x88, 0x6C, 0x02, 0, 0, 0x48, 0x8B, 0xC1]),
        (
            "add eax, [rdx]",
            vec![
                0x48, 0x8B, 0xD0, 0x03, 0x82, 0x6C, 0x02, 0, 0, // mov rdx, rax; add eax, [rdx + 26Ch]
            ],
        ),
        (
            "cmp dword [rax], 10",
            vec![
                0x83, 0xB8, 0x6C, 0x02, 0, 0, 10, 0x75, 0x05, 0xB8, 10, 0, 0,
                0, // cmp [rax + 26Ch], 10; jne +5; mov eax, 10
            ],
        ),
        ("movd xmm0, [rax]", vec![0x66, 0x0F, 0x6E, 0x80, 0x6C, 0x02, 0, 0, 0x66, 0x0F, 0x7E, 0xC0]),
        ("mov eax, moffs", [&[0xA1], (SHARED_DATA + 0x26C).to_le_bytes().as_slice()].concat()),
        (
            "rep movsb",
            vec![
                0x56, 0x57, 0x48, 0x83, 0xEC, 0x10, // push rsi; push rdi; sub rsp, 10h
                0x48, 0x8D, 0xB0, 0x6C, 0x02, 0, 0, // lea rsi, [rax + 26Ch]
                0x48, 0x8B, 0xFC, 0xB9, 8, 0, 0, 0, 0xF3, 0xA4, // mov rdi, rsp; mov ecx, 8; rep movsb
                0x8B, 0x04, 0x24, 0x48, 0x83, 0xC4, 0x10, 0x5F,
                0x5E, // mov eax, [rsp]; add rsp, 10h; pop rdi; pop rsi
            ],
        ),
    ];
    for (what, code) in forms {
        let found = run(&fresh(Windows::Win11_24H2), &|| [load_address(0), code.clone()].concat());
        let low = u32::try_from(found & 0xFFFF_FFFF).expect("masked");
        assert_eq!(low, version, "{what}");
    }
}

#[test]
fn cr8_is_the_irql() {
    let sim = fresh(Windows::Win11_24H2);
    let code = || {
        let mut code = vec![0xB9, 2, 0, 0, 0, 0x44, 0x0F, 0x22, 0xC1]; // mov ecx, 2; mov cr8, rcx
        code.extend([0x44, 0x0F, 0x20, 0xC0]); // mov rax, cr8
        code.extend([0x33, 0xC9, 0x44, 0x0F, 0x22, 0xC1]); // xor ecx, ecx; mov cr8, rcx
        code
    };
    assert_eq!(run(&sim, &code), 2);
    assert!(sim.violations().is_empty(), "{:?}", sim.violations());
}

#[test]
fn an_irql_that_stays_raised_is_noticed() {
    let sim = fresh(Windows::Win11_24H2);
    run(&sim, &|| vec![0xB9, 1, 0, 0, 0, 0x44, 0x0F, 0x22, 0xC1]); // mov ecx, 1; mov cr8, rcx
    assert_eq!(
        sim.violations().iter().map(|violation| violation.rule).collect::<Vec<_>>(),
        [Rule::IrqlReturn]
    );
}

#[test]
fn gs_leads_to_the_current_thread_and_processor() {
    let sim = fresh(Windows::Win11_24H2);
    let current = run(&sim, &|| vec![0x65, 0x48, 0x8B, 0x04, 0x25, 0x88, 1, 0, 0]); // mov rax, gs:[188h]
    let worker = sim.kernel_for_test().system_worker().ptr().address() as u64;
    assert_eq!(current, worker);
    let sim = fresh(Windows::Win11_24H2);
    let number = run(&sim, &|| vec![0x65, 0x8B, 0x04, 0x25, 0xA4, 1, 0, 0]); // mov eax, gs:[1A4h]
    assert!(number < 64);
}

#[test]
fn what_only_the_kernel_may_do_is_named() {
    for (code, text) in [
        (vec![0x0F, 0x32], "`rdmsr`"),
        (vec![0x0F, 0x20, 0xD8], "`mov rax,cr3`"),
        (vec![0xFA], "`cli`"),
        (vec![0xF4], "`hlt`"),
        (vec![0x33, 0xC9, 0xB1, 0x10, 0x44, 0x0F, 0x22, 0xC1], "`mov cr8,rcx`"), // no IRQL is 16
    ] {
        let message = end_of(&|_| code.clone());
        assert!(message.contains("privileged instruction") && message.contains(text), "{message}");
    }
}

#[test]
fn a_write_to_the_shared_data_page_is_a_fault() {
    let message = end_of(&|_| [load_address(0x14), vec![0x89, 0x00]].concat()); // mov [rax], eax
    assert!(message.contains("access violation at 0xFFFFF78000000014"), "{message}");
    let message = end_of(&|_| [load_address(0x14), vec![0xFF, 0x00]].concat()); // inc dword [rax]
    assert!(message.contains("access violation at 0xFFFFF78000000014"), "{message}");
}

#[test]
fn emulated_instructions_are_counted_as_the_one_that_they_are() {
    let sim = fresh(Windows::Win11_24H2);
    sim.set_metering(crate::Metering::Instructions);
    run(&sim, &|| [load_address(0x14), vec![0x48, 0x8B, 0x00, 0x44, 0x0F, 0x20, 0xC1]].concat());
    // mov, mov, mov rcx, cr8; mov [cell], rax; xor; ret
    assert_eq!(sim.take_calls()[0].instructions.driver, 6);
}
