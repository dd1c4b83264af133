//! IRPs sent to the dispatch routines of drivers: opening, controlling and closing their devices.

use std::sync::Arc;

use super::device::{self, Device};
use super::driver::status_of;
use super::file;
use super::request::IoStatus;
use crate::abi::{FileObject, IoStackLocation, Irp, Ptr, Shared};
use crate::ex::block::{Block, Content};
use crate::ke::{Cpu, Entry, Frame};
use crate::mm::mdl;
use crate::sim::Mode;
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// `IO_TYPE_IRP`
const IO_TYPE_IRP: i16 = 6;
/// `SL_PENDING_RETURNED`
const PENDING_RETURNED: u8 = 1;
const IRP: &str = "IRP";
const IRP_TAG: u32 = u32::from_le_bytes(*b"Irp ");
/// Where `Tail.Overlay` has the thread, the stack location and the file object, in pointers.
const TAIL_THREAD: usize = 4;
const TAIL_STACK_LOCATION: usize = 8;
const TAIL_FILE_OBJECT: usize = 9;
/// `METHOD_*`, the lowest bits of a control code.
const METHOD_BUFFERED: u32 = 0;
const METHOD_NEITHER: u32 = 3;
const METHODS: u32 = 3;

/// The dispatch routines that are called: `IRP_MJ_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dispatch {
    Create = 0x00,
    Close = 0x02,
    DeviceControl = 0x0E,
    Cleanup = 0x12,
}

impl Dispatch {
    /// What an entry point of it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "device create",
            Self::Close => "device close",
            Self::DeviceControl => "device control",
            Self::Cleanup => "device cleanup",
        }
    }
}

/// A device that somebody has open.
pub(crate) struct OpenDevice {
    device: Arc<Device>,
    file: Shared<FileObject>,
}

/// What is known of an IRP that a driver has.
struct Sent {
    /// Taken when it is completed.
    block: Option<Block>,
    /// How it was completed, and whether the driver had marked it as pending.
    completed: Option<(IoStatus, bool)>,
}

/// The IRPs that drivers have, and the devices that are open.
#[derive(Default)]
pub(crate) struct Irps {
    sent: Lock<AddressMap<Sent>>,
    open: Lock<AddressMap<Arc<OpenDevice>>>,
}

/// `IoCompleteRequest`, by the name under which it is exported.
pub(crate) fn complete(cpu: &Cpu, irp: Ptr<Irp>, _boost: u8) {
    let has_it =
        cpu.kernel().irps.sent.lock().get(&irp.address()).is_some_and(|sent| sent.completed.is_none());
    if !has_it {
        cpu.violation(
            Rule::Pending,
            format!("completes {irp:?}, which is no IRP of the driver's (any more)"),
        );
        return;
    }
    let value = irp.read();
    let status = NtStatus(value.io_status.status);
    if status == NtStatus::PENDING {
        cpu.violation(Rule::CompletionStatus, "completes an IRP with STATUS_PENDING");
    }
    let location = irp.byte_offset::<IoStackLocation>(size_of::<Irp>()).read();
    let ended = IoStatus::new(status, value.io_status.information);
    let block = {
        let mut sent = cpu.kernel().irps.sent.lock();
        let known = sent.get_mut(&irp.address());
        known.and_then(|known| {
            known.completed = Some((ended, location.control & PENDING_RETURNED != 0));
            known.block.take()
        })
    };
    if let Some(block) = block {
        cpu.kernel().pool.retire(cpu, block, IRP_TAG);
    }
    cpu.kernel().scheduler.signal(irp.address());
}

/// Sends an IRP to the device's driver, and waits until it is complete.
fn send(
    cpu: &Cpu,
    open: &OpenDevice,
    dispatch: Dispatch,
    prepare: impl FnOnce(&mut Irp, &mut IoStackLocation),
) -> IoStatus {
    let kernel = cpu.kernel();
    let device = &open.device;
    let driver = device.driver();
    let function = driver.dispatch_routine(dispatch as usize);
    if function.is_null() {
        return IoStatus::plain(NtStatus::INVALID_DEVICE_REQUEST);
    }
    let bytes = size_of::<Irp>() + size_of::<IoStackLocation>();
    let block = kernel.pool.block(cpu, bytes, Content::Zeroed, IRP, IRP_TAG, false);
    let irp: Ptr<Irp> = block.ptr();
    let stack: Ptr<IoStackLocation> = irp.byte_offset(size_of::<Irp>());
    let (mut value, mut location) = (irp.read(), stack.read());
    value.kind = IO_TYPE_IRP;
    value.size = u16::try_from(bytes).unwrap_or(u16::MAX);
    value.requestor_mode = Mode::User as i8;
    value.stack_count = 1;
    value.current_location = 1;
    value.tail[TAIL_THREAD] = cpu.thread().ptr().address();
    value.tail[TAIL_STACK_LOCATION] = stack.address();
    value.tail[TAIL_FILE_OBJECT] = open.file.ptr().address();
    location.major = dispatch as u8;
    location.device_object = device.object().cast();
    location.file_object = open.file.ptr().cast();
    prepare(&mut value, &mut location);
    irp.write(value);
    stack.write(location);
    kernel.irps.sent.lock().insert(irp.address(), Sent { block: Some(block), completed: None });
    let frame = Frame { driver: Arc::clone(driver), entry: Entry::Dispatch(dispatch), operation: None };
    let returned =
        status_of(cpu.call_driver(frame.clone(), function, &[device.object().address(), irp.address()]));
    let completed = || kernel.irps.sent.lock().get(&irp.address()).and_then(|sent| sent.completed);
    if returned == NtStatus::PENDING {
        kernel.scheduler.wait(cpu, irp.address(), None, || completed().is_some());
    }
    let ended = if let Some((ended, marked)) = completed() {
        if marked != (returned == NtStatus::PENDING) {
            let detail =
                "returns STATUS_PENDING for an IRP that it did not mark as pending, or the other way round";
            cpu.violation_in(&frame, Rule::Pending, detail);
        } else if !marked && ended.status != returned {
            let detail = format!("returns {returned} for an IRP that it completed with {}", ended.status);
            cpu.violation_in(&frame, Rule::CompletionStatus, detail);
        }
        ended
    } else {
        let detail = format!("returns {returned} for an IRP that it neither completed nor marked as pending");
        cpu.violation_in(&frame, Rule::Pending, detail);
        IoStatus::plain(returned)
    };
    kernel.irps.sent.lock().remove(&irp.address());
    ended
}

/// Opens a device by its name or a link's, in the name of the current thread.
pub(crate) fn open(cpu: &Cpu, name: &str) -> Result<u64, NtStatus> {
    let device = cpu.kernel().devices.named(name).ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
    device.open()?;
    let file = Shared::new(FileObject { device_object: device.object().cast(), ..file::empty_object() });
    let open = Arc::new(OpenDevice { device, file });
    if let Err(status) = send(cpu, &open, Dispatch::Create, |_, _| {}).status.ok() {
        device::closed(cpu, &open.device);
        return Err(status);
    }
    let id = open.file.ptr().address();
    cpu.kernel().irps.open.lock().insert(id, open);
    Ok(id as u64)
}

fn find(cpu: &Cpu, handle: u64) -> Result<Arc<OpenDevice>, NtStatus> {
    let address = usize::try_from(handle).unwrap_or(0);
    cpu.kernel().irps.open.lock().get(&address).cloned().ok_or(NtStatus::INVALID_HANDLE)
}

/// Closes a device: cleanup, and close.
pub(crate) fn close(cpu: &Cpu, handle: u64) -> Result<(), NtStatus> {
    let open = find(cpu, handle)?;
    cpu.kernel().irps.open.lock().remove(&open.file.ptr().address());
    for dispatch in [Dispatch::Cleanup, Dispatch::Close] {
        send(cpu, &open, dispatch, |_, _| {});
    }
    device::closed(cpu, &open.device);
    Ok(())
}

/// `DeviceIoControl`: returns the output.
pub(crate) fn control(
    cpu: &Cpu,
    handle: u64,
    code: u32,
    input: &[u8],
    output_bytes: u32,
) -> Result<Vec<u8>, NtStatus> {
    let open = find(cpu, handle)?;
    let kernel = cpu.kernel();
    let method = code & METHODS;
    let room = output_bytes as usize;
    let input_bytes = u32::try_from(input.len()).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    // The program's own buffers, for the drivers that are given their addresses.
    let neither = (method == METHOD_NEITHER)
        .then(|| (kernel.user_buffers.lend(input), kernel.user_buffers.lend(&vec![0; room])));
    let system_bytes = if method == METHOD_BUFFERED { input.len().max(room) } else { input.len() };
    let system = Block::new(system_bytes.max(1), Content::Zeroed);
    system.ptr::<u8>().write_slice(input);
    let direct = (method != METHOD_BUFFERED && neither.is_none() && room > 0)
        .then(|| Block::new(room, Content::Zeroed));
    let list = direct.as_ref().map(|block| mdl::make_locked(cpu, block.ptr(), output_bytes, true));
    let ended = send(cpu, &open, Dispatch::DeviceControl, |irp, location| {
        location.parameters =
            [output_bytes as usize, input.len().min(input_bytes as usize), code as usize, 0];
        match &neither {
            Some((input, output)) => {
                location.parameters[3] = input.ptr().address();
                irp.user_buffer = output.ptr().cast();
            }
            None if system_bytes > 0 => irp.system_buffer = system.ptr(),
            None => {}
        }
        irp.mdl_address = list.unwrap_or(Ptr::NULL);
    });
    if let Some(list) = list {
        mdl::dispose(cpu, list);
    }
    if ended.status.is_error() {
        return Err(ended.status);
    }
    let written = ended.information.min(room);
    if ended.information > room {
        let detail = format!("says that it wrote {} bytes into {room}", ended.information);
        cpu.violation(Rule::InvalidParameter, detail);
    }
    let mut output = match (&neither, &direct) {
        (Some((_, output)), _) => output.content(),
        (None, Some(direct)) => direct.ptr::<u8>().read_slice(room),
        (None, None) => system.ptr::<u8>().read_slice(system_bytes.min(room)),
    };
    output.truncate(written);
    Ok(output)
}
