//! What the Filter Manager is told of the driver.

use audit::parameters::Audit;
use fltmgr::raw::{FLT_REGISTRATION_FLAGS, FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME};
use fltmgr::{
    ContextRegistration, InstanceSetup, Minifilter, OperationRegistration, Registration, RelatedObjects,
    Result,
};

use crate::changes::{Cleanup, FsControl, SetInformation};
use crate::create::Create;
use crate::dictionary::clients::RemoteOpen;
use crate::entry;
use crate::instance::{self, InstanceContext};
use crate::mapped::{SectionSynchronization, WriteAndPaging};
use crate::state::State;
use crate::streams::StreamContext;
use crate::write::{PrepareMdlWrite, Write};

static OPERATIONS: [OperationRegistration; 7] = [
    OperationRegistration::of::<Create>(),
    OperationRegistration::of::<Write>(),
    OperationRegistration::of::<PrepareMdlWrite>(),
    OperationRegistration::of_synchronized::<SetInformation>(),
    OperationRegistration::of_synchronized::<FsControl>(),
    OperationRegistration::of_synchronized::<Cleanup>(),
    OperationRegistration::END,
];

/// The same, with what it takes to tell of mapped writes.
static OPERATIONS_MAPPED: [OperationRegistration; 8] = [
    OperationRegistration::of::<Create>(),
    OperationRegistration::of::<WriteAndPaging>(),
    OperationRegistration::of::<PrepareMdlWrite>(),
    OperationRegistration::of::<SectionSynchronization>(),
    OperationRegistration::of_synchronized::<SetInformation>(),
    OperationRegistration::of_synchronized::<FsControl>(),
    OperationRegistration::of_synchronized::<Cleanup>(),
    OperationRegistration::END,
];

static CONTEXTS: [ContextRegistration; 4] = [
    ContextRegistration::of::<InstanceContext>(),
    ContextRegistration::of::<StreamContext>(),
    ContextRegistration::of::<RemoteOpen>(),
    ContextRegistration::END,
];

/// Writes to direct-access volumes arrive like others; without the flag the driver would not be attached to
/// them.
const FLAGS: FLT_REGISTRATION_FLAGS = FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME;

static REGISTRATION: Registration = Registration::new::<WhoWrote>(FLAGS, &CONTEXTS, &OPERATIONS);

static REGISTRATION_MAPPED: Registration =
    Registration::new::<WhoWrote>(FLAGS, &CONTEXTS, &OPERATIONS_MAPPED);

/// What to register. The way of paging I/O is left alone unless mapped writes are audited, and that is decided once: the
/// Filter Manager keeps what it was told.
///
/// Maximum IRQL: any.
pub(crate) fn registration(state: &State) -> &'static Registration {
    if state.parameters.audits(Audit::MAPPED) { &REGISTRATION_MAPPED } else { &REGISTRATION }
}

enum WhoWrote {}

impl Minifilter for WhoWrote {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn instance_setup(objects: &RelatedObjects<'_>, setup: InstanceSetup) -> Result<()> {
        instance::attach(*objects, setup)
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn unload(_mandatory: bool) -> Result<()> {
        entry::unload();
        Ok(())
    }
}
