//! Remote clients: what a client key stands for, and how a file that the SMB server has open leads to it.

use core::net::IpAddr;
use core::num::NonZeroU64;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use audit::batch::{BatchWriter, NoRoom};
use audit::dictionary::Limits;
use audit::index::{AddressIndex, Bucket};
use audit::key::ClientKey;
use audit::record::{ClientEntry, Text};
use fltmgr::irql::{APC_LEVEL, PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::{PoolArray, PoolTag};
use fltmgr::{
    Context, FileObject, FilterContext, Instance, NtStatus, RelatedObjects, Result, ServerOpen,
    StreamHandleKind,
};

use super::shelf::{Entry, Shelf};
use crate::memory::TAG;
use crate::state::{self, State};
use crate::{irql, time};

/// Machines times shares. Of those that are told of no more as many are kept as may wait for delivery.
const LIMITS: Limits = Limits { entries: 1 << 13, retired: 1 << 12, kept: 0, buckets: 1 << 8 };

/// Eight files each that the server has open: 32,768 in 768 KiB. Beyond that, the context is asked.
const INDEX_BUCKETS: usize = 1 << 12;

/// A machine and the share that it came by.
struct Client {
    key: ClientKey,
    met: u64,
    address: Option<IpAddr>,
    share: Option<PoolArray<u16>>,
    /// How many files the server has open for it.
    opens: u64,
    /// It has been given up for others, and gets another key if it comes again.
    retired: bool,
}

/// Kept at every file that the SMB server opened for a client.
pub(crate) struct RemoteOpen {
    client: ClientKey,
    /// Of the file object.
    address: NonZeroU64,
}

impl FilterContext for RemoteOpen {
    type Kind = StreamHandleKind;
    const TAG: PoolTag = TAG;
}

impl Drop for RemoteOpen {
    /// The file is closed, or the driver detached from the volume.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    fn drop(&mut self) {
        // The state outlives all contexts: they go when the minifilter is unregistered at the latest.
        if let Some(state) = state::get() {
            state.clients.closed(self);
        }
    }
}

/// All clients that were met.
pub(crate) struct Clients {
    shelf: Shelf<Client>,
    /// By the addresses of file objects.
    index: AddressIndex<'static, INDEX_BUCKETS>,
    /// Whether the index had to refuse a file.
    overflowed: AtomicBool,
    next_key: AtomicU64,
    // what `index` refers to: dropped after it
    _buckets: PoolArray<Bucket>,
}

impl Clients {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn try_new() -> Result<Self> {
        assert_at_most(PASSIVE_LEVEL);
        let buckets = PoolArray::try_from_fn(INDEX_BUCKETS, TAG, |_| Bucket::default())?;
        // SAFETY: the index is dropped with the buckets, and lends nothing.
        let detached = unsafe { buckets.detached() };
        Ok(Self {
            shelf: Shelf::try_new(LIMITS)?,
            index: AddressIndex::new(detached).map_err(|_| NtStatus::INTERNAL_ERROR)?,
            overflowed: AtomicBool::new(false),
            next_key: AtomicU64::new(1),
            _buckets: buckets,
        })
    }

    /// The server opened a file for a client. What there is no memory for is counted; writes by way of the file are the
    /// kernel's then, as they would be without this.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn opened(&self, objects: RelatedObjects<'_>, file: FileObject<'_>, open: &ServerOpen<'_>) {
        assert_at_most(PASSIVE_LEVEL);
        let client = self.client(open);
        let address = file.address();
        let put = Context::try_new(objects.filter(), RemoteOpen { client, address })
            .and_then(|context| context.put_at_stream_handle(objects.instance(), file));
        if put.is_err() {
            self.shelf.note_refused();
        } else if self.index.insert(address, value_of(client)).is_err() {
            // Relaxed: whoever misses it for a moment takes the write for the kernel's own; no write is before the create.
            self.overflowed.store(true, Ordering::Relaxed);
        }
    }

    /// Another one of the kernel's files has this address, if it was a client's before.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn forget(&self, file: FileObject<'_>) {
        if let Some(value) = self.index.get(file.address().get()) {
            self.index.remove(file.address(), value);
        }
    }

    /// The key of the client that a file is opened for, with one more open. Unknown where there is no room.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn client(&self, open: &ServerOpen<'_>) -> ClientKey {
        assert_at_most(PASSIVE_LEVEL);
        let (address, share) = (open.address(), open.share());
        self.shelf.with(|dictionary| {
            let is_it = |client: &&mut Client| {
                !client.retired && client.address == address && client.share.as_deref() == share
            };
            if let Some(known) = dictionary.entries_mut().find(is_it) {
                known.opens = known.opens.saturating_add(1);
                return known.key;
            }
            // Relaxed: only has to be another number each time.
            let number = NonZeroU64::new(self.next_key.fetch_add(1, Ordering::Relaxed));
            let copy = share.map(|share| PoolArray::try_copy_of(share, TAG)).transpose();
            if let (Some(number), Ok(share)) = (number, copy) {
                let key = ClientKey(number.get());
                let client = Client { key, met: time::now(), address, share, opens: 1, retired: false };
                if dictionary.add(number, client).is_ok() {
                    return key;
                }
            }
            // Room for those who come next: nobody new refers to clients that have nothing open.
            while let Some(unused) = give_up(dictionary.entries_mut()) {
                dictionary.retire(unused);
            }
            self.shelf.note_refused();
            ClientKey::UNKNOWN
        })
    }

    /// Maximum IRQL: `APC_LEVEL`.
    fn closed(&self, open: &RemoteOpen) {
        assert_at_most(APC_LEVEL);
        self.index.remove(open.address, value_of(open.client));
        self.shelf.with(|dictionary| {
            if let Some(client) = dictionary.entries_mut().find(|client| client.key == open.client) {
                client.opens = client.opens.saturating_sub(1);
            }
        });
    }

    /// The client that the server has a file open for, if it has it open for one; its key may be unknown.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`; no lock, and almost always no call.
    pub(crate) fn of(&self, instance: Instance<'_>, file: FileObject<'_>) -> Option<ClientKey> {
        if let Some(value) = self.index.get(file.address().get()) {
            return Some(ClientKey(value >> 1));
        }
        // Relaxed: see `opened`.
        if self.overflowed.load(Ordering::Relaxed) && irql::is_at_most(APC_LEVEL) {
            return Context::<RemoteOpen>::of_stream_handle(instance, file).map(|open| open.client);
        }
        None
    }

    /// All of them, for delivery and diagnosis.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn shelf(&self) -> &Shelf<impl Entry> {
        &self.shelf
    }
}

/// Gives up a client that has nothing open.
///
/// Maximum IRQL: any.
fn give_up<'d>(mut clients: impl Iterator<Item = &'d mut Client>) -> Option<NonZeroU64> {
    let unused = clients.find(|client| !client.retired && client.opens == 0)?;
    unused.retired = true;
    NonZeroU64::new(unused.key.0)
}

/// What the index has for a client: never 0.
///
/// Maximum IRQL: any.
fn value_of(client: ClientKey) -> u64 {
    client.0 << 1 | 1
}

impl Entry for Client {
    /// Maximum IRQL: any.
    fn write(&self, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom> {
        let Self { key, met, address, share, opens: _, retired: _ } = self;
        batch.push_client(&ClientEntry {
            key: *key,
            met: *met,
            address: *address,
            share: share.as_deref().map_or(Text::EMPTY, Text::new),
            truncated: false,
        })
    }
}

/// A file was opened. Whose, if the kernel opened it, is noted.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
#[cold]
#[inline(never)]
pub(crate) fn note(
    state: &State,
    data: fltmgr::CallbackData<'_>,
    objects: RelatedObjects<'_>,
    file: FileObject<'_>,
) {
    assert_at_most(PASSIVE_LEVEL);
    state.clients.forget(file);
    if let Some(open) = ServerOpen::of(objects.filter(), data) {
        state.clients.opened(objects, file, &open);
    }
}
