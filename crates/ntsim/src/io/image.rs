//! The file object of the image of a process that is being created (ntddk, `PS_CREATE_NOTIFY_INFO`: `FileObject`).
//!
//! Whoever creates a process opens its image, maps it and lets go of it. Of all that only the file object is here, for as long
//! as the notify routines run: no filter sees operations on it.

use std::sync::Arc;

use super::file::File;
use super::node::Node;
use super::share::Claim;
use crate::abi::{FileObject, Ptr};
use crate::fltmgr;
use crate::ke::Cpu;
use crate::ob::Object;
use crate::sim::{Access, CreateSpec, Share};

/// The image of a process, open.
pub(crate) struct OpenImage(Arc<File>);

impl OpenImage {
    /// Opens the image at a path, whether a file is known there or not; none if no volume is there.
    pub(crate) fn open(cpu: &Cpu, path: &str) -> Option<Self> {
        let kernel = cpu.kernel();
        let (volume, name) = kernel.volumes.resolve(path).filter(|(_, name)| !name.is_empty())?;
        let share = Share::READ | Share::DELETE;
        let spec = CreateSpec::new(path).access(Access::EXECUTE | Access::SYNCHRONIZE).share(share);
        let node = volume.names.get(&name).unwrap_or_else(|| Arc::new(Node::new(&name, false, 0)));
        let file = Arc::new(File::new(volume, name, &spec, None));
        // It has been opened before anybody else could object.
        let claim = Claim::new(spec.access, share);
        let fcb = node.open(claim, true).ok()?;
        file.opened(fcb, claim, share);
        file.hold();
        kernel.objects.insert(file.ptr().address(), Object::File(Arc::clone(&file)));
        Some(Self(file))
    }

    pub(crate) fn ptr(&self) -> Ptr<FileObject> {
        self.0.ptr()
    }

    /// The process has been created or refused.
    pub(crate) fn close(self, cpu: &Cpu) {
        let file = self.0;
        if let Some(fcb) = file.fcb() {
            fcb.node().clean_up(file.claim());
        }
        // A driver may have referenced it; then it goes with that reference.
        if !file.release() || !cpu.kernel().objects.retire(file.ptr().address()) || !file.begin_delete() {
            return;
        }
        fltmgr::context::file_object_gone(cpu, &file);
        if let Some(last) = file.fcb().and_then(|fcb| fcb.node().close()) {
            fltmgr::context::stream_gone(cpu, file.volume(), &last);
        }
    }
}
