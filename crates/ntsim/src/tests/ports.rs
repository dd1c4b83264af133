//! Communication ports.

use std::cell::Cell;
use std::sync::{Arc, Mutex};

use super::Machine;
use super::driver::{FILTER, Filter, NON_PAGED, SEEN, allocate, free, nt, status};
use crate::abi::{ObjectAttributes, Ptr, Shared, SharedText};
use crate::fltmgr::message::client_read;
use crate::sim::{Connection, PortReply, ProcessSpec};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::windows::Windows;

const OBJ_KERNEL_HANDLE: u32 = 0x200;
const ALL_ACCESS: usize = 0x001F_0001;
const NAME: &str = r"\TestPort";

thread_local! {
    static SERVER: Cell<usize> = const { Cell::new(0) };
    /// Where the driver keeps its client port: memory of its own, as `FltSendMessage` and `FltCloseClientPort` want it.
    static CELL: Cell<Ptr<usize>> = const { Cell::new(Ptr::NULL) };
    static DISCONNECTS: Cell<usize> = const { Cell::new(0) };
}

extern "win64" fn connect(
    port: usize,
    cookie: usize,
    context: Ptr<u8>,
    bytes: u32,
    result: Ptr<usize>,
) -> u32 {
    assert_eq!(cookie, 7);
    if bytes > 0 && context.read() == b'!' {
        return NtStatus::ACCESS_DENIED.0;
    }
    CELL.get().write(port);
    result.write(99);
    0
}

extern "win64" fn disconnect(cookie: usize) {
    assert_eq!(cookie, 99);
    DISCONNECTS.set(DISCONNECTS.get() + 1);
    nt("FltCloseClientPort", &[FILTER.get().address(), CELL.get().address()]);
}

fn create_port(attributes: u32, descriptor: Ptr) -> NtStatus {
    let name = SharedText::new(NAME);
    let name = (Shared::new(name.descriptor()), name);
    let attributes = Shared::new(ObjectAttributes {
        length: 48,
        root_directory: Ptr::NULL,
        object_name: name.0.ptr(),
        attributes,
        security_descriptor: descriptor,
        security_quality_of_service: Ptr::NULL,
    });
    let server = Shared::new(0usize);
    let arguments = [
        FILTER.get().address(),
        server.ptr().address(),
        attributes.ptr().address(),
        7,
        connect as *const () as usize,
        disconnect as *const () as usize,
        0,
        1,
    ];
    let status = status("FltCreateCommunicationPort", &arguments);
    SERVER.set(server.get());
    status
}

fn with_default_descriptor(create: impl FnOnce(Ptr) -> NtStatus) -> NtStatus {
    let descriptor = Shared::new(Ptr::NULL);
    status("FltBuildDefaultSecurityDescriptor", &[descriptor.ptr().address(), ALL_ACCESS]);
    let status = create(descriptor.get());
    nt("FltFreeSecurityDescriptor", &[descriptor.get().address()]);
    status
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    CELL.set(allocate(NON_PAGED, 8).cast());
    Filter::default().unload(unload).start(driver);
    with_default_descriptor(|descriptor| create_port(OBJ_KERNEL_HANDLE, descriptor)).0
}

extern "win64" fn unload(_: u32) -> u32 {
    nt("FltCloseCommunicationPort", &[SERVER.get()]);
    nt("FltUnregisterFilter", &[FILTER.get().address()]);
    free(CELL.get().cast(), super::driver::TAG);
    0
}

/// Sends three bytes and expects up to four, from the driver's unload callback (there is no other place to call from).
fn send(timeout: i64, room: u32) -> (NtStatus, Vec<u8>, u32) {
    let message = Shared::new([1u8, 2, 3]);
    let reply = Shared::new([0u8; 4]);
    let bytes = Shared::new(room);
    let timeout = Shared::new(timeout);
    let arguments = [
        FILTER.get().address(),
        CELL.get().address(),
        message.ptr().address(),
        3,
        reply.ptr().address(),
        bytes.ptr().address(),
        timeout.ptr().address(),
    ];
    let status = status("FltSendMessage", &arguments);
    (status, reply.get().to_vec(), bytes.get())
}

fn consumer(machine: &Machine, context: &[u8], reply: PortReply) -> Result<Connection, NtStatus> {
    let process = machine.sim.add_process(ProcessSpec::new("consumer.exe")).expect("PIDs are free");
    machine.sim.connect(NAME, process, context, Box::new(move |_| reply.clone()))
}

#[test]
fn a_port_needs_a_kernel_handle() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().start(driver);
        assert_eq!(create_port(0, Ptr::NULL), NtStatus::INVALID_PARAMETER);
        0
    }
    Machine::new(entry).expect_violation(Rule::Port, "test DriverEntry");
}

#[test]
fn a_name_is_taken_once() {
    extern "win64" fn twice(driver: usize, path: usize) -> u32 {
        assert_eq!(entry(driver, path), 0);
        let first = SERVER.get();
        assert_eq!(create_port(OBJ_KERNEL_HANDLE, Ptr::NULL), NtStatus::OBJECT_NAME_COLLISION);
        SERVER.set(first);
        0
    }
    let machine = Machine::new(twice);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_consumer_connects_and_disconnects() {
    let machine = Machine::new(entry);
    let connection = consumer(&machine, b"", PortReply::Silent).expect("nobody is connected");
    assert!(connection.is_connected());
    assert_ne!(CELL.get().read(), 0);
    assert_eq!(consumer(&machine, b"", PortReply::Silent).err(), Some(NtStatus::CONNECTION_COUNT_LIMIT));
    connection.disconnect();
    connection.disconnect();
    assert!(!connection.is_connected());
    assert_eq!(
        (CELL.get().read(), DISCONNECTS.get()),
        (0, 1),
        "the cell is NULL, and the driver was told once"
    );
    consumer(&machine, b"", PortReply::Silent).expect("nobody is connected any more");
    machine.unload_cleanly();
    assert_eq!(DISCONNECTS.get(), 2, "unregistering ends the connection");
    machine.expect_no_violation();
}

#[test]
fn the_driver_may_refuse_a_consumer() {
    let machine = Machine::new(entry);
    assert_eq!(consumer(&machine, b"!", PortReply::Silent).err(), Some(NtStatus::ACCESS_DENIED));
    consumer(&machine, b"?", PortReply::Silent).expect("the refused one does not count");
}

#[test]
fn the_default_descriptor_admits_the_system_and_administrators() {
    let machine = Machine::new(entry);
    let user = ProcessSpec::new("user.exe").user("S-1-5-21-1-2-3-1001".parse().expect("it is a SID"));
    let connect = |spec| {
        let process = machine.sim.add_process(spec).expect("PIDs are free");
        machine
            .sim
            .connect(NAME, process, b"", Box::new(|_| PortReply::Silent))
            .map(|connection| connection.disconnect())
    };
    assert_eq!(connect(user.clone()), Err(NtStatus::ACCESS_DENIED));
    assert_eq!(connect(user.administrator()), Ok(()));
}

#[test]
fn nobody_connects_to_a_port_that_is_not_there() {
    let machine = Machine::new(entry);
    machine.unload_cleanly();
    assert_eq!(consumer(&machine, b"", PortReply::Silent).err(), Some(NtStatus::OBJECT_NAME_NOT_FOUND));
}

/// Runs something in the driver, with a consumer that answers so.
macro_rules! in_driver {
    ($reply:expr, $body:expr) => {{
        extern "win64" fn body(_: u32) -> u32 {
            $body;
            unload(0)
        }
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            CELL.set(allocate(NON_PAGED, 8).cast());
            Filter::default().unload(body).start(driver);
            with_default_descriptor(|descriptor| create_port(OBJ_KERNEL_HANDLE, descriptor)).0
        }
        let machine = Machine::new(entry);
        let connection = consumer(&machine, b"", $reply).expect("nobody is connected");
        machine.unload_cleanly();
        machine.expect_no_violation();
        (machine, connection)
    }};
}

#[test]
fn a_reply_is_stored_as_far_as_there_is_room() {
    in_driver!(PortReply::Reply(vec![8, 9]), {
        assert_eq!(send(-10, 4), (NtStatus::SUCCESS, vec![8, 9, 0, 0], 2));
        assert_eq!(send(-10, 1), (NtStatus::BUFFER_OVERFLOW, vec![8, 0, 0, 0], 1));
    });
}

#[test]
fn a_silent_consumer_lets_the_message_time_out_in_virtual_time() {
    let (machine, _) = in_driver!(PortReply::Silent, {
        assert_eq!(send(-10_000_000, 4).0, NtStatus::TIMEOUT);
        SEEN.set(1);
    });
    assert_eq!(SEEN.get(), 1);
    let passed = machine.sim.time() - crate::Config::new(machine.sim.windows()).start_time;
    assert_eq!(passed, 10_000_000, "one second has passed, and no more");
}

#[test]
fn a_consumer_that_disconnects_gets_the_message_back() {
    in_driver!(PortReply::Disconnect, {
        assert_eq!(send(-10, 4).0, NtStatus::PORT_DISCONNECTED);
        assert_eq!(DISCONNECTS.get(), 0, "the driver is told from the consumer's thread");
    });
    assert_eq!(DISCONNECTS.get(), 1);
}

#[test]
fn a_message_without_a_consumer_is_refused() {
    extern "win64" fn body(_: u32) -> u32 {
        assert_eq!(send(-10, 4).0, NtStatus::PORT_DISCONNECTED);
        unload(0)
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        CELL.set(allocate(NON_PAGED, 8).cast());
        Filter::default().unload(body).start(driver)
    }
    extern "win64" fn start(driver: usize, path: usize) -> u32 {
        entry(driver, path);
        create_port(OBJ_KERNEL_HANDLE, Ptr::NULL).0
    }
    let machine = Machine::new(start);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn unregistering_with_an_open_port_is_reported() {
    extern "win64" fn unload(_: u32) -> u32 {
        nt("FltUnregisterFilter", &[FILTER.get().address()]);
        free(CELL.get().cast(), super::driver::TAG);
        0
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        CELL.set(allocate(NON_PAGED, 8).cast());
        Filter::default().unload(unload).start(driver);
        create_port(OBJ_KERNEL_HANDLE, Ptr::NULL).0
    }
    let machine = Machine::new(entry);
    let report = machine.sim.unload(&machine.driver).expect("the driver unloads");
    assert_eq!(report.leaks.len(), 1, "{report:?}");
    assert_eq!(machine.broken(), [Rule::Port, Rule::AfterUnload]);
}

/// Regression test: the port was closed by another thread between being read and being looked up, and the sender was
/// said to have broken a rule.
#[test]
fn a_port_that_another_thread_closes_meanwhile_is_no_broken_rule() {
    let (sim, _, thread) = super::machine_without_driver(Windows::Win11_24H2);
    let closed = sim.kernel_for_test().arena.allocate();
    let send = |variable: Ptr| {
        let variable = Shared::new(variable);
        assert!(sim.inside(thread, |cpu| client_read(cpu, variable.ptr(), closed)).is_none());
        sim.violations().len()
    };
    assert_eq!(send(Ptr::NULL), 0, "whoever closed it has cleared the variable");
    assert_eq!(send(closed), 1, "nobody has");
}

#[test]
fn a_panic_of_the_handler_goes_on_in_the_harness() {
    extern "win64" fn body(_: u32) -> u32 {
        send(-10, 4);
        unload(0)
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        CELL.set(allocate(NON_PAGED, 8).cast());
        Filter::default().unload(body).start(driver);
        create_port(OBJ_KERNEL_HANDLE, Ptr::NULL).0
    }
    let machine = Machine::new(entry);
    let process = machine.sim.system();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let handler = Box::new(move |message: &[u8]| -> PortReply {
        into.lock().unwrap().extend_from_slice(message);
        std::panic::resume_unwind(Box::new("the handler's panic"))
    });
    machine.sim.connect(NAME, process, b"", handler).expect("nobody is connected");
    let unload = std::panic::AssertUnwindSafe(|| machine.sim.unload(&machine.driver));
    let panic = std::panic::catch_unwind(unload).expect_err("the handler panics");
    assert_eq!(panic.downcast_ref(), Some(&"the handler's panic"));
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
}
