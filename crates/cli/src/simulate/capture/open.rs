//! Opening files: as the capture shows, and as it implies.

use ntsim::{Access, CreateOptions, CreateSpec, Disposition, Handle, Mode, NtStatus, Outcome, Thread};

use crate::capture;
use crate::simulate::machine::Machine;

#[derive(Clone, Copy)]
pub(super) struct OpenHandle {
    pub(super) handle: Handle,
    pub(super) writes: bool,
    pub(super) reads: bool,
}

/// Opens a file.
pub(super) fn open(machine: &Machine, thread: Thread, spec: &CreateSpec) -> Result<OpenHandle, NtStatus> {
    let handle = machine.sim.create(thread, spec)?;
    Ok(OpenHandle {
        handle,
        writes: spec.access.intersects(Access::WRITE_DATA | Access::APPEND_DATA),
        reads: spec.access.intersects(Access::READ_DATA),
    })
}

/// The opening that a row tells of.
pub(super) fn open_spec(path: &str, opening: capture::Open, kernel: bool) -> CreateSpec {
    let capture::Open { access, outcome, directory, non_cached, write_through } = opening;
    let mut rights = Access::SYNCHRONIZE | Access::READ_ATTRIBUTES;
    rights.set(Access::READ_DATA, access.read);
    rights.set(Access::WRITE_DATA, access.write);
    rights.set(Access::APPEND_DATA, access.write || access.append);
    let mut spec = CreateSpec::new(path)
        .access(rights)
        .mode(if kernel { Mode::Kernel } else { Mode::User })
        .disposition(match outcome {
            capture::Outcome::Opened | capture::Outcome::Created => Disposition::OpenIf,
            capture::Outcome::Overwritten => Disposition::OverwriteIf,
            capture::Outcome::Superseded => Disposition::Supersede,
        })
        .outcome(Outcome::Given(NtStatus::SUCCESS));
    spec.options.set(CreateOptions::DIRECTORY_FILE, directory);
    spec.options.set(CreateOptions::NON_DIRECTORY_FILE, false);
    spec.options.set(CreateOptions::NO_INTERMEDIATE_BUFFERING, non_cached);
    spec.options.set(CreateOptions::WRITE_THROUGH, write_through);
    spec
}

/// The opening of a file that the capture shows being used but not opened: it was open before.
pub(super) fn implied_open(path: &str, transfer: capture::Transfer, kernel: bool) -> CreateSpec {
    let mut spec = CreateSpec::new(path)
        .access(Access::GENERIC_READ | Access::GENERIC_WRITE)
        .mode(if kernel { Mode::Kernel } else { Mode::User })
        .outcome(Outcome::Given(NtStatus::SUCCESS));
    spec.options.set(CreateOptions::NON_DIRECTORY_FILE, false);
    spec.options.set(CreateOptions::NO_INTERMEDIATE_BUFFERING, transfer.non_cached && !transfer.paging);
    spec.options.set(CreateOptions::WRITE_THROUGH, transfer.write_through && !transfer.paging);
    spec
}
