//! `NtCreateFile`.

use std::sync::Arc;

use super::features::Features;
use super::file::File;
use super::node::Node;
use super::request::{IoStatus, decide};
use super::share::Claim;
use super::{callback_data, file_object, irp, send};
use crate::abi::{
    AccessState, CreateParameters, IoSecurityContext, Luid, Parameters, Ptr, SecuritySubjectContext, Shared,
    SharedText, UnicodeString,
};
use crate::cc::pages;
use crate::fltmgr::ecp::OnItsWay;
use crate::fltmgr::{self, Altitude, Arrival, Kind, Operation};
use crate::ke::Cpu;
use crate::ob::Object;
use crate::ps::Thread;
use crate::sim::{Access, CreateOptions, CreateSpec, Disposition, Handle, Major, Outcome, Share};
use crate::status::NtStatus;

/// Bits of `Options` that hold create options; the disposition is above them.
const OPTIONS_BITS: u32 = 24;
/// `FILE_ATTRIBUTE_NORMAL`
const ATTRIBUTE_NORMAL: u16 = 0x80;

/// `SecurityImpersonation`
const SECURITY_IMPERSONATION: u32 = 2;

/// `IoStatus.Information` of a create.
const FILE_SUPERSEDED: usize = 0;
const FILE_OPENED: usize = 1;
const FILE_CREATED: usize = 2;
const FILE_OVERWRITTEN: usize = 3;

/// `NtCreateFile` by the current thread.
pub(crate) fn create(cpu: &Cpu, spec: &CreateSpec) -> Result<Handle, NtStatus> {
    let (file, _) = open_file(cpu, spec, By::Caller)?;
    Ok(Handle(cpu.kernel().file_handles.open(&cpu.thread().current_process(), file)))
}

/// A create by a filter, which only those below it see, like everything that follows on the file object. The caller
/// opens a handle of it.
pub(crate) fn create_below(
    cpu: &Cpu,
    spec: &CreateSpec,
    below: Option<Altitude>,
) -> Result<(Arc<File>, IoStatus), NtStatus> {
    let opened = open_file(cpu, spec, By::Filter(below))?;
    opened.0.handle_opened();
    Ok(opened)
}

/// A create by a driver that everybody sees (`ZwCreateFile`). The caller opens a handle of it.
pub(crate) fn create_by_driver(cpu: &Cpu, spec: &CreateSpec) -> Result<(Arc<File>, IoStatus), NtStatus> {
    let opened = open_file(cpu, spec, By::Caller)?;
    opened.0.handle_opened();
    Ok(opened)
}

/// Who opens a file.
#[derive(Clone, Copy)]
enum By {
    Caller,
    /// A filter: the altitude below which its create is seen, if it is not seen by all.
    Filter(Option<Altitude>),
}

/// How often a create is reparsed at most.
const MAX_REPARSES: usize = 64;

/// Opens a file, by another name if a filter gave the file object one and reparses the create.
fn open_file(cpu: &Cpu, spec: &CreateSpec, by: By) -> Result<(Arc<File>, IoStatus), NtStatus> {
    let mut spec = spec.clone();
    for _ in 0..MAX_REPARSES {
        match open_once(cpu, &spec, by)? {
            Opened::File(file, ended) => return Ok((file, ended)),
            Opened::Elsewhere(path) => spec.path = path,
        }
    }
    Err(NtStatus::OBJECT_NAME_NOT_FOUND)
}

/// What a create led to.
enum Opened {
    File(Arc<File>, IoStatus),
    /// It is to be tried by this name.
    Elsewhere(String),
}

fn open_once(cpu: &Cpu, spec: &CreateSpec, by: By) -> Result<Opened, NtStatus> {
    let kernel = cpu.kernel();
    if !SharedText::fits(&spec.path) {
        return Err(NtStatus::OBJECT_NAME_INVALID);
    }
    let (volume, name) = kernel.volumes.resolve(&spec.path).ok_or(NtStatus::OBJECT_PATH_NOT_FOUND)?;
    let copy = spec.copy.filter(|_| kernel.config.windows.has_kernel_copy());
    let file = Arc::new(File::new(volume, name, spec, copy));
    kernel.objects.insert(file.ptr().address(), Object::File(Arc::clone(&file)));
    if let By::Filter(Some(below)) = by {
        file.set_below(below);
    }
    if let Some(transaction) = spec.transaction {
        let transaction = kernel.transactions.get(transaction.0).filter(|known| !known.has_ended());
        let Some(transaction) = transaction else {
            kernel.objects.retire(file.ptr().address());
            return Err(NtStatus::TRANSACTION_NOT_ACTIVE);
        };
        file.set_transaction(transaction);
    }
    let data_flags = if matches!(by, By::Filter(_)) { callback_data::GENERATED_IO } else { 0 };
    let ended = request(cpu, &file, spec, data_flags);
    if let Err(status) = ended.status.ok() {
        kernel.objects.retire(file.ptr().address());
        fltmgr::context::file_object_gone(cpu, &file);
        return Err(status);
    }
    if ended.status == NtStatus::REPARSE
        && let Some(name) = file.replaced_name()
    {
        kernel.objects.retire(file.ptr().address());
        fltmgr::context::file_object_gone(cpu, &file);
        return Ok(Opened::Elsewhere(name));
    }
    file.add_flags(file_object::HANDLE_CREATED);
    file.hold();
    Ok(Opened::File(file, ended))
}

fn request(cpu: &Cpu, file: &Arc<File>, spec: &CreateSpec, data_flags: u32) -> IoStatus {
    let thread = cpu.thread();
    let options = (spec.disposition as u32) << OPTIONS_BITS | spec.options.bits();
    let access_state = Shared::new(access_state(spec.access, &thread));
    let security = Shared::new(IoSecurityContext {
        security_qos: Ptr::NULL,
        access_state: access_state.ptr(),
        desired_access: spec.access.bits(),
        full_create_options: options,
    });
    let parameters = Parameters {
        create: CreateParameters {
            security_context: security.ptr(),
            options,
            alignment: 0,
            file_attributes: ATTRIBUTE_NORMAL,
            share_access: u16::try_from(spec.share.bits()).expect("there are three bits"),
            alignment2: 0,
            ea_length: 0,
            alignment3: 0,
            ea_buffer: Ptr::NULL,
            allocation_size: 0,
        },
    };
    let ecps = OnItsWay::new(cpu, &spec.ecps);
    let operation = Operation {
        ecps: ecps.list(),
        irp_flags: irp::CREATE_OPERATION | irp::SYNCHRONOUS_API | irp::DEFER_IO_COMPLETION,
        mode: spec.mode,
        data_flags,
        ..Operation::new(Major::Create, Kind::Irp, Arc::clone(file), Some(thread))
    };
    let opening = Opening {
        disposition: spec.disposition,
        options: spec.options,
        share: spec.share,
        outcome: spec.outcome,
    };
    send::send(cpu, operation, parameters, move |cpu, arrival| opening.heed(arrival).open(cpu, arrival.file))
}

/// The file system's part of a create, from its options alone.
pub(super) fn open_as_asked(cpu: &Cpu, file: &File, asked: &CreateParameters) -> IoStatus {
    let options = asked.options;
    let Some(disposition) = disposition(options) else {
        return IoStatus::plain(NtStatus::INVALID_PARAMETER);
    };
    let options = CreateOptions::from_bits_truncate(options);
    let share = Share::from_bits_truncate(u32::from(asked.share_access));
    Opening { disposition, options, share, outcome: Outcome::Model }.open(cpu, file)
}

/// The disposition that a create's options hold.
fn disposition(options: u32) -> Option<Disposition> {
    disposition_of(options >> OPTIONS_BITS)
}

/// A `CreateDisposition` by its value.
pub(super) fn disposition_of(value: u32) -> Option<Disposition> {
    const DISPOSITIONS: [Disposition; 6] = [
        Disposition::Supersede,
        Disposition::Open,
        Disposition::Create,
        Disposition::OpenIf,
        Disposition::Overwrite,
        Disposition::OverwriteIf,
    ];
    DISPOSITIONS.get(value as usize).copied()
}

/// What the file system has to know of a create.
#[derive(Clone, Copy)]
struct Opening {
    disposition: Disposition,
    options: CreateOptions,
    share: Share,
    outcome: Outcome,
}

impl Opening {
    /// The create as the lowest filter left it.
    fn heed(self, arrival: &Arrival<'_>) -> Self {
        // SAFETY: this is a create.
        let CreateParameters { options, share_access, .. } = unsafe { arrival.parameters.create };
        let share = Share::from_bits_truncate(u32::from(share_access));
        let options_as_sent = (self.disposition as u32) << OPTIONS_BITS | self.options.bits();
        if options == options_as_sent {
            return Self { share, ..self };
        }
        let disposition = disposition(options).unwrap_or(self.disposition);
        Self { disposition, options: CreateOptions::from_bits_truncate(options), share, ..self }
    }

    /// The file system's part.
    fn open(self, cpu: &Cpu, file: &File) -> IoStatus {
        let volume = file.volume();
        // winioctl, `FSCTL_LOCK_VOLUME`: only who has locked it gets at a volume, by the handle that he has.
        if volume.is_locked() {
            return IoStatus::plain(NtStatus::ACCESS_DENIED);
        }
        if file.has(file_object::VOLUME_OPEN) {
            return IoStatus::new(NtStatus::SUCCESS, FILE_OPENED);
        }
        let directory = self.options.contains(CreateOptions::DIRECTORY_FILE) || file.name() == r"\";
        if file.names_stream() && !Features::of(volume.spec().file_system).named_streams {
            return IoStatus::plain(NtStatus::OBJECT_NAME_INVALID);
        }
        if file.transaction().is_some() && !Features::of(volume.spec().file_system).transactions {
            return IoStatus::plain(if volume.is_network() {
                NtStatus::TRANSACTIONS_UNSUPPORTED_REMOTE
            } else {
                // Of local file systems no page says it [inf].
                NtStatus::INVALID_DEVICE_REQUEST
            });
        }
        let existing = volume.names.get(file.name());
        let ended = decide(
            self.outcome,
            || self.disposed(existing.as_deref()),
            || IoStatus::new(NtStatus::SUCCESS, information(self.disposition, existing.is_some())),
        );
        if ended.status.is_success() && ended.status != NtStatus::REPARSE {
            let node = volume.names.get_or_insert(file.name(), directory, 0);
            let before = node.sizes();
            let overwrites = matches!(ended.information, FILE_SUPERSEDED | FILE_OVERWRITTEN);
            let claim = Claim::new(file.access(), self.share);
            let claim = if overwrites { claim.overwriting() } else { claim };
            // What is played has been let through.
            let fcb = match node.open(claim, self.outcome != Outcome::Model) {
                Ok(fcb) => fcb,
                Err(status) => return IoStatus::plain(status),
            };
            if overwrites {
                node.set_size(0);
                pages::discard(cpu, &fcb, &pages::EVERYTHING);
            }
            file.opened(fcb, claim, self.share);
            if let Some(transaction) = file.transaction() {
                transaction.opened(file, ended.information == FILE_CREATED, before);
            }
        }
        ended
    }

    /// What the disposition means for a file that exists, or does not.
    fn disposed(self, existing: Option<&Node>) -> IoStatus {
        if existing.is_some_and(Node::is_deleted) {
            return IoStatus::plain(NtStatus::DELETE_PENDING);
        }
        let directory = existing.is_some_and(Node::is_directory);
        if directory && self.options.contains(CreateOptions::NON_DIRECTORY_FILE) {
            return IoStatus::plain(NtStatus::FILE_IS_A_DIRECTORY);
        }
        let truncates = matches!(
            self.disposition,
            Disposition::Supersede | Disposition::Overwrite | Disposition::OverwriteIf
        );
        let is_mapped = |node: &Node| node.fcb().is_some_and(|fcb| fcb.pages().is_mapped());
        if truncates && existing.is_some_and(is_mapped) {
            return IoStatus::plain(NtStatus::USER_MAPPED_FILE);
        }
        match (self.disposition, existing.is_some()) {
            (Disposition::Open | Disposition::Overwrite, false) => {
                IoStatus::plain(NtStatus::OBJECT_NAME_NOT_FOUND)
            }
            (Disposition::Create, true) => IoStatus::plain(NtStatus::OBJECT_NAME_COLLISION),
            (disposition, exists) => IoStatus::new(NtStatus::SUCCESS, information(disposition, exists)),
        }
    }
}

fn information(disposition: Disposition, exists: bool) -> usize {
    match (disposition, exists) {
        (Disposition::Supersede, true) => FILE_SUPERSEDED,
        (Disposition::Overwrite | Disposition::OverwriteIf, true) => FILE_OVERWRITTEN,
        (Disposition::Open | Disposition::OpenIf | Disposition::Create, true) => FILE_OPENED,
        (_, false) => FILE_CREATED,
    }
}

fn access_state(access: Access, thread: &Thread) -> AccessState {
    let client = thread.io().client();
    let no_name = UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL };
    AccessState {
        operation_id: Luid { low: 0, high: 0 },
        security_evaluated: 0,
        generate_audit: 0,
        generate_on_close: 0,
        privileges_allocated: 0,
        flags: 0,
        remaining_desired_access: access.bits(),
        previously_granted_access: 0,
        original_desired_access: access.bits(),
        subject_security_context: SecuritySubjectContext {
            client_token: client.as_ref().map_or(Ptr::NULL, |token| token.ptr()),
            impersonation_level: if client.is_some() { SECURITY_IMPERSONATION } else { 0 },
            primary_token: thread.process().token().ptr(),
            process_audit_id: Ptr::NULL,
        },
        security_descriptor: Ptr::NULL,
        aux_data: Ptr::NULL,
        privileges: [0; 11],
        audit_privileges: 0,
        object_name: no_name,
        object_type_name: no_name,
    }
}
