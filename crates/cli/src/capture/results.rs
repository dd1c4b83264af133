//! The `Result` column: Process Monitor has names for many `NTSTATUS` values, and shows the others in hexadecimal.

/// Results under which an operation took place.
const SUCCEEDED: &[&str] = &["SUCCESS", "OPLOCK BREAK IN PROGRESS"];
/// A fast I/O that a filter or the file system refused; the I/O manager then sends an IRP, which has a row of its own.
const REFUSED: &str = "FAST IO DISALLOWED";

/// The other names, in alphabetical order.
#[rustfmt::skip]
const FAILED: &[&str] = &[
    "ACCESS DENIED", "ACCESS VIOLATION", "ALREADY COMMITED", "BAD IMPERSONATION", "BAD NETWORK NAME", "BAD NETWORK PATH",
    "BUFFER OVERFLOW", "BUFFER TOO SMALL", "CANCELLED", "CANNOT BREAK OPLOCK", "CANNOT DELETE",
    "CANNOT EXECUTE FILE IN TRANSACTION", "CANNOT IMPERSONATE", "CANNOT MAKE", "CANT WAIT", "CHILD MUST BE VOLATILE",
    "CRC ERROR", "CSC OBJECT PATH NOT FOUND", "DATA OVERRUN", "DATATYPE MISALIGNMENT", "DELETE PENDING",
    "DEVICE DATA ERROR", "DEVICE FEATURE NOT SUPPORTED", "DEVICE NOT CONNECTED", "DFS UNAVAILABLE", "DISCONNECTED",
    "DISK CORRUPT", "DISK FULL", "DOWNGRADE DETECTED", "DUPLICATE NAME", "EA CORRUPTED ERROR", "EA TOO LARGE",
    "EAS NOT SUPPORTED", "EFS NOT ALLOWED IN TRANSACTION", "END OF FILE", "FILE CLOSED", "FILE CORRUPT", "FILE DELETED",
    "FILE INVALID", "FILE LOCK CONFLICT", "FILE LOCKED WITH ONLY READERS", "FILE LOCKED WITH WRITERS",
    "FILE SYSTEM LIMITATION", "FILES OPEN", "FS DRIVER REQUIRED", "HIVE UNLOADED", "IN PAGE ERROR",
    "INFO LENGTH MISMATCH", "INSTANCE NOT AVAILABLE", "INSUFFICIENT RESOURCES", "INSUFFICIENT SERVER RESOURCES",
    "INVALID ADDRESS COMPONENT", "INVALID DEVICE REQUEST", "INVALID DEVICE STATE", "INVALID EA FLAG", "INVALID HANDLE",
    "INVALID INFO CLASS", "INVALID LEVEL", "INVALID NETWORK RESPONSE", "INVALID PARAMETER", "INVALID PARAMETER 1",
    "INVALID PARAMETER 2", "INVALID PARAMETER 3", "INVALID PARAMETER 4", "INVALID PIPE STATE", "INVALID READ MODE",
    "INVALID TRANSACTION", "IO DEVICE ERROR", "IO FAILED", "IO TIMEOUT", "IS DIRECTORY", "KEY DELETED", "LOG FILE FULL",
    "LOGIN WKSTA RESTRICTION", "LOGON FAILURE", "MEDIA WRITE PROTECTED", "MORE ENTRIES", "NAME COLLISION", "NAME INVALID",
    "NAME NOT FOUND", "NETWORK ERROR", "NO EAS ON FILE", "NO MEDIA", "NO MEMORY", "NO MORE ENTRIES", "NO MORE FILES",
    "NO MORE MATCHES", "NO SUCH DEVICE", "NO SUCH FILE", "NONEXISTENT EA ENTRY", "NONEXISTENT SECTOR", "NOT A DIRECTORY",
    "NOT EMPTY", "NOT FOUND", "NOT GRANTED", "NOT IMPLEMENTED", "NOT REPARSE POINT", "NOT SUPPORTED", "NOTIFY CLEANUP",
    "NOTIFY ENUM DIR", "OBJECT NOT EXTERNALLY BACKED", "OBJECT PATH INVALID", "OBJECTID NOT FOUND",
    "OFFLOAD READ FILE NOT SUPPORTED", "OFFLOAD WRITE FILE NOT SUPPORTED", "OPLOCK HANDLE CLOSED", "OPLOCK NOT GRANTED",
    "OPLOCK SWITCHED TO NEW HANDLE", "PATH NOT COVERED", "PATH NOT FOUND", "PATH SYNTAX BAD", "PIPE BROKEN", "PIPE BUSY",
    "PIPE CLOSING", "PIPE CONNECTED", "PIPE DISCONNECTED", "PIPE EMPTY", "PIPE LISTENING", "PIPE NOT AVAILABLE",
    "PREDEFINED HANDLE", "PRIVILEGE NOT HELD", "QUOTA EXCEEDED", "RANGE NOT LOCKED", "REDIRECTOR NOT STARTED",
    "REGISTRY CORRUPT", "REPARSE", "SHARING VIOLATION", "SPARSE NOT ALLOWED IN TRANSACTION",
    "STATUS OFFLOAD READ FLT NOT SUPPORTED", "STATUS OFFLOAD WRITE FLT NOT SUPPORTED", "THREAD NOT IN PROCESS",
    "TRANSACTED MAPPING UNSUPPORTED REMOTE", "TRANSACTION NOT ACTIVE", "TRANSACTIONAL CONFLICT",
    "TRANSACTIONAL OPEN NOT ALLOWED", "UNSUCCESSFUL", "USER MAPPED FILE", "WAIT FOR OPLOCK", "WRONG VOLUME",
];

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Succeeded,
    /// Fast I/O that was refused.
    Refused,
    /// It failed, or had not ended when the capture did.
    Failed,
}

/// What a result says; `None` if Process Monitor has no such result.
pub(crate) fn ending(result: &str) -> Option<Ending> {
    // Some names come with underscores in some versions.
    let name = result.replace('_', " ");
    if SUCCEEDED.contains(&result) {
        Some(Ending::Succeeded)
    } else if result == REFUSED {
        Some(Ending::Refused)
    } else if result.is_empty() || FAILED.contains(&name.as_str()) || is_status(result) {
        Some(Ending::Failed)
    } else {
        None
    }
}

/// Whether it is a status in hexadecimal.
fn is_status(result: &str) -> bool {
    result.strip_prefix("0x").is_some_and(|digits| {
        (1..=8).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_say_what_became_of_an_operation() {
        assert_eq!(ending("SUCCESS"), Some(Ending::Succeeded));
        assert_eq!(ending("FAST IO DISALLOWED"), Some(Ending::Refused));
        for failed in ["", "DISK FULL", "TRANSACTION_NOT_ACTIVE", "0xC000046F", "0x368"] {
            assert_eq!(ending(failed), Some(Ending::Failed), "{failed}");
        }
        for altered in ["SUCCES", "success", "SUCCESS ", "DISKFULL", "0x", "0xC00004XY", "0xC0000000046F"] {
            assert_eq!(ending(altered), None, "{altered}");
        }
    }

    #[test]
    fn the_names_are_in_order() {
        assert!(FAILED.is_sorted());
    }
}
