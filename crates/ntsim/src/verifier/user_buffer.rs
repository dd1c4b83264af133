//! A consumer's buffers (rule 23): raw user-mode addresses, whose content the consumer may change at any moment.
//!
//! "A minifilter must only access these buffers in a try/except block", and fetches each byte once: what it has checked
//! may be something else when it fetches it again (the page on `PFLT_MESSAGE_NOTIFY`; "double fetch"). The pages are not
//! accessible: each access faults, is noted, and executes alone. What a driver copies by one call of a routine is fetched
//! by that call, however often the routine reads it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Rule;
use super::site::Site;
use crate::abi::{Address, Ptr};
use crate::ex::block::{Block, Content, PAGE_BYTES};
use crate::ke::crash::Fault;
use crate::ke::fault::Handled;
use crate::ke::registers::Registers;
use crate::ke::{Cpu, emulate, step};
use crate::util::Lock;

/// Who fetched a byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fetcher {
    /// An instruction of the driver.
    Driver,
    /// A routine that the driver called, which returns there.
    Routine(Option<Address>),
}

/// One buffer.
struct Buffer {
    block: Block,
    /// By byte: who fetched it.
    fetched: Lock<Vec<Option<Fetcher>>>,
}

impl Buffer {
    fn range(&self) -> Range<Address> {
        let start = self.block.ptr::<u8>().address();
        start..start + self.block.bytes()
    }

    fn set_accessible(&self, accessible: bool) {
        let Some(pages) = self.block.pages() else { return };
        let protection = if accessible { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_NONE };
        let start = std::ptr::with_exposed_provenance_mut(pages.start);
        // SAFETY: the pages are the block's, and no Rust reference to their content exists.
        unsafe { libc::mprotect(start, pages.len() - PAGE_BYTES, protection) };
    }
}

/// The buffers that consumers have passed to drivers which look at them just now.
#[derive(Default)]
pub(crate) struct UserBuffers {
    buffers: Lock<Vec<Arc<Buffer>>>,
    count: AtomicUsize,
}

/// A buffer for the time of a call.
pub(crate) struct UserBuffer<'a> {
    all: &'a UserBuffers,
    buffer: Arc<Buffer>,
}

impl UserBuffers {
    /// A consumer's buffer with this content.
    pub(crate) fn lend(&self, content: &[u8]) -> UserBuffer<'_> {
        let bytes = content.len().max(1);
        let block =
            Block::guarded(bytes, Content::Zeroed).unwrap_or_else(|| Block::new(bytes, Content::Zeroed));
        block.ptr::<u8>().write_slice(content);
        let buffer = Arc::new(Buffer { block, fetched: Lock::new(vec![None; bytes]) });
        buffer.set_accessible(false);
        self.change(|buffers| buffers.push(Arc::clone(&buffer)));
        UserBuffer { all: self, buffer }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Buffer>>)) {
        let mut buffers = self.buffers.lock();
        change(&mut buffers);
        self.count.store(buffers.len(), Ordering::Relaxed);
    }

    /// Whether an address lies in such a buffer.
    pub(crate) fn contains(&self, address: Address) -> bool {
        self.find(address).is_some()
    }

    /// The buffer to whose pages an address belongs.
    fn find(&self, address: Address) -> Option<Arc<Buffer>> {
        // Relaxed: a thread sees the buffers that it lent itself.
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let buffers = self.buffers.lock();
        let is_in =
            |buffer: &&Arc<Buffer>| buffer.block.pages().is_some_and(|pages| pages.contains(&address));
        buffers.iter().find(is_in).cloned()
    }
}

impl UserBuffer<'_> {
    pub(crate) fn ptr(&self) -> Ptr<u8> {
        self.buffer.block.ptr()
    }

    /// What is in it at the end.
    pub(crate) fn content(&self) -> Vec<u8> {
        self.buffer.set_accessible(true);
        self.ptr().read_slice(self.buffer.block.bytes())
    }
}

impl Drop for UserBuffer<'_> {
    fn drop(&mut self) {
        self.all.change(|buffers| buffers.retain(|buffer| !Arc::ptr_eq(buffer, &self.buffer)));
    }
}

/// Looks whether a fault is an access to a consumer's buffer.
pub(super) fn stage(cpu: &Cpu, registers: &mut Registers<'_>, fault: &Fault) -> Option<Handled> {
    let buffer = cpu.kernel().user_buffers.find(fault.address)?;
    let site = Site::of_instruction(cpu, fault.instruction);
    let fetcher = if site.is_some() { Fetcher::Driver } else { Fetcher::Routine(Site::return_address(cpu)) };
    let site = site.or_else(|| Site::of_call(cpu));
    let range = buffer.range();
    let end = fault.address + emulate::access_bytes(cpu.kernel(), fault.instruction);
    if fault.address < range.start || end > range.end {
        let bytes = range.len();
        let detail = format!("touches memory past the end of a consumer's buffer of {bytes} bytes");
        cpu.violation_at(Rule::UserBuffer, detail, site);
        // It goes on with what is there.
        return Some(if open_all(&buffer) { Handled::Retry } else { Handled::No });
    }
    if !fault.write {
        let bytes = fault.address - range.start..end - range.start;
        let again = {
            let mut who = buffer.fetched.lock();
            let before = who[bytes.clone()].iter().flatten();
            let again = before.into_iter().any(|by| *by == Fetcher::Driver || *by != fetcher);
            who[bytes.clone()].fill(Some(fetcher));
            again
        };
        if again {
            let detail = format!(
                "fetches byte {} of a consumer's buffer again, which may have changed since it was checked",
                bytes.start
            );
            cpu.violation_at(Rule::UserBuffer, detail, site);
        }
    }
    buffer.set_accessible(true);
    step::once(registers, |cpu| {
        for buffer in cpu.kernel().user_buffers.buffers.lock().iter() {
            buffer.set_accessible(false);
        }
    });
    Some(Handled::Retry)
}

/// Makes all of the buffer's pages accessible, the one behind it too.
fn open_all(buffer: &Buffer) -> bool {
    let Some(pages) = buffer.block.pages() else { return false };
    let start = std::ptr::with_exposed_provenance_mut(pages.start);
    // SAFETY: the pages are the block's, and no Rust reference to their content exists.
    unsafe { libc::mprotect(start, pages.len(), libc::PROT_READ | libc::PROT_WRITE) == 0 }
}
