//! What the Filter Manager is told of the driver.

use fltmgr::raw::FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME;
use fltmgr::{
    ContextRegistration, InstanceSetup, Minifilter, OperationRegistration, Registration, RelatedObjects,
    Result,
};

use crate::changes::{Cleanup, FsControl, SetInformation};
use crate::create::Create;
use crate::entry;
use crate::instance::{self, InstanceContext};
use crate::streams::StreamContext;
use crate::write::Write;

static OPERATIONS: [OperationRegistration; 6] = [
    OperationRegistration::of::<Create>(),
    OperationRegistration::of::<Write>(),
    OperationRegistration::of_synchronized::<SetInformation>(),
    OperationRegistration::of_synchronized::<FsControl>(),
    OperationRegistration::of_synchronized::<Cleanup>(),
    OperationRegistration::END,
];

static CONTEXTS: [ContextRegistration; 3] = [
    ContextRegistration::of::<InstanceContext>(),
    ContextRegistration::of::<StreamContext>(),
    ContextRegistration::END,
];

/// Writes to direct-access volumes arrive like others; without the flag the driver would not be attached to
/// them.
pub(crate) static REGISTRATION: Registration =
    Registration::new::<WhoWrote>(FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME, &CONTEXTS, &OPERATIONS);

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
