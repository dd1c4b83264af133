//! What consumers are told of parameters.

use audit::batch::{BatchWriter, NoRoom};
use audit::parameters::{Parameter, Refusal, Source, TABLE};
use audit::record::{Code, ParameterEntry, Refused, Text};
use fltmgr::irql::{APC_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{PushLock, Result};

use crate::dictionary::Deliverable;
use crate::memory::TAG;
use crate::time;

/// A value that was refused.
pub(super) struct RefusedValue {
    pub(super) source: Source,
    pub(super) refusal: Refusal,
    /// The text at fault; `None` also when there was no memory for it.
    pub(super) text: Option<PoolArray<u16>>,
}

/// One parameter.
struct InEffect {
    parameter: Parameter,
    since: u64,
    source: Source,
    /// Of rules, how many.
    value: u32,
    refused: Option<RefusedValue>,
    /// Whether there is anything to tell: it is not, or was not always, the default.
    telling: bool,
    /// Whether this connection has it.
    sent: bool,
}

/// All parameters, as consumers are told of them.
pub(super) struct Told {
    parameters: PushLock<[InEffect; TABLE.len()]>,
}

impl Told {
    /// Everything is at its default.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(super) fn try_new() -> Result<Self> {
        let since = time::now();
        let parameters = TABLE.map(|row| InEffect {
            parameter: row.parameter,
            since,
            source: Source::Default,
            value: row.shape.default(),
            refused: None,
            telling: false,
            sent: false,
        });
        Ok(Self { parameters: PushLock::try_new(parameters, TAG)? })
    }

    /// The value in effect changed, or was set again.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(super) fn is_now(&self, parameter: Parameter, source: Source, value: u32) {
        self.change(parameter, |known| {
            if source == Source::Default && !known.telling {
                return;
            }
            known.since = time::now();
            known.source = source;
            known.value = value;
            known.refused = None;
            known.telling = true;
            known.sent = false;
        });
    }

    /// A value was refused; another one stays in effect.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(super) fn refused(&self, parameter: Parameter, refused: RefusedValue) {
        self.change(parameter, |known| {
            known.refused = Some(refused);
            known.telling = true;
            known.sent = false;
        });
    }

    /// Maximum IRQL: `APC_LEVEL`.
    fn change(&self, parameter: Parameter, change: impl FnOnce(&mut InEffect)) {
        assert_at_most(APC_LEVEL);
        let mut parameters = self.parameters.exclusive();
        if let Some(known) = parameters.iter_mut().find(|known| known.parameter == parameter) {
            change(known);
        }
    }
}

/// Maximum IRQL of all of it: `APC_LEVEL`.
impl Deliverable for Told {
    fn begin_connection(&self) {
        for known in self.parameters.exclusive().iter_mut() {
            known.sent = false;
        }
    }

    fn end_connection(&self) {}

    fn begin_cycle(&self) {}

    fn complete_cycle(&self) {}

    fn write_unsent(&self, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom> {
        for known in self.parameters.exclusive().iter_mut().filter(|known| known.telling && !known.sent) {
            batch.push_parameter(&entry(known))?;
            known.sent = true;
        }
        Ok(())
    }
}

/// Maximum IRQL: any.
fn entry(known: &InEffect) -> ParameterEntry<'_> {
    let refused = known.refused.as_ref().map(|RefusedValue { source, refusal, text }| Refused {
        source: Code::Known(*source),
        defect: Code::Known(refusal.defect),
        text_index: refusal.text,
        found: refusal.found,
        text: text.as_deref().map_or(Text::EMPTY, Text::new),
    });
    ParameterEntry {
        parameter: Code::Known(known.parameter),
        since: known.since,
        source: Code::Known(known.source),
        value: known.value,
        refused,
        truncated: false,
    }
}
