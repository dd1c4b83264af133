//! What callbacks return, in the headers' words.

use ntsim::NtStatus;

/// `FLT_PREOP_CALLBACK_STATUS`, by value.
const PRE: [&str; 7] = [
    "SUCCESS_WITH_CALLBACK",
    "SUCCESS_NO_CALLBACK",
    "PENDING",
    "DISALLOW_FASTIO",
    "COMPLETE",
    "SYNCHRONIZE",
    "DISALLOW_FSFILTER_IO",
];
/// `FLT_POSTOP_CALLBACK_STATUS`, by value.
const POST: [&str; 3] = ["FINISHED_PROCESSING", "MORE_PROCESSING_REQUIRED", "DISALLOW_FSFILTER_IO"];

/// Callbacks that return nothing.
const SILENT: [&str; 6] = [
    "instance teardown start",
    "instance teardown complete",
    "context cleanup",
    "port disconnect",
    "process notify",
    "system thread",
];

/// What a callback's answer is called; nothing for one that has none.
pub(super) fn name(callback: &str, returned: u32) -> Option<String> {
    let index = usize::try_from(returned).unwrap_or(usize::MAX);
    let known = |names: &[&str]| names.get(index).map_or_else(|| returned.to_string(), ToString::to_string);
    if callback.starts_with("pre-") {
        Some(known(&PRE))
    } else if callback.starts_with("post-") {
        Some(known(&POST))
    } else if SILENT.contains(&callback) || callback.contains("work item") {
        None
    } else {
        let status = NtStatus(returned);
        Some(status.name().map_or_else(|| format!("0x{returned:08X}"), |name| format!("STATUS_{name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_their_headers_names() {
        assert_eq!(name("pre-write", 1).as_deref(), Some("SUCCESS_NO_CALLBACK"));
        assert_eq!(name("pre-write", 77).as_deref(), Some("77"));
        assert_eq!(name("post-create", 0).as_deref(), Some("FINISHED_PROCESSING"));
        assert_eq!(name("DriverEntry", 0xC000_0022).as_deref(), Some("STATUS_ACCESS_DENIED"));
        assert_eq!(name("context cleanup", 5), None);
    }
}
