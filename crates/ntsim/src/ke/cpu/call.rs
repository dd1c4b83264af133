//! Calling a driver, and the ways out of it.

use std::ptr;

use super::{Cpu, Entry, Frame};
use crate::abi::Ptr;
use crate::ke::crash::{Crash, Exit};
use crate::ke::escape::{self, Left};
use crate::ke::irql::Irql;
use crate::ke::{host_thread, meter, step};
use crate::verifier::Rule;

impl Cpu {
    /// Calls a function of the driver, with integers and pointers as its arguments.
    ///
    /// # Panics
    ///
    /// If the simulation ends in there, and this is not a driver's thread.
    pub(crate) fn call_driver(&self, frame: Frame, function: Ptr, arguments: &[usize]) -> usize {
        match self.try_call_driver(frame, function, arguments) {
            Ok(result) => result,
            Err(_) => self.kernel.raise(),
        }
    }

    /// Calls a function of the driver, and says how it was left if it does not return.
    pub(crate) fn try_call_driver(
        &self,
        frame: Frame,
        function: Ptr,
        arguments: &[usize],
    ) -> Result<usize, Exit> {
        let irql = self.irql.get();
        let thread = self.thread();
        let critical_regions = thread.critical_regions();
        let push_locks = thread.push_locks();
        let changes_locks = frame.entry == Entry::QueueLock;
        let metered = meter::begin(self, &frame);
        let outermost = self.frames.borrow().is_empty();
        if outermost {
            self.injected.set(None);
            self.heard.set(false);
        }
        self.frames.borrow_mut().push(frame);
        self.close_pageable();
        let outer_routine = self.routine.take();
        let result = if self.base.get().is_null() {
            self.enter_driver(function, arguments)?
        } else {
            self.stopwatch.run(|| step::in_driver(|| invoke(function, arguments)))
        };
        if outermost {
            step::left_driver();
            self.kernel.arena.take_back();
        }
        if let Some(metered) = metered {
            meter::end(self, metered, result);
        }
        if changes_locks {
            self.routine.set(outer_routine);
            self.frames.borrow_mut().pop();
            self.close_pageable();
            return Ok(result);
        }
        if self.irql.get() != irql {
            self.violation(Rule::IrqlReturn, format!("returned at {}, entered at {irql}", self.irql.get()));
            self.irql.set(irql);
        }
        // A push lock that is held is a critical region as well, and said below.
        let locked = thread.push_locks() != push_locks;
        if thread.critical_regions() != critical_regions && !locked {
            self.violation(
                Rule::IrqlReturn,
                format!(
                    "returned {} critical regions deep, entered {critical_regions} deep",
                    thread.critical_regions()
                ),
            );
        }
        thread.set_critical_regions(critical_regions);
        if locked {
            self.violation(
                Rule::PushLock,
                format!("returned with {} locks held, entered with {push_locks}", thread.push_locks()),
            );
        }
        self.routine.set(outer_routine);
        self.frames.borrow_mut().pop();
        self.close_pageable();
        Ok(result)
    }

    /// Enters the driver from outside, so that it can be left early.
    fn enter_driver(&self, function: Ptr, arguments: &[usize]) -> Result<usize, Exit> {
        let mut result = 0;
        let call = || step::in_driver(|| invoke(function, arguments));
        self.enter(|| result = self.stopwatch.run(call)).map(|()| result)
    }

    /// Runs the body of a kernel thread, which a crash or the end of the simulation leaves early. No panic may pass.
    pub(crate) fn run_kernel_thread(&self, body: impl FnOnce()) -> Result<(), Exit> {
        self.enter(body)
    }

    /// Runs something that [`Cpu::leave`] leaves early.
    fn enter(&self, work: impl FnOnce()) -> Result<(), Exit> {
        let outer = host_thread::enter();
        let counted = step::is_counting();
        let entered = |point| {
            self.base.set(point);
            self.show_thread();
        };
        let left = escape::enter(work, entered);
        self.base.set(ptr::null_mut());
        host_thread::leave(outer);
        step::left_driver();
        if left == Left::Returned {
            return Ok(());
        }
        if !counted {
            step::give_up();
        }
        let exit = match (self.fault.take(), self.exit.take()) {
            (Some(fault), _) => {
                let report = self.describe_fault(&fault);
                self.record_crash(Crash::Fault { report, rule: self.rule_of(&fault) });
                Exit::Crash
            }
            (None, exit) => exit.unwrap_or(Exit::Crash),
        };
        self.frames.borrow_mut().clear();
        self.routine.set(None);
        self.set_irql(Irql::PASSIVE);
        Err(exit)
    }

    /// Leaves the driver for good.
    pub(crate) fn leave(&self, exit: Exit) -> ! {
        let point = self.base.get();
        if point.is_null() {
            self.kernel.raise();
        }
        self.exit.set(Some(exit));
        // SAFETY: a point that is set belongs to the `enter` of `enter_driver`, below us on this stack; frames in
        // between own nothing but memory (no lock is held while the driver runs or is left).
        unsafe { escape::leave(point) }
    }
}

/// Calls a function of a driver by the Windows x64 calling convention.
pub(crate) fn invoke(function: Ptr, arguments: &[usize]) -> usize {
    /// Calls the function at an address with as many arguments as are named.
    macro_rules! call {
        ($($argument:ident),*) => {{
            type Function = extern "win64" fn($(call!(@type $argument)),*) -> usize;
            // SAFETY: the address is one that the driver gave as the entry point for just this call, or the entry point
            // of its image; callbacks take integers and pointers only, and an unused return register is harmless.
            let function = unsafe { std::mem::transmute::<usize, Function>(function.address()) };
            function($($argument),*)
        }};
        (@type $argument:ident) => { usize };
    }
    match *arguments {
        [] => call!(),
        [first] => call!(first),
        [first, second] => call!(first, second),
        [first, second, third] => call!(first, second, third),
        [first, second, third, fourth] => call!(first, second, third, fourth),
        [first, second, third, fourth, fifth] => call!(first, second, third, fourth, fifth),
        [first, second, third, fourth, fifth, sixth] => call!(first, second, third, fourth, fifth, sixth),
        _ => unreachable!("no callback of a driver takes {} arguments", arguments.len()),
    }
}
