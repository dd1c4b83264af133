//! `ZwQueryInformationTransaction`.

use crate::abi::{Guid, Ptr};
use crate::ke::Cpu;
use crate::ob::Object;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `TransactionBasicInformation`
const BASIC: u32 = 0;
/// `sizeof(TRANSACTION_BASIC_INFORMATION)`
const BASIC_BYTES: u32 = 24;
/// Where it has the state and the outcome.
const STATE: usize = 16;
const OUTCOME: usize = 20;
/// `TransactionStateNormal`
const STATE_NORMAL: u32 = 1;
/// `TransactionStateCommittedNotify`
const STATE_COMMITTED: u32 = 3;

/// `ZwQueryInformationTransaction`.
pub(crate) fn query_information(
    cpu: &Cpu,
    transaction: usize,
    class: u32,
    buffer: Ptr,
    bytes: u32,
    returned: Ptr<u32>,
) -> NtStatus {
    let transaction = match cpu.kernel().handles.get(transaction) {
        Some(Object::Transaction(transaction)) => transaction,
        Some(_) => return NtStatus::OBJECT_TYPE_MISMATCH,
        None => {
            cpu.violation(
                Rule::ObjectReference,
                format!("queries handle 0x{transaction:X}, which is not open"),
            );
            return NtStatus::INVALID_HANDLE;
        }
    };
    if class != BASIC {
        return NtStatus::INVALID_INFO_CLASS;
    }
    if bytes < BASIC_BYTES {
        return NtStatus::BUFFER_TOO_SMALL;
    }
    let state = if transaction.has_ended() { STATE_COMMITTED } else { STATE_NORMAL };
    let [low, ..] = transaction.id().to_le_bytes();
    buffer.cast().write(Guid {
        data1: u32::from(low),
        data2: 0,
        data3: 0,
        data4: transaction.id().to_be_bytes(),
    });
    buffer.byte_offset(STATE).write(state);
    buffer.byte_offset(OUTCOME).write(transaction.outcome() as u32);
    returned.write_if_given(BASIC_BYTES);
    NtStatus::SUCCESS
}
