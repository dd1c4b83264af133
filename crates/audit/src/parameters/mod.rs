//! What an administrator sets: the values of the service's `Parameters` key, or the same values over the control port.
//!
//! ```text
//!  registry ─┐
//!            ├─► Raw ─► check ─► Value ─► number in effect, or Rules ─► judged once per process, once per file
//!  port ─────┘            └────► Refusal: told to whoever reads the stream; the default is used
//! ```
//!
//! [`TABLE`] is the one place that says which parameters there are, of what type, in which range and with what default. The
//! driver reads what it lists, `docs/driver.md` shows it and the INF follows it; tests compare them.

mod defect;
mod message;
mod rule;
mod rules;
mod table;
mod texts;
mod value;

pub use defect::{Defect, Refusal};
pub use message::{Message, Settings};
pub use rule::{Anchor, MAX_UNITS, Rule};
pub use rules::{Rules, Subject};
pub use table::{Audit, Parameter, Row, Shape, Source, TABLE};
pub use texts::{MAX_TEXTS, Text, Texts};
pub use value::{MAX_BYTES, REG_DWORD, REG_MULTI_SZ, Raw, Value, check};

#[cfg(all(test, not(loom)))]
mod tests;
