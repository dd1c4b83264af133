//! Remote clients: for whom the SMB server writes.

use std::net::{IpAddr, SocketAddr};

use audit::attribution::{Basis, Confidence};
use audit::key::ClientKey;
use audit::record::Code;
use ntsim::{CreateSpec, EcpSpec, Handle, MdlWriteSpec, Mode, Windows, WriteSpec};

use crate::rig::{Inbox, Machine, image};

const SHARE: &str = r"\\server\data";

fn address(text: &str) -> SocketAddr {
    SocketAddr::new(text.parse().expect("an address"), 50_000)
}

fn open_for(machine: &Machine, path: &str, client: Option<&str>) -> Handle {
    let spec = CreateSpec::new(path).mode(Mode::Kernel);
    let spec = match client {
        Some(client) => spec.ecp(EcpSpec::srv_open(SHARE, address(client))),
        None => spec,
    };
    machine.sim.create(machine.sim.system_thread(), &spec).expect("the path is good")
}

fn write(machine: &Machine, handle: Handle) {
    machine.sim.write(machine.sim.system_thread(), handle, &WriteSpec::at(0, 1)).expect("the write is good");
    machine.sim.settle();
}

#[test]
fn the_servers_writes_name_the_client_and_the_kernels_own_are_left_out() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let clients = ["192.0.2.7", "2001:db8::9", "192.0.2.7", "::ffff:192.0.2.7"];
    let handles = clients.map(|client| open_for(&machine, r"C:\shared.txt", Some(client)));
    let own = open_for(&machine, r"C:\shared.txt", None);
    for handle in handles.into_iter().chain([own]) {
        write(&machine, handle);
    }
    let mdl = MdlWriteSpec { offset: 0, length: 4096, fast_io: true };
    machine.sim.mdl_write(machine.sim.system_thread(), handles[1], &mdl).expect("the write is good");
    machine.sim.settle();
    let writes = inbox.writes();
    let told: Vec<(Option<IpAddr>, String)> = inbox.with(|contents| {
        writes.iter().map(|received| contents.clients[&received.write.client].clone()).collect()
    });
    let expected = ["192.0.2.7", "2001:db8::9", "192.0.2.7", "192.0.2.7", "2001:db8::9"]
        .map(|client| (Some(address(client).ip()), SHARE.to_owned()));
    assert_eq!(told, expected, "one of version 4 is one of version 4, and the server's own log is nobody's");
    assert_eq!(inbox.with(|contents| contents.clients.len()), 2, "each is told once");
    for received in &writes {
        let write = received.write;
        let basis = (write.basis, write.confidence, write.originator);
        assert_eq!(basis, (Code::Known(Basis::RemoteClient), Code::Known(Confidence::Certain), None));
        assert_eq!(write.executor.expect("the server's thread").pid, 4);
    }
    machine.unload(&driver);
}

#[test]
fn what_another_file_object_gets_the_address_of_is_not_the_clients() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    for _ in 0..100 {
        let handle = open_for(&machine, r"C:\shared.txt", Some("192.0.2.7"));
        machine.sim.close(machine.sim.system_thread(), handle).expect("it is open");
        let own = open_for(&machine, r"C:\own.log", None);
        write(&machine, own);
        machine.sim.close(machine.sim.system_thread(), own).expect("it is open");
    }
    assert!(inbox.writes().is_empty());
    machine.unload(&driver);
}

#[test]
fn what_comes_from_user_mode_is_not_believed() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let forged = EcpSpec::srv_open(SHARE, address("192.0.2.7")).forged();
    // A user's program, and a thread of System that opens a file for one.
    let by_user = CreateSpec::new(r"C:\a.txt").ecp(forged.clone());
    let handle = machine.sim.create(machine.thread, &by_user).expect("the path is good");
    machine.write(handle, &WriteSpec::at(0, 1));
    let by_kernel = CreateSpec::new(r"C:\a.txt").mode(Mode::Kernel).ecp(forged);
    let system = machine.sim.system_thread();
    let handle = machine.sim.create(system, &by_kernel).expect("the path is good");
    write(&machine, handle);
    let writes = inbox.writes();
    let [received] = &writes[..] else { panic!("{writes:#?}") };
    assert_eq!(received.write.originator.expect("a user").pid, 3756);
    assert_eq!(received.write.client, ClientKey::UNKNOWN);
    assert!(inbox.with(|contents| contents.clients.is_empty()));
    machine.unload(&driver);
}
