//! Everything of the audit crate that the driver calls, exported, so that nothing of it is optimised away and nothing
//! is known of the arguments.
#![no_std]

use core::num::NonZeroU64;
use core::ops::ControlFlow;
use core::ptr::NonNull;

use audit::attribution::{Attribution, Facts, ProcessKind, Thread, attribute};
use audit::batch::{Acknowledgement, BatchWriter, Header, NoRoom, mark_redelivered};
use audit::dictionary::Memory;
use audit::index::AddressIndex;
use audit::key::{FileKey, ProcessKey, VolumeKey};
use audit::ledger::{Ledger, LossReason, LossReporter};
use audit::omission::{Because, OmissionReporter, Omitted};
use audit::parameters::{Message, Rules, Source, Subject, Value, check};
use audit::record::{
    Code, CopySource, Event, FileEntry, Loss, NameKind, ParameterEntry, ProcessEntry, Refused, Sid, Text,
    VolumeEntry, Write, WriteFlags, WriteOffset,
};
use audit::ring::{Consumer, Drained, LossStage, Ring, Shard, Slot, Snapshot, WhenFull};
use audit::threads::{Known, ThreadIndex};

/// Its presence in the image says that a panic is reachable.
#[panic_handler]
fn panic_is_reachable(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(no_mangle)]
pub fn call_attribute(facts: &Facts) -> Attribution {
    attribute(facts)
}

#[unsafe(no_mangle)]
pub fn call_write_path(
    ring: &Ring<'_>,
    index: &AddressIndex<'_, 64>,
    facts: &Facts,
    shard: usize,
    offset: WriteOffset,
    source: Option<(u64, i64)>,
    numbers: &[u64; 4],
) -> bool {
    let attribution = attribute(facts);
    let [time, file, flags, length] = *numbers;
    let write = Write {
        file: FileKey(file),
        flags: WriteFlags::from_bits_retain(flags as u32),
        copy: source.map(|(address, offset)| CopySource {
            file: index.get(address).map_or(FileKey::UNKNOWN, FileKey),
            offset,
        }),
        executor: attribution.originator.actor(),
        ..Write::new(time, &attribution, offset, length as u32)
    };
    attribution.is_recorded() && ring.push(shard, &write.encode()).is_ok_and(|pushed| pushed.wake)
}

#[unsafe(no_mangle)]
pub fn call_threads(threads: &ThreadIndex<'_, 64>, address: NonZeroU64, thread: &Thread) -> Option<Thread> {
    let found = threads.find(address).map(Known::thread);
    threads.forget(address);
    let _full = Known::new(thread, false).map(|known| threads.learn(address, known));
    found
}

#[unsafe(no_mangle)]
pub fn call_push(ring: &Ring<'_>, shard: usize, event: &Event) -> bool {
    ring.push(shard, event).is_ok()
}

#[unsafe(no_mangle)]
pub fn call_ring_new(shards: &'static [Shard], slots: &'static [Slot]) -> Option<Ring<'static>> {
    Ring::new(shards, slots, WhenFull::OverwriteOldest).ok()
}

#[unsafe(no_mangle)]
pub fn call_ledger(ring: &Ring<'_>, reason: LossReason, count: u64, stage: LossStage) -> Ledger {
    ring.record_loss(reason, count, stage);
    ring.ledger()
}

#[unsafe(no_mangle)]
pub fn call_consumer<'r>(ring: &'r Ring<'static>) -> Option<Consumer<'r, 'static>> {
    ring.consumer()
}

#[unsafe(no_mangle)]
pub fn call_sleep(consumer: &mut Consumer<'_, '_>) -> bool {
    let sleeps = consumer.prepare_sleep();
    consumer.wake_up();
    sleeps
}

#[unsafe(no_mangle)]
pub fn call_snapshot<'c>(consumer: &'c mut Consumer<'_, 'static>) -> Snapshot<'c, 'static> {
    consumer.snapshot()
}

#[unsafe(no_mangle)]
pub fn call_drain(snapshot: &mut Snapshot<'_, '_>, batch: &mut BatchWriter<'_>, pids: &mut u64) -> Drained {
    snapshot.drain(|event| {
        *pids ^= event.write().and_then(|write| write.executor).map_or(0, |actor| u64::from(actor.pid));
        match batch.push_event(event) {
            Ok(()) => ControlFlow::Continue(()),
            Err(NoRoom) => ControlFlow::Break(()),
        }
    })
}

#[unsafe(no_mangle)]
pub fn call_batch(buffer: &mut [u8], events: &[Event], loss: &Loss, header: &Header) -> Option<usize> {
    let mut batch = BatchWriter::new(buffer).ok()?;
    for event in events {
        batch.push_event(event).ok()?;
    }
    batch.push_loss(loss).ok()?;
    (!batch.is_empty() && batch.events() > 0).then(|| batch.finish(header))
}

#[unsafe(no_mangle)]
pub fn call_entries(batch: &mut BatchWriter<'_>, texts: [&[u16]; 2], sid: &[u8], numbers: &[u64; 4]) -> bool {
    let [text, second] = texts.map(Text::new);
    let [key, other, time, small] = *numbers;
    let process = ProcessEntry {
        key: ProcessKey(key),
        pid: small as u32,
        kind: if small == 4 { ProcessKind::Kernel } else { ProcessKind::User },
        created: time,
        parent: ProcessKey(other),
        parent_pid: small as u32,
        session: (small != 0).then_some(small as u32),
        user: Sid::new(sid),
        image: text,
        truncated: false,
    };
    let volume = VolumeEntry {
        key: VolumeKey(key),
        attached: time,
        file_system: small as u32,
        device: text,
        guid: second,
        truncated: false,
    };
    let name_kind = if small == 4 { NameKind::Opened } else { NameKind::Normalized };
    let file = FileEntry {
        key: FileKey(key),
        volume: VolumeKey(other),
        met: time,
        name_kind,
        path: text,
        truncated: false,
    };
    batch.push_process(&process).is_ok()
        && batch.push_volume(&volume).is_ok()
        && batch.push_file(&file).is_ok()
}

#[unsafe(no_mangle)]
pub fn call_redeliver(message: &mut [u8], reply: &[u8], batch: u64) -> bool {
    mark_redelivered(message);
    Acknowledgement::decode(reply).is_ok_and(|reply| reply.accepts(batch))
}

#[unsafe(no_mangle)]
pub fn call_losses(reporter: &mut LossReporter, ledger: &Ledger, time: u64) -> u64 {
    let due = reporter.due(ledger, time);
    if let Some(loss) = &due {
        reporter.reported(loss);
    }
    due.map_or(0, |loss| loss.count).wrapping_add(ledger.lost_total())
}

#[unsafe(no_mangle)]
pub fn call_index(index: &AddressIndex<'_, 64>, address: NonZeroU64, key: u64) -> Option<u64> {
    index.remove(address, key);
    index.insert(address, key).ok()?;
    index.get(key)
}

/// Memory that comes from nobody knows where.
enum Elsewhere {}

struct Array<T>(NonNull<[T]>);

unsafe extern "C" {
    fn memory(bytes: usize) -> *mut u8;
}

impl Memory for Elsewhere {
    type Array<T> = Array<T>;

    fn array<T>(length: usize, mut element: impl FnMut(usize) -> T) -> Option<Array<T>> {
        // SAFETY: never run.
        let first = NonNull::new(unsafe { memory(length.wrapping_mul(size_of::<T>())) })?.cast::<T>();
        for index in 0..length {
            // SAFETY: never run.
            unsafe { first.add(index).write(element(index)) };
        }
        Some(Array(NonNull::slice_from_raw_parts(first, length)))
    }
}

impl<T> core::ops::Deref for Array<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: never run.
        unsafe { self.0.as_ref() }
    }
}

impl<T> core::ops::DerefMut for Array<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: never run.
        unsafe { self.0.as_mut() }
    }
}

#[unsafe(no_mangle)]
pub fn call_parameters(message: &[u8], path: &[u16], batch: &mut BatchWriter<'_>) -> Option<bool> {
    let message = Message::parse(message)?;
    let mut covered = message.reload;
    for (number, parameter, raw) in message.settings() {
        let Some(parameter) = parameter else { return Some(number == 0) };
        let entry = |refused| ParameterEntry {
            parameter: Code::Known(parameter),
            since: 0,
            source: Code::Known(Source::Port),
            value: 0,
            refused,
            truncated: false,
        };
        match check(parameter, raw) {
            Ok(Value::Number(number)) => covered ^= number == 0,
            Ok(Value::Rules(texts)) => {
                let rules = Rules::<Elsewhere>::new(texts, true, |unit| unit ^ 1).ok()?;
                covered ^= rules.cover(&Subject::of_name(path), |unit| unit ^ 1);
            }
            Err(refusal) => {
                let refused = Refused {
                    source: Code::Known(Source::Port),
                    defect: Code::Known(refusal.defect),
                    text_index: refusal.text,
                    found: refusal.found,
                    text: Text::new(path),
                };
                batch.push_parameter(&entry(Some(refused))).ok()?;
            }
        }
        batch.push_parameter(&entry(None)).ok()?;
    }
    Some(covered)
}

#[unsafe(no_mangle)]
pub fn call_omissions(
    counts: &[Omitted],
    reporter: &mut OmissionReporter,
    batch: &mut BatchWriter<'_>,
    because: Because,
) -> bool {
    if let [first, ..] = counts {
        first.count(because);
    }
    let due = reporter.due(Omitted::totals(counts), 0);
    due.is_some_and(|omission| {
        reporter.reported(&omission);
        batch.push_omission(&omission).is_ok()
    })
}

#[cfg(feature = "offenders")]
#[unsafe(no_mangle)]
pub fn offend_by_panic(bytes: &[u8], at: usize) -> u8 {
    bytes[at]
}

#[cfg(feature = "offenders")]
#[unsafe(no_mangle)]
pub fn offend_by_stack_frame(fill: extern "C" fn(*mut [u8; 2048])) -> u8 {
    let mut frame = [0; 2048];
    fill(&raw mut frame);
    frame.iter().fold(0, |sum, byte| sum ^ byte)
}
