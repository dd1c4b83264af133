//! What the name cache answers, and where the file system is not asked.

use std::cell::{Cell, RefCell};

use super::driver::{self, FINISHED_PROCESSING, Filter, SUCCESS_WITH_CALLBACK, nt, status};
use super::{Machine, Windows};
use crate::abi::{CallbackData, FileNameInformation, Ptr, RelatedObjects, Shared};
use crate::rtl::read_unicode_string;
use crate::sim::{
    Access, Config, CreateSpec, Disposition, Handle, Major, Protection, SectionSpec, WriteSpec,
};
use crate::status::NtStatus;
use crate::verifier::Rule;

const NORMALIZED: usize = 0x001;
const OPENED: usize = 0x002;
const SHORT: usize = 0x003;
const DEFAULT: usize = 0x100;
const CACHE_ONLY: usize = 0x200;
const FILE_SYSTEM_ONLY: usize = 0x300;
const ALWAYS_ALLOW: usize = 0x400;
const DO_NOT_CACHE: usize = 0x0200_0000;

/// What the driver heard: before or after which operation, and the name or why there is none.
type Heard = (Major, bool, Result<String, NtStatus>);

thread_local! {
    /// With which options the driver asks, if it does.
    static ASKS: Cell<usize> = const { Cell::new(0) };
    static HEARD: RefCell<Vec<Heard>> = const { RefCell::new(Vec::new()) };
}

fn ask(data: Ptr<CallbackData>, is_post: bool) {
    let options = ASKS.get();
    if options == 0 {
        return;
    }
    let name = Shared::new(Ptr::<FileNameInformation>::NULL);
    let arguments = [data.address(), options, name.ptr().address()];
    let heard = status("FltGetFileNameInformation", &arguments).ok().map(|()| {
        let text = name.get().byte_offset(std::mem::offset_of!(FileNameInformation, name));
        let text = read_unicode_string(text);
        nt("FltReleaseFileNameInformation", &[name.get().address()]);
        text.replace(super::DEVICE, "")
    });
    let major = driver::iopb(data).major_function;
    let major = super::ALL_MAJORS.into_iter().find(|known| *known as u8 == major).expect("it was registered");
    HEARD.with_borrow_mut(|all| all.push((major, is_post, heard)));
}

extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    ask(data, false);
    SUCCESS_WITH_CALLBACK
}

extern "win64" fn post(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
    ask(data, true);
    FINISHED_PROCESSING
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    let majors = [
        Major::Create,
        Major::Write,
        Major::Cleanup,
        Major::Close,
        Major::AcquireForSectionSynchronization,
        Major::SetInformation,
    ];
    let filter =
        majors.into_iter().fold(Filter::default(), |filter, major| filter.on(major, pre, Some(post)));
    filter.start(driver)
}

/// What the driver hears when it asks with these options during something.
fn heard(options: usize, during: impl FnOnce()) -> Vec<Heard> {
    ASKS.set(options);
    during();
    ASKS.set(0);
    HEARD.take()
}

fn open(machine: &Machine, path: &str) -> Handle {
    let spec = CreateSpec::new(path).access(Access::GENERIC_READ | Access::GENERIC_WRITE | Access::DELETE);
    machine.sim.create(machine.thread, &spec.disposition(Disposition::OpenIf)).expect("the file opens")
}

/// What the driver hears before a write.
fn before_write(machine: &Machine, handle: Handle, options: usize) -> Result<String, NtStatus> {
    let write = || {
        machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 1)).expect("it can be written");
    };
    heard(options, write).remove(0).2
}

/// What it hears before a paging write.
fn before_paging_write(machine: &Machine, handle: Handle, options: usize) -> Result<String, NtStatus> {
    let spec = WriteSpec { paging: true, ..WriteSpec::at(0, 4096) };
    let write = || {
        machine.sim.write(machine.thread, handle, &spec).expect("it can be written");
    };
    heard(options, write).remove(0).2
}

const MISS: Result<String, NtStatus> = Err(NtStatus::FLT_NAME_CACHE_MISS);
const REFUSED: Result<String, NtStatus> = Err(NtStatus::FLT_INVALID_NAME_REQUEST);

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what was heard")]
fn named(name: &str) -> Result<String, NtStatus> {
    Ok(name.to_owned())
}

#[test]
fn a_query_fills_the_cache_for_all_who_have_the_stream_open() {
    let machine = Machine::new(entry);
    let (first, second) = (open(&machine, r"C:\dir\a"), open(&machine, r"C:\DIR\A"));
    let stream = open(&machine, r"C:\dir\a:s");
    assert_eq!(before_write(&machine, first, NORMALIZED | CACHE_ONLY), MISS);
    assert_eq!(before_write(&machine, first, NORMALIZED | DEFAULT), named(r"\dir\a"));
    for handle in [first, second] {
        assert_eq!(before_write(&machine, handle, NORMALIZED | CACHE_ONLY), named(r"\dir\a"));
    }
    assert_eq!(before_write(&machine, stream, NORMALIZED | CACHE_ONLY), MISS, "another stream");
    assert_eq!(before_write(&machine, first, OPENED | CACHE_ONLY), MISS, "another format");
    assert_eq!(before_write(&machine, second, OPENED | DEFAULT), named(r"\DIR\A"));
    assert_eq!(before_write(&machine, first, OPENED | CACHE_ONLY), MISS, "it was opened by another name");
    machine.expect_no_violation();
    machine.unload_cleanly();
}

#[test]
fn what_is_not_to_be_cached_is_not() {
    let machine = Machine::new(entry);
    let handle = open(&machine, r"C:\a");
    for options in [FILE_SYSTEM_ONLY, DEFAULT | DO_NOT_CACHE] {
        assert_eq!(before_write(&machine, handle, NORMALIZED | options), named(r"\a"));
        assert_eq!(before_write(&machine, handle, NORMALIZED | CACHE_ONLY), MISS);
    }
    assert_eq!(before_write(&machine, handle, NORMALIZED | ALWAYS_ALLOW), named(r"\a"));
    assert_eq!(before_write(&machine, handle, NORMALIZED | CACHE_ONLY), named(r"\a"));
}

#[test]
fn where_it_is_unsafe_only_two_methods_look_into_the_cache() {
    let machine = Machine::new(entry);
    let handle = open(&machine, r"C:\a");
    for method in [CACHE_ONLY, ALWAYS_ALLOW] {
        assert_eq!(before_paging_write(&machine, handle, NORMALIZED | method), MISS);
    }
    before_write(&machine, handle, NORMALIZED | DEFAULT).expect("it is safe");
    for method in [CACHE_ONLY, ALWAYS_ALLOW] {
        assert_eq!(before_paging_write(&machine, handle, NORMALIZED | method), named(r"\a"));
    }
    machine.expect_no_violation();
    assert_eq!(before_paging_write(&machine, handle, NORMALIZED | DEFAULT), REFUSED, "although it is cached");
    assert_eq!(machine.broken(), [Rule::NameQuery; 2], "before and after it");
}

#[test]
fn renames_and_links_empty_the_cache() {
    let machine = Machine::new(entry);
    let Machine { sim, thread, .. } = &machine;
    let directory = CreateSpec::new(r"C:\dir")
        .access(Access::DELETE)
        .options(crate::CreateOptions::DIRECTORY_FILE)
        .disposition(Disposition::Create);
    let directory = sim.create(*thread, &directory).expect("it can be made");
    let handle = open(&machine, r"C:\dir\a");
    let other = open(&machine, r"C:\other");
    let fill = |expected: &str| {
        assert_eq!(before_write(&machine, handle, NORMALIZED | DEFAULT), named(expected));
        assert_eq!(before_write(&machine, handle, NORMALIZED | CACHE_ONLY), named(expected));
        before_write(&machine, other, NORMALIZED | DEFAULT).expect("it has a name");
    };
    let is_gone = || assert_eq!(before_write(&machine, handle, NORMALIZED | CACHE_ONLY), MISS);
    fill(r"\dir\a");
    sim.rename(*thread, handle, r"C:\dir\b").expect("the name is free");
    is_gone();
    assert_eq!(
        before_write(&machine, other, NORMALIZED | CACHE_ONLY),
        named(r"\other"),
        "it was not renamed"
    );
    fill(r"\dir\b");
    sim.rename(*thread, directory, r"C:\folder").expect("the name is free");
    is_gone();
    fill(r"\folder\b");
    sim.link(*thread, handle, r"C:\link").expect("the name is free");
    is_gone();
    before_write(&machine, handle, OPENED | DEFAULT).expect("it was opened");
    sim.rename(*thread, handle, r"C:\folder\c").expect("the name is free");
    assert_eq!(before_write(&machine, handle, OPENED | CACHE_ONLY), named(r"\dir\a"), "as it was opened");
}

#[test]
fn after_the_cleanup_only_the_cache_answers() {
    let machine = Machine::new(entry);
    let close = |path, options| {
        let handle = open(&machine, path);
        before_write(&machine, handle, NORMALIZED | DEFAULT).expect("it has a name");
        machine.sim.flush(machine.thread, handle).expect("it can be flushed");
        heard(NORMALIZED | options, || machine.sim.close(machine.thread, handle).expect("it is open"))
    };
    let [cleanup, close_] = [Major::Cleanup, Major::Close];
    let cached = || named(r"\a");
    assert_eq!(
        close(r"C:\a", ALWAYS_ALLOW),
        [
            (cleanup, false, cached()),
            (cleanup, true, cached()),
            (close_, false, cached()),
            (close_, true, cached())
        ]
    );
    machine.expect_no_violation();
    let heard = close(r"C:\b", DEFAULT);
    assert_eq!(heard[0], (cleanup, false, named(r"\b")));
    assert!(heard[1..].iter().all(|(.., heard)| *heard == REFUSED), "{heard:?}");
    assert_eq!(machine.broken(), [Rule::NameQuery; 3]);
}

#[test]
fn a_section_s_creation_is_refused_on_the_way_up() {
    let machine = Machine::new(entry);
    let handle = open(&machine, r"C:\a");
    before_write(&machine, handle, SHORT | DEFAULT).expect("it has a short name");
    let create = || {
        machine
            .sim
            .create_section(machine.thread, handle, &SectionSpec::new(Protection::ReadOnly))
            .expect("it is not empty");
    };
    let heard = heard(OPENED | FILE_SYSTEM_ONLY, create);
    let major = Major::AcquireForSectionSynchronization;
    assert_eq!(heard, [(major, false, named(r"\a")), (major, true, REFUSED)]);
}

#[test]
fn before_a_create_the_short_name_is_refused_and_the_normalized_one_is_as_it_will_be() {
    let machine = Machine::new(entry);
    machine.sim.add_file(r"C:\Dir\There", 1).expect("the volume is there");
    let names = |options, path| {
        let heard = heard(options, || {
            open(&machine, path);
        });
        heard.into_iter().map(|(.., heard)| heard).collect::<Vec<_>>()
    };
    let normalized = NORMALIZED | DEFAULT;
    assert_eq!(names(normalized, r"C:\DIR\THERE"), [named(r"\Dir\There"), named(r"\Dir\There")]);
    assert_eq!(names(OPENED | DEFAULT, r"C:\DIR\THERE"), [named(r"\DIR\THERE"), named(r"\DIR\THERE")]);
    assert_eq!(names(normalized, r"C:\NEW"), [named(r"\NEW"), named(r"\NEW")]);
    machine.expect_no_violation();
    assert_eq!(names(SHORT | DEFAULT, r"C:\DIR\There"), [REFUSED, named("THERE")]);
    machine.expect_violation(Rule::NameQuery, "test pre-create");
    let long = names(SHORT | CACHE_ONLY, r"C:\Long name");
    assert_eq!(long, [MISS, MISS]);
    let none = Err(NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(names(SHORT | DEFAULT, r"C:\Long name")[1], none);
}

#[test]
fn a_changed_name_information_is_reported() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let name = Shared::new(Ptr::<FileNameInformation>::NULL);
        let arguments = [data.address(), NORMALIZED | DEFAULT, name.ptr().address()];
        assert_eq!(status("FltGetFileNameInformation", &arguments), NtStatus::SUCCESS);
        // Parsing fills the structure, which is no change.
        nt("FltParseFileNameInformation", &[name.get().address()]);
        if driver::iopb(data).major_function == Major::Write as u8 {
            name.get().read().name.buffer.write(u16::from(b'/'));
        }
        nt("FltReleaseFileNameInformation", &[name.get().address()]);
        driver::SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, pre, None).on(Major::Write, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = open(&machine, r"C:\a");
    machine.expect_no_violation();
    machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 1)).expect("it can be written");
    machine.expect_violation(Rule::NameReference, "test pre-write");
}

#[test]
fn a_name_that_is_used_after_its_release_is_reported_where_memory_is_watched() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let name = Shared::new(Ptr::<FileNameInformation>::NULL);
        let arguments = [data.address(), NORMALIZED | DEFAULT, name.ptr().address()];
        assert_eq!(status("FltGetFileNameInformation", &arguments), NtStatus::SUCCESS);
        let size = name.get().read().size;
        nt("FltReferenceFileNameInformation", &[name.get().address()]);
        nt("FltReleaseFileNameInformation", &[name.get().address()]);
        assert_eq!(name.get().read().size, size, "it was referenced once more");
        nt("FltReleaseFileNameInformation", &[name.get().address()]);
        // SAFETY: it is what a driver does that has a bug; the fault is caught.
        let _ = unsafe { std::ptr::with_exposed_provenance::<u16>(name.get().address()).read_volatile() };
        driver::SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, pre, None).start(driver)
    }
    let machine = Machine::with(Config::new(Windows::Win11_24H2).watch(true), entry);
    open(&machine, r"C:\a");
    machine.expect_violation(Rule::Pool, "test pre-create");
    let detail = machine.sim.violations().remove(0).detail;
    assert!(detail.contains("file name information") && detail.contains("freed"), "{detail}");
}

#[test]
fn a_tunnelled_name_is_asked_for_after_creates_and_renames_only() {
    extern "win64" fn post(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        let format = ASKS.get();
        let (name, tunneled) = (Shared::new(Ptr::<FileNameInformation>::NULL), Shared::new(1usize));
        let arguments = [data.address(), format | DEFAULT, name.ptr().address()];
        assert_eq!(status("FltGetFileNameInformation", &arguments), NtStatus::SUCCESS);
        let arguments = [data.address(), name.get().address(), tunneled.ptr().address()];
        let ended = status("FltGetTunneledName", &arguments);
        HEARD.with_borrow_mut(|all| all.push((Major::Create, true, ended.ok().map(|()| String::new()))));
        assert_eq!(tunneled.get(), 0);
        nt("FltReleaseFileNameInformation", &[name.get().address()]);
        FINISHED_PROCESSING
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let filter = Filter::default().on(Major::Create, pass, Some(post)).on(Major::Write, pass, Some(post));
        filter.on(Major::SetInformation, pass, Some(post)).start(driver)
    }
    extern "win64" fn pass(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        SUCCESS_WITH_CALLBACK
    }
    let machine = Machine::new(entry);
    ASKS.set(NORMALIZED);
    let handle = open(&machine, r"C:\a");
    machine.sim.rename(machine.thread, handle, r"C:\b").expect("the name is free");
    machine.expect_no_violation();
    machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 1)).expect("it can be written");
    machine.expect_violation(Rule::InvalidParameter, "test post-write");
    ASKS.set(OPENED);
    machine.sim.rename(machine.thread, handle, r"C:\c").expect("the name is free");
    assert_eq!(machine.broken().len(), 2);
    assert_eq!(HEARD.take().len(), 4);
}
