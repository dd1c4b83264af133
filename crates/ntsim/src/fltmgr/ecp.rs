//! Extra create parameters: what a create carries beside its parameters, for filters that know its GUID.
//!
//! The pointers are valid while the create is on its way. Whoever opens a file from user mode can put one there too, so
//! that a filter has to ask (`FltIsEcpFromUserMode`) before it believes one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::abi::{Address, Guid, Ptr, Shared, SharedText, SrvOpenEcp, UnicodeString};
use crate::ex::block::{Block, Content};
use crate::ke::{Cpu, Frame};
use crate::sim::{Ecp, EcpSpec, Major};
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;
use crate::verifier::ecp::EcpContext;

/// `GUID_ECP_SRV_OPEN` (ntifs).
const SRV_OPEN: Guid = Guid {
    data1: 0xBEBF_AEBC,
    data2: 0xAABF,
    data3: 0x489D,
    data4: [0x9D, 0x2C, 0xE9, 0xE3, 0x61, 0x10, 0x28, 0x53],
};
/// `SRV_OPEN_ECP_CONTEXT.Version`: the current one, with an instance type.
const SRV_OPEN_VERSION: u16 = 2;
/// `SrvInstanceTypePrimary`
const SRV_INSTANCE_PRIMARY: u32 = 1;
/// `sizeof(SOCKADDR_STORAGE)`
const SOCKET_ADDRESS_BYTES: usize = 128;
/// `AF_INET`
const AF_INET: u16 = 2;
/// `AF_INET6`
const AF_INET6: u16 = 23;
/// Where `sin6_addr` begins.
const ADDRESS_OFFSET_V6: usize = 8;
/// Where `sin_addr` begins.
const ADDRESS_OFFSET_V4: usize = 4;

/// One extra create parameter.
struct Parameter {
    guid: Guid,
    context: Ptr,
    bytes: usize,
    /// Watched: what is in it is not looked at before it was asked where it is from, and not after the create.
    memory: EcpContext,
    from_user_mode: bool,
    acknowledged: AtomicBool,
    /// The callback that was given the context's address first.
    given: Lock<Option<Frame>>,
}

/// The extra create parameters of one create.
pub(crate) struct EcpList {
    /// The `PECP_LIST`.
    ptr: Ptr,
    parameters: Vec<Parameter>,
    /// What the contexts point to.
    texts: Vec<(SharedText, Shared<UnicodeString>)>,
    /// Likewise.
    addresses: Lock<Vec<Block>>,
}

/// The lists of creates that are on their way.
#[derive(Default)]
pub(crate) struct EcpLists {
    lists: Lock<AddressMap<Arc<EcpList>>>,
}

impl EcpLists {
    fn list(&self, list: Ptr) -> Option<Arc<EcpList>> {
        self.lists.lock().get(&list.address()).cloned()
    }

    /// The list that a context belongs to, and its position there.
    fn find_context(&self, context: Ptr) -> Option<(Arc<EcpList>, usize)> {
        let lists = self.lists.lock();
        lists.values().find_map(|list| Some((Arc::clone(list), list.position(context)?)))
    }
}

/// A list on its way with a create, until the create is over.
pub(crate) struct OnItsWay<'a> {
    cpu: &'a Cpu,
    list: Option<Arc<EcpList>>,
}

impl<'a> OnItsWay<'a> {
    pub(crate) fn new(cpu: &'a Cpu, specs: &[EcpSpec]) -> Self {
        let list = (!specs.is_empty()).then(|| {
            let list = Arc::new(EcpList::new(cpu, specs));
            cpu.kernel().ecps.lists.lock().insert(list.address(), Arc::clone(&list));
            list
        });
        Self { cpu, list }
    }

    pub(crate) fn list(&self) -> Option<Arc<EcpList>> {
        self.list.clone()
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        let Some(list) = &self.list else { return };
        self.cpu.kernel().ecps.lists.lock().remove(&list.address());
        for parameter in &list.parameters {
            let given = parameter.given.lock().take();
            if let Some(frame) = given.filter(|_| !parameter.memory.was_asked()) {
                let detail = format!(
                    "took the extra create parameter {} and never asked FltIsEcpFromUserMode",
                    parameter.guid
                );
                self.cpu.violation_in(&frame, Rule::EcpTrust, detail);
            }
            parameter.memory.over();
        }
    }
}

impl EcpList {
    fn new(cpu: &Cpu, specs: &[EcpSpec]) -> Self {
        let mut list = Self {
            ptr: cpu.kernel().arena.allocate(),
            parameters: Vec::new(),
            texts: Vec::new(),
            addresses: Lock::default(),
        };
        for spec in specs {
            let (guid, context) = match &spec.ecp {
                Ecp::SrvOpen { share, address } => (SRV_OPEN, list.srv_open(share.as_deref(), *address)),
                Ecp::Other { guid, bytes } => {
                    let block = Block::new(bytes.len(), Content::Zeroed);
                    block.ptr::<u8>().write_slice(bytes);
                    (Guid::from_fields(*guid), block)
                }
            };
            let said = context.ptr::<u8>().read_slice(context.bytes());
            let memory = cpu.kernel().ecp_contexts.add(&said);
            list.parameters.push(Parameter {
                guid,
                context: memory.ptr().cast(),
                bytes: context.bytes(),
                memory,
                from_user_mode: spec.from_user_mode,
                acknowledged: AtomicBool::new(false),
                given: Lock::default(),
            });
        }
        list
    }

    /// `SRV_OPEN_ECP_CONTEXT`
    fn srv_open(&mut self, share: Option<&str>, address: Option<SocketAddr>) -> Block {
        let share_name = share.map_or(Ptr::NULL, |share| {
            let text = SharedText::new(share);
            let descriptor = Shared::new(text.descriptor());
            let ptr = descriptor.ptr();
            self.texts.push((text, descriptor));
            ptr
        });
        let socket_address = address.map_or(Ptr::NULL, |address| {
            let block = socket_address(address);
            let ptr = block.ptr();
            self.addresses.lock().push(block);
            ptr
        });
        let context = Block::new(size_of::<SrvOpenEcp>(), Content::Zeroed);
        context.ptr().write(SrvOpenEcp {
            share_name,
            socket_address,
            oplock_block_state: 0,
            oplock_app_state: 0,
            oplock_final_state: 0,
            alignment: 0,
            version: SRV_OPEN_VERSION,
            alignment2: 0,
            instance_type: SRV_INSTANCE_PRIMARY,
            alignment3: 0,
        });
        context
    }

    fn address(&self) -> Address {
        self.ptr.address()
    }

    fn position(&self, context: Ptr) -> Option<usize> {
        self.parameters.iter().position(|parameter| parameter.context == context)
    }

    fn give(&self, cpu: &Cpu, index: usize, guid: Ptr<Guid>, context: Ptr<Ptr>, bytes: Ptr<u32>) -> NtStatus {
        let Some(parameter) = self.parameters.get(index) else { return NtStatus::NOT_FOUND };
        guid.write_if_given(parameter.guid);
        bytes.write_if_given(u32::try_from(parameter.bytes).unwrap_or(u32::MAX));
        if !context.is_null() {
            context.write(parameter.context);
            let mut given = parameter.given.lock();
            if given.is_none() {
                *given = cpu.frame();
            }
        }
        NtStatus::SUCCESS
    }
}

/// `SOCKADDR_IN` or `SOCKADDR_IN6` in a `SOCKADDR_STORAGE`.
fn socket_address(address: SocketAddr) -> Block {
    let block = Block::new(SOCKET_ADDRESS_BYTES, Content::Zeroed);
    let bytes = block.ptr::<u8>();
    let (family, octets, offset) = match address {
        SocketAddr::V4(v4) => (AF_INET, v4.ip().octets().to_vec(), ADDRESS_OFFSET_V4),
        SocketAddr::V6(v6) => (AF_INET6, v6.ip().octets().to_vec(), ADDRESS_OFFSET_V6),
    };
    bytes.write_slice(&family.to_le_bytes());
    bytes.offset(2).write_slice(&address.port().to_be_bytes());
    bytes.offset(offset).write_slice(&octets);
    block
}

fn complain(cpu: &Cpu, object: Ptr, what: &str) -> NtStatus {
    cpu.violation(Rule::ObjectReference, format!("{object:?} is no {what} (any more)"));
    NtStatus::INVALID_PARAMETER
}

fn check_filter(cpu: &Cpu, filter: Ptr) -> bool {
    cpu.kernel().filters.filter(cpu, filter).is_some()
}

/// `FltGetEcpListFromCallbackData`: success without a list is the usual answer.
pub(crate) fn list_from_callback_data(cpu: &Cpu, filter: Ptr, data: Ptr, list: Ptr<Ptr>) -> NtStatus {
    if !check_filter(cpu, filter) {
        return NtStatus::INVALID_PARAMETER;
    }
    let Some(operation) = cpu.kernel().filters.operation(cpu, data) else {
        return NtStatus::INVALID_PARAMETER;
    };
    if operation.major != Major::Create {
        return NtStatus::INVALID_PARAMETER;
    }
    list.write(operation.ecps.as_ref().map_or(Ptr::NULL, |list| list.ptr));
    NtStatus::SUCCESS
}

/// `FltFindExtraCreateParameter`.
pub(crate) fn find_for_filter(
    cpu: &Cpu,
    filter: Ptr,
    list: Ptr,
    guid: Ptr<Guid>,
    context: Ptr<Ptr>,
    bytes: Ptr<u32>,
) -> NtStatus {
    if !check_filter(cpu, filter) {
        return NtStatus::INVALID_PARAMETER;
    }
    find(cpu, list, guid, context, bytes)
}

/// `FsRtlFindExtraCreateParameter`.
pub(crate) fn find(cpu: &Cpu, list: Ptr, guid: Ptr<Guid>, context: Ptr<Ptr>, bytes: Ptr<u32>) -> NtStatus {
    let Some(found) = cpu.kernel().ecps.list(list) else {
        return complain(cpu, list, "list of extra create parameters");
    };
    let guid = guid.read();
    let position = found.parameters.iter().position(|parameter| parameter.guid == guid);
    match position {
        Some(position) => found.give(cpu, position, Ptr::NULL, context, bytes),
        None => NtStatus::NOT_FOUND,
    }
}

/// `FltGetNextExtraCreateParameter`.
pub(crate) fn next_for_filter(
    cpu: &Cpu,
    filter: Ptr,
    list: Ptr,
    current: Ptr,
    guid: Ptr<Guid>,
    context: Ptr<Ptr>,
    bytes: Ptr<u32>,
) -> NtStatus {
    if !check_filter(cpu, filter) {
        return NtStatus::INVALID_PARAMETER;
    }
    next(cpu, list, current, guid, context, bytes)
}

/// `FsRtlGetNextExtraCreateParameter`.
pub(crate) fn next(
    cpu: &Cpu,
    list: Ptr,
    current: Ptr,
    guid: Ptr<Guid>,
    context: Ptr<Ptr>,
    bytes: Ptr<u32>,
) -> NtStatus {
    let Some(found) = cpu.kernel().ecps.list(list) else {
        return complain(cpu, list, "list of extra create parameters");
    };
    if current.is_null() {
        return found.give(cpu, 0, guid, context, bytes);
    }
    match found.position(current) {
        Some(position) => found.give(cpu, position + 1, guid, context, bytes),
        None => complain(cpu, current, "extra create parameter of that list"),
    }
}

/// Looks at the parameter of a context.
fn with_parameter(cpu: &Cpu, context: Ptr, look: impl FnOnce(&Parameter) -> bool) -> u8 {
    let Some((list, position)) = cpu.kernel().ecps.find_context(context) else {
        complain(cpu, context, "extra create parameter");
        return 0;
    };
    u8::from(look(&list.parameters[position]))
}

/// `FltIsEcpFromUserMode`.
pub(crate) fn is_from_user_mode_for_filter(cpu: &Cpu, filter: Ptr, context: Ptr) -> u8 {
    check_filter(cpu, filter);
    is_from_user_mode(cpu, context)
}

/// `FsRtlIsEcpFromUserMode`.
pub(crate) fn is_from_user_mode(cpu: &Cpu, context: Ptr) -> u8 {
    with_parameter(cpu, context, |parameter| {
        parameter.memory.asked();
        parameter.from_user_mode
    })
}

/// `FltIsEcpAcknowledged`.
pub(crate) fn is_acknowledged_for_filter(cpu: &Cpu, filter: Ptr, context: Ptr) -> u8 {
    check_filter(cpu, filter);
    is_acknowledged(cpu, context)
}

/// `FsRtlIsEcpAcknowledged`.
pub(crate) fn is_acknowledged(cpu: &Cpu, context: Ptr) -> u8 {
    with_parameter(cpu, context, |parameter| parameter.acknowledged.load(Ordering::Relaxed))
}

/// `FltAcknowledgeEcp`.
pub(crate) fn acknowledge_for_filter(cpu: &Cpu, filter: Ptr, context: Ptr) {
    check_filter(cpu, filter);
    acknowledge(cpu, context);
}

/// `FsRtlAcknowledgeEcp`.
pub(crate) fn acknowledge(cpu: &Cpu, context: Ptr) {
    with_parameter(cpu, context, |parameter| {
        parameter.acknowledged.store(true, Ordering::Relaxed);
        true
    });
}
