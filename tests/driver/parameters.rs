//! What an administrator sets: the registry when the driver starts, the control port while it runs.

use audit::parameters::{Defect, Message, Parameter, REG_DWORD, REG_MULTI_SZ, Raw, Source};
use ntsim::{
    Config, Connection, NtStatus, PortReply, Process, ProcessSpec, RegistryValue, Windows, WriteSpec,
};

use crate::rig::{Inbox, KnownParameter, Machine, PORT, image};

pub(crate) const CONTROL_PORT: &str = r"\WhoWroteControlPort";

fn machine() -> Machine {
    Machine::recording_all(Config::new(Windows::Win11_24H2))
}

fn dword(number: u32) -> RegistryValue {
    RegistryValue::Dword(number)
}

fn texts(texts: &[&str]) -> RegistryValue {
    RegistryValue::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
}

/// A list of texts as registry and port have it.
pub(crate) fn multi(texts: &[&str]) -> Vec<u8> {
    let units = texts.iter().flat_map(|text| text.encode_utf16().chain([0])).chain([0]);
    units.flat_map(u16::to_le_bytes).collect()
}

/// Connects to the control port with a message.
pub(crate) fn control_as(
    machine: &Machine,
    process: Process,
    message: &[u8],
) -> Result<Connection, NtStatus> {
    let connection = machine.sim.connect(CONTROL_PORT, process, message, Box::new(|_| PortReply::Silent));
    machine.sim.settle();
    connection
}

/// Changes parameters, and is done.
pub(crate) fn control(
    machine: &Machine,
    reload: bool,
    settings: &[(Parameter, u32, &[u8])],
) -> Result<(), NtStatus> {
    let mut message: Vec<u8> = Message::head(reload).collect();
    for (parameter, kind, data) in settings {
        message.extend(Message::setting(*parameter, Raw { kind: *kind, data }));
    }
    let connection = control_as(machine, machine.consumer, &message)?;
    connection.disconnect();
    machine.sim.settle();
    Ok(())
}

fn told(inbox: &Inbox) -> Vec<KnownParameter> {
    inbox.with(|contents| std::mem::take(&mut contents.parameters))
}

fn is(name: &str, source: Source, value: u32) -> KnownParameter {
    KnownParameter { name: name.to_owned(), source, value, refused: None }
}

/// The default is used and told, with the reason.
fn refused(name: &str, value: u32, defect: Defect, at: (u32, u64), text: &str) -> KnownParameter {
    let refused = Some((Source::Registry, defect, at.0, at.1, text.to_owned()));
    KnownParameter { refused, ..is(name, Source::Default, value) }
}

#[test]
fn nothing_is_told_of_defaults() {
    let Some(image) = image() else { return };
    let machine = machine();
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    machine.flush();
    assert_eq!(told(&inbox), []);
    machine.unload(&driver);
}

#[test]
fn what_the_registry_says_is_in_effect_and_told_to_each_connection() {
    let Some(image) = image() else { return };
    let machine = Machine::with(Config::new(Windows::Win10_2004).processors(1));
    machine.sim.set_parameter("whowrote", "RingSize", &dword(1024));
    machine.sim.set_parameter("whowrote", "Audit", &dword(1));
    machine.sim.set_parameter(
        "whowrote",
        "ExcludePaths",
        &texts(&[r"\nowhere", r"\Device\HarddiskVolume9\x"]),
    );
    let driver = machine.load(&image);
    let handle = machine.open(r"C:\full.log");
    for _ in 0..1030 {
        machine.write(handle, &WriteSpec::at(0, 1));
    }
    let expected = [
        is("RingSize", Source::Registry, 1024),
        is("Audit", Source::Registry, 1),
        is("ExcludePaths", Source::Registry, 2),
    ];
    for _ in 0..2 {
        let inbox = Inbox::default();
        let connection = machine.connect(&inbox).expect("nobody else is connected");
        assert_eq!(told(&inbox), expected);
        connection.disconnect();
    }
    let books = machine.unload(&driver);
    // a few at a time: `Ring::OVERWRITTEN_AT_ONCE`
    assert_eq!((books.produced, books.overwritten), (1030, 64));
}

#[test]
fn what_is_wrong_in_the_registry_is_told_with_the_reason_and_the_default_is_used() {
    let Some(image) = image() else { return };
    let long = r"\".to_owned() + &"a".repeat(1024);
    let huge: Vec<u8> = vec![b'a'; (2 << 20) + 2];
    let status = u64::from(0xC000_009A_u32);
    let cases: [(&str, RegistryValue, KnownParameter); 12] = [
        ("RingSize", dword(5000), refused("RingSize", 16384, Defect::NotAPowerOfTwo, (0, 5000), "")),
        ("RingSize", dword(512), refused("RingSize", 16384, Defect::OutOfRange, (0, 512), "")),
        ("RingSize", texts(&["1024"]), refused("RingSize", 16384, Defect::Type, (0, 7), "")),
        ("RingSize", RegistryValue::Qword(1024), refused("RingSize", 16384, Defect::Type, (0, 11), "")),
        (
            "RingSize",
            RegistryValue::Other(REG_DWORD, vec![0; 3]),
            refused("RingSize", 16384, Defect::Size, (0, 3), ""),
        ),
        ("Audit", dword(9), refused("Audit", 5, Defect::UnknownBits, (0, 8), "")),
        (
            "ExcludePaths",
            texts(&[r"\a", r"C:\b"]),
            refused("ExcludePaths", 0, Defect::Character, (1, 1), r"C:\b"),
        ),
        ("ExcludePaths", texts(&["a.log"]), refused("ExcludePaths", 0, Defect::NotAPath, (0, 0), "a.log")),
        (
            "ExcludePaths",
            texts(&[&long]),
            refused("ExcludePaths", 0, Defect::TooLong, (0, 1025), &long[..1024]),
        ),
        (
            "ExcludeImages",
            RegistryValue::Other(REG_MULTI_SZ, vec![b'a', 0, 0, 0, 0]),
            refused("ExcludeImages", 0, Defect::OddSize, (0, 5), ""),
        ),
        (
            "ExcludeImages",
            RegistryValue::Other(REG_MULTI_SZ, vec![b'a', 0]),
            refused("ExcludeImages", 0, Defect::Unterminated, (0, 2), ""),
        ),
        (
            "ExcludeImages",
            RegistryValue::Other(REG_MULTI_SZ, huge),
            refused("ExcludeImages", 0, Defect::Size, (0, (2 << 20) + 2), ""),
        ),
    ];
    for (name, value, expected) in cases {
        let machine = machine();
        machine.sim.set_parameter("whowrote", name, &value);
        let driver = machine.load(&image);
        let inbox = Inbox::default();
        machine.connect(&inbox).expect("nobody else is connected");
        assert_eq!(told(&inbox), [expected]);
        machine.flush();
        assert_eq!(inbox.writes().len(), 1, "{name}: everything is recorded");
        machine.unload(&driver);
        let printed = machine.printed.lock().expect("nobody panicked").clone();
        assert!(printed.contains(&format!("parameter {name} refused")), "{printed}");
    }
    // The registry itself would not answer.
    let machine = machine();
    machine.sim.fail_nth("IoOpenDriverRegistryKey", 1, NtStatus::INSUFFICIENT_RESOURCES);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let expected = [("RingSize", 16384), ("Audit", 5), ("ExcludeImages", 0), ("ExcludePaths", 0)];
    let unreadable = |(name, value)| refused(name, value, Defect::Unreadable, (0, status), "");
    assert_eq!(told(&inbox), expected.map(unreadable));
    machine.unload(&driver);
}

#[test]
fn parameters_change_while_the_driver_runs() {
    let Some(image) = image() else { return };
    let machine = machine();
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let rules = multi(&[r"\nowhere", r"\elsewhere"]);
    let settings: [(Parameter, u32, &[u8]); 2] =
        [(Parameter::ExcludePaths, REG_MULTI_SZ, &rules), (Parameter::Audit, REG_DWORD, &[3, 0, 0, 0])];
    assert_eq!(control(&machine, false, &settings), Ok(()));
    assert_eq!(told(&inbox), [is("Audit", Source::Port, 3), is("ExcludePaths", Source::Port, 2)]);
    // The registry again, which has nothing to say.
    assert_eq!(control(&machine, true, &[]), Ok(()));
    assert_eq!(told(&inbox), [is("Audit", Source::Default, 5), is("ExcludePaths", Source::Default, 0)]);
    // And which has now.
    machine.sim.set_parameter("whowrote", "ExcludePaths", &texts(&[r"\nowhere"]));
    machine.sim.set_parameter("whowrote", "RingSize", &dword(1024));
    assert_eq!(control(&machine, true, &[]), Ok(()));
    let paths = is("ExcludePaths", Source::Registry, 1);
    assert_eq!(told(&inbox), [is("Audit", Source::Default, 5), paths]);
    machine.unload(&driver);
}

#[test]
fn a_message_with_anything_wrong_changes_nothing_and_is_told() {
    let Some(image) = image() else { return };
    let machine = machine();
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let rules = multi(&[r"\a\*"]);
    let settings: [(Parameter, u32, &[u8]); 3] = [
        (Parameter::Audit, REG_DWORD, &[1, 0, 0, 0]),
        (Parameter::ExcludeImages, REG_MULTI_SZ, &rules),
        (Parameter::RingSize, REG_DWORD, &[0, 4, 0, 0]),
    ];
    assert_eq!(control(&machine, false, &settings), Err(NtStatus::INVALID_PARAMETER));
    let by_port = |name, value, defect, found, text: &str| KnownParameter {
        refused: Some((Source::Port, defect, 0, found, text.to_owned())),
        ..is(name, Source::Default, value)
    };
    let expected = [
        by_port("RingSize", 16384, Defect::NotWhileRunning, 0, ""),
        by_port("ExcludeImages", 0, Defect::Character, 3, r"\a\*"),
    ];
    assert_eq!(told(&inbox), expected);
    for message in [&b""[..], b"WHOWCTRL", b"WHOWCTRL\x02\0\0\0\0\0\0\0", b"WHOWCTRL\x01\0\0\0\0\0\0\0\x01"] {
        let refusal = control_as(&machine, machine.consumer, message).err();
        assert_eq!(refusal, Some(NtStatus::INVALID_PARAMETER), "{message:?}");
    }
    assert_eq!(told(&inbox), []);
    machine.unload(&driver);
}

#[test]
fn only_the_system_and_administrators_connect() {
    let Some(image) = image() else { return };
    let machine = machine();
    let driver = machine.load(&image);
    let message: Vec<u8> = Message::head(false).collect();
    let user = "S-1-5-21-1-2-3-1001".parse().expect("a user");
    let somebody = ProcessSpec::new(r"\Device\HarddiskVolume3\somebody.exe").user(user);
    let somebody = machine.sim.add_process(somebody).expect("a new pid");
    for (process, expected) in
        [(somebody, Some(NtStatus::ACCESS_DENIED)), (machine.consumer, None), (machine.sim.system(), None)]
    {
        for port in [PORT, CONTROL_PORT] {
            let connection = machine.sim.connect(port, process, &message, Box::new(|_| PortReply::Silent));
            assert_eq!(connection.as_ref().err(), expected.as_ref(), "{port}");
            if let Ok(connection) = connection {
                connection.disconnect();
            }
        }
    }
    machine.unload(&driver);
}

#[test]
fn a_controller_that_stays_connected_is_let_go_at_unload() {
    let Some(image) = image() else { return };
    let machine = machine();
    let driver = machine.load(&image);
    let message: Vec<u8> = Message::head(false).collect();
    let connection = control_as(&machine, machine.consumer, &message).expect("an administrator");
    let second = control_as(&machine, machine.consumer, &message).err();
    assert_eq!(second, Some(NtStatus::CONNECTION_COUNT_LIMIT));
    machine.unload(&driver);
    assert!(!connection.is_connected());
}

#[test]
fn writes_are_recorded_only_while_they_are_among_what_is_audited() {
    let Some(image) = image() else { return };
    let machine = machine();
    machine.sim.set_parameter("whowrote", "Audit", &dword(6));
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(r"C:\a");
    let mut expected = 0;
    for audit in [6_u32, 1, 0, 7] {
        let audited: [(Parameter, u32, &[u8]); 1] = [(Parameter::Audit, REG_DWORD, &audit.to_le_bytes())];
        assert_eq!(control(&machine, false, &audited), Ok(()));
        machine.write(handle, &WriteSpec::at(0, 1));
        expected += usize::from(audit & 1 == 1);
        assert_eq!(inbox.writes().len(), expected, "{audit}");
    }
    assert_eq!(machine.unload(&driver).left_out, 0);
}
