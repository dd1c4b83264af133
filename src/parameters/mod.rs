//! What an administrator sets: read from the registry when the driver starts, and changed over the control port while it runs.
//!
//! [`audit::parameters`] says what there is and judges values; here they are fetched and put into effect. All of it
//! happens at `PASSIVE_LEVEL`, apart from [`Parameters::audits`].

mod name;
mod registry;
mod told;

use core::sync::atomic::{AtomicU32, Ordering};

use audit::debug::ControlItems;
use audit::parameters::{
    Audit, Defect, MAX_UNITS, Message, Parameter, Raw, Refusal, Rules, Shape, Source, TABLE, Value, check,
};
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{NtStatus, PushLock, Result};
use wdk_sys::PDRIVER_OBJECT;

use crate::diagnosis;
use crate::dictionary::Deliverable;
use crate::exclusions::{self, Exclusions};
use crate::heed::Heed;
use crate::memory::{Pool, TAG};
use crate::state::State;
pub(crate) use name::Name;
use registry::Key;
use told::{RefusedValue, Told};

/// The parameters of the driver.
pub(crate) struct Parameters {
    told: Told,
    audit: AtomicU32,
    /// Held by whoever changes parameters.
    changing: PushLock<Driver>,
}

/// The driver object, which leads to the registry.
struct Driver(PDRIVER_OBJECT);

// SAFETY: the object belongs to no thread, and lives while the driver is loaded.
unsafe impl Send for Driver {}
// SAFETY: as above; it is only handed to the kernel.
unsafe impl Sync for Driver {}

/// What a value brings about.
enum Effect {
    Number(u32),
    Rules(Option<Rules<Pool>>),
}

/// What is read when the driver starts and decides how its state is made.
pub(crate) struct Setup {
    pub(crate) ring_size: u32,
    pub(crate) parameters: Parameters,
    pub(crate) exclusions: Exclusions,
}

impl Setup {
    /// Reads the registry. What is refused there is told, and the default used.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// `driver` is the driver object that `DriverEntry` got.
    pub(crate) unsafe fn read(driver: PDRIVER_OBJECT) -> Result<Self> {
        assert_at_most(PASSIVE_LEVEL);
        let parameters = Parameters {
            told: Told::try_new()?,
            audit: AtomicU32::new(Parameter::Audit.row().shape.default()),
            changing: PushLock::try_new(Driver(driver), TAG)?,
        };
        let exclusions = Exclusions::try_new()?;
        let mut ring_size = Parameter::RingSize.row().shape.default();
        // SAFETY: by the function's own condition.
        let key = unsafe { Key::open(driver) };
        for row in &TABLE {
            if let Some(effect) = parameters.read(key.as_ref(), row.parameter) {
                match (row.parameter, effect) {
                    (Parameter::RingSize, Effect::Number(number)) => ring_size = number,
                    (parameter, effect) => parameters.put_into_effect(&exclusions, parameter, effect),
                }
            }
        }
        Ok(Self { ring_size, parameters, exclusions })
    }
}

impl Parameters {
    /// Whether any of this is recorded.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn audits(&self, any_of: Audit) -> bool {
        // Relaxed: a change takes effect when it is seen.
        self.audit.load(Ordering::Relaxed) & any_of.bits() != 0
    }

    /// Tells a debugger what is recorded.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn describe(&self, items: &ControlItems) {
        items.audit.at(&self.audit);
    }

    /// For delivery.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn told(&self) -> &impl Deliverable {
        &self.told
    }

    /// Does what a message of the control port asks for.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_PARAMETER` if it is no message, or a value in it is refused, which consumers are told of: then nothing
    /// has changed. The same if one in the registry is refused: then the others are in effect.
    pub(crate) fn change(&self, state: &State, message: &[u8]) -> Result<()> {
        assert_at_most(PASSIVE_LEVEL);
        let message = Message::parse(message).ok_or(NtStatus::INVALID_PARAMETER)?;
        let driver = self.changing.exclusive();
        // All of it or nothing, unless memory runs out.
        let mut good = true;
        for (_, parameter, raw) in message.settings() {
            good &= parameter.is_some_and(|parameter| self.may_change(parameter, raw));
        }
        if !good {
            state.wake.set();
            return Err(NtStatus::INVALID_PARAMETER);
        }
        if message.reload {
            // SAFETY: the object lives while the driver is loaded.
            let key = unsafe { Key::open(driver.0) };
            for row in TABLE.iter().filter(|row| row.while_running) {
                match self.read(key.as_ref(), row.parameter) {
                    Some(effect) => self.put_into_effect(&state.exclusions, row.parameter, effect),
                    None => good = false,
                }
            }
        }
        for (_, parameter, raw) in message.settings() {
            let Some(parameter) = parameter else { continue };
            match judge(parameter, raw) {
                Ok(effect) => {
                    self.told.is_now(parameter, Source::Port, effect.value());
                    self.put_into_effect(&state.exclusions, parameter, effect);
                }
                Err(refusal) => {
                    self.refuse(parameter, Source::Port, refusal, Some(raw));
                    good = false;
                }
            }
        }
        drop(driver);
        state.judge_again();
        state.wake.set();
        if good { Ok(()) } else { Err(NtStatus::INVALID_PARAMETER) }
    }

    /// Whether a value may be set while the driver runs; if not, consumers are told.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn may_change(&self, parameter: Parameter, raw: Raw<'_>) -> bool {
        let refusal = if parameter.row().while_running {
            check(parameter, raw).err()
        } else {
            Some(Refusal::of(Defect::NotWhileRunning, 0))
        };
        if let Some(refusal) = refusal {
            self.refuse(parameter, Source::Port, refusal, Some(raw));
        }
        refusal.is_none()
    }

    /// What the registry says of a parameter; the default where it says nothing. `None` if that is refused.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn read(&self, key: core::result::Result<&Key, &NtStatus>, parameter: Parameter) -> Option<Effect> {
        let row = parameter.row();
        let unreadable =
            |status: NtStatus| Refusal::of(Defect::Unreadable, u64::from(status.as_raw().cast_unsigned()));
        let stored = match key.map_err(|status| *status).and_then(|key| key.value(parameter)) {
            Ok(Some(stored)) => stored,
            Ok(None) => {
                self.told.is_now(parameter, Source::Default, row.shape.default());
                return Some(Effect::default(row.shape));
            }
            Err(status) => {
                self.refuse(parameter, Source::Registry, unreadable(status), None);
                return None;
            }
        };
        let raw = stored.raw();
        match raw.and_then(|raw| judge(parameter, raw)) {
            Ok(effect) => {
                self.told.is_now(parameter, Source::Registry, effect.value());
                Some(effect)
            }
            Err(refusal) => {
                self.refuse(parameter, Source::Registry, refusal, raw.ok());
                None
            }
        }
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn refuse(&self, parameter: Parameter, source: Source, refusal: Refusal, raw: Option<Raw<'_>>) {
        diagnosis::refused(parameter, refusal);
        let text = raw.and_then(|raw| text_at_fault(raw, refusal));
        self.told.refused(parameter, RefusedValue { source, refusal, text });
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn put_into_effect(&self, exclusions: &Exclusions, parameter: Parameter, effect: Effect) {
        match (parameter, effect) {
            (Parameter::Audit, Effect::Number(bits)) => {
                Heed::NotAudited.set(bits & Audit::WRITES.bits() == 0);
                // Relaxed: see `audits`.
                self.audit.store(bits, Ordering::Relaxed);
            }
            (Parameter::ExcludeImages, Effect::Rules(rules)) => exclusions.set_images(rules),
            (Parameter::ExcludePaths, Effect::Rules(rules)) => exclusions.set_paths(rules),
            (_, Effect::Number(_) | Effect::Rules(_)) => {}
        }
    }
}

impl Effect {
    /// Maximum IRQL: any.
    fn default(shape: Shape) -> Self {
        match shape {
            Shape::PowerOfTwo { .. } | Shape::Bits { .. } => Self::Number(shape.default()),
            Shape::Rules { .. } => Self::Rules(None),
        }
    }

    /// The number, or how many rules.
    ///
    /// Maximum IRQL: any.
    fn value(&self) -> u32 {
        match self {
            Self::Number(number) => *number,
            Self::Rules(rules) => {
                rules.as_ref().map_or(0, |rules| u32::try_from(rules.count()).unwrap_or(u32::MAX))
            }
        }
    }
}

/// Maximum IRQL: `PASSIVE_LEVEL`.
fn judge(parameter: Parameter, raw: Raw<'_>) -> core::result::Result<Effect, Refusal> {
    let names = matches!(parameter.row().shape, Shape::Rules { names: true });
    match check(parameter, raw)? {
        Value::Number(number) => Ok(Effect::Number(number)),
        Value::Rules(texts) if texts.count() == 0 => Ok(Effect::Rules(None)),
        Value::Rules(texts) => {
            let rules = Rules::new(texts, names, exclusions::upcase);
            rules.map(|rules| Effect::Rules(Some(rules))).map_err(|_| Refusal::of(Defect::NoMemory, 0))
        }
    }
}

/// The text of a refused value that is at fault, or what there is memory for of it.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
fn text_at_fault(raw: Raw<'_>, refusal: Refusal) -> Option<PoolArray<u16>> {
    let text = refusal.text_at_fault(raw)?;
    let mut units = text.units();
    let length = text.len().min(MAX_UNITS);
    PoolArray::try_from_fn(length, TAG, |_| units.next().unwrap_or(0)).ok()
}
