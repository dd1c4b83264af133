//! The rules, by number and by the names under which they are reported.
//!
//! The numbers are those of the table in `docs/verifier.md`. Where ntsim tells finer, several names share a number.

use std::fmt;

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal $text:literal,)*) => {
        /// A rule that ntsim enforces.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Rule {
            /// Every rule, by number.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its number in the table of `docs/verifier.md`.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::$name => $number,)*
                }
            }

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
    /// A pre-operation callback returns a known status.
    PreOperationStatus = 1 "pre-operation-status",
    /// A post-operation callback returns a known status.
    PostOperationStatus = 1 "post-operation-status",
    /// A completion context is set only with `FLT_PREOP_SUCCESS_WITH_CALLBACK` or `FLT_PREOP_SYNCHRONIZE`.
    CompletionContext = 2 "completion-context",
    /// Those two are returned only where a post-operation callback is registered.
    PostOperationRegistered = 3 "post-operation-registered",
    /// Only an IRP is pended, and what is pended completes exactly once.
    Pending = 4 "pending",
    /// `FLT_PREOP_DISALLOW_FASTIO` is returned for fast I/O only.
    DisallowFastIo = 5 "disallow-fast-io",
    /// `FLT_PREOP_DISALLOW_FSFILTER_IO` is returned for `IRP_MJ_QUERY_OPEN` only.
    DisallowFsFilterIo = 6 "disallow-fsfilter-io",
    /// `FLT_PREOP_SYNCHRONIZE` is returned for IRPs only, and neither for a create nor for an asynchronous read or write.
    Synchronize = 7 "synchronize",
    /// An operation that a callback completes gets a status: not pending, and no failure of a cleanup or close.
    CompletionStatus = 8 "completion-status",
    /// `Thread` and `RequestorMode` of the callback data are never modified.
    RequestorUnchanged = 9 "requestor-unchanged",
    /// Nothing else in the callback data is changed without marking it dirty.
    CallbackDataUnchanged = 10 "callback-data-unchanged",
    /// A routine or callback returns at the IRQL, and with the APC state, at which it was entered.
    IrqlReturn = 11 "irql-return",
    /// Locks are taken and released in pairs, inside a critical region where they demand it.
    PushLock = 11 "push-lock",
    /// A routine is called at or below its maximum IRQL.
    IrqlTooHigh = 12 "irql-too-high",
    /// The IRQL is raised upwards and lowered downwards only.
    IrqlChange = 12 "irql-change",
    /// A routine"s parameters are valid.
    InvalidParameter = 12 "invalid-parameter",
    /// In the path of paging I/O there is neither paged pool, nor pageable code, nor a wait.
    PagingPath = 13 "paging-path",
    /// Nothing waits where it must not.
    Wait = 13 "wait",
    /// A file name is not asked for where that is forbidden, except of the cache.
    NameQuery = 14 "name-query",
    /// The failure of any routine that can fail is handled.
    FailureHandled = 15 "failure-handled",
    /// Each file name information is released exactly once.
    NameReference = 16 "name-reference",
    /// Each context is released exactly once per reference.
    ContextReference = 17 "context-reference",
    /// Contexts are neither got, set nor deleted in a post-operation callback above `APC_LEVEL`.
    ContextInPostOperation = 18 "context-in-post-operation",
    /// An object is released as often as it was referenced.
    ObjectReference = 19 "object-reference",
    /// A post-operation callback that drains does nothing but clean up.
    Draining = 20 "draining",
    /// What is pageable is not touched at `DISPATCH_LEVEL`, where post-operation callbacks may run.
    PagedAccess = 21 "paged-access",
    /// Pointers that a callback is given are not kept beyond it without a reference.
    Retained = 22 "retained-pointer",
    /// User buffers are fetched once, within their length; those of an operation are not dereferenced.
    UserBuffer = 23 "user-buffer",
    /// An extra create parameter is used only after `FltIsEcpFromUserMode` was asked.
    EcpTrust = 24 "ecp-trust",
    /// Nothing of a driver can be called after it is gone.
    AfterUnload = 25 "after-unload",
    /// Ports are opened and closed as documented.
    Port = 25 "port",
    /// A `DriverEntry` that fails has undone everything.
    Unwind = 26 "unwind",
    /// Registration with the system is complete, valid and undone.
    Registration = 26 "registration",
    /// Pool is tagged, freed once, with its tag, and not touched outside its bounds or after its end.
    Pool = 27 "pool",
    /// A driver that is gone leaves nothing behind.
    Leak = 27 "leak",
    /// Callbacks may come at once, nested, and in any thread: no lock is held over what can come back.
    Reentrancy = 28 "reentrancy",
    /// No wait goes on for ever.
    Deadlock = 28 "deadlock",
    /// `Thread` may be NULL.
    ThreadNull = 29 "thread-null",
    /// What a driver says of its records balances: produced is delivered plus lost.
    Books = 30 "books",
    /// Nothing that a consumer sends makes the driver touch memory out of bounds.
    HostileConsumer = 31 "hostile-consumer",
    /// The driver neither crashes nor stops the system.
    Crash = 32 "crash",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Rule;

    /// How many rules there are.
    const RULES: u8 = 32;

    #[test]
    fn every_number_has_a_rule_and_every_name_is_one_rule_s() {
        let numbers: HashSet<_> = Rule::ALL.iter().map(|rule| rule.number()).collect();
        assert_eq!(numbers, (1..=RULES).collect());
        let names: HashSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
    }
}
