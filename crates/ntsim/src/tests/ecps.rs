//! Extra create parameters: found by GUID, valid during the create, and not to be believed unasked.

use std::net::SocketAddr;

use super::Machine;
use super::driver::{self, FILTER, Filter, SEEN, SUCCESS_NO_CALLBACK, nt, status};
use crate::abi::{CallbackData, Guid, Ptr, RelatedObjects, Shared, SrvOpenEcp};
use crate::sim::{CreateSpec, Ecp, EcpSpec, Major, Mode};
use crate::status::NtStatus;
use crate::verifier::Rule;

const SRV_OPEN: Guid = Guid {
    data1: 0xBEBF_AEBC,
    data2: 0xAABF,
    data3: 0x489D,
    data4: [0x9D, 0x2C, 0xE9, 0xE3, 0x61, 0x10, 0x28, 0x53],
};

fn list_of(data: Ptr<CallbackData>) -> Ptr {
    let list = Shared::new(Ptr::NULL);
    let arguments = [FILTER.get().address(), data.address(), list.ptr().address()];
    assert_eq!(status("FltGetEcpListFromCallbackData", &arguments), NtStatus::SUCCESS);
    list.get()
}

/// The context of a list's parameter of the SMB server, if there is one.
fn srv_open(list: Ptr) -> Option<Ptr<SrvOpenEcp>> {
    let (guid, context, bytes) = (Shared::new(SRV_OPEN), Shared::new(Ptr::<()>::NULL), Shared::new(0u32));
    let out = [context.ptr().address(), bytes.ptr().address()];
    let arguments = [FILTER.get().address(), list.address(), guid.ptr().address(), out[0], out[1]];
    match status("FltFindExtraCreateParameter", &arguments) {
        NtStatus::SUCCESS => {
            assert_eq!(bytes.get(), 32);
            Some(context.get().cast())
        }
        other => {
            assert_eq!(other, NtStatus::NOT_FOUND);
            None
        }
    }
}

fn is_from_user_mode(context: Ptr<SrvOpenEcp>) -> bool {
    nt("FltIsEcpFromUserMode", &[FILTER.get().address(), context.address()]) & 0xFF != 0
}

/// A driver with this pre-create callback.
macro_rules! machine {
    ($pre:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            let pre: driver::Pre = $pre;
            Filter::default().on(Major::Create, pre, None).start(driver)
        }
        SEEN.set(0);
        Machine::new(entry)
    }};
}

extern "win64" fn careful(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    let list = list_of(data);
    let found = if list.is_null() { None } else { srv_open(list) };
    SEEN.set(match found {
        None => 1,
        Some(context) if is_from_user_mode(context) => 2,
        Some(context) => {
            let srv = context.read();
            let share = srv.share_name.read();
            let text = share.buffer.read_slice(usize::from(share.length) / 2);
            assert_eq!(String::from_utf16_lossy(&text), r"\\server\share");
            let address = srv.socket_address.cast::<u8>().read_slice(8);
            assert_eq!(address, [2, 0, 0x01, 0xBD, 192, 0, 2, 7], "AF_INET, port 445, address");
            3
        }
    });
    SUCCESS_NO_CALLBACK
}

fn client() -> EcpSpec {
    EcpSpec::srv_open(r"\\server\share", SocketAddr::from(([192, 0, 2, 7], 445)))
}

#[test]
fn the_smb_server_s_parameter_is_found_and_a_forged_one_told_apart() {
    let machine = machine!(careful);
    let open = |thread, spec: &CreateSpec| {
        machine.sim.create(thread, spec).expect("it opens");
        SEEN.get()
    };
    let plain = CreateSpec::new(r"C:\a");
    assert_eq!(open(machine.thread, &plain), 1);
    let of_server = plain.clone().mode(Mode::Kernel).ecp(client());
    assert_eq!(open(machine.sim.system_thread(), &of_server), 3);
    assert_eq!(open(machine.thread, &plain.clone().ecp(client().forged())), 2);
    let other = Ecp::Other { guid: (1, 2, 3, [4; 8]), bytes: vec![1, 2, 3] };
    let other = plain.ecp(EcpSpec { ecp: other, from_user_mode: true });
    assert_eq!(open(machine.thread, &other), 1);
    machine.expect_no_violation();
}

#[test]
fn a_parameter_that_is_used_unasked_is_reported() {
    extern "win64" fn careless(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let context = srv_open(list_of(data)).expect("it is there");
        SEEN.set(context.address());
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(careless);
    machine.sim.create(machine.thread, &CreateSpec::new(r"C:\a").ecp(client())).expect("it opens");
    assert_eq!(machine.broken(), [Rule::EcpTrust]);
}

#[test]
fn a_parameter_is_gone_with_its_create() {
    extern "win64" fn keep(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let list = list_of(data);
        if !list.is_null() {
            SEEN.set(srv_open(list).expect("it is there").address());
        }
        is_from_user_mode(Ptr::at(SEEN.get()));
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(keep);
    machine.sim.create(machine.thread, &CreateSpec::new(r"C:\a").ecp(client())).expect("it opens");
    machine.expect_no_violation();
    machine.open(r"C:\b");
    assert_eq!(machine.broken(), [Rule::ObjectReference]);
}

#[test]
fn parameters_are_enumerated_and_acknowledged() {
    extern "win64" fn enumerate(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let list = list_of(data);
        let (guid, context, bytes) = (Shared::new(SRV_OPEN), Shared::new(Ptr::<()>::NULL), Shared::new(0u32));
        let mut count = 0;
        loop {
            let filter = FILTER.get().address();
            let out = [guid.ptr().address(), context.ptr().address(), bytes.ptr().address()];
            let arguments = [filter, list.address(), context.get().address(), out[0], out[1], out[2]];
            if status("FltGetNextExtraCreateParameter", &arguments) != NtStatus::SUCCESS {
                break;
            }
            count += 1;
            let of_context = [filter, context.get().address()];
            assert_eq!(nt("FltIsEcpAcknowledged", &of_context) & 0xFF, 0);
            nt("FltAcknowledgeEcp", &of_context);
            assert_eq!(nt("FltIsEcpAcknowledged", &of_context) & 0xFF, 1);
            nt("FsRtlIsEcpFromUserMode", &[context.get().address()]);
        }
        SEEN.set(count);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(enumerate);
    let other = Ecp::Other { guid: (1, 2, 3, [4; 8]), bytes: vec![1, 2, 3] };
    let spec = CreateSpec::new(r"C:\a").ecp(client()).ecp(EcpSpec { ecp: other, from_user_mode: false });
    machine.sim.create(machine.thread, &spec).expect("it opens");
    assert_eq!(SEEN.get(), 2);
    machine.expect_no_violation();
}
