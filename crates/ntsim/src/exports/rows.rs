//! The form of a row of the table of routines.

/// Makes of each row an entry point for drivers and a row of the table that follows on the part before.
///
/// `MODULE: name(arguments) -> return, highest IRQL [since version], infallible => function;` where the
/// last two are optional; an `infallible` routine
/// returns a status that is never an error, or one that its caller can do nothing about.
macro_rules! routines {
    (after $first:expr; $(
        $module:ident: $name:ident($($argument:ident: $ty:ty),*) $(-> $return:ty)?,
            $irql:ident $([since $since:ident])? $(, $infallible:ident)? => $function:path;
    )*) => {
        /// Positions in the table.
        #[allow(non_camel_case_types, clippy::enum_variant_names, reason = "named as they are exported")]
        enum Index { $($name,)* }

        /// Position of the first row in the whole table.
        const FIRST: usize = $first;

        /// Position of the first row of the next part.
        pub(super) const END: usize = FIRST + [$(stringify!($name)),*].len();

        /// These routines, in the order of their rows.
        pub(super) const ROWS: [Routine; END - FIRST] = [$(
            Routine {
                index: FIRST + Index::$name as usize,
                module: Module::$module,
                name: stringify!($name),
                max_irql: Irql::$irql,
                since: $crate::exports::rows::routines!(@since $($since)?),
                failure: $crate::exports::rows::routines!(@failure ($($return)?) $($infallible)?),
                address: || $crate::exports::routine::address_of(entry::$name as *const _),
            },
        )*];

        /// The entry points.
        #[expect(non_snake_case, reason = "named as they are exported")]
        mod entry {
            use super::*;

            $(
                pub(super) extern "win64" fn $name($($argument: $ty),*) $(-> $return)? {
                    $crate::exports::routine::call(&$crate::exports::ROUTINES[FIRST + Index::$name as usize], |cpu| {
                        $function(cpu $(, $argument)*)
                    })
                }
            )*
        }
    };
    (@since) => { $crate::windows::Windows::Win10_2004 };
    (@since $since:ident) => { $crate::windows::Windows::$since };
    (@failure ($($return:ty)?) infallible) => { $crate::exports::Failure::Never };
    (@failure ()) => { $crate::exports::Failure::Never };
    (@failure ($return:ty)) => { <$return as $crate::exports::routine::ReturnValue>::FAILURE };
}
pub(crate) use routines;
