//! Places in the code of drivers, for reports.

use std::ffi::{c_int, c_void};
use std::fmt;
use std::sync::Arc;

use crate::abi::Address;
use crate::fltmgr::Operation;
use crate::ke::{Cpu, Entry, step};
use crate::symbols::Symbols;

/// An address in a driver's image. It stays good when the driver is gone.
#[derive(Clone)]
pub(crate) struct Site {
    symbols: Arc<Symbols>,
    rva: usize,
    /// Whether a call returns there, so that the place meant is just before.
    returns: bool,
}

impl Site {
    /// The place in code of an instruction, if a driver's image is there.
    pub(crate) fn of_instruction(cpu: &Cpu, address: Address) -> Option<Self> {
        Self::at(cpu, address, false)
    }

    /// Where in a driver what is running returns to.
    pub(super) fn return_address(cpu: &Cpu) -> Option<Address> {
        return_addresses(|address| cpu.kernel().driver_at(address).map(|_| address))
    }

    /// Where the driver called the routine that is running.
    pub(crate) fn of_call(cpu: &Cpu) -> Option<Self> {
        cpu.routine.get()?;
        return_addresses(|address| Self::at(cpu, address, true))
    }

    fn at(cpu: &Cpu, address: Address, returns: bool) -> Option<Self> {
        let driver = cpu.kernel().driver_at(address)?;
        let image = driver.image()?;
        Some(Self { symbols: Arc::clone(image.symbols()), rva: address - image.base(), returns })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rva = self.rva - usize::from(self.returns);
        f.write_str(&self.symbols.describe(self.rva, rva))
    }
}

/// Asks for each return address on the stack, from the innermost on, until one is what is looked for. Frames of drivers
/// have no unwinding information that is understood here: the search ends at the first of them.
fn return_addresses<T, F: FnMut(Address) -> Option<T>>(looked_for: F) -> Option<T> {
    struct Search<T, F> {
        looked_for: F,
        found: Option<T>,
    }
    unsafe extern "C" {
        fn _Unwind_Backtrace(
            trace: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
            argument: *mut c_void,
        ) -> c_int;
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
    }
    /// `_URC_NO_REASON`: go on.
    const GO_ON: c_int = 0;
    /// `_URC_NORMAL_STOP`
    const STOP: c_int = 4;
    extern "C" fn trace<T, F: FnMut(Address) -> Option<T>>(
        context: *mut c_void,
        search: *mut c_void,
    ) -> c_int {
        // SAFETY: `_Unwind_Backtrace` passes what it was given, a `Search` that outlives it.
        let search = unsafe { &mut *search.cast::<Search<T, F>>() };
        // SAFETY: the context is valid during this call.
        let address = unsafe { _Unwind_GetIP(context) };
        search.found = (search.looked_for)(address);
        if search.found.is_some() { STOP } else { GO_ON }
    }
    let mut search = Search { looked_for, found: None };
    // No part of the routine: what reads the stack is not counted, and is too long to step through.
    step::unstepped(|| {
        // SAFETY: the function expects just this argument.
        unsafe { _Unwind_Backtrace(trace::<T, F>, (&raw mut search).cast()) };
    });
    search.found
}

/// Where something began: in which callback of which operation, and where in the code.
#[derive(Clone)]
pub(crate) struct Origin {
    entry: Option<Entry>,
    operation: Option<Arc<Operation>>,
    site: Option<Site>,
}

impl Origin {
    /// Here, in the routine that is running.
    pub(crate) fn here(cpu: &Cpu) -> Self {
        let (entry, operation) =
            cpu.frame().map_or((None, None), |frame| (Some(frame.entry), frame.operation));
        Self { entry, operation, site: Site::of_call(cpu) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(entry) => write!(f, "in {entry}")?,
            None => f.write_str("by the system")?,
        }
        if let Some(operation) = &self.operation {
            write!(f, ", {operation}")?;
        }
        if let Some(site) = &self.site {
            write!(f, ", {site}")?;
        }
        Ok(())
    }
}
