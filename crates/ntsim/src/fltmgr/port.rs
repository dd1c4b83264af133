//! Communication ports: opening, connecting, disconnecting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::filter::Filter;
use crate::abi::{ObjectAttributes, Ptr, Shared};
use crate::ex::block::{Block, Content};
use crate::io::driver::{Driver, status_of};
use crate::ke::{Cpu, Entry};
use crate::ob::routines::OBJ_KERNEL_HANDLE;
use crate::ps::{Process, Thread};
use crate::rtl;
use crate::se::Dacl;
use crate::se::descriptor::{self, DefaultDescriptor};
use crate::sim::{Leak, MessageHandler};
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;
use crate::verifier::user_buffer::UserBuffer;

/// `OBJ_CASE_INSENSITIVE`
const OBJ_CASE_INSENSITIVE: u32 = 0x40;
/// `FLT_PORT_CONNECT`
const PORT_CONNECT: u32 = 1;
/// `FLT_PORT_ALL_ACCESS` and any part of it.
const PORT_ALL_ACCESS: u32 = 0x001F_0001;

/// A server port.
pub(crate) struct ServerPort {
    ptr: Ptr,
    name: String,
    ignore_case: bool,
    filter: Arc<Filter>,
    cookie: usize,
    connect: Ptr,
    disconnect: Ptr,
    /// NULL: it takes no messages.
    message: Ptr,
    maximum: usize,
    /// Who may connect.
    dacl: Dacl,
}

/// A connection of a process to a port.
pub(crate) struct ClientPort {
    id: u64,
    ptr: Ptr,
    server: Arc<ServerPort>,
    /// In whose context the driver's callbacks run.
    thread: Arc<Thread>,
    /// The driver's cookie for the connection.
    cookie: AtomicUsize,
    pub(super) handler: Lock<MessageHandler>,
    /// Whether the process has its handle.
    user_open: AtomicBool,
    /// Whether the driver has its own.
    driver_open: AtomicBool,
    /// Whether the driver has been told that the connection is over.
    notified: AtomicBool,
}

// Every atomic here is relaxed: ports are used under the machine's lock or the baton.
impl ClientPort {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn ptr(&self) -> Ptr {
        self.ptr
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.user_open.load(Ordering::Relaxed) && self.driver_open.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
struct State {
    servers: Vec<Arc<ServerPort>>,
    /// By address.
    clients: AddressMap<Arc<ClientPort>>,
    /// Default security descriptors that have not been freed, and who built them.
    descriptors: AddressMap<(Arc<Driver>, Block)>,
    /// Those that have, whose use is noticed.
    freed_descriptors: Vec<Block>,
}

/// The ports of one kernel.
#[derive(Default)]
pub(crate) struct PortTable {
    state: Lock<State>,
}

impl PortTable {
    pub(super) fn client(&self, ptr: Ptr) -> Option<Arc<ClientPort>> {
        self.state.lock().clients.get(&ptr.address()).cloned()
    }

    /// The connection with an identity, as long as either side has it open.
    pub(crate) fn connection(&self, id: u64) -> Option<Arc<ClientPort>> {
        self.state.lock().clients.values().find(|client| client.id == id).cloned()
    }

    fn server_named(&self, name: &str) -> Option<Arc<ServerPort>> {
        let state = self.state.lock();
        let matches = |port: &&Arc<ServerPort>| {
            port.name == name || port.ignore_case && port.name.eq_ignore_ascii_case(name)
        };
        state.servers.iter().find(matches).cloned()
    }

    fn clients_of(&self, mut belongs: impl FnMut(&ClientPort) -> bool) -> Vec<Arc<ClientPort>> {
        let state = self.state.lock();
        let mut clients: Vec<_> = state.clients.values().filter(|client| belongs(client)).cloned().collect();
        clients.sort_by_key(|client| client.id);
        clients
    }

    /// Forgets a connection that neither side has open.
    fn forget_if_closed(&self, client: &ClientPort) {
        let open = client.user_open.load(Ordering::Relaxed) || client.driver_open.load(Ordering::Relaxed);
        if !open {
            self.state.lock().clients.remove(&client.ptr.address());
        }
    }

    /// What a driver that is gone left.
    pub(super) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut state = self.state.lock();
        let mut leaks = Vec::new();
        let mut leak = |what, count| {
            if count > 0 {
                leaks.push(Leak::new(what, "not released", count));
            }
        };
        let servers = state.servers.len();
        state.servers.retain(|port| !Arc::ptr_eq(port.filter.driver(), driver));
        leak("server port", servers - state.servers.len());
        let descriptors = state.descriptors.len();
        state.descriptors.retain(|_, (owner, _)| !Arc::ptr_eq(owner, driver));
        leak("security descriptor", descriptors - state.descriptors.len());
        leaks
    }
}

/// `FltBuildDefaultSecurityDescriptor`: full access for `LocalSystem` and administrators.
pub(crate) fn build_default_security_descriptor(cpu: &Cpu, descriptor: Ptr<Ptr>, access: u32) -> NtStatus {
    if access & !PORT_ALL_ACCESS != 0 {
        cpu.violation(
            Rule::InvalidParameter,
            format!("builds a security descriptor for access 0x{access:X}"),
        );
    }
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    let default = DefaultDescriptor::new(access);
    let block = Block::new(default.bytes(), Content::Zeroed);
    default.write(block.ptr());
    let ptr = block.ptr();
    cpu.kernel().filters.ports.state.lock().descriptors.insert(ptr.address(), (driver, block));
    descriptor.write(ptr);
    NtStatus::SUCCESS
}

/// `FltFreeSecurityDescriptor`.
pub(crate) fn free_security_descriptor(cpu: &Cpu, descriptor: Ptr) {
    let freed = {
        let mut state = cpu.kernel().filters.ports.state.lock();
        let freed = state.descriptors.remove(&descriptor.address());
        freed.map(|(_, block)| state.freed_descriptors.push(block))
    };
    if freed.is_none() {
        cpu.violation(
            Rule::ObjectReference,
            format!("frees {descriptor:?}, which is no default security descriptor (any more)"),
        );
    }
}

/// `FltCreateCommunicationPort`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn create_communication_port(
    cpu: &Cpu,
    filter: Ptr,
    port: Ptr<Ptr>,
    attributes: Ptr<ObjectAttributes>,
    cookie: usize,
    connect: Ptr,
    disconnect: Ptr,
    message: Ptr,
    maximum: i32,
) -> NtStatus {
    let filters = &cpu.kernel().filters;
    let Some(filter) = filters.filter(cpu, filter) else { return NtStatus::INVALID_PARAMETER };
    if filter.is_deleting() {
        return NtStatus::FLT_DELETING_OBJECT;
    }
    let Some(attributes) = attributes.non_null().map(Ptr::read) else { return NtStatus::INVALID_PARAMETER };
    if attributes.attributes & OBJ_KERNEL_HANDLE == 0 {
        cpu.violation(Rule::Port, "creates a port without OBJ_KERNEL_HANDLE");
        return NtStatus::INVALID_PARAMETER;
    }
    let name = rtl::read_unicode_string(attributes.object_name);
    let maximum = usize::try_from(maximum).unwrap_or(0);
    if connect.is_null() || disconnect.is_null() || maximum == 0 || !name.starts_with('\\') {
        cpu.violation(
            Rule::Port,
            format!("creates port `{name}` for {maximum} connections, or without a callback"),
        );
        return NtStatus::INVALID_PARAMETER;
    }
    let descriptor = attributes.security_descriptor;
    let freed = filters
        .ports
        .state
        .lock()
        .freed_descriptors
        .iter()
        .any(|block| block.ptr::<u8>().cast() == descriptor);
    if freed {
        cpu.violation(Rule::Port, format!("{descriptor:?} is a security descriptor that has been freed"));
    }
    let dacl = descriptor::read_dacl(cpu, descriptor.cast());
    if filters.ports.server_named(&name).is_some() {
        return NtStatus::OBJECT_NAME_COLLISION;
    }
    let server = ServerPort {
        ptr: cpu.kernel().arena.allocate(),
        name,
        ignore_case: attributes.attributes & OBJ_CASE_INSENSITIVE != 0,
        filter,
        cookie,
        connect,
        disconnect,
        message,
        maximum,
        dacl,
    };
    port.write(server.ptr);
    filters.ports.state.lock().servers.push(Arc::new(server));
    NtStatus::SUCCESS
}

/// `FltCloseCommunicationPort`: nobody can connect any more; connections stay.
pub(crate) fn close_communication_port(cpu: &Cpu, port: Ptr) {
    let closed = {
        let mut state = cpu.kernel().filters.ports.state.lock();
        let position = state.servers.iter().position(|server| server.ptr == port);
        position.map(|position| state.servers.remove(position))
    };
    if closed.is_none() {
        cpu.violation(Rule::Port, format!("closes {port:?}, which is no server port (any more)"));
    }
}

/// `FltCloseClientPort`.
pub(crate) fn close_client_port(cpu: &Cpu, filter: Ptr, port: Ptr<Ptr>) {
    if cpu.kernel().filters.filter(cpu, filter).is_none() {
        return;
    }
    let ptr = port.read();
    port.write(Ptr::NULL);
    if ptr.is_null() {
        return;
    }
    let ports = &cpu.kernel().filters.ports;
    let client = ports.client(ptr).filter(|client| client.driver_open.load(Ordering::Relaxed));
    let Some(client) = client else {
        cpu.violation(Rule::Port, format!("closes {ptr:?}, which is no client port (any more)"));
        return;
    };
    client.driver_open.store(false, Ordering::Relaxed);
    ports.forget_if_closed(&client);
    cpu.kernel().scheduler.signal(ptr.address());
}

/// `FilterConnectCommunicationPort` by a process.
pub(crate) fn connect(
    cpu: &Cpu,
    name: &str,
    process: &Arc<Process>,
    context: &[u8],
    handler: MessageHandler,
) -> Result<Arc<ClientPort>, NtStatus> {
    let ports = &cpu.kernel().filters.ports;
    let server = ports.server_named(name).ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
    if !server.dacl.grants(process.token(), PORT_CONNECT) {
        return Err(NtStatus::ACCESS_DENIED);
    }
    let client = Arc::new(ClientPort {
        id: cpu.kernel().next_id(),
        ptr: cpu.kernel().arena.allocate(),
        server: Arc::clone(&server),
        thread: cpu.thread(),
        cookie: AtomicUsize::new(0),
        handler: Lock::new(handler),
        user_open: AtomicBool::new(true),
        driver_open: AtomicBool::new(true),
        notified: AtomicBool::new(false),
    });
    {
        let mut state = ports.state.lock();
        // It may have been closed since it was found.
        if !state.servers.iter().any(|known| Arc::ptr_eq(known, &server)) {
            return Err(NtStatus::OBJECT_NAME_NOT_FOUND);
        }
        let is_connected = |client: &&Arc<ClientPort>| {
            Arc::ptr_eq(&client.server, &server) && client.user_open.load(Ordering::Relaxed)
        };
        if state.clients.values().filter(is_connected).count() >= server.maximum {
            return Err(NtStatus::CONNECTION_COUNT_LIMIT);
        }
        state.clients.insert(client.ptr.address(), Arc::clone(&client));
    }
    // The driver gets a copy of the context, valid during the callback.
    let copy = Block::new(context.len().max(1), Content::Zeroed);
    copy.ptr::<u8>().write_slice(context);
    let cookie = Shared::new(0usize);
    let arguments = [
        client.ptr.address(),
        server.cookie,
        if context.is_empty() { 0 } else { copy.ptr::<u8>().address() },
        context.len(),
        cookie.ptr().address(),
    ];
    let frame = server.filter.frame(Entry::PortConnect);
    let status = status_of(cpu.call_driver(frame, server.connect, &arguments));
    if status.is_success() {
        client.cookie.store(cookie.get(), Ordering::Relaxed);
        return Ok(client);
    }
    ports.state.lock().clients.remove(&client.ptr.address());
    Err(status)
}

/// `FilterSendMessage` by the process: the driver's callback gets its buffers as they are, at user-mode addresses.
pub(crate) fn send(
    cpu: &Cpu,
    client: &ClientPort,
    input: &[u8],
    output_bytes: usize,
) -> Result<Vec<u8>, NtStatus> {
    if !client.is_connected() {
        return Err(NtStatus::PORT_DISCONNECTED);
    }
    let server = &client.server;
    let callback = server.message.non_null().ok_or(NtStatus::INVALID_DEVICE_REQUEST)?;
    let buffers = &cpu.kernel().user_buffers;
    let (input_buffer, output) = (buffers.lend(input), buffers.lend(&vec![0; output_bytes]));
    let address = |bytes: usize, buffer: &UserBuffer<'_>| if bytes == 0 { 0 } else { buffer.ptr().address() };
    let returned = Shared::new(0u32);
    let arguments = [
        client.cookie.load(Ordering::Relaxed),
        address(input.len(), &input_buffer),
        input.len(),
        address(output_bytes, &output),
        output_bytes,
        returned.ptr().address(),
    ];
    let frame = server.filter.frame(Entry::PortMessage);
    let status =
        cpu.in_thread(&client.thread, || status_of(cpu.call_driver(frame.clone(), callback, &arguments)));
    let returned = returned.get() as usize;
    if returned > output_bytes {
        let detail = format!("says that it returned {returned} bytes in a buffer of {output_bytes}");
        cpu.violation_in(&frame, Rule::UserBuffer, detail);
    }
    status.ok()?;
    let mut content = output.content();
    content.truncate(returned.min(output_bytes));
    Ok(content)
}

/// The process closes its handle: whoever waits for an answer gets none, and the driver is told.
pub(crate) fn disconnect(cpu: &Cpu, client: &Arc<ClientPort>) {
    if client.user_open.swap(false, Ordering::Relaxed) {
        cpu.kernel().scheduler.signal(client.ptr.address());
        tell(cpu, client);
    }
}

/// The process closes its handle while the driver waits for its answer: the driver is told from the process's thread,
/// once it gets to run.
pub(super) fn disconnect_soon(cpu: &Cpu, client: &Arc<ClientPort>) {
    client.user_open.store(false, Ordering::Relaxed);
    let client = Arc::clone(client);
    cpu.kernel().scheduler.defer(cpu, move |cpu| tell(cpu, &client));
}

/// Calls the disconnect callback, once.
fn tell(cpu: &Cpu, client: &Arc<ClientPort>) {
    if !client.notified.swap(true, Ordering::Relaxed) {
        let server = &client.server;
        let frame = server.filter.frame(Entry::PortDisconnect);
        let cookie = client.cookie.load(Ordering::Relaxed);
        cpu.in_thread(&client.thread, || cpu.call_driver(frame, server.disconnect, &[cookie]));
        if client.driver_open.load(Ordering::Relaxed) {
            cpu.violation(Rule::Port, "keeps its client port open after the disconnect callback");
        }
    }
    cpu.kernel().filters.ports.forget_if_closed(client);
}

/// The connections of a filter that unregisters end; its server ports must be closed by then.
pub(super) fn filter_gone(cpu: &Cpu, filter: &Arc<Filter>) {
    let ports = &cpu.kernel().filters.ports;
    let open = ports.state.lock().servers.iter().filter(|port| Arc::ptr_eq(&port.filter, filter)).count();
    if open > 0 {
        cpu.violation(Rule::Port, "unregisters with a server port open, which makes the unload hang");
    }
    for client in ports.clients_of(|client| Arc::ptr_eq(&client.server.filter, filter)) {
        client.user_open.store(false, Ordering::Relaxed);
        cpu.kernel().scheduler.signal(client.ptr.address());
        tell(cpu, &client);
        client.driver_open.store(false, Ordering::Relaxed);
        ports.forget_if_closed(&client);
    }
}
