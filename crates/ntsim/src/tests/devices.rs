//! A driver's own device: named, opened and controlled by a program, and deleted.

use super::driver::{FILTER, Filter, nt, status};
use super::{Machine, configured, driver};
use crate::abi::{DeviceObject, DriverObject, IoStackLocation, Irp, Ptr, Shared, SharedText};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Config, Schedule, Windows};

/// `CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_*, FILE_ANY_ACCESS)`
const BUFFERED: u32 = 0x22_2000;
const DIRECT: u32 = 0x22_2002;
const NEITHER: u32 = 0x22_2003;

const DEVICE_NAME: &str = r"\Device\Test";
const LINK: &str = r"\??\TestLink";

fn stack(irp: Ptr<Irp>) -> IoStackLocation {
    Ptr::at(irp.read().tail[8]).read()
}

fn complete(irp: Ptr<Irp>, status: NtStatus, information: usize) -> u32 {
    let mut value = irp.read();
    value.io_status.status = status.0;
    value.io_status.information = information;
    irp.write(value);
    nt("IofCompleteRequest", &[irp.address(), 0]);
    status.0
}

extern "win64" fn succeed(_device: usize, irp: Ptr<Irp>) -> u32 {
    complete(irp, NtStatus::SUCCESS, 0)
}

/// Returns its input with each byte one higher, by whichever method.
extern "win64" fn add_one(_device: usize, irp: Ptr<Irp>) -> u32 {
    let (value, location) = (irp.read(), stack(irp));
    let [room, bytes, code, raw] = location.parameters;
    let method = code & 3;
    let input = if method == 3 { Ptr::<u8>::at(raw) } else { value.system_buffer.cast() };
    let output = match method {
        0 => value.system_buffer.cast(),
        3 => value.user_buffer.cast::<u8>(),
        _ => Ptr::at(nt("MmMapLockedPagesSpecifyCache", &[value.mdl_address.address(), 0, 1, 0, 0, 16])),
    };
    let more: Vec<u8> = input.read_slice(bytes.min(room)).into_iter().map(|byte| byte + 1).collect();
    output.write_slice(&more);
    complete(irp, NtStatus::SUCCESS, more.len())
}

extern "win64" fn forget(_device: usize, _irp: Ptr<Irp>) -> u32 {
    0
}

extern "win64" fn twice(_device: usize, irp: Ptr<Irp>) -> u32 {
    let status = complete(irp, NtStatus::SUCCESS, 0);
    nt("IofCompleteRequest", &[irp.address(), 0]);
    status
}

extern "win64" fn other_status(_device: usize, irp: Ptr<Irp>) -> u32 {
    complete(irp, NtStatus::SUCCESS, 0);
    NtStatus::ACCESS_DENIED.0
}

/// Marks it as pending and has a worker complete it.
extern "win64" fn pend(device: usize, irp: Ptr<Irp>) -> u32 {
    let place = Ptr::<IoStackLocation>::at(irp.read().tail[8]);
    let mut location = place.read();
    location.control |= 1;
    place.write(location);
    let item = nt("IoAllocateWorkItem", &[device]);
    let context = Box::into_raw(Box::new((irp.address(), item))).expose_provenance();
    nt("IoQueueWorkItem", &[item, (complete_later as *const ()).expose_provenance(), 1, context]);
    NtStatus::PENDING.0
}

extern "win64" fn complete_later(_device: usize, context: usize) {
    // SAFETY: `pend` made it, for this call alone.
    let pair = unsafe { Box::from_raw(std::ptr::with_exposed_provenance_mut::<(usize, usize)>(context)) };
    nt("IoFreeWorkItem", &[pair.1]);
    complete(Ptr::at(pair.0), NtStatus::SUCCESS, 0);
}

thread_local! {
    static DEVICE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

fn name(text: &SharedText) -> Shared<crate::abi::UnicodeString> {
    Shared::new(text.descriptor())
}

fn create(driver: usize, control: extern "win64" fn(usize, Ptr<Irp>) -> u32) {
    let (device_name, link) = (SharedText::new(DEVICE_NAME), SharedText::new(LINK));
    let device = Shared::new(0usize);
    let named = name(&device_name);
    let made =
        status("IoCreateDevice", &[driver, 16, named.ptr().address(), 0x22, 0, 0, device.ptr().address()]);
    assert_eq!(made, NtStatus::SUCCESS);
    let value = Ptr::<DeviceObject>::at(device.get()).read();
    assert_eq!(value.device_extension.address(), device.get() + size_of::<DeviceObject>());
    let linked = status("IoCreateSymbolicLink", &[name(&link).ptr().address(), named.ptr().address()]);
    assert_eq!(linked, NtStatus::SUCCESS);
    DEVICE.set(device.get());
    let object = Ptr::<DriverObject>::at(driver);
    let mut value = object.read();
    assert_eq!(value.device_object.address(), device.get());
    for major in [0, 2, 0x12] {
        value.major_function[major] = Ptr::of((succeed as *const ()).cast());
    }
    value.major_function[0x0E] = Ptr::of((control as *const ()).cast());
    object.write(value);
}

extern "win64" fn unload(_flags: u32) -> u32 {
    let link = SharedText::new(LINK);
    assert_eq!(status("IoDeleteSymbolicLink", &[name(&link).ptr().address()]), NtStatus::SUCCESS);
    nt("IoDeleteDevice", &[DEVICE.get()]);
    nt("FltUnregisterFilter", &[FILTER.get().address()]);
    0
}

/// A driver whose device is controlled by this routine.
macro_rules! machine {
    ($control:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            create(driver, $control);
            Filter::default().unload(unload).start(driver)
        }
        Machine::new(entry)
    }};
}

#[test]
fn a_program_controls_a_device_by_every_method() {
    let machine = machine!(add_one);
    let (sim, thread) = (&machine.sim, machine.thread);
    assert_eq!(sim.open_device(thread, r"\\.\Nothing"), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    let device = sim.open_device(thread, r"\\.\testlink").expect("it opens");
    for code in [BUFFERED, DIRECT, NEITHER] {
        assert_eq!(sim.device_control(thread, device, code, &[1, 2, 3], 8), Ok(vec![2, 3, 4]), "{code:X}");
        assert_eq!(sim.device_control(thread, device, code, &[1, 2, 3], 2), Ok(vec![2, 3]), "{code:X}");
    }
    sim.close_device(thread, device).expect("it closes");
    assert_eq!(sim.close_device(thread, device), Err(NtStatus::INVALID_HANDLE));
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_worker_completes_what_pends() {
    for schedule in [Schedule::Fixed, Schedule::Seeded(1), Schedule::Threads] {
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            create(driver, pend);
            Filter::default().unload(unload).start(driver)
        }
        let (sim, _, thread) = configured(Config::new(Windows::Win11_24H2).schedule(schedule));
        let driver = sim.load_native(driver::pointer(entry), "test").expect("it loads");
        let device = sim.open_device(thread, DEVICE_NAME).expect("it opens");
        assert_eq!(sim.device_control(thread, device, BUFFERED, &[], 0), Ok(vec![]));
        sim.close_device(thread, device).expect("it closes");
        assert!(sim.unload(&driver).expect("it unloads").is_clean());
        assert_eq!(sim.violations(), []);
    }
}

/// What a dispatch routine may not do.
macro_rules! offender {
    ($name:ident, $rule:ident, $control:expr) => {
        #[test]
        fn $name() {
            let machine = machine!($control);
            let device = machine.sim.open_device(machine.thread, DEVICE_NAME).expect("it opens");
            let _ = machine.sim.device_control(machine.thread, device, BUFFERED, &[1], 1);
            machine.expect_violation(Rule::$rule, "test device control");
        }
    };
}

offender!(an_irp_that_is_forgotten_is_reported, Pending, forget);
offender!(an_irp_that_is_completed_twice_is_reported, Pending, twice);
offender!(another_status_than_that_of_the_irp_is_reported, CompletionStatus, other_status);

#[test]
fn a_device_left_behind_is_reported() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        create(driver, succeed);
        Filter::default().start(driver)
    }
    let machine = Machine::new(entry);
    let report = machine.sim.unload(&machine.driver).expect("it unloads");
    let leaks: Vec<_> = report.leaks.iter().map(ToString::to_string).collect();
    assert_eq!(leaks, [r"1 × device object \Device\Test", r"1 × symbolic link to \Device\Test"]);
}
