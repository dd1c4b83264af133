//! The first stage of a fault: memory that is watched. What was wrong is reported, and the driver goes on, so that one
//! mistake does not hide the next.

use super::site::Site;
use super::{Rule, ecp, user_buffer};
use crate::abi::Address;
use crate::ex::watched::Watched;
use crate::ke::crash::{Fault, FaultKind};
use crate::ke::fault::Handled;
use crate::ke::registers::Registers;
use crate::ke::{Cpu, Irql};

/// Looks whether a fault is an access to watched memory.
pub(crate) fn stage(cpu: &Cpu, registers: &mut Registers<'_>, fault: &Fault) -> Handled {
    if fault.kind != FaultKind::Memory {
        return Handled::No;
    }
    let handled = user_buffer::stage(cpu, registers, fault).or_else(|| ecp::stage(cpu, fault));
    if let Some(handled) = handled {
        return handled;
    }
    let pool = &cpu.kernel().pool;
    let site = Site::of_instruction(cpu, fault.instruction).or_else(|| Site::of_call(cpu));
    match pool.watched.find(fault.address) {
        Some(watched) if watched.block.contains(&fault.address) && watched.freed.is_none() => {
            paged(cpu, fault, &describe(&watched), site)
        }
        Some(watched) => {
            let rule = if cpu.heard_consumer() { Rule::HostileConsumer } else { Rule::Pool };
            cpu.violation_at(rule, outside(fault, &watched), site);
            if pool.watched.open(fault.address) { Handled::Retry } else { Handled::No }
        }
        None => {
            let what = if fault.fetch { "code" } else { "data" };
            paged(cpu, fault, &format!("pageable {what} of the driver"), site)
        }
    }
}

/// What is pageable was touched where it must not be; or in another thread, while this one was where it must not.
fn paged(cpu: &Cpu, fault: &Fault, what: &str, site: Option<Site>) -> Handled {
    if !cpu.kernel().pool.pageable.open(fault.address) {
        cpu.fault_site.replace(site);
        return Handled::No;
    }
    let verb = verb(fault);
    if cpu.irql() > Irql::APC {
        cpu.violation_at(Rule::PagedAccess, format!("{verb} {what} at {}", cpu.irql()), site);
    } else if cpu.is_on_paging_path() {
        cpu.violation_at(Rule::PagingPath, format!("{verb} {what} in the path of paging I/O"), site);
    }
    Handled::Retry
}

fn verb(fault: &Fault) -> &'static str {
    match (fault.fetch, fault.write) {
        (true, _) => "executes",
        (false, true) => "writes to",
        (false, false) => "reads",
    }
}

fn describe(watched: &Watched) -> String {
    let Watched { purpose, block, .. } = watched;
    let pool = if purpose.paged { "paged" } else { "non-paged" };
    format!(
        "a {} of {} bytes in {pool} pool, tag {}, taken {}",
        purpose.kind,
        block.len(),
        purpose.tag,
        purpose.allocated
    )
}

/// An access to a block that is freed, or behind one.
fn outside(fault: &Fault, watched: &Watched) -> String {
    let (verb, what) = (verb(fault), describe(watched));
    if let Some(freed) = &watched.freed {
        let offset = offset(fault.address, watched.block.start);
        format!("{verb} offset {offset} of {what}, freed {freed}")
    } else {
        let past = offset(fault.address, watched.block.end);
        format!("{verb} the byte {past} past the end of {what}")
    }
}

fn offset(address: Address, from: Address) -> isize {
    address.wrapping_sub(from).cast_signed()
}
