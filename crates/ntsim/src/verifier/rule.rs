//! The rules, by the names under which they are reported.

use std::fmt;

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)*) => {
        /// A rule that ntsim enforces.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Rule {
            /// Short stable name, such as `irql-too-high`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

rules! {
    /// A pre-operation callback returns a known status that is allowed for this operation.
    PreOperationStatus = "pre-operation-status",
    /// A completion context is set only with `FLT_PREOP_SUCCESS_WITH_CALLBACK` or `FLT_PREOP_SYNCHRONIZE`.
    CompletionContext = "completion-context",
    /// Those two are returned only where a post-operation callback is registered.
    PostOperationRegistered = "post-operation-registered",
    /// A post-operation callback returns a known status.
    PostOperationStatus = "post-operation-status",
    /// Nothing in the callback data is changed without marking it dirty; `Thread` and `RequestorMode` never are.
    CallbackDataUnchanged = "callback-data-unchanged",
    /// A routine or callback returns at the IRQL, and with the APC state, at which it was entered.
    IrqlReturn = "irql-return",
    /// A routine is called at or below its maximum IRQL.
    IrqlTooHigh = "irql-too-high",
    /// The IRQL is raised upwards and lowered downwards only.
    IrqlChange = "irql-change",
    /// Nothing waits where it must not.
    Wait = "wait",
    /// A routine's parameters are valid.
    InvalidParameter = "invalid-parameter",
    /// An object is released as often as it was referenced, and not used afterwards.
    ObjectReference = "object-reference",
    /// Each context is released exactly once per reference.
    ContextReference = "context-reference",
    /// Each file name information is released exactly once.
    NameReference = "name-reference",
    /// Pool is tagged, freed once, with its tag, and not written outside its bounds.
    Pool = "pool",
    /// A driver that is gone leaves nothing behind.
    Leak = "leak",
    /// Push locks are taken and released in pairs, inside a critical region.
    PushLock = "push-lock",
    /// Registration with the system is complete, valid and undone.
    Registration = "registration",
    /// Ports are opened and closed as documented.
    Port = "port",
    /// No wait goes on for ever.
    Deadlock = "deadlock",
    /// The driver neither crashes nor stops the system.
    Crash = "crash",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
