//! Renames and links that replace, and the streams of a file that has several names (ntifs, `FILE_RENAME_INFORMATION`).

use super::machine_without_driver;
use crate::{
    Access, CreateOptions, CreateSpec, Disposition, Handle, NtStatus, Replace, Setting, Sim, Thread, Windows,
    WriteSpec,
};

fn open(sim: &Sim, thread: Thread, path: &str) -> Handle {
    let access = Access::GENERIC_READ | Access::GENERIC_WRITE | Access::DELETE;
    sim.create(thread, &CreateSpec::new(path).access(access)).expect("the file opens")
}

fn size(sim: &Sim, thread: Thread, path: &str) -> Result<u64, NtStatus> {
    let spec = CreateSpec::new(path).disposition(Disposition::Open);
    let handle = sim.create(thread, &spec)?;
    let size = sim.query_size(thread, handle);
    sim.close(thread, handle).expect("it is open");
    size
}

fn of_size(sim: &Sim, thread: Thread, path: &str, bytes: u64) -> Handle {
    let handle = open(sim, thread, path);
    sim.set_information(thread, handle, Setting::EndOfFile(bytes)).expect("it can be set");
    handle
}

#[test]
fn what_is_closed_is_replaced_and_what_is_open_only_with_posix_semantics() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let file = of_size(&sim, thread, r"C:\a", 1);
    let there = of_size(&sim, thread, r"C:\b", 2);
    let rename = |replace| sim.rename_replacing(thread, file, r"C:\b", replace);
    assert_eq!(rename(Replace::Never), Err(NtStatus::OBJECT_NAME_COLLISION));
    assert_eq!(rename(Replace::IfClosed), Err(NtStatus::ACCESS_DENIED));
    rename(Replace::Posix).expect("it may be open");
    assert_eq!(sim.query_size(thread, there), Ok(2), "it lives on");
    assert_eq!(size(&sim, thread, r"C:\b"), Ok(1));
    assert_eq!(size(&sim, thread, r"C:\a"), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    let closed = of_size(&sim, thread, r"C:\c", 3);
    sim.write(thread, closed, &WriteSpec::at(0, 1)).expect("it can be written");
    sim.close(thread, closed).expect("it is open");
    sim.rename_replacing(thread, file, r"C:\c", Replace::IfClosed).expect("it is closed");
    assert_eq!(size(&sim, thread, r"C:\c"), Ok(1));
    let directory = CreateSpec::new(r"C:\dir").options(CreateOptions::DIRECTORY_FILE);
    sim.create(thread, &directory).expect("it can be made");
    let refused = sim.rename_replacing(thread, file, r"C:\dir", Replace::Posix);
    assert_eq!(refused, Err(NtStatus::ACCESS_DENIED));
}

#[test]
fn a_link_replaces_too() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let file = of_size(&sim, thread, r"C:\a", 1);
    sim.add_file(r"C:\b", 2).expect("the volume is there");
    assert_eq!(sim.link(thread, file, r"C:\b"), Err(NtStatus::OBJECT_NAME_COLLISION));
    sim.link_replacing(thread, file, r"C:\b", Replace::IfClosed).expect("it is closed");
    assert_eq!(size(&sim, thread, r"C:\b"), Ok(1));
    sim.link_replacing(thread, file, r"C:\B", Replace::IfClosed).expect("it is the same file");
    sim.rename_replacing(thread, file, r"C:\b", Replace::IfClosed).expect("it is the same file");
    assert_eq!(size(&sim, thread, r"C:\a"), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    sim.set_information(thread, file, Setting::Disposition { delete: true }).expect("it can be set");
    sim.close(thread, file).expect("it is open");
    assert_eq!(size(&sim, thread, r"C:\b"), Err(NtStatus::OBJECT_NAME_NOT_FOUND), "it was the last name");
}

#[test]
fn a_stream_is_the_file_s_by_whichever_name_it_is_opened() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let file = of_size(&sim, thread, r"C:\Data\a", 1);
    let stream = of_size(&sim, thread, r"C:\Data\a:s", 5);
    sim.link(thread, file, r"C:\Link").expect("the name is free");
    assert_eq!(size(&sim, thread, r"C:\link:s"), Ok(5));
    let other = of_size(&sim, thread, r"C:\link:t", 6);
    assert_eq!(size(&sim, thread, r"C:\data\A:T"), Ok(6));
    for handle in [stream, other] {
        sim.close(thread, handle).expect("it is open");
    }
    // The name by which it was known goes, and the streams stay with the other.
    sim.set_information(thread, file, Setting::Disposition { delete: true }).expect("it can be set");
    sim.close(thread, file).expect("it is open");
    assert_eq!(size(&sim, thread, r"C:\data\a:s"), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    assert_eq!([size(&sim, thread, r"C:\link:s"), size(&sim, thread, r"C:\link:t")], [Ok(5), Ok(6)]);
    let last = open(&sim, thread, r"C:\link");
    sim.set_information(thread, last, Setting::Disposition { delete: true }).expect("it can be set");
    sim.close(thread, last).expect("it is open");
    for gone in [r"C:\link", r"C:\link:s"] {
        assert_eq!(size(&sim, thread, gone), Err(NtStatus::OBJECT_NAME_NOT_FOUND), "{gone}");
    }
}
