//! What is left out on purpose: judged once for each process and each file, and counted.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU32, Ordering};

use audit::debug::ControlItems;
use audit::index::{AddressIndex, Bucket};
use audit::key::ProcessKey;
use audit::omission::{Because, Omitted};
use audit::parameters::{Rules, Subject};
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{NtStatus, PushLock, Result};

use crate::heed::Heed;
use crate::memory::{Pool, TAG};
use crate::processor;
use crate::state;

// Import libraries of some kits do not have it.
#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    safe fn RtlUpcaseUnicodeChar(unit: u16) -> u16;
}

/// Eight processes each: 4,096 excluded ones at a time. Those beyond are recorded.
const BUCKETS: usize = 1 << 9;

/// The rules, and what they leave out.
pub(crate) struct Exclusions {
    images: Kind,
    paths: Kind,
    /// Excluded processes by their keys.
    processes: AddressIndex<'static, BUCKETS>,
    /// By processor.
    omitted: PoolArray<Omitted>,
    // what `processes` refers to: dropped after it
    _buckets: PoolArray<Bucket>,
}

/// Rules of one kind.
struct Kind {
    rules: PushLock<Option<Rules<Pool>>>,
    /// How many there are, for those who cannot wait.
    count: AtomicU32,
}

impl Kind {
    /// No rules.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    fn try_new() -> Result<Self> {
        Ok(Self { rules: PushLock::try_new(None, TAG)?, count: AtomicU32::new(0) })
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn set(&self, rules: Option<Rules<Pool>>) {
        let count = rules.as_ref().map_or(0, Rules::count);
        let before = core::mem::replace(&mut *self.rules.exclusive(), rules);
        // Relaxed: whoever misses it judges as before; all are judged again.
        self.count.store(u32::try_from(count).unwrap_or(u32::MAX), Ordering::Relaxed);
        drop(before);
    }

    /// Maximum IRQL: any.
    fn any(&self) -> bool {
        // Relaxed: see `set`.
        self.count.load(Ordering::Relaxed) != 0
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`, for the sake of [`upcase`].
    fn cover(&self, subject: &Subject<'_>) -> bool {
        assert_at_most(PASSIVE_LEVEL);
        self.any() && self.rules.shared().as_ref().is_some_and(|rules| rules.cover(subject, upcase))
    }
}

impl Exclusions {
    /// Nothing is left out.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn try_new() -> Result<Self> {
        let buckets = PoolArray::try_from_fn(BUCKETS, TAG, |_| Bucket::default())?;
        // SAFETY: the index is dropped with the buckets, and lends nothing.
        let detached = unsafe { buckets.detached() };
        Ok(Self {
            images: Kind::try_new()?,
            paths: Kind::try_new()?,
            processes: AddressIndex::new(detached).map_err(|_| NtStatus::INTERNAL_ERROR)?,
            omitted: PoolArray::try_from_fn(processor::count().max(1), TAG, |_| Omitted::default())?,
            _buckets: buckets,
        })
    }

    /// Tells a debugger where everything is.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn describe(&self, items: &ControlItems) {
        items.images.at(&self.images.count);
        items.paths.at(&self.paths.count);
        items.omitted.of(&self.omitted);
    }

    /// From now on these images are excluded. Who is known already is to be judged again.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn set_images(&self, rules: Option<Rules<Pool>>) {
        Heed::Excluding.set(rules.is_some());
        self.images.set(rules);
    }

    /// From now on these paths are excluded. What is known already is to be judged again.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn set_paths(&self, rules: Option<Rules<Pool>>) {
        self.paths.set(rules);
    }

    /// Whether there are rules for paths.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn has_paths(&self) -> bool {
        self.paths.any()
    }

    /// Whether a file is excluded.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn cover_file(&self, device: &[u16], path: &[u16]) -> bool {
        self.paths.cover(&Subject { device, path })
    }

    /// Whether the processes of an image are excluded.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn cover_image(&self, image: &[u16]) -> bool {
        self.images.cover(&Subject::of_name(image))
    }

    /// Excludes a process for as long as what is returned lives. `None` when there are too many.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn exclude(&self, process: ProcessKey) -> Option<ExcludedProcess> {
        let key = NonZeroU64::new(process.0)?;
        self.processes.insert(key, key.get()).ok().map(|()| ExcludedProcess { key })
    }

    /// Whether a process is excluded.
    ///
    /// Maximum IRQL: any.
    #[inline]
    pub(crate) fn excludes(&self, process: ProcessKey) -> bool {
        self.images.any() && self.knows(process)
    }

    /// Whether an operation of a process is left out; then it has been counted.
    ///
    /// Maximum IRQL: any.
    #[inline]
    pub(crate) fn leave_out(&self, process: ProcessKey) -> bool {
        let excluded = self.excludes(process);
        if excluded {
            self.count(Because::Image);
        }
        excluded
    }

    /// Apart, so that who has no rules does not pay for them.
    ///
    /// Maximum IRQL: any.
    #[cold]
    #[inline(never)]
    fn knows(&self, process: ProcessKey) -> bool {
        self.processes.get(process.0).is_some()
    }

    /// Counts an operation that is left out.
    ///
    /// Maximum IRQL: any.
    #[cold]
    #[inline(never)]
    pub(crate) fn count(&self, because: Because) {
        let omitted = self.omitted.get(processor::current()).or(self.omitted.first());
        if let Some(omitted) = omitted {
            omitted.count(because);
        }
    }

    /// What was left out so far.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn totals(&self) -> [u64; Because::ALL.len()] {
        Omitted::totals(&self.omitted)
    }
}

/// A process is excluded, until this is dropped.
pub(crate) struct ExcludedProcess {
    key: NonZeroU64,
}

impl Drop for ExcludedProcess {
    /// Maximum IRQL: any.
    fn drop(&mut self) {
        if let Some(state) = state::get() {
            state.exclusions.processes.clear(self.key, None);
        }
    }
}

/// The upper-case letter of a letter, as the system has it.
///
/// Maximum IRQL: `PASSIVE_LEVEL` ("`RtlUpcaseUnicodeChar` function (ntifs.h)").
pub(crate) fn upcase(unit: u16) -> u16 {
    RtlUpcaseUnicodeChar(unit)
}
