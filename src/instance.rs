//! Attachment to volumes.

use core::num::NonZeroU64;

use audit::key::{FileKey, VolumeKey};
use audit::record::NameKind;
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::{PoolArray, PoolTag};
use fltmgr::{Context, FilterContext, InstanceKind, InstanceSetup, NtStatus, Put, RelatedObjects, Result};

use crate::dictionary::files::FileInfo;
use crate::dictionary::volumes::{VolumeInfo, VolumeRegistration};
use crate::memory::TAG;
use crate::state::{self, State};
use crate::time;

/// What is known of a volume while the driver is attached to it.
pub(crate) struct InstanceContext {
    registration: VolumeRegistration,
    /// Stands for the volume itself, which can be written to without a file on it.
    whole: FileKey,
    /// By which `whole` is found.
    instance: NonZeroU64,
    device: PoolArray<u16>,
}

impl FilterContext for InstanceContext {
    type Kind = InstanceKind;
    const TAG: PoolTag = TAG;
}

impl InstanceContext {
    /// The key of the volume.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn key(&self) -> VolumeKey {
        self.registration.key()
    }

    /// The key that stands for the volume itself among the files.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn whole(&self) -> FileKey {
        self.whole
    }

    /// What of a file's name follows the volume's; `None` when the name is another volume's.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn relative<'n>(&self, name: &'n [u16]) -> Option<&'n [u16]> {
        const SEPARATOR: u16 = b'\\' as u16;
        let path = name.strip_prefix(&*self.device)?;
        (path.first() == Some(&SEPARATOR)).then_some(path)
    }
}

impl Drop for InstanceContext {
    /// Maximum IRQL: `APC_LEVEL`.
    fn drop(&mut self) {
        if let Some(state) = state::get() {
            state.files.retire(self.whole, self.instance);
        }
    }
}

/// Maximum IRQL: `PASSIVE_LEVEL`. Where anything fails, nothing is left behind, and the driver stays off the
/// volume.
pub(crate) fn attach(objects: RelatedObjects<'_>, setup: InstanceSetup) -> Result<()> {
    assert_at_most(PASSIVE_LEVEL);
    let state = state::get().ok_or(NtStatus::FLT_DO_NOT_ATTACH)?;
    let context = Context::try_new(objects.filter(), learn(state, objects, setup)?)?;
    match context.put_at_instance(objects.instance())? {
        Put::New => Ok(()),
        Put::Existing(_) => Err(NtStatus::FLT_DO_NOT_ATTACH),
    }
}

/// Maximum IRQL: `PASSIVE_LEVEL`.
fn learn(
    state: &'static State,
    objects: RelatedObjects<'_>,
    setup: InstanceSetup,
) -> Result<InstanceContext> {
    let volume = objects.volume();
    let device = volume.device_name(TAG)?;
    let info = VolumeInfo {
        attached: time::now(),
        file_system: setup.file_system.cast_unsigned(),
        device: PoolArray::try_copy_of(&device, TAG)?,
        guid: volume.guid_name(TAG).ok(),
    };
    // A second attachment to one volume would record every write twice.
    let registration = state.volumes.register(volume.address(), info)?;
    let whole = FileInfo {
        volume: registration.key(),
        met: time::now(),
        name_kind: NameKind::Normalized,
        path: None,
    };
    let whole = state.files.add(whole).ok_or(NtStatus::INSUFFICIENT_RESOURCES)?;
    let instance = objects.instance().address();
    state.files.insert_whole(instance, whole);
    Ok(InstanceContext { registration, whole, instance, device })
}
