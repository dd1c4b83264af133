//! Volumes that arrive and go.

use std::sync::Arc;

use super::{Invalid, KnownVolume, World, ensure};
use crate::scenario::model::Volume;

impl World {
    pub(super) fn add_volume(&mut self, volume: &Volume) -> Result<(), Invalid> {
        let drive: Arc<str> = volume.drive.as_deref().ok_or(Invalid)?.into();
        ensure(self.volumes.iter().all(|known| known.gone || known.drive != drive))?;
        self.volumes.push(KnownVolume { drive, file_system: volume.file_system, gone: false });
        Ok(())
    }

    /// A handle of a volume itself.
    pub(super) fn open_volume(&mut self, handle: &str, drive: &str) -> Result<(), Invalid> {
        let is_it = |known: &KnownVolume| !known.gone && *known.drive == *drive;
        let volume = self.volumes.iter().position(is_it).ok_or(Invalid)?;
        ensure(!self.volume_handles.contains_key(handle))?;
        self.volume_handles.insert(handle.to_owned(), volume);
        Ok(())
    }

    /// The volume is gone, with what lay on it; what is open there can only be closed. Nobody else may be at it.
    pub(super) fn dismount(&mut self, handle: &str) -> Result<(), Invalid> {
        let volume = self.volume_handles.get(handle).copied().ok_or(Invalid)?;
        ensure(self.quiet && !self.volumes[volume].gone)?;
        let files = &self.files;
        ensure(!files.iter().any(|file| file.volume == volume && file.is_held()))?;
        self.volumes[volume].gone = true;
        self.unsettled = true;
        self.paths.retain(|_, file| files[*file].volume != volume);
        for handle in &mut self.handles {
            handle.dead |= files[handle.file].volume == volume;
        }
        Ok(())
    }
}
